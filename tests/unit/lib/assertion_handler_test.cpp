// SPDX-License-Identifier: Apache-2.0
// lib/cxx/__assertion_handler, which the firmware gives to libc++'s headers.
#include "base/log.h"

#include <gtest/gtest.h>

#include <cstdio>

#undef _LIBCPP_ASSERTION_HANDLER // the host's own, which all headers above have used
#include "lib/cxx/__assertion_handler"

void vireo_library_check_failed(const char* message) { vireo::panic(message); }

namespace {

struct StandardError final : vireo::Writer {
    void write(std::string_view text) override { std::fwrite(text.data(), 1, text.size(), stderr); }
};

// It said "panic: %s".
TEST(LibraryChecks, a_failed_check_says_which) {
    StandardError out;
    vireo::set_log_writer(&out);
    EXPECT_DEATH(_LIBCPP_ASSERTION_HANDLER("span: index out of range"), "panic: span: index out of range");
    vireo::set_log_writer(nullptr);
}

} // namespace
