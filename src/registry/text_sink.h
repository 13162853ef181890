// Collects a small answer. One thread.
#ifndef INGOT_REGISTRY_TEXT_SINK_H_
#define INGOT_REGISTRY_TEXT_SINK_H_

#include <string>

#include "core/strings.h"
#include "registry/http.h"

namespace ingot::registry {

class TextSink : public BodySink {
 public:
  explicit TextSink(uint64_t limit) : limit_(limit) {}

  core::Status Begin(const HttpResponse&) override {
    text_.clear();
    return core::Status::Ok();
  }
  core::Status Take(std::span<const std::byte> data) override {
    if (data.size() > limit_ - text_.size()) {
      return core::Exhausted(core::StrCat("its answer is longer than ", limit_, " bytes"));
    }
    text_.append(reinterpret_cast<const char*>(data.data()), data.size());
    return core::Status::Ok();
  }

  const std::string& text() const { return text_; }
  std::string TakeText() { return std::move(text_); }

 private:
  const uint64_t limit_;
  std::string text_;
};

}  // namespace ingot::registry

#endif  // INGOT_REGISTRY_TEXT_SINK_H_
