// SPDX-License-Identifier: Apache-2.0
// May be included again after NDEBUG changes, as the standard has it: no include guard.
#undef assert
#ifdef NDEBUG
#define assert(condition) ((void)0)
#else
#define assert(condition) ((condition) ? (void)0 : __builtin_trap())
#endif
