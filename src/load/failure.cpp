// SPDX-License-Identifier: Apache-2.0
#include "load/failure.h"

namespace vireo::load {

Failure::Failure() = default;

const Failure* Failure::is(Kind its_kind) {
    kind = its_kind;
    return this;
}

const Failure* Failure::is(Kind its_kind, const Error& its_why) {
    why = its_why;
    return is(its_kind);
}

const Failure* Failure::is(const NotFree& why_not) {
    memory = why_not;
    return is(Kind::Memory);
}

} // namespace vireo::load
