// SPDX-License-Identifier: Apache-2.0
#include "load/host.h"
#include "load/stream.h"

namespace vireo::load {

namespace {

using Kind = Failure::Kind;
using net::HttpDownload;

Failure failure_of(const HttpDownload& download) {
    using From = HttpDownload::Failure::Kind;
    const HttpDownload::Failure& from = download.failure();
    const net::HttpHeader& head = download.header();
    switch (from.kind) {
    case From::Status: {
        Failure failure{.kind = Kind::Status, .code = head.status, .is_text_cut = head.reason.truncated()};
        failure.text.write(head.reason.view());
        return failure;
    }
    case From::TooLarge:
        return {.kind = Kind::TooLarge, .announced = download.total()};
    case From::TooManyRedirects:
        return {.kind = Kind::TooManyRedirects};
    case From::RedirectLoop:
        return {.kind = Kind::RedirectLoop};
    case From::TooSlow:
        return {.kind = Kind::TooSlow, .rate = from.rate};
    case From::Other:
        break;
    }
    return {.kind = Kind::Error, .why = from.why};
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
Outcome<void> connect(const HttpFile& place, HttpDownload& download, event::Patience& patience,
                      Watcher& watcher) {
    auto server = find_host(place.network, place.url.host.view(), place.has_ipv4);
    if (!server)
        return std::unexpected(server.error());
    auto way = find_way(place.network, *server, place.has_ipv4);
    if (!way)
        return std::unexpected(way.error());
    const Watcher::Connection connection{place.url, *server, *way};
    watcher.begins(&connection);
    net::HttpSocket socket(place.network);
    usize redirects = download.redirects();
    auto ended = socket.run(download, *server, watcher, patience);
    place.url = download.url();
    if (download.state() == HttpDownload::State::Done)
        return {};
    bool is_unconnected = download.state() == HttpDownload::State::Connect;
    if (!ended)
        return failed(is_unconnected && ended.error().code != ErrorCode::Interrupted ? Kind::CannotConnect
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
        return failed(Kind::Error, download.error());
    event::Patience patience(place.network.loop(), place.budget);
    while ((*download)->state() == HttpDownload::State::Connect)
        if (auto connected = connect(place, **download, patience, watcher); !connected)
            return std::unexpected(connected.error());
    if ((*download)->state() != HttpDownload::State::Done)
        return std::unexpected(failure_of(**download));
    return std::move(*download);
}

Outcome<Loaded> with_encoding(Outcome<Loaded> loaded, const HttpDownload& download) {
    if (loaded)
        loaded->encoding = download.header().encoding;
    return loaded;
}

} // namespace

Outcome<Loaded> load(const HttpFile& place, const FreeMemory& memory, const Part& part, Watcher& watcher) {
    auto target = free_memory_from(memory.map, memory.machine, memory.address);
    if (!target)
        return std::unexpected(Failure{.kind = Kind::Memory, .memory = target.error()});
    auto fetched = fetch(place, net::FileTarget(*target, part.offset, part.limit), watcher);
    if (!fetched) {
        fetched.error().room = target->size();
        return std::unexpected(fetched.error());
    }
    const HttpDownload& download = **fetched;
    return with_encoding(part_of_stream(part, download.bytes(), download.total()), download);
}

Outcome<Loaded> load(const HttpFile& place, std::span<const FilePiece> pieces, Watcher& watcher) {
    if (auto good = check_pieces(pieces); !good)
        return std::unexpected(good.error());
    auto fetched = fetch(place, net::FileTarget(pieces), watcher);
    if (!fetched)
        return std::unexpected(fetched.error());
    const HttpDownload& download = **fetched;
    return with_encoding(pieces_of_stream(pieces, download.bytes(), download.total()), download);
}

} // namespace vireo::load
