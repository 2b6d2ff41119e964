// SPDX-License-Identifier: Apache-2.0
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

// Declared because liblzma's sources name them; not provided, so a use fails to link.
typedef unsigned long sigset_t;
int sigprocmask(int, const sigset_t*, sigset_t*);

#ifdef __cplusplus
}
#endif
