// Decides from the head of a request whether it may come in and who answers it: Host and Origin,
// keys and roles, routes and the size of bodies. Any thread.
#ifndef INGOT_SERVER_GATE_H_
#define INGOT_SERVER_GATE_H_

#include <cstdint>
#include <memory>
#include <utility>

#include "server/api_keys.h"
#include "server/context.h"
#include "server/guard.h"
#include "server/net/http_server.h"
#include "server/route.h"

namespace ingot::server {

class Gate final : public Dispatcher {
 public:
  Gate(Context& context, ApiKeys keys, GuardOptions guard, Router router)
      : context_(context),
        keys_(std::move(keys)),
        guard_(std::move(guard)),
        router_(std::move(router)) {}

  Admission Admit(Request& head, int64_t content_length) override;
  void Handle(const Admission& admission, const ExchangePtr& exchange) override;
  core::Result<std::unique_ptr<BodySink>> MakeSink(const Admission& admission, const Request& head,
                                                   int64_t content_length) override;
  void Finished(const Request& request, const Caller& caller, int status, uint64_t bytes,
                double seconds) override;

 private:
  void CheckCaller(const Request& head, Admission& admission) const;

  Context& context_;
  const ApiKeys keys_;
  const Guard guard_;
  const Router router_;
};

}  // namespace ingot::server

#endif  // INGOT_SERVER_GATE_H_
