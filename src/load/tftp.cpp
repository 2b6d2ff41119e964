// SPDX-License-Identifier: Apache-2.0
#include "load/stream.h"

namespace vireo::load {

namespace {

using Kind = Failure::Kind;
using net::TftpSession;

Kind kind_of(TftpSession::Failure::Kind kind) {
    using From = TftpSession::Failure::Kind;
    switch (kind) {
    case From::Refused:
        return Kind::Refused;
    case From::Silent:
        return Kind::Silent;
    case From::Stuck:
        return Kind::Stuck;
    case From::TooSlow:
        return Kind::TooSlow;
    case From::TooLarge:
        return Kind::TooLarge;
    case From::WrongSize:
        return Kind::WrongSize;
    case From::Option:
        return Kind::Option;
    case From::Protocol:
        break;
    }
    return Kind::Protocol;
}

Failure failure_of(const TftpSession& session) {
    const TftpSession::Failure& from = session.failure();
    return {.kind = kind_of(from.kind),
            .announced = from.announced,
            .bytes = session.bytes(),
            .block = from.block,
            .rate = from.rate,
            .code = from.code,
            .what = from.what,
            .text = from.text,
            .is_text_cut = from.text.truncated(),
            .stranger = from.stranger};
}

struct Transferred {
    u64 bytes;
    std::optional<u64> total;
};

// Between a server and memory; once more if the server falls silent in the first session.
template <typename Session, typename Memory>
Outcome<Transferred> transfer(const TftpFile& place, const Memory& memory, Watcher& watcher) {
    if (place.name.size() > TftpSession::max_name_bytes)
        return failed(Kind::NameTooLong);
    for (bool is_last = false;; is_last = true) {
        net::TftpSocket socket(place.network, place.own_port);
        auto made = make_owned<Session>(socket, place.server, place.name, place.options, memory);
        if (!made)
            return failed(Kind::Error, made.error());
        Session& session = **made;
        watcher.begins(nullptr);
        if (auto ended = socket.run(session, place.server, watcher, place.budget); !ended)
            return failed(Kind::Error, ended.error());
        if (session.state() == TftpSession::State::Done)
            return Transferred{session.bytes(), session.total()};
        if (session.failure().kind != TftpSession::Failure::Kind::Silent || is_last)
            return std::unexpected(failure_of(session));
        watcher.again(Watcher::Again::Silent, session.bytes());
    }
}

} // namespace

Outcome<Loaded> load(const TftpFile& place, const FreeMemory& memory, const Part& part, Watcher& watcher) {
    auto target = free_memory_from(memory.map, memory.machine, memory.address);
    if (!target)
        return std::unexpected(Failure{.kind = Kind::Memory, .memory = target.error()});
    auto came = transfer<net::TftpReader>(place, net::FileTarget(*target, part.offset, part.limit), watcher);
    if (!came) {
        came.error().room = target->size();
        return std::unexpected(came.error());
    }
    return part_of_stream(part, came->bytes, came->total);
}

Outcome<Loaded> load(const TftpFile& place, std::span<const FilePiece> pieces, Watcher& watcher) {
    if (auto good = check_pieces(pieces); !good)
        return std::unexpected(good.error());
    auto came = transfer<net::TftpReader>(place, net::FileTarget(pieces), watcher);
    if (!came)
        return std::unexpected(came.error());
    return pieces_of_stream(pieces, came->bytes, came->total);
}

Outcome<u64> save(const TftpFile& place, Bytes content, Watcher& watcher) {
    auto went = transfer<net::TftpWriter>(place, content, watcher);
    if (!went)
        return std::unexpected(went.error());
    return went->bytes;
}

} // namespace vireo::load
