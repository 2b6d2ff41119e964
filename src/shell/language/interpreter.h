// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "shell/language/expansion.h"
#include "shell/language/lexer.h"

namespace vireo::shell {

struct Context;

// Runs shell text: commands joined by ';', line ends, "&&" and "||"; if/then/elif/else/fi, while, until and
// for; `name=value`, alone or before a command. It works through the text from left to right with a bounded
// stack of open statements; a loop jumps back in the text, and a branch that is not taken is read without
// being run. There is no recursion.
class Interpreter {
  public:
    static constexpr usize max_depth = 16; // open statements

    // Whether the text is whole; runs nothing. InvalidArgument says what is wrong, NotFound that more text is
    // needed.
    static Result<> check(std::string_view text);

    // Runs text that `check` has accepted; the status is context.status. Ends early at Ctrl-C and when
    // context.exiting is set. What commands print has been printed; the error (NoMemory) has not.
    static Result<> run(Context& context, std::string_view text);

    // For `check` (no context, an empty expansion) and `run`.
    Interpreter(Context* context, std::string_view text, Expansion expansion)
        : context_(context), lexer_(text), expansion_(std::move(expansion)) {}

  private:
    struct Statement {
        enum class Kind : u8 { If, While, Until, For };
        enum class Part : u8 { Condition, Body, Else };
        Kind kind;
        Part part = Part::Condition;
        bool enclosing_runs;         // the code around it runs
        bool runs;                   // this part runs
        bool branch_taken = false;   // if: some branch ran
        usize again = 0;             // loops: where the next round starts in the text
        int status = 0;              // loops: of the last round
        std::string_view variable{}; // for: its name,
        OwnedArray<char> items{};    // and its words with blanks between them
        usize next_item = 0;
    };
    enum class Connector : u8 { None, And, Or };

    Result<> interpret();
    Result<bool> keyword(std::string_view word);
    Result<> begin(Statement::Kind kind);
    Result<> begin_for();
    Result<> begin_body();
    Result<> end_loop();
    Result<> next_branch(std::string_view word);
    Result<> simple_command(std::string_view first);
    Result<> assign(std::string_view word);
    void connect(Connector connector);
    bool take_item(Statement& loop);

    // True if what comes now is to be run, connectors aside.
    bool enclosing_runs() const;
    bool runs() const;
    bool stopped() const;
    void fail(const Error& why);

    Context* context_; // null: check only
    Lexer lexer_;
    Expansion expansion_;
    FixedVector<Statement, max_depth> statements_;
    Connector connector_ = Connector::None;
    bool after_command_ = false; // something ended that "&&", "||" or ';' can follow
};

} // namespace vireo::shell
