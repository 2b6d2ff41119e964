// SPDX-License-Identifier: Apache-2.0
#include "base/math.h"
#include "base/regex.h"

namespace vireo {

static Error wrong(const char* what) { return error(ErrorCode::InvalidArgument, what); }

// Writes the program from left to right. Offsets are relative, and no part jumps out of itself but from the
// end of an alternative, so that an instruction can be put before a part that is finished.
class RegexCompiler {
  public:
    RegexCompiler(Regex& regex, std::string_view pattern) : regex_(regex), rest_(pattern) {}
    Result<> compile();

  private:
    using Op = Regex::Op;
    using CharacterSet = Regex::CharacterSet;

    // A '(' that is open, or the pattern itself.
    struct Level {
        usize start;       // its first instruction
        usize alternative; // the first one of the alternative that is being written
        u8 group;          // its number; 0: none, or the pattern
        // at the end of an alternative: the last of a chain, whose offsets lead to the one before
        usize last_jump = 0;
        usize part = nothing; // what a repetition would repeat
    };
    static constexpr usize nothing = ~usize{0};

    Result<> item(char c);
    Result<> open();
    Result<> close();
    Result<> alternative();
    Result<> repeat(char c);
    Result<> set();
    Result<> escape();
    Result<u8> escaped_character(char c, CharacterSet& members, bool& is_class);
    Result<> set_character(CharacterSet& members, u8& character, bool& is_class);
    Result<> emit_part(Op op, u8 argument = 0);
    Result<> emit_set(const CharacterSet& members);
    Result<> emit(Op op, u8 argument = 0, i16 offset = 0);
    Result<> insert(usize at, Op op, u8 argument, usize target);
    void end_alternatives(Level& level);
    bool take(char c) {
        bool is_next = rest_.starts_with(c);
        rest_.remove_prefix(is_next ? 1 : 0);
        return is_next;
    }
    usize size() const { return regex_.program_.size(); }

