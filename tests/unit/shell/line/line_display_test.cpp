// SPDX-License-Identifier: Apache-2.0
// What a terminal of some width shows while a long line is edited.
#include "unit/shell/fixture.h"
#include "unit/shell/line/terminal.h"

#include <random>

namespace vireo::test {
namespace {

// What the line should be: characters, and the cursor between them.
struct Model {
    std::vector<std::string> characters;
    size_t cursor = 0;

    void key(const std::string& bytes) {
        if (bytes == "\x1b[D")
            cursor -= cursor > 0 ? 1 : 0;
        else if (bytes == "\x1b[C")
            cursor += cursor < characters.size() ? 1 : 0;
        else if (bytes == "\x01")
            cursor = 0;
        else if (bytes == "\x05")
            cursor = characters.size();
        else if (bytes == "\x7f") {
            if (cursor > 0)
                characters.erase(characters.begin() + static_cast<long>(--cursor));
        } else if (bytes == "\x1b[3~") {
            if (cursor < characters.size())
                characters.erase(characters.begin() + static_cast<long>(cursor));
        } else if (bytes == "\x0b")
            characters.resize(cursor);
        else
            for (size_t i = 0; i < bytes.size();) {
                size_t length = static_cast<unsigned char>(bytes[i]) < 0x80   ? 1
                                : static_cast<unsigned char>(bytes[i]) < 0xe0 ? 2
                                : static_cast<unsigned char>(bytes[i]) < 0xf0 ? 3
                                                                              : 4;
                characters.insert(characters.begin() + static_cast<long>(cursor++), bytes.substr(i, length));
                i += length;
            }
    }

    // The rows that a terminal should show, and where its cursor is.
    struct Screen {
        std::string text;
        unsigned row = 0;
        unsigned column = 0;
    };
    Screen on(unsigned width) const {
        Screen screen;
        std::string line = "=> ";
        unsigned row = 0;
        unsigned column = 3;
        auto wrap = [&] {
            line.erase(line.find_last_not_of(' ') + 1);
            screen.text += line + "\n";
            line.clear();
            ++row;
            column = 0;
        };
        for (size_t i = 0; i <= characters.size(); ++i) {
            unsigned own = i < characters.size() ? Terminal::width_of(characters[i]) : 0;
            bool is_at_margin = column == width;
            if (is_at_margin || (own > 0 && column + own > width)) {
                if (i == cursor && !is_at_margin) { // in the last column, before a wide one
                    screen.row = row;
                    screen.column = column;
                }
                bool is_set = i == cursor && !is_at_margin;
                wrap();
                if (i == cursor && !is_set)
                    screen.row = row, screen.column = column;
            } else if (i == cursor) {
                screen.row = row;
                screen.column = column;
            }
            if (i < characters.size())
                line += characters[i];
            column += own;
        }
        line.erase(line.find_last_not_of(' ') + 1);
        screen.text += line + "\n";
        return screen;
    }
};

class LineDisplay : public ShellTest {
  protected:
    void attach(Terminal& terminal) {
        port.on_send = [&terminal](std::string_view bytes) { terminal.take(bytes); };
        terminal.answer = [this](std::string bytes) {
            port.type_later(event::Duration::milli(answer_after), std::move(bytes));
        };
    }
    // Each key some time after the one before; `check` looks when all has settled.
    void later(std::string keys, std::function<void()> check = {}) {
        at_ += 500;
        port.type_later(event::Duration::milli(at_), std::move(keys));
        if (check)
            hosted::schedule((at_ + 450) * hosted::millisecond, std::move(check));
    }
    void run_all() {
        later("\x03");
        later("\x04");
        shell::interact(*context);
        context->exiting = false;
        port.on_send = nullptr;
        at_ = 0;
    }
    u64 answer_after = 2;

