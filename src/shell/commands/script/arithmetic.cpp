// SPDX-License-Identifier: Apache-2.0
// Numbers in scripts: setexpr and itest. All numbers are hexadecimal, as in U-Boot.
#include "shell/arguments.h"
#include "shell/commands/script/setexpr.h"

namespace vireo::shell {
namespace {

constexpr u8 default_width = 8; // all of a number

u64 cut(u64 value, u8 width) { return width == 8 ? value : value & ((u64{1} << (8 * width)) - 1); }

// A number, or "*ADDRESS": the little-endian unit that lies there.
std::optional<u64> operand(Context& context, std::string_view text, u8 width) {
    if (!text.starts_with('*')) {
        auto number = number_argument(context, text);
        return number ? std::optional(cut(*number, width)) : std::nullopt;
    }
    auto address = number_argument(context, text.substr(1));
    auto memory = address ? readable_memory(context, *address, width) : std::nullopt;
    if (!memory)
        return std::nullopt;
    return load_unit(memory->data(), width);
}

std::optional<u64> calculate(Context& context, u64 left, std::string_view operation, u64 right) {
    switch (operation.size() == 1 ? operation[0] : '\0') {
    case '+':
        return left + right;
    case '-':
        return left - right;
    case '*':
        return left * right;
    case '&':
        return left & right;
    case '|':
        return left | right;
    case '^':
        return left ^ right;
    case '/':
    case '%':
        if (right == 0) {
            context.console.write("division by zero\n");
            return std::nullopt;
        }
        return operation[0] == '/' ? left / right : left % right;
    default:
        print(context.console, "'{}': not one of + - * / % & | ^\n", operation);
        return std::nullopt;
    }
}

int setexpr(Context& context, Arguments arguments) {
    std::string_view verb = arguments[2];
    if (verb == "fmt")
        return set_formatted(context, arguments);
    // With five words a calculation may start so, too: none is a hexadecimal number, though.
    if (verb == "sub" || verb == "gsub")
        return substitute(context, arguments);
    if (arguments[0].ends_with(".s"))
        return set_text(context, arguments);
    if (arguments.size() != 3 && arguments.size() != 5)
        return status_usage;
    u8 width = unit_width(arguments[0], default_width);
    auto value = operand(context, arguments[2], width);
    if (value && arguments.size() == 5) {
        auto right = operand(context, arguments[4], width);
        value = right ? calculate(context, *value, arguments[3], *right) : std::nullopt;
    }
    if (!value)
        return status_failed;
    auto set = context.environment.set_hex(arguments[1], cut(*value, width));
    return set ? status_ok : fail(context, "setexpr", set.error());
}

// How two values compare, or nothing after a line that says what is wrong with one.
std::optional<std::strong_ordering> compare_operands(Context& context, std::string_view command,
                                                     std::string_view left_word,
                                                     std::string_view right_word) {
    if (command.ends_with(".s")) {
        auto left = text_operand(context, left_word);
        auto right = left ? text_operand(context, right_word) : std::nullopt;
        return right ? std::optional(left->view() <=> right->view()) : std::nullopt;
    }
    u8 width = unit_width(command, default_width);
    auto left = operand(context, left_word, width);
    auto right = left ? operand(context, right_word, width) : std::nullopt;
    return right ? std::optional(*left <=> *right) : std::nullopt;
}

// A wrong call is one line, not the usage: it stands in conditions, and mostly a variable in it has no value.
int itest(Context& context, Arguments arguments) {
    struct Relation {
        std::string_view names[3];
        bool (*holds)(std::partial_ordering);
    };
    constexpr Relation relations[] = {{{"-eq", "=="}, std::is_eq}, {{"-ne", "!=", "<>"}, std::is_neq},
                                      {{"-lt", "<"}, std::is_lt},  {{"-le", "<="}, std::is_lteq},
                                      {{"-gt", ">"}, std::is_gt},  {{"-ge", ">="}, std::is_gteq}};
    if (arguments.size() != 4) {
        context.console.write("itest: wants VALUE RELATION VALUE; a word is missing, or one too many "
                              "(an empty variable without quotes is none)\n");
        return status_failed;
    }
    std::string_view wanted = arguments[2];
    auto relation = std::ranges::find_if(relations, [&](const Relation& candidate) {
        return !wanted.empty() && std::ranges::find(candidate.names, wanted) != std::end(candidate.names);
    });
    if (relation == std::end(relations)) {
        print(context.console, "itest: Unknown operator '{}'\n", wanted);
        return status_failed;
    }
    auto order = compare_operands(context, arguments[0], arguments[1], arguments[3]);
    return order && relation->holds(*order) ? status_ok : status_failed;
}

VIREO_COMMAND(setexpr_command) = {
    .name = "setexpr",
    .summary = "calculate",
    .usage =
        "setexpr[.b, .w, .l, .q] name value - set variable 'name' to 'value'\n"
        "setexpr[.b, .w, .l, .q] name value1 operation value2 - set it to the result of + - * / % '&' "
        "'|' or ^\n"
        "     values: hexadecimal, or *address for what lies in memory; unsigned, cut to the width "
        "(default q)\n"
        "setexpr.s name text [+ text] - set it to a text, or to two in one; *address: up to the zero there\n"
        "setexpr name sub regex replacement [text] - replace the first match in 'text' (the value of "
        "'name')\n"
        "setexpr name gsub regex replacement [text] - replace all; '\\0' to '\\9': what (...) has matched\n"
        "setexpr name fmt format [value ...] - as printf: %d %i %u %x %X %o of hexadecimal values, %s %c %b",
    .run = setexpr,
    .min_words = 3,
    .has_widths = true,
    .has_texts = true,
};
VIREO_COMMAND(itest_command) = {
    .name = "itest",
    .summary = "compare numbers, or texts",
    .usage = "itest[.b, .w, .l, .q, .s] value1 relation value2 - status 0 if it holds\n"
             "     relation: -eq -ne -lt -le -gt -ge, or == != < <= > >=; values as in setexpr; .s: texts",
    .run = itest,
    .has_widths = true,
    .has_texts = true,
};

} // namespace
} // namespace vireo::shell
