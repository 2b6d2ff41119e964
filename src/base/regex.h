// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/fixed_vector.h"
#include "base/owned_array.h"

namespace vireo {

// A regular expression, in the words of U-Boot's: characters, '.', "[...]" and "[^...]" with ranges, '^' and
// '$' (the start and the end of the text), "(...)", '|', and '*', '+', '?' behind what they repeat, as much
// as possible; with a '?' more as little as possible. "\d", "\s", "\w" are a digit, a blank character, a
// letter, digit or '_', with a capital anything else; "\n", "\r", "\t"; a backslash before any other
// character that is no letter or digit stands for that character. Everything else, "{" too, is itself.
//
// The first match from the left counts, and of those that start there the one that a search with backtracking
// would find first. There is no backtracking: all ways are followed side by side, one character at a time, so
// that a search takes no more steps than a small constant times the program's length times the text's.
class Regex {
  public:
    static constexpr usize max_instructions = 512;
    static constexpr usize max_sets = 32;   // "[...]" and "\d" and its like
    static constexpr usize max_depth = 16;  // '(' inside '('
    static constexpr usize max_groups = 10; // what is remembered: the match and the first nine "(...)"

    // Errors: InvalidArgument says what is wrong with the pattern, TooLarge which bound it is over, NoMemory.
    static Result<std::unique_ptr<Regex>> compile(std::string_view pattern);

    // Where a group lies in the text; nothing if the match went another way.
    using Group = std::optional<std::string_view>;
    using Groups = std::array<Group, max_groups>;

    // The first match that starts at `start` or later; false if there is none. '^' is the start
    // of `text`, not `start`.
    bool search(std::string_view text, usize start, Groups& groups);

    // How many groups the pattern has, the match itself not counted.
    usize group_count() const { return groups_; }

    // Instructions looked at in all searches so far: what they cost.
    u64 steps() const { return steps_; }

    Regex() = default; // for compile

  private:
    friend class RegexCompiler;
    enum class Op : u8 {
        Character, // `argument`
        Any,
        Set,   // number `argument`
        Start, // of the text
        End,   // of the text
        Save,  // the place, in slot `argument`
        Split, // goes on behind, and at `offset`: there first if `argument` is 1
        Jump,  // to `offset`
        Match
    };
    struct Instruction {
        Op op;
        u8 argument = 0;
        i16 offset = 0; // from this instruction
    };
    using CharacterSet = std::array<u32, 8>;
    static constexpr usize slots = 2 * max_groups;
    static constexpr u32 nowhere = ~u32{0};
    using Places = std::array<u32, slots>;

    // The instructions that wait for a character, the preferred ones first, each with the places
    // that its way has saved.
    struct Thread {
        u16 instruction = 0;
        Places places;
    };
    struct Threads {
        OwnedArray<Thread> all;
        usize count = 0;
    };
    // What is left to do while ways branch without taking a character.
    struct Pending {
        u16 instruction = 0;
        bool restores = false; // a slot, to `place`
        u8 slot = 0;
        u32 place = 0;
    };

    Result<> prepare();
    void follow(Threads& threads, usize instruction, usize at, const Places& places);
    bool takes(const Instruction& instruction, char c) const;

    FixedVector<Instruction, max_instructions> program_;
    FixedVector<CharacterSet, max_sets> sets_;
    usize groups_ = 0;
    Threads now_;
    Threads next_;
    OwnedArray<u32> seen_; // for each instruction: the round in which it was reached
    OwnedArray<Pending> pending_;
    u32 round_ = 0;
    std::string_view text_;
    u64 steps_ = 0;
};

} // namespace vireo
