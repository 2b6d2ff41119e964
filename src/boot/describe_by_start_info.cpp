// SPDX-License-Identifier: Apache-2.0
#include "boot/describe_by_info.h"
#include "boot/x86/start_info.h"

namespace vireo::boot {

std::expected<Description, Failure> describe_by_start_info(const Services& services, const Request&) {
    auto most = most_info_bytes(services);
    if (!most)
        return std::unexpected(most.error());
    return Description{.most_bytes = *most,
                       .make = [](const Services& all, const Request&, Bytes, Plan& plan) {
                           return make_info(all, plan, write_start_info);
                       }};
}

} // namespace vireo::boot
