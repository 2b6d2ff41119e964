// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/math.h"
#include "base/result.h"

namespace vireo::arch {

// Page tables, one to one, of the shape that arm64, riscv and x86 have in common: a table fills a page; an
// entry is a leaf (a page, or a block as large as all pages below it) or leads to the next table. `Format`
// says how entries are written:
//
//   Entry, index_bits
//   top_shift, leaf_shift                an entry of the root is 1 << top_shift bytes, the largest leaf 1 << leaf_shift
//   leaf(address, attributes, shift)     a leaf of 1 << shift bytes
//   attributes(entry)                    what a leaf was made with
//   table(address), address(entry)       an entry that leads to a table, and back
//   is_table(entry, shift)
//   executable(entry, on)                the same leaf with or without the right to execute
//
// Attributes 0 stand for "not mapped", and so does an entry of 0. Nothing here tells the processor: who
// changes tables that are in use invalidates the TLB afterwards.
template <typename Format> class PageTables {
  public:
    using Entry = typename Format::Entry;
    static constexpr usize entries = usize{1} << Format::index_bits;

    // `root` is in shape already. `spare` pages, with whatever in them, become further tables.
    PageTables(Entry* root, std::span<Entry> spare) : root_(root), spare_(spare) {}

    // [base, end), multiples of a page, gets these attributes. Larger leaves that it takes
    // only a part of are split.
    void map(u64 base, u64 end, Entry attributes) {
        for (u64 at = base; at < end;) {
            Entry* table = root_;
            for (unsigned shift = Format::top_shift;; shift -= Format::index_bits) {
                u64 size = u64{1} << shift;
                usize i = index(at, shift);
                Entry& entry = table[i];
                bool is_table = Format::is_table(entry, shift);
                if (shift <= Format::leaf_shift && is_aligned(at, size) && end - at >= size && !is_table) {
                    do { // and its neighbours
                        table[i] = attributes == 0 ? 0 : Format::leaf(at, attributes, shift);
                        at += size;
                    } while (++i < entries && end - at >= size && !Format::is_table(table[i], shift));
                    break;
                }
                if (!is_table)
                    split(entry, at & ~(size - 1), shift - Format::index_bits);
                table = table_at(entry);
            }
        }
    }

    // What is mapped in [base, end) becomes executable, or ceases to be. Leaves that lie in it only in part
    // stay as they are: splitting one that is in use would let the TLB see two sizes for one address.
    void set_executable(u64 base, u64 end, bool on) {
        for (u64 at = base; at < end;) {
            Entry* table = root_;
            unsigned shift = Format::top_shift;
            for (; Format::is_table(table[index(at, shift)], shift); shift -= Format::index_bits)
                table = table_at(table[index(at, shift)]);
            u64 size = u64{1} << shift;
            Entry& entry = table[index(at, shift)];
            if (is_aligned(at, size) && end - at >= size && entry != 0)
                entry = Format::executable(entry, on);
            at = align_down<u64>(at, size) + size;
        }
    }

  private:
    static usize index(u64 at, unsigned shift) { return static_cast<usize>(at >> shift) & (entries - 1); }
    static Entry* table_at(Entry entry) { return reinterpret_cast<Entry*>(Format::address(entry)); }

    // A leaf, or nothing, becomes a table of leaves of 1 << `shift` bytes that say the same.
    void split(Entry& entry, u64 base, unsigned shift) {
        if (spare_.size() < entries)
            panic("RAM is too fragmented for the page tables");
        Entry* table = spare_.data();
        spare_ = spare_.subspan(entries);
        for (usize i = 0; i < entries; ++i)
            table[i] =
                entry == 0 ? 0 : Format::leaf(base + (u64{i} << shift), Format::attributes(entry), shift);
        entry = Format::table(reinterpret_cast<uptr>(table));
    }

    Entry* root_;
    std::span<Entry> spare_;
};

} // namespace vireo::arch
