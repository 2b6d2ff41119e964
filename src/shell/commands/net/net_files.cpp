// SPDX-License-Identifier: Apache-2.0
// What the commands that read files from the network share.
#include "shell/commands/net/net_files.h"

#include "base/parse.h"
#include "net/protocol/words.h"
#include "net/transfer/download.h"
#include "shell/arguments.h"

namespace vireo::shell {

void print_file_name(Writer& out, std::string_view name) {
    out.write("Filename '");
    print_untrusted(out, name);
    out.write("'.\n");
}

bool print_failure(Context& context, std::string_view who, std::string_view lead,
                   const load::Failure& failure, u64 address) {
    using Kind = load::Failure::Kind;
    Writer& out = context.console;
    switch (failure.kind) {
    case Kind::Error:
        if (failure.why.code != ErrorCode::Interrupted)
            (void)fail(context, who, failure.why);
        return true;
    case Kind::Memory:
        print_not_free(out, lead, failure.memory);
        return true;
    case Kind::TooLarge:
        out.write(lead);
        if (failure.announced)
            print(out, "the file has {} bytes, only {}", *failure.announced, failure.room);
        else
            print(out, "the file is larger than the memory: only {} bytes", failure.room);
        print(out, " are free at 0x{:x}\n", address);
        return true;
    case Kind::TooSlow:
        print(out, "{}the server is too slow: {} bytes a second came, {} are the least\n", lead, failure.rate,
              net::transfer_budget.least_rate);
        return true;
    default:
        return false;
    }
}

std::string_view split_server(std::string_view& file) {
    usize colon = file.find(':');
    if (file.starts_with('['))
        colon = file.find("]:") == std::string_view::npos ? std::string_view::npos : file.find("]:") + 1;
    if (colon == std::string_view::npos)
        return {};
    std::string_view server = file.substr(0, colon);
    file.remove_prefix(colon + 1);
    return server.starts_with('[') ? server.substr(1, server.size() - 2) : server;
}

namespace {

// "tftp://host[:port]/file" (RFC 3617); `;mode=octet` is what we ask for anyway.
bool split_tftp_url(Context& context, NetFile& file) {
    std::string_view rest = file.whole.substr(file.whole.find("//") + 2);
    std::string_view authority = rest.substr(0, rest.find('/'));
    net::Url url;
    if (auto set = url.set_authority(authority, 69); !set) {
        fail(context, "TFTP error", set.error());
        return false;
    }
    bool is_v6 = authority.starts_with('[');
    file.server = authority.substr(is_v6 ? 1 : 0, url.host.view().size());
    file.port = authority.size() > file.server.size() + (is_v6 ? 2 : 0) ? url.port : 0;
    file.name = rest.substr(std::min(authority.size() + 1, rest.size()));
    constexpr std::string_view mode = ";mode=octet";
    if (file.name.ends_with(mode))
        file.name.remove_suffix(mode.size());
    return true;
}

} // namespace

bool NetFile::is_http() const {
    std::string_view scheme = net::url_scheme(whole);
    return !scheme.empty() && !net::is_same_word(scheme, "tftp");
}

std::optional<NetFile> net_file_arguments(Context& context, Arguments words) {
    const Environment& environment = context.environment;
    NetFile file;
    std::string_view address = environment.get("loadaddr").value_or("");
    file.name = environment.get("bootfile").value_or("");
    // A single word is an address if it can be one.
    if (words.size() == 1 && !parse_number(words[0], 16)) {
        file.name = words[0];
    } else if (!words.empty()) {
        address = words[0];
        if (words.size() > 1)
            file.name = words[1];
    }
    auto number = number_argument(context, address);
    if (!number)
        return std::nullopt;
    file.address = *number;
    file.whole = file.name;
    if (std::string_view scheme = net::url_scheme(file.name); scheme.empty())
        file.server = split_server(file.name);
    else if (net::is_same_word(scheme, "tftp") && !split_tftp_url(context, file))
        return std::nullopt;
    if (!file.name.empty())
        return file;
    net::IpAddress own = address_variable(context, "ipaddr");
    print(file.own_name, "{:08X}.img", own.is_v4() ? own.v4() : 0);
    return file;
}

std::optional<net::IpAddress> find_server(Context& context, NetworkSession& session,
                                          std::string_view server) {
    if (!server.empty())
        return session.find(server);
    net::IpAddress address = address_variable(context, "serverip");
    if (address.is_set())
        return address;
    context.console.write("*** ERROR: `serverip' not set\n");
    return std::nullopt;
}

bool print_way(Context& context, NetworkSession& session, std::string_view lead, const net::IpAddress& server,
               std::string_view own_name) {
    auto route = session.route(server);
    if (route)
        print_known_way(context, session, lead, server, *route, own_name);
    return route.has_value();
}

void print_known_way(Context& context, NetworkSession& session, std::string_view lead,
                     const net::IpAddress& server, const net::Network::Route& route,
                     std::string_view own_name, std::optional<u16> port) {
    Writer& out = context.console;
    if (!own_name.empty())
        print(out, "*** Warning: no boot file name; using '{}'\n", own_name);
    session.print_card();
    print(out, "{} ", lead);
    server.print(out);
    if (port)
        print(out, " port {}", *port);
    out.write("; our IP address is ");
    route.source.print(out);
    if (route.gateway.is_set()) {
        out.write("; sending through gateway ");
        route.gateway.print(out);
    }
    out.write("\n");
}

void print_from_server(Writer& out, std::string_view text, bool is_cut) {
    print_untrusted(out, text);
    if (is_cut)
        out.write("...");
}

int set_file_variables(Context& context, u64 bytes, u64 address) {
    context.loaded.remember({address, bytes}, false);
    auto set = context.environment.set_hex("fileaddr", address);
    if (set)
        set = context.environment.set_hex("filesize", bytes);
    return set ? status_ok : fail(context, "filesize", set.error());
}

} // namespace vireo::shell
