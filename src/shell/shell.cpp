// SPDX-License-Identifier: Apache-2.0
#include "shell/shell.h"

#include "autoconf.h"
#include "base/parse.h"
#include "event/bootstage.h"
#include "shell/autoboot.h"
#include "shell/language/interpreter.h"
#include "shell/line/line_editor.h"
#include "shell/variables/host_settings.h"

namespace vireo::shell {

ConsolePoller::ConsolePoller(system::Console& console, event::EventLoop& loop)
    : console_(console), loop_(loop) {
    loop_.add(*this);
}

ConsolePoller::~ConsolePoller() { event::EventLoop::remove(*this); }

bool ConsolePoller::poll() {
    console_.poll();
    return take_interrupt();
}

void ConsolePoller::glance() {
    console_.glance();
    (void)take_interrupt();
}

bool ConsolePoller::take_interrupt() {
    if (!console_.take_interrupt())
        return false;
    interrupted_ = report_ = true;
    loop_.request_interrupt();
    return true;
}

void ConsolePoller::begin_command() {
    (void)console_.take_interrupt();
    loop_.clear_interrupt();
    interrupted_ = report_ = false;
    console_.watch_interrupt(true);
}

void ConsolePoller::end_command() {
    console_.flush();
    console_.watch_interrupt(false);
    loop_.clear_interrupt();
}

Context::Context(const Services& services, bool may_exit_shell)
    : Services(services), poller(services.console, services.loop), may_exit(may_exit_shell) {
    set_default_variables(*this);
    // So that it is known whether all of that is still there when somebody wants to boot it.
    if (auto given = services.machine.given_kernel(); given && given->kernel.bytes != 0) {
        loaded.remember(given->kernel, false);
        if (given->initrd && given->initrd->bytes != 0)
            loaded.remember(*given->initrd, false);
    }
}

// The start and the end of what is run for nobody else's text: from the first Ctrl-C is for it, at the
// last the user is told.
static void enter(Context& context) {
    if (context.nesting++ == 0)
        context.poller.begin_command();
}

static void leave(Context& context) {
    if (--context.nesting != 0) {
        context.exiting = false; // `exit` left this text only
        return;
    }
    if (context.poller.was_interrupted())
        context.status = status_failed;
    if (context.poller.take_report()) // between two commands
        context.console.write("<INTERRUPT>\n");
    context.poller.end_command();
}

int run_script(Context& context, std::string_view text) {
    enter(context);
    run_line(context, text);
    leave(context);
    return context.status;
}

int run_line(Context& context, std::string_view text) {
    if (context.nesting == max_nesting) {
        context.console.write("'run' is nested too deeply\n");
        return context.status = status_failed;
    }
    enter(context);
    context.repeatable = nullptr;
    auto outcome = Interpreter::check(text); // so that nothing of a wrong line is run
    if (outcome)
        outcome = Interpreter::run(context, text);
    if (!outcome) {
        bool is_syntax = outcome.error().code != ErrorCode::NoMemory;
        print(context.console, "{}: {}\n", is_syntax ? "syntax error" : "out of memory", outcome.error());
        context.status = status_failed;
    }
    leave(context);
    return context.status;
}

namespace {

// The end of a paste may still be on its way: of the line that was cut nothing is taken for a line of its
// own. It is over when nothing more of it has come for a while, or with its end.
void outwait_cut_line(Context& context) {
    constexpr auto quiet = event::Duration::milli(100);
    system::Console& console = context.console;
    for (u64 before = ~u64{0}; console.is_cutting_line() && console.dropped() != before;) {
        before = console.dropped();
        (void)context.loop.sleep(quiet);
    }
    console.end_cut_line();
}

// Once for all that was dropped while commands ran.
void report_dropped_input(Context& context) {
    if (context.console.dropped() == 0)
        return;
    outwait_cut_line(context);
    print(context.console, "[{} bytes of input were dropped: {} KiB are kept while a command runs]\n",
          context.console.take_dropped(), system::Console::kept_bytes / 1024);
}

// The prompt: collects lines until they are whole, runs them.
class Prompt {
  public:
    explicit Prompt(Context& context) : context_(context), editor_(context) {}

    // One line, and what follows from it; false when the user leaves.
    bool step() {
        report_dropped_input(context_);
        switch (editor_.read(length_ == 0 ? CONFIG_PROMPT : "> ")) {
        case LineEditor::Ending::EndOfInput:
            return false;
        case LineEditor::Ending::Interrupted:
            length_ = 0;
            context_.status = status_failed;
            return true;
        case LineEditor::Ending::TooLong:
            return discard();
        case LineEditor::Ending::Line:
            break;
        }
        std::string_view line = editor_.line();
        editor_.history().add(line);
        if (length_ == 0 && trim(line).empty())
            repeat();
        else
            collect(line);
        return !context_.exiting;
    }

  private:
    bool discard() {
        print(context_.console, "line over {} bytes: discarded\n", LineEditor::max_line_bytes);
        context_.status = status_failed;
        length_ = 0;
        return true;
    }

    void collect(std::string_view line) {
        if (line.size() + 1 > sizeof(text_) - length_) {
            discard();
            return;
        }
        std::memcpy(text_ + length_, line.data(), line.size());
        length_ += line.size();
        auto whole = Interpreter::check({text_, length_});
        if (!whole && whole.error().code == ErrorCode::NotFound) {
            text_[length_++] = '\n'; // an open quote, statement or "&&": more lines belong to it
            return;
        }
        run_line(context_, {text_, std::exchange(length_, 0)});
    }

    void repeat() {
        const Command* command = context_.repeatable;
        if (!command)
            return;
        context_.poller.begin_command();
        context_.status = command->repeat(context_);
        if (context_.poller.take_report())
            context_.console.write("<INTERRUPT>\n");
        context_.poller.end_command();
    }

    Context& context_;
    LineEditor editor_;
    char text_[LineEditor::max_line_bytes + 1];
    usize length_ = 0;
};

} // namespace

int interact(Context& context) {
    event::end_of_start("main_loop");
    set_host_variables(context);
    if (run_host_script(context))
        autoboot(context);
    auto prompt = VIREO_MUST(make_owned<Prompt>(context)); // 40 KiB, at the start, with the heap still whole
    while (!context.exiting && prompt->step()) {
    }
    return context.status;
}

void run(Context& context) {
    for (;;)
        interact(context);
}

} // namespace vireo::shell
