// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bus/fw_cfg/fw_cfg.h"
#include "hosted/address_space.h"
#include "hosted/report.h"

#include <cstring>
#include <map>
#include <set>
#include <string>

namespace vireo::fake {

// QEMU's firmware configuration device from its side (QEMU's docs/specs/fw_cfg.rst), on ports or
// as a register window.
class FwCfg final : public hosted::RegisterBlock {
  public:
    explicit FwCfg(bool on_ports, bool dma = true)
        : on_ports_(on_ports), space_(on_ports ? io::Space::Port : io::Space::Memory),
          base_(on_ports ? 0x510 : 0x9020000), range_(space_, base_, bytes(), *this) {
        items[0] = "QEMU";
        items[1] = std::string{static_cast<char>(dma ? 3 : 1), 0, 0, 0};
        clear();
    }
    // No files.
    void clear() {
        files_ = 0;
        entries_.clear();
        set_directory(0, entries_);
    }

    std::map<u16, std::string> items;
    std::set<u16> writable; // items that the guest may write
    bool dma_fails = false;
    bool dma_never_ends = false;
    u64 data_reads = 0;
    u64 dma_transfers = 0;

    Result<bus::FwCfg> open() {
        return bus::FwCfg::create(io::Window(space_, base_, bytes()),
                                  on_ports_ ? bus::FwCfg::ports : bus::FwCfg::memory);
    }

    // `claimed`: how long the directory says it is.
    void add_file(std::string name, std::string contents, std::optional<u32> claimed = {}) {
        u16 selector = static_cast<u16>(0x20 + files_);
        add_entry(claimed.value_or(static_cast<u32>(contents.size())), selector, std::move(name));
        items[selector] = std::move(contents);
    }
    void add_entry(u32 size, u16 selector, std::string name) {
        put_big_endian(entries_, size, 4);
        put_big_endian(entries_, selector, 2);
        put_big_endian(entries_, 0, 2);
        name.resize(56);
        entries_ += name;
        set_directory(++files_, entries_);
    }
    void set_directory(u32 count, const std::string& entries) {
        std::string directory;
        put_big_endian(directory, count, 4);
        items[0x19] = directory + entries;
    }

    u32 read(u64 offset, u8 width) override {
        if (offset != (on_ports_ ? 1u : 0u) || width != 1)
            hosted::report("fake.fw_cfg", "only the data register is read, by bytes");
        ++data_reads;
        return next();
    }

    void write(u64 offset, u8 width, u32 value) override {
        u64 dma = on_ports_ ? 4 : 16;
        if (offset == (on_ports_ ? 0u : 8u) && width == 2) {
            select(on_ports_ ? static_cast<u16>(value) : std::byteswap(static_cast<u16>(value)));
        } else if (offset == dma && width == 4) {
            dma_high_ = std::byteswap(value);
        } else if (offset == dma + 4 && width == 4) {
            run_dma(u64{dma_high_} << 32 | std::byteswap(value));
        } else {
            hosted::report("fake.fw_cfg",
                           "write to offset " + hosted::hex(offset) + ", width " + hosted::hex(width));
        }
    }

  private:
    u64 bytes() const { return on_ports_ ? 12 : 24; }
    static void put_big_endian(std::string& text, u64 value, int bytes) {
        for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
            text.push_back(static_cast<char>(value >> shift));
    }
    void select(u16 item) {
        item_ = item;
        position_ = 0;
    }
    // Behind an item's end, and in items that do not exist, there are zero bytes.
    u8 next() {
        auto found = items.find(item_);
        if (found == items.end() || position_ >= found->second.size())
            return 0;
        return static_cast<u8>(found->second[position_++]);
    }
    static u64 get_big_endian(const u8* from, int bytes) {
        u64 value = 0;
        for (int i = 0; i < bytes; ++i)
            value = value << 8 | from[i];
        return value;
    }
    void run_dma(u64 address) {
        ++dma_transfers;
        u8* access = reinterpret_cast<u8*>(address);
        u64 control = get_big_endian(access, 4);
        u64 length = get_big_endian(access + 4, 4);
        u8* target = reinterpret_cast<u8*>(get_big_endian(access + 8, 8));
        u64 command = control & 0xfff7;
        if (command != 0x02 && command != 0x04 && command != 0x10)
            hosted::report("fake.fw_cfg", "read, skip and write are the only commands");
        if (dma_never_ends)
            return;
        std::memset(access, 0, 4);
        if (dma_fails) {
            access[3] = 1;
            return;
        }
        if (control & 8)
            select(static_cast<u16>(control >> 16));
        if (length == 0)
            return;
        if (command == 0x02) {
            std::memset(target, 0, length);
            items[item_].copy(reinterpret_cast<char*>(target), length,
                              std::min(position_, items[item_].size()));
        } else if (command == 0x10) {
            if (!writable.contains(item_) || position_ + length > items[item_].size()) {
                access[3] = 1;
                return;
            }
            items[item_].replace(position_, length, reinterpret_cast<const char*>(target), length);
        }
        position_ += length;
    }

    bool on_ports_;
    io::Space space_;
    u64 base_;
    hosted::MappedRange range_;
    u16 item_ = 0;
    usize position_ = 0;
    u32 dma_high_ = 0;
    u32 files_ = 0;
    std::string entries_;
};

} // namespace vireo::fake
