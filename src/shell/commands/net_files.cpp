// SPDX-License-Identifier: Apache-2.0
// Files over TFTP: tftpboot and tftpput, and what they share with dhcp, pxe and wget.
#include "shell/commands/net_files.h"

#include "base/math.h"
#include "base/parse.h"
#include "shell/arguments.h"
#include "shell/transfer_display.h"

namespace vireo::shell {

namespace {

using net::TftpSession;

// A window of this many blocks, if the server can: enough to keep a quick network busy (see docs/performance.md), and less
// than the card has room for.
constexpr u16 default_window = 64;

// A decimal variable between two bounds, beyond which it counts as the nearer one.
u16 bounded_variable(Context& context, std::string_view name, u16 least, u16 most, u16 otherwise) {
    auto value = context.environment.get(name);
    auto number = value ? parse_number(*value, 10) : error(ErrorCode::NotFound, "");
    return number ? static_cast<u16>(std::clamp<u64>(*number, least, most)) : otherwise;
}

net::TftpOptions tftp_options(Context& context, const NetworkSession& session, const net::IpAddress& server) {
    // A datagram in one piece: IP and UDP headers, and 4 bytes of TFTP's.
    u16 headers = server.is_v6() ? 40 + 8 + 4 : 20 + 8 + 4;
    u16 room = std::max<u16>(session.card().facts().mtu, 576) - headers;
    u16 largest = std::min(room, net::TftpOptions::most_block_bytes);
    return {.block_bytes = bounded_variable(context, "tftpblocksize", 8, largest, largest),
            .window = bounded_variable(context, "tftpwindowsize", 1, 256, default_window)};
}

void print_failure(Context& context, const TftpSession& session, u64 free_bytes, u64 address) {
    Writer& out = context.console;
    const TftpSession::Failure& failure = session.failure();
    out.write("TFTP error: ");
    switch (failure.kind) {
    case TftpSession::Failure::Kind::Refused:
        out.write("'");
        print_untrusted(out, failure.text.view());
        print(out, "' ({})\nNot retrying...\n", failure.code);
        return;
    case TftpSession::Failure::Kind::Silent:
        out.write("the server does not answer\n");
        return;
    case TftpSession::Failure::Kind::TooLarge:
        print_too_large(out, failure.announced, free_bytes, address);
        return;
    case TftpSession::Failure::Kind::WrongSize:
        print(out, "the server announced {} bytes and sent {}\n", failure.announced.value_or(0),
              session.bytes());
        return;
    case TftpSession::Failure::Kind::Protocol:
        print(out, "the server sent {}\n", failure.what);
        return;
    }
}

// A transfer between a server and memory; in a second session if the server falls silent in the first.
template <typename Session, typename Memory> class Transfer {
  public:
    Transfer(Context& context, NetworkSession& network, const net::IpAddress& server)
        : context_(context), network_(network), server_(server) {}

    Fetched run(std::string_view name, Memory memory, u64 address, bool is_search) {
        if (name.size() > TftpSession::max_name_bytes) {
            print(context_.console, "TFTP error: a file name of more than {} bytes\n",
                  TftpSession::max_name_bytes);
            return Fetched::Failed;
        }
        for (bool is_last = false;; is_last = true) {
            net::TftpSocket socket(network_.network());
            auto session =
                make_owned<Session>(socket, server_, name, tftp_options(context_, network_, server_), memory);
            auto ended = session ? run(socket, **session, is_search) : session.error();
            if (!ended) {
                if (ended.error().code != ErrorCode::Interrupted)
                    fail(context_, "TFTP", ended.error());
                return Fetched::Failed;
            }
            if ((*session)->state() == TftpSession::State::Done)
                return Fetched::Done;
            auto kind = (*session)->failure().kind;
            if (kind == TftpSession::Failure::Kind::Silent && !is_last) {
                context_.console.write("Retry count exceeded; starting again\n");
                continue;
            }
            bool is_refused = kind == TftpSession::Failure::Kind::Refused;
            if (!is_refused || !is_search)
                print_failure(context_, **session, memory.size(), address);
            return is_refused ? Fetched::Refused : Fetched::Failed;
        }
    }
    u64 bytes() const { return bytes_; }

  private:
    Result<> run(net::TftpSocket& socket, Session& session, bool is_search) {
        TransferDisplay display(context_.console,
                                std::same_as<Session, net::TftpReader> ? "Loading" : "Saving", is_search);
        auto ended = socket.run(session, server_, display);
        bytes_ = session.bytes();
        if (ended && session.state() == TftpSession::State::Done)
            display.finish(bytes_);
        else
            display.end_line();
        return ended;
    }

    Context& context_;
    NetworkSession& network_;
    net::IpAddress server_;
    u64 bytes_ = 0;
};

int tftpboot(Context& context, Arguments arguments) {
    NetworkSession session(context);
    return session ? load_by_tftp(context, session, arguments.subspan(1)) : status_failed;
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
    auto server = file ? find_server(context, session, file->server) : std::nullopt;
    if (!server || !print_way(context, session, "TFTP to server", *server, file->own_name.view()))
        return status_failed;
    print_file_name(context.console, file->file_name());
    print(context.console, "Save address: 0x{:x}\nSave size:    0x{:x}\n", *address, *bytes);
    Transfer<net::TftpWriter, Bytes> transfer(context, session, *server);
    return transfer.run(file->file_name(), *memory, *address, false) == Fetched::Done ? status_ok
                                                                                      : status_failed;
}

} // namespace

void print_file_name(Writer& out, std::string_view name) {
    out.write("Filename '");
    print_untrusted(out, name);
    out.write("'.\n");
}

void print_too_large(Writer& out, std::optional<u64> announced, u64 free_bytes, u64 address) {
    if (announced)
        print(out, "the file has {} bytes, only {} are free at 0x{:x}\n", *announced, free_bytes, address);
    else
        print(out, "the file is larger than the memory: only {} bytes are free at 0x{:x}\n", free_bytes,
              address);
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
    file.server = split_server(file.name);
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

std::optional<MutableBytes> free_memory_from(Context& context, u64 address, std::string_view lead) {
    if (!writable_memory(context, address, 1, lead))
        return std::nullopt;
    const system::MemoryMap& map = context.memory;
    u64 end = address;
    for (const system::MemoryRegion& bank : map.ram())
        if (address >= bank.base && address < bank.end())
            end = bank.end();
    for (const system::MemoryRegion& taken : map.reservations())
        if (taken.base > address)
            end = std::min(end, taken.base);
    u64 bytes = std::min<u64>(end - address, std::numeric_limits<usize>::max());
    return MutableBytes(context.machine.memory(address), static_cast<usize>(bytes));
}

bool print_way(Context& context, NetworkSession& session, std::string_view lead, const net::IpAddress& server,
               std::string_view own_name, std::optional<u16> port) {
    auto route = session.route(server);
    if (!route)
        return false;
    Writer& out = context.console;
    if (!own_name.empty())
        print(out, "*** Warning: no boot file name; using '{}'\n", own_name);
    session.print_card();
    print(out, "{} ", lead);
    server.print(out);
    if (port)
        print(out, " port {}", *port);
    out.write("; our IP address is ");
    route->source.print(out);
    if (route->gateway.is_set()) {
        out.write("; sending through gateway ");
        route->gateway.print(out);
    }
    out.write("\n");
    return true;
}

int set_file_variables(Context& context, u64 bytes, u64 address) {
    auto set = context.environment.set_hex("fileaddr", address);
    if (set)
        set = context.environment.set_hex("filesize", bytes);
    return set ? status_ok : fail(context, "filesize", set.error());
}

Fetched fetch_by_tftp(Context& context, NetworkSession& session, const net::IpAddress& server,
                      std::string_view name, u64 address, bool is_search) {
    auto memory = free_memory_from(context, address, "TFTP error: ");
    if (!memory)
        return Fetched::Failed;
    Transfer<net::TftpReader, MutableBytes> transfer(context, session, server);
    Fetched fetched = transfer.run(name, *memory, address, is_search);
    if (fetched == Fetched::Done && set_file_variables(context, transfer.bytes(), address) != status_ok)
        return Fetched::Failed;
    return fetched;
}

int load_by_tftp(Context& context, NetworkSession& session, Arguments words) {
    auto file = net_file_arguments(context, words);
    auto server = file ? find_server(context, session, file->server) : std::nullopt;
    if (!server || !print_way(context, session, "TFTP from server", *server, file->own_name.view()))
        return status_failed;
    print_file_name(context.console, file->file_name());
    print(context.console, "Load address: 0x{:x}\n", file->address);
    return fetch_by_tftp(context, session, *server, file->file_name(), file->address) == Fetched::Done
               ? status_ok
               : status_failed;
}

namespace {

VIREO_COMMAND(tftpboot_command) = {
    .name = "tftpboot",
    .summary = "load a file over the network by TFTP",
    .usage = "tftpboot [addr] [[ip:]file] - read 'file' from the server 'ip' to memory at 'addr'\n"
             "     Defaults: $loadaddr, $serverip, $bootfile. $tftpblocksize and $tftpwindowsize (decimal) "
             "are asked\n"
             "     of the server. Sets $filesize and $fileaddr.",
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
