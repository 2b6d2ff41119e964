// SPDX-License-Identifier: Apache-2.0
#pragma once

// How lwIP is configured. What is not named here is lwIP's default. Pools are static: a hostile network can
// use them up and no more, and then a packet is dropped or a command fails with "out of memory".

// One thread, no operating system, one interface: the card that a command uses.
#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0
#define LWIP_SINGLE_NETIF 1
#define LWIP_HAVE_LOOPIF 0
#define LWIP_NETIF_LOOPBACK 0
#define LWIP_NETIF_TX_SINGLE_PBUF 1 // a frame to send is one piece of memory
#ifdef VIREO_COUNTS_POOLS // hosted, for tests/unit/net/stack/pools_test.cpp: how full the heap and the pools became
#define LWIP_STATS 1
#define ETHARP_STATS 0
#define LINK_STATS 0
#define IP_STATS 0
#define IPFRAG_STATS 0
#define ICMP_STATS 0
#define IP6_STATS 0
#define IP6_FRAG_STATS 0
#define ICMP6_STATS 0
#define MLD6_STATS 0
#define ND6_STATS 0
#define UDP_STATS 0
#define TCP_STATS 0
#define SYS_STATS 0
#else
#define LWIP_STATS 0
#endif
#define LWIP_CHECKSUM_CTRL_PER_NETIF 1 // set for each frame: what the device verified is not summed up again
#define MEM_ALIGNMENT 8
#define LWIP_HOOK_FILENAME "net/stack/lwip/hooks.h"

// Each size is what the worst of Vireo's work needs and an eighth more: tests/unit/net/stack/pools_test.cpp
// measures it. The heap holds what is to be sent. The worst case is a datagram of 64 KiB, once whole and once
// in fragments of 1,500 bytes, all of them queued at the card.
#define MEM_SIZE (152 * 1024)
// The heap and the pools are set up before they are used: boards do not clear them at the start (image.ld).
#define LWIP_DECLARE_MEMORY_ALIGNED(name, size)                                                              \
    u8_t name[LWIP_MEM_ALIGN_BUFFER(size)] __attribute__((section(".bss.unset")))
// Unused: frames come in the card's buffers, what is sent is in the heap.
#define PBUF_POOL_SIZE 0
#define MEMP_NUM_PBUF 0
#define MEMP_NUM_FRAG_PBUF 0
#define MEMP_NUM_RAW_PCB 4
#define MEMP_NUM_UDP_PCB 8
#define MEMP_NUM_TCP_PCB 8
#define MEMP_NUM_TCP_PCB_LISTEN 1
#define MEMP_NUM_TCP_SEG 152 // 128 out of order, a request, and a few that are being looked at

#define LWIP_IPV4 1
#define LWIP_IPV6 1
#define LWIP_RAW 1 // ping
#define LWIP_UDP 1
#define LWIP_TCP 1
#define LWIP_DHCP 1
#define LWIP_DNS 1
#define LWIP_ARP 1
#define LWIP_ICMP 1
#define LWIP_IGMP 0
#define LWIP_AUTOIP 0

#define ARP_QUEUEING 1 // a large datagram is several packets, all wait for the address
#define ARP_QUEUE_LEN 50
#define MEMP_NUM_ARP_QUEUE 64
#define ETHARP_SUPPORT_VLAN 0

// Fragments. Each holds one of the card's buffers for up to 15 seconds.
#define IP_REASSEMBLY 1
#define IP_REASS_MAX_PBUFS 64
#define MEMP_NUM_REASSDATA 8
#define IP_FRAG 1
#define IP_OPTIONS_ALLOWED 1

#define LWIP_ICMP_ECHO_CHECK_INPUT_PBUF_LEN                                                                  \
    1 // answers are written to memory of ours, not to the card's buffers

