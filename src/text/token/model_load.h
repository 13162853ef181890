// Reads the "model" object of tokenizer.json, megabytes of vocabulary and merges, without building
// a tree of it.
#ifndef INGOT_TEXT_TOKEN_MODEL_LOAD_H_
#define INGOT_TEXT_TOKEN_MODEL_LOAD_H_

#include <memory>

#include "core/json.h"
#include "core/status.h"
#include "text/token/model.h"

namespace ingot::text {

constexpr size_t kMaxTokenizerFile = size_t{512} << 20;

// reader stands before the object. file_size is that of the whole file, to guess how much room the
// tables need. The text that reader reads outlives the call only.
core::Result<std::unique_ptr<Model>> LoadModel(core::JsonReader& reader, size_t file_size);

}  // namespace ingot::text

#endif  // INGOT_TEXT_TOKEN_MODEL_LOAD_H_
