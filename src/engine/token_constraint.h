// What an answer may look like, token by token: asked before each choice, told after it.
//
// Belongs to one sequence; called by the engine thread alone once the request is submitted.
#ifndef INGOT_ENGINE_TOKEN_CONSTRAINT_H_
#define INGOT_ENGINE_TOKEN_CONSTRAINT_H_

#include <cstdint>
#include <span>

#include "core/status.h"

namespace ingot::engine {

class TokenConstraint {
 public:
  virtual ~TokenConstraint() = default;

  // Sets the bits of the tokens that may come next and clears the others: one bit a token of the
  // model's vocabulary, in words of 32, low bits first. False when any token may come; then the
  // mask means nothing. An error ends the sequence: it is never continued without its constraint.
  virtual core::Result<bool> Allowed(std::span<uint32_t> bitmask) = 0;
  // Tells which token was chosen; ends that are not part of the answer are told as well.
  virtual core::Status Accept(int token) = 0;
  // The answer is complete, and nothing may follow it.
  virtual bool Finished() const = 0;
};

}  // namespace ingot::engine

#endif  // INGOT_ENGINE_TOKEN_CONSTRAINT_H_
