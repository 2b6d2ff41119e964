// SPDX-License-Identifier: Apache-2.0
// test and [: conditions for `if` and `while`.
#include "base/parse.h"
#include "base/regex.h"
#include "shell/arguments.h"
#include "shell/disks.h"

namespace vireo::shell {
namespace {

// Decimal with a sign, or 0x, up to what is no digit, as in U-Boot, whose scripts count on it; but with a
// line where that leaves something out. Nothing at all is 0.
i64 integer(Context& context, std::string_view text) {
    bool is_negative = text.starts_with('-');
    std::string_view digits = text.substr(is_negative ? 1 : 0);
    bool is_hexadecimal = digits.starts_with("0x") || digits.starts_with("0X");
    usize good = digits.find_first_not_of(is_hexadecimal ? "0123456789abcdefABCDEF" : "0123456789",
                                          is_hexadecimal ? 2 : 0);
    auto number = parse_number(digits.substr(0, good), 10);
    u64 magnitude = number.value_or(0);
    i64 value = static_cast<i64>(is_negative ? 0 - magnitude : magnitude);
    if (!text.empty() && (!number || good < digits.size()))
        print(context.console, "test: '{}' is taken for {} (numbers are decimal, or 0x and hexadecimal)\n",
              text, value);
    return value;
}

constexpr std::string_view relations[] = {"=",   "==",  "!=",  "<",   ">",   "-eq",
                                          "-ne", "-lt", "-le", "-gt", "-ge", "=~"};

bool is_relation(std::string_view word) { return std::ranges::find(relations, word) != std::end(relations); }

// Whether the pattern is found in the text; false after a line if it is none.
bool matches(Context& context, std::string_view text, std::string_view pattern) {
    auto regex = Regex::compile(pattern);
    if (!regex) {
        fail(context, pattern, regex.error());
        return false;
    }
    Regex::Groups groups;
    return (*regex)->search(text, 0, groups);
}

bool compare(Context& context, std::string_view left, std::string_view relation, std::string_view right) {
    if (relation == "=~")
        return matches(context, left, right);
    if (relation == "=" || relation == "==")
        return left == right;
    if (relation == "!=")
        return left != right;
    if (relation == "<")
        return left < right;
    if (relation == ">")
        return left > right;
    i64 a = integer(context, left);
    i64 b = integer(context, right);
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
    return a >= b; // "-ge"
}

bool file_exists(Context& context, Arguments words) {
    auto files = open_file_system(context, words[0], words[1]);
    return files && files->open(words[2]).has_value();
}

// One condition at the start of `words`, which it takes off; nothing if there is none.
std::optional<bool> condition(Context& context, Arguments& words) {
    auto take = [&](usize count) { return std::exchange(words, words.subspan(count)).first(count); };
    if (words.size() >= 3 && is_relation(words[1])) {
        Arguments taken = take(3);
        return compare(context, taken[0], taken[1], taken[2]);
    }
    if (words.size() >= 4 && words[0] == "-e")
        return file_exists(context, take(4).subspan(1));
    if (!words.empty() && (words[0] == "-z" || words[0] == "-n")) {
        // A variable without a value and quotes leaves no word. Scripts mean the empty text.
        bool is_without = words.size() == 1 || (words.size() > 2 && (words[1] == "-a" || words[1] == "-o"));
        Arguments taken = take(is_without ? 1 : 2);
        bool is_empty = is_without || taken[1].empty();
        return is_empty == (taken[0] == "-z");
    }
    if (words.empty() || (words.size() > 1 && is_relation(words[0])))
        return std::nullopt;
    return !take(1)[0].empty();
}

// One line, not the usage: conditions stand in scripts, and what is wrong with one is mostly a
// variable without a value.
int refuse(Context& context, Arguments words) {
    context.console.write("test: not a condition:");
    for (auto word : words) {
        context.console.write(" ");
        print_untrusted(context.console, word.empty() ? "''" : word);
    }
    context.console.write(" (quote variables that may be empty)\n");
    return status_failed;
}

// Conditions joined by -a and -o, strictly from left to right, as in U-Boot.
int test(Context& context, Arguments arguments) {
    Arguments words = arguments.subspan(1);
    if (arguments[0] == "[") {
        if (words.empty() || words.back() != "]") {
            context.console.write("[: ']' is missing\n");
            return status_failed;
        }
        words = words.first(words.size() - 1);
    }
    if (words.empty())
        return status_failed;
    Arguments whole = words;
    bool holds = false;
    for (std::string_view joint = "-o";; words = words.subspan(1)) {
        bool is_negated = false;
        for (; words.size() > 1 && words[0] == "!" && !is_relation(words[1]); words = words.subspan(1))
            is_negated = !is_negated;
        auto result = condition(context, words);
        if (!result)
            return refuse(context, whole);
        bool is_true = *result != is_negated;
        holds = joint == "-o" ? holds || is_true : holds && is_true;
        if (words.empty())
            return holds ? status_ok : status_failed;
        joint = words[0];
        if ((joint != "-a" && joint != "-o") || words.size() == 1)
            return refuse(context, whole);
    }
}

constexpr const char* usage =
    "test condition - status 0 if it holds\n"
    "     -n text, -z text: is not, is empty;  -e interface dev[:part] file: exists\n"
    "     a = b, a != b, a < b, a > b: as texts;  a =~ regex;  a -eq b, -ne, -lt, -le, -gt, -ge: as numbers\n"
    "     ! condition;  condition -a condition;  condition -o condition";

VIREO_COMMAND(test_command) = {
    .name = "test", .summary = "examine texts, numbers and files", .usage = usage, .run = test};
VIREO_COMMAND(bracket_command) = {.name = "[",
                                  .summary = "the same as 'test', up to ']'",
                                  .usage = "[ condition ] - see 'help test'",
                                  .run = test};

} // namespace
} // namespace vireo::shell
