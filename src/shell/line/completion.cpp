// SPDX-License-Identifier: Apache-2.0
#include "shell/line/completion.h"

#include "base/parse.h"
#include "shell/language/expansion.h"
#include "shell/language/lexer.h"

namespace vireo::shell {

static bool takes_variable_names(std::string_view command) {
    constexpr std::string_view names[] = {"setenv", "printenv", "run", "showvar"};
    return std::ranges::find(names, command) != std::ranges::end(names);
}

// A word behind which a command stands.
static bool is_lead_in(std::string_view word) {
    constexpr std::string_view names[] = {"if", "then", "else", "elif", "while", "until", "do", "time"};
    return std::ranges::find(names, word) != std::ranges::end(names);
}

// The command that the cursor is in: behind the last separator that no quote hides, and behind lead-ins.
static std::string_view last_command(std::string_view text) {
    Lexer lexer(text);
    usize start = 0;
    bool is_first = true;
    for (Token token = lexer.next(); token.kind != Token::Kind::End && token.kind != Token::Kind::Incomplete;
         token = lexer.next()) {
        bool is_word = token.kind == Token::Kind::Word;
        if (!is_word || (is_first && is_lead_in(token.text) && lexer.position() < text.size())) {
            start = lexer.position();
            is_first = true;
        } else {
            is_first = false;
        }
    }
    return text.substr(start);
}

Completion::Completion(Context& context, std::string_view text) : context_(context) {
    text = last_command(text);
    if (find_files(text))
        return;
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
        command_ = find_command(name);
        if (rest.empty() && (name == "help" || name == "?"))
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
    } else if (kind_ == Kind::Subcommands && command_->has_interface) {
        for (std::string_view interface : context_.devices.block.interfaces())
            offer(interface);
    } else if (kind_ == Kind::Subcommands) {
        std::string_view rest = command_->subcommands;
        while (!rest.empty())
            offer(split_first(rest, ' '));
    }
}

// True if the end of the text is a path on a disk: then what there is has been found.
bool Completion::find_files(std::string_view text) {
    FixedVector<std::string_view, Expansion::max_words> words;
    Lexer lexer(text);
    Token token = lexer.next();
    for (; token.kind == Token::Kind::Word; token = lexer.next())
        if (!words.try_push_back(token.text))
            return false;
    char quote = 0;
    if (token.kind == Token::Kind::Incomplete) {
        quote = lexer.open_quote();
        if (quote == 0 || !words.try_push_back(token.text))
            return false;
    } else if (token.kind != Token::Kind::End) {
        return false;
    } else if (words.is_empty() || !text.ends_with(words.back())) {
        if (!words.try_push_back("")) // a new word
            return false;
    }
    const Command* command = words.is_empty() ? nullptr : find_command(words[0]);
    usize last = words.size() - 1;
    auto expansion = Expansion::create();
    if (!command || command->file_word == 0 || last != command->file_word || !expansion)
        return false;
    constexpr usize interface = 1;
    constexpr usize spec = 2;
    for (usize word : {interface, spec, last})
        if (!expansion->add_unsplit(context_, words[word]))
            return false;
    auto expanded = expansion->words();
    context_.poller.begin_command();
    files_ = FileCompletion::find(context_, expanded[0], expanded[1], expanded[2], quote);
    was_interrupted_ = context_.interrupted();
    context_.poller.end_command();
    if (files_ && !was_interrupted_) {
        matches_ = files_->matches();
        common_ = files_->common();
        closing_ = files_->closing();
    }
    return true;
}

void Completion::list() const {
    if (files_)
        return files_->list(context_);
    each([&](std::string_view name) { print(context_.console, "  {}\n", name); });
}

} // namespace vireo::shell
