// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fs/file_system.h"

namespace vireo::fs {

// The file that `path` names in `tree`, by the rules of FileSystem::open.
Result<File> walk(Tree& tree, std::string_view path);

} // namespace vireo::fs
