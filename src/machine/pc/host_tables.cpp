// SPDX-License-Identifier: Apache-2.0
#include "machine/pc/host_tables.h"

#include "base/math.h"
#include "boot/acpi/smbios.h"
#include "version.h"

namespace vireo::machine::pc {
namespace {

constexpr u64 page_bytes = 4096;
constexpr u64 four_gib = u64{1} << 32;

class FwCfgTables final : public boot::TableHost {
  public:
    FwCfgTables(const bus::FwCfg& fw_cfg, system::MemoryMap& map, const Range& segment, HostTables& tables)
        : fw_cfg_(fw_cfg), map_(map), segment_(segment), tables_(tables) {}

    Result<File> find(std::string_view name) override {
        auto file = VIREO_TRY(fw_cfg_.find(name));
        return File{file.selector, file.bytes};
    }
    Result<> read(const File& file, MutableBytes into) override {
        return fw_cfg_.read({file.selector, file.bytes}, into);
    }
    Result<> write(const File& file, u32 offset, Bytes from) override {
        return fw_cfg_.write({file.selector, file.bytes}, offset, from);
    }
    Result<u64> allocate(u64 bytes, u64 alignment, Zone zone) override;
    std::byte* memory(u64 address) override {
        return reinterpret_cast<std::byte*>(static_cast<uptr>(address));
    }

  private:
    const bus::FwCfg& fw_cfg_;
    system::MemoryMap& map_;
    Range segment_; // that is still free
    HostTables& tables_;
};

Result<u64> FwCfgTables::allocate(u64 bytes, u64 alignment, Zone zone) {
    if (zone == Zone::Segment) {
        u64 skipped = align_up<u64>(segment_.base, alignment) - segment_.base;
        if (range_fits(skipped, bytes, segment_.bytes)) {
            u64 base = segment_.base + skipped;
            segment_ = {base + bytes, segment_.bytes - skipped - bytes};
            return base;
        }
    }
    // An operating system maps them by pages, and its RAM is made of pages.
    bytes = align_up<u64>(bytes, page_bytes);
    u64 base = VIREO_TRY(map_.allocate(bytes, std::max(alignment, page_bytes), "ACPI tables", four_gib));
    VIREO_ASSERT(tables_.ranges.try_push_back({base, bytes}));
    return base;
}

// What the host does not have is no failure.
Result<u64> found_or_0(const Result<u64>& address) {
    return !address && address.error().code == ErrorCode::NotFound ? Result<u64>(u64{0}) : address;
}

Result<u64> load(FwCfgTables& host, const Range& segment) {
    if (segment.bytes != 0) {
        // Tables of a system that ran before a reset would be found as well.
        std::memset(host.memory(segment.base), 0, static_cast<usize>(segment.bytes));
        // SMBIOS first: it is looked for in the segment alone, which the host's ACPI files may fill.
        VIREO_TRY(found_or_0(boot::load_smbios(host, VIREO_VERSION)));
    }
    return found_or_0(boot::load_tables(host));
}

} // namespace

Result<> make_host_tables(const bus::FwCfg& fw_cfg, system::MemoryMap& map, const Range& segment,
                          HostTables& into) {
    FwCfgTables host(fw_cfg, map, segment, into);
    auto root = load(host, segment);
    if (root) {
        into.acpi_root = *root;
        return {};
    }
    for (const Range& range : into.ranges)
        VIREO_MUST(map.release(range.base));
    into.ranges.clear();
    return root.error();
}

} // namespace vireo::machine::pc
