// SPDX-License-Identifier: Apache-2.0
// dhcp and what follows from it: what is asked, which variables are set, which files are read.
#include "unit/shell/commands/net_commands.h"

namespace vireo::test {
namespace {

// What `dhcp` asks and what it sets, with a server on the other side that answers as it is told.
class DhcpCommand : public NetCommands {
  protected:
    DhcpCommand() {
        peer.on_datagram = [this](u32, u16 from, u16 to, const Octets& message) {
            if (to != 67)
                return to == 53 ? name(from, message) : tftp(from, to, text_of(message));
            request = message;
            Octets reply{2, 1, 6, 0};
            packets::put(reply, packets::slice(message, 4, 4));
            reply.resize(16);
            packets::put32(reply, OtherHost::ours);
            packets::put32(reply, next_server);
            reply.resize(28);
            packets::put(reply, packets::slice(message, 28, 16));
            reply.resize(236);
            packets::put32(reply, 0x63825363);
            packets::put(reply,
                         Octets{53, 1, static_cast<u8>(message.at(242) == 1 ? 2 : 5), 54, 4, 10, 0, 2, 2});
            packets::put(reply, options);
            reply.push_back(255);
            peer.send_frame(
                packets::ethernet({0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, OtherHost::mac, 0x0800,
                                  packets::ipv4(OtherHost::address, ~0u, 17,
                                                packets::udp(OtherHost::address, 67, ~0u, 68, reply))));
        };
        run("setenv autoload no; setenv ipaddr; setenv netmask; setenv serverip");
    }
    void name(u16 from, const Octets& question) {
        ++asked;
        Octets answer = packets::slice(question, 0, 2);
        for (u16 word : {0x8180, 1, 1, 0, 0})
            packets::put16(answer, word);
        packets::put(answer, packets::slice(question, 12));
        packets::put(answer, Octets{0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 2, 9});
        peer.send_datagram(53, from, answer);
    }
    static Octets option(u8 code, std::string_view value) {
        Octets bytes{code, static_cast<u8>(value.size())};
        packets::put(bytes, value);
        return bytes;
    }
    std::string sent(u8 code) {
        for (usize at = 240; request.at(at) != 255; at += 2 + usize{request[at + 1]})
            if (request[at] == code)
                return text_of(packets::slice(request, at + 2, request[at + 1]));
        return "(none)";
    }
    Octets request, options;
    u32 next_server = 0;
    int asked = 0;
};

TEST_F(DhcpCommand, says_what_it_is) {
    run("dhcp");
    EXPECT_EQ(status, 0);
    EXPECT_EQ(sent(60), "Vireo");
    EXPECT_EQ(sent(93), "(none)") << "the hosted program is no machine";
    machine.architecture = 27;
    run("dhcp");
    EXPECT_EQ(sent(93), "\0\x1b"s);
    run("setenv bootp_vci PXEClient:Arch:00011:UNDI:003000; setenv bootp_arch 0xb; dhcp");
    EXPECT_EQ(sent(60), "PXEClient:Arch:00011:UNDI:003000");
    EXPECT_EQ(sent(93), "\0\x0b"s);
    EXPECT_EQ(sent(94), "\1\0\0"s);
    run("setenv bootp_arch ffff; dhcp");
    EXPECT_EQ(sent(93), "\xff\xff"s);
    for (std::string_view bad : {"10000", "x", "-1"}) {
        run("setenv bootp_arch " + std::string(bad));
        std::string output = run("dhcp");
        EXPECT_EQ(status, 1) << bad;
        EXPECT_EQ(std::ranges::count(output, '\n'), 1) << output;
    }
    run("setenv bootp_arch; setenv bootp_vci " + std::string(255, 'v') + "; dhcp");
    EXPECT_EQ(sent(60), std::string(255, 'v'));
    EXPECT_EQ(run("setenv bootp_vci " + std::string(256, 'v') + "; dhcp"),
              "'bootp_vci': more than 255 bytes\n");
    EXPECT_EQ(status, 1);
}

// The TFTP request carries it, whatever its length.
TEST_F(DhcpCommand, a_boot_file_is_as_long_as_it_is) {
    next_server = OtherHost::address;
    run("setenv autoload yes");
    for (usize length : {127, 128, 129, 200, 255, 300, 400}) {
        std::string file = "/" + std::string(length - 1, 'b');
        options.clear();
        for (usize at = 0; at < length; at += 200)
            packets::put(options, option(67, file.substr(at, 200)));
        files = {{file, "content"}};
        requests.clear();
        std::string output = run("dhcp 40300000");
        EXPECT_EQ(status, 0) << output;
        EXPECT_EQ(variable("bootfile"), file);
        EXPECT_EQ(requests, std::vector<std::string>{file});
        EXPECT_EQ(memory_text(0x40300000, 7), "content");
    }
}

TEST_F(DhcpCommand, texts_that_cannot_be_values_are_named) {
    options = option(12, "a\x1b[2J");
    packets::put(options, option(17, std::string(255, 'r')));
    packets::put(options, option(17, std::string(45, 'r')));
    std::string output = run("dhcp");
    EXPECT_EQ(status, 0);
    EXPECT_NE(output.find("\nDHCP: $hostname is not set: control characters in what the server gave\n"),
              output.npos)
        << output;
    EXPECT_EQ(variable("hostname"), "(none)");
    EXPECT_EQ(variable("rootpath"), std::string(300, 'r'));
}

// What the user has set and the server does not say stands, also for the file that follows.
TEST_F(DhcpCommand, what_the_server_does_not_say_is_as_the_user_said) {
    options = option(67, "boot.example:x");
    run("setenv dnsip 10.0.2.2; setenv gatewayip 10.0.2.77; setenv autoload yes");
    files = {{"x", "content"}};
    std::string output = run("dhcp 40300000");
    EXPECT_EQ(asked, 1) << output;
    EXPECT_EQ(variable("dnsip"), "10.0.2.2");
    EXPECT_EQ(variable("gatewayip"), "10.0.2.77");
    packets::put(options, option(6, "\x0a\0\2\3"s)); // it does say something: `dhcp` asks for that
    packets::put(options, option(3, "\x0a\0\2\4"s));
    run("setenv autoload no; dhcp");
    EXPECT_EQ(variable("dnsip"), "10.0.2.3");
    EXPECT_EQ(variable("gatewayip"), "10.0.2.4");
}

TEST_F(DhcpCommand, a_server_that_is_only_named) {
    options = option(66, "boot.example");
    packets::put(options, option(6, "\x0a\0\2\2"s));
    run("dhcp");
    EXPECT_EQ(status, 0);
    EXPECT_EQ(variable("serverip"), "10.0.2.9");
    EXPECT_EQ(asked, 1);
    next_server = OtherHost::address;
    run("dhcp");
    EXPECT_EQ(variable("serverip"), "10.0.2.2");
    EXPECT_EQ(asked, 1) << "there is an address";
    next_server = 0;
    options = option(66, "boot.example");
    std::string output = run("setenv dnsip; setenv serverip; dhcp");
    EXPECT_EQ(status, 0);
    EXPECT_TRUE(output.ends_with("*** ERROR: DNS server address not given\n"
                                 "DHCP: $serverip is not set: no address for the server 'boot.example'\n"))
        << output;
    EXPECT_EQ(variable("serverip"), "(none)");
    options = option(66, "b\x1b[2J");
    output = run("dhcp");
    EXPECT_TRUE(output.ends_with("no address for the server 'b?[2J'\n")) << output;
}

// RFC 5071: options 209 and 210.
TEST_F(DhcpCommand, pxe_get_tries_the_file_that_dhcp_named_first) {
    next_server = OtherHost::address;
    options = option(209, "own.cfg");
    packets::put(options, option(67, "boot/kernel"));
    run("dhcp");
    EXPECT_EQ(variable("pxeconfigfile"), "own.cfg");
    files = {{"boot/own.cfg", "menu"}};
    std::string output = run("pxe get");
    EXPECT_EQ(status, 0) << output;
    EXPECT_EQ(requests, std::vector<std::string>{"boot/own.cfg"});
    EXPECT_TRUE(output.ends_with("Config file 'boot/own.cfg' found\n")) << output;
    files = {{"boot/pxelinux.cfg/default", "menu"}};
    requests.clear();
    run("pxe get");
    EXPECT_EQ(status, 0);
    EXPECT_EQ(requests.front(), "boot/own.cfg");
    EXPECT_EQ(requests[1], "boot/pxelinux.cfg/01-52-54-00-12-34-56");
    packets::put(options, option(210, "/other/"));
    run("dhcp");
    files = {{"/other/own.cfg", "menu"}};
    requests.clear();
    run("pxe get");
    EXPECT_EQ(requests, std::vector<std::string>{"/other/own.cfg"});
    options = option(209, "/whole/path.cfg");
    run("setenv pxepathprefix; dhcp; pxe get");
    EXPECT_EQ(requests[1], "/whole/path.cfg");
    // Too long for a request: said, and the others are tried.
    run("setenv pxeconfigfile " + std::string(500, 'c'));
    output = run("pxe get");
    EXPECT_EQ(
        output.find("TFTP error: a file name of more than 400 bytes\nRetrieving file: boot/pxelinux.cfg/01-"),
        0u)
        << output;
}

} // namespace
} // namespace vireo::test
