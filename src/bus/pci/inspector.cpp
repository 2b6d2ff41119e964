// SPDX-License-Identifier: Apache-2.0
#include "bus/pci/inspector.h"

namespace vireo::bus::pci {

Function* Inspector::find(usize index) {
    Function* function = host_.first();
    while (function && index-- > 0)
        function = host_.next(*function);
    return function;
}

std::optional<system::PciPlace> Inspector::function(usize index) {
    const Function* found = find(index);
    if (!found)
        return std::nullopt;
    Location place = found->location();
    return system::PciPlace{place.bus, place.device, place.function};
}

u32 Inspector::read(usize index, u8 offset, u8 width) {
    const Function* found = find(index);
    VIREO_ASSERT(found);
    return width == 1 ? found->read8(offset) : width == 2 ? found->read16(offset) : found->read32(offset);
}

std::optional<system::PciBar> Inspector::bar(usize index, unsigned number) {
    const Function* found = find(index);
    VIREO_ASSERT(found);
    if (number >= Function::bar_count || found->bar_facts(number).state == Bar::State::Absent)
        return std::nullopt;
    const Bar& bar = found->bar_facts(number);
    return system::PciBar{.base =
                              bar.state == Bar::State::Assigned ? std::optional(bar.address) : std::nullopt,
                          .bytes = bar.bytes,
                          .is_io = bar.is_io,
                          .is_64bit = bar.is_64bit,
                          .is_prefetchable = bar.is_prefetchable};
}

std::optional<system::PciRegion> Inspector::region(unsigned number) const {
    const HostDescription& host = host_.description();
    struct Window {
        const AddressRange& range;
        std::string_view kind;
    };
    for (const Window& window :
         {Window{host.memory, "mem"}, Window{host.memory64, "mem prefetch"}, Window{host.io, "io"}})
        if (window.range.bytes > 0 && number-- == 0)
            return system::PciRegion{window.range.bus, window.range.cpu, window.range.bytes, window.kind};
    return std::nullopt;
}

} // namespace vireo::bus::pci
