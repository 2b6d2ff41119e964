// SPDX-License-Identifier: Apache-2.0
// One suite for {split, packed} x {direct, indirect} x {event index on, off} x {in order, not}: what a Queue
// promises holds whatever was negotiated.
#include "unit/support/ring_bench.h"

#include <random>

namespace vireo::test {
namespace {

struct Variant {
    bool packed;
    bool indirect;
    bool event_idx;
    bool in_order;

    RingBench::Options with_size(u16 size) const {
        return {.size = size,
                .event_idx = event_idx,
                .indirect = indirect,
                .max_chain = 4,
                .packed = packed,
                .in_order = in_order};
    }
    std::string name() const {
        return std::string(packed ? "packed" : "split") + (indirect ? "_indirect" : "_direct") +
               (event_idx ? "_event" : "") + (in_order ? "_in_order" : "");
    }
};

// In order, not in order, or both.
std::vector<Variant> variants(bool in_order, bool any_order) {
    std::vector<Variant> variants;
    for (unsigned bits = 0; bits < 16; ++bits)
        if ((bits & 1) != 0 ? in_order : any_order)
            variants.push_back({(bits & 8) != 0, (bits & 4) != 0, (bits & 2) != 0, (bits & 1) != 0});
    return variants;
}

std::vector<u16> sizes_of(const Variant& variant) {
    if (variant.packed)
        return {1, 2, 3, 7, 8, 256};
    return {1, 2, 8, 256};
}

class RingVariants : public testing::TestWithParam<Variant> {
  protected:
    static void expect_completion(RingBench& bench, u16 token, u32 written) {
        EXPECT_TRUE(bench.queue.has_used());
        auto done = bench.queue.harvest();
        ASSERT_TRUE(done) << (bench.queue.fault() ? bench.queue.fault()->what : "nothing was used");
        EXPECT_EQ(done->token, token);
        EXPECT_EQ(done->written, written);
    }
    static void expect_broken(RingBench& bench) {
        EXPECT_FALSE(bench.queue.harvest());
        ASSERT_TRUE(bench.queue.fault());
        EXPECT_EQ(bench.queue.fault()->code, ErrorCode::DeviceBroken);
        EXPECT_FALSE(bench.queue.harvest()) << "once";
        EXPECT_FALSE(bench.queue.begin(1));
    }
    // Submits what the ring has room for, tokens counting from `first`, and gives how many that were.
    static u16 fill(RingBench& bench, u16 first, u16 size) {
        u16 count = 0;
        auto token = [&] { return static_cast<u16>(first + count); };
        while (size == 1 ? bench.submit(token(), {}, {4}) : bench.submit(token(), {16}, {4}))
            ++count;
        return count;
    }
};

TEST_P(RingVariants, one_buffer_after_the_other_for_many_laps) {
    for (u16 size : sizes_of(GetParam())) {
        RingBench bench(GetParam().with_size(size));
        for (u32 i = 0; i < 6u * size + 100 && !HasFailure(); ++i)
            bench.cycle(static_cast<u16>(i));
        EXPECT_EQ(bench.queue.in_flight(), 0);
        EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 0u);
    }
}

// A look at memory tells when harvesting is of use: never before, and on every lap of the ring.
TEST_P(RingVariants, a_look_shows_what_the_device_has_used) {
    for (u16 size : sizes_of(GetParam())) {
        RingBench bench(GetParam().with_size(size));
        for (u32 i = 0; i < 3u * size + 10; ++i) {
            EXPECT_FALSE(bench.queue.has_used());
            ASSERT_TRUE(bench.submit(static_cast<u16>(i), {}, {4}));
            bench.publish();
            EXPECT_FALSE(bench.queue.has_used());
            auto chains = bench.take_all();
            bench.give_back(chains[0], 4);
            expect_completion(bench, static_cast<u16>(i), 4);
        }
    }
}

TEST_P(RingVariants, a_full_ring_says_so_and_goes_on) {
    for (u16 size : sizes_of(GetParam())) {
        RingBench bench(GetParam().with_size(size));
        u16 room = bench.queue.capacity(size == 1 ? 1 : 2);
        for (u16 round = 0; round < 5; ++round) {
            ASSERT_EQ(fill(bench, 0, size), room);
            bench.publish();
            auto chains = bench.take_all();
            ASSERT_EQ(chains.size(), room);
            bench.give_back(chains[0], 4);
            expect_completion(bench, 0, 4);
            EXPECT_EQ(fill(bench, room, size), 1) << "one came free, one fits";
            bench.publish();
            for (usize i = 1; i < chains.size(); ++i) {
                bench.give_back(chains[i], 3);
                expect_completion(bench, static_cast<u16>(i), 3);
            }
            auto last = bench.take_all();
            ASSERT_EQ(last.size(), 1u);
            bench.give_back(last[0], 1);
            expect_completion(bench, room, 1);
        }
        EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 0u);
    }
}

