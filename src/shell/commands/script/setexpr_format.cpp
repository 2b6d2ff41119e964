// SPDX-License-Identifier: Apache-2.0
// setexpr NAME fmt: a text made of a format, as C's printf makes it, and values.
#include "base/parse.h"
#include "shell/arguments.h"
#include "shell/commands/script/setexpr.h"

namespace vireo::shell {
namespace {

// "%[flags][width][.precision]conversion"
struct Directive {
    bool left = false;
    bool zeros = false;
    bool alternate = false; // '#'
    char plus = 0;          // '+' or ' ' before what is not negative
    usize width = 0;
    std::optional<usize> precision;
    char conversion = 0;
};

class Formatter {
  public:
    Formatter(std::string_view format, Arguments values, MadeText& result)
        : format_(format), values_(values), result_(result) {}
    // Errors: InvalidArgument (not a format, not a number, a value too many), TooLarge.
    Result<> run();
    std::string_view culprit() const { return culprit_; } // what an error is about

  private:
    Result<> convert();
    Result<Directive> read_directive();
    Result<usize> read_number();
    Result<> put_number(const Directive& directive);
    Result<> put_padded(const Directive& directive, std::string_view prefix, std::string_view body);
    Result<> put_escapes(std::string_view text);
    Result<> put_escape(std::string_view& text);
    std::string_view take_value() {
        if (values_.empty())
            return {};
        std::string_view value = values_[0];
        values_ = values_.subspan(1);
        return value;
    }
    char take() {
        char c = format_.empty() ? '\0' : format_[0];
        format_.remove_prefix(format_.empty() ? 0 : 1);
        return c;
    }

