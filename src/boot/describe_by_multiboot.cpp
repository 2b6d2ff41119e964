// SPDX-License-Identifier: Apache-2.0
#include "boot/describe_by_info.h"
#include "boot/x86/multiboot_info.h"

namespace vireo::boot {

std::expected<Description, Failure> describe_by_multiboot(const Services& services, const Request&) {
    auto most = most_info_bytes(services);
    if (!most)
        return std::unexpected(most.error());
    return Description{
        .most_bytes = *most, .make = [](const Services& all, const Request&, Bytes, Plan& plan) {
            bool is_first = plan.kind == ImageKind::Multiboot;
            return make_info(all, plan, is_first ? write_multiboot_info : write_multiboot2_info);
        }};
}

} // namespace vireo::boot
