// SPDX-License-Identifier: Apache-2.0
// Every format: whole, in pieces, cut, broken, too large, several behind each other.
#include "unpack/unpacker.h"

#include "base/endian.h"
#include "unit/support/error_text.h"
#include "unit/support/wrapped.h"
#include "unit/unpack/samples.h"
#include "unpack/work_memory.h"

#include <gtest/gtest.h>

namespace vireo::test {
namespace {

using unpack::Format;
using unpack::Unpacker;

struct Sample {
    const char* name;
    Format format;
    std::string_view file;
    bool has_checksum = true; // of all that was packed
    std::optional<u64> declared{};
};

const u64 text_bytes = samples::text().size();

const Sample all_samples[] = {
    {"Gzip", Format::Gzip, samples::gzip, true, text_bytes},
    {"Bzip2", Format::Bzip2, samples::bzip2},
    {"Xz", Format::Xz, samples::xz, true, text_bytes},
    {"XzSha256", Format::Xz, samples::xz_sha256, true, text_bytes},
    {"Lzma", Format::Lzma, samples::lzma, false},
    {"Lz4", Format::Lz4, samples::lz4, true, text_bytes},
    {"Lz4BlockChecksums", Format::Lz4, samples::lz4_block_checksums},
    {"Lz4Legacy", Format::Lz4Legacy, samples::lz4_legacy, false},
    {"Zstd", Format::Zstd, samples::zstd, true, text_bytes},
    {"ZstdStream", Format::Zstd, samples::zstd_stream, false},
};

// What came out, and how it ended. Bytes behind the room stay as they are.
struct Outcome {
    std::string text;
    std::optional<Error> why{};
};

Outcome unpack_all(Format format, const Octets& file, usize room, usize piece = 1 << 20,
                   MutableBytes lent = {}) {
    constexpr usize guard = 64;
    Octets output(room + guard, std::byte{0xa5});
    auto unpacker = Unpacker::create(format, MutableBytes(output).first(room), lent);
    if (!unpacker)
        return {.text = "", .why = unpacker.error()};
    Outcome outcome;
    for (usize at = 0; at < file.size() && !outcome.why; at += piece) {
        auto fed = unpacker->feed(Bytes(file).subspan(at, std::min(piece, file.size() - at)));
        if (!fed)
            outcome.why = fed.error();
    }
    if (!outcome.why) {
        auto finished = unpacker->finish();
        if (!finished)
            outcome.why = finished.error();
        else
            EXPECT_EQ(*finished, unpacker->written());
    }
    EXPECT_LE(unpacker->written(), room);
    for (usize i = room; i < output.size(); ++i)
        EXPECT_EQ(output[i], std::byte{0xa5});
    outcome.text.assign(reinterpret_cast<const char*>(output.data()), unpacker->written());
    return outcome;
}

Octets joined(std::initializer_list<Octets> parts) {
    Octets all;
    for (const Octets& part : parts)
        all.insert(all.end(), part.begin(), part.end());
    return all;
}

Octets octets(std::string_view text) {
    Bytes bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

class Unpack : public ::testing::TestWithParam<Sample> {
  protected:
    Format format = GetParam().format;
    Octets file = samples::bytes(GetParam().file);
    std::string text = samples::text();
};
INSTANTIATE_TEST_SUITE_P(, Unpack, ::testing::ValuesIn(all_samples),
                         [](const auto& row) { return row.param.name; });

TEST_P(Unpack, in_pieces_of_any_size) {
    for (usize piece : {1, 2, 7, 64, 100'000}) {
        auto outcome = unpack_all(format, file, text.size(), piece);
        EXPECT_FALSE(outcome.why) << piece;
        EXPECT_EQ(outcome.text, text) << piece;
    }
    EXPECT_EQ(unpack_all(format, file, text.size() + 100'000).text, text);
}

TEST_P(Unpack, a_byte_too_little_room) {
    for (usize piece : {1, 100'000}) {
        auto outcome = unpack_all(format, file, text.size() - 1, piece);
        ASSERT_TRUE(outcome.why);
        EXPECT_EQ(outcome.why->code, ErrorCode::TooLarge);
        EXPECT_TRUE(text.starts_with(outcome.text));
    }
    EXPECT_EQ(unpack_all(format, file, 0).why.value().code, ErrorCode::TooLarge);
}

TEST_P(Unpack, cut_anywhere) {
    for (usize bytes = 0; bytes < file.size(); ++bytes) {
        auto outcome = unpack_all(format, {file.begin(), file.begin() + static_cast<std::ptrdiff_t>(bytes)},
                                  text.size());
        ASSERT_TRUE(outcome.why) << bytes;
        EXPECT_EQ(outcome.why->code, ErrorCode::Corrupt) << bytes;
        EXPECT_TRUE(text.starts_with(outcome.text)) << bytes;
    }
}

TEST_P(Unpack, any_bit_wrong) {
    for (usize bit = 0; bit < file.size() * 8; ++bit) {
        Octets broken = file;
        broken[bit / 8] ^= std::byte{static_cast<u8>(1 << bit % 8)};
        auto outcome = unpack_all(format, broken, text.size() + 4096);
        if (GetParam().has_checksum && !outcome.why)
            EXPECT_EQ(outcome.text, text) << "bit " << bit;
    }
}

TEST_P(Unpack, several_and_what_is_none) {
    bool has_members = format != Format::Lzma;
    Octets twice = joined({file, file});
    for (usize piece : {1, 5, 100'000}) {
        auto outcome = unpack_all(format, twice, 2 * text.size(), piece);
        EXPECT_FALSE(outcome.why);
        EXPECT_EQ(outcome.text, has_members ? text + text : text);
    }
    if (format == Format::Lz4Legacy)
        return; // its end is the file's
    for (std::string_view rest :
         {"x", "another file, not of this kind", "\x1f", "\xfd\x37zX", "\x04\x22\x4d"}) {
        for (usize piece : {1, 100'000})
            EXPECT_EQ(unpack_all(format, joined({file, octets(rest)}), text.size(), piece).text, text);
        EXPECT_FALSE(unpack_all(format, joined({file, octets(rest)}), text.size()).why);
    }
    if (has_members) {
        Octets half(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(file.size() / 2));
        EXPECT_TRUE(unpack_all(format, joined({file, half}), 2 * text.size()).why);
    }
}

TEST_P(Unpack, how_large_it_says_that_it_is) {
    EXPECT_EQ(unpack::declared_bytes(format, file), GetParam().declared);
    for (usize bytes = 0; bytes < file.size(); ++bytes) // any answer, from nowhere else
        (void)unpack::declared_bytes(format,
                                     Octets(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(bytes)));
}

TEST_P(Unpack, memory_that_was_lent) {
    Octets lent(16 << 20);
    EXPECT_EQ(unpack_all(format, file, text.size(), 100, lent).text, text);
    EXPECT_EQ(unpack_all(format, file, text.size(), 100, MutableBytes(lent).first(100'000)).text, text);
}

TEST(Unpacker, has_ended_behind_a_member) {
    Octets file = samples::bytes(samples::gzip);
    Octets output(10'000);
    auto unpacker = VIREO_MUST(Unpacker::create(Format::Gzip, output));
    EXPECT_FALSE(unpacker.has_ended());
    EXPECT_TRUE(unpacker.feed(Bytes(file).first(file.size() - 1)));
    EXPECT_FALSE(unpacker.has_ended());
    EXPECT_TRUE(unpacker.feed(Bytes(file).last(1)));
    EXPECT_TRUE(unpacker.has_ended());
    EXPECT_TRUE(unpacker.feed(Bytes(file).first(3)));
    EXPECT_FALSE(unpacker.has_ended());
}

TEST(Unpacker, words_of_errors) {
    Octets file = samples::bytes(samples::gzip);
    auto words = [&](const Octets& bytes, usize room) {
        return text_of(unpack_all(Format::Gzip, bytes, room).why.value());
    };
    EXPECT_EQ(words(file, 1024), "unpacked it has more than 1 KiB");
    EXPECT_EQ(words({file.begin(), file.end() - 1}, 9999),
              "it ends after 0 KiB, in the middle of packed data");
    Octets broken = file;
    broken[file.size() - 5] ^= std::byte{1};
    EXPECT_EQ(words(broken, 9999), "the checksum of what was packed");
    broken = file;
    broken[0] = std::byte{0};
    EXPECT_EQ(words(broken, 9999), "packed data, 0 KiB into the file");
}

// RFC 8878, 3.1.1.1.2: a window of 128 MiB is the largest that is taken, and nothing is allocated for it.
TEST(Unpacker, zstd_windows) {
    auto with_window = [](u8 log) {
        // Magic, a frame of unknown size with such a window, one last raw block of a byte.
        return joined({octets("\x28\xb5\x2f\xfd"),
                       {std::byte{0}},
                       {static_cast<std::byte>((log - 10) << 3)},
                       {std::byte{9}, std::byte{0}, std::byte{0}, std::byte{'x'}}});
    };
    EXPECT_EQ(unpack_all(Format::Zstd, with_window(27), 1).text, "x");
    auto outcome = unpack_all(Format::Zstd, with_window(28), 1);
    EXPECT_EQ(text_of(outcome.why.value()), "a rare feature of its packed form");
}

TEST(Unpacker, frames_without_data) {
    for (auto [format, file] :
         {std::pair(Format::Zstd, samples::zstd), std::pair(Format::Lz4, samples::lz4)}) {
        Octets skipped = joined({octets("\x5e\x2a\x4d\x18\x03"), Octets(3), octets("abc")});
        Octets all = joined({skipped, samples::bytes(file), skipped, samples::bytes(file), skipped});
        for (usize piece : {1, 100'000})
            EXPECT_EQ(unpack_all(format, all, 10'000, piece).text, samples::text() + samples::text());
    }
}

TEST(Unpacker, xz_streams_are_padded_with_zeros) {
    Octets file = samples::bytes(samples::xz);
    EXPECT_EQ(unpack_all(Format::Xz, joined({file, Octets(8), file, Octets(4)}), 10'000).text,
              samples::text() + samples::text());
    EXPECT_EQ(unpack::declared_bytes(Format::Xz, joined({file, Octets(8)})), text_bytes);
}

// As Linux's build does for some architectures.
TEST(Unpacker, lz4_of_old_with_its_size_behind_it) {
    Octets file = samples::bytes(samples::lz4_legacy);
    for (u32 size : {1290u, 8'421'505u, 0x2010000u}) { // less and more than a block can have
        Le<u32> tail(size);
        Bytes bytes = std::as_bytes(std::span(&tail, 1));
        EXPECT_EQ(unpack_all(Format::Lz4Legacy, joined({file, {bytes.begin(), bytes.end()}}), 10'000).text,
                  samples::text());
    }
    EXPECT_TRUE(unpack_all(Format::Lz4Legacy, joined({file, Octets(3, std::byte{1})}), 10'000).why);
    EXPECT_TRUE(unpack_all(Format::Lz4Legacy, octets("\x02\x21\x4c\x18"), 10'000).why) << "no block at all";
}

// Debian's lzma with a dictionary of 4 GiB less a byte, which nobody has.
TEST(Unpacker, more_memory_than_there_is) {
    Octets file = samples::bytes(samples::lzma);
    for (usize i = 1; i < 5; ++i)
        file[i] = std::byte{0xff};
    EXPECT_EQ(unpack_all(Format::Lzma, file, 10'000).why.value().code, ErrorCode::NoMemory);
}

// With an end mark, too, which liblzma takes for an error if the file is cut in the middle of it.
TEST(Unpacker, lzma_of_known_size) {
    Octets file = samples::bytes(samples::lzma_of_known_size);
    EXPECT_EQ(unpack::declared_bytes(Format::Lzma, file), text_bytes);
    EXPECT_EQ(unpack_all(Format::Lzma, file, text_bytes).text, samples::text());
    EXPECT_EQ(unpack_all(Format::Lzma, file, text_bytes - 1).why.value().code, ErrorCode::TooLarge);
}

TEST(UnpackMemory, is_bounded) {
    unpack::WorkMemory memory({});
    void* most = memory.allocate(unpack::WorkMemory::most_from_heap - 16);
    EXPECT_NE(most, nullptr);
    EXPECT_EQ(memory.allocate(1), nullptr);
    memory.release(most);
    EXPECT_EQ(memory.allocate(unpack::WorkMemory::most_from_heap - 15), nullptr);
    EXPECT_EQ(memory.allocate(~usize{0}), nullptr);
    void* one = memory.allocate(1);
    EXPECT_NE(one, nullptr);
    memory.release(one);
    memory.release(nullptr);
}

TEST(UnpackMemory, large_blocks_come_from_what_was_lent) {
    Octets lent(1 << 20);
    unpack::WorkMemory memory(lent);
    auto is_lent = [&](void* block) {
        auto* at = static_cast<std::byte*>(block);
        return at >= lent.data() && at < lent.data() + lent.size();
    };
    void* large = memory.allocate(600'000);
    void* second = memory.allocate(600'000);
    void* small = memory.allocate(1000);
    EXPECT_TRUE(is_lent(large));
    EXPECT_FALSE(is_lent(second));
    EXPECT_FALSE(is_lent(small));
    for (void* block : {large, second, small})
        memory.release(block);
    large = memory.allocate(1'000'000);
    EXPECT_TRUE(is_lent(large)) << "what came back is given again";
    memory.release(large);
}

} // namespace
} // namespace vireo::test
