// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

namespace vireo {

static constinit Writer* log_writer_ = nullptr;

void set_log_writer(Writer* writer) { log_writer_ = writer; }
Writer* log_writer() { return log_writer_; }

} // namespace vireo
