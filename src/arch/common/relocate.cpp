// SPDX-License-Identifier: Apache-2.0
#include "arch/common/relocate.h"

#include "arch/common/image.h"

extern "C" void vireo_apply_relr(vireo::uptr base, const vireo::uptr* table, const vireo::uptr* table_end,
                                 vireo::uptr delta) {
    using namespace vireo;
    constexpr usize bits = sizeof(vireo::uptr) * 8;
    vireo::uptr* next = nullptr;
    for (; table < table_end; ++table) {
        vireo::uptr entry = *table;
        if ((entry & 1) == 0) { // an address: that word, and where a following bitmap starts
            next = reinterpret_cast<vireo::uptr*>(base + entry);
            *next++ += delta;
            continue;
        }
        vireo::uptr* word = next; // a bitmap for the next bits - 1 words
        for (entry >>= 1; entry != 0; entry >>= 1, ++word)
            if (entry & 1)
                *word += delta;
        next += bits - 1;
    }
}

extern "C" vireo::uptr vireo_copy_image(vireo::uptr target) {
    using namespace vireo::arch;
    vireo::uptr delta = target - image_base();
    std::memcpy(reinterpret_cast<void*>(target), vireo_image_start, image_file_bytes());
    vireo_apply_relr(target, reinterpret_cast<const vireo::uptr*>(vireo_relr_start),
                     reinterpret_cast<const vireo::uptr*>(vireo_relr_end), delta);
    std::memset(vireo_bss_start + delta, 0, image_address(vireo_bss_end) - image_address(vireo_bss_start));
    return delta;
}
