// SPDX-License-Identifier: Apache-2.0
// The messages of a vhost-user back end, each wrong in one way. The replies lie in the socket before they are
// asked for, so nothing here depends on time but the tests of silence, which wait milliseconds.
#include "hosted/vhost_user/connection.h"

#include <filesystem>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <vector>

namespace vireo::hosted::vhost_user {
namespace {

class VhostUserConnection : public testing::Test {
  protected:
    VhostUserConnection() {
        int ends[2];
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
        peer = FileDescriptor(ends[1]);
        connection = Connection(FileDescriptor(ends[0]), 20 * millisecond);
    }

    void peer_sends(const std::vector<u32>& words, usize cut = 0) {
        usize bytes = words.size() * 4 - cut;
        EXPECT_EQ(::send(peer.get(), words.data(), bytes, 0), static_cast<ssize_t>(bytes));
    }
    void peer_sends_with_file(const std::vector<u32>& words) {
        iovec part{const_cast<u32*>(words.data()), words.size() * 4};
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof(control);
        cmsghdr* head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int));
        int file = peer.get();
        std::memcpy(CMSG_DATA(head), &file, sizeof(file));
        EXPECT_GT(sendmsg(peer.get(), &message, 0), 0);
    }
    std::vector<u32> peer_receives() {
        u32 words[64] = {};
        ssize_t got = recv(peer.get(), words, sizeof(words), 0);
        return std::vector<u32>(words, words + (got > 0 ? got / 4 : 0));
    }
    Result<bool> ask_for_features(u64& features) {
        return connection.ask(Request::GET_FEATURES, {}, std::as_writable_bytes(std::span(&features, 1)));
    }
    // Asks, and expects this error for that and everything that follows.
    void expect_loss(std::string_view words) {
        u64 features = 0;
        auto answer = ask_for_features(features);
        ASSERT_FALSE(answer);
        EXPECT_NE(std::string_view(answer.error().what).find(words), std::string_view::npos)
            << answer.error().what;
        EXPECT_FALSE(connection.is_alive());
        EXPECT_EQ(connection.send(Request::SET_OWNER).error().what, answer.error().what);
        EXPECT_EQ(ask_for_features(features).error().what, answer.error().what);
    }

    FileDescriptor peer;
    Connection connection;
};

