// SPDX-License-Identifier: Apache-2.0
// What lwIP calls.
#include "net/lwip/port.h"

#include "base/result.h"
#include "event/clock.h"
#include "net/checksum.h"
#include "net/lwip/lwip.h"

namespace vireo::net {

namespace {
constinit Random* lwip_random = nullptr;
}

void set_lwip_random(Random* random) { lwip_random = random; }

} // namespace vireo::net

extern "C" {

u32_t sys_now() { return static_cast<u32_t>(vireo::event::now().microseconds / 1000); }

unsigned vireo_lwip_random() { return vireo::net::lwip_random ? vireo::net::lwip_random->next() : 0; }

unsigned short vireo_lwip_checksum(const void* data, int bytes) {
    return vireo::net::internet_sum({static_cast<const std::byte*>(data), static_cast<vireo::usize>(bytes)});
}

void vireo_lwip_assertion_failed(const char* file, int line) {
    vireo::must_failed("lwIP's assertion", file, line);
}

} // extern "C"
