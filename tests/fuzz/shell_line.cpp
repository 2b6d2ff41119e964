// SPDX-License-Identifier: Apache-2.0
// The input is text that somebody gives to the shell: lexer, expansion, interpreter and the
// commands themselves.
#include "fuzz/shell_world.h"
#include "shell/language/interpreter.h"

extern "C" int LLVMFuzzerTestOneInput(const vireo::u8* data, vireo::usize size) {
    using namespace vireo;
    using fuzz::require;
    std::string text(reinterpret_cast<const char*>(data), size);
    fuzz::ShellWorld world;
    world.port.hold_back(2000);
    bool is_whole = shell::Interpreter::check(text).has_value();
    int status = shell::run_line(*world.context, text);
    require(status >= 0 && status == world.context->status, "a status is that of the shell");
    require(is_whole || status != 0, "text that is not whole fails");
    require(world.context->nesting == 0, "nothing runs any more");

    // Whatever it was, the shell works.
    world.context->exiting = false;
    world.port.hold_back(2000);
    require(shell::run_line(*world.context, "true") == 0, "the next line runs");
    return 0;
}
