// SPDX-License-Identifier: Apache-2.0
#include "drivers/net/config.h"

namespace vireo::drivers::net {

using namespace virtio::wire;
using device::MacAddress;

namespace {

constexpr u16 usual_mtu = 1500;
constexpr u16 smallest_mtu = 68; // section 5.1.4.1; the largest is all that 16 bits hold

constexpr u8 group_bit = 1; // in the first byte of a MAC address
constexpr u8 local_bit = 2;

} // namespace

Result<Config> read_config(virtio::Session& session) {
    auto config = session.config();
    return config.read_consistent([&](virtio::DeviceConfig& from) -> Result<Config> {
        Config read;
        if (session.has(VIRTIO_NET_F_MAC))
            for (u32 i = 0; i < read.mac.size(); ++i)
                read.mac[i] = VIREO_TRY(from.field<u8>(offsetof(virtio_net_config, mac) + i));
        if (session.has(VIRTIO_NET_F_STATUS))
            read.status = VIREO_TRY(from.field<u16>(offsetof(virtio_net_config, status)));
        if (session.has(VIRTIO_NET_F_MTU))
            read.mtu = VIREO_TRY(from.field<u16>(offsetof(virtio_net_config, mtu)));
        return read;
    });
}

bool is_station(const MacAddress& mac) { return (mac[0] & group_bit) == 0 && mac != MacAddress{}; }

MacAddress make_up_mac() {
    // No secret: the cards of one network must differ, and those of one machine. How long a machine took
    // to get here, to the tick of its clock, is different enough for that; the multiplications spread
    // the low bits over all.
    static u64 drawn = 0;
    u64 mixed = arch::ticks() + ++drawn * 0x9e37'79b9'7f4a'7c15u;
    mixed = (mixed ^ mixed >> 30) * 0xbf58'476d'1ce4'e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d0'49bb'1331'11ebu;
    mixed ^= mixed >> 31;
    MacAddress mac;
    for (u8& byte : mac) {
        byte = static_cast<u8>(mixed);
        mixed >>= 8;
    }
    mac[0] = static_cast<u8>((mac[0] & ~group_bit) | local_bit);
    return mac;
}

u16 choose_mtu(u16 mtu) { return mtu >= smallest_mtu ? mtu : usual_mtu; }

Framing framing_of(const virtio::Session& session) {
    bool is_modern = session.has(VIRTIO_F_VERSION_1);
    bool merges = session.has(VIRTIO_NET_F_MRG_RXBUF);
    return {.header_bytes = is_modern || merges ? u32{sizeof(virtio_net_hdr)} : virtio_net_hdr_legacy_bytes,
            .separate_header = !is_modern && !session.has(VIRTIO_F_ANY_LAYOUT),
            .merges = merges};
}

} // namespace vireo::drivers::net
