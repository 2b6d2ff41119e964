// SPDX-License-Identifier: Apache-2.0
#include "shell/variables/environment.h"

#include "base/format.h"

namespace vireo::shell {

char bad_name_character(std::string_view name) {
    for (char c : name)
        if (c == '=' || static_cast<u8>(c) <= ' ' || c == 0x7f)
            return c;
    return 0;
}

usize Environment::locate(std::string_view name, bool& found) const {
    found = false;
    usize cursor = 0;
    for (usize start = 0; auto variable = next(cursor); start = cursor) {
        auto order = variable->name <=> name;
        if (order >= 0) {
            found = order == 0;
            return start;
        }
    }
    return used_;
}

std::optional<Environment::Variable> Environment::next(usize& cursor) const {
    if (cursor >= used_)
        return std::nullopt;
    std::string_view entry(text_.data() + cursor); // up to its zero
    cursor += entry.size() + 1;
    usize equals = entry.find('=');
    return Variable{entry.substr(0, equals), entry.substr(equals + 1)};
}

std::optional<std::string_view> Environment::get(std::string_view name) const {
    bool found;
    usize at = locate(name, found);
    if (!found)
        return std::nullopt;
    return next(at)->value;
}

bool Environment::remove(std::string_view name) {
    bool found;
    usize start = locate(name, found);
    if (!found)
        return false;
    usize end = start;
    next(end);
    std::memmove(text_.data() + start, text_.data() + end, used_ - end);
    used_ -= end - start;
    return true;
}

Result<> Environment::set(std::string_view name, std::string_view value) {
    if (!value.empty())
        return store(name, value);
    remove(name);
    return {};
}

Result<> Environment::store(std::string_view name, std::string_view value) {
    if (name.empty() || bad_name_character(name) != 0)
        return error(ErrorCode::InvalidArgument, "not a variable name");
    if (value.find('\0') != std::string_view::npos)
        return error(ErrorCode::InvalidArgument, "zero byte in a value");
    bool found;
    usize start = locate(name, found);
    usize old_bytes = found ? std::string_view(text_.data() + start).size() + 1 : 0;
    usize new_bytes = name.size() + value.size() + 2;
    if (new_bytes > max_bytes || used_ - old_bytes + new_bytes + 1 > max_bytes)
        return error(ErrorCode::TooLarge, "no room for the variable");
    VIREO_TRY(reserve(used_ - old_bytes + new_bytes));
    char* entry = text_.data() + start;
    std::memmove(entry + new_bytes, entry + old_bytes, used_ - start - old_bytes);
    std::memcpy(entry, name.data(), name.size());
    entry[name.size()] = '=';
    std::memcpy(entry + name.size() + 1, value.data(), value.size());
    entry[new_bytes - 1] = '\0';
    used_ = used_ - old_bytes + new_bytes;
    return {};
}

Result<> Environment::set_hex(std::string_view name, u64 value) {
    StringBuffer<16> text;
    print(text, "{:x}", value);
    return set(name, text.view());
}

Result<> Environment::reserve(usize bytes) {
    if (bytes <= text_.size())
        return {};
    // Doubling, so that filling the environment moves each byte a few times at most.
    usize size = std::min(std::max<usize>(bytes, std::max<usize>(4096, text_.size() * 2)), max_bytes);
    auto grown = VIREO_TRY(OwnedArray<char>::create(size));
    if (used_ > 0)
        std::memcpy(grown.data(), text_.data(), used_);
    text_ = std::move(grown);
    return {};
}

} // namespace vireo::shell
