// Several answers to one request: the choices of `n`, the prompts of a list. They run at once; what
// comes is told to one object, one call at a time, by the number of the answer. When one fails, or
// the client goes, all end.
//
// Subclasses say what is sent. Made by a handler; any thread.
#ifndef INGOT_SERVER_ANSWER_GROUP_H_
#define INGOT_SERVER_ANSWER_GROUP_H_

#include <cstddef>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/status.h"
#include "server/answer.h"
#include "server/chat_task.h"
#include "server/context.h"
#include "server/exchange.h"
#include "server/heartbeat.h"

namespace ingot::server {

class AnswerGroup : public Heard, public std::enable_shared_from_this<AnswerGroup> {
 public:
  explicit AnswerGroup(ExchangePtr exchange) : exchange_(std::move(exchange)) {}
  ~AnswerGroup() override = default;
  AnswerGroup(const AnswerGroup&) = delete;
  AnswerGroup& operator=(const AnswerGroup&) = delete;

  // Starts them all. Choices of one prompt draw from seeds of their own.
  void Run(Context& context, std::vector<ChatTask> tasks);
  // Keeps a stream alive while a long prompt is read.
  void OnBeat() override;

 protected:
  // Under a lock. OnFailed and OnAllEnded come once, and are the last.
  virtual void OnStart(size_t answer, const AnswerStart& start) = 0;
  virtual void OnPiece(size_t answer, AnswerPiece piece) = 0;
  virtual void OnEnd(size_t answer, AnswerEnd end) = 0;
  virtual void OnAllEnded() = 0;
  virtual void OnFailed(const Refusal& refusal) = 0;
  virtual void OnWaiting() {}

  Exchange& exchange() { return *exchange_; }

  // Server-sent events. The stream is opened with the first of them, so that what fails before it
  // can still be answered with a status.
  void SendData(const core::Json& json);
  void SendEvent(const core::Json& json);  // named by its "type"
  void SendText(std::string_view bytes);
  bool streaming() const { return stream_ != nullptr; }
  void CloseStream();

 private:
  class Sink;
  void Started(size_t answer, const AnswerStart& start);
  void Came(size_t answer, AnswerPiece piece);
  void Ended(size_t answer, core::Result<AnswerEnd> end);
  void Fail(const Refusal& refusal);
  void CancelAll();

  const ExchangePtr exchange_;
  std::shared_ptr<StreamWriter> stream_;
  std::mutex lock_;
  std::vector<engine::Ticket> tickets_;
  size_t open_ = 0;
  bool over_ = false;       // nothing more is told
  bool cancelled_ = false;  // what is submitted from now on is cancelled at once
};

}  // namespace ingot::server

#endif  // INGOT_SERVER_ANSWER_GROUP_H_
