// SPDX-License-Identifier: Apache-2.0
// Memory: md, mw, cp, cmp, crc32. Every range is checked against the memory map first. What is RAM is worked
// on in place, in chunks, between which Ctrl-C is looked for. What is not (registers, ROM, or nothing) is
// accessed unit by unit, as such an access may do something, and may fail.
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

bool is_ram(Context& context, u64 address, u64 bytes) {
    return checked_add(address, bytes) && context.memory.check_readable(address, bytes) &&
           !first_unreadable(context, address, bytes);
}

// Neither RAM nor anybody's.
bool is_outside(Context& context, u64 address, u64 bytes) {
    auto overlaps = [&](const system::MemoryRegion& region) {
        return ranges_overlap(address, bytes, region.base, region.bytes);
    };
    return checked_add(address, bytes) && std::ranges::none_of(context.memory.ram(), overlaps) &&
           std::ranges::none_of(context.memory.reservations(), overlaps);
}

// What a command reads.
class Source {
  public:
    Source(Context& context, u64 address, u64 bytes, u8 width)
        : context_(context), address_(address), bytes_(bytes), width_(width),
          in_place_(is_ram(context, address, bytes)) {}

    // What follows `offset`, as much of it as there is at once: in place, or until the next call. Nothing,
    // and one line, if an access failed; nothing after Ctrl-C. `offset` and `most` are multiples of the
    // width: who asks again for the same asks the device again.
    std::optional<Bytes> read(u64 offset, usize most = chunk_bytes) {
        if (context_.poller.was_interrupted()) // while it was found out what of the range can be read
            return std::nullopt;
        u64 left = std::min<u64>(bytes_ - offset, most);
        if (in_place_)
            return Bytes(context_.machine.memory(address_ + offset), static_cast<usize>(left));
        if (!checked_add(address_, bytes_)) { // wraps
            (void)readable_memory(context_, address_, bytes_);
            return std::nullopt;
        }
        usize bytes = static_cast<usize>(std::min<u64>(left, buffer_.size()));
        for (usize done = 0; done < bytes; done += width_) {
            u64 at = address_ + offset + done;
            auto unit = context_.machine.load(at, width_);
            if (!unit) {
                refuse(unit.error(), at);
                return std::nullopt;
            }
            Le<u64> little = *unit;
            std::memcpy(&buffer_[done], &little, width_);
        }
        return Bytes(buffer_).first(bytes);
    }
    bool is_in_place() const { return in_place_; }

  private:
    void refuse(const Error& why, u64 at) {
        if (why.code == ErrorCode::NotSupported)
            (void)readable_memory(context_, address_, bytes_);
        else
            (void)refuse_access(context_, at, "read", why);
    }

    Context& context_;
    u64 address_;
    u64 bytes_;
    u8 width_;
    bool in_place_;
    std::array<std::byte, 16> buffer_; // a line of md
};

