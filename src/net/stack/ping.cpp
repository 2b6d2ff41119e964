// SPDX-License-Identifier: Apache-2.0
#include "net/stack/convert.h"
#include "net/stack/interface.h"
#include "net/stack/network.h"

namespace vireo::net {

namespace {

using event::Duration;

constexpr Duration interval = Duration::seconds(1);
constexpr usize payload_bytes = 56; // as other systems have it: 64 with the header

// One host that is asked. Answers come from lwIP while ping() waits.
class Ping {
  public:
    Ping(const IpAddress& host, u16 identifier) : host_(to_lwip(host)), identifier_(identifier) {}
    Ping(const Ping&) = delete;
    Ping& operator=(const Ping&) = delete;
    ~Ping() {
        if (pcb_)
            raw_remove(pcb_);
    }

    Result<> start() {
        bool is_v6 = IP_IS_V6_VAL(host_);
        pcb_ =
            raw_new_ip_type(is_v6 ? IPADDR_TYPE_V6 : IPADDR_TYPE_V4, is_v6 ? IP6_NEXTH_ICMP6 : IP_PROTO_ICMP);
        if (!pcb_)
            return to_error(ERR_MEM);
        if (is_v6) { // the checksum covers addresses that lwIP chooses
            pcb_->chksum_reqd = 1;
            pcb_->chksum_offset = 2;
        }
        raw_recv(
            pcb_,
            [](void* self, raw_pcb*, pbuf* packet, const ip_addr_t* from) -> u8_t {
                return static_cast<Ping*>(self)->take(*packet, *from);
            },
            this);
        return {};
    }

    Result<> send() {
        pbuf* packet = pbuf_alloc(PBUF_IP, sizeof(icmp_echo_hdr) + payload_bytes, PBUF_RAM);
        if (!packet)
            return to_error(ERR_MEM);
        std::memset(packet->payload, 0x56, packet->len);
        icmp_echo_hdr header{};
        header.type = IP_IS_V6_VAL(host_) ? u8{ICMP6_TYPE_EREQ} : u8{ICMP_ECHO};
        header.id = lwip_htons(identifier_);
        header.seqno = lwip_htons(++sequence_);
        std::memcpy(packet->payload, &header, sizeof(header));
        if (!IP_IS_V6_VAL(host_)) {
            header.chksum = inet_chksum_pbuf(packet);
            std::memcpy(packet->payload, &header, sizeof(header));
        }
        sent_at_[sequence_ % sent_at_.size()] = event::now();
        err_t sent = raw_sendto(pcb_, packet, &host_);
        pbuf_free(packet);
        // A frame that finds no room now counts as lost.
        return sent == ERR_OK || sent == ERR_MEM || sent == ERR_BUF ? Result<>{} : to_error(sent);
    }

    const std::optional<Duration>& answer() const { return answer_; }

  private:
    // 1: the packet was ours, and is freed.
    u8_t take(pbuf& packet, const ip_addr_t& from) {
        if (!ip_addr_eq(&from, &host_) || answer_)
            return 0;
        // The network header is still in front.
        bool is_v6 = IP_IS_V6_VAL(host_);
        u16 header_bytes = is_v6 ? ip_current_header_tot_len() : u16{IPH_HL_BYTES(ip4_current_header())};
        icmp_echo_hdr header;
        if (pbuf_copy_partial(&packet, &header, sizeof(header), header_bytes) != sizeof(header) ||
            header.type != (is_v6 ? u8{ICMP6_TYPE_EREP} : u8{ICMP_ER}) || header.code != 0 ||
            header.id != lwip_htons(identifier_) || !is_intact(packet, header_bytes))
            return 0;
        u16 age = static_cast<u16>(sequence_ - lwip_ntohs(header.seqno));
        if (age >= std::min<usize>(sent_at_.size(), sequence_))
            return 0;
        answer_ = event::now() - sent_at_[lwip_ntohs(header.seqno) % sent_at_.size()];
        pbuf_free(&packet);
        return 1;
    }

    // The checksum is right. lwIP has not looked at it yet.
    bool is_intact(pbuf& packet, u16 header_bytes) const {
        if (pbuf_remove_header(&packet, header_bytes) != 0)
            return false;
        u16 sum = IP_IS_V6_VAL(host_) ? ip6_chksum_pseudo(&packet, IP6_NEXTH_ICMP6, packet.tot_len,
                                                          ip6_current_src_addr(), ip6_current_dest_addr())
                                      : inet_chksum_pbuf(&packet);
        pbuf_add_header_force(&packet, header_bytes);
        return sum == 0;
    }

    ip_addr_t host_;
    u16 identifier_;
    raw_pcb* pcb_ = nullptr;
    u16 sequence_ = 0;
    std::array<event::Instant, 8> sent_at_{}; // by sequence number: an answer may come late
    std::optional<Duration> answer_;
};

} // namespace

Result<Duration> Network::ping(const IpAddress& host, const event::Budget& budget) {
    VIREO_TRY(route_to(host));
    Ping ping(host, static_cast<u16>(random_.next()));
    VIREO_TRY(ping.start());
    event::Patience patience(loop_, budget);
    while (patience.verdict() == event::Patience::Verdict::Left) {
        VIREO_TRY(ping.send());
        auto next = std::min(event::Deadline::after(interval), patience.deadline());
        auto ended = wait(next, [&] { return ping.answer().has_value(); });
        if (ended)
            return *ping.answer();
        if (ended.error().code != ErrorCode::Timeout)
            return ended.error();
        if (host.is_v4())
            interface_->ask_again();
    }
    return error(ErrorCode::Timeout, "host is not alive");
}

} // namespace vireo::net
