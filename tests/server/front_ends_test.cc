// What the OpenAI and Anthropic front ends make of requests and of answers, on goldens.
#include <functional>
#include <string>
#include <variant>

#include <gtest/gtest.h>

#include "server/anthropic_events.h"
#include "server/anthropic_request.h"
#include "server/errors.h"
#include "server/http_types.h"
#include "server/openai_chat.h"
#include "server/openai_completions.h"
#include "server/openai_embeddings.h"
#include "server/openai_fields.h"
#include "server/openai_responses.h"
#include "server/responses_events.h"
#include "tests/server/golden.h"

namespace ingot::server {
namespace {

using core::Json;

// What a request becomes, or the body of the error that it is answered with.
using Reader = std::function<core::Result<Json>(const Json&)>;
using ErrorMaker = std::function<Json(const core::Status&)>;

Json OpenAiError(const core::Status& status) { return OpenAiErrorBody(status); }
Json AnthropicError(const core::Status& status) {
  return ErrorBody(ApiStyle::kAnthropic, HttpStatusOf(status), ErrorText(status), "req_1");
}

// Every case of FILE.json is a request, or what is laid over the first case.
void CheckRequests(const std::string& file, const Reader& read, const ErrorMaker& error) {
  const Json cases = ReadData(file + ".json");
  Json found = Json::object();
  for (const auto& [name, given] : cases.items()) {
    Json request = cases.front();
    for (const auto& [field, value] : given.items()) request[field] = value;
    core::Result<Json> read_as = read(request);
    if (read_as.ok()) {
      found[name] = *std::move(read_as);
    } else {
      found[name] = {{"status", HttpStatusOf(read_as.status())}, {"body", error(read_as.status())}};
    }
  }
  ExpectGolden(file + ".golden.json", WithoutIds(found));
}

TEST(OpenAiChatRequest, ReadsEveryFieldOrRefusesItByName) {
  CheckRequests(
      "openai_chat",
      [](const Json& json) -> core::Result<Json> {
        INGOT_ASSIGN(const OpenAiChat chat, ParseOpenAiChat(json));
        Json task = TaskJson(chat.task);
        task["n"] = chat.delivery.choices;
        task["stream"] = chat.delivery.stream;
        task["usage"] = chat.delivery.usage;
        return task;
      },
      OpenAiError);
}

TEST(OpenAiCompletionsRequest, ReadsEveryFieldOrRefusesItByName) {
  CheckRequests(
      "openai_completions",
      [](const Json& json) -> core::Result<Json> {
        INGOT_ASSIGN(const OpenAiCompletions request, ParseOpenAiCompletions(json));
        Json all = {{"n", request.delivery.choices},
                    {"echo", request.echo},
                    {"logprobs", request.logprobs},
                    {"stream", request.delivery.stream},
                    {"usage", request.delivery.usage}};
        for (const ChatTask& task : request.tasks) all["tasks"].push_back(TaskJson(task));
        return all;
      },
      OpenAiError);
}

TEST(OpenAiResponsesRequest, ReadsEveryFieldOrRefusesItByName) {
  const Json earlier = Json::parse(R"([
    {"type": "message", "id": "msg_a", "role": "user",
     "content": [{"type": "input_text", "text": "before"}]},
    {"type": "reasoning", "id": "rs_a", "summary": [{"type": "summary_text", "text": "hm"}]},
    {"type": "message", "id": "msg_b", "role": "assistant", "status": "completed",
     "content": [{"type": "output_text", "text": "so", "annotations": [], "logprobs": []}]}])");
  CheckRequests(
      "openai_responses",
      [&](const Json& json) -> core::Result<Json> {
        INGOT_ASSIGN(const std::optional<std::string> previous, PreviousResponseId(json));
        INGOT_ASSIGN(const OpenAiResponses request,
                     ParseOpenAiResponses(json, previous ? earlier : Json::array()));
        Json task = TaskJson(request.task);
        task["stream"] = request.stream;
        task["store"] = request.store;
        task["items"] = request.items;
        task["said"] = request.said;
        return task;
      },
      OpenAiError);
}

TEST(OpenAiEmbeddingsRequest, ReadsEveryFieldOrRefusesItByName) {
  CheckRequests(
      "openai_embeddings",
      [](const Json& json) -> core::Result<Json> {
        INGOT_ASSIGN(const OpenAiEmbeddings request, ParseOpenAiEmbeddings(json));
        Json all = {{"model", request.task.model},
                    {"dimensions", request.task.dimensions},
                    {"truncate", request.task.truncate},
                    {"base64", request.base64}};
        for (const auto& input : request.task.inputs) {
          std::visit([&](const auto& value) { all["inputs"].push_back(value); }, input);
        }
        return all;
      },
      OpenAiError);
}

TEST(OpenAiEmbeddingsAnswer, GivesNumbersOrTheirBytes) {
  OpenAiEmbeddings request;
  request.task.model = "mini";
  EmbedResult result;
  result.vectors = {{1.0F, -0.5F}, {0.0F, 2.0F}};
  result.prompt_tokens = 9;
  Json found = {{"numbers", EmbeddingsJson(request, result)}};
  request.base64 = true;
  found["bytes"] = EmbeddingsJson(request, result);
  ExpectGolden("openai_embeddings_answers.golden.json", found);
}

TEST(AnthropicRequest, ReadsEveryFieldOrRefusesItByName) {
  CheckRequests(
      "anthropic_messages",
      [](const Json& json) -> core::Result<Json> {
        INGOT_ASSIGN(const AnthropicRequest request, ParseAnthropic(json, false));
        Json task = TaskJson(request.task);
        task["stream"] = request.stream;
        return task;
      },
      AnthropicError);
}

TEST(AnthropicRequest, CountsWithoutWhatOnlyAnswersNeed) {
  Json request = ReadData("anthropic_messages.json").front();
  EXPECT_FALSE(ParseAnthropic(request, true).ok());
  request.erase("max_tokens");
  EXPECT_TRUE(ParseAnthropic(request, true).ok());
  EXPECT_FALSE(ParseAnthropic(request, false).ok());
}

// Answers: pieces and an end, made into a stream and into one body by each front end.
struct Recorded {
  std::vector<AnswerPiece> pieces;
  AnswerEnd end;
  WholeAnswer whole;
  bool logprobs = false;

