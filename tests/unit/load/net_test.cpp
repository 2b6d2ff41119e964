// SPDX-License-Identifier: Apache-2.0
// Files from servers: by TFTP from one without options, by HTTP from one that sends a stream.
#include "load/host.h"
#include "unit/load/fixture.h"
#include "unit/net/stack/tcp_server.h"

namespace vireo::test {
namespace {

using namespace std::string_literals;

Octets octets(std::string_view text) { return Octets(text.begin(), text.end()); }

class LoadNet : public NetworkTest {
  protected:
    LoadNet() { open(); }
    SmallMachine machine;
    Notes notes;
    const std::string content = pattern(1200, 3); // three blocks
};

class LoadTftp : public LoadNet {
  protected:
    LoadTftp() {
        peer->on_datagram = [this](u32, u16 from, u16 to, const Octets& message) {
            take(from, to, std::string(message.begin(), message.end()));
        };
    }
    void take(u16 from, u16 to, const std::string& message) {
        auto answer = [&](const std::string& text) { peer->send_datagram(2000, from, octets(text)); };
        unsigned opcode = static_cast<u8>(message.at(1));
        unsigned number = static_cast<u8>(message.at(2)) << 8 | static_cast<u8>(message.at(3));
        if (opcode == 5) {
            told += message.substr(4);
        } else if (opcode == 2 || opcode == 3) {
            written += opcode == 3 ? message.substr(4) : "";
            answer("\0\4"s + (opcode == 3 ? message.substr(2, 2) : "\0\0"s));
        } else if (to == 69 ? !is_silent : number <= content.size() / 512) {
            if (!refusal.empty())
                return answer("\0\5\0\2"s + refusal + "\0"s);
            unsigned next = to == 69 ? 1 : number + 1;
            ++blocks;
            answer("\0\3"s + static_cast<char>(next >> 8) + static_cast<char>(next) +
                   content.substr(usize{next - 1} * 512, 512));
        }
    }
    load::TftpFile place() { return {.network = *network, .server = host, .name = name}; }
    auto load(u64 address, load::Part part = {}) {
        return load::load(place(), machine.from(address), part, notes);
    }
    auto pieces(std::span<const FilePiece> list) { return load::load(load::Place(place()), list, notes); }

    std::string name = "file";
    std::string refusal, told, written;
    bool is_silent = false;
    unsigned blocks = 0;
};

TEST_F(LoadTftp, a_file) {
    auto loaded = load(0x1000);
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->bytes, 1200u);
    EXPECT_EQ(machine.text(0x1000, 1201), content + ".");
    EXPECT_EQ(notes.text, " begins");
    EXPECT_EQ(told, "");
}

TEST_F(LoadTftp, memory_exactly_large_enough_and_a_byte_less) {
    EXPECT_TRUE(load(0x1800 - 1200));
    auto failure = failure_of(load(0x1800 - 1199), Kind::TooLarge);
    EXPECT_EQ(failure.room, 1199u);
    EXPECT_FALSE(failure.announced);
    EXPECT_STREQ(failure_of(load(0x1800), Kind::Memory).memory.owner->owner, "somebody");
}

TEST_F(LoadTftp, the_beginning_alone_ends_the_transfer) {
    auto loaded = load(0x1000, {.limit = 512});
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->bytes, 512u);
    EXPECT_EQ(machine.text(0x1000, 513), content.substr(0, 512) + ".");
    EXPECT_EQ(blocks, 1u);
    pass(event::Duration::milli(100));
    EXPECT_NE(told, "") << "the server knows";
    EXPECT_EQ(load(0x1000, {.limit = 513})->bytes, 513u);
    EXPECT_EQ(blocks, 3u);
}

