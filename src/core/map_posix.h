// Maps an opened regular file. Internal to core: Env::Map is the door.
#ifndef INGOT_CORE_MAP_POSIX_H_
#define INGOT_CORE_MAP_POSIX_H_

#include <memory>

#include "core/env.h"
#include "core/fd.h"

namespace ingot::core {

// The descriptor may be closed afterwards. When the process is short of mappings a small file is
// read into memory instead, and a large one refused.
Result<std::unique_ptr<MappedFile>> MapPosix(const Path& path, const Fd& fd, const FileInfo& info,
                                             Access access);

}  // namespace ingot::core

#endif  // INGOT_CORE_MAP_POSIX_H_