int dump(Context& context, u64 address, u64 count, u8 width) {
    auto bytes = checked_multiply<u64>(count, width);
    if (!bytes) {
        context.console.write("number too large\n");
        return status_failed;
    }
    Source source(context, address, *bytes, width);
    u64 shown = 0;
    while (shown < *bytes) {
        auto memory = source.read(shown);
        if (!memory)
            break;
        Bytes line = memory->first(std::min<usize>(16, memory->size()));
        print_dump_line(context.console, address + shown, line, width);
        shown += line.size();
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

// Units to addresses that are not RAM. `value(at)` is the unit at offset `at`, or nothing after
// one line that said why.
template <typename F> int store_units(Context& context, u64 address, u64 bytes, u8 width, F&& value) {
    for (u64 done = 0; done < bytes; done += width) {
        std::optional<u64> unit = value(done);
        if (!unit)
            return status_failed;
        if (auto stored = context.machine.store(address + done, width, *unit); !stored) {
            if (stored.error().code != ErrorCode::NotSupported)
                return refuse_access(context, address + done, "written", stored.error());
            (void)writable_memory(context, address, bytes);
            return status_failed;
        }
        if (context.interrupted())
            return status_failed;
    }
    return status_ok;
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
    if (is_outside(context, *address, *bytes))
        return store_units(context, *address, *bytes, width, [&](u64) { return value; });
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

// RAM to RAM. Ranges that overlap: towards higher addresses from the end, so that nothing is
// overwritten before it is copied.
int copy_in_place(Context& context, Bytes from, MutableBytes to) {
    bool from_the_end = to.data() > from.data();
    for (usize done = 0; done < from.size();) {
        usize step = std::min(chunk_bytes, from.size() - done);
        usize at = from_the_end ? from.size() - done - step : done;
        std::memmove(to.data() + at, from.data() + at, step);
        done += step;
        if (context.interrupted())
            return status_failed;
    }
    return status_ok;
}

int cp(Context& context, Arguments arguments) {
    u8 width = unit_width(arguments[0], default_width);
    auto source = number_argument(context, arguments[1]);
    auto target = number_argument(context, arguments[2]);
    auto bytes = size_argument(context, arguments[3], width);
    if (!source || !target || !bytes)
        return status_failed;
    Source from(context, *source, *bytes, width);
    if (is_outside(context, *target, *bytes))
        return store_units(context, *target, *bytes, width, [&](u64 at) -> std::optional<u64> {
            auto unit = from.read(at, width);
            return unit ? std::optional(load_unit(unit->data(), width)) : std::nullopt;
        });
    auto to = writable_memory(context, *target, *bytes);
    if (!to)
        return status_failed;
    if (from.is_in_place())
        return copy_in_place(context, {context.machine.memory(*source), to->size()}, *to);
    for (usize done = 0; done < to->size();) {
        auto piece = from.read(done);
        if (!piece || context.interrupted())
            return status_failed;
        std::ranges::copy(*piece, to->data() + done);
        done += piece->size();
    }
    return status_ok;
}

// Where the two first differ, and the units that do.
struct Difference {
    u64 at; // a multiple of the width, or the size if they are equal
    u64 first = 0;
    u64 second = 0;
};

// Nothing after Ctrl-C, and after one line about an access that failed.
std::optional<Difference> first_difference(Context& context, Source& first, Source& second, u64 bytes,
                                           u8 width) {
    for (u64 done = 0; done < bytes;) {
        auto one = first.read(done);
        auto two = one ? second.read(done) : std::nullopt;
        if (!two)
            return std::nullopt;
        usize step = std::min(one->size(), two->size());
        if (std::memcmp(one->data(), two->data(), step) != 0) {
            auto differs = std::ranges::mismatch(*one, *two);
            usize at = static_cast<usize>(differs.in1 - one->begin()) / width * width;
            return Difference{done + at, load_unit(&(*one)[at], width), load_unit(&(*two)[at], width)};
        }
        done += step;
        if (context.interrupted())
            return std::nullopt;
    }
    return Difference{bytes};
}

int cmp(Context& context, Arguments arguments) {
    u8 width = unit_width(arguments[0], default_width);
    auto one = number_argument(context, arguments[1]);
    auto two = number_argument(context, arguments[2]);
    auto bytes = size_argument(context, arguments[3], width);
    if (!one || !two || !bytes)
        return status_failed;
    Source first(context, *one, *bytes, width);
    Source second(context, *two, *bytes, width);
    auto difference = first_difference(context, first, second, *bytes, width);
    if (!difference)
        return status_failed;
    bool are_equal = difference->at == *bytes;
    if (!are_equal)
        print(context.console, "{} at 0x{:08x} (0x{:x}) != {} at 0x{:08x} (0x{:x})\n", width_name(width),
              *one + difference->at, difference->first, width_name(width), *two + difference->at,
              difference->second);
    print(context.console, "Total of {} {}(s) were the same\n", difference->at / width, width_name(width));
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
    bool stores = numbers.size() > 2 && !verifies;
    auto place = stores ? writable_memory(context, *third, 4) : std::optional(MutableBytes());
    if (!place)
        return status_failed;
    Source source(context, *address, *bytes, 1);
    u32 sum = 0;
    for (u64 done = 0; done < *bytes;) {
        auto memory = source.read(done);
        if (!memory)
            return status_failed;
        sum = vireo::crc32(*memory, sum);
        done += memory->size();
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
