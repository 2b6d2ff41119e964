// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "event/patience.h"
#include "net/protocol/http.h"
#include "net/protocol/tftp.h"
#include "net/stack/sockets.h"

namespace vireo::net {

// Who shows how a transfer goes. Called a few times a second while it runs.
class TransferWatcher {
  public:
    virtual void moved(u64 bytes, std::optional<u64> total) = 0;
    // The other side did not answer in time; it was asked again.
    virtual void waited() = 0;

  protected:
    ~TransferWatcher() = default;
};

// What a server may cost: ten seconds of silence, and no less than a KiB a second in each half a minute. A
// modem brings five times as much; who brings less, on purpose or not, ends in an error. A least rate, not a
// total: a large file may take long.
constexpr event::Budget transfer_budget{
    .silence = event::Duration::seconds(10), .head_start = event::Duration::seconds(30), .least_rate = 1024};

// The machines of tftp.h on a socket.
class TftpSocket final : public TftpPort, private UdpSocket::Client {
  public:
    // `own_port`: where answers go; 0: one that nobody guesses.
    explicit TftpSocket(Network& network, u16 own_port = 0) : network_(network), own_port_(own_port) {}

    // Runs the session to its end, which is also that of the budget. An error only for what has nothing to do
    // with the server: Interrupted (the server is told), DeviceBroken, NoMemory, NotReady (no route).
    // Everything else is in session.state().
    Result<> run(TftpSession& session, const IpAddress& server, TransferWatcher& watcher,
                 const event::Budget& budget = transfer_budget);

    void send(Bytes datagram, const IpAddress& to, u16 port) override;

  private:
    void datagram(Bytes payload, const IpAddress& from, u16 port) override;
    Network& network_;
    const u16 own_port_;
    UdpSocket socket_;
    TftpSession* session_ = nullptr;
};

// The machine of http.h on a socket.
class HttpSocket final : private TcpSocket::Client {
  public:
    explicit HttpSocket(Network& network) : network_(network) {}

    // Makes one connection to `server`, which is where download.url() lies, sends the request and takes what
    // comes, until the state is not Running any more. A connection that breaks or stalls is the download's
    // concern. `patience` counts download.progress(), over all its connections: of redirections and of what
    // comes twice there is no more either.
    // Errors: Timeout and NotReady (no connection), Interrupted, DeviceBroken, NoMemory.
    Result<> run(HttpDownload& download, const IpAddress& server, TransferWatcher& watcher,
                 event::Patience& patience);

  private:
    Result<> connect(const IpAddress& server, const event::Patience& patience);
    void judge(const event::Patience& patience);
    void connected() override;
    void received(Bytes bytes) override;
    void ended(Result<> how) override;

    Network& network_;
    TcpSocket socket_;
    HttpDownload* download_ = nullptr;
    bool is_connected_ = false;
    std::optional<Result<>> end_;
};

} // namespace vireo::net
