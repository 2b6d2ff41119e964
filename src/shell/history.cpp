// SPDX-License-Identifier: Apache-2.0
#include "shell/history.h"

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

} // namespace vireo::shell