    std::string_view format_;
    Arguments values_;
    MadeText& result_;
    std::string_view culprit_ = "setexpr";
    bool is_over_ = false; // "\c"
};

// A value's number: hexadecimal, as everywhere, with a sign if there is one. No value is 0.
Result<u64> value_number(std::string_view text) {
    if (text.empty())
        return 0;
    bool is_negative = text[0] == '-';
    text.remove_prefix(is_negative || text[0] == '+' ? 1 : 0);
    u64 number = VIREO_TRY(parse_number(text, 16));
    return is_negative ? 0 - number : number;
}

Result<usize> Formatter::read_number() {
    u64 number = 0;
    if (format_.starts_with('*')) {
        format_.remove_prefix(1);
        culprit_ = take_value();
        number = VIREO_TRY(parse_number(culprit_, 10));
    } else {
        usize digits = std::min(format_.find_first_not_of("0123456789"), format_.size());
        if (digits > 0)
            number = VIREO_TRY(parse_number(format_.substr(0, digits), 10));
        format_.remove_prefix(digits);
    }
    return static_cast<usize>(
        std::min<u64>(number, Expansion::max_bytes + 1)); // what is more does not fit either
}

Result<Directive> Formatter::read_directive() {
    Directive directive;
    for (;; format_.remove_prefix(1)) {
        char flag = format_.empty() ? '\0' : format_[0];
        if (flag == '-')
            directive.left = true;
        else if (flag == '0')
            directive.zeros = true;
        else if (flag == '#')
            directive.alternate = true;
        else if (flag == '+' || (flag == ' ' && directive.plus == 0))
            directive.plus = flag;
        else
            break;
    }
    directive.width = VIREO_TRY(read_number());
    if (format_.starts_with('.')) {
        format_.remove_prefix(1);
        directive.precision = VIREO_TRY(read_number());
    }
    while (!format_.empty() && std::string_view("lLhz").find(format_[0]) != std::string_view::npos)
        format_.remove_prefix(1); // sizes: all numbers have 64 bits
    directive.conversion = take();
    return directive;
}

Result<> Formatter::put_padded(const Directive& directive, std::string_view prefix, std::string_view body) {
    usize bytes = prefix.size() + body.size();
    usize padding = directive.width > bytes ? directive.width - bytes : 0;
    if (!directive.left && !directive.zeros)
        VIREO_TRY(result_.add(' ', padding));
    VIREO_TRY(result_.add(prefix));
    if (!directive.left && directive.zeros)
        VIREO_TRY(result_.add('0', padding));
    VIREO_TRY(result_.add(body));
    return directive.left ? result_.add(' ', padding) : Result<>();
}

Result<> Formatter::put_number(const Directive& directive) {
    u64 number = VIREO_TRY(value_number(culprit_));
    bool is_signed = directive.conversion == 'd' || directive.conversion == 'i';
    bool is_negative = is_signed && (number >> 63) != 0;
    char digit_texts[24];
    usize count = 0;
    u64 rest = is_negative ? 0 - number : number;
    char conversion = directive.conversion;
    unsigned base = conversion == 'o' ? 8 : conversion == 'x' || conversion == 'X' ? 16 : 10;
    for (; rest != 0 || (count == 0 && directive.precision != 0u); rest /= base) {
        char digit = "0123456789abcdef"[rest % base];
        digit_texts[sizeof digit_texts - ++count] =
            conversion == 'X' && digit >= 'a' ? static_cast<char>(digit - 32) : digit;
    }
    StringBuffer<4> prefix;
    if (is_negative)
        prefix.write("-");
    else if (is_signed && directive.plus != 0)
        prefix.write({&directive.plus, 1});
    if (directive.alternate && base == 16 && number != 0)
        prefix.write(conversion == 'x' ? "0x" : "0X");
    if (directive.alternate && base == 8)
        prefix.write("0");
    Directive padded = directive;
    std::string_view body(digit_texts + sizeof digit_texts - count, count);
    if (!directive.precision)
        return put_padded(padded, prefix.view(), body);
    // The least count of digits: the zeros belong to the number, so '0' does not fill the width.
    auto number_text = VIREO_TRY(MadeText::create());
    VIREO_TRY(number_text.add('0', *directive.precision > count ? *directive.precision - count : 0));
    VIREO_TRY(number_text.add(body));
    padded.zeros = false;
    return put_padded(padded, prefix.view(), number_text.view());
}

// Behind '%'.
Result<> Formatter::convert() {
    std::string_view whole = format_;
    Directive directive = VIREO_TRY(read_directive());
    std::string_view text;
    switch (directive.conversion) {
    case '%':
        return result_.add("%");
    case 'b':
        return put_escapes(take_value());
    case 'c':
    case 's':
        text = take_value();
        directive.zeros = false;
        if (directive.conversion == 'c')
            directive.precision = 1;
        return put_padded(directive, {}, text.substr(0, directive.precision.value_or(text.size())));
    case 'd':
    case 'i':
    case 'o':
    case 'u':
    case 'x':
    case 'X':
        culprit_ = take_value();
        return put_number(directive);
    default:
        culprit_ = {whole.data() - 1, whole.size() - format_.size() + 1};
        return error(ErrorCode::InvalidArgument, "not one of %b %c %d %i %o %s %u %x %X %%");
    }
}

// Takes what follows a backslash off `text`.
Result<> Formatter::put_escape(std::string_view& text) {
    usize digits = 0;
    unsigned octal = 0;
    while (digits < 3 && digits < text.size() && text[digits] >= '0' && text[digits] <= '7')
        octal = octal * 8 + static_cast<unsigned>(text[digits++] - '0');
    if (digits > 0) {
        text.remove_prefix(digits);
        char c = static_cast<char>(octal);
        return result_.add({&c, 1});
    }
    constexpr std::string_view letters = "abefnrtv\\\"";
    constexpr std::string_view meanings = "\a\b\x1b\f\n\r\t\v\\\"";
    usize which = text.empty() ? std::string_view::npos : letters.find(text[0]);
    if (which == std::string_view::npos)
        return result_.add("\\"); // stands for itself
    text.remove_prefix(1);
    return result_.add(meanings.substr(which, 1));
}

// "%b": a value whose escapes count; "\c" ends everything.
Result<> Formatter::put_escapes(std::string_view text) {
    while (!text.empty() && !is_over_) {
        char c = text[0];
        text.remove_prefix(1);
        is_over_ = c == '\\' && text.starts_with('c');
        if (is_over_)
            break;
        if (c == '\\' && text.size() >= 2 && text[0] == '0' && text[1] >= '0' && text[1] <= '7')
            text.remove_prefix(1); // "\0NNN"
        VIREO_TRY(c == '\\' ? put_escape(text) : result_.add({&c, 1}));
    }
    return {};
}

Result<> Formatter::run() {
    while (!format_.empty() && !is_over_) {
        char c = take();
        if (c == '%') {
            VIREO_TRY(convert());
        } else if (c == '\\') {
            is_over_ = format_.starts_with('c');
            if (!is_over_)
                VIREO_TRY(put_escape(format_));
        } else {
            VIREO_TRY(result_.add({&c, 1}));
        }
    }
    if (is_over_ || values_.empty())
        return {};
    culprit_ = values_[0];
    return error(ErrorCode::InvalidArgument, "a value that the format has no place for");
}

} // namespace

int set_formatted(Context& context, Arguments arguments) {
    if (arguments.size() < 4)
        return status_usage;
    auto result = MadeText::create();
    if (!result)
        return fail(context, "setexpr", result.error());
    Formatter formatter(arguments[3], arguments.subspan(4), *result);
    if (auto made = formatter.run(); !made)
        return fail(context, formatter.culprit(), made.error());
    auto set = context.environment.set(arguments[1], result->view());
    return set ? status_ok : fail(context, "setexpr", set.error());
}

} // namespace vireo::shell
