// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"

namespace vireo {

// Where text goes. Implementations take all of it; there is no partial write.
class Writer {
  public:
    virtual void write(std::string_view text) = 0;

  protected:
    ~Writer() = default;
};

namespace detail {

// One `{...}` of a format string: [[fill]align][0][width][type], align one of < > ^, type x X c or none.
struct FormatSpec {
    char fill = ' ';
    char align = 0;
    bool zero = false;
    u16 width = 0;
    char type = 0;
};

// What an argument of print() is taken for.
enum class FormatKind : u8 { None, Unsigned, Signed, Character, Text, Bool, Message };
union FormatValue {
    u64 number; // of Unsigned, Signed, Character, Bool
    std::string_view text;
    const Error* message;
};

// The kinds of a whole call are one number, the first one lowest: there are many calls, and each is small.
using FormatKinds = u32;
constexpr unsigned kind_bits = 3;
constexpr usize most_arguments = 32 / kind_bits;

// Not constexpr on purpose: reached at compile time, it turns a wrong format string into a compile error.
void format_string_error(const char* why);

// Reads the spec after '{' at `position`, leaves `position` after '}'.
constexpr FormatSpec parse_format_spec(std::string_view text, usize& position) {
    FormatSpec spec;
    auto peek = [&](usize ahead = 0) {
        return position + ahead < text.size() ? text[position + ahead] : '\0';
    };
    auto is_align = [](char c) { return c == '<' || c == '>' || c == '^'; };
    if (peek() == ':') {
        ++position;
        if (peek() != '\0' && is_align(peek(1))) {
            spec.fill = peek();
            spec.align = peek(1);
            position += 2;
        } else if (is_align(peek())) {
            spec.align = peek();
            ++position;
        }
        if (peek() == '0') {
            spec.zero = true;
            ++position;
        }
        while (peek() >= '0' && peek() <= '9') {
            spec.width = static_cast<u16>(spec.width * 10 + (peek() - '0'));
            ++position;
        }
        if (peek() == 'x' || peek() == 'X' || peek() == 'c') {
            spec.type = peek();
            ++position;
        }
    }
    if (peek() != '}')
        format_string_error("'}' expected");
    ++position;
    return spec;
}

template <typename T> constexpr FormatKind kind_of() {
    using U = std::remove_cvref_t<T>;
    if constexpr (std::is_same_v<U, Error>)
        return FormatKind::Message;
    else if constexpr (std::is_same_v<U, bool>)
        return FormatKind::Bool;
    else if constexpr (std::is_same_v<U, char>)
        return FormatKind::Character;
    else if constexpr (std::is_integral_v<U>)
        return std::is_signed_v<U> ? FormatKind::Signed : FormatKind::Unsigned;
    else
        return FormatKind::Text;
}

template <typename... A> constexpr FormatKinds kinds_of() {
    static_assert(sizeof...(A) <= most_arguments);
    FormatKinds kinds = 0;
    unsigned shift = 0;
    ((kinds |= static_cast<FormatKinds>(kind_of<A>()) << shift, shift += kind_bits), ...);
    return kinds;
}

template <typename T> constexpr FormatValue make_value(const T& value) {
    constexpr FormatKind kind = kind_of<T>();
    if constexpr (kind == FormatKind::Text)
        return {.text = std::string_view(value)};
    else if constexpr (kind == FormatKind::Message)
        return {.message = &value};
    else if constexpr (kind == FormatKind::Signed)
        return {.number = static_cast<u64>(static_cast<i64>(value))};
    else if constexpr (kind == FormatKind::Character)
        return {.number = static_cast<unsigned char>(value)};
    else
        return {.number = static_cast<u64>(value)};
}

void format_values(Writer& out, std::string_view format, FormatKinds kinds, const FormatValue* values);

// What StringBuffer::write() does, of which there is one for each N.
void append(std::string_view text, std::span<char> memory, usize& size, bool& truncated);

} // namespace detail

// A format string that has been checked against its arguments at compile time.
template <typename... A> class FormatString {
  public:
    template <typename T>
        requires std::convertible_to<const T&, std::string_view>
    consteval FormatString(const T& text) : text_(text) {
        constexpr detail::FormatKind kinds[] = {detail::kind_of<A>()..., detail::FormatKind::None};
        usize argument = 0;
        for (usize i = 0; i < text_.size();) {
            char c = text_[i++];
            if (c == '}' || c == '{') {
                if (i < text_.size() && text_[i] == c) {
                    ++i;
                    continue;
                }
                if (c == '}')
                    detail::format_string_error("lone '}'");
                auto spec = detail::parse_format_spec(text_, i);
                if (argument >= sizeof...(A))
                    detail::format_string_error("more fields than arguments");
                if (spec.type != 0 && (kinds[argument] == detail::FormatKind::Text ||
                                       kinds[argument] == detail::FormatKind::Message))
                    detail::format_string_error("number type for a text argument");
                ++argument;
            }
        }
        if (argument != sizeof...(A))
            detail::format_string_error("more arguments than fields");
    }
    constexpr std::string_view text() const { return text_; }

  private:
    std::string_view text_;
};

// Writes `format` with each {} replaced by the next argument, as std::format does for the
// subset in FormatSpec.
// Arguments: integers, char, bool, anything that converts to std::string_view (never a null pointer), and an
// Error: what it says, with its number.
template <typename... A>
void print(Writer& out, FormatString<std::type_identity_t<A>...> format, const A&... arguments) {
    const std::array<detail::FormatValue, sizeof...(A)> values{detail::make_value(arguments)...};
    detail::format_values(out, format.text(), detail::kinds_of<A...>(), values.data());
}

// A Writer into N bytes in place. Text beyond the end is dropped and remembered in `truncated`.
template <usize N> class StringBuffer final : public Writer {
  public:
    void write(std::string_view text) override { detail::append(text, {data_, N}, size_, truncated_); }
    std::string_view view() const { return {data_, size_}; }
    bool truncated() const { return truncated_; }
    // Keeps the first `bytes` of what is there.
    void shorten(usize bytes) { size_ = std::min(size_, bytes); }
    void clear() {
        size_ = 0;
        truncated_ = false;
    }

  private:
    char data_[N];
    usize size_ = 0;
    bool truncated_ = false;
};

} // namespace vireo
