// SPDX-License-Identifier: Apache-2.0
#include "hosted/fakes/rng.h"

#include <sys/random.h>

namespace vireo::fake {

u32 Rng::execute(u16, const Chain& chain) {
    if (!chain.readable.empty())
        referee().complain("rng.01", "a device-readable buffer in the request queue");
    std::vector<u8> bytes(std::min<u64>(chain.writable_bytes(), at_most));
    if (host_entropy_) {
        for (usize done = 0; done < bytes.size();) {
            ssize_t count = getrandom(bytes.data() + done, bytes.size() - done, 0);
            if (count <= 0)
                return static_cast<u32>(done);
            done += static_cast<usize>(count);
        }
    } else {
        for (u8& byte : bytes)
            byte = byte_at(given_++);
    }
    return chain.write(0, bytes.data(), bytes.size()) ? static_cast<u32>(bytes.size()) : 0;
}

} // namespace vireo::fake