// The device goes on with what nobody waits for any more; its answers are counted and dropped, and
// the buffers come back.
TEST_P(RingVariants, abandoned_chains_come_back_without_their_bytes) {
    for (u16 size : sizes_of(GetParam())) {
        RingBench bench(GetParam().with_size(size));
        u16 count = fill(bench, 0, size);
        bench.publish();
        auto chains = bench.take_all();
        usize shares = hosted::DmaArena::instance().live_shares();
        bench.queue.abandon();
        EXPECT_EQ(bench.queue.in_flight(), count);
        EXPECT_EQ(hosted::DmaArena::instance().live_shares(), shares);
        for (u16 i = 0; i < count; ++i) {
            const u32 late = 0x7e7e7e7e;
            chains[i].write(0, reinterpret_cast<const std::byte*>(&late), sizeof(late));
            bench.give_back(chains[i], 4);
            expect_completion(bench, i, 4);
        }
        EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 0u);
        EXPECT_TRUE(bench.nothing_was_written());
        bench.cycle(count); // as good as new
    }
}

TEST_P(RingVariants, a_batch_is_published_and_announced_once) {
    for (u16 size : sizes_of(GetParam())) {
        RingBench bench(GetParam().with_size(size));
        for (u16 round = 0; round < 40; ++round) {
            bool wanted = round % 3 != 0;
            bench.device->ask_for_notification(wanted);
            u16 count = fill(bench, round, size);
            EXPECT_FALSE(bench.device->has_available()) << "not published yet";
            EXPECT_FALSE(bench.queue.needs_kick());
            EXPECT_EQ(bench.publish(), wanted);
            EXPECT_FALSE(bench.queue.needs_kick()) << "nothing new";
            auto chains = bench.take_all();
            ASSERT_EQ(chains.size(), count);
            for (auto& chain : chains)
                bench.give_back(chain, 4);
            EXPECT_FALSE(bench.device->driver_wants_notification()) << "Vireo polls";
            for (u16 i = 0; i < count; ++i)
                expect_completion(bench, static_cast<u16>(round + i), 4);
        }
    }
}

// covers: gen.notif.01
TEST_P(RingVariants, notification_data_is_what_the_device_expects) {
    for (u16 size : sizes_of(GetParam())) {
        RingBench bench(GetParam().with_size(size));
        for (u16 round = 0; round < 20; ++round) {
            u16 count = round % 2 == 0 ? fill(bench, 0, size) : u16{1};
            if (round % 2 != 0) {
                ASSERT_TRUE(bench.submit(0, {}, {4}));
            }
            bench.queue.publish();
            bench.device->check_notification_data(bench.queue.notification_data());
            if (bench.queue.needs_kick())
                bench.device->notified();
            auto chains = bench.take_all();
            ASSERT_EQ(chains.size(), count);
            for (auto& chain : chains) {
                bench.give_back(chain, 4);
                ASSERT_TRUE(bench.queue.harvest());
            }
        }
    }
}

class RingVariantsAnyOrder : public RingVariants {};
class RingVariantsInOrder : public RingVariants {};

TEST_P(RingVariantsAnyOrder, buffers_may_come_back_in_any_order) {
    for (u16 size : sizes_of(GetParam())) {
        RingBench bench(GetParam().with_size(size));
        std::mt19937 random(size);
        for (u16 round = 0; round < 10; ++round) {
            u16 count = fill(bench, 0, size);
            bench.publish();
            auto chains = bench.take_all();
            ASSERT_EQ(chains.size(), count);
            std::vector<u16> order(count);
            for (u16 i = 0; i < count; ++i)
                order[i] = i;
            std::shuffle(order.begin(), order.end(), random);
            for (u16 i : order) {
                bench.give_back(chains[i], 2);
                expect_completion(bench, i, 2);
            }
        }
    }
}

