// SPDX-License-Identifier: Apache-2.0
// DHCP's timing and its two questions are lwIP's. This reads the answers, tells lwIP those that it may
// believe, and takes the lease.
#include "net/stack/convert.h"
#include "net/stack/interface.h"
#include "net/stack/network.h"

namespace vireo::net {

namespace {

using event::Duration;

// Refused offers after which nothing better is to be expected. lwIP would go on as fast as the
// server answers.
constexpr u32 most_refusals = 4;
// A server that does not answer a request for so long is left for another one. lwIP has asked
// it twice by then.
constexpr Duration server_patience = Duration::seconds(5);

// While dhcp() waits.
struct Listener {
    DhcpWatcher& watcher;
    const DhcpClient& client;
    u32 discovers = 0;
    u32 refusals = 0;
    u32 tries = 0;              // discovers since we began, or began anew
    bool has_requested = false; // an address, after the last discover
    event::Instant requested_at{};
    FixedVector<u32, 4>
        silent{};         // servers that offered something and then said no more, as lwIP has their addresses
    DhcpMessage answer{}; // the acknowledgement

    bool has_fallen_silent() const { return has_requested && event::now() - requested_at >= server_patience; }
    // Others may be slower: such a server is heard again when nobody else has answered the first question.
    bool passes_over(u32 server) const { return tries <= 1 && std::ranges::count(silent, server) != 0; }
};

constinit Listener* listener = nullptr;

// Adds options behind what lwIP has written.
class OptionWriter {
  public:
    OptionWriter(dhcp_msg& message, u16& length) : options_(message.options), length_(length) {}

    template <typename T> void add(DhcpOption code, const T& bytes) {
        add_bytes(code, std::as_bytes(std::span(bytes)));
    }

  private:
    // All of it, or nothing: there is room for what we send (lwipopts.h).
    void add_bytes(DhcpOption code, Bytes value) {
        if (value.empty() || length_ + 2 + value.size() >= options_.size())
            return;
        options_[length_] = u8(code);
        options_[length_ + 1] = static_cast<u8>(value.size());
        std::memcpy(&options_[length_ + 2u], value.data(), value.size());
        length_ = static_cast<u16>(length_ + 2 + value.size());
    }

