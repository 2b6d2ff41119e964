// SPDX-License-Identifier: Apache-2.0
#include "hosted/report.h"

#include <cstdio>
#include <cstdlib>

namespace vireo::hosted {
namespace {

void print_and_abort(void*, std::string_view rule, std::string_view text) {
    std::fprintf(stderr, "%.*s: %.*s\n", static_cast<int>(rule.size()), rule.data(),
                 static_cast<int>(text.size()), text.data());
    std::abort();
}

Reporter current = print_and_abort;
void* current_context = nullptr;

} // namespace

void set_reporter(Reporter reporter, void* context) {
    current = reporter ? reporter : print_and_abort;
    current_context = context;
}

void report(std::string_view rule, const std::string& text) { current(current_context, rule, text); }

std::string hex(unsigned long long value) {
    char text[20];
    std::snprintf(text, sizeof text, "0x%llx", value);
    return text;
}

} // namespace vireo::hosted
