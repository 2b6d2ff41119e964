// SPDX-License-Identifier: Apache-2.0
#include "load/host.h"
#include "load/stream.h"

namespace vireo::load {

namespace {

using Kind = Failure::Kind;
using net::HttpDownload;

const Failure* failure_of(const HttpDownload& download, Failure& failure) {
    using From = HttpDownload::Failure::Kind;
    const HttpDownload::Failure& from = download.failure();
    const net::HttpHeader& head = download.header();
    switch (from.kind) {
    case From::Status:
        failure.code = head.status;
        failure.text.clear();
        failure.text.write(head.reason.view());
        failure.is_text_cut = head.reason.truncated();
        return failure.is(Kind::Status);
    case From::TooLarge:
        failure.announced = download.total();
        return failure.is(Kind::TooLarge);
    case From::TooManyRedirects:
        return failure.is(Kind::TooManyRedirects);
    case From::RedirectLoop:
        return failure.is(Kind::RedirectLoop);
    case From::TooSlow:
        failure.rate = from.rate;
        return failure.is(Kind::TooSlow);
    case From::Other:
        break;
    }
    return failure.is(Kind::Error, from.why);
}

// Says why there will be one more connection.
void tell_again(const HttpDownload& download, bool is_redirected, Watcher& watcher) {
    using Again = Watcher::Again;
    watcher.again(is_redirected                 ? Again::Redirected
                  : download.is_starting_anew() ? Again::Changed
                                                : Again::Lost,
                  download.bytes());
}

// One connection. A failure if nothing more can come of it.
Outcome<> connect(const HttpFile& place, HttpDownload& download, event::Patience& patience,
                  Watcher& watcher) {
    Failure& failure = watcher.failure;
    const net::IpAddress server =
        VIREO_TRY(find_host(place.network, place.url.host.view(), place.has_ipv4, failure));
    const net::Network::Route way = VIREO_TRY(find_way(place.network, server, place.has_ipv4, failure));
    const Watcher::Connection connection{place.url, server, way};
    watcher.begins(&connection);
    net::HttpSocket socket(place.network);
    usize redirects = download.redirects();
    auto ended = socket.run(download, server, watcher, patience);
    place.url = download.url();
    if (download.state() == HttpDownload::State::Done)
        return {};
    bool is_unconnected = download.state() == HttpDownload::State::Connect;
    if (!ended)
        return failure.is(is_unconnected && ended.error().code != ErrorCode::Interrupted ? Kind::CannotConnect
                                                                                         : Kind::Error,
                          ended.error());
    if (is_unconnected)
        tell_again(download, download.redirects() > redirects, watcher);
    return {};
}

// From the first connection to the last.
Outcome<std::unique_ptr<HttpDownload>> fetch(const HttpFile& place, const net::FileTarget& target,
                                             Watcher& watcher) {
    auto download = make_owned<HttpDownload>(place.url, target); // too large for the stack
    if (!download)
        return watcher.failure.is(Kind::Error, download.error());
    event::Patience patience(place.network.loop(), place.budget);
    while ((*download)->state() == HttpDownload::State::Connect)
        VIREO_TRY(connect(place, **download, patience, watcher));
    if ((*download)->state() != HttpDownload::State::Done)
        return failure_of(**download, watcher.failure);
    return std::move(*download);
}

Loaded loaded(u64 bytes, const HttpDownload& download) {
    return {.bytes = bytes, .file_bytes = download.total(), .encoding = download.header().encoding};
}

} // namespace

Outcome<Loaded> load(const HttpFile& place, const FreeMemory& memory, const Part& part, Watcher& watcher) {
    const net::FileTarget target = VIREO_TRY(stream_target(memory, part, watcher.failure));
    auto download = VIREO_TRY(fetch(place, target, watcher));
    return loaded(VIREO_TRY(bytes_of(part, download->bytes(), watcher.failure)), *download);
}

Outcome<Loaded> load(const HttpFile& place, std::span<const FilePiece> pieces, Watcher& watcher) {
    VIREO_TRY(check_pieces(pieces, watcher.failure));
    auto download = VIREO_TRY(fetch(place, net::FileTarget(pieces), watcher));
    VIREO_TRY(check_inside(pieces, download->bytes(), watcher.failure));
    return loaded(bytes_of(pieces), *download);
}

} // namespace vireo::load
