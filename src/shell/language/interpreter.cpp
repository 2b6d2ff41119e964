// SPDX-License-Identifier: Apache-2.0
#include "shell/language/interpreter.h"

#include "shell/context.h"

namespace vireo::shell {

static Error syntax_error(const char* what) { return error(ErrorCode::InvalidArgument, what); }
static Error more_wanted() { return error(ErrorCode::NotFound, "the text ends too early"); }

// The part of `name=value` before '=', or empty if the word is not an assignment.
static std::string_view assigned_name(std::string_view word) {
    usize equals = word.find('=');
    if (equals == std::string_view::npos || !is_identifier(word.substr(0, equals)))
        return {};
    return word.substr(0, equals);
}

// Both on the heap: `run` nests, and the stack of firmware is small.
Result<> Interpreter::check(std::string_view text) {
    auto interpreter = VIREO_TRY(make_owned<Interpreter>(nullptr, text, Expansion()));
    return interpreter->interpret();
}

Result<> Interpreter::run(Context& context, std::string_view text) {
    auto expansion = VIREO_TRY(Expansion::create());
    auto interpreter = VIREO_TRY(make_owned<Interpreter>(&context, text, std::move(expansion)));
    return interpreter->interpret();
}

bool Interpreter::enclosing_runs() const {
    return statements_.is_empty() ? context_ != nullptr : statements_[statements_.size() - 1].runs;
}

bool Interpreter::runs() const {
    if (!enclosing_runs())
        return false;
    if (connector_ == Connector::None)
        return true;
    return (context_->status == 0) == (connector_ == Connector::And);
}

bool Interpreter::stopped() const {
    return context_ != nullptr && (context_->exiting || context_->poller.was_interrupted());
}

void Interpreter::fail(const Error& why) {
    print(context_->console, "{}: {}\n", describe(why.code), why);
    context_->status = status_failed;
}

Result<> Interpreter::interpret() {
    while (!stopped()) {
        Token token = lexer_.next();
        switch (token.kind) {
        case Token::Kind::End:
            if (connector_ != Connector::None || !statements_.is_empty())
                return more_wanted();
            return {};
        case Token::Kind::Incomplete:
            return more_wanted();
        case Token::Kind::Forbidden:
            return syntax_error("'|', '&', '`' and '$(' are not supported; quote them");
        case Token::Kind::TooDeep:
            return syntax_error("'${{' stands inside too many of its kind");
        case Token::Kind::NewLine:
            after_command_ = false; // behind "&&" and "||" the command may follow on the next line
            break;
        case Token::Kind::Separator:
            after_command_ = false;
            connector_ = Connector::None;
            break;
        case Token::Kind::And:
        case Token::Kind::Or:
            connect(token.kind == Token::Kind::And ? Connector::And : Connector::Or);
            break;
        case Token::Kind::Word:
            if (after_command_)
                return syntax_error("';' is missing after 'fi' or 'done'");
            if (!VIREO_TRY(keyword(token.text)))
                VIREO_TRY(simple_command(token.text));
            break;
        }
    }
    return {};
}

// An operator without a command before it connects nothing, as in U-Boot: scripts have "; &&",
// and "&& ;" means ';'.
void Interpreter::connect(Connector connector) {
    if (std::exchange(after_command_, false))
        connector_ = connector;
}

// Handles a reserved word where a command may stand; false if it is none.
Result<bool> Interpreter::keyword(std::string_view word) {
    using Kind = Statement::Kind;
    if (word == "if")
        VIREO_TRY(begin(Kind::If));
    else if (word == "while")
        VIREO_TRY(begin(Kind::While));
    else if (word == "until")
        VIREO_TRY(begin(Kind::Until));
    else if (word == "for")
        VIREO_TRY(begin_for());
    else if (word == "do")
        VIREO_TRY(begin_body());
    else if (word == "done")
        VIREO_TRY(end_loop());
    else if (word == "then" || word == "elif" || word == "else" || word == "fi")
        VIREO_TRY(next_branch(word));
    else
        return false;
    return true;
}

Result<> Interpreter::begin(Statement::Kind kind) {
    bool run_it = runs();
    connector_ = Connector::None;
    if (!statements_.try_emplace_back(Statement{.kind = kind, .enclosing_runs = run_it, .runs = run_it}))
        return syntax_error("statements are nested too deeply");
    statements_.back().again = lexer_.position();
    return {};
}

// "for NAME in WORDS" up to the line end or ';'. The words are expanded once, here. As in U-Boot their quotes
// do not keep blanks together: what comes out is one text, which take_item splits.
Result<> Interpreter::begin_for() {
    VIREO_TRY(begin(Statement::Kind::For));
    Statement& loop = statements_.back();
    Token name = lexer_.next();
    Token in = lexer_.next();
    for (const Token& token : {name, in})
        if (token.kind == Token::Kind::End || token.kind == Token::Kind::Incomplete)
            return more_wanted();
    if (name.kind != Token::Kind::Word || !is_identifier(name.text) || in.kind != Token::Kind::Word ||
        in.text != "in")
        return syntax_error("'for' is written: for NAME in WORDS; do COMMANDS; done");
    loop.variable = name.text;
    expansion_.clear();
    for (;;) {
        Token token = lexer_.next();
        if (token.kind == Token::Kind::TooDeep)
            return syntax_error("'${{' stands inside too many of its kind");
        if (token.kind == Token::Kind::Separator || token.kind == Token::Kind::NewLine)
            break;
        if (token.kind == Token::Kind::End || token.kind == Token::Kind::Incomplete)
            return more_wanted();
        if (token.kind != Token::Kind::Word)
            return syntax_error("only words can follow 'for NAME in'");
        if (!loop.runs)
            continue;
        if (auto added = expansion_.add_text(*context_, token.text); !added) {
            fail(added.error());
            loop.runs = false;
        }
    }
    std::string_view text = expansion_.text();
    if (text.empty() || !loop.runs)
        return {};
    loop.items = VIREO_TRY(OwnedArray<char>::create(text.size()));
    std::memcpy(loop.items.data(), text.data(), text.size());
    return {};
}

bool Interpreter::take_item(Statement& loop) {
    constexpr std::string_view blanks = " \t\n";
    std::string_view text(loop.items.data(), loop.items.size());
    usize start = text.find_first_not_of(blanks, loop.next_item);
    if (start == std::string_view::npos)
        return false;
    loop.next_item = std::min(text.find_first_of(blanks, start), text.size());
    std::string_view item = text.substr(start, loop.next_item - start);
    if (auto set = context_->locals.store(loop.variable, item); !set) {
        fail(set.error());
        return false;
    }
    return true;
}

Result<> Interpreter::begin_body() {
    using Kind = Statement::Kind;
    if (statements_.is_empty() || statements_.back().kind == Kind::If ||
        statements_.back().part != Statement::Part::Condition)
        return syntax_error("'do' without 'for', 'while' or 'until'");
    Statement& loop = statements_.back();
    loop.part = Statement::Part::Body;
    if (loop.kind == Kind::For) {
        loop.again = lexer_.position();
        loop.runs = loop.runs && take_item(loop);
    } else if (loop.runs) {
        loop.runs = (context_->status == 0) == (loop.kind == Kind::While);
    }
    return {};
}

Result<> Interpreter::end_loop() {
    using Kind = Statement::Kind;
    if (statements_.is_empty() || statements_.back().kind == Kind::If ||
        statements_.back().part != Statement::Part::Body)
        return syntax_error("'done' without 'do'");
    Statement& loop = statements_.back();
    if (loop.runs) {
        loop.status = context_->status;
        bool again = loop.kind != Kind::For || take_item(loop);
        if (again && !context_->interrupted()) {
            if (loop.kind != Kind::For)
                loop.part = Statement::Part::Condition;
            lexer_.set_position(loop.again);
            return {};
        }
    }
    if (loop.enclosing_runs && loop.kind != Kind::For)
        context_->status = loop.status; // not that of the condition that ended it
    statements_.pop_back();
    after_command_ = true;
    return {};
}

Result<> Interpreter::next_branch(std::string_view word) {
    using Part = Statement::Part;
    if (statements_.is_empty() || statements_.back().kind != Statement::Kind::If)
        return syntax_error("'then', 'elif', 'else' or 'fi' without 'if'");
    Statement& branch = statements_.back();
    if ((word == "then") != (branch.part == Part::Condition) ||
        ((word[0] == 'e') && branch.part == Part::Else))
        return syntax_error("'if' is written: if COMMANDS; then COMMANDS; else COMMANDS; fi");
    if (word == "fi") {
        if (branch.enclosing_runs && !branch.branch_taken && branch.part != Part::Else)
            context_->status = status_ok;
        statements_.pop_back();
        after_command_ = true;
        return {};
    }
    if (word == "then") {
        branch.part = Part::Body;
        branch.runs = branch.runs && context_->status == 0;
        branch.branch_taken |= branch.runs;
    } else {
        branch.part = word == "elif" ? Part::Condition : Part::Else;
        branch.runs = branch.enclosing_runs && !branch.branch_taken;
    }
    return {};
}

// Never the environment, whose variables have checks and callers of their own; `$name` prefers
// it, as in U-Boot.
Result<> Interpreter::assign(std::string_view word) {
    std::string_view name = assigned_name(word);
    expansion_.clear();
    VIREO_TRY(expansion_.add_unsplit(*context_, word.substr(name.size() + 1)));
    auto stored = context_->locals.store(name, expansion_.words()[0]);
    expansion_.clear();
    return stored;
}

// The words of one command, up to what ends it; assignments before it come first and stay.
Result<> Interpreter::simple_command(std::string_view first) {
    bool run_it = runs();
    bool is_command = false;
    connector_ = Connector::None;
    after_command_ = true;
    Result<> expanded;
    expansion_.clear();
    std::string_view word = first;
    for (;;) {
        is_command = is_command || assigned_name(word).empty();
        if (run_it && expanded)
            expanded = is_command ? expansion_.add(*context_, word) : assign(word);
        usize after_word = lexer_.position();
        Token token = lexer_.next();
        if (token.kind != Token::Kind::Word) {
            lexer_.set_position(after_word); // the caller looks at it again
            break;
        }
        word = token.text;
    }
    if (!run_it)
        return {};
    if (!expanded)
        fail(expanded.error());
    else if (!is_command)
        context_->status = status_ok;
    else if (!expansion_.words().empty())
        context_->status = run_command(*context_, expansion_.words());
    return {};
}

} // namespace vireo::shell