TEST_F(VhostUserConnection, request_and_reply) {
    peer_sends({1, 5, 8, 0x11223344, 0x55667788});
    u64 features = 0;
    EXPECT_TRUE(ask_for_features(features).value());
    EXPECT_EQ(features, 0x5566'7788'1122'3344u);
    EXPECT_EQ(peer_receives(), (std::vector<u32>{1, 1, 0}));
    EXPECT_TRUE(connection.is_alive());
}

TEST_F(VhostUserConnection, acknowledgements_are_asked_for_once_agreed_on) {
    u64 value = 0x20;
    EXPECT_TRUE(connection.send(Request::SET_FEATURES, bytes_of(value)));
    EXPECT_EQ(peer_receives(), (std::vector<u32>{2, 1, 8, 0x20, 0}));
    connection.expect_acknowledgements();
    peer_sends({2, 5, 8, 0, 0});
    EXPECT_TRUE(connection.send(Request::SET_FEATURES, bytes_of(value)));
    EXPECT_EQ(peer_receives(), (std::vector<u32>{2, 9, 8, 0x20, 0}));
    peer_sends({2, 5, 8, 0, 1}); // not zero: it failed, and the connection goes on
    EXPECT_EQ(connection.send(Request::SET_FEATURES, bytes_of(value)).error().code, ErrorCode::Io);
    EXPECT_TRUE(connection.is_alive());
    peer_sends({2, 5, 4, 0});
    EXPECT_EQ(connection.send(Request::SET_FEATURES, bytes_of(value)).error().code, ErrorCode::DeviceBroken);
    EXPECT_FALSE(connection.is_alive());
}

TEST_F(VhostUserConnection, an_empty_reply_is_a_refusal) {
    peer_sends({1, 5, 0});
    u64 features = 0;
    EXPECT_FALSE(ask_for_features(features).value());
    EXPECT_TRUE(connection.is_alive());
}

TEST_F(VhostUserConnection, silence) { expect_loss("does not answer"); }
TEST_F(VhostUserConnection, half_a_header) {
    peer_sends({1, 5}, 3);
    expect_loss("does not answer");
}
TEST_F(VhostUserConnection, half_a_header_and_the_end) {
    peer_sends({1, 5}, 3);
    peer.close();
    expect_loss("closed the connection");
}
TEST_F(VhostUserConnection, half_a_payload) {
    peer_sends({1, 5, 8, 7}, 3);
    expect_loss("does not answer");
}
TEST_F(VhostUserConnection, half_a_payload_and_the_end) {
    peer_sends({1, 5, 8, 1});
    peer.close();
    expect_loss("closed the connection");
}
TEST_F(VhostUserConnection, the_end_before_the_request) {
    peer.close();
    expect_loss("closed the connection");
}
TEST_F(VhostUserConnection, another_version) {
    peer_sends({1, 6, 8, 0, 0});
    expect_loss("another version");
}
TEST_F(VhostUserConnection, no_reply_flag) {
    peer_sends({1, 1, 8, 0, 0});
    expect_loss("another question");
}
TEST_F(VhostUserConnection, reply_to_another_request) {
    peer_sends({15, 5, 8, 0, 0});
    expect_loss("another question");
}
TEST_F(VhostUserConnection, size_too_small) {
    peer_sends({1, 5, 4, 0});
    expect_loss("wrong size");
}
TEST_F(VhostUserConnection, size_too_large) {
    peer_sends({1, 5, 0xffff'ffff, 0, 0});
    expect_loss("wrong size");
}
TEST_F(VhostUserConnection, a_file_with_the_header) {
    peer_sends_with_file({1, 5, 8});
    expect_loss("file that nobody asked for");
}
TEST_F(VhostUserConnection, a_file_with_the_payload) {
    peer_sends({1, 5, 8});
    peer_sends_with_file({0, 0});
    expect_loss("file that nobody asked for");
}

TEST_F(VhostUserConnection, files_that_come_are_closed) {
    auto open_files = [] {
        auto all = std::filesystem::directory_iterator("/proc/self/fd");
        return std::distance(begin(all), end(all));
    };
    peer_sends_with_file({1, 5, 8, 0, 0});
    auto before = open_files();
    expect_loss("file that nobody asked for");
    EXPECT_EQ(open_files(), before - 1); // our end of the socket
}

TEST_F(VhostUserConnection, speaking_without_being_asked) {
    peer_sends({1, 5, 8, 0, 0});
    EXPECT_FALSE(connection.is_alive());
    EXPECT_NE(std::string_view(connection.loss().what).find("without being asked"), std::string_view::npos);
}

TEST_F(VhostUserConnection, closing_while_nothing_is_asked) {
    peer.close();
    EXPECT_FALSE(connection.is_alive());
    EXPECT_NE(std::string_view(connection.loss().what).find("closed the connection"), std::string_view::npos);
}

// A back end that reads nothing fills the socket; that ends with the deadline, too.
TEST_F(VhostUserConnection, a_back_end_that_does_not_read) {
    std::vector<std::byte> payload(4096);
    Result<> sent{};
    for (int i = 0; sent && i < 10'000; ++i)
        sent = connection.send(Request::SET_OWNER, payload);
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().code, ErrorCode::Timeout);
    EXPECT_FALSE(connection.is_alive());
}

TEST(VhostUserSocket, paths_that_cannot_be_connected_to) {
    EXPECT_EQ(Connection::open("").error().code, ErrorCode::InvalidArgument);
    EXPECT_EQ(Connection::open(std::string(108, 'x')).error().code, ErrorCode::InvalidArgument);
    EXPECT_EQ(Connection::open("/nowhere/socket").error().code, ErrorCode::NotFound);
    EXPECT_EQ(Connection::open("/dev/null").error().code, ErrorCode::DeviceBroken);
}

} // namespace
} // namespace vireo::hosted::vhost_user
