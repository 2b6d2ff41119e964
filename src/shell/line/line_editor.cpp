// SPDX-License-Identifier: Apache-2.0
#include "shell/line/line_editor.h"

#include "base/parse.h"
#include "shell/line/character.h"
#include "shell/line/completion.h"

namespace vireo::shell {

static constexpr u8 control_key(char letter) { return static_cast<u8>(letter - '@'); }
static constexpr u8 delete_byte = 0x7f;

// Further apart than the bytes of a paste, nearer than two keys.
static constexpr auto paste_gap = event::Duration::milli(20);

// The bytes of a sequence come at once; what comes after such a gap was typed by somebody.
static constexpr auto sequence_gap = event::Duration::milli(250);

static constexpr u8 utf_8_start = 0xc2; // of the characters that are one byte in ISO 8859-1

static bool is_text(u8 byte) { return byte >= ' ' && byte != delete_byte; }

LineEditor::Ending LineEditor::read(std::string_view prompt) {
    prompt_ = prompt;
    length_ = cursor_ = age_ = 0;
    too_long_ = searching_ = is_interrupted_ = false;
    (void)sequence_.give_up();
    display_.begin(prompt);
    std::optional<u8> pending;
    for (;;) {
        u8 byte = pending ? *pending : next_byte();
        pending.reset();
        if (sequence(byte))
            continue;
        if (is_text(byte))
            pending = type_text(byte);
        else if (byte == '\t' && type_pasted_tab(pending))
            continue;
        else if (auto ending = key(byte))
            return *ending;
    }
}

// Only time that is spent waiting counts: the bytes of a sequence may have come while the terminal
// was slow to take output.
u8 LineEditor::next_byte() {
    if (auto byte = context_.console.read())
        return *byte;
    auto began = event::now();
    u8 byte = wait_for_byte();
    if (event::now() - began >= sequence_gap) {
        give_up_sequence();
        is_pasting_ = false;
    }
    return byte;
}

// The prompt is the one place that waits without a deadline.
u8 LineEditor::wait_for_byte() {
    for (;;) {
        std::optional<u8> byte;
        auto deadline = display_.is_asking() ? display_.patience() : event::Deadline::never();
        auto waited = context_.loop.wait_until(deadline, [&] {
            byte = context_.console.read();
            return byte.has_value();
        });
        if (waited && byte)
            return *byte;
        if (display_.is_asking() && deadline.has_passed()) {
            display_.give_up();
            refresh();
        }
    }
}

// Takes all text that has arrived at once, so that a paste costs one insertion instead of one for each byte.
// A character that has arrived in part is waited for: the terminal could not show it. Returns the byte behind
// the text, if that has arrived too.
std::optional<u8> LineEditor::type_text(u8 first) {
    constexpr usize at_once = 256;
    char piece[at_once + 3] = {static_cast<char>(first)};
    usize count = 1;
    std::optional<u8> next;
    for (;;) {
        bool is_unfinished = unfinished_bytes({piece, count}) != 0;
        if (count >= at_once && !is_unfinished)
            break;
        next = context_.console.read();
        if (!next && !is_unfinished)
            break;
        if (!next)
            next = next_byte();
        bool starts_sequence = EscapeSequence::is_8_bit_start(*next);
        if (starts_sequence && static_cast<u8>(piece[count - 1]) == utf_8_start) {
            type({piece, count - 1});
            sequence_.begin(*next, true);
            return std::nullopt;
        }
        if (!is_text(*next) || (starts_sequence && !is_unfinished))
            break;
        piece[count++] = static_cast<char>(*std::exchange(next, std::nullopt));
    }
    type({piece, count});
    return next;
}

void LineEditor::type(std::string_view text) {
    if (text.empty())
        return;
    if (!searching_)
        insert(text);
    else if (!search_.extend(text))
        bell();
    refresh();
}

// A Tab in front of everything else is a question for all commands, unless a text with tabs is being pasted:
// then more comes at once, in `next`, or the terminal has said so. False if it is a question.
bool LineEditor::type_pasted_tab(std::optional<u8>& next) {
    if (!is_pasting_ && !trim(line()).empty())
        return false;
    if (!is_pasting_)
        (void)context_.loop.wait_until(event::Deadline::after(paste_gap), [&] {
            next = context_.console.read();
            return next.has_value();
        });
    if (!is_pasting_ && !next)
        return false;
    if (!too_long_) {
        insert(" ");
        refresh();
    }
    return true;
}

void LineEditor::refresh() {
    if (too_long_)
        return;
    if (!searching_)
        return display_.show(line(), cursor_);
    search_text_.clear();
    print(search_text_, "(search '{}') {}", search_.pattern(), search_.found());
    display_.show(search_text_.view(), search_text_.view().size());
}

std::optional<LineEditor::Ending> LineEditor::key(u8 byte) {
    if (byte == '\n') {
        end_search();
        display_.leave(line(), cursor_);
        context_.console.write("\n");
        return too_long_ ? Ending::TooLong : Ending::Line;
    }
    if (byte == control_key('C'))
        return interrupted();
    if (byte == control_key('D') && length_ == 0 && context_.may_exit && !too_long_) {
        context_.console.write("\n");
        return Ending::EndOfInput;
    }
    if (too_long_)
        return std::nullopt;
    if (!searching_ || !search_key(byte))
        control(byte);
    if (is_interrupted_)
        return interrupted();
    refresh();
    return std::nullopt;
}

LineEditor::Ending LineEditor::interrupted() {
    display_.leave(line(), length_);
    context_.console.write("<INTERRUPT>\n");
    return Ending::Interrupted;
}

void LineEditor::control(u8 byte) {
    std::string_view text = line();
    switch (byte) {
    case control_key('A'):
        cursor_ = 0;
        return;
    case control_key('E'):
        cursor_ = length_;
        return;
    case control_key('B'):
        cursor_ = character_before(text, cursor_);
        return;
    case control_key('F'):
        cursor_ = character_after(text, cursor_);
        return;
    case control_key('D'):
        return erase(cursor_, character_after(text, cursor_));
    case control_key('H'):
    case delete_byte:
        return erase(character_before(text, cursor_), cursor_);
    case control_key('K'):
        return erase(cursor_, length_);
    case control_key('U'):
    case control_key('X'):
        return erase(0, length_);
    case control_key('W'):
        return erase(word_start(), cursor_);
    case control_key('L'):
        return display_.clear_screen();
    case control_key('P'):
        return recall(true);
    case control_key('N'):
        return recall(false);
    case control_key('R'):
        searching_ = true;
        return search_.begin();
    case '\t':
        return complete();
    default:
        return; // no key of ours
    }
}

bool LineEditor::sequence(u8 byte) {
    if (!sequence_.is_open()) {
        bool is_start = byte == EscapeSequence::escape_byte || EscapeSequence::is_8_bit_start(byte);
        if (is_start)
            sequence_.begin(byte);
        return is_start;
    }
    auto outcome = EscapeSequence::Outcome::NotMine;
    if (byte != '\n' && byte != control_key('C'))
        outcome = sequence_.take(byte);
    if (outcome == EscapeSequence::Outcome::NotMine)
        give_up_sequence();
    else if (outcome == EscapeSequence::Outcome::Key && !too_long_)
        key_of_sequence();
    return outcome != EscapeSequence::Outcome::NotMine;
}

void LineEditor::give_up_sequence() { type(sequence_.give_up()); }

// Keys as terminals send them: ESC [ parameters final, ESC O final.
void LineEditor::key_of_sequence() {
    u8 byte = sequence_.final_byte();
    if (byte == 'R') { // the display's question is answered: row, column
        display_.take_width(sequence_.last_parameter());
        return refresh();
    }
    end_search();
    switch (byte) {
    case 'A':
        recall(true);
        break;
    case 'B':
        recall(false);
        break;
    case 'C':
        cursor_ = character_after(line(), cursor_);
        break;
    case 'D':
        cursor_ = character_before(line(), cursor_);
        break;
    case 'H':
        cursor_ = 0;
        break;
    case 'F':
        cursor_ = length_;
        break;
    case '~':
        edit_key(sequence_.first_parameter());
        break;
    default:
        break;
    }
    refresh();
}

// The keys that have a number, as the VT220 gave them, and what xterm says around a paste.
void LineEditor::edit_key(u16 number) {
    if (number == 1 || number == 7)
        cursor_ = 0;
    else if (number == 4 || number == 8)
        cursor_ = length_;
    else if (number == 3)
        erase(cursor_, character_after(line(), cursor_));
    else if (number == 200 || number == 201)
        is_pasting_ = number == 200;
}

usize LineEditor::word_start() const {
    usize start = cursor_;
    while (start > 0 && text_[start - 1] == ' ')
        --start;
    while (start > 0 && text_[start - 1] != ' ')
        --start;
    return start;
}

void LineEditor::insert(std::string_view text) {
    if (too_long_)
        return;
    if (text.size() > max_line_bytes - length_) {
        too_long_ = true;
        return;
    }
    std::memmove(text_ + cursor_ + text.size(), text_ + cursor_, length_ - cursor_);
    std::memcpy(text_ + cursor_, text.data(), text.size());
    length_ += text.size();
    cursor_ += text.size();
}

void LineEditor::erase(usize start, usize end) {
    std::memmove(text_ + start, text_ + end, length_ - end);
    length_ -= end - start;
    cursor_ = start;
}

void LineEditor::replace(std::string_view text) {
    length_ = cursor_ = std::min(text.size(), max_line_bytes);
    std::memcpy(text_, text.data(), length_);
}

void LineEditor::recall(bool older) {
    if (!older && age_ == 0)
        return bell();
    usize wanted = older ? age_ + 1 : age_ - 1;
    auto recalled = wanted == 0 ? std::string_view(draft_, draft_length_) : history_.line(wanted);
    if (!recalled)
        return bell();
    recall_age(wanted, *recalled);
}

void LineEditor::recall_age(usize age, std::string_view text) {
    if (age_ == 0) {
        std::memcpy(draft_, text_, length_);
        draft_length_ = length_;
    }
    age_ = age;
    replace(text);
}

bool LineEditor::search_key(u8 byte) {
    switch (byte) {
    case control_key('R'):
        if (!search_.older())
            bell();
        return true;
    case control_key('H'):
    case delete_byte:
        search_.shorten();
        return true;
    case control_key('G'): // never mind
        searching_ = false;
        return true;
    default:
        end_search();
        return false;
    }
}

// What was found becomes the line.
void LineEditor::end_search() {
    if (std::exchange(searching_, false) && search_.age() != 0)
        recall_age(search_.age(), search_.found());
}

void LineEditor::complete() {
    Completion completion(context_, {text_, cursor_});
    is_interrupted_ = completion.was_interrupted();
    if (completion.matches() == 0)
        return bell();
    bool is_single = completion.matches() == 1;
    if (!completion.common().empty() || is_single) {
        insert(completion.common());
        if (is_single)
            insert(completion.closing());
        return;
    }
    display_.leave(line(), length_);
    context_.console.write("\n");
    completion.list();
    display_.begin(prompt_);
}

} // namespace vireo::shell
