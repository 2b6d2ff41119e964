// SPDX-License-Identifier: Apache-2.0
#include "base/parse.h"
#include "virtio/session/session.h"
#include "virtio/wire/features.h"

// How people see a device: `virtio list` (one line about it, then what was negotiated),
// `features` and `stats`.
namespace vireo::virtio {

namespace {

std::string_view describe(Session::State state) {
    switch (state) {
    case Session::State::Found:
        return "no driver";
    case Session::State::Running:
        return "running";
    case Session::State::Aside:
        return "set aside: does not answer";
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

void add_name(StringBuffer<32>& text, unsigned bit, u32 device_type) {
    auto name = name_of(bit, device_type);
    if (name.empty())
        vireo::print(text, "bit{}", bit);
    else
        text.write(name);
}

void print_features(Writer& out, std::string_view heading, const FeatureSet& features, u32 device_type) {
    WordList list(out, heading);
    for (unsigned bit = 0; bit < FeatureSet::bit_count; ++bit) {
        if (!features.has(bit))
            continue;
        StringBuffer<32> name;
        add_name(name, bit, device_type);
        list.add(name.view());
    }
}

std::string_view describe(system::FeatureWish wish) {
    switch (wish) {
    case system::FeatureWish::Default:
        return "default";
    case system::FeatureWish::On:
        return "on";
    case system::FeatureWish::Off:
        return "off";
    }
    return "";
}

bool is_same_name(std::string_view a, std::string_view b) {
    auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; };
    return std::ranges::equal(a, b, [&](char x, char y) { return upper(x) == upper(y); });
}

void print_heading(Writer& out, const Transport& transport) {
    u32 type = transport.device_type();
    transport.print_place(out);
    vireo::print(out, "  {}  {} ({})", transport.kind(), wire::device_type_name(type), type);
}

} // namespace

Result<unsigned> find_feature(std::string_view text, u32 device_type) {
    for (unsigned bit = 0; bit < FeatureSet::bit_count; ++bit)
        if (auto name = name_of(bit, device_type); !name.empty() && is_same_name(text, name))
            return bit;
    if (auto number = parse_number(text, 10); number && *number < FeatureSet::bit_count)
        return static_cast<unsigned>(*number);
    return error(ErrorCode::NotFound, "no feature of that name");
}

void Session::print(Writer& out) const {
    u32 type = transport_->device_type();
    print_heading(out, *transport_);
    if (manifest_) {
        vireo::print(out, "  driver {}", manifest_->name);
        if (announced_) {
            out.write(" -> ");
            driver_->print_name(out);
        }
    }
    vireo::print(out, "  state {}", describe(state_));
    if (state_ == State::Broken)
        vireo::print(out, ": {}", reason_);
    out.write("\n");

    virtio::print_features(out, "offered", offered_, type);
    if (!manifest_)
        return;
    virtio::print_features(out, "accepted", accepted_, type);
    for (usize i = 0; i < queues_.size(); ++i) {
        const LiveQueue& queue = queues_[i];
        vireo::print(out, "     queue {}   {}: {} entries, {} in flight, {} notifications\n", i,
                     spec_of(i).name, queue.ring.size(), queue.ring.in_flight(), queue.kicks);
    }
    usize kept = 0;
    for (const LiveQueue& queue : held_queues_)
        kept += queue.ring.in_flight();
    if (!held_queues_.is_empty())
        vireo::print(out, "     kept      rings and {} request{}, until the device confirms a reset\n", kept,
                     kept == 1 ? "" : "s");
}

// One line for each feature that is offered or could be accepted.
void Session::print_features(Writer& out) const {
    u32 type = transport_->device_type();
    print_heading(out, *transport_);
    out.write("\n");
    FeatureSet ours =
        manifest_ ? implemented_features(*manifest_) & transport_->allowed_features() : FeatureSet{};
    for (unsigned bit = 0; bit < FeatureSet::bit_count; ++bit) {
        if (!offered_.has(bit) && !ours.has(bit))
            continue;
        StringBuffer<32> name;
        add_name(name, bit, type);
        std::string_view state = accepted_.has(bit)  ? "accepted"
                                 : offered_.has(bit) ? "offered"
                                                     : "not offered";
        std::string_view note = !ours.has(bit)             ? "  (not used by Vireo)"
                                : opt_in_features.has(bit) ? "  (only if asked for)"
                                                           : "";
        vireo::print(out, "  {:>3}  {:<26} {:<11} {}", bit, name.view(), state, describe(wishes_.of(bit)));
        if (wishes_.of(bit) != heeded_wishes_.of(bit))
            out.write(", from the next `virtio scan` on");
        vireo::print(out, "{}\n", note);
    }
}

void Session::print_statistics(Writer& out) {
    const Statistics& counts = statistics();
    print_heading(out, *transport_);
    vireo::print(out, "\n     requests      {} made, {} completed\n", counts.requests, counts.completions);
    vireo::print(out, "     bytes         {} to the device, {} from it\n", counts.bytes_to_device,
                 counts.bytes_from_device);
    vireo::print(out, "     notifications {} sent, {} not wanted\n", counts.doorbells, counts.suppressed);
    vireo::print(out, "     resets        {} of the device, {} of a queue, {} asked for by the device\n",
                 counts.resets, counts.queue_resets, counts.recoveries);
}

} // namespace vireo::virtio
