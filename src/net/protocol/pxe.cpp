// SPDX-License-Identifier: Apache-2.0
#include "net/protocol/pxe.h"

namespace vireo::net {

bool PxeNames::next(Writer& out) {
    constexpr usize uuid = 0;
    constexpr usize mac = 1;
    constexpr usize processor = 2 + hex_digits;
    constexpr usize last = processor + 1;
    while (step_ <= last) {
        usize step = step_++;
        if (step == uuid) {
            if (uuid_.empty())
                continue;
            out.write(uuid_);
        } else if (step == mac) {
            out.write("01"); // of Ethernet
            for (u8 byte : mac_)
                print(out, "-{:02x}", byte);
        } else if (step < processor) {
            if (!address_.is_v4())
                continue;
            StringBuffer<hex_digits> digits;
            print(digits, "{:08X}", address_.v4());
            out.write(digits.view().substr(0, processor - step));
        } else if (step == processor) {
            if (processor_.empty())
                continue;
            print(out, "default-{}", processor_);
        } else {
            out.write("default");
        }
        return true;
    }
    return false;
}

} // namespace vireo::net
