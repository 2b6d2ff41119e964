// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/stack/network.h"

// lwIP's; nobody but the sockets looks inside.
struct pbuf;
struct tcp_pcb;
struct udp_pcb;

namespace vireo::net {

// A UDP socket of an open Network. Datagrams arrive from the event loop.
class UdpSocket {
  public:
    class Client {
      public:
        // The whole payload in one piece, valid during the call.
        virtual void datagram(Bytes payload, const IpAddress& from, u16 port) = 0;

      protected:
        ~Client() = default;
    };

    UdpSocket() = default;
    UdpSocket(const UdpSocket&) = delete;
    UdpSocket& operator=(const UdpSocket&) = delete;
    ~UdpSocket() { close(); }

    // Binds to `port`, or to a random one if it is 0. Errors: NoMemory, NotReady.
    Result<> open(Network& network, IpAddress::Family family, u16 port, Client& client);
    void close();
    u16 port() const;
    // Sends a copy of the bytes. Errors: NoMemory, NotReady (no route), TooLarge (65507 bytes; beyond the MTU
    // it is cut into fragments).
    Result<> send(Bytes payload, const IpAddress& to, u16 port);

  private:
    Network* network_ = nullptr;
    Client* client_ = nullptr;
    udp_pcb* pcb_ = nullptr;
};

// A TCP connection of an open Network. Bytes arrive in order, from the event loop; the receive window is as
// large as the card's buffers and opens again as soon as `received` returns.
class TcpSocket {
  public:
    class Client {
      public:
        virtual void connected() = 0;
        // Next bytes of the stream, valid during the call; straight from the card's buffer.
        virtual void received(Bytes bytes) = 0;
        // The last call. Success: the other side has sent all (FIN). Errors: Io (reset by peer), Timeout (no
        // answer to what we sent), NotReady (connection refused).
        virtual void ended(Result<> how) = 0;

      protected:
        ~Client() = default;
    };

    TcpSocket() = default;
    TcpSocket(const TcpSocket&) = delete;
    TcpSocket& operator=(const TcpSocket&) = delete;
    ~TcpSocket() { close(); }

    // Begins to connect; the client hears of the rest. Errors: NoMemory, NotReady (no route).
    Result<> connect(Network& network, const IpAddress& host, u16 port, Client& client);
    // Queues a copy of the bytes. Errors: NoMemory (more than the send buffer takes, 16 KiB at least).
    Result<> send(Bytes bytes);
    // Ends the connection at once (RST if anything is outstanding); the client hears nothing more. May be
    // called from inside a callback.
    void close();

  private:
    i8 connected();
    i8 take(pbuf* packet);
    i8 finish();
    void lost(i8 why);
    i8 after_call(u32 life) const;
    tcp_pcb* release();

    Client* client_ = nullptr;
    tcp_pcb* pcb_ = nullptr;
    u32 life_ = 0; // changes when the connection is gone, so that a callback's caller notices
    bool is_connected_ = false;
};

} // namespace vireo::net
