// SPDX-License-Identifier: Apache-2.0
#include "boot/host_kernel.h"

#include "boot/header.h"
#include "boot/plan/free_ram.h"
#include "boot/ram_bytes.h"
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
    auto header = read_header(services, head, std::nullopt);
    if (!header)
        return std::unexpected(header.error());
    // On x86 they take RAM when they are asked for first, as high as possible: not from what is loaded now.
    // What goes wrong there, prepare() says.
    (void)services.machine.firmware_tables();
    auto places = place_to_load(header->needs,
                                {.kernel_bytes = sizes.kernel(),
                                 .initrd_bytes = sizes.initrd,
                                 .description_bytes = std::min(usual_description + sizes.command_line,
                                                               header->needs.description.alignment)},
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

bool has_kernel(HostFiles* host) {
    auto bytes = host ? host->bytes_of(Part::Kernel) : Result<u64>(0);
    return bytes && *bytes != 0;
}

std::unexpected<Failure> overlapping(const Range& initrd, const Range& kernel) {
    return std::unexpected(Failure{.kind = Failure::Kind::Place,
                                   .refusal = {.part = Refusal::Part::Initrd,
                                               .why = Refusal::Why::NotFree,
                                               .range = initrd,
                                               .owner = {kernel.base, kernel.bytes, "the kernel"}}});
}

// Where what has been loaded is to be instead; both ranges are of the same size.
struct Move {
    Range from;
    Range to;
};

// Writes neither over the other, in whichever order.
std::expected<void, Failure> move(const Services& services, const Move& kernel, const Move* initrd) {
    auto target = memory_at(services, Refusal::Part::Kernel, kernel.to);
    if (!target)
        return std::unexpected(target.error());
    MutableBytes initrd_target;
    if (initrd) {
        auto found = memory_at(services, Refusal::Part::Initrd, initrd->to);
        if (!found)
            return std::unexpected(found.error());
        initrd_target = *found;
        for (const Range& range : {kernel.from, kernel.to})
            if (initrd->to.overlaps(range))
                return overlapping(initrd->to, range);
        if (kernel.to.overlaps(initrd->from))
            return overlapping(initrd->from, kernel.to);
        std::memmove(initrd_target.data(), services.machine.memory(initrd->from.base), initrd_target.size());
    }
    std::memmove(target->data(), services.machine.memory(kernel.from.base), target->size());
    return {};
}

// What lies in RAM already. Of its file nobody knows the size, so all that the kernel takes counts.
std::expected<HostKernel, Failure> take_given_kernel(const Services& services,
                                                     const HostKernelPlaces& wanted) {
    auto given = services.machine.given_kernel();
    if (!given)
        return host_failed(given.error());
    if (auto can = services.machine.can_enter(); !can && !wanted.kernel)
        return std::unexpected(Failure{.kind = Failure::Kind::Machine, .why = can.error()});
    auto head = free_bytes(services, {given->kernel.base, recognised_by_bytes});
    if (!head)
        return std::unexpected(head.error());
    auto header = read_header(services, *head, given->kernel.base);
    if (!header)
        return std::unexpected(header.error());
    HostKernel found{.kernel = {given->kernel.base, header->needs.image_bytes}, .initrd = given->initrd};
    if (auto memory = memory_at(services, Refusal::Part::Kernel, found.kernel); !memory)
        return std::unexpected(memory.error());
    if (found.initrd) {
        if (found.initrd->bytes == 0)
            return std::unexpected(Failure{.kind = Failure::Kind::Place,
                                           .refusal = {.part = Refusal::Part::Initrd,
                                                       .why = Refusal::Why::Empty,
                                                       .range = *found.initrd}});
        if (auto memory = memory_at(services, Refusal::Part::Initrd, *found.initrd); !memory)
            return std::unexpected(memory.error());
        if (found.initrd->overlaps(found.kernel))
            return overlapping(*found.initrd, found.kernel);
    }
    auto text = OwnedArray<char>::create(given->command_line.size());
    if (!text)
        return std::unexpected(Failure{.kind = Failure::Kind::Memory, .why = text.error()});
    found.text = std::move(*text);
    std::ranges::copy(given->command_line, found.text.data());
    if (!wanted.kernel)
        return found;
    Move kernel{found.kernel, {*wanted.kernel, found.kernel.bytes}};
    std::optional<Move> initrd;
    if (found.initrd && wanted.initrd)
        initrd = Move{*found.initrd, {*wanted.initrd, found.initrd->bytes}};
    if (auto moved = move(services, kernel, initrd ? &*initrd : nullptr); !moved)
        return std::unexpected(moved.error());
    found.kernel = kernel.to;
    if (initrd)
        found.initrd = initrd->to;
    return found;
}

} // namespace

bool host_gives_kernel(const system::Machine& machine, HostFiles* host) {
    if (has_kernel(host))
        return true;
    auto given = machine.given_kernel();
    return given || given.error().code != ErrorCode::NotFound;
}

std::optional<system::Machine::GivenKernel> host_kernel_in_ram(const system::Machine& machine,
                                                               HostFiles* host) {
    auto given = machine.given_kernel();
    return given && !has_kernel(host) ? std::optional(*given) : std::nullopt;
}

std::expected<HostKernel, Failure> load_host_kernel(const Services& services, HostFiles* from,
                                                    HostFiles::Watcher& watcher,
                                                    const HostKernelPlaces& wanted) {
    // QEMU gives a kernel in one way only, and of this one the size is known.
    auto sizes = from ? sizes_of(*from) : Result<Sizes>(error(ErrorCode::NotFound, "no fw_cfg"));
    if (!sizes && sizes.error().code == ErrorCode::NotFound)
        return take_given_kernel(services, wanted);
    if (!sizes)
        return host_failed(sizes.error());
    HostFiles& host = *from;
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
            return overlapping(*loaded.initrd, loaded.kernel);
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