TEST_P(RingVariantsInOrder, a_promised_order_is_held_or_the_queue_broken) {
    for (u16 early = 1; early < 4; ++early) {
        RingBench bench(GetParam().with_size(8));
        fill(bench, 0, 8);
        bench.publish();
        auto chains = bench.take_all();
        ASSERT_GE(chains.size(), 4u);
        bench.device->give_back(chains[early].head, 3);
        if (!GetParam().packed) {
            expect_broken(bench); // the index moved by one
            continue;
        }
        // A packed ring has no index to contradict the id: this says that those before it were
        // used completely.
        for (u16 i = 0; i < early; ++i)
            expect_completion(bench, i, 4);
        expect_completion(bench, early, 3);
        // The entry that follows is not where the device writes next, and one of the buffers
        // above cannot come again.
        bench.device->put_used({chains[0].head, 4, 1, 1});
        while (bench.queue.harvest())
            ADD_FAILURE() << "completed twice";
    }
}

TEST_P(RingVariantsInOrder, one_used_entry_for_a_batch) {
    for (u16 size : {2, 8, 256}) {
        RingBench bench(GetParam().with_size(size));
        for (u16 round = 0; round < 5; ++round) {
            u16 count = fill(bench, 0, size);
            bench.publish();
            auto chains = bench.take_all();
            ASSERT_EQ(chains.size(), count);
            bench.give_back_batch(chains, 1);
            for (u16 i = 0; i < count; ++i)
                expect_completion(bench, i, i + 1 < count ? 4 : 1);
            EXPECT_FALSE(bench.queue.harvest());
            EXPECT_FALSE(bench.queue.fault());
        }
    }
}

// An entry stands for one buffer then; those that the device skips do not complete with it.
TEST_P(RingVariantsAnyOrder, one_used_entry_is_one_buffer) {
    RingBench bench(GetParam().with_size(8));
    u16 count = fill(bench, 0, 8);
    bench.publish();
    auto chains = bench.take_all();
    ASSERT_EQ(chains.size(), count);
    bench.device->put_used({chains.back().head, 3, 1, chains.back().ring_descriptors});
    expect_completion(bench, static_cast<u16>(count - 1), 3);
    EXPECT_FALSE(bench.queue.harvest());
    EXPECT_EQ(bench.queue.in_flight(), count - 1);
}

// defects-seen.txt
TEST_P(RingVariants, used_id_out_of_range_breaks_queue_not_memory) {
    for (u32 id : {8u, 9u, 0x7fffu, 0xffffu, 0x1'0000u, 0xffff'ffffu}) {
        if (GetParam().packed && id > 0xffff)
            continue; // 16 bits
        RingBench bench(GetParam().with_size(8));
        ASSERT_TRUE(bench.submit(0, {8}, {4}));
        bench.publish();
        ASSERT_EQ(bench.take_all().size(), 1u);
        bench.device->give_back(id, 0);
        expect_broken(bench);
    }
}

// defects-seen.txt
TEST_P(RingVariants, used_id_not_a_head_is_rejected_once) {
    for (u16 other = 1; other < 8; ++other) {
        RingBench bench(GetParam().with_size(8));
        ASSERT_TRUE(bench.submit(0, {8}, {4}));
        bench.publish();
        auto chains = bench.take_all();
        ASSERT_EQ(chains.size(), 1u);
        bench.device->give_back((chains[0].head + other) % 8, 0);
        expect_broken(bench);
    }
}

TEST_P(RingVariants, a_buffer_completes_once) {
    RingBench bench(GetParam().with_size(8));
    ASSERT_TRUE(bench.submit(1, {8}, {4}));
    ASSERT_TRUE(bench.submit(2, {8}, {4}));
    bench.publish();
    auto chains = bench.take_all();
    ASSERT_EQ(chains.size(), 2u);
    u16 descriptors = chains[0].ring_descriptors;
    bench.device->put_used({chains[0].head, 4, 1, descriptors});
    expect_completion(bench, 1, 4);
    bench.device->put_used({chains[0].head, 4, 1, descriptors});
    expect_broken(bench);
}

// defects-seen.txt
TEST_P(RingVariants, used_len_larger_than_capacity_is_device_error) {
    for (u32 bytes : {5u, 0x8000'0000u, 0xffff'ffffu}) {
        RingBench bench(GetParam().with_size(8));
        ASSERT_TRUE(bench.submit(0, {8}, {4}));
        bench.publish();
        auto chains = bench.take_all();
        ASSERT_EQ(chains.size(), 1u);
        bench.give_back(chains[0], bytes);
        expect_broken(bench);
    }
}

