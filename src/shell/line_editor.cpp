// SPDX-License-Identifier: Apache-2.0
#include "shell/line_editor.h"

#include "shell/completion.h"

namespace vireo::shell {

static constexpr u8 control_key(char letter) { return static_cast<u8>(letter - '@'); }
static constexpr u8 escape_byte = 0x1b;
static constexpr u8 delete_byte = 0x7f;

static bool is_text(u8 byte) { return byte >= ' ' && byte != delete_byte; }
static bool continues_character(char byte) { return (static_cast<u8>(byte) & 0xc0) == 0x80; }

// Places on the screen: every character counts as one, which is right for all but wide scripts.
static usize columns(std::string_view text) {
    return static_cast<usize>(std::ranges::count_if(text, [](char c) { return !continues_character(c); }));
}

static void write_repeated(Writer& out, char c, usize count) {
    char block[64];
    std::memset(block, c, sizeof(block));
    for (; count > sizeof(block); count -= sizeof(block))
        out.write({block, sizeof(block)});
    out.write({block, count});
}

LineEditor::Ending LineEditor::read(std::string_view prompt) {
    prompt_ = prompt;
    length_ = cursor_ = age_ = 0;
    too_long_ = false;
    escape_ = Escape::None;
    context_.console.write(prompt);
    std::optional<u8> pending;
    for (;;) {
        u8 byte = pending ? *pending : wait_for_byte();
        pending.reset();
        if (is_text(byte) && escape_ == Escape::None)
            pending = type_text(byte);
        else if (auto ending = key(byte))
            return *ending;
    }
}

// The prompt is the one place that waits without a deadline.
u8 LineEditor::wait_for_byte() {
    for (;;) {
        std::optional<u8> byte;
        auto waited = context_.loop.wait_until(event::Deadline::never(), [&] {
            byte = context_.console.read();
            return byte.has_value();
        });
        if (waited && byte)
            return *byte;
    }
}

// Takes all text that has arrived at once, so that a paste costs one insertion instead of one for each byte.
// Returns the byte behind it, if that has arrived too.
std::optional<u8> LineEditor::type_text(u8 first) {
    char piece[256] = {static_cast<char>(first)};
    usize count = 1;
    std::optional<u8> next;
    while (count < sizeof(piece) && (next = context_.console.read()) && is_text(*next)) {
        piece[count++] = static_cast<char>(*next);
        next.reset();
    }
    insert({piece, count});
    return next;
}

std::optional<LineEditor::Ending> LineEditor::key(u8 byte) {
    if (byte == '\n') {
        context_.console.write("\n");
        return too_long_ ? Ending::TooLong : Ending::Line;
    }
    if (byte == control_key('C')) {
        context_.console.write("<INTERRUPT>\n");
        return Ending::Interrupted;
    }
    if (byte == control_key('D') && length_ == 0 && context_.may_exit && !too_long_) {
        context_.console.write("\n");
        return Ending::EndOfInput;
    }
    if (too_long_)
        return std::nullopt;
    if (escape_ != Escape::None)
        escape(byte);
    else
        control(byte);
    return std::nullopt;
}

void LineEditor::control(u8 byte) {
    switch (byte) {
    case control_key('A'):
        return move_to(0);
    case control_key('E'):
        return move_to(length_);
    case control_key('B'):
        return move_to(before(cursor_));
    case control_key('F'):
        return move_to(after(cursor_));
    case control_key('D'):
        return erase(cursor_, after(cursor_));
    case control_key('H'):
    case delete_byte:
        return erase(before(cursor_), cursor_);
    case control_key('K'):
        return erase(cursor_, length_);
    case control_key('U'):
    case control_key('X'):
        return erase(0, length_);
    case control_key('W'):
        return erase(word_start(), cursor_);
    case control_key('P'):
        return recall(true);
    case control_key('N'):
        return recall(false);
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
        parameter_ = 0;
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
    if (byte >= '0' && byte <= '9')
        parameter_ = static_cast<u8>(parameter_ * 10 + (byte - '0'));
    escape_ = state;
}

void LineEditor::final_of_sequence(u8 byte) {
    switch (byte) {
    case 'A':
        return recall(true);
    case 'B':
        return recall(false);
    case 'C':
        return move_to(after(cursor_));
    case 'D':
        return move_to(before(cursor_));
    case 'H':
        return move_to(0);
    case 'F':
        return move_to(length_);
    case '~':
        if (parameter_ == 1 || parameter_ == 7)
            move_to(0);
        else if (parameter_ == 4 || parameter_ == 8)
            move_to(length_);
        else if (parameter_ == 3)
            erase(cursor_, after(cursor_));
        return;
    default:
        return;
    }
}

usize LineEditor::before(usize position) const {
    while (position > 0 && continues_character(text_[--position])) {
    }
    return position;
}

usize LineEditor::after(usize position) const {
    if (position < length_)
        ++position;
    while (position < length_ && continues_character(text_[position]))
        ++position;
    return position;
}

usize LineEditor::word_start() const {
    usize start = cursor_;
    while (start > 0 && text_[start - 1] == ' ')
        --start;
    while (start > 0 && text_[start - 1] != ' ')
        --start;
    return start;
}

void LineEditor::move_to(usize position) {
    if (position < cursor_)
        write_repeated(context_.console, '\b', columns({text_ + position, cursor_ - position}));
    else if (position > cursor_)
        context_.console.write({text_ + cursor_, position - cursor_});
    cursor_ = position;
}

// Shows the text from `start` on, where the screen's cursor is, and blanks for what was longer; then goes
// back to cursor_.
void LineEditor::write_tail(usize start, usize blanks_after) {
    context_.console.write({text_ + start, length_ - start});
    write_repeated(context_.console, ' ', blanks_after);
    write_repeated(context_.console, '\b', blanks_after + columns({text_ + cursor_, length_ - cursor_}));
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
    usize start = cursor_;
    cursor_ += text.size();
    write_tail(start, 0);
}

void LineEditor::erase(usize start, usize end) {
    if (start == end)
        return;
    usize gone = columns({text_ + start, end - start});
    move_to(start);
    std::memmove(text_ + start, text_ + end, length_ - end);
    length_ -= end - start;
    write_tail(start, gone);
}

void LineEditor::replace(std::string_view text) {
    move_to(0);
    usize old_columns = columns(line());
    length_ = cursor_ = std::min(text.size(), max_line_bytes);
    std::memcpy(text_, text.data(), length_);
    usize new_columns = columns(line());
    write_tail(0, old_columns > new_columns ? old_columns - new_columns : 0);
}

void LineEditor::recall(bool older) {
    if (!older && age_ == 0)
        return context_.console.write("\a");
    usize wanted = older ? age_ + 1 : age_ - 1;
    auto recalled = wanted == 0 ? std::string_view(draft_, draft_length_) : history_.line(wanted);
    if (!recalled)
        return context_.console.write("\a");
    if (age_ == 0) {
        std::memcpy(draft_, text_, length_);
        draft_length_ = length_;
    }
    age_ = wanted;
    replace(*recalled);
}

void LineEditor::complete() {
    Completion completion(context_, {text_, cursor_});
    if (completion.matches() == 0)
        return context_.console.write("\a");
    bool is_single = completion.matches() == 1;
    if (!completion.common().empty() || is_single) {
        insert(completion.common());
        if (is_single)
            insert(completion.closing());
        return;
    }
    move_to(length_);
    context_.console.write("\n");
    completion.list(context_.console);
    context_.console.write(prompt_);
    cursor_ = length_;
    context_.console.write(line());
}

} // namespace vireo::shell
