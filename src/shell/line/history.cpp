// SPDX-License-Identifier: Apache-2.0
#include "shell/line/history.h"

#include "shell/line/character.h"

namespace vireo::shell {

void History::add(std::string_view line) {
    if (line.empty() || line.size() + 1 > max_bytes || line.find('\0') != std::string_view::npos ||
        this->line(1) == line)
        return;
    usize dropped = 0;
    while (used_ - dropped + line.size() + 1 > max_bytes)
        dropped += std::string_view(text_ + dropped).size() + 1;
    std::memmove(text_, text_ + dropped, used_ - dropped);
    used_ -= dropped;
    std::memcpy(text_ + used_, line.data(), line.size());
    text_[used_ + line.size()] = '\0';
    used_ += line.size() + 1;
}

std::optional<std::string_view> History::line(usize age) const {
    usize end = used_; // behind the zero of the line that is looked at
    for (; end > 0; --age) {
        usize start = end - 1;
        while (start > 0 && text_[start - 1] != '\0')
            --start;
        if (age == 1)
            return std::string_view(text_ + start, end - 1 - start);
        end = start;
    }
    return std::nullopt;
}

void HistorySearch::begin() { pattern_bytes_ = age_ = 0; }

bool HistorySearch::find(usize from) {
    for (usize age = from; auto line = history_.line(age); ++age) {
        if (line->find(pattern()) != std::string_view::npos) {
            age_ = age;
            return true;
        }
    }
    return false;
}

bool HistorySearch::extend(std::string_view text) {
    if (text.size() > sizeof(pattern_) - pattern_bytes_)
        return false;
    std::memcpy(pattern_ + pattern_bytes_, text.data(), text.size());
    pattern_bytes_ += text.size();
    return find(std::max<usize>(age_, 1));
}

bool HistorySearch::older() {
    usize before = age_;
    std::string_view shown = found();
    while (find(age_ + 1))
        if (found() != shown)
            return true;
    age_ = before;
    return false;
}

void HistorySearch::shorten() {
    pattern_bytes_ = character_before(pattern(), pattern_bytes_);
    if (pattern_bytes_ == 0 || !find(1))
        age_ = 0;
}

} // namespace vireo::shell
