// SPDX-License-Identifier: Apache-2.0
#include "boot/host_kernel.h"

#include "boot/header.h"
#include "boot/plan/free_ram.h"
#include "boot/unwrap.h"
#include "load/memory.h"

namespace vireo::boot {

namespace {

using system::HostFiles;
using Part = HostFiles::Part;

// More than any kernel takes, and than a host can be told in one word.
constexpr u64 most_command_line = 128 << 10;
// That a device tree or boot_params take besides the command line. It is known once they are made; what is
// more has nearly always room as well, and is placed then.
constexpr u64 usual_description = 16 << 10;

std::unexpected<Failure> host_failed(Error why) {
    return std::unexpected(Failure{.kind = Failure::Kind::Host, .why = why});
}

// What belongs to one boot, in numbers; a setup is the beginning of the kernel's file.
struct Sizes {
    u64 setup;
    u64 rest;
    u64 initrd;
    u64 command_line;
    u64 kernel() const { return setup + rest; }
};

Result<Sizes> sizes_of(HostFiles& host) {
    Sizes sizes{.setup = VIREO_TRY(host.bytes_of(Part::Setup)),
                .rest = VIREO_TRY(host.bytes_of(Part::Kernel)),
                .initrd = VIREO_TRY(host.bytes_of(Part::Initrd)),
                .command_line = VIREO_TRY(host.bytes_of(Part::CommandLine))};
    if (sizes.rest == 0)
        return error(ErrorCode::NotFound, "the host gives no kernel");
    if (sizes.command_line > most_command_line)
        return error(ErrorCode::TooLarge, "the host's command line");
    return sizes;
}

// The first bytes of the kernel's file, as many as `into` holds.
Result<> read_kernel(HostFiles& host, const Sizes& sizes, MutableBytes into, HostFiles::Watcher& watcher) {
    usize setup = static_cast<usize>(std::min<u64>(sizes.setup, into.size()));
    if (setup != 0)
        VIREO_TRY(host.read(Part::Setup, into.first(setup), watcher));
    return host.read(Part::Kernel, into.subspan(setup), watcher);
}

// Where the kernel runs that such a file is wrapped around is not known yet: both files go as high as they
// can, out of the way of what is unpacked.
std::expected<LoadPlaces, Failure> choose_for_wrapped(const Services& services, const Sizes& sizes) {
    constexpr u64 page = 4096;
    FreeRam free(services.memory);
    LoadPlaces places{};
    auto kernel = free.highest({.bytes = sizes.kernel(), .alignment = page});
    if (kernel && sizes.initrd != 0) {
        free.take({*kernel, sizes.kernel()});
        places.initrd = free.highest({.bytes = sizes.initrd, .alignment = page});
    }
    places.kernel = kernel.value_or(0);
    bool has_kernel = kernel.has_value();
    if (has_kernel && (places.initrd || sizes.initrd == 0))
        return places;
    return std::unexpected(
        Failure{.kind = Failure::Kind::Place,
                .refusal = {.part = has_kernel ? Refusal::Part::Initrd : Refusal::Part::Kernel,
                            .why = Refusal::Why::NoRoom,
                            .range = {0, has_kernel ? sizes.initrd : sizes.kernel()}}});
}

std::expected<LoadPlaces, Failure> choose(const Services& services, HostFiles& host, const Sizes& sizes,
                                          HostFiles::Watcher& watcher) {
    std::array<std::byte, recognised_by_bytes> room;
    MutableBytes head(room.data(), static_cast<usize>(std::min<u64>(room.size(), sizes.kernel())));
    if (auto read = read_kernel(host, sizes, head, watcher); !read)
        return host_failed(read.error());
    if (auto kind = recognise(head); kind && is_wrapper(*kind)) {
        (void)services.machine.firmware_tables();
        return choose_for_wrapped(services, sizes);
    }
    auto needs = read_header(services, head, std::nullopt);
    if (!needs)
        return std::unexpected(needs.error());
    // On x86 they take RAM when they are asked for first, as high as possible: not from what is loaded now.
    // What goes wrong there, prepare() says.
    (void)services.machine.firmware_tables();
    auto places = place_to_load(
        *needs,
        {.kernel_bytes = sizes.kernel(),
         .initrd_bytes = sizes.initrd,
         .description_bytes = std::min(usual_description + sizes.command_line, needs->description.alignment)},
        services.memory);
    if (!places)
        return std::unexpected(Failure{.kind = Failure::Kind::Place, .refusal = places.error()});
    return *places;
}

// The memory at an address that was asked for; somebody else's, or none, is refused.
std::expected<MutableBytes, Failure> memory_at(const Services& services, Refusal::Part part,
                                               const Range& range) {
    auto found = load::writable_memory(services.memory, services.machine, range.base, range.bytes);
    if (found)
        return *found;
    Refusal refusal{.part = part, .why = Refusal::Why::NotRam, .range = range};
    if (found.error().owner) {
        refusal.why = Refusal::Why::NotFree;
        refusal.owner = *found.error().owner;
    }
    return std::unexpected(Failure{.kind = Failure::Kind::Place, .refusal = refusal});
}

} // namespace

std::expected<HostKernel, Failure> load_host_kernel(const Services& services, HostFiles& host,
                                                    HostFiles::Watcher& watcher,
                                                    const HostKernelPlaces& wanted) {
    auto sizes = sizes_of(host);
    if (!sizes)
        return host_failed(sizes.error());
    LoadPlaces places{.kernel = wanted.kernel.value_or(0), .initrd = wanted.initrd};
    if (!wanted.kernel) {
        if (auto can = services.machine.can_enter(); !can)
            return std::unexpected(Failure{.kind = Failure::Kind::Machine, .why = can.error()});
        auto chosen = choose(services, host, *sizes, watcher);
        if (!chosen)
            return std::unexpected(chosen.error());
        places = *chosen;
    }
    HostKernel loaded{.kernel = {places.kernel, sizes->kernel()}};
    auto kernel = memory_at(services, Refusal::Part::Kernel, loaded.kernel);
    if (!kernel)
        return std::unexpected(kernel.error());
    MutableBytes initrd;
    if (sizes->initrd != 0 && places.initrd) {
        loaded.initrd = Range{*places.initrd, sizes->initrd};
        auto memory = memory_at(services, Refusal::Part::Initrd, *loaded.initrd);
        if (!memory)
            return std::unexpected(memory.error());
        if (loaded.initrd->overlaps(loaded.kernel))
            return std::unexpected(
                Failure{.kind = Failure::Kind::Place,
                        .refusal = {.part = Refusal::Part::Initrd,
                                    .why = Refusal::Why::NotFree,
                                    .range = *loaded.initrd,
                                    .owner = {loaded.kernel.base, loaded.kernel.bytes, "the kernel"}}});
        initrd = *memory;
    }
    auto text = OwnedArray<char>::create(static_cast<usize>(sizes->command_line));
    if (!text)
        return std::unexpected(Failure{.kind = Failure::Kind::Memory, .why = text.error()});
    loaded.text = std::move(*text);
    auto read = [&]() -> Result<> {
        VIREO_TRY(host.read(Part::CommandLine,
                            std::as_writable_bytes(std::span(loaded.text.data(), loaded.text.size())),
                            watcher));
        VIREO_TRY(read_kernel(host, *sizes, *kernel, watcher));
        return host.read(Part::Initrd, initrd, watcher);
    }();
    if (!read)
        return host_failed(read.error());
    return loaded;
}

} // namespace vireo::boot