    Regex& regex_;
    std::string_view rest_;
    FixedVector<Level, Regex::max_depth + 1> levels_;
};

static void add(std::array<u32, 8>& members, u8 c) { members[c / 32] |= u32{1} << (c % 32); }

static void invert(std::array<u32, 8>& members) {
    for (u32& word : members)
        word = ~word;
}

Result<> RegexCompiler::emit(Op op, u8 argument, i16 offset) {
    if (!regex_.program_.try_push_back({op, argument, offset}))
        return error(ErrorCode::TooLarge, "a pattern of more than 512 steps");
    return {};
}

Result<> RegexCompiler::emit_part(Op op, u8 argument) {
    levels_.back().part = size();
    return emit(op, argument);
}

Result<> RegexCompiler::emit_set(const CharacterSet& members) {
    if (!regex_.sets_.try_push_back(members))
        return error(ErrorCode::TooLarge, "a pattern with more than 32 sets");
    return emit_part(Op::Set, static_cast<u8>(regex_.sets_.size() - 1));
}

// Puts an instruction before those from `at` on; `target` is where it leads, counted when it stands.
Result<> RegexCompiler::insert(usize at, Op op, u8 argument, usize target) {
    VIREO_TRY(emit(op));
    auto* program = regex_.program_.data();
    std::memmove(program + at + 1, program + at, (size() - 1 - at) * sizeof(*program));
    program[at] = {op, argument, static_cast<i16>(static_cast<i32>(target) - static_cast<i32>(at))};
    return {};
}

Result<> RegexCompiler::open() {
    bool is_remembered = regex_.groups_ + 1 < Regex::max_groups;
    u8 group = is_remembered ? static_cast<u8>(++regex_.groups_) : u8{0};
    usize start = size();
    if (is_remembered)
        VIREO_TRY(emit(Op::Save, static_cast<u8>(2 * group)));
    if (!levels_.try_push_back({.start = start, .alternative = size(), .group = group}))
        return error(ErrorCode::TooLarge, "more than 16 '(' inside one another");
    return {};
}

// The ends of all alternatives lead here.
void RegexCompiler::end_alternatives(Level& level) {
    for (usize at = level.last_jump; at != 0;) {
        auto& jump = regex_.program_[at];
        usize before = static_cast<usize>(jump.offset);
        jump.offset = static_cast<i16>(size() - at);
        at = before;
    }
}

Result<> RegexCompiler::close() {
    if (levels_.size() == 1)
        return wrong("')' without '('");
    Level level = levels_.back();
    end_alternatives(level);
    levels_.pop_back();
    if (level.group != 0)
        VIREO_TRY(emit(Op::Save, static_cast<u8>(2 * level.group + 1)));
    levels_.back().part = level.start;
    return {};
}

// Before the alternative that ends: the choice between it and the next one. The first instruction of a
// program is never such a jump, so 0 ends the chain.
Result<> RegexCompiler::alternative() {
    Level& level = levels_.back();
    VIREO_TRY(insert(level.alternative, Op::Split, 0, size() + 2));
    VIREO_TRY(emit(Op::Jump, 0, static_cast<i16>(level.last_jump)));
    level.last_jump = size() - 1;
    level.alternative = size();
    level.part = nothing;
    return {};
}

Result<> RegexCompiler::repeat(char c) {
    usize part = std::exchange(levels_.back().part, nothing);
    if (part == nothing)
        return wrong("nothing to repeat before '*', '+' or '?'");
    bool is_short = take('?');
    if (c == '+') // back to the part first, or on first
        return emit(Op::Split, is_short ? 0 : 1,
                    static_cast<i16>(static_cast<i32>(part) - static_cast<i32>(size())));
    bool is_loop = c == '*';
    VIREO_TRY(insert(part, Op::Split, is_short ? 1 : 0, size() + (is_loop ? 2 : 1)));
    if (!is_loop)
        return {};
    return emit(Op::Jump, 0, static_cast<i16>(static_cast<i32>(part) - static_cast<i32>(size())));
}

// The character that `c` behind a backslash is, or the class in `members`.
Result<u8> RegexCompiler::escaped_character(char c, CharacterSet& members, bool& is_class) {
    is_class = true;
    CharacterSet found{};
    auto range = [&](char from, char to) {
        for (char member = from; member <= to; ++member)
            add(found, static_cast<u8>(member));
    };
    char lower = static_cast<char>(c | 0x20);
    if (lower == 'd' || lower == 'w')
        range('0', '9');
    if (lower == 'w') {
        range('a', 'z');
        range('A', 'Z');
        add(found, '_');
    }
    if (lower == 's')
        for (char blank : {' ', '\t', '\n', '\v', '\f', '\r'})
            add(found, static_cast<u8>(blank));
    if (lower == 'd' || lower == 'w' || lower == 's') {
        if (c != lower)
            invert(found);
        for (usize i = 0; i < members.size(); ++i)
            members[i] |= found[i];
        return u8{0};
    }
    is_class = false;
    if (c == 'n' || c == 'r' || c == 't')
        return static_cast<u8>(c == 'n' ? '\n' : c == 'r' ? '\r' : '\t');
    if ((lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9'))
        return wrong("a backslash before this letter or digit means nothing here");
    return static_cast<u8>(c);
}

Result<> RegexCompiler::escape() {
    if (rest_.empty())
        return wrong("nothing behind the last backslash");
    char c = rest_[0];
    rest_.remove_prefix(1);
    CharacterSet members{};
    bool is_class;
    u8 character = VIREO_TRY(escaped_character(c, members, is_class));
    return is_class ? emit_set(members) : emit_part(Op::Character, character);
}

// One character of a set, or a class.
Result<> RegexCompiler::set_character(CharacterSet& members, u8& character, bool& is_class) {
    is_class = false;
    character = static_cast<u8>(rest_[0]);
    rest_.remove_prefix(1);
    if (character == '[' && rest_.starts_with(':'))
        return wrong("\"[:\" in a set: classes are written \\d, \\s and \\w");
    if (character != '\\')
        return {};
    if (rest_.empty())
        return wrong("'[' without ']'");
    char c = rest_[0];
    rest_.remove_prefix(1);
    character = VIREO_TRY(escaped_character(c, members, is_class));
    return {};
}

// Behind '['. A ']' that comes first is a member, and so is a '-' at either end.
Result<> RegexCompiler::set() {
    CharacterSet members{};
    bool is_inverted = take('^');
    for (bool is_first = true; is_first || !rest_.starts_with(']'); is_first = false) {
        if (rest_.empty())
            return wrong("'[' without ']'");
        u8 first;
        bool is_class;
        VIREO_TRY(set_character(members, first, is_class));
        if (is_class)
            continue;
        u8 last = first;
        if (rest_.size() >= 2 && rest_[0] == '-' && rest_[1] != ']') {
            rest_.remove_prefix(1);
            VIREO_TRY(set_character(members, last, is_class));
            if (is_class || last < first)
                return wrong("a range in a set that ends before it starts");
        }
        for (u32 member = first; member <= last; ++member)
            add(members, static_cast<u8>(member));
    }
    rest_.remove_prefix(1);
    if (is_inverted)
        invert(members);
    return emit_set(members);
}

Result<> RegexCompiler::item(char c) {
    switch (c) {
    case '(':
        return open();
    case ')':
        return close();
    case '|':
        return alternative();
    case '*':
    case '+':
    case '?':
        return repeat(c);
    case '[':
        return set();
    case '\\':
        return escape();
    case '.':
        return emit_part(Op::Any);
    case '^':
    case '$':
        levels_.back().part = nothing;
        return emit(c == '^' ? Op::Start : Op::End);
    default:
        return emit_part(Op::Character, static_cast<u8>(c));
    }
}

Result<> RegexCompiler::compile() {
    VIREO_TRY(emit(Op::Save, 0));
    (void)levels_.try_push_back({.start = 0, .alternative = 1, .group = 0});
    while (!rest_.empty()) {
        char c = rest_[0];
        rest_.remove_prefix(1);
        VIREO_TRY(item(c));
    }
    if (levels_.size() > 1)
        return wrong("'(' without ')'");
    end_alternatives(levels_.back());
    VIREO_TRY(emit(Op::Save, 1));
    return emit(Op::Match);
}

Result<std::unique_ptr<Regex>> Regex::compile(std::string_view pattern) {
    auto regex = VIREO_TRY(make_owned<Regex>());
    RegexCompiler compiler(*regex, pattern);
    VIREO_TRY(compiler.compile());
    VIREO_TRY(regex->prepare());
    return regex;
}

} // namespace vireo