    std::span<u8> options_;
    u16& length_;
};

void add_client(OptionWriter options, const DhcpClient& client) {
    options.add(DhcpOption::VendorClass, client.vendor_class);
    if (!client.architecture)
        return;
    u16 kind = *client.architecture;
    options.add(DhcpOption::ClientArchitecture,
                std::array{static_cast<u8>(kind >> 8), static_cast<u8>(kind)});
    options.add(DhcpOption::ClientInterface, std::array<u8, 3>{1, 0, 0}); // RFC 4578, 2.2: version 0.0
}

void dhcp_sends(dhcp_msg& message, u8 type, u16& length) {
    if (!listener)
        return;
    add_client({message, length}, listener->client);
    bool is_request = type != DHCP_DISCOVER;
    bool was_request = std::exchange(listener->has_requested, is_request);
    if (is_request && !was_request)
        listener->requested_at = event::now();
    if (is_request)
        return;
    ++listener->tries;
    listener->refusals += was_request ? 1 : 0;
    if (listener->refusals < most_refusals)
        listener->watcher.asks(++listener->discovers);
}

// Not "this host", not a loop, not a group, not everybody (RFC 1122, 3.2.1.3).
bool is_usable(std::span<const u8, 4> address) {
    return address[0] != 0 && address[0] != 127 && address[0] < 224;
}

u32 as_lwip_has_it(const std::array<u8, 4>& address) { return std::bit_cast<u32>(address); }

// What lwIP would take note of, and should not. It takes the answers of any server.
bool can_be_believed(const DhcpMessage& message, const dhcp& state) {
    if (!listener || state.state == DHCP_STATE_BOUND)
        return false; // it would replace the answer that counts
    // RFC 2131, 4.3.1, table 3: all three answers say whose they are.
    auto server = message.first<4>(DhcpOption::ServerId);
    auto type = message.first<1>(DhcpOption::MessageType);
    if (!server || !type)
        return false;
    // Another server's word on what we asked of the one that we chose.
    if (state.state == DHCP_STATE_REQUESTING &&
        as_lwip_has_it(*server) != ip_2_ip4(&state.server_ip_addr)->addr)
        return false;
    if (state.state == DHCP_STATE_SELECTING && listener->passes_over(as_lwip_has_it(*server)))
        return false;
    return type->front() == DHCP_NAK || is_usable(message.field(DhcpMessage::address_at));
}

// The message as lwIP understands it in any case: the options that it reads, whole, where options
// belong, and their end.
pbuf* told_plainly(const DhcpMessage& message) {
    std::array<u8, DhcpMessage::fixed_bytes + 32> bytes{};
    std::memcpy(bytes.data(), message.fixed().data(), DhcpMessage::fixed_bytes);
    std::ranges::fill(std::span(bytes).subspan(offsetof(dhcp_msg, sname), DHCP_SNAME_LEN + DHCP_FILE_LEN),
                      u8{0});
    usize length = message.fixed_bytes;
    auto add = [&](DhcpOption code, const auto& value) {
        if (!value)
            return;
        bytes[length++] = u8(code);
        bytes[length++] = static_cast<u8>(value->size());
        std::ranges::copy(*value, bytes.begin() + length);
        length += value->size();
    };
    add(DhcpOption::MessageType, message.first<1>(DhcpOption::MessageType));
    for (DhcpOption code :
         {DhcpOption::ServerId, DhcpOption::LeaseTime, DhcpOption::Netmask, DhcpOption::Router})
        add(code, message.first<4>(code));
    bytes[length++] = u8(DhcpOption::End);
    pbuf* packet = pbuf_alloc(PBUF_RAW, static_cast<u16>(length), PBUF_RAM);
    if (packet)
        pbuf_take(packet, bytes.data(), static_cast<u16>(length));
    return packet;
}

constinit udp_recv_fn lwip_receiver = nullptr;

// A datagram that is in one piece, or is copied into one.
Result<DhcpMessage> parse(const pbuf& packet) {
    if (!packet.next)
        return DhcpMessage::parse({static_cast<const std::byte*>(packet.payload), packet.len});
    auto whole = VIREO_TRY(OwnedArray<std::byte>::create(packet.tot_len));
    pbuf_copy_partial(&packet, whole.data(), packet.tot_len, 0);
    return DhcpMessage::parse(whole);
}

void take_if_believed(void* argument, udp_pcb* pcb, pbuf* packet, const ip_addr_t* from, u16_t port) {
    const dhcp* state = netif_dhcp_data(ip_current_input_netif());
    auto message = parse(*packet);
    pbuf_free(packet);
    if (!state || !message || !can_be_believed(*message, *state))
        return;
    pbuf* told = told_plainly(*message);
    if (!told)
        return;
    lwip_receiver(argument, pcb, told, from, port); // which looks whether it was meant for us, and frees it
    if (state->state == DHCP_STATE_BOUND)
        listener->answer = std::move(*message);
}

// lwIP keeps its socket to itself: the one at the client's port, which nobody else may have.
void guard_receiver() {
    for (udp_pcb* pcb = udp_pcbs; pcb; pcb = pcb->next)
        if (pcb->local_port == LWIP_IANA_PORT_DHCP_CLIENT && pcb->recv != take_if_believed)
            lwip_receiver = std::exchange(pcb->recv, take_if_believed);
}

IpAddress address_of(const std::array<u8, 4>& address) {
    return from_lwip(ip4_addr_t{as_lwip_has_it(address)});
}

DhcpLease take_lease(const netif& interface, const dhcp& state, Listener& heard) {
    DhcpLease lease;
    lease.ipv4 = {from_lwip(*netif_ip4_addr(&interface)), from_lwip(*netif_ip4_netmask(&interface)), {}};
    lease.server = from_lwip(state.server_ip_addr);
    lease.lease_seconds = state.offered_t0_lease;
    lease.discovers = heard.discovers;
    lease.answer = std::move(heard.answer);
    const DhcpMessage& answer = lease.answer;
    if (auto router = answer.first<4>(DhcpOption::Router)) // lwIP makes one up if there is none
        lease.ipv4.gateway = address_of(*router);
    Bytes servers = answer.option(DhcpOption::NameServer);
    for (usize i = 0; i < std::size(lease.dns) && servers.size() % 4 == 0 && 4 * i < servers.size(); ++i) {
        std::array<u8, 4> address;
        std::memcpy(address.data(), servers.data() + 4 * i, address.size());
        lease.dns[i] = address_of(address);
    }
    std::string_view named = answer.text(DhcpOption::ServerName);
    if (named.empty())
        named = answer.server_name();
    lease.next_server = address_of(answer.field(DhcpMessage::next_server_at));
    if (!lease.next_server.is_set())
        lease.next_server = IpAddress::parse(named).value_or(IpAddress());
    if (!lease.next_server.is_set())
        lease.server_name = named;
    std::string_view file = answer.text(DhcpOption::BootFile);
    lease.boot_file = file.empty() ? answer.file() : file;
    return lease;
}

} // namespace

// Until an address is bound. A server that falls silent is left for another one.
Result<> Network::negotiate(const event::Patience& patience) {
    auto& state = interface_->dhcp_state();
    for (;;) {
        if (err_t started = dhcp_start(&interface_->lwip()); started != ERR_OK)
            return to_error(started);
        guard_receiver();
        auto is_bound = [&] { return state.state == DHCP_STATE_BOUND; };
        auto ended = wait(patience.deadline(), [&] {
            return is_bound() || listener->refusals >= most_refusals || listener->has_fallen_silent();
        });
        if (!ended && ended.error().code == ErrorCode::Timeout)
            return error(ErrorCode::Timeout, listener->has_requested || !listener->silent.is_empty()
                                                 ? "a server made an offer and then fell silent"
                                                 : "nobody answered");
        if (!ended || is_bound())
            return ended;
        if (listener->refusals >= most_refusals)
            return error(ErrorCode::NotReady, "the server refuses what it offers");
        (void)listener->silent.try_push_back(ip_2_ip4(&state.server_ip_addr)->addr);
        listener->has_requested = false;
        listener->tries = 0;
    }
}

Result<DhcpLease> Network::dhcp(DhcpWatcher& watcher, const DhcpClient& client, const event::Budget& budget) {
    if (!card())
        return error(ErrorCode::NotReady, "network is not open");
    constexpr u16 least_mtu = 576; // RFC 2131, 2: a client must be prepared to receive that
    if (card()->facts().mtu < least_mtu)
        return error(ErrorCode::NotSupported, "the card's MTU is too small for DHCP");
    if (client.vendor_class.size() > DhcpClient::most_class_bytes)
        return error(ErrorCode::TooLarge, "a vendor class of more than 255 bytes");
    Listener heard{watcher, client};
    listener = &heard;
    set_ipv4({});
    auto& state = interface_->dhcp_state();
    Result<> ended = negotiate(event::Patience(loop_, budget));
    listener = nullptr;
    Result<DhcpLease> lease = ended ? Result<DhcpLease>(take_lease(interface_->lwip(), state, heard))
                                    : Result<DhcpLease>(ended.error());
    if (lease)
        set_ipv4(lease->ipv4);
    // Without a release, which it would send for an address in use: we keep the address, and do
    // not keep the lease up.
    if (state.pcb_allocated) {
        state.state = DHCP_STATE_REQUESTING;
        dhcp_stop(&interface_->lwip());
    }
    return lease;
}

} // namespace vireo::net

extern "C" void vireo_dhcp_sends(dhcp_msg* message, u8_t type, u16_t* length) {
    vireo::net::dhcp_sends(*message, type, *length);
}
