// SPDX-License-Identifier: Apache-2.0
#include "net/protocol/tftp.h"

namespace vireo::net {

void TftpReader::options_agreed() {
    if (total_ && *total_ > target_.room())
        return fail_too_large();
    acknowledge();
}

void TftpReader::acknowledge() {
    acknowledged_ = next_ - 1;
    start_round_trip();
    send_ack(last_number_);
}

void TftpReader::resend() {
    acknowledged_ = next_ - 1; // the server goes on behind it
    gap_ = 0;
    send_ack(last_number_);
}

// A block that is not the next one: `ahead` blocks behind it, as far as 16 bits tell.
void TftpReader::out_of_order(u16 ahead) {
    if (ahead >= window_) {
        // An old one. The server did not hear our last word, unless the network only doubled its own.
        if (was_silent_for_long())
            resend();
        return;
    }
    // One was lost; told once for each time that the server goes through the window (RFC 7440, section 4).
    u16 last = std::exchange(gap_, ahead);
    if (last == 0 || ahead <= last) {
        resend();
        gap_ = ahead;
    }
}

// What follows block 65535 is block 0 in most servers, and block 1 in some: no RFC says it. Block by
// block there is no doubt. In a window block 0 may have been lost: only the size tells that it was not,
// and only when all has come.
bool TftpReader::starts_over_at_one(u16 block) {
    if (last_number_ != 0xffff || block != 1 || starts_at_one_ ||
        (window_ > 1 && ++ones_for_zero_ < sure_of_one))
        return false;
    if (window_ > 1 && !total_) {
        fail_protocol(
            ErrorWord::IllegalOperation,
            "block 1 after block 65535; 0 would follow ($tftpblocksize makes blocks larger, and fewer)");
        return false;
    }
    return starts_at_one_ = true;
}

void TftpReader::data(u16 block, Bytes content) {
    if (content.size() > block_bytes_)
        return fail_protocol(ErrorWord::IllegalOperation, "a block that is larger than agreed");
    auto ahead = static_cast<u16>(block - number_after(last_number_));
    if (ahead != 0 && !starts_over_at_one(block)) {
        if (state() == State::Running)
            out_of_order(ahead);
        return;
    }
    last_number_ = block;
    ones_for_zero_ = 0;
    gap_ = 0;
    // `bytes_` never exceeds the room: blocks before this one went through here.
    if (content.size() > target_.room() - bytes_)
        return fail_too_large();
    target_.store(bytes_, content);
    bytes_ += content.size();
    ++next_;
    note_progress();
    bool is_last = content.size() < block_bytes_;
    if (!is_last && target_.is_enough(bytes_))
        return stop_early();
    if (is_last || next_ - 1 - acknowledged_ >= window_)
        acknowledge();
    if (!is_last)
        return;
    if (total_ && *total_ != bytes_)
        return fail_wrong_size();
    finish();
}

void TftpWriter::send_window() {
    u64 end = std::min(acknowledged_ + window_, last_block());
    for (u64 number = acknowledged_ + 1; number <= end; ++number) {
        const Be<u16> header[] = {static_cast<u16>(Opcode::Data), static_cast<u16>(number)};
        static_assert(sizeof(header) == header_bytes);
        usize start = static_cast<usize>((number - 1) * block_bytes_);
        usize bytes = std::min<usize>(block_bytes_, content_.size() - start);
        std::memcpy(block_, header, header_bytes);
        if (bytes > 0)
            std::memcpy(block_ + header_bytes, content_.data() + start, bytes);
        send({block_, header_bytes + bytes});
    }
    sent_ = end;
}

void TftpWriter::acknowledged(u16 block) {
    auto more = static_cast<u16>(block - static_cast<u16>(acknowledged_));
    if (more > sent_ - acknowledged_)
        return; // an old one
    if (more == 0 && sent_ != 0) {
        // In a window: the first block of it was lost. Without one it means nothing (RFC 1123, section
        // 4.2.3.1: whoever answers it sends everything twice from then on).
        if (window_ > 1 && !std::exchange(has_repeated_, true))
            send_window();
        return;
    }
    has_repeated_ = false;
    acknowledged_ += more;
    bytes_ = std::min<u64>(acknowledged_ * block_bytes_, content_.size());
    note_progress();
    if (acknowledged_ == last_block())
        return finish();
    start_round_trip();
    send_window();
}

} // namespace vireo::net
