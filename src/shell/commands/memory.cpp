// SPDX-License-Identifier: Apache-2.0
// RAM: md, mw, cp, cmp, crc32. Every range is checked against the memory map first; long ranges are worked on
// in chunks, between which Ctrl-C is looked for.
#include "base/crc32.h"
#include "base/endian.h"
#include "base/math.h"
#include "shell/arguments.h"

namespace vireo::shell {
namespace {

constexpr usize chunk_bytes = 1024 * 1024;
constexpr u8 default_width = 4;

std::string_view width_name(u8 width) {
    return width == 1 ? "byte" : width == 2 ? "halfword" : width == 4 ? "word" : "double word";
}

// `count` units in bytes; nothing, and one line, if that is more than 64 bits hold.
std::optional<u64> size_argument(Context& context, std::string_view text, u8 width) {
    auto count = number_argument(context, text);
    if (!count)
        return std::nullopt;
    auto bytes = checked_multiply<u64>(*count, width);
    if (!bytes)
        print(context.console, "'{}': number too large\n", text);
    return bytes;
}

int dump(Context& context, u64 address, u64 count, u8 width) {
    auto bytes = checked_multiply<u64>(count, width);
    if (!bytes) {
        context.console.write("number too large\n");
        return status_failed;
    }
    auto memory = readable_memory(context, address, *bytes);
    if (!memory)
        return status_failed;
    u64 shown = 0;
    while (shown < *bytes) {
        usize here = static_cast<usize>(std::min<u64>(16, *bytes - shown));
        print_dump_line(context.console, address + shown, memory->subspan(static_cast<usize>(shown), here),
                        width);
        shown += here;
        if (context.interrupted())
            break;
    }
    context.dump = {.address = address + shown, .count = count, .width = width};
    return shown == *bytes ? status_ok : status_failed;
}

int md(Context& context, Arguments arguments) {
    auto address = number_argument(context, arguments[1]);
    auto count = arguments.size() > 2 ? number_argument(context, arguments[2]) : std::optional<u64>(0x40);
    if (!address || !count)
        return status_failed;
    context.dump = {.address = *address, .count = *count, .width = unit_width(arguments[0], default_width)};
    return dump(context, *address, *count, unit_width(arguments[0], default_width));
}

int md_again(Context& context) {
    return dump(context, context.dump.address, context.dump.count, context.dump.width);
}

int mw(Context& context, Arguments arguments) {
    u8 width = unit_width(arguments[0], default_width);
    auto address = number_argument(context, arguments[1]);
    auto value = number_argument(context, arguments[2]);
    auto bytes = size_argument(context, arguments.size() > 3 ? arguments[3] : "1", width);
    if (!address || !value || !bytes)
        return status_failed;
    if (width < 8 && *value >> (8 * width) != 0) {
        print(context.console, "0x{:x} does not fit a {}\n", *value, width_name(width));
        return status_failed;
    }
    auto memory = writable_memory(context, *address, *bytes);
    if (!memory || memory->empty())
        return memory ? status_ok : status_failed;
    // The first unit, then doubling copies up to a chunk, then that chunk again and again.
    Le<u64> unit = *value;
    std::memcpy(memory->data(), &unit, width);
    for (usize filled = width; filled < memory->size();) {
        usize step = std::min({filled, chunk_bytes, memory->size() - filled});
        std::memcpy(memory->data() + filled, memory->data(), step);
        filled += step;
        if (context.interrupted())
            return status_failed;
    }
    return status_ok;
}

int cp(Context& context, Arguments arguments) {
    auto source = number_argument(context, arguments[1]);
    auto target = number_argument(context, arguments[2]);
    auto bytes = size_argument(context, arguments[3], unit_width(arguments[0], default_width));
    if (!source || !target || !bytes)
        return status_failed;
    auto from = readable_memory(context, *source, *bytes);
    auto to = from ? writable_memory(context, *target, *bytes) : std::nullopt;
    if (!from || !to)
        return status_failed;
    // Ranges that overlap: towards higher addresses from the end, so that nothing is overwritten before it is
    // copied.
    bool from_the_end = *target > *source;
    for (usize done = 0; done < from->size();) {
        usize step = std::min(chunk_bytes, from->size() - done);
        usize at = from_the_end ? from->size() - done - step : done;
        std::memmove(to->data() + at, from->data() + at, step);
        done += step;
        if (context.interrupted())
            return status_failed;
    }
    return status_ok;
}

// Where the two first differ, or their size. Empty after Ctrl-C.
std::optional<usize> first_difference(Context& context, Bytes first, Bytes second) {
    for (usize start = 0; start < first.size();) {
        usize step = std::min(chunk_bytes, first.size() - start);
        if (std::memcmp(first.data() + start, second.data() + start, step) != 0) {
            auto differs = std::ranges::mismatch(first.subspan(start), second.subspan(start));
            return static_cast<usize>(differs.in1 - first.begin());
        }
        start += step;
        if (context.interrupted())
            return std::nullopt;
    }
    return first.size();
}

int cmp(Context& context, Arguments arguments) {
    u8 width = unit_width(arguments[0], default_width);
    auto one = number_argument(context, arguments[1]);
    auto two = number_argument(context, arguments[2]);
    auto bytes = size_argument(context, arguments[3], width);
    if (!one || !two || !bytes)
        return status_failed;
    auto first = readable_memory(context, *one, *bytes);
    auto second = first ? readable_memory(context, *two, *bytes) : std::nullopt;
    if (!first || !second)
        return status_failed;
    auto difference = first_difference(context, *first, *second);
    if (!difference)
        return status_failed;
    usize same = *difference / width;
    usize at = same * width;
    bool are_equal = *difference == first->size();
    if (!are_equal)
        print(context.console, "{} at 0x{:08x} (0x{:x}) != {} at 0x{:08x} (0x{:x})\n", width_name(width),
              *one + at, load_unit(first->data() + at, width), width_name(width), *two + at,
              load_unit(second->data() + at, width));
    print(context.console, "Total of {} {}(s) were the same\n", same, width_name(width));
    return are_equal ? status_ok : status_failed;
}

int crc32(Context& context, Arguments arguments) {
    bool verifies = arguments[1] == "-v";
    if (verifies ? arguments.size() != 5 : arguments.size() < 3 || arguments.size() > 4)
        return status_usage;
    Arguments numbers = arguments.subspan(verifies ? 2 : 1);
    auto address = number_argument(context, numbers[0]);
    auto bytes = number_argument(context, numbers[1]);
    auto third = numbers.size() > 2 ? number_argument(context, numbers[2]) : std::optional<u64>(0);
    if (!address || !bytes || !third)
        return status_failed;
    auto memory = readable_memory(context, *address, *bytes);
    bool stores = numbers.size() > 2 && !verifies;
    auto place = memory && stores ? writable_memory(context, *third, 4) : std::optional(MutableBytes());
    if (!memory || !place)
        return status_failed;
    u32 sum = 0;
    for (usize done = 0; done < memory->size();) {
        usize step = std::min(chunk_bytes, memory->size() - done);
        sum = vireo::crc32(memory->subspan(done, step), sum);
        done += step;
        if (context.interrupted())
            return status_failed;
    }
    u64 last = *bytes == 0 ? *address : *address + *bytes - 1;
    print(context.console, "crc32 for {:08x} ... {:08x} ==> {:08x}", *address, last, sum);
    bool is_wrong = verifies && sum != *third;
    if (is_wrong)
        print(context.console, " != {:08x} ** ERROR **", *third);
    context.console.write("\n");
    if (stores) {
        Be<u32> stored = sum;
        std::memcpy(place->data(), &stored, sizeof(stored));
    }
    return is_wrong ? status_failed : status_ok;
}

VIREO_COMMAND(md_command) = {
    .name = "md",
    .summary = "show memory",
    .usage = "md[.b, .w, .l, .q] address [count] - show 'count' units (default 0x40); an empty line goes on",
    .run = md,
    .min_words = 2,
    .max_words = 3,
    .repeat = md_again,
    .has_widths = true,
};
VIREO_COMMAND(mw_command) = {
    .name = "mw",
    .summary = "fill memory",
    .usage = "mw[.b, .w, .l, .q] address value [count] - write 'value' to 'count' units (default 1)",
    .run = mw,
    .min_words = 3,
    .max_words = 4,
    .has_widths = true,
};
VIREO_COMMAND(cp_command) = {
    .name = "cp",
    .summary = "copy memory",
    .usage = "cp[.b, .w, .l, .q] source target count - copy 'count' units; the ranges may overlap",
    .run = cp,
    .min_words = 4,
    .max_words = 4,
    .has_widths = true,
};
VIREO_COMMAND(cmp_command) = {
    .name = "cmp",
    .summary = "compare memory",
    .usage = "cmp[.b, .w, .l, .q] address1 address2 count - find the first of 'count' units that differs",
    .run = cmp,
    .min_words = 4,
    .max_words = 4,
    .has_widths = true,
};
VIREO_COMMAND(crc32_command) = {
    .name = "crc32",
    .summary = "checksum of memory",
    .usage = "crc32 address bytes [place] - CRC-32 of a range; store it at 'place', high byte first\n"
             "crc32 -v address bytes crc - compare it with 'crc'",
    .run = crc32,
    .min_words = 3,
    .max_words = 5,
};

} // namespace
} // namespace vireo::shell
