// SPDX-License-Identifier: Apache-2.0
// Texts in setexpr: what lies in memory, two in one, and what a pattern matches replaced.
#include "base/regex.h"
#include "shell/arguments.h"
#include "shell/commands/script/setexpr.h"

namespace vireo::shell {

namespace {

// Sets the variable to what was made.
int keep(Context& context, std::string_view name, const MadeText& text) {
    auto set = context.environment.set(name, text.view());
    return set ? status_ok : fail(context, "setexpr", set.error());
}

// Up to the zero; in pieces that end where a page does, since what lies behind the text may be closed to us.
bool add_from_memory(Context& context, u64 address, MadeText& text) {
    constexpr u64 page = 4096;
    for (;;) {
        auto memory = readable_memory(context, address, page - address % page);
        if (!memory)
            return false;
        for (std::byte byte : *memory) {
            char c = std::to_integer<char>(byte);
            if (c == '\0')
                return true;
            if (auto added = text.add({&c, 1}); !added) {
                fail(context, "setexpr", added.error());
                return false;
            }
        }
        address += memory->size();
    }
}

} // namespace

Result<> MadeText::add(std::string_view text) {
    if (text.size() > text_.size() - used_)
        return error(ErrorCode::TooLarge, "the text would be over 16384 bytes");
    std::ranges::copy(text, text_.data() + used_);
    used_ += text.size();
    return {};
}

std::optional<MadeText> text_operand(Context& context, std::string_view text) {
    auto made = MadeText::create();
    Result<> added;
    if (made && !text.starts_with('*')) {
        added = made->add(text);
    } else if (made) {
        auto address = number_argument(context, text.substr(1));
        if (!address || !add_from_memory(context, *address, *made))
            return std::nullopt;
    }
    if (made && added)
        return std::move(*made);
    fail(context, "setexpr", made ? added.error() : made.error());
    return std::nullopt;
}

int set_text(Context& context, Arguments arguments) {
    if (arguments.size() != 3 && arguments.size() != 5)
        return status_usage;
    auto text = text_operand(context, arguments[2]);
    if (text && arguments.size() == 5) {
        if (arguments[3] != "+") {
            print(context.console, "'{}': texts know '+' only\n", arguments[3]);
            return status_failed;
        }
        auto second = text_operand(context, arguments[4]);
        if (!second)
            return status_failed;
        if (auto added = text->add(second->view()); !added)
            return fail(context, "setexpr", added.error());
    }
    return text ? keep(context, arguments[1], *text) : status_failed;
}

namespace {

// Adds the replacement: "\0" is what was matched, "\1" to "\9" the groups, "\\" a backslash.
Result<> add_replacement(MadeText& result, std::string_view replacement, const Regex::Groups& groups) {
    for (usize i = 0; i < replacement.size(); ++i) {
        char next = replacement[i] == '\\' && i + 1 < replacement.size() ? replacement[i + 1] : '\0';
        if (next >= '0' && next <= '9') {
            VIREO_TRY(result.add(groups[static_cast<usize>(next - '0')].value_or("")));
            ++i;
        } else {
            VIREO_TRY(result.add(replacement.substr(i, 1)));
            i += next == '\\' ? 1 : 0;
        }
    }
    return {};
}

// The highest group that a replacement names.
usize last_group(std::string_view replacement) {
    usize last = 0;
    for (usize i = 0; i + 1 < replacement.size(); ++i) {
        if (replacement[i] != '\\')
            continue;
        char next = replacement[++i];
        if (next >= '0' && next <= '9')
            last = std::max(last, static_cast<usize>(next - '0'));
    }
    return last;
}

// Replaces the first match, or all. True if there was one. An empty match directly behind another one does
// not count, so that "x*" finds one place between two letters. One search is linear in the text, all of them
// together need not be: hence the bound, and Ctrl-C between them.
Result<bool> replace(Context& context, Regex& regex, std::string_view text, std::string_view replacement,
                     bool all, MadeText& result) {
    constexpr u64 max_steps = u64{1} << 26;
    Regex::Groups groups;
    usize copied = 0;
    bool is_any = false;
    for (usize at = 0; at <= text.size() && regex.search(text, at, groups);) {
        if (regex.steps() > max_steps)
            return error(ErrorCode::TooLarge, "the pattern takes too long on this text");
        if (context.interrupted())
            return error(ErrorCode::Interrupted, "Ctrl-C");
        usize start = static_cast<usize>(groups[0]->data() - text.data());
        usize end = start + groups[0]->size();
        at = start == end ? end + 1 : end;
        if (start == end && is_any && start == copied)
            continue;
        VIREO_TRY(result.add(text.substr(copied, start - copied)));
        VIREO_TRY(add_replacement(result, replacement, groups));
        copied = end;
        is_any = true;
        if (!all)
            break;
    }
    VIREO_TRY(result.add(text.substr(copied)));
    return is_any;
}

} // namespace

int substitute(Context& context, Arguments arguments) {
    if (arguments.size() != 5 && arguments.size() != 6)
        return status_usage;
    std::string_view name = arguments[1];
    std::string_view replacement = arguments[4];
    auto text = arguments.size() == 6 ? std::optional(arguments[5]) : context.environment.get(name);
    if (!text) {
        print(context.console, "## Error: variable \"{}\" not defined\n", name);
        return status_failed;
    }
    auto regex = Regex::compile(arguments[3]);
    if (!regex)
        return fail(context, arguments[3], regex.error());
    if (usize last = last_group(replacement); last > (*regex)->group_count()) {
        print(context.console, "'{}': the pattern has no group {}\n", replacement, last);
        return status_failed;
    }
    auto result = MadeText::create();
    if (!result)
        return fail(context, "setexpr", result.error());
    auto is_found = replace(context, **regex, *text, replacement, arguments[2] == "gsub", *result);
    if (!is_found && is_found.error().code == ErrorCode::Interrupted)
        return status_failed; // run_command tells
    if (!is_found)
        return fail(context, "setexpr", is_found.error());
    if (!*is_found) {
        print(context.console, "{}: No match\n", *text);
        return status_failed;
    }
    int status = keep(context, name, *result);
    if (status == status_ok)
        print(context.console, "{}={}\n", name, result->view());
    return status;
}

} // namespace vireo::shell
