// SPDX-License-Identifier: Apache-2.0
#include "net/stack/convert.h"
#include "net/stack/interface.h"
#include "net/stack/sockets.h"

namespace vireo::net {

Result<> UdpSocket::open(Network& network, IpAddress::Family family, u16 port, Client& client) {
    close();
    if (!network.card())
        return error(ErrorCode::NotReady, "network is not open");
    pcb_ = udp_new_ip_type(family == IpAddress::Family::V6 ? IPADDR_TYPE_V6 : IPADDR_TYPE_V4);
    if (!pcb_)
        return to_error(ERR_MEM);
    network_ = &network;
    client_ = &client;
    const ip_addr_t* any = family == IpAddress::Family::V6 ? IP6_ADDR_ANY : IP4_ADDR_ANY;
    auto bind = [&](u16 to) { return udp_bind(pcb_, any, to); };
    if (err_t bound = port != 0 ? bind(port) : bind_to_random_port(bind); bound != ERR_OK) {
        close();
        return to_error(bound);
    }
    udp_recv(
        pcb_,
        [](void* self, udp_pcb*, pbuf* packet, const ip_addr_t* from, u16_t from_port) {
            // One piece: what came in several is copied into one, or lost if there is no memory for that.
            if (packet->next)
                packet = pbuf_coalesce(packet, PBUF_RAW);
            if (!packet->next)
                static_cast<UdpSocket*>(self)->client_->datagram(
                    {static_cast<const std::byte*>(packet->payload), packet->len}, from_lwip(*from),
                    from_port);
            pbuf_free(packet);
        },
        this);
    return {};
}

void UdpSocket::close() {
    if (pcb_)
        udp_remove(std::exchange(pcb_, nullptr));
}

u16 UdpSocket::port() const { return pcb_ ? pcb_->local_port : 0; }

Result<> UdpSocket::send(Bytes payload, const IpAddress& to, u16 port) {
    constexpr usize most_bytes = 65507;
    if (!pcb_ || !network_->card())
        return error(ErrorCode::NotReady, "network is not open");
    if (payload.size() > most_bytes)
        return error(ErrorCode::TooLarge, "datagram is too long");
    auto length = static_cast<u16>(payload.size());
    pbuf* packet = pbuf_alloc(PBUF_TRANSPORT, length, PBUF_RAM);
    if (!packet)
        return to_error(ERR_MEM);
    pbuf_take(packet, payload.data(), length);
    Interface& interface = network_->interface();
    ip_addr_t target = to_lwip(to);
    interface.prepare_datagram(payload.size(), target);
    err_t sent = udp_sendto(pcb_, packet, &target, port);
    interface.prepare_datagram(0, target);
    pbuf_free(packet);
    return sent == ERR_OK ? Result<>{} : to_error(sent);
}

} // namespace vireo::net
