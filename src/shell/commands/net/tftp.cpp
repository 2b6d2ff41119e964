// SPDX-License-Identifier: Apache-2.0
// Files over TFTP: tftpboot and tftpput, and what dhcp and pxe call.
#include "net/protocol/tftp.h"
#include "base/math.h"
#include "base/parse.h"
#include "shell/arguments.h"
#include "shell/commands/net/net_files.h"
#include "shell/transfer_display.h"

namespace vireo::shell {

namespace {

using net::TftpSession;

// A window of this many blocks, if the server can: enough to keep a quick network busy (see
// docs/performance.md), and less than the card has room for.
constexpr u16 default_window = 64;

// A decimal variable; none if it is not set or says anything else.
std::optional<u64> decimal_variable(Context& context, std::string_view name) {
    std::string_view text = context.environment.get(name).value_or("");
    if (text.find_first_not_of("0123456789") != std::string_view::npos)
        return std::nullopt;
    auto number = parse_number(text, 10);
    return number ? std::optional(*number) : std::nullopt;
}

// Between two bounds, beyond which it counts as the nearer one.
u16 bounded_variable(Context& context, std::string_view name, u16 least, u16 most, u16 otherwise) {
    auto number = decimal_variable(context, name);
    return number ? static_cast<u16>(std::clamp<u64>(*number, least, most)) : otherwise;
}

// What is no port counts as not set.
u16 port_variable(Context& context, std::string_view name, u16 otherwise) {
    auto number = decimal_variable(context, name);
    return number && *number >= 1 && *number <= 0xffff ? static_cast<u16>(*number) : otherwise;
}

net::TftpOptions tftp_options(Context& context, const NetworkSession& session, const net::IpAddress& server,
                              u16 port) {
    // A datagram in one piece: IP and UDP headers, and 4 bytes of TFTP's.
    u16 headers = server.is_v6() ? 40 + 8 + 4 : 20 + 8 + 4;
    u16 room = std::max<u16>(session.card().facts().mtu, 576) - headers;
    u16 largest = std::min(room, net::TftpOptions::most_block_bytes);
    net::TftpOptions options{.block_bytes = bounded_variable(context, "tftpblocksize", 8, largest, largest),
                             .window = bounded_variable(context, "tftpwindowsize", 1, 256, default_window)};
    options.request_port = port != 0 ? port : port_variable(context, "tftpdstp", options.request_port);
    if (auto interval = decimal_variable(context, "tftptimeout"))
        options.interval = std::clamp(event::Duration::milli(std::min<u64>(*interval, 60'000)),
                                      event::Duration::seconds(1), event::Duration::seconds(60));
    return options;
}

// As U-Boot counts: so many repetitions without an answer, then one more such time, is the longest silence.
event::Budget tftp_budget(Context& context, const net::TftpOptions& options) {
    event::Budget budget = net::transfer_budget;
    auto count = decimal_variable(context, "tftptimeoutcountmax");
    if (!count && options.interval.microseconds == 0)
        return budget;
    u64 interval = std::max(options.interval, event::Duration::seconds(1)).microseconds;
    budget.silence = {interval * (std::min<u64>(count.value_or(10), 1000) + 1)};
    budget.head_start = std::max(budget.head_start, event::Duration{3 * budget.silence.microseconds});
    return budget;
}

// Nothing came. Of a server with several addresses something may have come, from another one.
void print_silent(Writer& out, const load::Failure& failure) {
    out.write("the server does not answer");
    if (failure.stranger.is_set()) {
        out.write("; an answer came from ");
        failure.stranger.print(out);
    }
    out.write("\n");
}

void report(Context& context, const load::Failure& failure, u64 address) {
    using Kind = load::Failure::Kind;
    Writer& out = context.console;
    constexpr std::string_view lead = "TFTP error: ";
    if (print_failure(context, "TFTP", lead, failure, address))
        return;
    out.write(lead);
    switch (failure.kind) {
    case Kind::NameTooLong:
        return print(out, "a file name of more than {} bytes\n", TftpSession::max_name_bytes);
    case Kind::Refused:
        out.write("'");
        print_from_server(out, failure.text.view(), failure.is_text_cut);
        return print(out, "' ({})\nNot retrying...\n", failure.code);
    case Kind::Silent:
        return print_silent(out, failure);
    case Kind::Stuck:
        return print(out, "the server answers, but there is nothing new: block {} is missing\n",
                     failure.block);
    case Kind::WrongSize:
        return print(out, "the server announced {} bytes and sent {}\n", failure.announced.value_or(0),
                     failure.bytes);
    case Kind::Option:
        out.write("the server answered with option '");
        print_from_server(out, failure.text.view(), failure.is_text_cut);
        return print(out, "': {}\n", failure.what);
    default:
        return print(out, "the server sent {}\n", failure.what);
    }
}

load::TftpFile place_of(Context& context, NetworkSession& session, const net::IpAddress& server,
                        std::string_view name, u16 port) {
    net::TftpOptions options = tftp_options(context, session, server, port);
    return {.network = session.network(),
            .server = server,
            .name = name,
            .options = options,
            .budget = tftp_budget(context, options),
            .own_port = port_variable(context, "tftpsrcp", 0)};
}

int tftpboot(Context& context, Arguments arguments) {
    NetworkSession session(context);
    return session ? load_net_file(context, session, arguments.subspan(1)) : status_failed;
}

int tftpput(Context& context, Arguments arguments) {
    auto address = number_argument(context, arguments[1]);
    auto bytes = number_argument(context, arguments[2]);
    if (!address || !bytes)
        return status_failed;
    auto memory = readable_memory(context, *address, *bytes, "TFTP error: ");
    NetworkSession session(context);
    if (!memory || !session)
        return status_failed;
    const std::string_view words[] = {arguments[1], arguments.size() > 3 ? arguments[3] : ""};
    auto file = net_file_arguments(context, Arguments(words).first(arguments.size() - 2));
    if (file && file->is_http()) {
        context.console.write("TFTP error: files are written by TFTP only\n");
        return status_failed;
    }
    auto server = file ? find_server(context, session, file->server) : std::nullopt;
    if (!server || !print_way(context, session, "TFTP to server", *server, file->own_name.view()))
        return status_failed;
    print_file_name(context.console, file->file_name());
    print(context.console, "Save address: 0x{:x}\nSave size:    0x{:x}\n", *address, *bytes);
    TransferDisplay display(context.console, "Saving");
    auto saved =
        load::save(place_of(context, session, *server, file->file_name(), file->port), *memory, display);
    if (saved) {
        display.finish(*saved);
        return status_ok;
    }
    display.end_line();
    report(context, *saved.error(), *address);
    return status_failed;
}

} // namespace

Fetched fetch_by_tftp(Context& context, NetworkSession& session, const net::IpAddress& server,
                      std::string_view name, u64 address, bool is_search, u16 port) {
    TransferDisplay display(context.console, "Loading", is_search);
    auto loaded = load::load(place_of(context, session, server, name, port),
                             {context.memory, context.machine, address}, {}, display);
    if (loaded) {
        display.finish(loaded->bytes);
        return set_file_variables(context, loaded->bytes, address) == status_ok ? Fetched::Done
                                                                                : Fetched::Failed;
    }
    display.end_line();
    bool is_refused = loaded.error()->kind == load::Failure::Kind::Refused;
    if (!is_refused || !is_search)
        report(context, *loaded.error(), address);
    return is_refused ? Fetched::Refused : Fetched::Failed;
}

int load_net_file(Context& context, NetworkSession& session, Arguments words) {
    auto file = net_file_arguments(context, words);
    if (file && file->is_http())
        return load_by_http(context, session, *file);
    auto server = file ? find_server(context, session, file->server) : std::nullopt;
    if (!server || !print_way(context, session, "TFTP from server", *server, file->own_name.view()))
        return status_failed;
    print_file_name(context.console, file->file_name());
    print(context.console, "Load address: 0x{:x}\n", file->address);
    return fetch_by_tftp(context, session, *server, file->file_name(), file->address, false, file->port) ==
                   Fetched::Done
               ? status_ok
               : status_failed;
}

namespace {

VIREO_COMMAND(tftpboot_command) = {
    .name = "tftpboot",
    .summary = "load a file over the network by TFTP",
    .usage =
        "tftpboot [addr] [[ip:]file] - read 'file' from the server 'ip' to memory at 'addr'\n"
        "tftpboot [addr] tftp://host[:port]/file - the same\n"
        "tftpboot [addr] http://host[:port]/path - the same as wget\n"
        "     Defaults: $loadaddr, $serverip, $bootfile. $tftpblocksize and $tftpwindowsize are asked of "
        "the\n"
        "     server, $tftpdstp and $tftpsrcp are ports, $tftptimeout (milliseconds) and "
        "$tftptimeoutcountmax\n"
        "     say how often is asked again; all decimal. Sets $filesize and $fileaddr.",
    .run = tftpboot,
    .max_words = 3,
};
VIREO_COMMAND(tftp_command) = {
    .name = "tftp",
    .summary = "load a file over the network by TFTP",
    .usage = "tftp [addr] [[ip:]file] - the same as tftpboot",
    .run = tftpboot,
    .max_words = 3,
};
VIREO_COMMAND(tftpput_command) = {
    .name = "tftpput",
    .summary = "write memory to a file over the network by TFTP",
    .usage = "tftpput addr bytes [[ip:]file] - write memory (numbers are hexadecimal) to 'file' on the "
             "server 'ip'",
    .run = tftpput,
    .min_words = 3,
    .max_words = 4,
};

} // namespace
} // namespace vireo::shell
