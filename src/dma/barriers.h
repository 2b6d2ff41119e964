// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arch/arch.h"

// The only places where order between us and a device is made. Each function stands for one argument; both
// sides of it are named, and what would break without it. All are device-grade (full system): that costs next
// to nothing in firmware, is what VIRTIO_F_ORDER_PLATFORM asks for (chapter 6), and holds when the device is
// a thread on another core as well as when it is hardware. They also stop the compiler.
namespace vireo::dma {

// Us:     write descriptors and ring entry | publish the index (split) or the head's flags (packed).
// Device: reads the index | reads entry and descriptors.
// Without it the device may follow an index to a descriptor that is not written yet. Sections 2.7.13.3.1 and
// 2.8.21.1.
inline void before_publishing() { arch::barrier_release(); }

// Us:     publish the index | read the device's suppression word (used flags, avail_event).
// Device: writes its suppression word | reads the index once more before it sleeps.
// Store before load, the one order that x86 gives up too: without it both sides can read the old value, the
// device sleeps and we do not wake it. Sections 2.7.13.4.1 and 2.8.21.3.1.
inline void before_suppression_check() { arch::barrier_full(); }

// Us:     publish the index | write the doorbell register.
// Device: takes the doorbell | reads the index.
// Without it the register write may overtake the memory write: the device finds nothing and forgets the
// doorbell.
inline void before_doorbell() { arch::barrier_full(); }

// Us:     read the used index | read the used element and the data that the device wrote.
// Device: writes data and element | writes the used index.
// Without it we may have read the element, or the data, from before the device wrote it. Sections 2.7.14 and
// 2.8.22.
inline void before_used_entry() { arch::barrier_acquire(); }

// Us:     zero and fill ring memory | tell the device where it is (queue enable, DRIVER_OK).
// Device: learns the address | reads the ring.
// Without it the device may take what the memory held before for published buffers.
inline void before_activation() { arch::barrier_full(); }

// Us:     read device status 0 | reuse or free the memory that the device could reach.
// Device: writes its last data | shows status 0.
// Without it the processor may begin to reuse the memory before the device has stopped. Section 2.4.2.
inline void after_reset() { arch::barrier_full(); }

} // namespace vireo::dma