TEST_F(LoadTftp, a_part) {
    auto loaded = load(0x1000, {.offset = 500, .limit = 600});
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->bytes, 600u);
    EXPECT_EQ(machine.text(0x1000, 601), content.substr(500, 600) + ".");
    EXPECT_EQ(load(0x1000, {.offset = 1000, .limit = 600})->bytes, 200u) << "it ends where the file does";
    EXPECT_EQ(load(0x1800 - 200, {.offset = 1000})->bytes, 200u);
    EXPECT_EQ(failure_of(load(0x1800 - 199, {.offset = 1000}), Kind::TooLarge).room, 199u);
    EXPECT_EQ(load(0x1800 - 199, {.offset = 1000, .limit = 199})->bytes, 199u);
}

TEST_F(LoadTftp, an_offset_at_the_end_and_one_beyond) {
    EXPECT_EQ(load(0x1000, {.offset = 1200})->bytes, 0u);
    EXPECT_EQ(failure_of(load(0x1000, {.offset = 1201}), Kind::File).why.code, ErrorCode::OutOfRange);
    EXPECT_EQ(machine.text(0x1000, 1), ".");
}

TEST_F(LoadTftp, pieces_go_to_their_places) {
    const FilePiece list[] = {{1000, {machine.memory(0x1400), 200}},
                              {0, {machine.memory(0x1000), 64}},
                              {500, {machine.memory(0x1100), 100}},
                              {60, {machine.memory(0x1080), 8}}};
    auto loaded = pieces(list);
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->bytes, 372u);
    EXPECT_EQ(machine.text(0x1000, 65), content.substr(0, 64) + ".");
    EXPECT_EQ(machine.text(0x1080, 9), content.substr(60, 8) + ".");
    EXPECT_EQ(machine.text(0x1100, 101), content.substr(500, 100) + ".");
    EXPECT_EQ(machine.text(0x1400, 201), content.substr(1000, 200) + ".");
}

TEST_F(LoadTftp, a_piece_that_the_file_has_not) {
    const FilePiece list[] = {{0, {machine.memory(0x1000), 4}}, {1001, {machine.memory(0x1400), 200}}};
    auto failure = failure_of(pieces(list), Kind::BeyondFile);
    EXPECT_EQ(failure.piece, 1u);
    EXPECT_EQ(failure.bytes, 1200u);
    failure_of(pieces({}), Kind::BadPieces);
}

TEST_F(LoadTftp, failures_are_data) {
    refusal = "not for you";
    auto refused = failure_of(load(0x1000), Kind::Refused);
    EXPECT_EQ(refused.code, 2);
    EXPECT_EQ(refused.text.view(), "not for you");
    EXPECT_FALSE(refused.is_text_cut);
    name = std::string(net::TftpSession::max_name_bytes + 1, 'n');
    failure_of(load(0x1000), Kind::NameTooLong);
    name = "file";
    is_silent = true;
    notes.text.clear();
    failure_of(load(0x1000), Kind::Silent);
    EXPECT_EQ(notes.text, " begins silent 0 begins");
    EXPECT_GT(notes.waits, 0u);
    card->change_link(false);
    EXPECT_EQ(failure_of(load(0x1000), Kind::Error).why.code, ErrorCode::NotReady);
}

TEST_F(LoadTftp, the_other_way) {
    auto saved = load::save(place(), bytes_of(content), notes);
    ASSERT_TRUE(saved);
    EXPECT_EQ(*saved, 1200u);
    EXPECT_EQ(written, content);
}

class LoadHttp : public LoadNet {
  protected:
    load::HttpFile place() { return {.network = *network, .url = url, .has_ipv4 = true}; }
    auto load(u64 address, load::Part part = {}) {
        return load::load(place(), machine.from(address), part, notes);
    }
    void serve(const std::string& head, const std::string& body) {
        server.reset();
        server = std::make_unique<TcpServer>(*peer, 80, octets("HTTP/1.1 " + head + "\r\n\r\n" + body));
    }
    void serve_file() { serve("200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1200", content); }
    net::Url url = *net::Url::parse("http://10.0.2.2/file");
    std::unique_ptr<TcpServer> server;
};