  private:
    u64 at_ = 0;
};

std::string words(unsigned count) {
    std::string text = "echo";
    for (unsigned i = 0; i < count; ++i)
        text += " word" + std::to_string(i);
    return text;
}

void expect_shows(const Terminal& terminal, unsigned top, const Model& model, unsigned width,
                  const std::string& what) {
    auto wanted = model.on(width);
    std::string shown = terminal.text_from(top);
    // A row that was made for the cursor and is not needed any more may stay, empty.
    while (shown.size() > wanted.text.size() && shown.ends_with("\n\n"))
        shown.pop_back();
    EXPECT_EQ(shown, wanted.text) << what;
    EXPECT_EQ(terminal.row() - top, wanted.row) << what;
    EXPECT_EQ(terminal.column(), wanted.column) << what;
}

TEST_F(LineDisplay, editing_a_line_of_many_rows_shows_what_it_is) {
    for (unsigned width : {20, 33, 80}) {
        Terminal terminal(width);
        attach(terminal);
        Model model;
        auto key = [&](const std::string& bytes) {
            later(bytes, [&, bytes, width] {
                model.key(bytes);
                expect_shows(terminal, 0, model, width, "after " + bytes);
            });
        };
        key(words(20));
        for (const char* bytes : {"\x7f", "\x1b[D", "\x1b[D", "x", "\x01", "A", "\x1b[3~", "\x05", "end",
                                  "\x01", "\x1b[C", "\x0b"})
            key(bytes);
        run_all();
        EXPECT_GE(terminal.questions, 1u);
    }
}

TEST_F(LineDisplay, random_keys_on_random_widths) {
    const std::string keys[] = {"a",
                                "bc",
                                "some words",
                                "\xc3\xa9",
                                "\xe4\xb8\x96",
                                "\xf0\x9f\x98\x80",
                                "\x1b[D",
                                "\x1b[D",
                                "\x1b[C",
                                "\x01",
                                "\x05",
                                "\x7f",
                                "\x7f",
                                "\x1b[3~",
                                "\x0b",
                                "0123456789012345678901234567890123"};
    for (unsigned seed = 0; seed < 30; ++seed) {
        std::mt19937 random(seed);
        unsigned width = 41 + random() % 50;
        Terminal terminal(width);
        attach(terminal);
        Model model;
        for (int i = 0; i < 60; ++i) {
            std::string bytes = keys[random() % std::size(keys)];
            later(bytes, [&, bytes, width, seed, i] {
                model.key(bytes);
                if (!testing::Test::HasFailure())
                    expect_shows(terminal, 0, model, width,
                                 "seed " + std::to_string(seed) + " key " + std::to_string(i) + ": " + bytes);
            });
        }
        run_all();
        if (HasFailure())
            return;
    }
}

TEST_F(LineDisplay, a_window_of_another_size_gets_the_line_anew) {
    Terminal terminal(60);
    attach(terminal);
    Model model;
    std::string text = words(12);
    model.key(text);
    model.key("\x7f");
    later(text);
    later("\x7f", [&] { expect_shows(terminal, 0, model, 60, "before"); });
    later("", [&] { terminal.resize(35); });
    later("");
    later("\x1b[D", [&] {
        model.key("\x1b[D");
        std::string all = terminal.text_from(0);
        unsigned top = static_cast<unsigned>(
            std::count(all.begin(), all.begin() + static_cast<long>(all.rfind("=> ")), '\n'));
        EXPECT_GT(top, 0u);
        expect_shows(terminal, top, model, 35, "after");
    });
    later("\x0c", [&] { expect_shows(terminal, 0, model, 35, "Ctrl-L"); });
    run_all();
}

TEST_F(LineDisplay, enter_in_the_middle_prints_below_the_line) {
    Terminal terminal(50);
    attach(terminal);
    later(words(20));
    later("\x01");
    later("\r", [&] {
        std::string text = terminal.text_from(0);
        EXPECT_NE(text.find("word19\nword0 word1"), text.npos) << text;
    });
    run_all();
}

TEST_F(LineDisplay, typing_and_short_lines_ask_nothing) {
    Terminal terminal(80);
    attach(terminal);
    later(std::string(1000, 'x'));
    later("\x03");
    later("echo short\x01\x1b[C\x7f\x05\x15");
    run_all();
    EXPECT_EQ(terminal.questions, 0u);
}

TEST_F(LineDisplay, who_does_not_answer_is_asked_once_a_line_and_waited_for_briefly) {
    std::string text = "echo " + std::string(60, 'x');
    port.take_output();
    port.type_later(event::Duration::milli(100), text + "\x7f");
    port.type_later(event::Duration::milli(150), "\x7f");
    port.type_later(event::Duration::milli(1000), "\x7f");
    port.type_later(event::Duration::milli(3000), "\x7f\r\x04");
    shell::interact(*context);
    context->exiting = false;
    std::string shown = port.take_output();
    std::string question = "\x1b"
                           "7\x1b[999C\x1b[6n\x1b"
                           "8";
    EXPECT_EQ(shown.substr(0, shown.find("\r\n")),
              "=> " + text + question + "\b\b  \b\b" + "\b \b" + "\b \b");
}

TEST_F(LineDisplay, an_answer_that_comes_late_or_unasked_or_is_nonsense_does_no_harm) {
    EXPECT_EQ(lines(type("echo a\x1b[5;80R\x1b[1;1R\x1b[R\x1b[99999;99999Rb\r")), "=> echo ab\nab\n=> \n");
    Terminal terminal(50);
    attach(terminal);
    answer_after = 400; // when nobody waits any more
    Model model;
    model.key(words(15));
    model.key("\x7f");
    later(words(15));
    later("\x7f");
    later("\x1b[D", [&] {
        model.key("\x1b[D");
        EXPECT_EQ(terminal.questions, 1u);
    });
    run_all();
}

TEST_F(LineDisplay, keys_do_not_wait_for_the_answer) {
    Terminal terminal(50);
    attach(terminal);
    answer_after = 100;
    later(words(15) + "\x7f\x7f\x1b[D\x1b[DX\x01setenv typed \r");
    run_all();
    EXPECT_EQ(run("echo $typed"),
              "echo word0 word1 word2 word3 word4 word5 word6 word7 word8 word9 word10 word11 word12 "
              "word13 woXrd\n");
}

} // namespace
} // namespace vireo::test
