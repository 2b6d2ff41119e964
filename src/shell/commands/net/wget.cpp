// SPDX-License-Identifier: Apache-2.0
#include "base/parse.h"
#include "shell/arguments.h"
#include "shell/commands/net/net_files.h"
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

int report(Context& context, const load::Failure& failure, const net::Url& url, u64 address) {
    using Kind = load::Failure::Kind;
    Writer& out = context.console;
    constexpr std::string_view lead = "wget: ";
    if (print_failure(context, "wget", lead, failure, address))
        return status_failed;
    switch (failure.kind) {
    case Kind::Status:
        print(out, "{}HTTP status {} ", lead, failure.code);
        print_from_server(out, failure.text.view(), failure.is_text_cut);
        out.write("\n");
        break;
    case Kind::TooManyRedirects:
        print(out, "{}more than {} redirects\n", lead, HttpDownload::max_redirects);
        break;
    case Kind::RedirectLoop:
        print(out, "{}redirect loop: '", lead);
        url.print(out);
        out.write("'\n");
        break;
    case Kind::CannotConnect:
        print(out, "{}cannot connect to ", lead);
        url.print_authority(out);
        out.write(": ");
        print_error(out, failure.why);
        break;
    default:
        print_host_failure(context, url.host.view(), failure);
    }
    return status_failed;
}

// Which connection is made, besides.
class Display final : public TransferDisplay {
  public:
    Display(Context& context, NetworkSession& session, const NetFile& file)
        : TransferDisplay(context.console, "Loading"), context_(context), session_(session),
          address_(file.address), own_name_(file.own_name.view()) {}
    void begins(const Connection* connection) override {
        const net::Url& url = connection->url;
        print_known_way(context_, session_, "HTTP from server", connection->server, connection->way,
                        std::exchange(own_name_, {}), url.port);
        print_file_name(out_, url.target.view());
        print(out_, "Load address: 0x{:x}\n", address_);
        url_ = &url;
        TransferDisplay::begins(connection);
    }
    void again(Again why, u64 bytes) override {
        TransferDisplay::again(why, bytes);
        if (why != Again::Redirected)
            return;
        out_.write("Redirected to '");
        url_->print(out_);
        out_.write("'\n");
    }
    // The whole file is there. It is kept as it came, packed too: names say .gz of what is meant so.
    void done(const load::Loaded& loaded) {
        finish(loaded.bytes);
        if (loaded.encoding.view().empty())
            return;
        out_.write("The server sent it encoded ('");
        print_from_server(out_, loaded.encoding.view(), loaded.encoding.truncated());
        out_.write("'); it is stored as it came\n");
    }

  private:
    Context& context_;
    NetworkSession& session_;
    u64 address_;
    std::string_view own_name_; // said once
    const net::Url* url_ = nullptr;
};

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
    Display display(context, session, file);
    auto loaded =
        load::load(load::HttpFile{.network = session.network(), .url = *url, .has_ipv4 = session.has_ipv4()},
                   {context.memory, context.machine, file.address}, {}, display);
    if (!loaded) {
        display.end_line();
        return report(context, *loaded.error(), *url, file.address);
    }
    display.done(*loaded);
    return set_file_variables(context, loaded->bytes, file.address);
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
