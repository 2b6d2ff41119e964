// SPDX-License-Identifier: Apache-2.0
#include "shell/line_editor.h"

#include "base/parse.h"
#include "shell/character.h"
#include "shell/completion.h"

namespace vireo::shell {

static constexpr u8 control_key(char letter) { return static_cast<u8>(letter - '@'); }
static constexpr u8 escape_byte = 0x1b;
static constexpr u8 delete_byte = 0x7f;

// Further apart than the bytes of a paste, nearer than two keys.
static constexpr auto paste_gap = event::Duration::milli(20);

static bool is_text(u8 byte) { return byte >= ' ' && byte != delete_byte; }

LineEditor::Ending LineEditor::read(std::string_view prompt) {
    prompt_ = prompt;
    length_ = cursor_ = age_ = 0;
    too_long_ = searching_ = is_interrupted_ = false;
    escape_ = Escape::None;
    display_.begin(prompt);
    std::optional<u8> pending;
    for (;;) {
        u8 byte = pending ? *pending : wait_for_byte();
        pending.reset();
        if (is_text(byte) && escape_ == Escape::None)
            pending = type_text(byte);
        else if (byte == '\t' && escape_ == Escape::None && trim(line()).empty() &&
                 (pending = type_pasted_tab()))
            continue;
        else if (auto ending = key(byte))
            return *ending;
    }
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

// Takes all text that has arrived at once, so that a paste costs one insertion instead of one for each byte. A
// character that has arrived in part is waited for: the terminal could not show it. Returns the byte behind the text, if
// that has arrived too.
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
            next = wait_for_byte();
        if (!is_text(*next))
            break;
        piece[count++] = static_cast<char>(*std::exchange(next, std::nullopt));
    }
    if (!searching_)
        insert({piece, count});
    else if (!search_.extend({piece, count}))
        bell();
    refresh();
    return next;
}

// A Tab in front of everything else is a question for all commands, unless a text with tabs is being pasted: then more
// comes at once. Nothing if it is a question.
std::optional<u8> LineEditor::type_pasted_tab() {
    std::optional<u8> next;
    (void)context_.loop.wait_until(event::Deadline::after(paste_gap), [&] {
        next = context_.console.read();
        return next.has_value();
    });
    if (next && !too_long_) {
        insert(" ");
        refresh();
    }
    return next;
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
    if (escape_ != Escape::None)
        escape(byte);
    else if (!searching_ || !search_key(byte))
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
    case escape_byte:
        escape_ = Escape::Started;
        return;
    default:
        return; // no key of ours
    }
}

void LineEditor::ordinary(u8 byte) {
    end_search();
    char text = static_cast<char>(byte);
    if (is_text(byte))
        insert({&text, 1});
    else
        control(byte);
}

// ESC [ parameters final, and ESC O final, as terminals send for the arrow and editing keys.
void LineEditor::escape(u8 byte) {
    Escape state = std::exchange(escape_, Escape::None);
    if (state == Escape::Started) {
        first_parameter_ = last_parameter_ = 0;
        is_first_ = true;
        if (byte == '[')
            escape_ = Escape::Sequence;
        else if (byte == 'O')
            escape_ = Escape::Single;
        else if (byte == escape_byte)
            escape_ = Escape::Started;
        else
            ordinary(byte); // a lone Escape means nothing
        return;
    }
    bool is_final = byte >= 0x40 && byte <= 0x7e;
    if (is_final)
        return final_of_sequence(byte);
    if (byte < ' ' || byte > 0x7e)
        return ordinary(byte); // not a sequence after all
    parameter(byte);
    escape_ = state;
}

// Numbers, separated by semicolons; the first and the last one are kept.
void LineEditor::parameter(u8 byte) {
    if (byte == ';') {
        is_first_ = false;
        last_parameter_ = 0;
    } else if (byte >= '0' && byte <= '9' && last_parameter_ < 1000) {
        last_parameter_ = static_cast<u16>(last_parameter_ * 10 + (byte - '0'));
        if (is_first_)
            first_parameter_ = last_parameter_;
    }
}

void LineEditor::final_of_sequence(u8 byte) {
    if (byte == 'R') // the display's question is answered: row, column
        return display_.take_width(last_parameter_);
    end_search();
    std::string_view text = line();
    switch (byte) {
    case 'A':
        return recall(true);
    case 'B':
        return recall(false);
    case 'C':
        cursor_ = character_after(text, cursor_);
        return;
    case 'D':
        cursor_ = character_before(text, cursor_);
        return;
    case 'H':
        cursor_ = 0;
        return;
    case 'F':
        cursor_ = length_;
        return;
    case '~':
        if (first_parameter_ == 1 || first_parameter_ == 7)
            cursor_ = 0;
        else if (first_parameter_ == 4 || first_parameter_ == 8)
            cursor_ = length_;
        else if (first_parameter_ == 3)
            erase(cursor_, character_after(text, cursor_));
        return;
    default:
        return;
    }
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
    case escape_byte: // the display's answer or a key that ends the search
        escape_ = Escape::Started;
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
