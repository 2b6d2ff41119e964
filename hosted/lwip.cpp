// SPDX-License-Identifier: Apache-2.0
// lwIP, as often as tests and fuzzed inputs want it. It has no way to be ended or to be started twice: its
// lists, tables, pools and timers are variables. So they are set back to what they were when the program was
// loaded.
#include "net/stack/lwip/lwip.h"
#include "net/stack/lwip/port.h"

#include <vector>

extern "C" {
// The linker makes these around what hosted/lwip_sections.h names.
extern std::byte __start_lwip_bss[], __stop_lwip_bss[];
extern std::byte __start_lwip_data[], __stop_lwip_data[];
}

namespace vireo::net {

namespace {

// The address sanitizer puts red zones between variables, which memcpy() may not touch.
[[clang::no_sanitize("address"), clang::no_builtin("memcpy")]] void
copy_bytes(std::byte* to, const std::byte* from, usize bytes) {
    for (usize i = 0; i < bytes; ++i)
        to[i] = from[i];
}

// A section, and what it held when this was made.
class Kept {
  public:
    Kept(std::byte* start, std::byte* stop) : section_(start), copy_(static_cast<usize>(stop - start)) {
        copy_bytes(copy_.data(), section_, copy_.size());
    }
    void restore() const { copy_bytes(section_, copy_.data(), copy_.size()); }

  private:
    std::byte* section_;
    std::vector<std::byte> copy_;
};

} // namespace

void start_lwip() {
    static const Kept kept[] = {{__start_lwip_bss, __stop_lwip_bss}, {__start_lwip_data, __stop_lwip_data}};
    for (const Kept& section : kept)
        section.restore();
    lwip_init();
}

} // namespace vireo::net
