// SPDX-License-Identifier: Apache-2.0
#include "block/findings.h"

namespace vireo::block {

void Findings::add(const FindingKind& kind, u64 number, const char* detail) {
    for (Finding& finding : std::span(findings_.data(), count_)) {
        if (finding.kind == &kind) {
            ++finding.count;
            return;
        }
    }
    VIREO_ASSERT(count_ < most_kinds);
    findings_[count_++] = {&kind, number, 1, detail};
}

} // namespace vireo::block