// defects-seen.txt
TEST_P(RingVariants, device_rewriting_descriptors_changes_nothing) {
    RingBench bench(GetParam().with_size(8));
    for (u16 round = 0; round < 40; ++round) {
        ASSERT_TRUE(bench.submit(round, {8}, {4, 4}));
        bench.publish();
        auto chain = bench.device->take();
        ASSERT_TRUE(chain);
        bench.device->scribble(*chain);
        bench.give_back(*chain, 8);
        expect_completion(bench, round, 8);
    }
    EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 0u);
}

constexpr auto variant_name = [](const auto& info) { return info.param.name(); };
INSTANTIATE_TEST_SUITE_P(All, RingVariants, testing::ValuesIn(variants(true, true)), variant_name);
INSTANTIATE_TEST_SUITE_P(All, RingVariantsInOrder, testing::ValuesIn(variants(true, false)), variant_name);
INSTANTIATE_TEST_SUITE_P(All, RingVariantsAnyOrder, testing::ValuesIn(variants(false, true)), variant_name);

// --- the same script everywhere ------------------------------------------------------------------------------------

// What a driver asks for, and what a device makes of it; the same for each seed.
struct Script {
    struct Request {
        std::vector<u32> readable;
        std::vector<u32> writable;
        u32 answer; // bytes that the device writes
    };
    explicit Script(u32 seed) {
        std::mt19937 random(seed);
        auto below = [&](u32 bound) { return random() % bound; };
        for (u32 i = 0; i < 150; ++i) {
            Request request;
            for (u32 n = below(3); n > 0; --n)
                request.readable.push_back(1 + below(600));
            for (u32 n = below(3) + request.readable.empty(); n > 0; --n)
                request.writable.push_back(1 + below(600));
            u32 room = 0;
            for (u32 bytes : request.writable)
                room += bytes;
            request.answer = below(2) == 0 ? room : below(room + 1);
            requests.push_back(std::move(request));
        }
    }
    std::vector<Request> requests;
};

// What came of one request.
struct Outcome {
    u32 written = 0;
    std::vector<std::byte> data; // the writable buffers, one behind the other
    unsigned completions = 0;
    bool operator==(const Outcome&) const = default;
};

class ScriptRun {
  public:
    ScriptRun(const Script& script, const Variant& variant, u16 size, u32 seed)
        : script_(script), variant_(variant), bench_(variant.with_size(size)), random_(seed) {}

    // Submits in batches, lets the device use some of what it has, harvests; until all is done.
    std::vector<Outcome> run() {
        outcomes_.resize(script_.requests.size());
        memory_.resize(script_.requests.size());
        usize done = 0;
        for (u32 turn = 0; done < outcomes_.size(); ++turn) {
            if (turn == 20'000 || testing::Test::HasFailure()) {
                ADD_FAILURE() << variant_.name() << ": " << done << " requests after " << turn << " turns";
                break;
            }
            for (u32 n = below(6); n > 0 && submit_next(); --n)
                ;
            bench_.device->ask_for_notification(below(2) == 0);
            bench_.publish();
            for (auto& chain : bench_.take_all())
                held_.push_back(std::move(chain));
            use_some();
            for (u32 n = below(8); n > 0; --n)
                if (auto completion = bench_.queue.harvest()) {
                    note(*completion);
                    ++done;
                }
            EXPECT_FALSE(bench_.queue.fault()) << bench_.queue.fault()->what;
        }
        EXPECT_EQ(bench_.queue.in_flight(), 0);
        return std::move(outcomes_);
    }

  private:
    u32 below(u32 bound) { return random_() % bound; }

    static std::byte pattern(usize request, usize offset) { return std::byte(request * 31 + offset * 7 + 1); }

