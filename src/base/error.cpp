// SPDX-License-Identifier: Apache-2.0
#include "base/result.h"

namespace vireo {

std::string_view describe(ErrorCode code) {
    switch (code) {
    case ErrorCode::InvalidArgument:
        return "invalid argument";
    case ErrorCode::OutOfRange:
        return "out of range";
    case ErrorCode::NotFound:
        return "not found";
    case ErrorCode::NotSupported:
        return "not supported";
    case ErrorCode::NotADirectory:
        return "not a directory";
    case ErrorCode::IsADirectory:
        return "is a directory";
    case ErrorCode::TooManyLinks:
        return "too many symbolic links";
    case ErrorCode::TooLarge:
        return "too large";
    case ErrorCode::NoMemory:
        return "out of memory";
    case ErrorCode::ReadOnly:
        return "read-only";
    case ErrorCode::Corrupt:
        return "corrupt";
    case ErrorCode::Io:
        return "I/O error";
    case ErrorCode::Timeout:
        return "timed out";
    case ErrorCode::Interrupted:
        return "interrupted";
    case ErrorCode::NotReady:
        return "not ready";
    case ErrorCode::DeviceBroken:
        return "device broken";
    }
    return "unknown error";
}

} // namespace vireo
