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

const Failure* failure_of(const TftpSession& session, Failure& failure) {
    const TftpSession::Failure& from = session.failure();
    failure.announced = from.announced;
    failure.bytes = session.bytes();
    failure.block = from.block;
    failure.rate = from.rate;
    failure.code = from.code;
    failure.what = from.what;
    failure.text = from.text;
    failure.is_text_cut = from.text.truncated();
    failure.stranger = from.stranger;
    return failure.is(kind_of(from.kind));
}

struct Transferred {
    u64 bytes;
    std::optional<u64> total;
};

// One attempt.
Outcome<Transferred> run(const TftpFile& place, net::TftpSocket& socket, TftpSession& session,
                         Watcher& watcher) {
    watcher.begins(nullptr);
    if (auto ended = socket.run(session, place.server, watcher, place.budget); !ended)
        return watcher.failure.is(Kind::Error, ended.error());
    if (session.state() != TftpSession::State::Done)
        return failure_of(session, watcher.failure);
    return Transferred{session.bytes(), session.total()};
}

// Between a server and memory; once more if the server falls silent in the first session.
template <typename Session, typename Memory>
Outcome<Transferred> transfer(const TftpFile& place, const Memory& memory, Watcher& watcher) {
    Failure& failure = watcher.failure;
    if (place.name.size() > TftpSession::max_name_bytes)
        return failure.is(Kind::NameTooLong);
    for (bool is_last = false;; is_last = true) {
        net::TftpSocket socket(place.network, place.own_port);
        auto session = make_owned<Session>(socket, place.server, place.name, place.options, memory);
        if (!session)
            return failure.is(Kind::Error, session.error());
        auto transferred = run(place, socket, **session, watcher);
        if (transferred || failure.kind != Kind::Silent || is_last)
            return transferred;
        watcher.again(Watcher::Again::Silent, failure.bytes);
    }
}

} // namespace

Outcome<Loaded> load(const TftpFile& place, const FreeMemory& memory, const Part& part, Watcher& watcher) {
    const net::FileTarget target = VIREO_TRY(stream_target(memory, part, watcher.failure));
    const Transferred came = VIREO_TRY(transfer<net::TftpReader>(place, target, watcher));
    const u64 bytes = VIREO_TRY(bytes_of(part, came.bytes, watcher.failure));
    return Loaded{.bytes = bytes, .file_bytes = came.total};
}

Outcome<Loaded> load(const TftpFile& place, std::span<const FilePiece> pieces, Watcher& watcher) {
    VIREO_TRY(check_pieces(pieces, watcher.failure));
    const Transferred came = VIREO_TRY(transfer<net::TftpReader>(place, net::FileTarget(pieces), watcher));
    VIREO_TRY(check_inside(pieces, came.bytes, watcher.failure));
    return Loaded{.bytes = bytes_of(pieces), .file_bytes = came.total};
}

Outcome<u64> save(const TftpFile& place, Bytes content, Watcher& watcher) {
    return VIREO_TRY(transfer<net::TftpWriter>(place, content, watcher)).bytes;
}

} // namespace vireo::load
