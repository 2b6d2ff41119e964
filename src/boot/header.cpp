// SPDX-License-Identifier: Apache-2.0
#include "boot/header.h"

#include "boot/kernel_formats.h"

namespace vireo::boot {

namespace {

bool is_kernel(ImageKind kind) {
    return kind == ImageKind::LinuxArm64 || kind == ImageKind::LinuxRiscv || kind == ImageKind::LinuxArm ||
           kind == ImageKind::LinuxX86;
}

std::unexpected<Failure> failed(Failure failure) { return std::unexpected(failure); }

} // namespace

std::expected<Header, Failure> read_header(const Services& services, Bytes file, std::optional<u64> address) {
    auto kind = recognise(file.first(std::min(file.size(), recognised_by_bytes)));
    const KernelFormat* format = format_of(services.machine, kind, file);
    if (!format && !kind)
        return failed({.kind = Failure::Kind::Unknown, .address = address});
    if (!format)
        return failed({.kind = is_kernel(*kind) ? Failure::Kind::Foreign : Failure::Kind::CannotYet,
                       .address = address,
                       .image = *kind,
                       .wanted = format_of(services.machine).kind});
    auto needs = format->read(file, services.memory.ram().front().base);
    if (!needs)
        return failed({.kind = Failure::Kind::Header, .address = address, .why = needs.error()});
    return Header{*needs, *format};
}

} // namespace vireo::boot
