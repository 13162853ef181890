// Giving a file a second name, or a second file the same storage, so that nothing is copied. Both
// make `to`, which must not exist, and fail with kUnsupported where the file systems cannot: the
// caller copies then. Any thread.
#ifndef INGOT_CORE_FILE_SHARING_H_
#define INGOT_CORE_FILE_SHARING_H_

#include "core/env.h"
#include "core/status.h"

namespace ingot::core {

// A file of its own that shares the bytes until one of the two is written to (btrfs, XFS).
Status CloneFile(const Path& from, const Path& to);
// The same file under another name.
Status LinkFile(const Path& from, const Path& to);
// Makes the bytes of a file durable that another program wrote.
Status SyncFile(const Path& path);

}  // namespace ingot::core

#endif  // INGOT_CORE_FILE_SHARING_H_
