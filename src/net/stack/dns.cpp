// SPDX-License-Identifier: Apache-2.0
// Names. Questions and answers are lwIP's; whom to ask is decided here, once for each question.
#include "net/stack/convert.h"
#include "net/stack/interface.h"
#include "net/stack/network.h"

namespace vireo::net {

namespace {

// lwIP asks four times within it.
constexpr event::Budget query_budget = event::Budget::total(event::Duration::seconds(20));

// RFC 1035, 2.3.4, with a dot at the end or without: lwIP would send labels of any length.
bool is_host_name(std::string_view name) {
    constexpr usize most_label_bytes = 63, most_name_bytes = 253;
    if (name.ends_with('.'))
        name.remove_suffix(1);
    if (name.size() > most_name_bytes)
        return false;
    for (;;) {
        usize end = std::min(name.find('.'), name.size());
        if (end == 0 || end > most_label_bytes)
            return false;
        if (end == name.size())
            return true;
        name.remove_prefix(end + 1);
    }
}

} // namespace

void Network::set_dns_servers(std::span<const IpAddress> servers) {
    for (usize i = 0; i < dns_servers_.size(); ++i)
        dns_servers_[i] = i < servers.size() ? servers[i] : IpAddress();
}

// Tells lwIP whom to ask: those that were set, or else those that a router announces. What a router says
// later does not change who answers the question that is out.
Result<> Network::choose_servers() {
    std::array<IpAddress, most_dns_servers> servers = dns_servers_;
    if (!servers[0].is_set()) {
        event::Patience patience(loop_, ipv6_budget);
        VIREO_TRY(wait_for_link_local(patience));
        VIREO_TRY(wait(patience.deadline(), [&] {
            return interface_->announced_servers().list(servers, event::now()) != 0 ||
                   event::now() - interface_->ipv6_since() >= router_patience;
        }));
        if (!servers[0].is_set())
            return error(ErrorCode::NotReady, "no DNS server known");
    }
    if (servers[0].is_v6())
        VIREO_TRY(wait_for_ipv6(servers[0], ipv6_budget));
    for (u8 i = 0; i < DNS_MAX_SERVERS; ++i) {
        ip_addr_t server = to_lwip(i < servers.size() ? servers[i] : IpAddress());
        dns_setserver(i, &server);
    }
    return {};
}

Result<IpAddress> Network::resolve(std::string_view name, IpAddress::Family family) {
    if (auto literal = IpAddress::parse(name))
        return *literal;
    if (!is_host_name(name))
        return error(ErrorCode::InvalidArgument, "not a host name");
    char text[DNS_MAX_NAME_LENGTH] = {};
    std::ranges::copy(name, text);
    VIREO_TRY(choose_servers());

    // lwIP cannot be told to forget a question: the answer to one that we gave up finds that it
    // is not the current one.
    struct Query {
        Network* network;
        bool is_done = false;
        bool has_timed_out = false;
        ip_addr_t address{};
    };
    static constinit Query* current = nullptr;
    static constinit u32 number = 0;
    Query query{this};
    current = &query;
    ++number;
    auto answered = [](const char*, const ip_addr_t* address, void* argument) {
        if (!current || static_cast<u32>(mem_ptr_t(argument)) != number)
            return;
        current->is_done = true;
        current->has_timed_out = !address && current->network->in_timers_;
        if (address)
            current->address = *address;
    };
    u8 type = family == IpAddress::Family::V6 ? LWIP_DNS_ADDRTYPE_IPV6 : LWIP_DNS_ADDRTYPE_IPV4;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): lwIP hands it back as it is
    auto tag = (void*)mem_ptr_t{number};
    err_t begun = dns_gethostbyname_addrtype(text, &query.address, answered, tag, type);
    Result<> ended{};
    if (begun == ERR_INPROGRESS)
        ended = wait(event::Patience(loop_, query_budget).deadline(), [&] { return query.is_done; });
    current = nullptr;
    if (begun != ERR_OK && begun != ERR_INPROGRESS)
        return begun == ERR_MEM ? to_error(begun) : error(ErrorCode::InvalidArgument, "not a host name");
    VIREO_TRY(ended);
    if (query.has_timed_out)
        return error(ErrorCode::Timeout, "DNS server does not answer");
    IpAddress result = from_lwip(query.address);
    if (!result.is_set())
        return error(ErrorCode::NotFound, "no such host");
    return result;
}

} // namespace vireo::net
