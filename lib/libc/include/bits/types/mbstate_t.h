// SPDX-License-Identifier: Apache-2.0
#pragma once
// libc++ without wide characters takes the type from here and leaves wchar.h alone.
typedef struct {
    unsigned state;
} mbstate_t;
