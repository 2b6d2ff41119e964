// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/http.h"
#include "net/sockets.h"
#include "net/tftp.h"

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

// The machines of tftp.h on a socket.
class TftpSocket final : public TftpPort, private UdpSocket::Client {
  public:
    explicit TftpSocket(Network& network) : network_(network) {}

    // Runs the session to its end. An error only for what has nothing to do with the server: Interrupted (the server is
    // told), DeviceBroken, NoMemory, NotReady (no route). Everything else is in session.state().
    Result<> run(TftpSession& session, const IpAddress& server, TransferWatcher& watcher);

    void send(Bytes datagram, const IpAddress& to, u16 port) override;

  private:
    void datagram(Bytes payload, const IpAddress& from, u16 port) override;
    Network& network_;
    UdpSocket socket_;
    TftpSession* session_ = nullptr;
};

// The machine of http.h on a socket.
class HttpSocket final : private TcpSocket::Client {
  public:
    static constexpr event::Duration connect_patience = event::Duration::seconds(10);
    static constexpr event::Duration stall_patience = event::Duration::seconds(10);

    explicit HttpSocket(Network& network) : network_(network) {}

    // Makes one connection to `server`, which is where download.url() lies, sends the request and takes what comes, until
    // the state is not Running any more. A connection that breaks or stalls is the download's concern. Errors: Timeout and
    // NotReady (no connection), Interrupted, DeviceBroken, NoMemory.
    Result<> run(HttpDownload& download, const IpAddress& server, TransferWatcher& watcher);

  private:
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
