// SPDX-License-Identifier: Apache-2.0
#include "net/stack/convert.h"
#include "net/stack/interface.h"
#include "net/stack/sockets.h"

namespace vireo::net {

Result<> TcpSocket::connect(Network& network, const IpAddress& host, u16 port, Client& client) {
    close();
    VIREO_TRY(network.route_to(host));
    pcb_ = tcp_new_ip_type(host.is_v6() ? IPADDR_TYPE_V6 : IPADDR_TYPE_V4);
    if (!pcb_)
        return to_error(ERR_MEM);
    client_ = &client;
    is_connected_ = false;
    tcp_arg(pcb_, this);
    const ip_addr_t* any = host.is_v6() ? IP6_ADDR_ANY : IP4_ADDR_ANY;
    if (err_t bound = bind_to_random_port([&](u16 to) { return tcp_bind(pcb_, any, to); }); bound != ERR_OK) {
        close();
        return to_error(bound);
    }
    tcp_nagle_disable(pcb_); // a request is one write, and nothing follows it
    tcp_err(pcb_, [](void* self, err_t why) { static_cast<TcpSocket*>(self)->lost(why); });
    tcp_recv(pcb_, [](void* self, tcp_pcb*, pbuf* packet, err_t) -> err_t {
        return static_cast<TcpSocket*>(self)->take(packet);
    });
    ip_addr_t target = to_lwip(host);
    err_t begun = tcp_connect(pcb_, &target, port, [](void* self, tcp_pcb*, err_t) -> err_t {
        return static_cast<TcpSocket*>(self)->connected();
    });
    if (begun == ERR_OK)
        return {};
    close();
    return to_error(begun);
}

// What lwIP is told after a call to the client: ERR_ABRT if the connection is gone, so that it is not looked
// at again. `life` is the number of the connection before the call.
i8 TcpSocket::after_call(u32 life) const { return life == life_ ? i8{ERR_OK} : i8{ERR_ABRT}; }

i8 TcpSocket::connected() {
    u32 life = life_;
    is_connected_ = true;
    client_->connected();
    return after_call(life);
}

i8 TcpSocket::take(pbuf* packet) {
    if (!packet)
        return finish();
    u32 life = life_;
    for (const pbuf* part = packet; part && life == life_; part = part->next)
        client_->received({static_cast<const std::byte*>(part->payload), part->len});
    if (life == life_) {
        tcp_recved(pcb_, packet->tot_len);
        // A frame of many segments is not one segment: RFC 1122, 4.2.3.2, wants an answer for every two. A
        // sender at its start has few frames under way, and would wait for the one that is delayed.
        if (packet->tot_len >= 2 * tcp_mss(pcb_))
            tcp_ack_now(pcb_);
    }
    pbuf_free(packet);
    return after_call(life);
}

// The other side has sent all. We do the same; lwIP does the rest without us.
i8 TcpSocket::finish() {
    tcp_pcb* pcb = release();
    i8 result = ERR_OK;
    if (tcp_close(pcb) != ERR_OK) {
        tcp_abort(pcb);
        result = ERR_ABRT;
    }
    client_->ended({});
    return result;
}

// lwIP has given the connection up, and freed it.
void TcpSocket::lost(i8 why) {
    bool was_connected = is_connected_;
    pcb_ = nullptr;
    ++life_;
    if (why == ERR_RST && !was_connected)
        client_->ended(error(ErrorCode::NotReady, "connection refused"));
    else if (why == ERR_RST)
        client_->ended(error(ErrorCode::Io, "connection reset by peer"));
    else
        client_->ended(error(ErrorCode::Timeout, "host does not answer"));
}

// The connection without its callbacks.
tcp_pcb* TcpSocket::release() {
    tcp_arg(pcb_, nullptr);
    tcp_recv(pcb_, nullptr);
    tcp_err(pcb_, nullptr);
    ++life_;
    return std::exchange(pcb_, nullptr);
}

Result<> TcpSocket::send(Bytes bytes) {
    if (!pcb_)
        return error(ErrorCode::NotReady, "not connected");
    if (bytes.size() > tcp_sndbuf(pcb_))
        return error(ErrorCode::NoMemory, "send buffer is full");
    err_t queued = tcp_write(pcb_, bytes.data(), static_cast<u16>(bytes.size()), TCP_WRITE_FLAG_COPY);
    if (queued != ERR_OK)
        return to_error(queued);
    // What cannot leave now leaves with the next acknowledgement or timer.
    (void)tcp_output(pcb_);
    return {};
}

void TcpSocket::close() {
    if (pcb_)
        tcp_abort(release());
}

} // namespace vireo::net
