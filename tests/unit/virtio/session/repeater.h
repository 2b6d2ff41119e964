// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "unit/support/machine.h"

#include <deque>

// A device and a driver with nothing to do but to be started, stopped and repeated: sessions
// are tested on them.
namespace vireo::test {

// Fills what is to be written with one byte value, on any number of queues.
class Filler final : public fake::Device {
  public:
    static constexpr u32 type = 9; // one that Vireo has no driver for, with ids on every bus
    static constexpr int value = 0xab;
    explicit Filler(usize queues) : Device(type, "filler", queues) {}

  private:
    u32 execute(u16, const fake::Chain& chain) override {
        auto bytes = chain.writable_bytes();
        std::vector<std::byte> data(bytes, static_cast<std::byte>(value));
        chain.write(0, data.data(), data.size());
        return static_cast<u32>(bytes);
    }
};

// A driver whose requests may all be repeated.
class Repeater final : public virtio::Driver {
  public:
    struct Job {
        usize queue;
        u16 token;
        std::byte bytes[64] = {};
        unsigned times_submitted = 0;
        unsigned times_ended = 0;
        Result<> outcome{};
    };

    explicit Repeater(virtio::Session& session) : session(session) { latest = this; }
    static inline Repeater* latest = nullptr; // the driver that was made last
    static inline u16 wanted_queues = 1;

    // --- Driver
    Result<u16> queue_count() override { return wanted_queues; }
    Result<> start() override {
        ++starts;
        for (Job& job : jobs)
            if (job.times_ended == 0)
                VIREO_TRY(submit(job));
        return {};
    }
    bool harvest() override {
        bool any = false;
        for (u16 i = 0; i < wanted_queues; ++i)
            while (auto done = session.queue(i).harvest()) {
                end(jobs[done->token], {});
                any = true;
            }
        return any;
    }
    void stop(Error why, virtio::InFlight fate) override {
        ++stops;
        last_fate = fate;
        if (fate == virtio::InFlight::End)
            for (Job& job : jobs)
                if (job.times_ended == 0)
                    end(job, why);
    }
    void queue_stopped(usize index, Error why) override {
        queues_stopped.push_back(index);
        for (Job& job : jobs)
            if (job.queue == index && job.times_ended == 0)
                end(job, why);
    }
    void config_changed() override { ++config_changes; }
    Result<> announce(device::Registry&) override { return {}; }
    void print_name(Writer& out) const override { out.write("repeater"); }

    // --- for tests
    Job& post(usize queue) {
        jobs.push_back({queue, static_cast<u16>(jobs.size())});
        VIREO_MUST(submit(jobs.back()));
        session.commit(queue);
        return jobs.back();
    }
    // Waits until every job has ended. False: it took longer than that.
    bool finish(event::Duration patience = event::Duration::seconds(60)) {
        return session.loop()
            .wait_until(
                event::Deadline::after(patience),
                [&] { return std::ranges::all_of(jobs, [](const Job& job) { return job.times_ended > 0; }); })
            .has_value();
    }
    static bool is_done(const Job& job) {
        return job.times_ended == 1 && job.outcome &&
               std::ranges::all_of(job.bytes, [](std::byte b) { return b == std::byte{Filler::value}; });
    }

    virtio::Session& session;
    std::deque<Job> jobs;
    unsigned starts = 0;
    unsigned stops = 0;
    unsigned config_changes = 0;
    std::optional<virtio::InFlight> last_fate;
    std::vector<usize> queues_stopped;

  private:
    Result<> submit(Job& job) {
        auto chain = session.queue(job.queue).begin(1);
        if (!chain)
            return error(ErrorCode::NoMemory, "queue is full");
        VIREO_TRY(chain->add(VIREO_TRY(dma::share_from_device(job.bytes))));
        session.queue(job.queue).submit(std::move(*chain), job.token);
        ++job.times_submitted;
        return {};
    }
    static void end(Job& job, Result<> outcome) {
        ++job.times_ended;
        job.outcome = outcome;
    }
};

inline constexpr virtio::QueueSpec repeater_queues[] = {{.name = "first", .max_size = 64},
                                                        {.name = "more", .max_size = 8}};
inline constexpr virtio::DriverManifest repeater_manifest{
    .name = "repeater",
    .device_type = Filler::type,
    .required = {},
    .optional = {},
    .dependencies = {},
    .queues = repeater_queues,
    .create = [](virtio::Session& session) -> Result<std::unique_ptr<virtio::Driver>> {
        return std::unique_ptr<virtio::Driver>(new Repeater(session));
    }};
inline constexpr const virtio::DriverManifest* repeater_drivers[] = {&repeater_manifest};
// The same on the largest queue that there can be.
inline constexpr virtio::QueueSpec largest_queue[] = {{.name = "largest", .max_size = 32768}};
inline constexpr virtio::DriverManifest largest_manifest{.name = "largest",
                                                         .device_type = Filler::type,
                                                         .required = {},
                                                         .optional = {},
                                                         .dependencies = {},
                                                         .queues = largest_queue,
                                                         .create = repeater_manifest.create};
inline constexpr const virtio::DriverManifest* largest_drivers[] = {&largest_manifest};

// A machine with one of them on this bus, started.
struct RepeaterMachine {
    explicit RepeaterMachine(Bus bus, u16 queues = 1, std::initializer_list<unsigned> offered = {},
                             bool starts = true,
                             std::span<const virtio::DriverManifest* const> drivers = repeater_drivers)
        : machine(bus, drivers), device(machine.plug(std::make_unique<Filler>(queues))) {
        Repeater::wanted_queues = queues;
        for (unsigned bit : offered)
            device.offered.add(bit);
        if (starts)
            start();
    }
    void start() { machine.start(); }
    // Asks for an opt-in feature, with effect at once; counts start anew.
    void want(const char* name) {
        EXPECT_TRUE(machine.manager.wish(0, name, system::FeatureWish::On));
        EXPECT_TRUE(machine.manager.rescan());
        EXPECT_EQ(session().state(), virtio::Session::State::Running);
        session().clear_statistics();
        driver().starts = driver().stops = 0;
    }
    virtio::Session& session() { return machine.session(); }
    Repeater& driver() { return *Repeater::latest; }
    const virtio::Statistics& statistics() { return session().statistics(); }

    Machine machine;
    Filler& device;
};

} // namespace vireo::test
