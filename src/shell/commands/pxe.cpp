// SPDX-License-Identifier: Apache-2.0
#include "net/pxe.h"
#include "autoconf.h"
#include "net/tftp.h"
#include "net/url.h"
#include "shell/arguments.h"
#include "shell/commands/net_files.h"

namespace vireo::shell {
namespace {

// As U-Boot names the kinds of processors; nothing for the hosted program.
constexpr std::string_view processor =
#if defined(CONFIG_ARCH_ARM) || defined(CONFIG_ARCH_ARM64)
    "arm";
#elif defined(CONFIG_ARCH_RISCV32) || defined(CONFIG_ARCH_RISCV64)
    "riscv";
#elif defined(CONFIG_ARCH_X86) || defined(CONFIG_ARCH_X86_64)
    "x86";
#else
    "";
#endif

int get(Context& context) {
    Writer& out = context.console;
    const Environment& environment = context.environment;
    auto place = environment.get("pxefile_addr_r");
    auto address = number_argument(context, place ? *place : environment.get("loadaddr").value_or(""));
    NetworkSession session(context);
    if (!address || !session)
        return status_failed;
    auto server = find_server(context, session, {});
    if (!server || !session.route(*server))
        return status_failed;
    // Beside the boot file.
    std::string_view folder = environment.get("bootfile").value_or("");
    if (!net::url_scheme(folder).empty()) {
        out.write("$bootfile is a URL; looking in pxelinux.cfg/ of the TFTP server\n");
        folder = "";
    }
    folder = folder.substr(0, folder.rfind('/') + 1);
    net::PxeNames names(environment.get("pxeuuid").value_or(""), session.card().facts().mac,
                        address_variable(context, "ipaddr"), processor);
    for (;;) {
        StringBuffer<net::TftpSession::max_name_bytes> path;
        print(path, "{}pxelinux.cfg/", folder);
        if (!names.next(path))
            break;
        if (path.truncated()) {
            print(out, "TFTP error: a file name of more than {} bytes\n", net::TftpSession::max_name_bytes);
            return status_failed;
        }
        out.write("Retrieving file: ");
        print_untrusted(out, path.view());
        out.write("\n");
        Fetched fetched = fetch_by_tftp(context, session, *server, path.view(), *address, true);
        if (fetched == Fetched::Failed)
            return status_failed;
        if (fetched == Fetched::Refused)
            continue;
        out.write("Config file '");
        print_untrusted(out, path.view());
        out.write("' found\n");
        return status_ok;
    }
    out.write("Config file not found\n");
    return status_failed;
}

int pxe(Context& context, Arguments arguments) { return arguments[1] == "get" ? get(context) : status_usage; }

VIREO_COMMAND(pxe_command) = {
    .name = "pxe",
    .summary = "find a PXE configuration on the network",
    .usage =
        "pxe get - read this machine's file in pxelinux.cfg from the server $serverip to $pxefile_addr_r\n"
        "     (or $loadaddr): named after $pxeuuid, the hardware address, the IP address, or 'default'",
    .run = pxe,
    .min_words = 2,
    .max_words = 2,
    .subcommands = "get",
};

} // namespace
} // namespace vireo::shell