// IPv6: addresses from router advertisements. One interface, so no zones.
#define LWIP_IPV6_SCOPES 0
#define LWIP_IPV6_MLD 1
#define LWIP_IPV6_AUTOCONFIG 1
#define LWIP_IPV6_DHCP6 0
#define LWIP_IPV6_REASS 1
#define LWIP_IPV6_FRAG 1
#define IPV6_FRAG_COPYHEADER 1 // a pointer does not fit where the header of a fragment is kept otherwise
#define LWIP_IPV6_NUM_ADDRESSES 4
#define LWIP_ND6_QUEUEING 1
#define MEMP_NUM_ND6_QUEUE 16
#define LWIP_ND6_RDNSS_MAX_DNS_SERVERS 0 // it would write over those that are asked; see router.h
#define LWIP_ICMP6 1

// DHCP. An address is used as soon as it is given: whether somebody else has it would take a
// second to find out.
#define LWIP_DHCP_DOES_ACD_CHECK 0
#define LWIP_ACD 0
// dhcp.cpp reads what else is in the answer.
#define LWIP_DHCP_BOOTP_FILE 0
#define LWIP_DHCP_MAX_NTP_SERVERS 0
#define LWIP_DHCP_GET_NTP_SRV 0
#define LWIP_DHCP_MAX_DNS_SERVERS 0
// What lwIP sends, a vendor class of 255 bytes, and what kind of machine we are.
#define DHCP_OPTIONS_LEN 304
// DNS servers, host name, domain, root path, TFTP server, boot file; PXELINUX's configuration file
// and folder (RFC 5071).
#define DHCP_ADD_EXTRA_REQUEST_OPTIONS , 6, 12, 15, 17, 66, 67, 209, 210
// A lost message is sent again after 1, 2, 4, 8, 8 seconds. The other times are as lwIP has them: the lease
// is not kept up, a command takes seconds.
#define DHCP_DEFINE_CUSTOM_TIMEOUTS 1
#define DHCP_REQUEST_BACKOFF_SEQUENCE(tries) ((u16_t)((tries) < 4 ? 500 << (tries) : 8000))
#define DHCP_SET_TIMEOUT_FROM_OFFERED_T0_LEASE(result, dhcp) ((result) = 0xffff)
#define DHCP_SET_TIMEOUT_FROM_OFFERED_T1_RENEW(result, dhcp) ((result) = 0xffff)
#define DHCP_SET_TIMEOUT_FROM_OFFERED_T2_REBIND(result, dhcp) ((result) = 0xffff)
#define DHCP_NEXT_TIMEOUT_THRESHOLD 1

#define DNS_TABLE_SIZE 4
#define DNS_MAX_SERVERS 2
#define DNS_MAX_NAME_LENGTH 256
#define DNS_MAX_RETRIES 4
// Answers are not kept for the next command: their time would only pass while one runs, and an address that
// has changed would be remembered for days.
#define DNS_MAX_TTL 0

// TCP. We receive: one or two connections, as fast as the host sends. What arrives is used up at once, so the
// window is always open; it only has to hold what is under way while we do not look. With large receive the
// host sends 64 KiB in one frame.
#define LWIP_WND_SCALE 1
#define TCP_RCV_SCALE 5
#define TCP_WND (1024 * 1024)
#define TCP_MSS 8960 // of an MTU of 9,000; the MTU of the card bounds it
#define TCP_SND_BUF (4 * TCP_MSS)
#define TCP_SND_QUEUELEN 64
#define LWIP_TCP_SACK_OUT 1
#define LWIP_TCP_MAX_SACK_NUM 4
#define TCP_QUEUE_OOSEQ 1
// Segments ahead of a hole hold the card's buffers: never more than half of what a ring of 256 has.
#define TCP_OOSEQ_MAX_PBUFS 128
#define TCP_TMR_INTERVAL 50 // delayed acknowledgements after 50 ms, retransmission in steps of 100 ms
#define LWIP_TCP_RTO_TIME 1000
#define TCP_MAXRTX 6 // a request that nobody acknowledges is given up after half a minute or so
#define LWIP_TCP_KEEPALIVE 0
#define TCP_LISTEN_BACKLOG 0
// The window is announced with the acknowledgement of data; by itself only if it grew by much.
#define TCP_WND_UPDATE_THRESHOLD (TCP_WND / 4)
