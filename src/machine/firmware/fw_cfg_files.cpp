// SPDX-License-Identifier: Apache-2.0
#include "machine/firmware/fw_cfg_files.h"

namespace vireo::machine {

Result<OwnedArray<char>> FwCfgFiles::read(std::string_view name, usize most_bytes) {
    auto file = VIREO_TRY(device_.find(name));
    if (file.bytes > most_bytes)
        return error(ErrorCode::TooLarge, "fw_cfg file");
    auto contents = VIREO_TRY(OwnedArray<char>::create(file.bytes));
    VIREO_TRY(device_.read(file, std::as_writable_bytes(std::span(contents.data(), contents.size()))));
    return contents;
}

} // namespace vireo::machine
