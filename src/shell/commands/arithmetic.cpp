// SPDX-License-Identifier: Apache-2.0
// Numbers in scripts: setexpr and itest. All numbers are hexadecimal, as in U-Boot.
#include "shell/arguments.h"

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
    if (arguments.size() == 4)
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

int itest(Context& context, Arguments arguments) {
    u8 width = unit_width(arguments[0], default_width);
    auto left = operand(context, arguments[1], width);
    auto right = left ? operand(context, arguments[3], width) : std::nullopt;
    if (!right)
        return status_failed;
    struct Relation {
        std::string_view names[2];
        bool holds;
    };
    const Relation relations[] = {{{"-eq", "=="}, *left == *right}, {{"-ne", "!="}, *left != *right},
                                  {{"-lt", "<"}, *left < *right},   {{"-le", "<="}, *left <= *right},
                                  {{"-gt", ">"}, *left > *right},   {{"-ge", ">="}, *left >= *right}};
    for (const Relation& relation : relations)
        if (arguments[2] == relation.names[0] || arguments[2] == relation.names[1])
            return relation.holds ? status_ok : status_failed;
    return status_usage;
}

VIREO_COMMAND(setexpr_command) = {
    .name = "setexpr",
    .summary = "calculate",
    .usage = "setexpr[.b, .w, .l, .q] name value - set variable 'name' to 'value'\n"
             "setexpr[.b, .w, .l, .q] name value1 operation value2 - set it to the result of + - * / % '&' "
             "'|' or ^\n"
             "     values: hexadecimal, or *address for what lies in memory; unsigned, cut to the width "
             "(default q)",
    .run = setexpr,
    .min_words = 3,
    .max_words = 5,
    .has_widths = true,
};
VIREO_COMMAND(itest_command) = {
    .name = "itest",
    .summary = "compare numbers",
    .usage = "itest[.b, .w, .l, .q] value1 relation value2 - status 0 if it holds\n"
             "     relation: -eq -ne -lt -le -gt -ge, or == != < <= > >=; values as in setexpr",
    .run = itest,
    .min_words = 4,
    .max_words = 4,
    .has_widths = true,
};

} // namespace
} // namespace vireo::shell
