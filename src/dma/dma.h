// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "dma/confirmed_reset.h"

// Memory that a device may touch. A bus address is not a pointer: on machines whose device sees only shared
// pages, and in the hosted build, shared data is bounced. Back ends: dma/identity.cpp (firmware: RAM at its
// own address) and hosted/ (bounces everything, refuses what was not shared).
namespace vireo::dma {

// What a device calls an address (section 2.7, "guest-physical").
struct BusAddress {
    u64 value = 0;
    constexpr BusAddress operator+(u64 offset) const { return {value + offset}; }
    constexpr bool operator==(const BusAddress&) const = default;
};

enum class Direction : u8 { ToDevice, FromDevice };

// One shared range: where it lies for us and for the device, and who writes. Plain data: see
// Span for ownership.
struct Mapping {
    std::byte* memory = nullptr;
    u32 bytes = 0;
    Direction direction = Direction::ToDevice;
    bool pooled = false; // part of a Buffer: visible to the device all the time, nothing to unshare
    BusAddress bus;
    bool abandoned = false; // nobody waits for the transfer any more: see backend::abandon
};

// --- back end (link time) -------------------------------------------------------------------------------------
namespace backend {
// Zeroed memory that the device sees all the time, physically contiguous; `alignment` is a
// power of two, up to 4096.
Result<Mapping> allocate(usize bytes, usize alignment);
void free(const Mapping& memory);
// Makes caller-owned memory visible to the device for one transfer. FromDevice: what the device wrote is in
// the caller's memory only after `unshare`.
Result<BusAddress> share(std::byte* memory, u32 bytes, Direction direction);
void unshare(const Mapping& mapping);
// The lender's operation ends, and the device still has the bytes. Until unshare(), which then brings nothing
// back, the device can neither change what the lender does next nor see it: where it works on a copy, the
// copy stays; where it works on the lender's own bytes, they are kept from whoever might use them next
// (custodian.h). Once, for a shared mapping.
void abandon(Mapping& mapping);
// The most bytes that one share() can take, at least 64 KiB: 4 GiB - 1 where the device sees all memory, less
// where data passes through a pool of shared pages.
u32 largest_share();
} // namespace backend

struct ToDevice {
    static constexpr Direction direction = Direction::ToDevice;
};
struct FromDevice {
    static constexpr Direction direction = Direction::FromDevice;
};

// A range of bytes that now belongs to the device, in one direction; the only thing that a virtio Chain
// accepts. Move-only. Dropping it takes the bytes back (unshare); a Chain takes over its mapping instead.
template <typename Dir> class Span {
  public:
    Span() = default;
    explicit Span(const Mapping& mapping) : mapping_(mapping) {}
    Span(Span&& other) noexcept : mapping_(std::exchange(other.mapping_, {})) {}
    Span& operator=(Span&& other) noexcept {
        drop();
        mapping_ = std::exchange(other.mapping_, {});
        return *this;
    }
    ~Span() { drop(); }

    usize size() const { return mapping_.bytes; }
    BusAddress bus() const { return mapping_.bus; }

    // Hands the mapping to an owner who will call backend::unshare when the device is done (or
    // abandon it before).
    Mapping release() { return std::exchange(mapping_, {}); }

  private:
    void drop() {
        if (mapping_.memory && !mapping_.pooled)
            backend::unshare(mapping_);
        mapping_ = {};
    }
    Mapping mapping_;
};

// Gives caller-owned bytes to the device until the Span (or the Chain it went into) is done. The bytes must
// stay where they are until then. At most 4 GiB - 1; empty ranges are InvalidArgument.
inline Result<Span<ToDevice>> share_to_device(Bytes bytes) {
    if (bytes.empty() || bytes.size() > std::numeric_limits<u32>::max())
        return error(ErrorCode::InvalidArgument, "DMA range size");
    // The device only reads: the const_cast is for the type of Mapping and never leads to a write.
    auto* memory = const_cast<std::byte*>(bytes.data());
    auto size = static_cast<u32>(bytes.size());
    auto bus = VIREO_TRY(backend::share(memory, size, Direction::ToDevice));
    return Span<ToDevice>(Mapping{memory, size, Direction::ToDevice, false, bus});
}
inline Result<Span<FromDevice>> share_from_device(MutableBytes bytes) {
    if (bytes.empty() || bytes.size() > std::numeric_limits<u32>::max())
        return error(ErrorCode::InvalidArgument, "DMA range size");
    auto size = static_cast<u32>(bytes.size());
    auto bus = VIREO_TRY(backend::share(bytes.data(), size, Direction::FromDevice));
    return Span<FromDevice>(Mapping{bytes.data(), size, Direction::FromDevice, false, bus});
}

// Memory from the DMA pool: rings, request headers, status bytes. Owned; both sides may touch it at any
// time, so what is read from it is read once and validated. From the moment at which somebody asks where the
// device finds it, the device may know it: then only give_back() frees it, and one that is dropped is left
// to the device for ever.
class Buffer {
  public:
    Buffer() = default;
    static Result<Buffer> create(usize bytes, usize alignment) {
        return Buffer(VIREO_TRY(backend::allocate(bytes, alignment)));
    }
    Buffer(Buffer&& other) noexcept : memory_(std::exchange(other.memory_, {})), is_known_(other.is_known_) {}
    Buffer& operator=(Buffer&& other) noexcept {
        drop();
        memory_ = std::exchange(other.memory_, {});
        is_known_ = other.is_known_;
        return *this;
    }
    ~Buffer() { drop(); }

    std::byte* data() const { return memory_.memory; }
    usize size() const { return memory_.bytes; }
    BusAddress bus() const {
        is_known_ = true;
        return memory_.bus;
    }

    // Part of it as something a Chain accepts; valid as long as the Buffer is. The range lies
    // inside (asserted).
    template <typename Dir> Span<Dir> part(usize offset, usize bytes) const {
        VIREO_ASSERT(offset <= memory_.bytes && bytes <= memory_.bytes - offset);
        return Span<Dir>(
            Mapping{memory_.memory + offset, static_cast<u32>(bytes), Dir::direction, true, bus() + offset});
    }

    // The device has forgotten it: frees it.
    void give_back(ConfirmedReset) {
        is_known_ = false;
        drop();
    }

  private:
    explicit Buffer(const Mapping& memory) : memory_(memory) {}
    void drop() {
        if (memory_.memory && !is_known_)
            backend::free(memory_);
        memory_ = {};
        is_known_ = false;
    }
    Mapping memory_;
    mutable bool is_known_ = false; // to the device, perhaps
};

} // namespace vireo::dma
