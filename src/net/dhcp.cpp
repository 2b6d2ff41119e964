// SPDX-License-Identifier: Apache-2.0
// DHCP is lwIP's. This starts it, listens to what lwIP leaves out, and takes the lease.
#include "net/convert.h"
#include "net/interface.h"
#include "net/network.h"

namespace vireo::net {

namespace {

// Options that lwIP asks for on our behalf (RFC 2132).
enum Option : u8 {
    HostName = 12,
    DomainName = 15,
    RootPath = 17,
    VendorClass = 60,
    ServerName = 66,
    BootFile = 67
};

// Refused offers after which nothing better is to be expected. lwIP would go on as fast as the server answers.
constexpr u32 most_refusals = 4;

// While dhcp() waits: what came in the acknowledgement besides the addresses.
struct Listener {
    Writer& console;
    u32 discovers = 0;
    u32 refusals = 0;
    bool has_requested = false; // an address, after the last discover
    std::array<char, 128> boot_file{};
    std::array<char, 64> host_name{}, domain{}, server_name{};
    std::array<char, 255> root_path{};

    void forget_texts() {
        boot_file = {};
        host_name = domain = server_name = {};
        root_path = {};
    }
};

constinit Listener* listener = nullptr;

// Up to the first zero: some servers count it, some do not.
template <usize N> std::string_view text_of(const std::array<char, N>& bytes) {
    return {bytes.data(), static_cast<usize>(std::ranges::find(bytes, '\0') - bytes.begin())};
}

template <usize N> void copy_option(std::array<char, N>& to, pbuf* packet, u16 offset, u8 length) {
    to = {};
    pbuf_copy_partial(packet, to.data(), static_cast<u16>(std::min<usize>(length, N)), offset);
}

void dhcp_sends(dhcp_msg& message, u8 type, u16& length) {
    constexpr std::string_view vendor = "Vireo";
    if (usize{length} + 2 + vendor.size() < sizeof(message.options)) {
        message.options[length++] = VendorClass;
        message.options[length++] = static_cast<u8>(vendor.size());
        std::ranges::copy(vendor, message.options + length);
        length = static_cast<u16>(length + vendor.size());
    }
    if (!listener)
        return;
    listener->refusals += type == DHCP_DISCOVER && listener->has_requested ? 1 : 0;
    listener->has_requested = type != DHCP_DISCOVER;
    if (listener->has_requested)
        listener->forget_texts(); // those of offers; the acknowledgement repeats them
    else if (listener->refusals < most_refusals)
        print(listener->console, "BOOTP broadcast {}\n", ++listener->discovers);
}

void dhcp_option(u8 option, u8 length, pbuf* packet, u16 offset) {
    if (!listener)
        return;
    switch (option) {
    case HostName:
        return copy_option(listener->host_name, packet, offset, length);
    case DomainName:
        return copy_option(listener->domain, packet, offset, length);
    case RootPath:
        return copy_option(listener->root_path, packet, offset, length);
    case ServerName:
        return copy_option(listener->server_name, packet, offset, length);
    case BootFile:
        return copy_option(listener->boot_file, packet, offset, length);
    default:
        return;
    }
}

// The first bytes of an option's value. Not of one in the fields of the file and the server's name (RFC 2132, 9.3).
template <usize N> std::optional<std::array<u8, N>> find_option(const pbuf& packet, u8 code) {
    for (usize at = DHCP_OPTIONS_OFS; at + 1 < packet.tot_len;) {
        auto place = static_cast<u16>(at);
        u8 found = pbuf_get_at(&packet, place);
        if (found == DHCP_OPTION_END)
            break;
        if (found == DHCP_OPTION_PAD) {
            ++at;
            continue;
        }
        u8 length = pbuf_get_at(&packet, static_cast<u16>(at + 1));
        std::array<u8, N> value;
        if (found == code && length >= N &&
            pbuf_copy_partial(&packet, value.data(), N, static_cast<u16>(at + 2)) == N)
            return value;
        at += 2 + usize{length};
    }
    return std::nullopt;
}

// Not "this host", not a loop, not a group, not everybody (RFC 1122, 3.2.1.3).
bool is_usable(std::span<const u8, 4> address) {
    return address[0] != 0 && address[0] != 127 && address[0] < 224;
}

// What lwIP would take note of, and should not.
bool can_be_believed(const pbuf& packet, const dhcp& state) {
    if (state.state == DHCP_STATE_BOUND)
        return false; // it would replace the texts of the answer that counts
    // RFC 2131, 3: what stands behind the fixed part is options only if this cookie says so.
    constexpr u8 cookie[] = {99, 130, 83, 99};
    if (pbuf_memcmp(&packet, DHCP_OPTIONS_OFS - sizeof(cookie), cookie, sizeof(cookie)) != 0)
        return false;
    // Another server's word on what we asked of the one that we chose.
    auto server = find_option<4>(packet, DHCP_OPTION_SERVER_ID);
    if (state.state == DHCP_STATE_REQUESTING && server &&
        std::memcmp(server->data(), &ip_2_ip4(&state.server_ip_addr)->addr, server->size()) != 0)
        return false;
    auto type = find_option<1>(packet, DHCP_OPTION_MESSAGE_TYPE);
    std::array<u8, 4> address{};
    pbuf_copy_partial(&packet, address.data(), address.size(), offsetof(dhcp_msg, yiaddr));
    return (type && type->front() == DHCP_NAK) || is_usable(address);
}

constinit udp_recv_fn lwip_receiver = nullptr;

void take_if_believed(void* argument, udp_pcb* pcb, pbuf* packet, const ip_addr_t* from, u16_t port) {
    const dhcp* state = netif_dhcp_data(ip_current_input_netif());
    if (state && can_be_believed(*packet, *state))
        lwip_receiver(argument, pcb, packet, from, port);
    else
        pbuf_free(packet);
}

// lwIP keeps its socket to itself: the one at the client's port, which nobody else may have.
void guard_receiver() {
    for (udp_pcb* pcb = udp_pcbs; pcb; pcb = pcb->next)
        if (pcb->local_port == LWIP_IANA_PORT_DHCP_CLIENT)
            lwip_receiver = std::exchange(pcb->recv, take_if_believed);
}

DhcpLease take_lease(const netif& interface, const dhcp& state, const Listener& heard) {
    DhcpLease lease;
    lease.ipv4 = {from_lwip(*netif_ip4_addr(&interface)), from_lwip(*netif_ip4_netmask(&interface)),
                  from_lwip(*netif_ip4_gw(&interface))};
    for (usize i = 0; i < std::size(lease.dns); ++i)
        lease.dns[i] = from_lwip(*dns_getserver(static_cast<u8>(i)));
    lease.server = from_lwip(state.server_ip_addr);
    lease.next_server = from_lwip(state.offered_si_addr);
    if (auto named = IpAddress::parse(text_of(heard.server_name)); named && !lease.next_server.is_set())
        lease.next_server = *named;
    std::string_view file(state.boot_file_name, strnlen(state.boot_file_name, sizeof(state.boot_file_name)));
    lease.boot_file.write(text_of(heard.boot_file).empty() ? file : text_of(heard.boot_file));
    lease.host_name.write(text_of(heard.host_name));
    lease.domain.write(text_of(heard.domain));
    lease.root_path.write(text_of(heard.root_path));
    lease.lease_seconds = state.offered_t0_lease;
    lease.discovers = heard.discovers;
    return lease;
}

} // namespace

Result<DhcpLease> Network::dhcp(Writer& console, event::Duration patience) {
    if (!card())
        return error(ErrorCode::NotReady, "network is not open");
    constexpr u16 least_mtu = 576; // RFC 2131, 2: a client must be prepared to receive that
    if (card()->facts().mtu < least_mtu)
        return error(ErrorCode::NotSupported, "the card's MTU is too small for DHCP");
    Listener heard{console};
    listener = &heard;
    set_ipv4({});
    set_dns_servers({});
    auto& state = interface_->dhcp_state();
    err_t started = dhcp_start(&interface_->lwip());
    if (started == ERR_OK)
        guard_receiver();
    auto is_bound = [&] { return state.state == DHCP_STATE_BOUND; };
    Result<> ended = started == ERR_OK
                         ? wait(patience, [&] { return is_bound() || heard.refusals >= most_refusals; })
                         : to_error(started);
    if (ended && !is_bound())
        ended = error(ErrorCode::NotReady, "the server refuses what it offers");
    listener = nullptr;
    Result<DhcpLease> lease = ended ? Result<DhcpLease>(take_lease(interface_->lwip(), state, heard))
                                    : Result<DhcpLease>(ended.error());
    // Without a release, which it would send for an address in use: we keep the address, and do not keep the lease up.
    if (started == ERR_OK) {
        state.state = DHCP_STATE_REQUESTING;
        dhcp_stop(&interface_->lwip());
    }
    return lease;
}

} // namespace vireo::net

extern "C" {

void vireo_dhcp_sends(dhcp_msg* message, u8_t type, u16_t* length) {
    vireo::net::dhcp_sends(*message, type, *length);
}

void vireo_dhcp_option(u8_t type, u8_t option, u8_t length, pbuf* packet, u16_t offset) {
    if (type != DHCP_OFFER)
        vireo::net::dhcp_option(option, length, packet, offset);
}

} // extern "C"
