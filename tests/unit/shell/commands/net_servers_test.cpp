// SPDX-License-Identifier: Apache-2.0
// The network commands with servers that are slow, wrong or elsewhere.
#include "unit/shell/commands/net_commands.h"

namespace vireo::test {
namespace {

// Two versions are never joined: neither where nobody says which one it is, nor where it is another one.
TEST_F(NetCommands, wget_never_joins_two_versions) {
    for (std::string tag : {"", "ETag: \"1\"\r\n"}) {
        answers = {"HTTP/1.1 200 OK\r\n" + tag + "Content-Length: 32\r\n\r\n" + std::string(16, 'a'),
                   "HTTP/1.1 206 Partial Content\r\nETag: \"2\"\r\nContent-Range: bytes 16-31/32\r\n\r\n" +
                       std::string(16, 'b'),
                   "HTTP/1.1 200 OK\r\nETag: \"2\"\r\nContent-Length: 32\r\n\r\n" + std::string(32, 'b')};
        std::string output = run("wget 40300000 http://10.0.2.2/a");
        EXPECT_EQ(memory_text(0x40300000, 32).find("ab"), std::string::npos);
        EXPECT_EQ(status, tag.empty() ? 1 : 0) << output;
        if (tag.empty())
            EXPECT_NE(output.find("wget: corrupt (a part of the file that was not asked for)\n"),
                      output.npos);
        else
            EXPECT_NE(output.find("What came is no rest of the same file; starting from its beginning\n"),
                      output.npos);
    }
}

TEST_F(NetCommands, wget_says_that_content_is_encoded) {
    answers = {"HTTP/1.1 200 OK\r\nContent-Encoding: g\x1bzip\r\nContent-Length: 2\r\n\r\nok"};
    EXPECT_TRUE(run("wget 40300000 http://10.0.2.2/a")
                    .ends_with("Bytes transferred = 2 (2 hex)\nThe server sent it encoded ('g?zip'); it is "
                               "stored as it came\n"));
    EXPECT_EQ(status, 0);
    answers = {"HTTP/1.1 200 OK\r\nContent-Encoding: " + std::string(33, 'x') +
               "\r\nContent-Length: 2\r\n\r\nok"};
    EXPECT_NE(run("wget 40300000 http://10.0.2.2/a").find("('" + std::string(32, 'x') + "...')"),
              std::string::npos);
}

TEST_F(NetCommands, texts_that_are_cut_say_so) {
    refusal = std::string(128, 'r');
    EXPECT_NE(run("tftpboot 40300000 x").find("TFTP error: '" + refusal + "' (1)\n"), std::string::npos);
    refusal += "s";
    EXPECT_NE(run("tftpboot 40300000 x").find("TFTP error: '" + std::string(128, 'r') + "...' (1)\n"),
              std::string::npos);
    answers = {"HTTP/1.1 500 " + std::string(64, 'r') + "\r\nContent-Length: 0\r\n\r\n"};
    EXPECT_NE(run("wget 40300000 http://10.0.2.2/x").find("HTTP status 500 " + std::string(64, 'r') + "\n"),
              std::string::npos);
    answers = {"HTTP/1.1 500 " + std::string(65, 'r') + "\r\nContent-Length: 0\r\n\r\n"};
    EXPECT_NE(
        run("wget 40300000 http://10.0.2.2/x").find("HTTP status 500 " + std::string(64, 'r') + "...\n"),
        std::string::npos);
    EXPECT_TRUE(run("wget 40300000 http://10.0.2.2/" + std::string(2048, 'x'))
                    .ends_with("wget: too large (a path of more than 2048 bytes in the URL)\n"));
    EXPECT_TRUE(run("wget 40300000 " + std::string(254, 'h') + ":x")
                    .ends_with("wget: too large (a host name of more than 253 bytes)\n"));
    EXPECT_TRUE(run("setenv bootfile " + std::string(400, 'f') + "/x; pxe get")
                    .ends_with("TFTP error: a file name of more than 400 bytes\n"));
    EXPECT_EQ(status, 1);
}

TEST_F(NetCommands, tftpboot_takes_urls) {
    files["dir/f"] = "by tftp";
    for (std::string_view url :
         {"tftp://10.0.2.2/dir/f", "TFTP://10.0.2.2:69/dir/f", "tftp://10.0.2.2/dir/f;mode=octet"}) {
        std::string output = run("setenv serverip 10.0.2.9; tftpboot 40300000 " + std::string(url));
        EXPECT_NE(output.find(way + "Filename 'dir/f'.\n"s), output.npos) << output;
        EXPECT_EQ(status, 0);
        EXPECT_EQ(memory_text(0x40300000, 7), "by tftp");
    }
    for (std::string_view line :
         {"tftpboot 40300000 http://10.0.2.2:8080/b.img", "tftp http://10.0.2.2:8080/b.img",
          "setenv bootfile http://10.0.2.2:8080/b.img; tftpboot", "wget"}) {
        answers = {"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nby http"};
        std::string output = run(line);
        EXPECT_NE(output.find("HTTP from server 10.0.2.2 port 8080; "), output.npos) << output;
        EXPECT_EQ(status, 0);
        EXPECT_TRUE(http_requests.back().starts_with("GET /b.img ")) << line;
    }
    // One line, at once, and no question to anybody.
    requests.clear();
    for (auto [line, error] :
         {std::pair<std::string_view, std::string_view>{
              "tftpboot https://10.0.2.2/x", "wget: not supported (only http:// URLs can be fetched)\n"},
          {"tftpboot nfs://10.0.2.2/x", "wget: not supported (only http:// URLs can be fetched)\n"},
          {"wget tftp://10.0.2.2/x", "wget: not supported (only http:// URLs can be fetched)\n"},
          {"tftpboot tftp:///x", "TFTP error: invalid argument (no host in the URL)\n"},
          {"tftpboot tftp://10.0.2.2:0/x", "TFTP error: invalid argument (bad port)\n"},
          {"tftpboot tftp://u@10.0.2.2/x", "TFTP error: not supported (a user name in the URL)\n"},
          {"tftpput 40300000 10 http://10.0.2.2/x", "TFTP error: files are written by TFTP only\n"}}) {
        EXPECT_EQ(run(line), error);
        EXPECT_EQ(status, 1);
    }
    EXPECT_TRUE(requests.empty());
    run("setenv serverip 10.0.2.9; tftpput 40300000 10 tftp://10.0.2.2/out");
    EXPECT_EQ(requests, std::vector<std::string>{"out"});
    EXPECT_EQ(status, 0);
    EXPECT_EQ(run("setenv serverip 10.0.2.2; pxe get")
                  .find("$bootfile is a URL; looking in pxelinux.cfg/ of the TFTP server\nRetrieving file: "
                        "pxelinux.cfg/"),
              0u);
}

// Decimal, between 1 and 65535; whatever else it is counts as not set.
TEST_F(NetCommands, tftp_ports) {
    std::vector<std::pair<u16, u16>> ways;
    peer.on_datagram = [&](u32, u16 from, u16 to, const Octets& message) {
        if (message.at(1) != 1)
            return;
        ways.emplace_back(from, to);
        peer.send_datagram(2000, from, octets("\0\3\0\1x"s));
    };
    for (auto [text, port] : {std::pair<std::string_view, unsigned>{"6969", 6969},
                              {"1", 1},
                              {"65535", 65535},
                              {"0", 0},
                              {"65536", 0},
                              {"0x1b39", 0},
                              {"1b39", 0},
                              {"-1", 0},
                              {"nonsense", 0},
                              {"''", 0},
                              {"99999999999999999999", 0}}) {
        run("setenv tftpdstp " + std::string(text) + "; setenv tftpsrcp " + std::string(text) +
            "; tftpboot 40300000 x");
        EXPECT_EQ(status, 0) << text;
        EXPECT_EQ(ways.back().second, port != 0 ? port : 69) << text;
        EXPECT_TRUE(ways.back().first == port || (port == 0 && ways.back().first >= 1024)) << text;
    }
    // What a URL says goes before.
    run("setenv tftpsrcp; setenv tftpdstp 70; tftpboot 40300000 tftp://10.0.2.2:71/x");
    EXPECT_EQ(ways.back().second, 71);
    run("tftpboot 40300000 tftp://10.0.2.2/x");
    EXPECT_EQ(ways.back().second, 70);
    run("tftpboot 40300000 tftp://10.0.2.2:69/x");
    EXPECT_EQ(ways.back().second, 69);
}

// As U-Boot documents them: milliseconds, 1000 at least; how often there is no answer.
TEST_F(NetCommands, tftp_timeouts) {
    is_silent = true;
    files["x"] = "x";
    auto takes = [&](std::string_view settings, Duration time, unsigned repetitions) {
        auto begun = event::now();
        std::string output = run(std::string(settings) + "; tftpboot 40300000 x");
        Duration each{(event::now() - begun).microseconds / 2};
        EXPECT_GE(each, time) << settings;
        EXPECT_LE(each, time + Duration::milli(300)) << settings;
        EXPECT_EQ(std::ranges::count(output.substr(0, output.find("Retry")), 'T'), repetitions + 2)
            << output; // and "TFTP"
        EXPECT_TRUE(output.ends_with("TFTP error: the server does not answer\n"));
    };
    takes("setenv tftptimeout 3000", Duration::seconds(33), 10);
    takes("setenv tftptimeoutcountmax 2", Duration::seconds(9), 2);
    takes("setenv tftptimeoutcountmax 0", Duration::seconds(3), 0);
    takes("setenv tftptimeout 5", Duration::seconds(1), 0);
    takes("setenv tftptimeout; setenv tftptimeoutcountmax 4", Duration::seconds(5), 2);
    takes("setenv tftptimeoutcountmax nonsense", Duration::seconds(10), 5);
}

TEST_F(NetCommands, an_answer_from_another_address_is_told) {
    peer.on_datagram = [&](u32, u16 from, u16 to, const Octets& message) {
        if (message.at(1) == 1 && to == 69)
            peer.send_datagram(2000, from, octets("\0\3\0\1x"s), OtherHost::address + 1);
    };
    std::string output = run("tftpboot 40300000 x");
    EXPECT_TRUE(output.ends_with("TFTP error: the server does not answer; an answer came from 10.0.2.3\n"))
        << output;
}

TEST_F(NetCommands, an_option_that_is_wrong_is_named) {
    peer.on_datagram = [&](u32, u16 from, u16 to, const Octets& message) {
        if (message.at(1) == 1 && to == 69)
            peer.send_datagram(2000, from,
                               octets("\0\6blksize\0"
                                      "60000\0"s));
    };
    std::string output = run("tftpboot 40300000 x");
    EXPECT_TRUE(output.ends_with(
        "TFTP error: the server answered with option 'blksize=60000': more than was asked for\n"))
        << output;
}

// Block after block in time, and yet for ever.
TEST_F(NetCommands, a_tftp_server_that_trickles_is_given_up) {
    u16 client = 0;
    unsigned block = 0;
    bool is_coming = false;
    auto next = [&] {
        is_coming = false;
        peer.send_datagram(2000, client, octets("\0\3"s + u16_of(++block) + std::string(8, 'x')));
    };
    peer.on_datagram = [&](u32, u16 from, u16 to, const Octets& message) {
        client = from;
        unsigned opcode = message.at(1);
        was_told = opcode == 5;
        if (to == 69)
            peer.send_datagram(2000, from,
                               octets("\0\6blksize\0"
                                      "8\0"s));
        else if (opcode == 4 && message.at(3) == block && !std::exchange(is_coming, true))
            hosted::schedule(8500 * hosted::millisecond, next);
    };
    auto begun = event::now();
    std::string output = run("tftpboot 40300000 x");
    EXPECT_TRUE(
        output.ends_with("TFTP error: the server is too slow: 0 bytes a second came, 1024 are the least\n"))
        << output;
    EXPECT_EQ(output.find("starting again"), output.npos);
    EXPECT_GE(event::now() - begun, Duration::seconds(30));
    EXPECT_LE(event::now() - begun, Duration::seconds(31));
    EXPECT_TRUE(was_told);
    hosted::use_virtual_clock();
}

TEST_F(NetCommands, a_tftp_server_that_repeats_itself_is_told_apart_from_a_silent_one) {
    peer.on_datagram = [&](u32, u16 from, u16, const Octets& message) {
        if (message.at(1) != 5)
            peer.send_datagram(2000, from, octets("\0\3\0\1"s + std::string(512, 'x')));
    };
    auto begun = event::now();
    std::string output = run("tftpboot 40300000 x");
    EXPECT_TRUE(
        output.ends_with("TFTP error: the server answers, but there is nothing new: block 2 is missing\n"))
        << output;
    EXPECT_LE(event::now() - begun, Duration::seconds(11));
}

TEST_F(NetCommands, an_http_server_that_trickles_is_given_up) {
    struct Row {
        std::string first, piece;
        Duration interval;
        Duration end;
        std::string error;
    };
    std::string slow = "wget: the server is too slow: ",
                stalls = "wget: timed out (the server sends nothing)\n";
    std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    stays_open = true;
    for (const Row& row :
         {Row{"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", "x", Duration::seconds(9),
              Duration::seconds(30), slow},
          Row{"HTTP/1.1 200 OK\r\n\r\n", "x", Duration::seconds(9), Duration::seconds(30), slow},
          Row{chunked, "1\r\nx\r\n", Duration::seconds(9), Duration::seconds(30), slow},
          // Half the least rate, and much at once before.
          Row{"HTTP/1.1 200 OK\r\n\r\n", std::string(512, 'x'), Duration::seconds(1), Duration::seconds(60),
              slow},
          Row{"HTTP/1.1 200 OK\r\n\r\n" + std::string(300'000, 'x'), "x", Duration::seconds(9),
              Duration::seconds(31), slow},
          // What is no content holds nobody up: two tries of ten seconds.
          Row{"HTTP/1.1 200 OK\r\nX: ", "x", Duration::seconds(1), Duration::seconds(20), stalls},
          Row{"HTTP/1.1 200 OK\r\n", "X: y\r\n", Duration::seconds(1), Duration::seconds(20), stalls},
          Row{"", "HTTP/1.1 100 Continue\r\n\r\n", Duration::seconds(1), Duration::seconds(20), stalls},
          Row{chunked, "x", Duration::seconds(1), Duration::seconds(20), stalls},
          Row{chunked + "5;", "x", Duration::seconds(1), Duration::seconds(20), stalls},
          Row{chunked + "0\r\n", "X: y\r\n", Duration::seconds(1), Duration::seconds(20), stalls}}) {
        answers = {row.first, row.first, row.first};
        trickle_interval = row.interval;
        trickle_text = row.piece;
        trickled = 0;
        auto begun = event::now();
        std::string output = run("wget 40300000 http://10.0.2.2/x");
        EXPECT_EQ(status, 1);
        EXPECT_NE(output.find(row.error), output.npos) << output;
        EXPECT_GE(event::now() - begun, row.end - Duration::seconds(1)) << output;
        EXPECT_LE(event::now() - begun, row.end + Duration::seconds(2)) << output;
        trickled = 100'000;
        (void)loop.sleep(Duration::seconds(10)).has_value();
    }
    trickle_interval = {};
}

// A modem, and a server that is twice as slow as a modem: no quick network is wanted.
TEST_F(NetCommands, an_honest_slow_server_is_waited_for) {
    stays_open = true;
    answers = {"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n"};
    trickle_interval = Duration::seconds(1);
    trickle_text = std::string(1200, 'x');
    auto begun = event::now();
    EXPECT_NE(run("wget 40300000 http://10.0.2.2/x").find("Bytes transferred = 300000 "), std::string::npos);
    EXPECT_GE(event::now() - begun, Duration::seconds(249));
    trickled = 100'000;
    (void)loop.sleep(Duration::seconds(2)).has_value();
    trickle_interval = {};
}

// Redirections are no progress that lasts.
TEST_F(NetCommands, redirections_share_one_patience) {
    peer.delay = 0;
    for (int i = 0; i < 12; ++i)
        answers.push_back("HTTP/1.1 302 Found\r\nLocation: /" + std::to_string(i) + "\r\n\r\n");
    answer_delay = Duration::seconds(9);
    auto begun = event::now();
    std::string output = run("wget 40300000 http://10.0.2.2/a");
    EXPECT_NE(output.find("wget: the server is too slow: 0 bytes a second came, 1024 are the least\n"),
              output.npos)
        << output;
    EXPECT_LE(event::now() - begun, Duration::seconds(31));
    answer_delay = {};
}

} // namespace
} // namespace vireo::test
