// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/protocol/file_target.h"
#include "net/protocol/tftp_session.h"

namespace vireo::net {

// Reads a file to `target`, and never more than that has room for. Where that has enough of it the server is
// told, and it is Done.
class TftpReader final : public TftpSession {
  public:
    TftpReader(TftpPort& port, const IpAddress& server, std::string_view name, const TftpOptions& wanted,
               const FileTarget& target)
        : TftpSession(port, server, name, wanted, Opcode::Data), target_(target) {}

  private:
    void send_request() override { TftpSession::send_request(Opcode::Read, 0); }
    void resend() override;
    void data(u16 block, Bytes content) override;
    void acknowledged(u16) override {}
    void options_agreed() override;
    u64 next_block() const override { return next_; }
    void acknowledge();
    void out_of_order(u16 ahead);
    bool starts_over_at_one(u16 block);
    u16 number_after(u16 number) const {
        return number == 0xffff && starts_at_one_ ? u16{1} : static_cast<u16>(number + 1);
    }
    // So often in a row block 1 comes where block 0 could be lost.
    static constexpr u8 sure_of_one = 4;

    const FileTarget target_;
    u64 next_ = 1;               // number of the block that is expected, counted without end
    u64 acknowledged_ = 0;       // the last block that was acknowledged
    u16 last_number_ = 0;        // of block next_ - 1, in 16 bits
    bool starts_at_one_ = false; // numbers do, after 65535
    u8 ones_for_zero_ = 0;
    u16 gap_ = 0; // how far ahead the last block behind a gap was; 0: no gap
};

// Writes a file from `content`.
class TftpWriter final : public TftpSession {
  public:
    TftpWriter(TftpPort& port, const IpAddress& server, std::string_view name, const TftpOptions& wanted,
               Bytes content)
        : TftpSession(port, server, name, wanted, Opcode::Ack), content_(content) {
        total_ = content.size();
    }

  private:
    void send_request() override { TftpSession::send_request(Opcode::Write, content_.size()); }
    void resend() override { send_window(); }
    void data(u16, Bytes) override {}
    void acknowledged(u16 block) override;
    void options_agreed() override { send_window(); }
    u64 next_block() const override { return acknowledged_ + 1; }
    void send_window();
    u64 last_block() const { return content_.size() / block_bytes_ + 1; }

    Bytes content_;
    u64 acknowledged_ = 0; // blocks that the server has
    u64 sent_ = 0;         // blocks that have been sent
    // the window was sent again because the server asked for it, without news since
    bool has_repeated_ = false;
    static constexpr usize header_bytes = 4;
    std::byte block_[header_bytes + TftpOptions::most_block_bytes];
};

} // namespace vireo::net
