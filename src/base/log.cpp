// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

namespace vireo {

static constinit Writer* log_writer_ = nullptr;

void set_log_writer(Writer* writer) { log_writer_ = writer; }
Writer* log_writer() { return log_writer_; }

void detail::warn_values(std::string_view format, FormatKinds kinds, const FormatValue* values) {
    if (!log_writer_)
        return;
    log_writer_->write("warning: ");
    format_values(*log_writer_, format, kinds, values);
    log_writer_->write("\n");
}

} // namespace vireo