  explicit Recorded(const Json& json) : end(EndOf(json["end"])) {
    for (const Json& piece : json["pieces"]) {
      pieces.push_back(PieceOf(piece));
      whole.Add(PieceOf(piece));
      logprobs = logprobs || piece.contains("logprobs");
    }
    whole.end = end;
  }
};

void CheckAnswers(const std::string& file, const std::function<Json(const Recorded&)>& make) {
  Json found = Json::object();
  const Json answers = ReadData("answers.json");
  for (const auto& [name, given] : answers.items()) {
    found[name] = make(Recorded(given));
  }
  ExpectGolden(file, WithoutIds(found));
}

void Append(std::vector<Json> events, Json& list) {
  for (Json& event : events) list.push_back(std::move(event));
}

TEST(OpenAiChatAnswer, HasItsChunksInOrder) {
  const OpenAiHead head{"chatcmpl-1", "demo", 1234};
  CheckAnswers("openai_chat_answers.golden.json", [&](const Recorded& answer) {
    Json stream = Json::array();
    ChatChunks chunks(head, 0, true, answer.logprobs);
    OpenAiUsage usage;
    for (const AnswerPiece& piece : answer.pieces) Append(chunks.Piece(piece), stream);
    Append(chunks.End(answer.end), stream);
    usage.Add(answer.end);
    stream.push_back(UsageChunk(head, usage));
    return Json{{"stream", stream},
                {"whole", ChatCompletion(head, {answer.whole, answer.whole}, answer.logprobs)}};
  });
}

TEST(OpenAiCompletionsAnswer, CarriesLogprobsOfPromptAndAnswer) {
  const OpenAiHead head{"cmpl-1", "demo", 1234};
  CheckAnswers("openai_completions_answers.golden.json", [&](const Recorded& answer) {
    CompletionAnswer one;
    one.prompt = "Größe";
    one.answer = answer.whole;
    PieceLogprob token;
    token.chosen = {1, "Grö", 0};
    one.start.prompt.push_back(token);
    token.chosen = {2, "ße", -0.5F};
    token.top = {{3, "ss", -0.25F}, {2, "ße", -0.5F}};
    one.start.prompt.push_back(token);
    return Json{{"echo", Completion(head, {one}, 1, true, answer.logprobs)},
                {"plain", Completion(head, {one, one}, 2, false, false)}};
  });
}

TEST(OpenAiResponsesAnswer, HasItsEventsInOrder) {
  CheckAnswers("openai_responses_answers.golden.json", [](const Recorded& answer) {
    OpenAiResponses request;
    request.task.model = "demo";
    request.task.logprobs = answer.logprobs ? 1 : -1;
    request.said = {{"metadata", {{"a", "b"}}}};
    ResponsesEvents events("resp_1", 1234, request);
    Json stream = events.Start();
    for (const AnswerPiece& piece : answer.pieces) Append(events.Piece(piece), stream);
    Append(events.End(answer.end), stream);
    for (size_t i = 0; i < stream.size(); ++i) EXPECT_EQ(stream[i]["sequence_number"], i);
    return Json{{"stream", stream}};
  });
}

TEST(OpenAiResponsesAnswer, SaysWhyItFailed) {
  OpenAiResponses request;
  request.task.model = "demo";
  ResponsesEvents events("resp_1", 1234, request);
  events.Start();
  AnswerPiece piece;
  piece.content = "half";
  events.Piece(piece);
  const std::vector<Json> last = events.Fail(core::Internal("it broke"));
  EXPECT_EQ(last.back()["type"], "response.failed");
  EXPECT_EQ(last.back()["response"]["status"], "failed");
  EXPECT_EQ(last.back()["response"]["error"]["message"], "it broke");
}

TEST(AnthropicAnswer, HasItsEventsInOrder) {
  CheckAnswers("anthropic_answers.golden.json", [](const Recorded& answer) {
    AnthropicEvents events("msg_1", "demo");
    Json stream = Json::array({events.Start(20, 5)});
    for (const AnswerPiece& piece : answer.pieces) Append(events.Piece(piece), stream);
    Append(events.End(answer.end), stream);
    return Json{{"stream", stream}, {"whole", AnthropicMessage("msg_1", "demo", answer.whole)}};
  });
}

TEST(OpenAiErrors, NameTheFieldAndTheKind) {
  Json found = Json::object();
  found["field"] = OpenAiErrorBody(core::InvalidArgument("messages[2].role: expected a string"));
  found["sentence"] = OpenAiErrorBody(core::InvalidArgument("that makes no sense: none at all"));
  found["model"] = OpenAiErrorBody(core::NotFound("there is no model \"x\""));
  found["busy"] = OpenAiErrorBody(core::Status(core::Code::kBusy, "the queue is full"));
  found["internal"] = OpenAiErrorBody(core::Internal("a bug"));
  ExpectGolden("openai_errors.golden.json", found);
}

}  // namespace
}  // namespace ingot::server
