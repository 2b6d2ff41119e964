// SPDX-License-Identifier: Apache-2.0
#include "virtio/session/session.h"
#include "virtio/wire/features.h"

// How `virtio list` shows a device: one line about the device, then what was negotiated.
namespace vireo::virtio {

namespace {

std::string_view describe(Session::State state) {
    switch (state) {
    case Session::State::Found:
        return "no driver";
    case Session::State::Running:
        return "running";
    case Session::State::Broken:
        return "broken";
    case Session::State::Stopped:
        return "stopped";
    }
    return "";
}

std::string_view name_of(unsigned bit, u32 device_type) {
    // The device type's names first: bits 41 and 42 mean something else on a legacy network device.
    for (auto names : {wire::device_feature_names(device_type), wire::reserved_feature_names()})
        for (const wire::FeatureName& feature : names)
            if (feature.bit == bit)
                return feature.name;
    return {};
}

// Words behind a heading, wrapped under each other.
class WordList {
  public:
    WordList(Writer& out, std::string_view heading) : out_(out) { vireo::print(out_, "     {:<9}", heading); }
    ~WordList() { out_.write(is_empty_ ? " none\n" : "\n"); }

    void add(std::string_view word) {
        if (column_ + 1 + word.size() > width) {
            vireo::print(out_, "\n{:<14}", "");
            column_ = indent;
        }
        vireo::print(out_, " {}", word);
        column_ += 1 + word.size();
        is_empty_ = false;
    }

  private:
    static constexpr usize width = 100;
    static constexpr usize indent = 14;
    Writer& out_;
    usize column_ = indent;
    bool is_empty_ = true;
};

void print_features(Writer& out, std::string_view heading, const FeatureSet& features, u32 device_type) {
    WordList list(out, heading);
    for (unsigned bit = 0; bit < FeatureSet::bit_count; ++bit) {
        if (!features.has(bit))
            continue;
        auto name = name_of(bit, device_type);
        StringBuffer<8> number;
        if (name.empty()) {
            vireo::print(number, "bit{}", bit);
            name = number.view();
        }
        list.add(name);
    }
}

} // namespace

void Session::print(Writer& out) const {
    u32 type = transport_->device_type();
    transport_->print_place(out);
    vireo::print(out, "  {}  {} ({})", transport_->kind(), wire::device_type_name(type), type);
    if (manifest_) {
        vireo::print(out, "  driver {}", manifest_->name);
        if (announced_) {
            out.write(" -> ");
            driver_->print_name(out);
        }
    }
    vireo::print(out, "  state {}", describe(state_));
    if (state_ == State::Broken)
        vireo::print(out, ": {}", reason_.what);
    out.write("\n");

    print_features(out, "offered", offered_, type);
    if (!manifest_)
        return;
    print_features(out, "accepted", accepted_, type);
    for (usize i = 0; i < queues_.size(); ++i) {
        const LiveQueue& queue = queues_[i];
        vireo::print(out, "     queue {}   {}: {} entries, {} in flight, {} notifications\n", i,
                     manifest_->queues[std::min(i, manifest_->queues.size() - 1)].name, queue.ring.size(), queue.ring.in_flight(), queue.kicks);
    }
}

} // namespace vireo::virtio
