// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/log.h"
#include "hosted/dma_arena.h"
#include "hosted/fakes/device.h"
#include "hosted/report.h"
#include "unit/support/complaints.h"
#include "virtio/transport/transport.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

// Transports on the strict fakes: whatever the referee has to complain about fails the test
// that did not ask for it.
namespace vireo::test {

// A device with a configuration field of each width and nothing that it could do.
class PlainDevice final : public fake::Device {
  public:
    explicit PlainDevice(std::string device_name = "disk", u32 device_type = 2)
        : Device(device_type, std::move(device_name), 2) {
        set_config_size(16);
        put_config(0, 8, 0x1122'3344'5566'7788);
        put_config(8, 4, 0xaabb'ccdd);
        put_config(12, 2, 0xe0f0);
        put_config(14, 1, 0x55);
    }

  private:
    u32 execute(u16, const fake::Chain&) override { return 0; }
    std::span<const fake::ConfigField> config_fields() const override {
        static constexpr fake::ConfigField fields[] = {
            {0, 4, 2, -1, false, "sixty-four"},
            {8, 4, 1, -1, false, "thirty-two"},
            {12, 2, 1, -1, true, "sixteen"},
            {14, 1, 2, -1, true, "eight"},
        };
        return fields;
    }
    fake::Features described_features() const override { return {5, 6}; }
};

// Memory for a ring of this many entries, as the interface wants it laid out.
struct RingMemory {
    RingMemory(u16 size, bool is_legacy) : buffer(64 * 1024) {
        u64 driver = 16 * u64{size};
        u64 device = driver + 6 + 2 * u64{size};
        device = is_legacy ? (device + 4095) / 4096 * 4096 : (device + 3) / 4 * 4;
        addresses = {buffer.bus(), buffer.bus() + driver, buffer.bus() + device};
    }
    SharedMemory buffer;
    virtio::QueueAddresses addresses;
};

class TransportTest : public ::testing::Test, Writer {
  protected:
    TransportTest() {
        hosted::use_virtual_clock();
        hosted::DmaArena::instance().reset();
        hosted::set_reporter(
            [](void* self, std::string_view rule, std::string_view text) {
                static_cast<TransportTest*>(self)->complaints_ +=
                    std::string(rule) + ": " + std::string(text) + "\n";
            },
            this);
        set_log_writer(this);
    }
    ~TransportTest() override {
        EXPECT_EQ(complaints_, "");
        EXPECT_EQ(warnings_, "");
        hosted::set_reporter(nullptr, nullptr);
        set_log_writer(nullptr);
    }
    // The warnings until now, which were expected.
    std::string take_warnings() { return std::exchange(warnings_, {}); }
    std::string take_complaints() { return std::exchange(complaints_, {}); }

    static void reset(virtio::Transport& transport) {
        transport.set_status(0);
        for (int polls = 0; polls < 10 && transport.status() != 0; ++polls) {
        }
        EXPECT_EQ(transport.status(), 0);
    }
    // Section 3.1.1, steps 1 to 6, accepting all that is offered and allowed.
    static virtio::FeatureSet negotiate(virtio::Transport& transport) {
        reset(transport);
        transport.enable_dma(true);
        transport.set_status(1);
        transport.set_status(3);
        auto features = transport.offered_features() & transport.allowed_features();
        transport.accept_features(features);
        if (!transport.is_legacy()) {
            transport.set_status(11);
            EXPECT_EQ(transport.status(), 11);
        }
        return features;
    }
    static void go_live(virtio::Transport& transport) { transport.set_status(transport.status() | 4); }

  private:
    void write(std::string_view text) override { warnings_ += text; }
    std::string complaints_;
    std::string warnings_;
};

// What a source found.
struct Finds final : virtio::TransportSource::Sink {
    void found(std::unique_ptr<virtio::Transport> transport) override { all.push_back(std::move(transport)); }
    std::vector<std::unique_ptr<virtio::Transport>> all;
};

inline std::string place_of(const virtio::Transport& transport) {
    StringBuffer<32> text;
    transport.print_place(text);
    return std::string(text.view());
}

} // namespace vireo::test
