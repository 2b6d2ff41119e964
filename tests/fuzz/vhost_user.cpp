// SPDX-License-Identifier: Apache-2.0
// What a vhost-user back end says, all of it at once before it closes the connection, with or
// without a file in it.
// Input: flags (1: a file comes along; 2: requests are acknowledged), number of requests (1 byte), requests
// (kind, room for the reply), then the stream.
#include "fuzz/support.h"
#include "hosted/vhost_user/connection.h"

#include <fcntl.h>
#include <sys/socket.h>

namespace vireo::fuzz {
namespace {

using namespace hosted::vhost_user;

int first_free_descriptor() {
    int descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(descriptor);
    return descriptor;
}

void send_all(int socket, Bytes bytes, bool with_file) {
    if (bytes.empty())
        return;
    iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    alignas(cmsghdr) u8 control[CMSG_SPACE(sizeof(int))] = {};
    if (with_file) {
        message.msg_control = control;
        message.msg_controllen = sizeof(control);
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        *header = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        std::memcpy(CMSG_DATA(header), &socket, sizeof(int));
    }
    require(sendmsg(socket, &message, 0) == static_cast<ssize_t>(bytes.size()), "a socket takes the stream");
}

struct Asked {
    u32 kind;
    u8 room; // 0: a request without a reply
};

// What the next reply in the stream is worth to the one who asked.
enum class Outcome { Filled, Empty, Refused, Lost };

Outcome expected(FuzzedData& stream, usize left, const Asked& asked, bool acknowledged) {
    if (asked.room == 0 && !acknowledged)
        return Outcome::Filled;
    u32 kind = stream.number<u32>();
    u32 flags = stream.number<u32>();
    u32 size = stream.number<u32>();
    if (left < 12 || kind != asked.kind || (flags & 7) != 5) // version 1, a reply
        return Outcome::Lost;
    if (asked.room != 0 && size == 0)
        return Outcome::Empty;
    u32 wanted = asked.room == 0 ? 8 : asked.room;
    if (size != wanted || left - 12 < size)
        return Outcome::Lost;
    Bytes payload = stream.take(size);
    bool is_zero = std::all_of(payload.begin(), payload.end(), [](std::byte b) { return b == std::byte{0}; });
    return asked.room == 0 && !is_zero ? Outcome::Refused : Outcome::Filled;
}

Outcome carry_out(Connection& connection, const Asked& asked) {
    auto request = static_cast<Request>(asked.kind);
    if (asked.room == 0) {
        auto sent = connection.send(request);
        return sent ? Outcome::Filled : sent.error().code == ErrorCode::Io ? Outcome::Refused : Outcome::Lost;
    }
    Memory reply(asked.room + usize{1}, 0xa5);
    auto filled = connection.ask(request, {}, reply.bytes().first(asked.room));
    require(reply.bytes().back() == std::byte{0xa5}, "no byte behind the reply is written");
    return !filled ? Outcome::Lost : *filled ? Outcome::Filled : Outcome::Empty;
}

} // namespace
} // namespace vireo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const vireo::u8* data, vireo::usize size) {
    using namespace vireo;
    using fuzz::Outcome;
    using fuzz::require;
    fuzz::FuzzedData input(data, size);
    fuzz::Surroundings surroundings;
    u8 flags = input.byte();
    std::vector<fuzz::Asked> questions(input.byte() % 8);
    for (auto& question : questions)
        question = {input.byte() % 32u, input.byte()};
    Bytes stream = input.rest();
    bool with_file = (flags & 1) && !stream.empty();

    int before = fuzz::first_free_descriptor();
    {
        int ends[2];
        require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "there is a socket");
        hosted::FileDescriptor back_end(ends[1]);
        fuzz::send_all(ends[1], stream, with_file);
        shutdown(ends[1], SHUT_WR);
        hosted::vhost_user::Connection connection(hosted::FileDescriptor(ends[0]), hosted::second);
        if (flags & 2)
            connection.expect_acknowledgements();
        fuzz::FuzzedData oracle(reinterpret_cast<const u8*>(stream.data()), stream.size());
        usize read = 0;
        bool is_lost = false;
        for (const auto& question : questions) {
            bool asks = question.room != 0 || (flags & 2);
            fuzz::FuzzedData attempt = oracle;
            auto wanted = fuzz::expected(attempt, stream.size() - read, question, flags & 2);
            is_lost |= asks && (with_file || wanted == Outcome::Lost);
            auto outcome = fuzz::carry_out(connection, question);
            require((outcome == Outcome::Lost) == is_lost, "a connection is lost by what is wrong, for good");
            require(is_lost || outcome == wanted, "a reply is what came");
            if (!is_lost && asks) {
                oracle = attempt;
                read += 12 + (wanted == Outcome::Empty ? 0 : question.room == 0 ? 8 : question.room);
            }
        }
        require(!connection.is_alive(), "the end of the stream is noticed");
    }
    require(fuzz::first_free_descriptor() == before, "no file stays open");
    return 0;
}
