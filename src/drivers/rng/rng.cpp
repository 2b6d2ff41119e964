// SPDX-License-Identifier: Apache-2.0
#include "device/registry.h"
#include "event/request.h"
#include "virtio/session/session.h"
#include "virtio/wire/entropy.h"

// Entropy device (section 5.4): the smallest complete driver. One queue, no features, no configuration; a
// buffer goes in empty and comes back with random bytes. README.md in this folder says the rest.
namespace vireo::drivers {

namespace {

using namespace virtio;
using event::Deadline;
using event::Duration;

constexpr usize request_queue = 0;
constexpr u32 chunk_bytes = 256;
constexpr Duration answer_timeout = Duration::seconds(10);
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
        while (!bytes.empty()) {
            usize count = VIREO_TRY(fill(static_cast<u32>(std::min<usize>(bytes.size(), chunk_bytes))));
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
    Result<usize> fill(u32 bytes) {
        VIREO_TRY(session_.usable());
        Queue& queue = session_.queue(request_queue);
        auto chain = queue.begin(1);
        if (!chain)
            return error(ErrorCode::DeviceBroken, "entropy device takes no request");
        VIREO_TRY(chain->add(buffer_->part<dma::FromDevice>(0, bytes)));
        request_.begin();
        queue.submit(std::move(*chain), 0);
        session_.commit(request_queue);
        if (Result<> waited = session_.loop().wait(request_, Deadline::after(answer_timeout)); !waited)
            session_.set_aside(waited.error()); // ends the request with this error
        VIREO_TRY(request_.outcome());
        return received_;
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
