// SPDX-License-Identifier: Apache-2.0
#include "shell/completion.h"

#include "base/parse.h"

namespace vireo::shell {

static bool takes_variable_names(std::string_view command) {
    constexpr std::string_view names[] = {"setenv", "printenv", "run", "showvar"};
    return std::ranges::find(names, command) != std::ranges::end(names);
}

Completion::Completion(const Context& context, std::string_view text) : context_(context) {
    // The command that the cursor is in: behind the last ';', '&' or '|'.
    if (usize end = text.find_last_of(";&|"); end != std::string_view::npos)
        text.remove_prefix(end + 1);
    usize blank = text.find_last_of(" \t\"");
    typed_ = text.substr(blank == std::string_view::npos ? 0 : blank + 1);
    std::string_view before = trim(text.substr(0, text.size() - typed_.size()));

    if (usize dollar = typed_.rfind('$'); dollar != std::string_view::npos) {
        kind_ = Kind::Variables;
        typed_.remove_prefix(dollar + 1);
        if (typed_.starts_with('{')) {
            typed_.remove_prefix(1);
            closing_ = "}";
        }
    } else if (before.empty()) {
        kind_ = Kind::Commands;
    } else {
        std::string_view rest = before;
        std::string_view name = split_first(rest, ' ');
        constexpr std::string_view lead_ins[] = {"if",    "then", "else", "elif", "while",
                                                 "until", "do",   "time", "help", "?"};
        command_ = find_command(name);
        if (rest.empty() && std::ranges::find(lead_ins, name) != std::ranges::end(lead_ins))
            kind_ = Kind::Commands;
        else if (takes_variable_names(name))
            kind_ = Kind::Variables;
        else if (rest.empty() && command_)
            kind_ = Kind::Subcommands;
    }

    each([&](std::string_view name) {
        if (matches_++ == 0)
            common_ = name;
        common_ =
            common_.substr(0, static_cast<usize>(std::ranges::mismatch(common_, name).in1 - common_.begin()));
    });
    common_.remove_prefix(matches_ == 0 ? 0 : typed_.size());
}

template <typename Visitor> void Completion::each(Visitor&& visitor) const {
    auto offer = [&](std::string_view name) {
        if (name.starts_with(typed_))
            visitor(name);
    };
    if (kind_ == Kind::Commands) {
        for (const Command* command = next_command(nullptr); command; command = next_command(command))
            offer(command->name);
    } else if (kind_ == Kind::Variables) {
        usize cursor = 0;
        while (auto variable = context_.environment.next(cursor))
            offer(variable->name);
        cursor = 0;
        while (auto variable = context_.locals.next(cursor))
            offer(variable->name);
    } else if (kind_ == Kind::Subcommands) {
        std::string_view rest = command_->subcommands;
        while (!rest.empty())
            offer(split_first(rest, ' '));
    }
}

void Completion::list(Writer& out) const {
    each([&](std::string_view name) { print(out, "  {}\n", name); });
}

} // namespace vireo::shell
