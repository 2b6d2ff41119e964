// SPDX-License-Identifier: Apache-2.0
#include "load/failure.h"

namespace vireo::load {

std::unexpected<Failure> failed(Failure::Kind kind) { return std::unexpected(Failure{.kind = kind}); }

std::unexpected<Failure> failed(Failure::Kind kind, const Error& why) {
    return std::unexpected(Failure{.kind = kind, .why = why});
}

} // namespace vireo::load
