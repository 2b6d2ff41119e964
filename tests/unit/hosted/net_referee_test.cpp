// SPDX-License-Identifier: Apache-2.0
// The fake card bites: a rude driver breaks what section 5.1 asks for, rule by rule; and it behaves: what it
// filters, what it completes. Numbers are written out.
#include "unit/support/net_bench.h"

namespace vireo::test {
namespace {

using fake::Net;

// Speaks to its queues as it is told, and accepts what it is told.
class Rude final : public virtio::Driver {
  public:
    explicit Rude(virtio::Session& session) : session_(session) { last = this; }
    static inline Rude* last = nullptr;
    static inline virtio::FeatureSet wants;

    Result<u16> queue_count() override { return u16{3}; }
    Result<> start() override {
        memory_ = VIREO_TRY(session_.share(131072, 64));
        return {};
    }
    bool harvest() override {
        bool any = false;
        for (usize i = 0; i < 3; ++i)
            while (auto done = session_.queue(i).harvest()) {
                written = done->written;
                any = true;
            }
        return any;
    }
    void stop(Error, virtio::InFlight) override {}
    void queue_stopped(usize, Error) override {}
    Result<> announce(device::Registry&) override { return {}; }
    void print_name(Writer&) const override {}

    // A chain of device-readable parts, then device-writable room in parts.
    void say(usize queue, std::initializer_list<std::vector<u8>> parts,
             std::initializer_list<usize> room = {}) {
        auto chain = session_.queue(queue).begin(static_cast<u16>(parts.size() + room.size()));
        ASSERT_TRUE(chain);
        usize at = 0;
        for (const auto& part : parts) {
            std::memcpy(memory_->data() + at, part.data(), part.size());
            ASSERT_TRUE(chain->add(memory_->part<dma::ToDevice>(at, part.size())));
            at += part.size();
        }
        for (usize bytes : room) {
            memory_->data()[at] = std::byte{0xee};
            ASSERT_TRUE(chain->add(memory_->part<dma::FromDevice>(at, bytes)));
            at += bytes;
        }
        ack = reinterpret_cast<const u8*>(memory_->data() + at - 1);
        session_.queue(queue).submit(std::move(*chain), 0);
        session_.commit(queue);
        session_.poll();
    }
    virtio::DeviceConfig config() { return session_.config(); }
    u32 written = 0;
    const u8* ack = nullptr; // the last byte of what was written