TEST_F(LoadHttp, a_file) {
    serve_file();
    auto loaded = load(0x1000);
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->bytes, 1200u);
    EXPECT_EQ(loaded->file_bytes, 1200u);
    EXPECT_EQ(loaded->encoding.view(), "gzip");
    EXPECT_EQ(machine.text(0x1000, 1201), content + ".");
    EXPECT_EQ(notes.text, " begins /file");
}

TEST_F(LoadHttp, memory_exactly_large_enough_and_a_byte_less) {
    serve_file();
    EXPECT_TRUE(load(0x1800 - 1200));
    serve_file();
    auto failure = failure_of(load(0x1800 - 1199), Kind::TooLarge);
    EXPECT_EQ(failure.room, 1199u);
    EXPECT_EQ(failure.announced, 1200u);
    EXPECT_STREQ(failure_of(load(0x1800), Kind::Memory).memory.owner->owner, "somebody");
}

TEST_F(LoadHttp, parts) {
    serve_file();
    auto loaded = load(0x1000, {.offset = 500, .limit = 600});
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->bytes, 600u);
    EXPECT_EQ(loaded->file_bytes, 1200u);
    EXPECT_EQ(machine.text(0x1000, 601), content.substr(500, 600) + ".");
    serve_file();
    EXPECT_EQ(load(0x1000, {.offset = 1200})->bytes, 0u);
    serve_file();
    EXPECT_EQ(failure_of(load(0x1000, {.offset = 1201}), Kind::File).why.code, ErrorCode::OutOfRange);
}

TEST_F(LoadHttp, pieces_go_to_their_places) {
    const FilePiece list[] = {{1000, {machine.memory(0x1400), 200}}, {0, {machine.memory(0x1000), 64}}};
    serve_file();
    auto loaded = load::load(load::Place(place()), list, notes);
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->bytes, 264u);
    EXPECT_EQ(machine.text(0x1000, 65), content.substr(0, 64) + ".");
    EXPECT_EQ(machine.text(0x1400, 201), content.substr(1000, 200) + ".");
    const FilePiece beyond[] = {{1001, {machine.memory(0x1400), 200}}};
    serve_file();
    EXPECT_EQ(failure_of(load::load(place(), beyond, notes), Kind::BeyondFile).bytes, 1200u);
}

TEST_F(LoadHttp, failures_are_data) {
    serve("404 Not here\r\nContent-Length: 0", "");
    auto status = failure_of(load(0x1000), Kind::Status);
    EXPECT_EQ(status.code, 404);
    EXPECT_EQ(status.text.view(), "Not here");
    notes.text.clear();
    serve("302 Found\r\nLocation: /file\r\nContent-Length: 0", "");
    failure_of(load(0x1000), Kind::RedirectLoop);
    EXPECT_EQ(notes.text, " begins /file");
    url.host.clear();
    url.host.write("10.0.2");
    failure_of(load(0x1000), Kind::NotAnAddress);
    url = *net::Url::parse("http://somewhere/file");
    failure_of(load(0x1000), Kind::NoNameServer);
}

TEST_F(LoadHttp, redirections_are_followed_and_told) {
    serve("302 Found\r\nLocation: /other\r\nContent-Length: 0", "");
    failure_of(load(0x1000), Kind::RedirectLoop); // the same answer there
    EXPECT_EQ(notes.text, " begins /file redirected 0 begins /other");
    EXPECT_EQ(url.target.view(), "/other");
}

TEST_F(LoadNet, the_way_to_a_host) {
    auto way = load::find_way(*network, host, true, notes.failure);
    ASSERT_TRUE(way);
    EXPECT_TRUE(way->source == net::IpAddress::from_v4(OtherHost::ours));
    failure_of(load::find_way(*network, host, false, notes.failure), Kind::NoIpv4Address);
    EXPECT_TRUE(*load::find_host(*network, "10.0.2.2", true, notes.failure) == host);
    failure_of(load::find_host(*network, "10.0.2.2.2", true, notes.failure), Kind::NotAnAddress);
}

} // namespace
} // namespace vireo::test
