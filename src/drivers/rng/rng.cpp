// SPDX-License-Identifier: Apache-2.0
#include "device/registry.h"
#include "event/patience.h"
#include "event/request.h"
#include "virtio/session/session.h"
#include "virtio/wire/entropy.h"

// Entropy device (section 5.4): the smallest complete driver. One queue, no features, no configuration; a
// buffer goes in empty and comes back with random bytes. README.md in this folder says the rest.
namespace vireo::drivers {

namespace {

using namespace virtio;
using event::Duration;

constexpr usize request_queue = 0;
constexpr u32 chunk_bytes = 256;
// Of one question, however many answers it takes. A host that rations randomness gives a few bytes a second
// (QEMU's max-bytes and period); less than that is not waited for, and who asked goes on without.
constexpr event::Budget budget{
    .silence = Duration::seconds(10), .head_start = Duration::seconds(10), .least_rate = 8};
constexpr unsigned max_empty_answers = 8;

class Rng final : public Driver, public device::EntropySource {
  public:
    explicit Rng(Session& session) : session_(session) {}

    // --- Driver
    Result<> start() override {
        buffer_ = VIREO_TRY(session_.share(chunk_bytes, 16));
        return {};
    }

    bool harvest() override {
        auto done = session_.queue(request_queue).harvest();
        if (!done)
            return false;
        received_ = done->written;
        request_.complete({});
        return true;
    }

    Result<u16> queue_count() override { return u16{1}; }
    void stop(Error why, InFlight) override {
        queue_stopped(request_queue, why);
        buffer_ = nullptr;
    }
    void queue_stopped(usize, Error why) override {
        if (request_.state() == event::Request::State::InFlight)
            request_.complete(why);
    }

    Result<> announce(device::Registry& registry) override {
        VIREO_TRY(registry.entropy.add(*this));
        number_ = registry.entropy.count() - 1;
        return {};
    }
    void print_name(Writer& out) const override { print(out, "rng {}", number_); }

    // --- EntropySource
    Result<> read(MutableBytes bytes) override {
        // The device may give less than was asked for (section 5.4.6), and is trusted for no byte more than
        // it says it wrote. It must give at least one; one that keeps giving none would hold us for ever.
        unsigned empty_answers = 0;
        event::Patience patience(session_.loop(), budget);
        while (!bytes.empty()) {
            u32 wanted = static_cast<u32>(std::min<usize>(bytes.size(), chunk_bytes));
            usize count = VIREO_TRY(fill(wanted, patience));
            patience.reached(patience.units() + count);
            if (count == 0 && ++empty_answers == max_empty_answers)
                return error(ErrorCode::Io, "entropy device gives nothing");
            std::memcpy(bytes.data(), buffer_->data(), count);
            std::memset(buffer_->data(), 0, count); // what was given out stays nowhere else
            bytes = bytes.subspan(count);
        }
        return {};
    }
    std::string_view name() const override { return "virtio-rng"; }

  private:
    // Asks for up to `bytes` into the buffer; how many came, 0 to `bytes`.
    Result<usize> fill(u32 bytes, const event::Patience& patience) {
        VIREO_TRY(session_.usable());
        Queue& queue = session_.queue(request_queue);
        auto chain = queue.begin(1);
        if (!chain)
            return error(ErrorCode::DeviceBroken, "entropy device takes no request");
        VIREO_TRY(chain->add(buffer_->part<dma::FromDevice>(0, bytes)));
        request_.begin();
        queue.submit(std::move(*chain), 0);
        session_.commit(request_queue);
        if (Result<> waited = session_.loop().wait(request_, patience.deadline()); !waited)
            session_.set_aside(reason_of(waited.error(), patience)); // ends the request with this error
        VIREO_TRY(request_.outcome());
        return received_;
    }

    static Error reason_of(Error ended, const event::Patience& patience) {
        if (ended.code != ErrorCode::Timeout)
            return ended;
        bool trickles = patience.verdict() == event::Patience::Verdict::TooSlow;
        return error(ErrorCode::Timeout, trickles ? "entropy device gives less than 8 bytes in a second"
                                                  : "entropy device gives nothing");
    }

    Session& session_;
    dma::Buffer* buffer_ = nullptr; // from start() to stop()
    event::Request request_;
    usize received_ = 0;
    usize number_ = 0;
};

constexpr QueueSpec queues[] = {{.name = "requestq", .max_size = 8}};

constexpr DriverManifest manifest{
    .name = "virtio-rng",
    .device_type = wire::VIRTIO_ID_ENTROPY,
    .required = {},
    .optional = {},
    .dependencies = {},
    .queues = queues,
    .create = [](Session& session) -> Result<std::unique_ptr<Driver>> {
        return std::unique_ptr<Driver>(VIREO_TRY(make_owned<Rng>(session)));
    },
};
VIREO_VIRTIO_DRIVER(manifest);

} // namespace

} // namespace vireo::drivers
