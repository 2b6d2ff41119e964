// SPDX-License-Identifier: Apache-2.0
// A disk behind MMIO registers that lie as the input says: the whole bring-up, and requests.
// Input: version (1 byte), disk and lies (stack.h), then requests until it ends.
#include "fuzz/stack.h"
#include "virtio/transport/mmio/mmio_source.h"

namespace vireo::fuzz {
namespace {

constexpr u64 base = 0x0a00'0000;
constexpr u64 hidden_base = 0x0b00'0000;
constexpr u64 status_register = 0x070;

// In front of a rightful slot.
class LyingSlot final : public hosted::RegisterBlock {
  public:
    LyingSlot(fake::MmioSlot& slot, std::vector<Lie> lies)
        : slot_(slot), liar_(std::move(lies)), range_(io::Space::Memory, base, fake::MmioSlot::bytes, *this) {
    }

    u32 read(u64 offset, u8 width) override {
        u32 value = liar_.tell(offset, slot_.read(offset, width));
        if (offset == status_register)
            witness.read(value);
        return value;
    }
    void write(u64 offset, u8 width, u32 value) override {
        if (offset == status_register)
            witness.wrote(static_cast<u8>(value));
        slot_.write(offset, width, value);
    }
    bool is_honest() const { return liar_.is_honest(); }

    ResetWitness witness;

  private:
    fake::MmioSlot& slot_;
    Liar liar_;
    hosted::MappedRange range_;
};

} // namespace
} // namespace vireo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const vireo::u8* data, vireo::usize size) {
    using namespace vireo;
    fuzz::FuzzedData input(data, size);
    fuzz::Surroundings surroundings;
    u32 version = 1 + input.below(2);
    auto disk = fuzz::fuzzed_disk(input);
    fake::MmioSlot slot(fuzz::hidden_base, version, disk.get());
    fuzz::LyingSlot registers(slot, fuzz::fuzzed_lies(input));
    if (!registers.is_honest())
        for (const char* rule : fuzz::judgements)
            surroundings.ignore(rule);
    virtio::MmioSlot place{fuzz::base, fake::MmioSlot::bytes};
    virtio::MmioSource source{{&place, 1}};
    {
        fuzz::Stack stack;
        stack.start(source);
        for (int i = 0; i < 16 && !input.is_empty(); ++i)
            stack.request(input, registers.is_honest(), registers.witness.may_have_given_up());
    }
    surroundings.check_leaks = !registers.witness.may_have_given_up();
    return 0;
}
