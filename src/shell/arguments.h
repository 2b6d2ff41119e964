// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "load/memory.h"
#include "shell/context.h"

namespace vireo::shell {

// A number that the user typed, base 16 or 10 (0x is always allowed). Nothing, and one line that says why, if
// it is none.
std::optional<u64> number_argument(Context& context, std::string_view text, unsigned base = 16);

// Memory that a command may read, or write: all of it in RAM, and to be written nobody else's. Nothing, and
// one line that starts with `lead` and names the range and its owner, if it is not; nothing, in silence,
// after Ctrl-C. No bytes at all are always allowed.
std::optional<MutableBytes> readable_memory(Context& context, u64 address, u64 bytes,
                                            std::string_view lead = {});
std::optional<MutableBytes> writable_memory(Context& context, u64 address, u64 bytes,
                                            std::string_view lead = {});

// "LEAD0x40000000..0x4000ffff is not free: 0x40000000..0x40001fff belongs to Vireo image"
void print_not_free(Writer& out, std::string_view lead, const load::NotFree& why);

// The first place in a range of RAM that the processor may not read although it is RAM: that of firmware
// below ours, or where null pointers lead. What is free can be read and is not looked at; what is not is
// looked at page by page, and after Ctrl-C the place where that ended is returned.
std::optional<u64> first_unreadable(Context& context, u64 address, u64 bytes);

// "0xADDRESS cannot be WHAT: why" for a single access; returns status_failed.
int refuse_access(Context& context, u64 address, std::string_view what, const Error& why);

// The unit in bytes that ".b", ".w", ".l" or ".q" at the end of a command's name means, or `otherwise`.
u8 unit_width(std::string_view command, u8 otherwise);

// The little-endian unit of `width` bytes at `memory`.
u64 load_unit(const std::byte* memory, u8 width);

// "cause (detail)", an error as users read it, and the end of its line.
void print_error(Writer& out, const Error& why, std::string_view end = "\n");

// Prints "WHAT: cause (detail)" and a line end; returns status_failed.
int fail(Context& context, std::string_view what, const Error& why);

// "47.7 MiB", "512 Bytes": at most one decimal.
void print_size(Writer& out, u64 bytes);

// Text from a disk, a device or a network on its way to the terminal: control characters become '?'.
void print_untrusted(Writer& out, std::string_view text);

// One line of a memory dump: address, units of `width` bytes (little endian), and the bytes as characters.
// `bytes` has at most 16 bytes, a multiple of `width`.
void print_dump_line(Writer& out, u64 address, Bytes bytes, u8 width);

} // namespace vireo::shell