    bool submit_next() {
        if (next_ == script_.requests.size())
            return false;
        const auto& request = script_.requests[next_];
        auto chain = bench_.queue.begin(static_cast<u16>(request.readable.size() + request.writable.size()));
        if (!chain)
            return false;
        auto& buffers = memory_[next_];
        for (const auto& sizes : {request.readable, request.writable})
            for (u32 bytes : sizes)
                buffers.emplace_back(bytes);
        usize index = 0;
        for (usize offset = 0; index < request.readable.size(); ++index)
            for (std::byte& byte : buffers[index])
                byte = pattern(next_, offset++);
        for (index = 0; index < buffers.size(); ++index) {
            if (index < request.readable.size())
                EXPECT_TRUE(chain->add(VIREO_MUST(dma::share_to_device(buffers[index]))));
            else
                EXPECT_TRUE(chain->add(VIREO_MUST(dma::share_from_device(buffers[index]))));
        }
        bench_.queue.submit(std::move(*chain), static_cast<u16>(next_));
        order_.push_back(next_);
        ++next_;
        return true;
    }

    // The device finishes some of its buffers: which ones and in what groups is up to what was negotiated.
    void use_some() {
        for (u32 n = below(6); n > 0 && !held_.empty(); --n) {
            usize at = variant_.in_order ? 0 : below(static_cast<u32>(held_.size()));
            usize count = 1;
            // A batch goes on as long as its buffers are written completely.
            if (variant_.in_order)
                while (count < held_.size() && is_full(count - 1) && below(4) != 0)
                    ++count;
            for (usize i = 0; i < count; ++i)
                carry_out(at + i);
            bench_.give_back_batch(std::span(held_).subspan(at, count),
                                   script_.requests[order_[at + count - 1]].answer);
            held_.erase(held_.begin() + static_cast<long>(at), held_.begin() + static_cast<long>(at + count));
            order_.erase(order_.begin() + static_cast<long>(at),
                         order_.begin() + static_cast<long>(at + count));
        }
    }
    bool is_full(usize held) const {
        return script_.requests[order_[held]].answer == held_[held].writable_bytes();
    }
    void carry_out(usize held) {
        usize request = order_[held];
        const fake::Chain& chain = held_[held];
        u32 readable = 0;
        for (u32 bytes : script_.requests[request].readable)
            readable += bytes;
        ASSERT_EQ(chain.readable_bytes(), readable);
        std::vector<std::byte> bytes(readable);
        ASSERT_TRUE(chain.read(0, bytes.data(), bytes.size()));
        for (usize i = 0; i < bytes.size(); ++i)
            ASSERT_EQ(bytes[i], pattern(request, i));
        std::vector<std::byte> answer(script_.requests[request].answer);
        for (usize i = 0; i < answer.size(); ++i)
            answer[i] = pattern(request + 1, i);
        ASSERT_TRUE(chain.write(0, answer.data(), answer.size()));
    }

    void note(const virtio::Completion& completion) {
        ASSERT_LT(completion.token, next_);
        if (variant_.in_order) {
            EXPECT_EQ(completion.token, last_token_++);
        }
        Outcome& outcome = outcomes_[completion.token];
        outcome.written = completion.written;
        ++outcome.completions;
        auto& buffers = memory_[completion.token];
        for (usize i = script_.requests[completion.token].readable.size(); i < buffers.size(); ++i)
            outcome.data.insert(outcome.data.end(), buffers[i].begin(), buffers[i].end());
        outcome.data.resize(std::min<usize>(outcome.data.size(), completion.written));
    }

    const Script& script_;
    Variant variant_;
    RingBench bench_;
    std::mt19937 random_;
    usize next_ = 0;
    u16 last_token_ = 0;
    std::vector<std::vector<std::vector<std::byte>>> memory_; // by request and buffer
    std::vector<fake::Chain> held_;                           // what the device has
    std::vector<usize> order_; // and the request that each is, in the order of submission
    std::vector<Outcome> outcomes_;
};

TEST(RingScript, same_completions_in_all_variants) {
    for (u32 seed : {1u, 2u, 3u}) {
        Script script(seed);
        for (u16 size : {4, 8, 64}) {
            std::vector<Outcome> expected;
            for (const Variant& variant : variants(true, true)) {
                SCOPED_TRACE(variant.name() + " seed " + std::to_string(seed) + " size " +
                             std::to_string(size));
                auto outcomes = ScriptRun(script, variant, size, seed).run();
                if (HasFailure())
                    return;
                if (expected.empty())
                    expected = std::move(outcomes);
                else
                    EXPECT_TRUE(outcomes == expected);
            }
            for (usize i = 0; i < expected.size(); ++i) {
                EXPECT_EQ(expected[i].completions, 1u) << i;
                EXPECT_EQ(expected[i].written, script.requests[i].answer) << i;
            }
        }
    }
}

} // namespace
} // namespace vireo::test
