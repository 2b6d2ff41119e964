// SPDX-License-Identifier: Apache-2.0
#include "hosted/vhost_user/connection.h"

#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

namespace vireo::hosted::vhost_user {

namespace {

// More than any of our messages carries, and enough to take, and close, what a back end might smuggle in.
constexpr usize most_descriptors = 16;

// The other side is another process: its time is the host's, whatever clock the drivers run on.
u64 host_now() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<u64>(now.tv_sec) * second + static_cast<u64>(now.tv_nsec);
}

struct ControlBuffer {
    alignas(cmsghdr) std::byte bytes[CMSG_SPACE(most_descriptors * sizeof(int))];
};

void attach(msghdr& message, ControlBuffer& control, std::span<const int> descriptors) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(head), descriptors.data(), descriptors.size_bytes());
}

// Closes every file descriptor that came with a message; true if there was any.
bool drop_descriptors(msghdr& message) {
    bool any = (message.msg_flags & MSG_CTRUNC) != 0;
    for (cmsghdr* head = CMSG_FIRSTHDR(&message); head; head = CMSG_NXTHDR(&message, head)) {
        any = true;
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
            continue;
        for (usize at = 0; at + sizeof(int) <= head->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
            int descriptor;
            std::memcpy(&descriptor, CMSG_DATA(head) + at, sizeof(int));
            ::close(descriptor);
        }
    }
    return any;
}

} // namespace

Result<Connection> Connection::open(const std::string& path, u64 timeout) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof(address.sun_path))
        return error(ErrorCode::InvalidArgument, "a socket's path has 1 to 107 bytes");
    path.copy(address.sun_path, path.size());
    FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    // On a local socket this does not wait: the other side's queue of callers has room, or it
    // does not (EAGAIN).
    if (!socket.is_open() ||
        connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
        return errno == ENOENT         ? error(ErrorCode::NotFound, "there is no such socket")
               : errno == ECONNREFUSED ? error(ErrorCode::DeviceBroken, "nobody listens on the socket")
               : errno == EAGAIN       ? error(ErrorCode::Timeout, "the back end takes no connection")
                                       : error(ErrorCode::Io, "cannot connect to the socket");
    return Connection(std::move(socket), timeout);
}

Error Connection::lose(ErrorCode code, const char* why) {
    socket_.close();
    loss_ = error(code, why);
    return loss_;
}

bool Connection::is_alive() {
    if (!socket_.is_open())
        return false;
    pollfd state{socket_.get(), POLLIN | POLLRDHUP, 0};
    if (poll(&state, 1, 0) <= 0)
        return true;
    if (state.revents & (POLLHUP | POLLRDHUP | POLLERR | POLLNVAL))
        lose(ErrorCode::DeviceBroken, "vhost-user back end has closed the connection");
    else
        lose(ErrorCode::DeviceBroken, "vhost-user back end speaks without being asked");
    return false;
}

Result<> Connection::wait_for(short events, u64 deadline) {
    for (;;) {
        u64 now = host_now();
        u64 left = deadline > now ? (deadline - now + millisecond - 1) / millisecond : 0;
        pollfd state{socket_.get(), events, 0};
        int ready = poll(&state, 1, static_cast<int>(left));
        if (ready > 0)
            return {}; // or an error, which the transfer will find
        if (ready < 0 && errno == EINTR)
            continue;
        return lose(ErrorCode::Timeout, "vhost-user back end does not answer");
    }
}

Result<> Connection::transmit(Bytes message, std::span<const int> descriptors, u64 deadline) {
    ControlBuffer control;
    while (!message.empty()) {
        iovec part{const_cast<std::byte*>(message.data()), message.size()};
        msghdr head{};
        head.msg_iov = &part;
        head.msg_iovlen = 1;
        if (!descriptors.empty())
            attach(head, control, descriptors);
        ssize_t sent = sendmsg(socket_.get(), &head, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            message = message.subspan(static_cast<usize>(sent));
            descriptors = {}; // they went with the first byte
        } else if (errno == EAGAIN) {
            VIREO_TRY(wait_for(POLLOUT, deadline));
        } else if (errno != EINTR) {
            return lose(ErrorCode::DeviceBroken, "vhost-user back end has closed the connection");
        }
    }
    return {};
}

Result<> Connection::receive(MutableBytes message, u64 deadline) {
    while (!message.empty()) {
        ControlBuffer control;
        iovec part{message.data(), message.size()};
        msghdr head{};
        head.msg_iov = &part;
        head.msg_iovlen = 1;
        head.msg_control = control.bytes;
        head.msg_controllen = sizeof(control.bytes);
        ssize_t got = recvmsg(socket_.get(), &head, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (got > 0) {
            if (drop_descriptors(head))
                return lose(ErrorCode::DeviceBroken,
                            "vhost-user back end sends a file that nobody asked for");
            message = message.subspan(static_cast<usize>(got));
        } else if (got < 0 && errno == EAGAIN) {
            VIREO_TRY(wait_for(POLLIN, deadline));
        } else if (got == 0 || errno != EINTR) {
            return lose(ErrorCode::DeviceBroken, "vhost-user back end has closed the connection");
        }
    }
    return {};
}

// The header of the reply to `request`, with the size of its payload, which nobody has checked yet.
Result<> Connection::receive_header(Request request, u32& size, u64 deadline) {
    Header header{};
    VIREO_TRY(receive(std::as_writable_bytes(std::span(&header, 1)), deadline));
    if ((header.flags & version_mask) != version)
        return lose(ErrorCode::DeviceBroken, "vhost-user back end speaks another version");
    if ((header.flags & flag_reply) == 0 || header.request != request)
        return lose(ErrorCode::DeviceBroken, "vhost-user back end answers another question");
    size = header.size;
    return {};
}

Result<> Connection::send(Request request, Bytes payload, std::span<const int> descriptors) {
    if (!socket_.is_open())
        return loss_;
    VIREO_ASSERT(descriptors.size() <= most_descriptors);
    u64 deadline = host_now() + timeout_;
    Header header{request, version | (acknowledges_ ? flag_need_reply : 0), static_cast<u32>(payload.size())};
    VIREO_TRY(transmit(bytes_of(header), descriptors, deadline));
    VIREO_TRY(transmit(payload, {}, deadline));
    if (!acknowledges_)
        return {};
    u32 size = 0;
    u64 failure = 0;
    VIREO_TRY(receive_header(request, size, deadline));
    if (size != sizeof(failure))
        return lose(ErrorCode::DeviceBroken, "vhost-user back end sends a reply of the wrong size");
    VIREO_TRY(receive(std::as_writable_bytes(std::span(&failure, 1)), deadline));
    if (failure != 0)
        return error(ErrorCode::Io, "vhost-user back end refuses a request");
    return {};
}

Result<bool> Connection::ask(Request request, Bytes payload, MutableBytes reply) {
    if (!socket_.is_open())
        return loss_;
    u64 deadline = host_now() + timeout_;
    Header header{request, version, static_cast<u32>(payload.size())};
    VIREO_TRY(transmit(bytes_of(header), {}, deadline));
    VIREO_TRY(transmit(payload, {}, deadline));
    u32 size = 0;
    VIREO_TRY(receive_header(request, size, deadline));
    if (size == 0)
        return false;
    if (size != reply.size())
        return lose(ErrorCode::DeviceBroken, "vhost-user back end sends a reply of the wrong size");
    VIREO_TRY(receive(reply, deadline));
    return true;
}

} // namespace vireo::hosted::vhost_user
