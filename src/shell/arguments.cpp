// SPDX-License-Identifier: Apache-2.0
#include "shell/arguments.h"

#include "base/math.h"
#include "base/parse.h"
#include "shell/line/character.h"

namespace vireo::shell {

std::optional<u64> number_argument(Context& context, std::string_view text, unsigned base) {
    auto number = parse_number(text, base);
    if (number)
        return *number;
    print(context.console, "'{}': {} ({})\n", text, number.error(), base == 16 ? "hexadecimal" : "decimal");
    return std::nullopt;
}

// Its first and last address; a range that wraps ends at the last address there is.
static void print_range(Writer& out, u64 base, u64 bytes) {
    print(out, "0x{:08x}..0x{:08x}", base, checked_add<u64>(base, bytes - 1).value_or(~u64{0}));
}

std::optional<u64> first_unreadable(Context& context, u64 address, u64 bytes) {
    constexpr u64 page = 4096; // what is closed to us is whole pages
    constexpr unsigned pages_per_look = 256;
    const u64 end = address + bytes;
    unsigned pages = 0;
    // Only what is somebody's can be closed to us, and that is little of all RAM, as a rule.
    // The list is sorted.
    for (const system::MemoryRegion& taken : context.memory.reservations()) {
        u64 taken_end = checked_add<u64>(taken.base, taken.bytes).value_or(~u64{0});
        for (u64 at = std::max(address, taken.base); at < std::min(end, taken_end);
             address = at = align_down(at, page) + page) {
            if (++pages % pages_per_look == 0 && context.interrupted())
                return at;
            if (auto value = context.machine.load(at, 1); !value && value.error().code == ErrorCode::Io)
                return at;
        }
    }
    return std::nullopt;
}

int refuse_access(Context& context, u64 address, std::string_view what, const Error& why) {
    print(context.console, "0x{:08x} cannot be {}: {}\n", address, what, why);
    return status_failed;
}

void print_not_free(Writer& out, std::string_view lead, const load::NotFree& why) {
    out.write(lead);
    print_range(out, why.base, why.bytes);
    if (!why.owner)
        return out.write(" is not in RAM\n");
    out.write(" is not free: ");
    print_range(out, why.owner->base, why.owner->bytes);
    print(out, " belongs to {}\n", why.owner->owner);
}

std::optional<MutableBytes> readable_memory(Context& context, u64 address, u64 bytes, std::string_view lead) {
    if (bytes == 0)
        return MutableBytes();
    if (!checked_add<u64>(address, bytes) || !context.memory.check_readable(address, bytes)) {
        print_not_free(context.console, lead, {address, bytes});
        return std::nullopt;
    }
    if (auto closed = first_unreadable(context, address, bytes)) {
        if (context.poller.was_interrupted())
            return std::nullopt;
        context.console.write(lead);
        (void)refuse_access(context, *closed, "read",
                            error(ErrorCode::Io, "the processor refused the access"));
        return std::nullopt;
    }
    return MutableBytes(context.machine.memory(address), static_cast<usize>(bytes));
}

std::optional<MutableBytes> writable_memory(Context& context, u64 address, u64 bytes, std::string_view lead) {
    auto memory = load::writable_memory(context.memory, context.machine, address, bytes);
    if (memory)
        return *memory;
    print_not_free(context.console, lead, memory.error());
    return std::nullopt;
}

u8 unit_width(std::string_view command, u8 otherwise) {
    if (command.ends_with(".b"))
        return 1;
    if (command.ends_with(".w"))
        return 2;
    if (command.ends_with(".l"))
        return 4;
    return command.ends_with(".q") ? 8 : otherwise;
}

u64 load_unit(const std::byte* memory, u8 width) {
    u64 value = 0;
    for (usize i = width; i-- > 0;)
        value = value << 8 | std::to_integer<u64>(memory[i]);
    return value;
}

void print_error(Writer& out, const Error& why, std::string_view end) {
    print(out, "{} ({}){}", describe(why.code), why, end);
}

int fail(Context& context, std::string_view what, const Error& why) {
    print(context.console, "{}: ", what);
    print_error(context.console, why);
    return status_failed;
}

void print_size(Writer& out, u64 bytes) {
    constexpr std::string_view units[] = {"Bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    usize unit = 0;
    while (unit + 1 < std::size(units) && bytes >> (10 * (unit + 1)) != 0)
        ++unit;
    u64 whole = bytes >> (10 * unit);
    // Tenths, rounded, from the 10 bits below the unit.
    u64 rest = unit == 0 ? 0 : (bytes >> (10 * (unit - 1))) & 1023;
    u64 tenths = (rest * 10 + 512) >> 10;
    if (tenths == 10) {
        ++whole;
        tenths = 0;
    }
    if (tenths == 0)
        print(out, "{} {}", whole, units[unit]);
    else
        print(out, "{}.{} {}", whole, tenths, units[unit]);
}

void print_untrusted(Writer& out, std::string_view text) {
    for (;;) {
        usize good = harmless_bytes(text);
        out.write(text.substr(0, good));
        text.remove_prefix(good);
        if (text.empty())
            return;
        out.write("?");
        text.remove_prefix(first_character(text).bytes);
    }
}

void print_dump_line(Writer& out, u64 address, Bytes bytes, u8 width) {
    StringBuffer<128> line; // one write for each line
    print(line, "{:08x}:", address);
    for (usize i = 0; i < 16; i += width) {
        if (i >= bytes.size()) {
            for (int blanks = 2 * width + 1; blanks > 0; --blanks)
                line.write(" ");
            continue;
        }
        line.write(" ");
        for (usize digit = width; digit-- > 0;)
            print(line, "{:02x}", std::to_integer<u8>(bytes[i + digit]));
    }
    line.write("  ");
    for (std::byte byte : bytes) {
        char c = std::to_integer<char>(byte);
        line.write({c >= ' ' && c <= '~' ? &c : ".", 1});
    }
    line.write("\n");
    out.write(line.view());
}

} // namespace vireo::shell
