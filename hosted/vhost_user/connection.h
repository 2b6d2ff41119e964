// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "hosted/clock.h"
#include "hosted/vhost_user/file_descriptor.h"
#include "hosted/vhost_user/wire.h"

#include <string>

namespace vireo::hosted::vhost_user {

// The socket to a back end: requests and replies, one at a time. Nothing that comes out of it is believed:
// version, kind and size of each message must be what was asked for, no message brings file descriptors, and
// each has to arrive within a deadline of the host's clock. The first violation, the end of the stream, or
// silence closes the connection; from then on every call fails with the same error.
class Connection {
  public:
    Connection() = default;
    // Errors: one of those below; in words for people.
    static Result<Connection> open(const std::string& path, u64 timeout = default_timeout);
    // Over a connected stream socket (tests).
    Connection(FileDescriptor socket, u64 timeout) : socket_(std::move(socket)), timeout_(timeout) {}

    // False after a failure, and when the back end has closed the socket or speaks without being asked.
    bool is_alive();
    // Why the connection is lost, when it is.
    Error loss() const { return loss_; }
    int descriptor() const { return socket_.get(); }

    // From now on a back end says whether it could do what was sent (PROTOCOL_F_REPLY_ACK).
    void expect_acknowledgements() { acknowledges_ = true; }
    // Sends a request that has no reply of its own. Errors: Io when the back end answers that it failed (the
    // connection goes on), else the connection is lost.
    Result<> send(Request request, Bytes payload = {}, std::span<const int> descriptors = {});
    // Sends a request and takes its reply, which must fill `reply`. False: the reply is empty, which is how
    // some requests are refused.
    Result<bool> ask(Request request, Bytes payload, MutableBytes reply);

    static constexpr u64 default_timeout = 3 * second;

  private:
    Error lose(ErrorCode code, const char* why);
    Result<> transmit(Bytes message, std::span<const int> descriptors, u64 deadline);
    Result<> receive(MutableBytes message, u64 deadline);
    Result<> receive_header(Request request, u32& size, u64 deadline);
    Result<> wait_for(short events, u64 deadline);

    FileDescriptor socket_;
    u64 timeout_ = default_timeout;
    bool acknowledges_ = false;
    Error loss_{ErrorCode::DeviceBroken, "not connected to a vhost-user back end"};
};

// The bytes of a plain struct.
template <typename T> Bytes bytes_of(const T& value) { return std::as_bytes(std::span(&value, 1)); }

} // namespace vireo::hosted::vhost_user
