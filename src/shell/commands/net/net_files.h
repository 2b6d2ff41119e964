// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "load/load.h"
#include "shell/arguments.h"
#include "shell/network.h"

namespace vireo::shell {

// `[addr] [[ip:]file]`, the words that U-Boot's network commands take, with $loadaddr, $serverip and
// $bootfile for what is missing. The texts live in the words, the variables and here.
struct NetFile {
    u64 address = 0;
    std::string_view whole;  // with the server
    std::string_view server; // empty: $serverip
    std::string_view name;
    u16 port = 0;              // of a tftp:// URL; 0: what $tftpdstp says
    StringBuffer<16> own_name; // "0A00020F.img" if nothing says how the file is called
    // By HTTP, from the URL in `whole`.
    bool is_http() const;
    std::string_view file_name() const { return name.empty() ? own_name.view() : name; }
};

// Nothing, and one line, if a number or a name is wrong. A URL is taken apart if it is one of TFTP.
std::optional<NetFile> net_file_arguments(Context& context, Arguments words);
// Splits "ip:" or "host:" or "[ipv6]:" off the front of `file`; empty if there is none.
std::string_view split_server(std::string_view& file);
// The server's address; none, and one line, if there is none or it is unknown.
std::optional<net::IpAddress> find_server(Context& context, NetworkSession& session, std::string_view server);

// "Using virtio-net#0 device" and a line with `lead`, "TFTP from server" or so, both addresses and the
// gateway; false, and one line, if there is no way to the server. In front of them a warning if nothing said
// how the file is called, and it is `own_name`.
bool print_way(Context& context, NetworkSession& session, std::string_view lead, const net::IpAddress& server,
               std::string_view own_name);
// The same, where the way is known.
void print_known_way(Context& context, NetworkSession& session, std::string_view lead,
                     const net::IpAddress& server, const net::Network::Route& route,
                     std::string_view own_name, std::optional<u16> port = {});
// Why a transfer failed, if that has nothing to do with one protocol: one line that starts with `lead`, or
// with `who` for what has nothing to do with files; Ctrl-C needs none. False, and nothing, if it has.
bool print_failure(Context& context, std::string_view who, std::string_view lead,
                   const load::Failure& failure, u64 address);
// A text from a server, as far as it was kept, which "..." says.
void print_from_server(Writer& out, std::string_view text, bool is_cut);
// "Filename 'x'."
void print_file_name(Writer& out, std::string_view name);
// Sets $filesize and $fileaddr, and remembers what lies there.
int set_file_variables(Context& context, u64 bytes, u64 address);

enum class Fetched : u8 {
    Done,
    Refused, // the server has no such file, or does not give it
    Failed
};
// Reads a file by TFTP to memory and sets the variables. `port` of the server; 0: what $tftpdstp says. All
// has been printed; with `is_search` no more than the errors that concern the next file too, and the size.
Fetched fetch_by_tftp(Context& context, NetworkSession& session, const net::IpAddress& server,
                      std::string_view name, u64 address, bool is_search = false, u16 port = 0);
// tftpboot, without the command's name, on an open network: by TFTP, or by HTTP if the file's
// name is such a URL.
int load_net_file(Context& context, NetworkSession& session, Arguments words);
// wget, the same way.
int load_by_http(Context& context, NetworkSession& session, const NetFile& file);

} // namespace vireo::shell
