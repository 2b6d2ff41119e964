// SPDX-License-Identifier: Apache-2.0
// TFTP servers whose block numbers go on with 1 after 65535.
#include "unit/net/protocol/tftp_fixture.h"

namespace vireo::test {
namespace {

// Blocks of 8 bytes as a server counts them that goes on with 1 after 65535, until block `last`.
class TftpFromOne : public Tftp {
  protected:
    static unsigned number_of(unsigned block) { return (block - 1) % 65535 + 1; }
    static std::string block_of(unsigned block) { return std::to_string(10'000'000 + block); }
    void begin(u16 window, std::string_view more = {}) {
        read({.block_bytes = 16, .window = window}, 8 * 140'000);
        answer(option_ack("blksize\0"
                          "8\0windowsize\0"s +
                          std::to_string(window) + "\0"s + std::string(more)));
        for (unsigned block = 1; block <= 65535; ++block)
            answer(data(block, block_of(block)));
        wire.take();
    }
    void go_on(unsigned first, unsigned last) {
        for (unsigned block = first; block <= last; ++block)
            answer(data(number_of(block), block_of(block)));
        answer(data(number_of(last + 1), "end"));
    }
    void expect_file(unsigned last) {
        ASSERT_EQ(session->state(), State::Done);
        std::string expected;
        for (unsigned block = 1; block <= last; ++block)
            expected += block_of(block);
        EXPECT_TRUE(content() == expected + "end");
    }
};

TEST_F(TftpFromOne, block_by_block_it_is_the_file) {
    begin(1);
    answer(data(1, block_of(65536)));
    EXPECT_EQ(wire.take(), Texts{ack(1)});
    go_on(65537, 131'072); // over the second end too
    EXPECT_EQ(wire.take().back(), ack(number_of(131'073)));
    expect_file(131'072);
}

TEST_F(TftpFromOne, in_windows_it_is_the_file_if_its_size_is_known) {
    begin(4, "tsize\0"s + std::to_string(8 * 66'000 + 3) + "\0"s);
    // 65533, 65534, 65535 and then 1: block 0 could be lost.
    for (int pass = 0; pass < 3; ++pass) {
        for (unsigned block = 65536; block < 65540; ++block)
            answer(data(number_of(block), block_of(block)));
        EXPECT_EQ(session->bytes(), 8u * 65535);
        EXPECT_EQ(wire.take(), Texts{ack(65535)});
    }
    go_on(65536, 66'000);
    expect_file(66'000);
}

TEST_F(TftpFromOne, in_windows_without_a_size_it_is_one_clear_error) {
    begin(4);
    for (int pass = 0; pass < 3; ++pass)
        for (unsigned block = 65536; block < 65540; ++block)
            answer(data(number_of(block), block_of(block)));
    EXPECT_EQ(session->state(), State::Running);
    wire.take();
    answer(data(1, block_of(65536)));
    expect_failure(Kind::Protocol);
    EXPECT_TRUE(std::string_view(session->failure().what).starts_with("block 1 after block 65535"));
    EXPECT_EQ(wire.take().size(), 1u);
}

// And a server that counts from 0, whose block 0 is lost three times.
TEST_F(TftpFromOne, a_block_0_that_was_lost_is_waited_for) {
    begin(4, "tsize\0"s + std::to_string(8 * 65'537 + 3) + "\0"s);
    for (int pass = 0; pass < 3; ++pass)
        answer(data(1, block_of(65537)));
    answer(data(0, block_of(65536)));
    answer(data(1, block_of(65537)));
    answer(data(2, "end"));
    expect_file(65'537);
}

// That the wrong guess was made shows in the size: a file without its block 65536 is no file.
TEST_F(TftpFromOne, a_wrong_guess_is_no_file) {
    begin(4, "tsize\0"s + std::to_string(8 * 65'537 + 3) + "\0"s);
    for (int pass = 0; pass < 4; ++pass)
        answer(data(1, block_of(65537)));
    answer(data(2, "end"));
    expect_failure(Kind::WrongSize);
}

} // namespace
} // namespace vireo::test
