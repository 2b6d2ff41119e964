// SPDX-License-Identifier: Apache-2.0
#include "shell/variables/host_settings.h"

#include "base/parse.h"
#include "shell/arguments.h"
#include "shell/shell.h"
#include "shell/variables/variable_types.h"

namespace vireo::shell {

namespace {

// Of a script, too: what is larger can be loaded by it.
constexpr usize most_bytes = Environment::max_bytes;
constexpr usize most_complaints = 20;

// The host's file; nothing if there is none, or if it cannot be used, which a line has said.
std::optional<OwnedArray<char>> read_host_file(Context& context, std::string_view name) {
    if (!context.host_files)
        return std::nullopt;
    auto file = context.host_files->read(name, most_bytes);
    if (file)
        return std::move(*file);
    if (file.error().code == ErrorCode::TooLarge)
        print(context.console, "{}: larger than {} bytes: not used\n", name, most_bytes);
    else if (file.error().code != ErrorCode::NotFound)
        fail(context, name, file.error());
    return std::nullopt;
}

// Editors of other systems begin a text with U+FEFF; it belongs to no name.
std::string_view without_byte_order_mark(std::string_view text) {
    constexpr std::string_view mark = "\xef\xbb\xbf";
    return text.substr(text.starts_with(mark) ? mark.size() : 0);
}

// Cuts a text into lines; CR LF ends one like LF. A backslash at the very end lets the line go on in the next
// one, with the line end in between, as `env export -t` writes a value of several lines.
class Lines {
  public:
    explicit Lines(std::span<char> text) : text_(text) {}

    // The next line, put together in place; nothing behind the last one.
    std::optional<std::string_view> next() {
        if (at_ == text_.size())
            return std::nullopt;
        number_ = ++read_;
        char* line = text_.data() + at_;
        usize length = take(line);
        if (is_comment({line, length}))
            return std::string_view(line, length);
        while (length > 0 && line[length - 1] == '\\' && at_ < text_.size()) {
            line[length - 1] = '\n';
            ++read_;
            length += take(line + length);
        }
        return std::string_view(line, length);
    }
    // Where the line that next() gave begins, from 1 on.
    usize number() const { return number_; }

    static bool is_comment(std::string_view line) { return trim(line).starts_with('#'); }

  private:
    // Moves one line of the file to `target`, which is not behind it; its length.
    usize take(char* target) {
        std::string_view rest(text_.data() + at_, text_.size() - at_);
        usize end = std::min(rest.find('\n'), rest.size());
        at_ += std::min(end + 1, rest.size());
        if (end < rest.size() && end > 0 && rest[end - 1] == '\r')
            --end;
        std::memmove(target, rest.data(), end);
        return end;
    }

    std::span<char> text_;
    usize at_ = 0;
    usize read_ = 0;
    usize number_ = 0;
};

class HostEnvironment {
  public:
    HostEnvironment(Context& context, std::span<char> text) : context_(context), lines_(text) {}

    void set_all() {
        while (auto line = lines_.next())
            set(*line);
        Writer& out = context_.console;
        if (refused_ > most_complaints)
            print(out, "{}: {} more lines are wrong\n", host_environment, refused_ - most_complaints);
        print(out, "{}: {} variable{} set", host_environment, set_, set_ == 1 ? "" : "s");
        if (refused_ > 0)
            print(out, ", {} line{} not used", refused_, refused_ == 1 ? "" : "s");
        out.write("\n");
    }

  private:
    void set(std::string_view line) {
        if (trim(line).empty() || Lines::is_comment(line))
            return;
        if (line.contains('\0'))
            return refuse(line, "a zero byte");
        usize equals = line.find('=');
        if (equals == line.npos)
            return refuse(line, "no '='");
        std::string_view name = line.substr(0, equals);
        name.remove_prefix(std::min(name.find_first_not_of(" \t"), name.size())); // indented
        std::string_view value = line.substr(equals + 1);
        if (name.empty())
            return refuse(line, "no name before '='");
        if (bad_name_character(name) != 0)
            return refuse(line, "a name has no blanks and control characters");
        // The card's own address is there already; the host may give it another one.
        VariableFault fault = check_variable(context_.environment, context_.console, name, value);
        if (fault != VariableFault::None && fault != VariableFault::SetOnce) {
            StringBuffer<160> why;
            describe(why, fault, context_.console);
            return refuse(line, why.view());
        }
        if (value.empty()) {
            context_.environment.remove(name);
        } else if (auto done = context_.environment.set(name, value); !done) {
            return refuse(line, done.error().what);
        }
        ++set_;
    }

    void refuse(std::string_view line, std::string_view why) {
        if (++refused_ > most_complaints)
            return;
        constexpr usize most_shown = 40;
        Writer& out = context_.console;
        print(out, "{}:{}: {}: \"", host_environment, lines_.number(), why);
        print_untrusted(out, line.substr(0, most_shown));
        print(out, "\"{}\n", line.size() > most_shown ? "..." : "");
    }

    Context& context_;
    Lines lines_;
    usize set_ = 0;
    usize refused_ = 0;
};

} // namespace

void set_host_variables(Context& context) {
    auto file = read_host_file(context, host_environment);
    if (!file)
        return;
    usize mark = file->size() - without_byte_order_mark({file->data(), file->size()}).size();
    HostEnvironment(context, std::span(file->data(), file->size()).subspan(mark)).set_all();
    apply_console_variables(context.environment, context.console);
}

bool run_host_script(Context& context) {
    auto file = read_host_file(context, host_script);
    if (!file)
        return true;
    char* end = std::ranges::remove(*file, '\r').begin(); // line ends of other systems
    auto text = without_byte_order_mark({file->data(), static_cast<usize>(end - file->data())});
    if (text.contains('\0')) {
        print(context.console, "{}: a zero byte in it: not run\n", host_script);
        return true;
    }
    print(context.console, "## Executing script {}\n", host_script);
    int status = run_script(context, text);
    if (context.poller.was_interrupted())
        return false;
    if (status != status_ok)
        print(context.console, "{}: failed with status {}\n", host_script, status);
    return true;
}

} // namespace vireo::shell
