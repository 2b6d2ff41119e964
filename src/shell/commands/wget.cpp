// SPDX-License-Identifier: Apache-2.0
#include "base/parse.h"
#include "shell/arguments.h"
#include "shell/commands/net_files.h"
#include "shell/transfer_display.h"

namespace vireo::shell {
namespace {

using net::HttpDownload;

int wget_error(Context& context, const Error& why) {
    if (why.code != ErrorCode::Interrupted)
        fail(context, "wget", why);
    return status_failed;
}

// "http://..." as it is, "[ip:]path" as U-Boot has it. NotReady: no server is known.
Result<net::Url> url_of(Context& context, const NetFile& file) {
    if (!net::url_scheme(file.whole).empty())
        return net::Url::parse(file.whole);
    net::Url url;
    if (file.server.empty()) {
        url.address = address_variable(context, "serverip");
        if (!url.address.is_set())
            return error(ErrorCode::NotReady, "$serverip is not set");
        url.address.print(url.host);
    } else {
        url.address = net::IpAddress::parse(file.server).value_or(net::IpAddress());
        url.host.write(file.server);
    }
    if (url.host.truncated())
        return error(ErrorCode::TooLarge, "a host name of more than 253 bytes");
    VIREO_TRY(url.set_target(file.file_name()));
    return url;
}

int report(Context& context, const HttpDownload& download, u64 free_bytes, u64 address) {
    Writer& out = context.console;
    const HttpDownload::Failure& failure = download.failure();
    if (failure.kind == HttpDownload::Failure::Kind::Other)
        return wget_error(context, failure.why);
    out.write("wget: ");
    if (failure.kind == HttpDownload::Failure::Kind::Status) {
        print(out, "HTTP status {} ", download.header().status);
        print_from_server(out, download.header().reason);
        out.write("\n");
    } else if (failure.kind == HttpDownload::Failure::Kind::TooLarge) {
        print_too_large(out, download.total(), free_bytes, address);
    } else if (failure.kind == HttpDownload::Failure::Kind::TooManyRedirects) {
        print(out, "more than {} redirects\n", HttpDownload::max_redirects);
    } else if (failure.kind == HttpDownload::Failure::Kind::TooSlow) {
        print_too_slow(out, failure.rate);
    } else {
        out.write("redirect loop: '");
        download.url().print(out);
        out.write("'\n");
    }
    return status_failed;
}

// Why there will be one more connection.
void print_next_step(Writer& out, const HttpDownload& download, bool is_redirected) {
    if (is_redirected) {
        out.write("Redirected to '");
        download.url().print(out);
        out.write("'\n");
    } else if (download.is_starting_anew()) {
        out.write("What came is no rest of the same file; starting from its beginning\n");
    } else {
        print(out, "Connection lost after {} bytes; trying again\n", download.bytes());
    }
}

// The whole file is there. It is kept as it came, packed too: names say .gz of what is meant so.
void print_done(Writer& out, TransferDisplay& display, const HttpDownload& download) {
    display.finish(download.bytes());
    if (const auto& encoding = download.header().encoding; !encoding.view().empty()) {
        out.write("The server sent it encoded ('");
        print_from_server(out, encoding);
        out.write("'); it is stored as it came\n");
    }
}

// One connection; false, and one line, if nothing more can come of it.
bool connect(Context& context, NetworkSession& session, HttpDownload& download, event::Patience& patience,
             u64 address, std::string_view own_name) {
    Writer& out = context.console;
    const net::Url& url = download.url();
    auto server = session.find(url.host.view());
    if (!server || !print_way(context, session, "HTTP from server", *server, own_name, url.port))
        return false;
    print_file_name(out, url.target.view());
    print(out, "Load address: 0x{:x}\n", address);
    TransferDisplay display(out, "Loading");
    net::HttpSocket socket(session.network());
    usize redirects = download.redirects();
    auto ended = socket.run(download, *server, display, patience);
    if (download.state() == HttpDownload::State::Done) {
        print_done(out, display, download);
        return true;
    }
    display.end_line();
    if (!ended && download.state() == HttpDownload::State::Connect &&
        ended.error().code != ErrorCode::Interrupted) {
        out.write("wget: cannot connect to ");
        url.print_authority(out);
        print(out, ": {} ({})\n", describe(ended.error().code), ended.error());
        return false;
    }
    if (!ended)
        return wget_error(context, ended.error()) == status_ok;
    if (download.state() != HttpDownload::State::Connect)
        return true;
    print_next_step(out, download, download.redirects() > redirects);
    return true;
}

int wget(Context& context, Arguments arguments) {
    NetworkSession session(context);
    auto file = session ? net_file_arguments(context, arguments.subspan(1)) : std::nullopt;
    return file ? load_by_http(context, session, *file) : status_failed;
}

} // namespace

int load_by_http(Context& context, NetworkSession& session, const NetFile& file) {
    auto url = url_of(context, file);
    if (!url)
        return wget_error(context, url.error());
    auto memory = free_memory_from(context, file.address, "wget: ");
    if (!memory)
        return status_failed;
    auto download = make_owned<HttpDownload>(*url, *memory); // too large for the stack
    if (!download)
        return wget_error(context, download.error());
    event::Patience patience(session.network().loop(), net::transfer_budget);
    std::string_view own_name = file.own_name.view(); // said once
    while ((*download)->state() == HttpDownload::State::Connect)
        if (!connect(context, session, **download, patience, file.address, std::exchange(own_name, {})))
            return status_failed;
    if ((*download)->state() != HttpDownload::State::Done)
        return report(context, **download, memory->size(), file.address);
    return set_file_variables(context, (*download)->bytes(), file.address);
}

namespace {

VIREO_COMMAND(wget_command) = {
    .name = "wget",
    .summary = "load a file over the network by HTTP",
    .usage =
        "wget [addr] http://host[:port]/path - read a file from a server to memory at 'addr'\n"
        "wget [addr] [ip:]path - the same, from port 80\n"
        "     'host' is a name ($dnsip is asked), an IP address, or an IPv6 address in brackets. Defaults:\n"
        "     $loadaddr, $serverip, $bootfile. Sets $filesize and $fileaddr.",
    .run = wget,
    .max_words = 3,
};

} // namespace
} // namespace vireo::shell
