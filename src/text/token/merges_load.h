// The merges of a BPE model as tokenizer.json lists them: some hundred thousand pairs, looked up in
// the vocabulary by all threads of the shared pool.
#ifndef INGOT_TEXT_TOKEN_MERGES_LOAD_H_
#define INGOT_TEXT_TOKEN_MERGES_LOAD_H_

#include <string_view>

#include "core/status.h"
#include "text/token/bpe.h"
#include "text/token/vocab.h"

namespace ingot::text {

// json: the whole list, of "a b" or ["a", "b"], as it stands in the file. kCorrupt when one names a
// token that is not there, or makes one. prefix: of what continues a word.
core::Result<MergeTable> ReadMerges(std::string_view json, const Vocab& vocab,
                                    std::string_view prefix);

}  // namespace ingot::text

#endif  // INGOT_TEXT_TOKEN_MERGES_LOAD_H_
