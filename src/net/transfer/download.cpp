// SPDX-License-Identifier: Apache-2.0
#include "net/transfer/download.h"

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

Result<> TftpSocket::run(TftpSession& session, const IpAddress& server, TransferWatcher& watcher,
                         const event::Budget& budget) {
    VIREO_TRY(socket_.open(network_, server.family, own_port_, *this));
    session_ = &session;
    event::Patience patience(network_.loop(), budget);
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
        patience.reached(session.progress());
        if (auto verdict = patience.verdict(); verdict == event::Patience::Verdict::Left)
            session.tick(event::now());
        else
            session.lose_patience(
                verdict == event::Patience::Verdict::TooSlow ? std::optional(patience.rate()) : std::nullopt);
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

Result<> HttpSocket::run(HttpDownload& download, const IpAddress& server, TransferWatcher& watcher,
                         event::Patience& patience) {
    download_ = &download;
    is_connected_ = false;
    end_.reset();
    download.connecting();
    patience.reached(download.progress());
    Result<> outcome = connect(server, patience);
    while (outcome && download.state() == HttpDownload::State::Running) {
        if (end_) {
            download.ended(*end_);
            break;
        }
        outcome = run_for(network_.loop(), watch_interval,
                          [&] { return end_ || download.state() != HttpDownload::State::Running; });
        if (outcome)
            outcome = network_.health();
        patience.reached(download.progress());
        watcher.moved(download.bytes(), download.total());
        if (outcome && !end_ && download.state() == HttpDownload::State::Running)
            judge(patience);
    }
    socket_.close();
    download_ = nullptr;
    return outcome;
}

Result<> HttpSocket::connect(const IpAddress& server, const event::Patience& patience) {
    VIREO_TRY(socket_.connect(network_, server, download_->url().port, *this));
    VIREO_TRY(network_.loop().wait_until(patience.deadline(),
                                         [&] { return is_connected_ || end_ || !network_.health(); }));
    VIREO_TRY(network_.health());
    if (end_ && !is_connected_)
        return *end_ ? error(ErrorCode::Io, "closed at once") : *end_;
    return {};
}

void HttpSocket::judge(const event::Patience& patience) {
    auto verdict = patience.verdict();
    if (verdict == event::Patience::Verdict::Silent)
        end_ = error(ErrorCode::Timeout, "the server sends nothing");
    else if (verdict == event::Patience::Verdict::TooSlow)
        download_->lose_patience(patience.rate());
}

// At once: a server that speaks first must find us listening.
void HttpSocket::connected() {
    is_connected_ = true;
    download_->begin();
    StringBuffer<Url::max_bytes + 512> request; // a target, a host, a validator and the lines around them
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
