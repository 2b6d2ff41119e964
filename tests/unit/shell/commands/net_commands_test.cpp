// SPDX-License-Identifier: Apache-2.0
// The network commands with a card and servers on the other side of the cable: what they
// print, word for word.
#include "unit/shell/commands/net_commands.h"

namespace vireo::test {
namespace {

TEST_F(NetCommands, tftpboot) {
    files["data.bin"] = std::string(1000, 'a') + "end";
    EXPECT_EQ(without_rate(run("tftpboot 40300000 data.bin")),
              way + "Filename 'data.bin'.\nLoad address: 0x40300000\nLoading: 1003 Bytes\n\t RATE/s\ndone\n"
                    "Bytes transferred = 1003 (3eb hex)\n"s);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(memory_text(0x40300000, 1004), std::string(1000, 'a') + "end\0"s);
    EXPECT_EQ(variable("filesize"), "3eb");
    EXPECT_EQ(variable("fileaddr"), "40300000");
    // $loadaddr and $bootfile; the server with the file; a name that could be a number is an address.
    files["dir/kernel"] = "k";
    EXPECT_NE(
        run("setenv bootfile dir/kernel; tftp").find("Filename 'dir/kernel'.\nLoad address: 0x40200000\n"),
        std::string::npos);
    EXPECT_NE(run("setenv serverip 10.0.2.9; tftpboot 10.0.2.2:data.bin").find("TFTP from server 10.0.2.2;"),
              std::string::npos);
    EXPECT_EQ(status, 0);
    EXPECT_NE(
        run("setenv serverip 10.0.2.2; tftpboot 40400000").find("'dir/kernel'.\nLoad address: 0x40400000\n"),
        std::string::npos);
    files["0A00020F.img"] = "k";
    EXPECT_EQ(run("setenv bootfile; tftpboot").find("*** Warning: no boot file name; using '0A00020F.img'\n"),
              0u);
    EXPECT_EQ(status, 0);
}

TEST_F(NetCommands, tftpboot_errors) {
    std::string place = "Filename 'x'.\nLoad address: 0x40300000\nLoading: \n";
    EXPECT_EQ(run("tftpboot 40300000 x"),
              way + place + "TFTP error: 'File not? found' (1)\nNot retrying...\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(variable("filesize"), "(none)");
    // More than there is room for, up to Vireo's own memory.
    files["x"] = std::string(5000, 'x');
    EXPECT_EQ(
        run("tftpboot 40eff000 x"),
        way + "Filename 'x'.\nLoad address: 0x40eff000\nLoading: \n"
              "TFTP error: the file is larger than the memory: only 4096 bytes are free at 0x40eff000\n"s);
    EXPECT_EQ(memory_text(0x40f00000, 1), "\0"s);
    EXPECT_EQ(status, 1);
    EXPECT_EQ(
        run("tftpboot 40f00000 x"),
        way +
            "Filename 'x'.\nLoad address: 0x40f00000\n"
            "TFTP error: 0x40f00000..0x40f00000 is not free: 0x40f00000..0x40ffffff belongs to Vireo image\n"s);
    EXPECT_EQ(run("tftpboot 10 x"),
              way + "Filename 'x'.\nLoad address: 0x10\nTFTP error: 0x00000010..0x00000010 is not in RAM\n"s);
    EXPECT_EQ(run("tftpboot nonsense x"), "'nonsense': not a number (hexadecimal)\n");
    EXPECT_EQ(run("setenv serverip; tftpboot x"), "*** ERROR: `serverip' not set\n");
    EXPECT_EQ(run("setenv serverip 10.0.2.2; setenv ipaddr; tftpboot x"), "*** ERROR: `ipaddr' not set\n");
    EXPECT_EQ(run("tftpboot " + std::string(401, 'x')).find("*** ERROR: `ipaddr' not set\n"), 0u);
    run("setenv ipaddr 10.0.2.15");
    std::string output = run("tftpboot " + std::string(401, 'x'));
    EXPECT_TRUE(output.ends_with("TFTP error: a file name of more than 400 bytes\n")) << output;
    EXPECT_EQ(status, 1);
}

// U+009B is an escape sequence's beginning, as 0x9b is to an eight-bit terminal; longer ways to say
// ESC are single bytes.
TEST_F(NetCommands, what_a_server_says_does_not_command_the_terminal) {
    refusal = "a\xc2\x9b"
              "31m\x9b"
              "1m\x7f\xe0\x80\x9b[m\xf0\x80\x80\x9b \xc3\xa9 \xe2\x82\xac \xe9";
    std::string clean = "a?31m?1m?\xe0??[m\xf0??? \xc3\xa9 \xe2\x82\xac \xe9";
    EXPECT_NE(run("tftpboot 40300000 x").find("TFTP error: '" + clean + "' (1)\n"), std::string::npos);
    answers = {"HTTP/1.1 500 " + refusal + "\r\nContent-Length: 0\r\n\r\n"};
    EXPECT_NE(run("wget 40300000 http://10.0.2.2/x").find("HTTP status 500 " + clean + "\n"),
              std::string::npos);
    answers = {"HTTP/1.1 302 Moved\r\nLocation: /\x1b[2J\r\n\r\n"};
    std::string text = run("wget 40300000 http://10.0.2.2/x");
    EXPECT_EQ(text.find('\x1b'), std::string::npos) << text;
    EXPECT_EQ(status, 1);
}

TEST_F(NetCommands, no_server_and_no_file_is_one_error) {
    run("setenv bootfile");
    for (std::string_view line : {"tftpboot", "tftp 40300000"})
        EXPECT_EQ(run("setenv serverip; " + std::string(line)), "*** ERROR: `serverip' not set\n");
    EXPECT_EQ(run("setenv serverip; wget"), "wget: not ready ($serverip is not set)\n");
    for (std::string_view line : {"tftpboot", "tftpput 40300000 10", "wget", "dhcp"}) {
        run("setenv serverip 10.0.2.2; setenv ipaddr; setenv autoload");
        EXPECT_EQ(run(line).find("*** Warning"), std::string::npos) << line;
        EXPECT_EQ(status, 1);
    }
}

TEST_F(NetCommands, a_mistyped_address_is_no_name) {
    run("setenv dnsip 10.0.2.2");
    int questions = 0;
    peer.on_datagram = [&](u32, u16, u16 to, const Octets&) { questions += to == 53; };
    for (std::string_view host : {"1.2.3", "1.2.3.4.5", "300.2.3.4", "10", "01.2.3.4", "fe80:::1", ":"}) {
        std::string line = "'" + std::string(host) + "': not an IP address\n";
        EXPECT_EQ(run("ping " + std::string(host)), line);
        EXPECT_EQ(run("dns " + std::string(host)), line);
        EXPECT_EQ(status, 1);
    }
    EXPECT_EQ(run("tftpboot 40300000 1.2.3:x"), "'1.2.3': not an IP address\n");
    EXPECT_EQ(run("wget 40300000 http://1.2.3.4.5/x"), "'1.2.3.4.5': not an IP address\n");
    EXPECT_EQ(questions, 0);
}

// One clear line (with a second try where there is one), in bounded time, and the next command works.
TEST_F(NetCommands, a_gateway_that_is_not_there) {
    std::string over = "10.9.8.7; our IP address is 10.0.2.15; sending through gateway 10.0.2.77\n";
    auto twice = [](const std::string& doing) {
        return doing + ": T T T T T \nRetry count exceeded; starting again\n" + doing +
               ": T T T T T \nTFTP error: the server does not answer\n";
    };
    std::string no_name_server = "DNS: timed out (DNS server does not answer)\n";
    const std::pair<std::string_view, std::string> rows[] = {
        {"ping 10.9.8.7", "Using fake#0 device\nping failed; host 10.9.8.7 is not alive\n"},
        {"tftpboot 40300000 10.9.8.7:x", "Using fake#0 device\nTFTP from server " + over +
                                             "Filename 'x'.\nLoad address: 0x40300000\n" + twice("Loading")},
        {"tftpput 40300000 10 10.9.8.7:x",
         "Using fake#0 device\nTFTP to server " + over +
             "Filename 'x'.\nSave address: 0x40300000\nSave size:    0x10\n" + twice("Saving")},
        {"wget 40300000 http://10.9.8.7/x",
         "Using fake#0 device\nHTTP from server 10.9.8.7 port 80; our IP address is 10.0.2.15; sending "
         "through "
         "gateway 10.0.2.77\nFilename '/x'.\nLoad address: 0x40300000\nLoading: \n"
         "wget: cannot connect to 10.9.8.7: timed out (deadline passed)\n"},
        {"setenv dnsip 10.9.8.7; dns host.test", no_name_server},
        {"setenv dnsip 10.9.8.7; wget 40300000 http://other.test/x", no_name_server},
    };
    run("setenv gatewayip 10.0.2.77");
    files["x"] = "content";
    for (const auto& [line, expected] : rows) {
        auto begun = event::now();
        EXPECT_EQ(run(line), expected) << line;
        EXPECT_EQ(status, 1);
        EXPECT_LT(event::now() - begun, Duration::seconds(30)) << line;
        EXPECT_NE(run("tftpboot 40300000 10.0.2.2:x").find("\ndone\n"), std::string::npos);
    }
    // None at all.
    run("setenv gatewayip");
    for (std::string_view line : {"ping 10.9.8.7", "tftpboot 40300000 10.9.8.7:x",
                                  "tftpput 40300000 10 10.9.8.7:x", "wget 40300000 http://10.9.8.7/x"}) {
        EXPECT_EQ(run(line), "10.9.8.7: not ready (no route to host: not in our network, and no gateway)\n");
        EXPECT_EQ(status, 1);
    }
}

TEST_F(NetCommands, a_server_that_stalls_is_asked_once_more) {
    files["x"] = std::string(5000, 'x');
    stalls_after = 4;
    auto begun = event::now();
    std::string output = run("tftpboot 40300000 x");
    EXPECT_LT(event::now() - begun, Duration::seconds(21));
    EXPECT_GE(event::now() - begun, Duration::seconds(20));
    EXPECT_EQ(requests.size(), 2u);
    EXPECT_NE(output.find("\nRetry count exceeded; starting again\nLoading: "), output.npos) << output;
    EXPECT_TRUE(output.ends_with("\nTFTP error: the server does not answer\n")) << output;
    EXPECT_NE(output.find("2 KiB, "), output.npos) << output; // where it stopped
    EXPECT_NE(output.find("T T T "), output.npos) << output;
    EXPECT_EQ(status, 1);
    stalls_after = ~0u;
    run("tftpboot 40300000 x");
    EXPECT_EQ(status, 0);
}

TEST_F(NetCommands, interrupts_end_every_wait_at_once) {
    files["x"] = files["pxelinux.cfg/01-52-54-00-12-34-56"] = "x";
    is_silent = true;
    peer.answers_ping = false;
    for (std::string_view line :
         {"tftpboot 40300000 x", "tftpput 40300000 10 x", "wget http://10.0.2.3/x", "ping 10.0.2.2",
          "ping 10.0.2.3", "dns name", "dhcp", "pxe get", "ping6 fe80::1"}) {
        run("setenv dnsip 10.0.2.2");
        port.type_later(Duration::milli(1500), "\x03");
        auto begun = event::now();
        std::string output = run(line);
        EXPECT_LT(event::now() - begun, Duration::milli(1600)) << line;
        EXPECT_GE(event::now() - begun, Duration::milli(1500)) << line << output;
        EXPECT_TRUE(output.ends_with("<INTERRUPT>\n")) << line << output;
        EXPECT_EQ(status, 1) << line;
    }
    // In the middle of a file the server hears of it.
    is_silent = false;
    files["x"] = std::string(5000, 'x');
    stalls_after = 2;
    port.type_later(Duration::milli(1500), "\x03");
    run("tftpboot 40300000 x");
    EXPECT_TRUE(was_told);
}

TEST_F(NetCommands, tftpput) {
    for (usize i = 0; i < 1500; ++i)
        machine.memory(0x40300000)[i] = static_cast<std::byte>('a' + i % 26);
    std::string sent = memory_text(0x40300000, 1500);
    EXPECT_EQ(without_rate(run("tftpput 40300000 5dc out")),
              "Using fake#0 device\nTFTP to server 10.0.2.2; our IP address is 10.0.2.15\nFilename 'out'.\n"
              "Save address: 0x40300000\nSave size:    0x5dc\nSaving: 1.5 KiB\n\t RATE/s\ndone\nBytes "
              "transferred = 1500 (5dc hex)\n");
    EXPECT_EQ(status, 0);
    EXPECT_EQ(received, sent);
    EXPECT_EQ(run("tftpput 50000000 5dc out"), "TFTP error: 0x50000000..0x500005db is not in RAM\n");
    EXPECT_EQ(status, 1);
}

TEST_F(NetCommands, wget) {
    answers = {"HTTP/1.1 200 OK\r\nContent-Length: 3003\r\n\r\n" + std::string(3000, 'w') + "end"};
    std::string http_way =
        "Using fake#0 device\nHTTP from server 10.0.2.2 port 8080; our IP address is 10.0.2.15\n"
        "Filename '/dir/file?x'.\nLoad address: 0x40300000\nLoading: ";
    EXPECT_EQ(without_rate(run("wget 40300000 http://10.0.2.2:8080/dir/file?x")),
              http_way + "2.9 KiB\n\t RATE/s\ndone\nBytes transferred = 3003 (bbb hex)\n");
    EXPECT_EQ(status, 0);
    EXPECT_EQ(memory_text(0x40300000, 3004), std::string(3000, 'w') + "end\0"s);
    EXPECT_EQ(variable("filesize"), "bbb");
    EXPECT_EQ(variable("fileaddr"), "40300000");
    ASSERT_EQ(http_requests.size(), 1u);
    EXPECT_TRUE(http_requests[0].starts_with("GET /dir/file?x HTTP/1.1\r\nHost: 10.0.2.2:8080\r\n"));
    // As U-Boot has it.
    for (std::string_view line : {"wget 40300000 10.0.2.2:/a/b", "wget 10.0.2.2:a/b", "wget /a/b",
                                  "setenv bootfile a/b; wget 40300000"}) {
        answers = {"HTTP/1.1 200 OK\r\n\r\nok"};
        EXPECT_NE(run(line).find("HTTP from server 10.0.2.2 port 80; "), std::string::npos) << line;
        EXPECT_EQ(status, 0) << line;
        EXPECT_TRUE(http_requests.back().starts_with("GET /a/b HTTP/1.1\r\nHost: 10.0.2.2\r\n"))
            << http_requests.back();
    }
}

TEST_F(NetCommands, wget_follows_redirects_and_resumes) {
    answers = {"HTTP/1.1 302 Found\r\nLocation: http://10.0.2.2:81/b\r\n\r\n",
               "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 10\r\n\r\n01234",
               "HTTP/1.1 206 Partial Content\r\nETag: \"1\"\r\nContent-Range: bytes 5-9/10\r\n\r\n56789"};
    std::string output = run("wget 40300000 http://10.0.2.2/a");
    EXPECT_EQ(status, 0) << output;
    EXPECT_NE(output.find("\nRedirected to 'http://10.0.2.2:81/b'\n"), output.npos) << output;
    EXPECT_NE(output.find("\nConnection lost after 5 bytes; trying again\n"), output.npos) << output;
    EXPECT_EQ(memory_text(0x40300000, 10), "0123456789");
    EXPECT_NE(http_requests[2].find("\r\nRange: bytes=5-\r\nIf-Range: \"1\"\r\n"), std::string::npos);
    EXPECT_EQ(variable("filesize"), "a");
}

TEST_F(NetCommands, wget_errors) {
    auto last_line = [&](std::string_view line) {
        std::string output = run(line);
        EXPECT_EQ(status, 1) << output;
        usize at = output.rfind('\n', output.size() - 2);
        return output.substr(at == output.npos ? 0 : at + 1);
    };
    EXPECT_EQ(last_line("wget https://10.0.2.2/"),
              "wget: not supported (only http:// URLs can be fetched)\n");
    EXPECT_EQ(last_line("wget http://10.0.2.2:x/"), "wget: invalid argument (bad port)\n");
    EXPECT_EQ(last_line("wget 'a b'"),
              "wget: invalid argument (a blank or an unprintable character in the URL)\n");
    EXPECT_EQ(last_line("wget http://10.0.2.2/"),
              "wget: cannot connect to 10.0.2.2: not ready (connection refused)\n");
    answers = {"HTTP/1.1 404 Not\x1b Found\r\n\r\n"};
    EXPECT_EQ(last_line("wget http://10.0.2.2/"), "wget: HTTP status 404 Not? Found\n");
    answers = {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"};
    EXPECT_EQ(last_line("wget 40300000 http://10.0.2.2/"),
              "wget: the file has 99999999999 bytes, only 12582912 are free at 0x40300000\n");
    answers = {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"};
    EXPECT_EQ(last_line("wget 40300000 http://10.0.2.2/"), "wget: corrupt (Content-Length is no number)\n");
    answers = {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234",
               "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234"};
    EXPECT_EQ(last_line("wget 40300000 http://10.0.2.2/"),
              "wget: I/O error (the server closed the connection too early)\n");
    answers = {"HTTP/1.1 302 Found\r\nLocation: /b\r\n\r\n", "HTTP/1.1 302 Found\r\nLocation: /a\r\n\r\n"};
    EXPECT_EQ(last_line("wget 40300000 http://10.0.2.2/a"), "wget: redirect loop: 'http://10.0.2.2/a'\n");
    for (int i = 0; i < 12; ++i)
        answers.push_back("HTTP/1.1 302 Found\r\nLocation: /" + std::to_string(i) + "\r\n\r\n");
    EXPECT_EQ(last_line("wget 40300000 http://10.0.2.2/a"), "wget: more than 10 redirects\n");
    EXPECT_EQ(variable("filesize"), "(none)");
    // A server that stalls is asked once more.
    stays_open = true;
    answers = {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234",
               "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234"};
    auto begun = event::now();
    EXPECT_EQ(last_line("wget 40300000 http://10.0.2.2/"), "wget: timed out (the server sends nothing)\n");
    EXPECT_GE(event::now() - begun, Duration::seconds(20));
    EXPECT_LT(event::now() - begun, Duration::seconds(21));
    EXPECT_EQ(http_requests.back().find("Range:"), std::string::npos);
}

TEST_F(NetCommands, pxe_get) {
    files["pxelinux.cfg/0A0002"] = "menu";
    run("setenv pxeuuid 1234");
    std::string output = run("pxe get");
    EXPECT_EQ(status, 0) << output;
    EXPECT_EQ(output.find("Retrieving file: pxelinux.cfg/1234\n"), 0u) << output;
    EXPECT_EQ(requests, (std::vector<std::string>{"pxelinux.cfg/1234", "pxelinux.cfg/01-52-54-00-12-34-56",
                                                  "pxelinux.cfg/0A00020F", "pxelinux.cfg/0A00020",
                                                  "pxelinux.cfg/0A0002"}));
    EXPECT_TRUE(output.ends_with("Bytes transferred = 4 (4 hex)\nConfig file 'pxelinux.cfg/0A0002' found\n"))
        << output;
    EXPECT_EQ(memory_text(0x40b00000, 4), "menu"); // $pxefile_addr_r as it is by default
    run("setenv pxefile_addr_r; pxe get");
    EXPECT_EQ(memory_text(0x40200000, 4), "menu"); // $loadaddr
    files.clear();
    requests.clear();
    output = run("setenv pxeuuid; setenv bootfile boot/x; setenv pxefile_addr_r 40300000; pxe get");
    EXPECT_EQ(status, 1);
    EXPECT_TRUE(output.ends_with("Retrieving file: boot/pxelinux.cfg/default\nConfig file not found\n"))
        << output;
    EXPECT_EQ(requests.size(), 10u);
    EXPECT_EQ(requests[0], "boot/pxelinux.cfg/01-52-54-00-12-34-56");
    requests.clear();
    machine.names.arch = "riscv";
    run("pxe get");
    EXPECT_EQ(requests.size(), 11u);
    EXPECT_EQ(requests.at(9), "boot/pxelinux.cfg/default-riscv");
}

TEST_F(NetCommands, ping_and_dns) {
    EXPECT_EQ(run("ping 10.0.2.2"), "Using fake#0 device\nhost 10.0.2.2 is alive\n");
    EXPECT_EQ(status, 0);
    EXPECT_EQ(run("ping 10.0.2.77"), "Using fake#0 device\nping failed; host 10.0.2.77 is not alive\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("ping fd00::1"), "'fd00::1': an IPv4 address is wanted\n");
    EXPECT_EQ(run("ping6 10.0.2.2"), "'10.0.2.2': an IPv6 address is wanted\n");
    network.set_dns_servers({});
    EXPECT_EQ(run("dns name"), "*** ERROR: DNS server address not given\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("dns 10.0.2.9 place"), "10.0.2.9\n");
    EXPECT_EQ(variable("place"), "10.0.2.9");
    EXPECT_EQ(run("setenv ipaddr; ping 10.0.2.2"), "*** ERROR: `ipaddr' not set\n");
}

TEST_F(NetCommands, cards) {
    EXPECT_EQ(run("net list"), "eth0 : fake#0 52:54:00:12:34:56 active\n");
    EXPECT_EQ(status, 0);
    EXPECT_EQ(run("net stats").find("eth0 : fake#0\n  frames received         0\n"), 0u);
    EXPECT_EQ(run("net stats 1"), "eth1: no such card\n");
    EXPECT_EQ(run("net nonsense").find("net - network cards\n\nUsage:\n"), 0u);
    EXPECT_EQ(run("setenv ethact nosuch; ping 10.0.2.2"),
              "No network card 'nosuch' ($ethact); 'net list' shows those that are there\n");
    EXPECT_EQ(status, 1);
    card.link = false;
    EXPECT_EQ(run("setenv ethact; net list"), "eth0 : fake#0 52:54:00:12:34:56 active link down\n");
    EXPECT_EQ(run("setenv ethact ''; net list"), "eth0 : fake#0 52:54:00:12:34:56 active link down\n");
    EXPECT_EQ(run("ping 10.0.2.2"), "fake#0: not ready (link is down)\n");
    card.link = true;
    card.state = error(ErrorCode::DeviceBroken, "broken");
    EXPECT_EQ(run("tftpboot x"), "fake#0: device broken (broken)\n");
    registry.net.remove(card);
    for (std::string_view line : {"net list", "net stats", "dhcp", "ping 10.0.2.2", "ping6 fd00::1", "dns x",
                                  "tftpboot x", "tftpput 40300000 1 x", "wget http://10.0.2.2/", "pxe get"}) {
        EXPECT_EQ(run(line), "No ethernet found.\n") << line;
        EXPECT_EQ(status, 1);
    }
}

TEST_F(NetCommands, a_card_that_fails_in_the_middle_ends_the_transfer) {
    files["x"] = std::string(5000, 'x');
    stalls_after = 4;
    hosted::schedule(3000 * hosted::millisecond, [this] { card.change_link(false); });
    std::string output = run("tftpboot 40300000 x");
    EXPECT_TRUE(output.ends_with("\nTFTP: not ready (link is down)\n")) << output;
    card.change_link(true);
    stays_open = true;
    answers = {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234"};
    hosted::schedule(3000 * hosted::millisecond, [this] { card.change_link(false); });
    output = run("wget 40300000 http://10.0.2.2/");
    EXPECT_TRUE(output.ends_with("\nwget: not ready (link is down)\n")) << output;
}

TEST_F(NetCommands, variables_have_types) {
    for (std::string_view name : {"ipaddr", "netmask", "gatewayip", "serverip", "dnsip", "dnsip2"}) {
        std::string quoted = "\"" + std::string(name) + "\"";
        EXPECT_EQ(run("setenv " + std::string(name) + " bogus"),
                  "## Error: flags type check failure for " + quoted +
                      " <= \"bogus\" (type: i)\n## Error inserting " + quoted + " variable, errno=1\n");
        EXPECT_EQ(status, 1);
        EXPECT_EQ(run("setenv " + std::string(name) + " 10.0.2.5"), "");
        EXPECT_EQ(run("env set " + std::string(name) + " fd00::5"), "");
        EXPECT_EQ(run("env delete " + std::string(name)), "");
    }
    for (std::string_view bad :
         {"bogus", "52:54:00:12:34", "52:54:00:12:34:56:", "52:54:00:12:34:56:78", "52:54:00:12:34:5",
          "53:54:00:12:34:56", "00:00:00:00:00:00", "0x:54:00:12:34:56", "52-54-00-12-34-56"})
        EXPECT_EQ(run("setenv eth1addr " + std::string(bad)),
                  "## Error: flags type check failure for \"eth1addr\" <= \"" + std::string(bad) +
                      "\" (type: m)\n## Error inserting \"eth1addr\" variable, errno=1\n");
    EXPECT_EQ(run("setenv eth1addr 52:54:00:12:34:57; setenv eth1addr 52:54:00:12:34:57"), "");
    EXPECT_EQ(run("setenv eth1addr 52:54:00:12:34:58"),
              "## Error: Can't overwrite \"eth1addr\"\n## Error inserting \"eth1addr\" variable, errno=1\n");
    EXPECT_EQ(run("env delete eth1addr"),
              "## Error: Can't delete \"eth1addr\"\n## Error inserting \"eth1addr\" variable, errno=1\n");
    EXPECT_EQ(run("setenv -f eth1addr 52:54:00:12:34:58; printenv eth1addr"), "eth1addr=52:54:00:12:34:58\n");
    EXPECT_EQ(run("setenv -f eth1addr nonsense").find("## Error: flags type check failure"), 0u);
    EXPECT_EQ(run("env delete -f eth1addr"), "");
    EXPECT_EQ(run("setenv ethernet x; setenv ethaddress y; setenv ethxaddr z"), ""); // other variables
}

TEST_F(NetCommands, a_card_that_keeps_its_address_says_so) {
    EXPECT_EQ(run("setenv -f ethaddr 52:54:00:00:00:01; ping 10.0.2.2"),
              "fake#0: cannot take the address in $ethaddr: not supported (fake)\n");
    EXPECT_EQ(run("env default -a; printenv ethaddr ethact"),
              "## Resetting to default environment\nethaddr=52:54:00:12:34:56\nethact=fake#0\n");
}

TEST_F(NetCommands, progress_is_drawn_twice_a_second) {
    files["x"] = std::string(60 * 512, 'x');
    peer.delay = 50 * hosted::millisecond; // 60 blocks take 3 seconds
    std::string output = run("tftpboot 40300000 x");
    EXPECT_EQ(status, 0);
    auto draws = std::ranges::count(output, '\r');
    EXPECT_GE(draws, 5) << output;
    EXPECT_LE(draws, 7) << output;
    EXPECT_NE(output.find("\rLoading: 30 KiB"), output.npos) << output;
}

} // namespace
} // namespace vireo::test