  private:
    virtio::Session& session_;
    dma::Buffer* memory_ = nullptr;
};

constexpr virtio::QueueSpec rude_queues[] = {{.name = "q", .max_chain = 8}};

class NetReferee : public testing::Test {
  protected:
    // Brings a card up with these features accepted.
    Rude& go_live(std::initializer_list<unsigned> features, Bus bus = Bus::Mmio, bool any_layout = true) {
        Rude::wants = virtio::FeatureSet::of(features);
        manifest.emplace(virtio::DriverManifest{
            .name = "rude",
            .device_type = 1,
            .required = {},
            .optional = Rude::wants,
            .dependencies = {},
            .queues = rude_queues,
            .create = [](virtio::Session& session) -> Result<std::unique_ptr<virtio::Driver>> {
                return std::unique_ptr<virtio::Driver>(VIREO_TRY(make_owned<Rude>(session)));
            },
        });
        drivers[0] = &*manifest;
        machine.emplace(bus, drivers);
        for (const char* rule : rules)
            machine->complaints.expect(rule);
        card = &plug_card(*machine);
        for (unsigned bit = 0; bit <= Net::ipsec; ++bit)
            if (bit < 24 || bit >= 50)
                card->offered.add(bit);
        card->set_mtu(1500);
        if (!any_layout)
            card->offered.remove(fake::feature::any_layout);
        machine->start();
        return *Rude::last;
    }
    void expect(std::initializer_list<const char*> list) { rules = list; }
    // A header of 12 bytes.
    static std::vector<u8> header(u8 flags = 0, u8 gso_type = 0, u16 start = 0, u16 offset = 0,
                                  u8 buffers = 0) {
        return {flags,
                gso_type,
                0,
                0,
                0,
                0,
                static_cast<u8>(start),
                static_cast<u8>(start >> 8),
                static_cast<u8>(offset),
                static_cast<u8>(offset >> 8),
                buffers,
                0};
    }
    // An IPv4 datagram with right checksums.
    static Frame datagram() {
        Frame frame = frame_of(14 + 20 + 8 + 4);
        u8 bytes[] = {0x08, 0,  0x45, 0, 0, 32,   0, 1,    0, 0, 64, 17, 0, 0,   10,  0,   2,
                      15,   10, 0,    2, 2, 0x10, 0, 0x20, 0, 0, 12, 0,  0, 'a', 'b', 'c', 'd'};
        auto put = [&](usize at, u16 sum) {
            bytes[at] = static_cast<u8>(~sum >> 8);
            bytes[at + 1] = static_cast<u8>(~sum);
        };
        put(12, Net::sum(std::span(bytes).subspan(2, 20)));
        put(28, Net::sum(std::span(bytes).subspan(22), Net::sum(std::span(bytes).subspan(14, 8), 17 + 12)));
        std::copy(std::begin(bytes), std::end(bytes), frame.begin() + 12);
        return frame;
    }
    std::vector<const char*> rules;
    std::optional<virtio::DriverManifest> manifest;
    const virtio::DriverManifest* drivers[1] = {};
    std::optional<Machine> machine;
    Net* card = nullptr;
};

TEST_F(NetReferee, good_manners_are_not_complained_about) {
    Rude& driver = go_live({0, 5, 15, 17, 18, 23});
    driver.say(1, {header(), frame_of(60)});
    driver.say(1, {header(), datagram()});
    driver.say(2, {{0, 0}, {1}}, {1});
    EXPECT_EQ(*driver.ack, 0);
    EXPECT_TRUE(card->promiscuous);
    driver.say(2, {{1, 0}, {0, 0, 0, 0}, {1, 0, 0, 0, 0x33, 0x33, 0, 0, 0, 1}}, {1});
    EXPECT_EQ(*driver.ack, 0);
    EXPECT_EQ(card->groups.size(), 1u);
    driver.say(2, {{1, 1}, {2, 0, 0, 0, 0, 7}}, {1});
    EXPECT_EQ(*driver.ack, 0);
    driver.say(0, {}, {100});
    ASSERT_TRUE(card->deliver(frame_of(60, 1, {2, 0, 0, 0, 0, 7})));
    machine->loop.poll_once();
    EXPECT_EQ(driver.written, 72u);
    EXPECT_EQ(card->sent().size(), 2u);
}
TEST_F(NetReferee, bits_without_what_they_need) {
    expect({"net.135", "net.14", "net.13"});
    go_live({7, 57, 20});
    EXPECT_NE(machine->state(), virtio::Session::State::Running);
}
TEST_F(NetReferee, transmit_headers) {
    expect({"net.16", "net.17", "net.59", "net.45", "net.44", "net.40", "net.15"});
    Rude& driver = go_live({5});
    driver.say(1, {header(0, 0, 0, 0, 1), frame_of(60)});
    EXPECT_EQ(machine->complaints.count("net.16"), 1u);
    driver.say(1, {header(1, 0, 34, 6), frame_of(60)});
    EXPECT_EQ(machine->complaints.count("net.17"), 1u);
    driver.say(1, {header(2), frame_of(60)});
    driver.say(1, {header(4), frame_of(60)});
    EXPECT_EQ(machine->complaints.count("net.59"), 2u);
    driver.say(1, {header(8), frame_of(60)});
    EXPECT_EQ(machine->complaints.count("net.40"), 1u);
    driver.say(1, {header(0, 1), frame_of(60)});
    EXPECT_EQ(machine->complaints.count("net.45"), 1u);
    driver.say(1, {header(1, 0, 58, 1), frame_of(60)});
    EXPECT_EQ(machine->complaints.count("net.44"), 1u);
    driver.say(1, {header(), {1, 2, 3}});
    EXPECT_EQ(machine->complaints.count("net.15"), 1u);
    driver.say(1, {header(), frame_of(60)}, {1});
    EXPECT_EQ(machine->complaints.count("net.15"), 2u);
}
TEST_F(NetReferee, frames_longer_than_the_mtu) {
    expect({"net.09"});
    Rude& driver = go_live({3});
    driver.say(1, {header(), frame_of(1514)});
    EXPECT_EQ(machine->complaints.count("net.09"), 0u);
    driver.say(1, {header(), frame_of(1515)});
    EXPECT_EQ(machine->complaints.count("net.09"), 1u);
}
TEST_F(NetReferee, wrong_checksums) {
    expect({"net.18", "net.42", "net.43"});
    Rude& driver = go_live({0});
    Frame frame = datagram();
    frame[45] ^= 1;
    driver.say(1, {header(), frame});
    EXPECT_EQ(machine->complaints.count("net.18"), 1u);
    frame = datagram();
    frame[24] ^= 1;
    driver.say(1, {header(), frame});
    EXPECT_EQ(machine->complaints.count("net.18"), 2u);
    // Left to the device without the sum of the pseudo header.
    frame = datagram();
    frame[40] = frame[41] = 0;
    driver.say(1, {header(1, 0, 34, 6), frame});
    EXPECT_EQ(machine->complaints.count("net.43"), 1u);
    // With it, but the header before is wrong.
    u16 pseudo = Net::sum(std::span(frame).subspan(26, 8), 17 + 12);
    frame[40] = static_cast<u8>(pseudo >> 8);
    frame[41] = static_cast<u8>(pseudo);
    frame[24] ^= 1;
    driver.say(1, {header(1, 0, 34, 6), frame});
    EXPECT_EQ(machine->complaints.count("net.42"), 1u);
    EXPECT_EQ(machine->complaints.count("net.43"), 1u);
    frame[24] ^= 1;
    driver.say(1, {header(1, 0, 34, 6), frame});
    EXPECT_EQ(card->sent().back().frame, datagram()); // completed
    EXPECT_EQ(machine->complaints.count("net.42") + machine->complaints.count("net.43"), 2u);
}
TEST_F(NetReferee, receive_buffers) {
    expect({"net.64", "net.08", "net.65"});
    Rude& driver = go_live({3});
    card->set_mtu(1600);
    driver.say(0, {}, {1525});
    driver.say(0, {}, {1625});
    driver.say(0, {{1}}, {1626});
    for (int i = 0; i < 3; ++i)
        card->deliver(frame_of(60));
    EXPECT_EQ(machine->complaints.count("net.64"), 1u);
    EXPECT_EQ(machine->complaints.count("net.08"), 2u);
    EXPECT_EQ(machine->complaints.count("net.65"), 1u);
}
TEST_F(NetReferee, buffers_without_room_for_a_header) {
    expect({"net.65"});
    Rude& driver = go_live({15});
    driver.say(0, {}, {11});
    driver.say(0, {}, {100});
    ASSERT_TRUE(card->deliver(frame_of(60)));
    EXPECT_EQ(machine->complaints.count("net.65"), 1u);
}
TEST_F(NetReferee, old_framing) {
    expect({"net.legacy.11", "net.legacy.12", "net.legacy.13", "net.legacy.14"});
    auto complaints = [&](const char* rule) { return machine->complaints.count(rule); };
    Rude& driver = go_live({17, 18, 23}, Bus::MmioLegacy, false);
    std::vector<u8> short_header(10);
    std::vector<u8> whole = short_header;
    whole.resize(70);
    driver.say(1, {short_header, frame_of(60)});
    EXPECT_EQ(complaints("net.legacy.11"), 0u);
    driver.say(1, {whole});
    EXPECT_EQ(complaints("net.legacy.11"), 1u);
    driver.say(0, {}, {10, 1516});
    ASSERT_TRUE(card->deliver(frame_of(60)));
    EXPECT_EQ(complaints("net.legacy.11"), 1u);
    driver.say(0, {}, {1526});
    ASSERT_TRUE(card->deliver(frame_of(60)));
    EXPECT_EQ(complaints("net.legacy.11"), 2u);
    driver.say(2, {{0, 0, 1}}, {1});
    EXPECT_EQ(complaints("net.legacy.12"), 1u);
    EXPECT_EQ(complaints("net.legacy.13"), 1u);
    driver.say(2, {{1, 0}, {0, 0, 0, 0, 0, 0, 0, 0}}, {1});
    EXPECT_EQ(complaints("net.legacy.13"), 2u);
    driver.say(2, {{1, 0}, {0, 0, 0, 0, 0}, {0, 0, 0}}, {1});
    EXPECT_EQ(complaints("net.legacy.13"), 3u);
    driver.say(2, {{0, 0}, {1}}, {2});
    EXPECT_EQ(complaints("net.legacy.14"), 1u);
}
TEST_F(NetReferee, large_frames_in_small_buffers) {
    expect({"net.63"});
    Rude& driver = go_live({1, 7});
    driver.say(0, {}, {65600});
    ASSERT_TRUE(card->deliver(frame_of(60)));
    EXPECT_EQ(machine->complaints.count("net.63"), 1u);
}
TEST_F(NetReferee, commands_without_their_feature) {
    expect({"net.85", "net.86", "net.87", "net.94", "net.97", "net.105", "net.136"});
    Rude& driver = go_live({17});
    for (auto [command_class, command, rule] : {std::tuple<u8, u8, const char*>{0, 0, "net.85"},
                                                {0, 1, "net.85"},
                                                {0, 2, "net.86"},
                                                {0, 5, "net.86"},
                                                {1, 0, "net.87"},
                                                {1, 1, "net.87"},
                                                {4, 0, "net.94"},
                                                {4, 1, "net.97"},
                                                {5, 0, "net.105"},
                                                {9, 0, "net.136"}}) {
        u64 before = machine->complaints.count(rule);
        driver.say(2, {{command_class, command}, {1}}, {1});
        EXPECT_EQ(machine->complaints.count(rule), before + 1) << rule;
        EXPECT_EQ(*driver.ack, 1);
    }
    EXPECT_FALSE(card->promiscuous);
}
TEST_F(NetReferee, malformed_commands) {
    expect({"net.89", "net.136"});
    Rude& driver = go_live({17, 18, 23});
    driver.say(2, {{1, 0}, {0, 0, 0, 0}}, {1});                               // one table
    driver.say(2, {{1, 0}, {0, 0, 0, 0, 2, 0, 0, 0, 1, 2, 3, 4, 5, 6}}, {1}); // one of two
    driver.say(2, {{1, 0}, {0, 0, 0, 0, 1, 0, 0, 0, 2, 2, 3, 4, 5, 6}}, {1}); // a station among groups
    driver.say(2, {{1, 0}, {0, 0, 0, 0, 0, 0, 0, 0, 0}}, {1});                // a byte too many
    driver.say(2, {{1, 0}, {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}}, {1});       // 2^32 stations
    EXPECT_EQ(machine->complaints.count("net.89"), 5u);
    driver.say(2, {{0, 0}, {2}}, {1});
    driver.say(2, {{0, 0}, {1, 1}}, {1});
    driver.say(2, {{1, 1}, {1, 1}}, {1});
    driver.say(2, {{1}}, {1});
    EXPECT_EQ(machine->complaints.count("net.136"), 4u);
}
TEST_F(NetReferee, configuration_is_written) {
    expect({"net.01"});
    Rude& driver = go_live({5});
    EXPECT_TRUE(driver.config().set_field<u8>(0, 2));
    EXPECT_EQ(machine->complaints.count("net.01"), 1u);
}
TEST_F(NetReferee, old_address_out_of_turn) {
    expect({"net.legacy.03"});
    Rude& driver = go_live({5}, Bus::MmioLegacy);
    for (u32 at : {0u, 1u, 2u, 3u, 4u, 5u, 0u})
        EXPECT_TRUE(driver.config().set_field<u8>(at, 2));
    EXPECT_EQ(machine->complaints.count("net.legacy.03"), 0u);
    EXPECT_TRUE(driver.config().set_field<u8>(5, 2));
    EXPECT_EQ(machine->complaints.count("net.legacy.03"), 1u);
}

} // namespace
} // namespace vireo::test
