// SPDX-License-Identifier: Apache-2.0
// What lwIP calls.
#include "net/stack/lwip/port.h"

#include "base/result.h"
#include "event/clock.h"
#include "net/stack/checksum.h"
#include "net/stack/lwip/lwip.h"

namespace vireo::net {

namespace {
constinit Random* lwip_random = nullptr;
}

void set_lwip_random(Random* random) { lwip_random = random; }

namespace {

// RFC 9293, 3.1: one byte, or a kind, a length that counts both, and data.
bool are_sound(std::span<const u8> options) {
    constexpr u8 end_of_list = 0, no_operation = 1;
    while (!options.empty() && options[0] != end_of_list) {
        usize bytes = 1;
        if (options[0] != no_operation) {
            if (options.size() < 2 || options[1] < 2 || options[1] > options.size())
                return false;
            bytes = options[1];
        }
        options = options.subspan(bytes);
    }
    return true;
}

// RFC 9293, 3.10.7.4, and RFC 5961, 5.2: past the handshake every segment acknowledges what we sent lately.
// Whoever guesses ports and a place in the window must guess that too.
bool acknowledges_us(const tcp_pcb& pcb, const tcp_hdr& header) {
    constexpr u32 lately = 0x10000; // more than we ever have under way
    u8 flags = TCPH_FLAGS(&header);
    if (pcb.state == SYN_SENT || (flags & (TCP_RST | TCP_SYN)) != 0)
        return true; // lwIP is careful with those
    return (flags & TCP_ACK) != 0 && pcb.snd_nxt - header.ackno < lately;
}

} // namespace

} // namespace vireo::net

extern "C" {

int vireo_tcp_may_be_read(const tcp_pcb* pcb, const tcp_hdr* header, u16_t bytes, u16_t first_bytes,
                          const u8_t* others) {
    if (!vireo::net::acknowledges_us(*pcb, *header))
        return false;
    if (bytes == 0)
        return true;
    std::array<vireo::u8, 40> options; // as many as a header can have
    if (bytes > options.size())
        return false;
    std::memcpy(options.data(), header + 1, std::min(bytes, first_bytes));
    if (others && bytes > first_bytes)
        std::memcpy(options.data() + first_bytes, others, bytes - first_bytes);
    return vireo::net::are_sound({options.data(), bytes});
}

u32_t sys_now() { return static_cast<u32_t>(vireo::event::now().microseconds / 1000); }

unsigned vireo_lwip_random() { return vireo::net::lwip_random ? vireo::net::lwip_random->next() : 0; }

unsigned short vireo_lwip_checksum(const void* data, int bytes) {
    return vireo::net::internet_sum({static_cast<const std::byte*>(data), static_cast<vireo::usize>(bytes)});
}

void vireo_lwip_assertion_failed(const char* file, int line) {
    vireo::must_failed("lwIP's assertion", file, line);
}

} // extern "C"
