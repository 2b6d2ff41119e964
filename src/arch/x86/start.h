// SPDX-License-Identifier: Apache-2.0
#pragma once

// Implemented by machine/pc: called once, with the image relocated, on its final stack, with
// exceptions reported.
extern "C" [[noreturn]] void vireo_machine_start();
