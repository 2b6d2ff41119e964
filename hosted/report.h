// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

// Where the hosted back ends and the fake devices complain about the program under test.
namespace vireo::hosted {

// `rule` is an id of the requirement table ("gen.init.14") or one of ours: "dma.*" (memory that was not the
// device's to touch), "io.*" (an access to nothing), "pci.*" without a number, "clock.*" (a wait that would
// never end), "fake.*" (the test set the fake up wrongly).
using Reporter = void (*)(void* context, std::string_view rule, std::string_view text);

// Installs who is told; a null pointer brings back the default, which prints the complaint and aborts: a
// program that forgot to listen must not pass.
void set_reporter(Reporter reporter, void* context);

void report(std::string_view rule, const std::string& text);

// A number as 0x..., for messages.
std::string hex(unsigned long long value);

} // namespace vireo::hosted
