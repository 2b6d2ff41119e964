// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hosted/fakes/device.h"

#include <deque>

namespace vireo::fake {

// A network card, section 5.1, from the device's side. The wire is the test: deliver() brings a frame,
// `on_sent` sees those that leave.
class Net final : public Device {
  public:
    static constexpr u32 type_id = 1;
    using Mac = std::array<u8, 6>;
    using Frame = std::vector<u8>;

    // Feature bits, 5.1.3.
    static constexpr unsigned csum = 0;
    static constexpr unsigned guest_csum = 1;
    static constexpr unsigned ctrl_guest_offloads = 2;
    static constexpr unsigned mtu = 3;
    static constexpr unsigned mac = 5;
    static constexpr unsigned gso = 6; // legacy
    static constexpr unsigned guest_tso4 = 7;
    static constexpr unsigned guest_tso6 = 8;
    static constexpr unsigned guest_ecn = 9;
    static constexpr unsigned guest_ufo = 10;
    static constexpr unsigned host_tso4 = 11;
    static constexpr unsigned host_tso6 = 12;
    static constexpr unsigned host_ecn = 13;
    static constexpr unsigned host_ufo = 14;
    static constexpr unsigned mrg_rxbuf = 15;
    static constexpr unsigned status_field = 16;
    static constexpr unsigned ctrl_vq = 17;
    static constexpr unsigned ctrl_rx = 18;
    static constexpr unsigned ctrl_vlan = 19;
    static constexpr unsigned ctrl_rx_extra = 20;
    static constexpr unsigned guest_announce = 21;
    static constexpr unsigned mq = 22;
    static constexpr unsigned ctrl_mac_addr = 23;
    static constexpr unsigned device_stats = 50;
    static constexpr unsigned hash_tunnel = 51;
    static constexpr unsigned vq_notf_coal = 52;
    static constexpr unsigned notf_coal = 53;
    static constexpr unsigned guest_uso4 = 54;
    static constexpr unsigned guest_uso6 = 55;
    static constexpr unsigned host_uso = 56;
    static constexpr unsigned hash_report = 57;
    static constexpr unsigned guest_hdrlen = 59;
    static constexpr unsigned rss = 60;
    static constexpr unsigned rsc_ext = 61;
    static constexpr unsigned standby = 62;
    static constexpr unsigned speed_duplex = 63;
    static constexpr unsigned rss_context = 64;
    static constexpr unsigned ipsec = 70; // the last one

    static constexpr u16 receive_queue = 0;
    static constexpr u16 transmit_queue = 1;
    static constexpr u16 control_queue = 2;

    // struct virtio_net_hdr, 5.1.9, as numbers.
    struct Header {
        u8 flags = 0;
        u8 gso_type = 0;
        u16 hdr_len = 0;
        u16 gso_size = 0;
        u16 csum_start = 0;
        u16 csum_offset = 0;
        u16 num_buffers = 0;
    };
    static constexpr u8 needs_csum = 1;
    static constexpr u8 data_valid = 2;

    struct Sent {
        Header header;
        Frame frame; // its checksum completed, as it goes over the wire
        u16 descriptors;
    };
    struct Command {
        u8 command_class;
        u8 command;
        std::vector<u8> data;
        u8 ack;
    };

    // Offers what QEMU offers for a tap: all of bits 0 to 23 but MTU, MQ and the UFO and ECN bits, and rings.
    explicit Net(std::string name, const Mac& address = {0x52, 0x54, 0, 0x12, 0x34, 0x56});

    // --- for tests
    void set_mac(const Mac& address);
    void set_mtu(u16 bytes);
    void set_link(bool up);
    Mac address() const;

    // Brings a frame. False if there was no room for it, or nobody to whom it could go. With `header`, that
    // is what the device says of it, num_buffers included; else it says what is true.
    bool deliver(const Frame& frame, std::optional<Header> header = std::nullopt);
    // How many receive buffers the device has now.
    usize room();
    // A buffer of the receive queue is reported with these bytes at its beginning, whatever they mean.
    bool deliver_raw(const std::vector<u8>& bytes);

    std::function<void(const Sent&)> on_sent;
    const std::vector<Sent>& sent() const { return sent_; }
    void forget_sent() { sent_.clear(); }
    const std::vector<Command>& commands() const { return commands_; }
    // What to answer instead of carrying a command out. 256: nothing, the byte stays as it is,
    // and 0 is its length.
    std::function<std::optional<u16>(const Command&)> answer;
    // No answer to commands at all.
    bool ignores_commands = false;
    // What was told through the control queue, since the last reset.
    bool promiscuous = false;
    bool all_multicast = false;
    std::vector<Mac> groups;
    u64 filtered = 0; // frames that nobody wanted
    u64 lost = 0;     // frames for which there was no room
    // Whether sent frames must have right checksums (18).
    bool judges_checksums = true;

    // The Internet checksum of bytes, as the 16 bits that are stored big-endian.
    static u16 sum(std::span<const u8> bytes, u32 begin = 0);

  protected:
    u32 execute(u16 queue, const Chain& chain) override;
    bool keeps_buffers(u16 queue) const override {
        return queue == receive_queue || (queue == control_queue && ignores_commands);
    }
    std::span<const ConfigField> config_fields() const override;
    Features described_features() const override;
    bool accepts_features() override;
    void config_written(u32 offset, u32 value) override;
    void was_reset() override;

  private:
    void take_address(const Mac& address);
    u32 header_bytes() const;
    bool needs_separate_header() const;
    bool wants(const Frame& frame) const;
    void judge_receive_buffer(const Chain& chain);
    u32 transmit(const Chain& chain);
    void judge_header(const Header& header, u64 bytes);
    void complete_checksum(const Header& header, Frame& frame);
    void judge_checksums(const Header& header, const Frame& frame);
    u32 control(const Chain& chain);
    void judge_framing(const Chain& chain, const Command& command);
    bool carry_out(const Command& command);
    bool set_table(const std::vector<u8>& data);

    std::deque<std::vector<u8>> pieces_; // for the next receive buffers
    std::vector<Sent> sent_;
    std::vector<Command> commands_;
    Mac factory_{};         // its address after a reset
    Mac own_{};             // what it filters by
    u32 next_mac_byte_ = 0; // that a legacy driver should write
};

} // namespace vireo::fake
