// SPDX-License-Identifier: Apache-2.0
// The input is what somebody types at the prompt, key by key: editing, history, completion, and what it runs.
#include "fuzz/shell_world.h"

extern "C" int LLVMFuzzerTestOneInput(const vireo::u8* data, vireo::usize size) {
    using namespace vireo;
    fuzz::ShellWorld world;
    world.port.type(std::as_bytes(std::span(data, size)));
    (void)shell::interact(*world.context); // ends at a Ctrl-D on an empty line at the latest
    fuzz::require(world.context->nesting == 0, "nothing runs any more");
    return 0;
}
