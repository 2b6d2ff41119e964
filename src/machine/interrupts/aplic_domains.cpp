// SPDX-License-Identifier: Apache-2.0
#include "machine/interrupts/aplic_domains.h"

#include "io/window.h"

namespace vireo::machine::virt {

namespace {

using Aplic = Devices::Aplic;
using Imsic = Devices::Imsic;

constexpr u32 max_sources = 1023;
constexpr u64 domain_control = 0x0000;
constexpr u64 source(u32 interrupt) { return u64{4} * interrupt; }
constexpr u32 delegated_to_first_child = 1 << 10;
constexpr u64 machine_address = 0x1bc0;
constexpr u64 machine_address_high = 0x1bc4;
constexpr u64 supervisor_address = 0x1bc8;
constexpr u64 supervisor_address_high = 0x1bcc;
constexpr u64 register_end = 0x1bd0;

constexpr unsigned page_bits = 12;
constexpr u32 least_group_shift = 24;

bool belongs_to_machine_mode(const Aplic& aplic) { return aplic.child != 0; }

// Pages of the first group: the others lie where its address says.
const Imsic* find_imsic(const Devices& devices, u32 phandle) {
    for (const Imsic& imsic : devices.imsics)
        if (phandle != 0 && imsic.device.phandle == phandle)
            return &imsic;
    return nullptr;
}

const Aplic* find_aplic(const Devices& devices, u32 phandle) {
    for (const Aplic& aplic : devices.aplics)
        if (aplic.device.phandle == phandle)
            return &aplic;
    return nullptr;
}

// How many bits of a hart's number tell it from others of its group. A tree of one group need not say it.
u32 hart_bits(const Imsic& imsic) {
    constexpr usize connection_bytes = 8;
    usize harts = imsic.device.connections.size() / connection_bytes;
    return imsic.hart_index_bits != 0 || harts < 2 ? imsic.hart_index_bits
                                                   : static_cast<u32>(std::bit_width(harts - 1));
}

bool has_registers(const Aplic& aplic) {
    const Region& registers = aplic.device.registers;
    return registers.base % 4 == 0 && registers.base + registers.bytes <= io::reach_of(io::Space::Memory) &&
           registers.bytes >= register_end;
}

Error no_messages() { return error(ErrorCode::NotSupported, "the APLIC cannot reach the harts' IMSICs"); }

} // namespace

Result<MessageAddresses> message_addresses(const Devices& devices, const Aplic& domain) {
    const Aplic* child = find_aplic(devices, domain.child);
    const Imsic* ours = find_imsic(devices, domain.message_parent);
    const Imsic* theirs = child ? find_imsic(devices, child->message_parent) : nullptr;
    if (!ours || !theirs)
        return no_messages();
    u32 hart_width = hart_bits(*ours);
    // Both modes' harts have the same numbers, and their groups lie equally far apart.
    if (hart_width != hart_bits(*theirs) || ours->group_index_bits != theirs->group_index_bits ||
        ours->group_index_shift != theirs->group_index_shift)
        return no_messages();
    u64 page = ours->device.registers.base >> page_bits;
    u64 their_page = theirs->device.registers.base >> page_bits;
    u32 group_shift = ours->group_index_shift - least_group_shift; // wraps to too much
    if (hart_width > 15 || ours->group_index_bits > 7 || group_shift > 31 || ours->guest_index_bits > 7 ||
        theirs->guest_index_bits > 7 || (page | their_page) >> 44 != 0)
        return no_messages();
    // How harts are numbered, machine mode's register says for both. QEMU 7.2 looks into each.
    u32 numbering = group_shift << 24 | ours->group_index_bits << 16 | hart_width << 12;
    return MessageAddresses{
        .machine = static_cast<u32>(page),
        .machine_high = numbering | ours->guest_index_bits << 20 | static_cast<u32>(page >> 32),
        .supervisor = static_cast<u32>(their_page),
        .supervisor_high = numbering | theirs->guest_index_bits << 20 | static_cast<u32>(their_page >> 32)};
}

Result<> can_give_aplics(const Devices& devices) {
    for (const Aplic& aplic : devices.aplics) {
        if (!belongs_to_machine_mode(aplic))
            continue;
        if (!has_registers(aplic) || aplic.sources > max_sources)
            return error(ErrorCode::NotSupported, "the APLIC has not all of its registers");
        if (aplic.device.connections.empty())
            VIREO_TRY(message_addresses(devices, aplic));
    }
    // What its harts are started and interrupted by.
    if (!devices.aplics.is_empty() && devices.software_interrupts.is_empty())
        return error(ErrorCode::NotSupported,
                     "harts can interrupt each other by messages only (QEMU: leave aclint=on or aia= away)");
    return {};
}

void give_aplics_to_supervisor_mode(const Devices& devices) {
    for (const Aplic& aplic : devices.aplics) {
        if (!belongs_to_machine_mode(aplic))
            continue;
        io::Window window(io::Space::Memory, aplic.device.registers.base, aplic.device.registers.bytes);
        window.write32(domain_control, 0);
        if (aplic.device.connections.empty()) {
            auto addresses = VIREO_MUST(message_addresses(devices, aplic));
            window.write32(machine_address, addresses.machine);
            window.write32(machine_address_high, addresses.machine_high);
            window.write32(supervisor_address, addresses.supervisor);
            window.write32(supervisor_address_high, addresses.supervisor_high);
        }
        for (u32 interrupt = 1; interrupt <= aplic.sources; ++interrupt)
            window.write32(source(interrupt), delegated_to_first_child);
    }
}

} // namespace vireo::machine::virt
