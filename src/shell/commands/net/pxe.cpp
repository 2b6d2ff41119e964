// SPDX-License-Identifier: Apache-2.0
#include "net/protocol/pxe.h"
#include "net/protocol/tftp.h"
#include "net/protocol/url.h"
#include "shell/arguments.h"
#include "shell/commands/net/net_files.h"

namespace vireo::shell {
namespace {

// Where the configuration files lie: where the DHCP server said (RFC 5071, 5), or beside the boot file.
std::string_view folder_of(const Environment& environment) {
    std::string_view prefix = environment.get("pxepathprefix").value_or("");
    std::string_view file = environment.get("bootfile").value_or("");
    if (!prefix.empty() || !net::url_scheme(file).empty())
        return prefix;
    return file.substr(0, file.rfind('/') + 1);
}

using Path = StringBuffer<net::TftpSession::max_name_bytes>;

class Search {
  public:
    Search(Context& context, NetworkSession& session, const net::IpAddress& server, u64 address)
        : context_(context), session_(session), server_(server), address_(address) {}

    Fetched fetch(const Path& path) {
        Writer& out = context_.console;
        if (path.truncated()) {
            print(out, "TFTP error: a file name of more than {} bytes\n", net::TftpSession::max_name_bytes);
            return Fetched::Failed;
        }
        out.write("Retrieving file: ");
        print_untrusted(out, path.view());
        out.write("\n");
        Fetched fetched = fetch_by_tftp(context_, session_, server_, path.view(), address_, true);
        if (fetched == Fetched::Done) {
            out.write("Config file '");
            print_untrusted(out, path.view());
            out.write("' found\n");
        }
        return fetched;
    }

  private:
    Context& context_;
    NetworkSession& session_;
    net::IpAddress server_;
    u64 address_;
};

// The file that the DHCP server named, then those of the convention.
Fetched find_file(Context& context, NetworkSession& session, Search& search) {
    const Environment& environment = context.environment;
    std::string_view folder = folder_of(environment);
    if (std::string_view named = environment.get("pxeconfigfile").value_or(""); !named.empty()) {
        Path path;
        print(path, "{}{}", named.starts_with('/') ? "" : folder, named);
        Fetched fetched = search.fetch(path);
        if (fetched != Fetched::Refused && !path.truncated())
            return fetched;
        folder = folder_of(environment); // which may have moved: the variables have changed
    }
    net::PxeNames names(environment.get("pxeuuid").value_or(""), session.card().facts().mac,
                        address_variable(context, "ipaddr"), context.machine.script_names().arch);
    for (;;) {
        Path path;
        print(path, "{}pxelinux.cfg/", folder);
        if (!names.next(path))
            return Fetched::Refused;
        if (Fetched fetched = search.fetch(path); fetched != Fetched::Refused)
            return fetched;
    }
}

int get(Context& context) {
    auto place = context.environment.get("pxefile_addr_r");
    auto address =
        number_argument(context, place ? *place : context.environment.get("loadaddr").value_or(""));
    NetworkSession session(context);
    if (!address || !session)
        return status_failed;
    auto server = find_server(context, session, {});
    if (!server || !session.route(*server))
        return status_failed;
    if (!net::url_scheme(context.environment.get("bootfile").value_or("")).empty())
        context.console.write("$bootfile is a URL; looking in pxelinux.cfg/ of the TFTP server\n");
    Search search(context, session, *server, *address);
    Fetched fetched = find_file(context, session, search);
    if (fetched == Fetched::Refused)
        context.console.write("Config file not found\n");
    return fetched == Fetched::Done ? status_ok : status_failed;
}

int pxe(Context& context, Arguments arguments) { return arguments[1] == "get" ? get(context) : status_usage; }

VIREO_COMMAND(pxe_command) = {
    .name = "pxe",
    .summary = "find a PXE configuration on the network",
    .usage =
        "pxe get - read this machine's file in pxelinux.cfg from the server $serverip to $pxefile_addr_r\n"
        "     (or $loadaddr): $pxeconfigfile, which DHCP may set, or one that is named after\n"
        "     $pxeuuid, the hardware address, the IP address, or 'default'",
    .run = pxe,
    .min_words = 2,
    .max_words = 2,
    .subcommands = "get",
};

} // namespace
} // namespace vireo::shell
