// SPDX-License-Identifier: Apache-2.0
#include "machine/virt/given_kernel.h"

#include "base/math.h"
#include "boot/image/linux_riscv.h"

namespace vireo::machine::virt {

using system::Machine;

namespace {

constexpr u64 MiB = 1 << 20;
// Image, heap and device tree at their least.
constexpr u64 room_for_vireo = 8 * MiB;
constexpr u64 four_gib = u64{1} << 32;

// One or two cells: QEMU has written both.
std::optional<u64> number(const bus::fdt::Node& node, const char* name) {
    auto value = node.property(name);
    if (!value || (value->size() != 4 && value->size() != 8))
        return std::nullopt;
    return bus::fdt::read_cells(*value, 0, value->size() / 4);
}

// That the kernel at `base` takes, if its header can be read.
u64 kernel_bytes(u64 base, const system::MemoryMap& map, const std::byte* (*memory)(u64)) {
    if (!map.check_readable(base, boot::recognised_by_bytes))
        return 0;
    Bytes head(memory(base), boot::recognised_by_bytes);
    if (boot::recognise(head) != boot::ImageKind::LinuxRiscv)
        return 0;
    auto needs = boot::read_linux_riscv64(head, map.ram().front().base); // of either width it has that field
    return needs && checked_add(base, needs->image_bytes) ? needs->image_bytes : 0;
}

bool is_free(const Range& range, const system::MemoryMap& map) {
    return range.bytes != 0 && map.check_writable(range.base, range.bytes);
}

} // namespace

Result<Machine::GivenKernel> find_given_kernel(const ResetRecord* record, const bus::fdt::Tree& tree,
                                               const system::MemoryMap& map,
                                               const std::byte* (*memory)(u64)) {
    if (record && record->magic != ResetRecord::right_magic)
        return error(ErrorCode::Corrupt, "what QEMU's reset ROM says about a kernel");
    if (!record || map.ram().empty() || record->next_address < map.ram().front().base)
        return error(ErrorCode::NotFound, "the host gives no kernel");
    u64 base = record->next_address;
    Machine::GivenKernel given{.kernel = {base, kernel_bytes(base, map, memory)}};
    auto chosen = tree.find("/chosen");
    if (!chosen)
        return given;
    given.command_line = chosen->text("bootargs");
    auto start = number(*chosen, "linux,initrd-start");
    auto end = number(*chosen, "linux,initrd-end");
    if (start && end)
        given.initrd = Range{*start, *end - std::min(*start, *end)};
    return given;
}

KeptRanges keep(const Machine::GivenKernel& given, system::MemoryMap& map) {
    KeptRanges kept{};
    if (!is_free(given.kernel, map))
        return kept;
    kept.ranges[kept.count++] = given.kernel;
    if (given.initrd && is_free(*given.initrd, map) && !given.initrd->overlaps(given.kernel))
        kept.ranges[kept.count++] = *given.initrd;
    if (keep(kept, map)) {
        if (auto room = map.allocate(room_for_vireo, 4096, "Vireo", four_gib)) {
            VIREO_MUST(map.release(*room));
            return kept;
        }
    }
    for (const Range& range : kept.all())
        (void)map.release(range.base);
    return {};
}

Result<> keep(const KeptRanges& kept, system::MemoryMap& map) {
    for (const Range& range : kept.all())
        VIREO_TRY(map.reserve(range.base, range.bytes, "the host's kernel"));
    return {};
}

} // namespace vireo::machine::virt
