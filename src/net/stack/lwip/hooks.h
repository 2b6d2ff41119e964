// SPDX-License-Identifier: Apache-2.0
#pragma once

// Where lwIP asks us. Included by lwIP's sources, after its types.

#ifdef __cplusplus
extern "C" {
#endif
struct dhcp_msg;
struct pbuf;
struct tcp_hdr;
struct tcp_pcb;

// A DHCP message is about to be sent: adds options behind the first `*length` bytes of the options.
void vireo_dhcp_sends(struct dhcp_msg* message, u8_t type, u16_t* length);

// True if lwIP may look at a segment, whose header is in host order: it belongs to what we sent, and each of
// its options ends where they end, or before. They are `bytes` long, the first `first_bytes` behind the
// header, the others at `others`.
int vireo_tcp_may_be_read(const struct tcp_pcb* pcb, const struct tcp_hdr* header, u16_t bytes,
                          u16_t first_bytes, const u8_t* others);
#ifdef __cplusplus
}
#endif

#define LWIP_HOOK_DHCP_APPEND_OPTIONS(netif, dhcp, state, message, type, length)                             \
    vireo_dhcp_sends(message, type, length)
// lwIP takes data and the end of a stream from segments that acknowledge nothing, or what was never sent, and
// reads the length of an option also behind the last byte of all options.
#define LWIP_HOOK_TCP_INPACKET_PCB(pcb, header, bytes, first_bytes, others, packet)                          \
    (vireo_tcp_may_be_read(pcb, header, bytes, first_bytes, others) ? ERR_OK : ERR_VAL)
// Sequence numbers that nobody can guess (RFC 6528 wants no less).
#define LWIP_HOOK_TCP_ISN(local_address, local_port, remote_address, remote_port) LWIP_RAND()
