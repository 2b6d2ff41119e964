// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "block/findings.h"

#include <string>

namespace vireo::test {

// A line for each kind of finding: "GPT: partition 2 x1: left out (why)".
inline std::string noted(const block::Findings& findings) {
    std::string text;
    for (const auto& finding : findings.all()) {
        text += finding.kind->subject;
        if (finding.kind->number != block::FindingKind::Number::None)
            text += " " + std::to_string(finding.first) + " x" + std::to_string(finding.count);
        text += ": " + std::string(finding.kind->text);
        text += finding.detail[0] != '\0' ? " (" + std::string(finding.detail) + ")\n" : "\n";
    }
    return text;
}

} // namespace vireo::test
