// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo::virtio {

// What a Session counts about its device. The same requests give the same numbers in each run, as far as the
// device takes the same decisions: `doorbells` depends on when it asks for one. How many register accesses
// all of this cost is counted for the whole machine: io::accesses().
struct Statistics {
    u64 requests = 0;          // chains made available to the device
    u64 completions = 0;       // chains that it has given back
    u64 bytes_to_device = 0;   // in the buffers of those requests that it reads, headers included
    u64 bytes_from_device = 0; // that it says it wrote
    u64 doorbells = 0;         // notifications sent: one for a batch of requests at most
    u64 suppressed = 0;        // batches that the device did not want to be told about
    u64 resets = 0;            // of the whole device, that of each start included
    u64 queue_resets = 0;      // of one queue (VIRTIO_F_RING_RESET)
    u64 recoveries = 0;        // times that the device was started anew because it asked for it
};

} // namespace vireo::virtio
