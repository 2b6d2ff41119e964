// SPDX-License-Identifier: Apache-2.0
#include "base/regex.h"

namespace vireo {

// All ways through the program are followed side by side, so that no text makes it try one after the other
// (Thompson's construction; the places along each way as in Pike's editor).

// Each instruction is reached once a round at most, and leaves at most two things to do: the other way of a
// Split, or a slot to restore and its successor.
Result<> Regex::prepare() {
    usize count = program_.size();
    now_.all = VIREO_TRY(OwnedArray<Thread>::create(count));
    next_.all = VIREO_TRY(OwnedArray<Thread>::create(count));
    seen_ = VIREO_TRY(OwnedArray<u32>::create(count));
    pending_ = VIREO_TRY(OwnedArray<Pending>::create(2 * count + 1));
    return {};
}

bool Regex::takes(const Instruction& instruction, char c) const {
    u8 byte = static_cast<u8>(c);
    if (instruction.op == Op::Character)
        return instruction.argument == byte;
    if (instruction.op == Op::Set)
        return (sets_.data()[instruction.argument][byte / 32] >> (byte % 32) & 1) != 0;
    return instruction.op == Op::Any;
}

// Adds what `instruction` leads to without taking a character, in the order of preference,
// unless it is there already.
void Regex::follow(Threads& threads, usize instruction, usize at, const Places& from) {
    Places places = from;
    usize depth = 0;
    auto leave = [&](Pending what) { pending_[depth++] = what; };
    leave({.instruction = static_cast<u16>(instruction)});
    while (depth > 0) {
        Pending todo = pending_[--depth];
        if (todo.restores) {
            places[todo.slot] = todo.place;
            continue;
        }
        ++steps_;
        usize here = todo.instruction;
        if (std::exchange(seen_[here], round_) == round_)
            continue;
        const Instruction& step = program_[here];
        u16 behind = static_cast<u16>(here + 1);
        u16 target = static_cast<u16>(static_cast<i32>(here) + step.offset);
        switch (step.op) {
        case Op::Jump:
            leave({.instruction = target});
            break;
        case Op::Split:
            leave({.instruction = step.argument == 1 ? behind : target});
            leave({.instruction = step.argument == 1 ? target : behind});
            break;
        case Op::Save:
            leave({.restores = true, .slot = step.argument, .place = places[step.argument]});
            leave({.instruction = behind});
            places[step.argument] = static_cast<u32>(at);
            break;
        case Op::Start:
        case Op::End:
            if (at == (step.op == Op::Start ? 0 : text_.size()))
                leave({.instruction = behind});
            break;
        default: // waits for a character, or is the end
            Thread& thread = threads.all[threads.count++];
            thread.instruction = static_cast<u16>(here);
            thread.places = places;
            break;
        }
    }
}

bool Regex::search(std::string_view text, usize start, Groups& groups) {
    text_ = text;
    Places none;
    none.fill(nowhere);
    Places found = none;
    bool is_found = false;
    std::ranges::fill(seen_, 0);
    round_ = 1;
    now_.count = 0;
    for (usize at = start; at <= text.size(); ++at) {
        if (!is_found) // a match that starts here comes after those that have started
            follow(now_, 0, at, none);
        if (now_.count == 0 && is_found)
            break;
        ++round_;
        next_.count = 0;
        for (const Thread& thread : std::span(now_.all).first(now_.count)) {
            ++steps_;
            const Instruction& step = program_[thread.instruction];
            if (step.op == Op::Match) {
                found = thread.places;
                is_found = true;
                break; // the others are less preferred
            }
            if (at < text.size() && takes(step, text[at]))
                follow(next_, thread.instruction + 1u, at + 1, thread.places);
        }
        std::swap(now_.all, next_.all);
        now_.count = next_.count;
    }
    for (usize i = 0; i < max_groups; ++i) {
        u32 from = found[2 * i];
        u32 to = found[2 * i + 1];
        groups[i] = from == nowhere || to == nowhere ? Group() : Group(text.substr(from, to - from));
    }
    return is_found;
}

} // namespace vireo
