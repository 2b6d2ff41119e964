// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo {

// What kind of failure it is: for code that decides, and for the words a user reads.
enum class ErrorCode : u8 {
    InvalidArgument, // the caller, in the end the user, asked for something that makes no sense
    OutOfRange,      // beyond the end of the device, the file or RAM
    NotFound,        // no such device, partition, file, variable
    NotSupported,    // understood, but this build or device cannot do it
    NotADirectory,
    IsADirectory,
    TooManyLinks, // symbolic links form a loop or a chain that is too long
    TooLarge,     // a limit of ours: too long a line, name, table
    NoMemory,
    ReadOnly,
    Corrupt,     // data on disk or from a device that contradicts itself
    Io,          // the device reported an error
    Timeout,     // the deadline passed
    Interrupted, // Ctrl-C
    NotReady,    // not connected, not set up: no cable, no address, no route
    DeviceBroken // the device broke the protocol, needs a reset, or is gone
};

// Plain words for a code, e.g. "timed out". Never empty.
std::string_view describe(ErrorCode code);

// A failure: its kind and a literal that says what was being done or what is wrong ("superblock
// checksum"). A number that belongs to it (a count, a length) stands where the literal has "{}" ("block
// {} of the journal"), or "{:x}" in hexadecimal: print() of base/format.h puts it there. Two words, cheap
// to return, so there is room for 24 bits: what is larger counts as the largest. The literal has static
// storage.
struct Error {
    static constexpr u32 largest_number = (1 << 24) - 1;
    constexpr Error(ErrorCode kind, const char* literal, u32 its_number = 0)
        : code(kind), number(std::min(its_number, largest_number)), what(literal) {}
    ErrorCode code;
    u32 number : 24;
    const char* what;
};
static_assert(sizeof(Error) == 2 * sizeof(void*));

// Either a T or what prevented it, mostly an Error. It cannot be ignored. Built on std::expected.
template <typename T = void, typename E = Error> class [[nodiscard]] Result : public std::expected<T, E> {
    using Base = std::expected<T, E>;

  public:
    using Base::Base;
    constexpr Result(E error) : Base(std::unexpect, error) {}

    // Moves the value out; only for VIREO_TRY and VIREO_MUST, which have checked.
    constexpr T release() {
        if constexpr (!std::is_void_v<T>)
            return std::move(**this);
    }
};

inline Error error(ErrorCode code, const char* what, u32 number = 0) { return {code, what, number}; }

[[noreturn]] void panic(const char* message);

// Where an assertion about *our own* code failed. Never for data from a device, disk, network or user.
[[noreturn]] void must_failed(const char* expression, const char* file, int line);

} // namespace vireo

// The value of a Result, or return its Error from this function. May be nested.
#define VIREO_TRY(expression) VIREO_DETAIL_TRY(expression, VIREO_DETAIL_JOIN(vireo_result_, __COUNTER__))

// The value of a Result whose failure would be a defect of ours: panics instead of returning.
#define VIREO_MUST(expression) VIREO_DETAIL_MUST(expression, VIREO_DETAIL_JOIN(vireo_result_, __COUNTER__))

// Checks an invariant of our own code, in every build.
#define VIREO_ASSERT(condition)                                                                              \
    ((condition) ? (void)0 : ::vireo::must_failed(#condition, __FILE_NAME__, __LINE__))

#define VIREO_DETAIL_JOIN2(a, b) a##b
#define VIREO_DETAIL_JOIN(a, b) VIREO_DETAIL_JOIN2(a, b)
#define VIREO_DETAIL_TRY(expression, name)                                                                   \
    ({                                                                                                       \
        auto name = (expression);                                                                            \
        if (!name)                                                                                           \
            return name.error();                                                                             \
        name.release();                                                                                      \
    })
#define VIREO_DETAIL_MUST(expression, name)                                                                  \
    ({                                                                                                       \
        auto name = (expression);                                                                            \
        if (!name)                                                                                           \
            ::vireo::must_failed(#expression, __FILE_NAME__, __LINE__);                                      \
        name.release();                                                                                      \
    })
