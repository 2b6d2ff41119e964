// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"

namespace vireo::block {

// A kind of thing that is wrong with the data of a disk, and that reading went on in spite of. One constant
// for each, beside the code that finds it; its address is its identity.
struct FindingKind {
    enum class Number : u8 { None, Partition, Other }; // what the number of a finding is
    const char* subject;                               // "GPT: partition", the number goes behind it
    Number number;
    const char* text; // what is the matter, and what becomes of it
};

// What reading a partition table or a file system brought to light about the data. Nothing that a disk names
// is dropped, cut or believed against its own checks without an entry here. Who reads adds; only the shell
// speaks, a line for each kind (shell/told_findings.h), so that a disk full of nonsense costs a line and not
// a screen for each bit of it.
class Findings {
  public:
    struct Finding {
        const FindingKind* kind;
        u64 first;          // the number that came first
        u64 count;          // how many there were
        const char* detail; // a literal with the cause, or empty
    };

    void add(const FindingKind& kind, u64 number = 0, const char* detail = "");
    void clear() { count_ = 0; }
    std::span<const Finding> all() const { return {findings_.data(), count_}; }

  private:
    // The kinds that one reader knows; more would be a defect of ours, whatever the disk holds.
    static constexpr usize most_kinds = 16;
    std::array<Finding, most_kinds> findings_{};
    usize count_ = 0;
};

} // namespace vireo::block
