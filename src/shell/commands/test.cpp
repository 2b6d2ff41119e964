// SPDX-License-Identifier: Apache-2.0
// test and [: conditions for `if` and `while`.
#include "base/parse.h"
#include "shell/arguments.h"
#include "shell/disks.h"

namespace vireo::shell {
namespace {

// Decimal with a sign, or 0x. What is no number counts as 0, as in U-Boot's scripts.
i64 integer(std::string_view text) {
    bool is_negative = text.starts_with('-');
    u64 number = parse_number(text.substr(is_negative ? 1 : 0), 10).value_or(0);
    return static_cast<i64>(is_negative ? 0 - number : number);
}

std::optional<bool> compare(std::string_view left, std::string_view relation, std::string_view right) {
    if (relation == "=" || relation == "==")
        return left == right;
    if (relation == "!=")
        return left != right;
    if (relation == "<")
        return left < right;
    if (relation == ">")
        return left > right;
    i64 a = integer(left);
    i64 b = integer(right);
    if (relation == "-eq")
        return a == b;
    if (relation == "-ne")
        return a != b;
    if (relation == "-lt")
        return a < b;
    if (relation == "-le")
        return a <= b;
    if (relation == "-gt")
        return a > b;
    if (relation == "-ge")
        return a >= b;
    return std::nullopt;
}

bool file_exists(Context& context, Arguments words) {
    auto files = open_file_system(context, words[0], words[1]);
    return files && files->stat(words[2]).has_value();
}

// One condition at the start of `words`, which it takes off; nothing if there is none.
std::optional<bool> condition(Context& context, Arguments& words) {
    auto take = [&](usize count) { return std::exchange(words, words.subspan(count)).first(count); };
    if (words.size() >= 3)
        if (auto result = compare(words[0], words[1], words[2])) {
            take(3);
            return result;
        }
    if (words.size() >= 4 && words[0] == "-e")
        return file_exists(context, take(4).subspan(1));
    if (words.size() >= 2 && (words[0] == "-z" || words[0] == "-n")) {
        Arguments taken = take(2);
        return taken[1].empty() == (taken[0] == "-z");
    }
    if (words.empty())
        return std::nullopt;
    return !take(1)[0].empty();
}

// Conditions joined by -a and -o, from left to right; -a binds closer.
int test(Context& context, Arguments arguments) {
    Arguments words = arguments.subspan(1);
    if (arguments[0] == "[") {
        if (words.empty() || words.back() != "]") {
            context.console.write("[: ']' is missing\n");
            return status_failed;
        }
        words = words.first(words.size() - 1);
    }
    bool any = false;
    bool all = true;
    while (!words.empty()) {
        bool is_negated = false;
        for (; words.size() > 1 && words[0] == "!"; words = words.subspan(1))
            is_negated = !is_negated;
        auto result = condition(context, words);
        if (!result)
            return status_usage;
        all = all && *result != is_negated;
        if (words.empty())
            return any || all ? status_ok : status_failed;
        if (words[0] == "-o") {
            any = any || all;
            all = true;
        } else if (words[0] != "-a") {
            return status_usage;
        }
        words = words.subspan(1);
        if (words.empty())
            return status_usage;
    }
    return status_failed;
}

constexpr const char* usage =
    "test condition - status 0 if it holds\n"
    "     -n text, -z text: is not, is empty;  -e interface dev[:part] file: exists\n"
    "     a = b, a != b, a < b, a > b: as texts;  a -eq b, -ne, -lt, -le, -gt, -ge: as numbers\n"
    "     ! condition;  condition -a condition;  condition -o condition";

VIREO_COMMAND(test_command) = {
    .name = "test", .summary = "examine texts, numbers and files", .usage = usage, .run = test};
VIREO_COMMAND(bracket_command) = {.name = "[",
                                  .summary = "the same as 'test', up to ']'",
                                  .usage = "[ condition ] - see 'help test'",
                                  .run = test};

} // namespace
} // namespace vireo::shell
