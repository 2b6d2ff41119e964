// SPDX-License-Identifier: Apache-2.0
#include "net/stack/interface.h"

#include "net/stack/checksum.h"
#include "net/stack/ipv6_check.h"

namespace vireo::net {

namespace {

using event::Duration;

// After this long without looking, what the neighbours said may have changed.
constexpr Duration memory = Duration::seconds(30);

// What lwIP reads before it looks whether it is there lies in the first piece of the packet. False
// for all other protocols.
bool can_be_read(u16 ethertype, Bytes first) {
    switch (ethertype) {
    case ETHTYPE_IP:
        return first.size() >= IP_HLEN;
    case ETHTYPE_IPV6:
        return ipv6_can_be_read(first);
    case ETHTYPE_ARP:
        return first.size() >= SIZEOF_ETHARP_HDR;
    default:
        return false;
    }
}

} // namespace

Interface::~Interface() {
    detach();
    stop();
}

bool Interface::attach(device::NetDevice& card, bool link_is_up) {
    // Not before a card is used: most starts are without, and what runs for the first time is what costs an
    // emulator time. Also the first ports are made of random numbers then that have been stirred.
    static constinit bool is_initialised = false;
    if (!std::exchange(is_initialised, true))
        lwip_init();
    detach();
    sys_restart_timeouts(); // what fell due in the meantime has not been missed: nobody listened
    auto current = event::now();
    bool is_known = known_card_ == &card && known_mac_ == card.facts().mac &&
                    netif_.mtu == card.facts().mtu && netif_is_link_up(&netif_) == link_is_up &&
                    current - detached_at_ < memory;
    if (is_known) {
        set_checksums(); // which a device that was started anew may leave to us
    } else {
        stop();
        start(card);
    }
    card_ = &card;
    card.listen(*this);
    if (link_is_up)
        netif_set_link_up(&netif_);
    if (!is_known)
        netif_set_up(&netif_);
    return is_known;
}

void Interface::start_ipv6() {
    has_ipv6_ = true;
    ipv6_since_ = event::now();
    netif_set_ip6_autoconfig_enabled(&netif_, 1);
    netif_create_ip6_linklocal_address(&netif_, 1);
    nd6_tmr(); // probes the address now, not in a second
    solicit_router();
}

// RFC 4861, 4.1 and 6.3.7. lwIP does it as well, but only every fourth second since it was started.
void Interface::solicit_router() {
    pbuf* packet = pbuf_alloc(PBUF_IP, sizeof(rs_header), PBUF_RAM);
    if (!packet)
        return;
    rs_header header{};
    header.type = ICMP6_TYPE_RS;
    std::memcpy(packet->payload, &header, sizeof(header));
    ip6_addr_t any{}, routers;
    ip6_addr_set_allrouters_linklocal(&routers);
    header.chksum = ip6_chksum_pseudo(packet, IP6_NEXTH_ICMP6, packet->tot_len, &any, &routers);
    std::memcpy(packet->payload, &header, sizeof(header));
    // From nobody: our address is not ours before it has been probed. If this is lost, lwIP's comes later.
    (void)ip6_output_if_src(packet, &any, &routers, ND6_HOPLIM, 0, IP6_NEXTH_ICMP6, &netif_);
    pbuf_free(packet);
}

void Interface::detach() {
    if (!card_)
        return;
    card_->stop_listening();
    card_ = nullptr;
    detached_at_ = event::now();
    neighbours_.await_nobody();
    // Connections that are still open hold segments ahead of a hole, and half a datagram the fragments that
    // came. The card wants them all.
    for (tcp_pcb* pcb = tcp_active_pcbs; pcb;) {
        tcp_pcb* next = pcb->next;
        if (pcb->ooseq) {
            tcp_abort(pcb);
            next = tcp_active_pcbs;
        }
        pcb = next;
    }
    for (int i = 0; i <= IP_REASS_MAXAGE; ++i)
        ip_reass_tmr();
    for (int i = 0; i <= IPV6_REASS_MAXAGE; ++i)
        ip6_reass_tmr();
}

void Interface::start(device::NetDevice& card) {
    known_card_ = &card;
    known_mac_ = card.facts().mac;
    auto initialise = [](netif* interface) -> err_t {
        auto& self = *static_cast<Interface*>(interface->state);
        const device::NetFacts& facts = self.known_card_->facts();
        interface->name[0] = 'e';
        interface->name[1] = 'n';
        interface->mtu = facts.mtu;
        interface->hwaddr_len = ETH_HWADDR_LEN;
        std::ranges::copy(facts.mac, interface->hwaddr);
        interface->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_MLD6;
        interface->output = etharp_output;
        interface->output_ip6 = ethip6_output;
        interface->linkoutput = [](netif* to, pbuf* frame) {
            return static_cast<Interface*>(to->state)->transmit(*frame);
        };
        return ERR_OK;
    };
    netif_add(&netif_, nullptr, nullptr, nullptr, this, initialise, ip_input);
    netif_set_default(&netif_);
    has_ipv6_ = false;
    neighbours_.forget();
    announced_servers_.forget();
    dhcp_set_struct(&netif_, &dhcp_);
    sum_datagrams_ = false;
    set_checksums();
}

void Interface::stop() {
    if (!std::exchange(known_card_, nullptr))
        return;
    for (s8_t i = 0; i < LWIP_IPV6_NUM_ADDRESSES; ++i)
        netif_ip6_addr_set_state(&netif_, i, IP6_ADDR_INVALID);
    netif_remove(&netif_);
}

bool Interface::is_for_us(std::span<const u8, 6> destination) const {
    bool is_group = (destination[0] & 1) != 0;
    return is_group || std::ranges::equal(destination, known_mac_);
}

// lwIP looks at these flags whenever it sends or receives.
void Interface::set_checksums() {
    u16 flags = NETIF_CHECKSUM_ENABLE_ALL;
    if (trust_received_)
        flags &= static_cast<u16>(~(NETIF_CHECKSUM_CHECK_TCP | NETIF_CHECKSUM_CHECK_UDP));
    if (known_card_ && known_card_->facts().can_checksum) {
        flags &= static_cast<u16>(~NETIF_CHECKSUM_GEN_TCP);
        if (!sum_datagrams_)
            flags &= static_cast<u16>(~NETIF_CHECKSUM_GEN_UDP);
    }
    NETIF_SET_CHECKSUM_CTRL(&netif_, flags);
}

void Interface::prepare_datagram(usize payload_bytes, const ip_addr_t& target) {
    u16 mtu = IP_IS_V6_VAL(target) ? nd6_get_destination_mtu(ip_2_ip6(&target), &netif_) : netif_.mtu;
    bool is_whole = payload_bytes + UDP_HLEN + IP6_HLEN <= mtu;
    if (std::exchange(sum_datagrams_, !is_whole) == is_whole)
        set_checksums();
}

void Interface::look_at_neighbours() {
    if (neighbours_.has_fallen_silent())
        ask_again();
}

// What is known stays until there is an answer.
void Interface::ask_again() {
    for (usize i = 0; i < ARP_TABLE_SIZE; ++i) {
        ip4_addr_t* address;
        netif* interface;
        eth_addr* neighbour;
        if (etharp_get_entry(i, &address, &interface, &neighbour) == 1 &&
            std::ranges::equal(neighbour->addr, neighbours_.awaited()))
            (void)etharp_request(interface, address);
    }
}

void Interface::received(const device::ReceivedFrame& frame) {
    timing_ = std::rotl(timing_, 9) + arch::ticks();
    Bytes first = frame.parts[0].bytes;
    eth_hdr header;
    std::memcpy(&header, first.data(), sizeof(header)); // whole in the first part, as NetDevice promises
    neighbours_.note_received(header.src.addr);
    u16 type = lwip_ntohs(header.type);
    pbuf* packet = nullptr;
    Bytes content = first.subspan(sizeof(header));
    if (is_for_us(header.dest.addr) && can_be_read(type, content) &&
        may_be_told(type, content, header.src.addr))
        packet = pool_.wrap(*card_, frame);
    if (!packet) {
        for (const device::ReceivedPart& part : frame.parts)
            card_->give_back(part.buffer);
        return;
    }
    if ((header.dest.addr[0] & 1) != 0) {
        bool is_broadcast = std::ranges::all_of(header.dest.addr, [](u8 byte) { return byte == 0xff; });
        packet->flags |= is_broadcast ? PBUF_FLAG_LLBCAST : PBUF_FLAG_LLMCAST;
    }
    if (std::exchange(trust_received_, frame.checksum_is_good) != frame.checksum_is_good)
        set_checksums();
    // Each of them frees the packet, whatever it is.
    if (type == ETHTYPE_IP)
        ip4_input(packet, &netif_);
    else if (type == ETHTYPE_IPV6)
        ip6_input(packet, &netif_);
    else
        etharp_input(packet, &netif_);
}

err_t Interface::transmit(pbuf& frame) {
    if (!card_)
        return ERR_IF;
    device::OutgoingFrame outgoing;
    for (const pbuf* part = &frame; part; part = part->next)
        if (!outgoing.parts.try_push_back({static_cast<const std::byte*>(part->payload), part->len}))
            return ERR_BUF;
    neighbours_.note_sent(outgoing.parts[0]);
    if (card_->facts().can_checksum && !frame.next)
        outgoing.checksum = leave_checksum_to_device({static_cast<std::byte*>(frame.payload), frame.len});
    outgoing.cookie = &frame;
    // lwIP sends a segment again only when nobody else holds it: until sent() its bytes stay as they are.
    pbuf_ref(&frame);
    if (card_->send(outgoing))
        return ERR_OK;
    pbuf_free(&frame);
    return ERR_MEM;
}

void Interface::sent(void* cookie) { pbuf_free(static_cast<pbuf*>(cookie)); }

void Interface::link_changed(bool is_up) {
    if (is_up)
        netif_set_link_up(&netif_);
    else
        netif_set_link_down(&netif_);
}

} // namespace vireo::net
