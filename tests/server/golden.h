// Goldens of the server's front ends: JSON files in tests/server/data. With INGOT_WRITE_GOLDENS=1
// in the environment they are written anew instead of compared, to be looked through and committed.
#ifndef INGOT_TESTS_SERVER_GOLDEN_H_
#define INGOT_TESTS_SERVER_GOLDEN_H_

#include <string>
#include <vector>

#include "core/json.h"
#include "server/chat_task.h"

namespace ingot::server {

// A file of data, which must be JSON.
core::Json ReadData(const std::string& name);
// One failure for each member that differs.
void ExpectGolden(const std::string& name, const core::Json& found);

// All of a task that a front end may set, without what it left as it is.
core::Json TaskJson(const ChatTask& task);

// The other way round, from what data files write.
AnswerPiece PieceOf(const core::Json& json);
AnswerEnd EndOf(const core::Json& json);

// Random parts of ids replaced by their lengths: "msg_<32>".
core::Json WithoutIds(const core::Json& json);

}  // namespace ingot::server

#endif  // INGOT_TESTS_SERVER_GOLDEN_H_
