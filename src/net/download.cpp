// SPDX-License-Identifier: Apache-2.0
#include "net/download.h"

namespace vireo::net {

namespace {

// How often a watcher is told.
constexpr event::Duration watch_interval = event::Duration::milli(100);

// Runs the event loop until the condition holds, or for `longest`, which is no failure.
template <typename Condition>
Result<> run_for(event::EventLoop& loop, event::Duration longest, Condition&& condition) {
    auto waited = loop.wait_until(event::Deadline::after(std::min(longest, watch_interval)), condition);
    if (!waited && waited.error().code != ErrorCode::Timeout)
        return waited;
    return {};
}

} // namespace

Result<> TftpSocket::run(TftpSession& session, const IpAddress& server, TransferWatcher& watcher) {
    VIREO_TRY(socket_.open(network_, server.family, 0, *this));
    session_ = &session;
    session.start(event::now());
    u32 timeouts = 0;
    Result<> outcome{};
    while (session.state() == TftpSession::State::Running) {
        event::Instant now = event::now();
        event::Duration left = session.wakes_at() > now ? session.wakes_at() - now : event::Duration{};
        outcome =
            run_for(network_.loop(), left, [&] { return session.state() != TftpSession::State::Running; });
        if (!outcome)
            break;
        session.tick(event::now());
        watcher.moved(session.bytes(), session.total());
        if (session.timeouts() != std::exchange(timeouts, session.timeouts()))
            watcher.waited();
        outcome = network_.health();
        if (!outcome)
            break;
    }
    if (!outcome)
        session.abandon();
    session_ = nullptr;
    socket_.close();
    return outcome;
}

void TftpSocket::send(Bytes datagram, const IpAddress& to, u16 port) {
    // What cannot be sent now is as good as lost on the wire: it is sent again in time.
    (void)socket_.send(datagram, to, port);
}

void TftpSocket::datagram(Bytes payload, const IpAddress& from, u16 port) {
    if (session_)
        session_->datagram(payload, from, port, network_.loop().turn_time());
}

Result<> HttpSocket::run(HttpDownload& download, const IpAddress& server, TransferWatcher& watcher) {
    download_ = &download;
    is_connected_ = false;
    end_.reset();
    VIREO_TRY(socket_.connect(network_, server, download.url().port, *this));
    Result<> outcome = network_.loop().wait_until(event::Deadline::after(connect_patience), [&] {
        return is_connected_ || end_ || !network_.health();
    });
    if (outcome)
        outcome = network_.health();
    if (outcome && end_ && !is_connected_)
        outcome = *end_ ? error(ErrorCode::Io, "closed at once") : *end_;
    event::Instant last_news = event::now();
    u64 last_bytes = download.bytes();
    while (outcome && download.state() == HttpDownload::State::Running) {
        if (end_) {
            download.ended(*end_);
            break;
        }
        outcome = run_for(network_.loop(), stall_patience,
                          [&] { return end_ || download.state() != HttpDownload::State::Running; });
        if (outcome)
            outcome = network_.health();
        watcher.moved(download.bytes(), download.total());
        event::Instant now = event::now();
        if (download.bytes() != std::exchange(last_bytes, download.bytes()))
            last_news = now;
        else if (outcome && now >= last_news + stall_patience && !end_)
            end_ = error(ErrorCode::Timeout, "the server sends nothing");
    }
    socket_.close();
    download_ = nullptr;
    return outcome;
}

// At once: a server that speaks first must find us listening.
void HttpSocket::connected() {
    is_connected_ = true;
    download_->begin();
    StringBuffer<2048> request; // a target, a host, a validator and the lines around them
    download_->print_request(request);
    VIREO_ASSERT(!request.truncated());
    auto sent = socket_.send(std::as_bytes(std::span(request.view())));
    if (!sent)
        end_ = sent;
}

void HttpSocket::received(Bytes bytes) {
    if (download_)
        download_->received(bytes);
}

void HttpSocket::ended(Result<> how) { end_ = how; }

} // namespace vireo::net
