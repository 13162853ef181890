// Every endpoint of the OpenAI API on the demo model, its fields, the order of its streams and its
// errors, in goldens/openai.txt.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/strings.h"
#include "tests/server/api_golden.h"

namespace ingot::server {
namespace {

using core::StrCat;
using testing::ApiCase;
using Cases = std::vector<ApiCase>;

constexpr Method kGet = Method::kGet;
constexpr Method kPost = Method::kPost;
constexpr Method kDelete = Method::kDelete;

constexpr const char* kChat = "/v1/chat/completions";
constexpr const char* kTexts = "/v1/completions";
constexpr const char* kVectors = "/v1/embeddings";
constexpr const char* kResponses = "/v1/responses";

constexpr const char* kSum = R"([{"role":"user","content":"What is 2+2?"}])";
constexpr const char* kTime = R"([{"role":"user","content":"What time is it in Rome?"}])";
constexpr const char* kFunction =
    R"("name":"get_time","description":"The time in a city.","parameters":{"type":"object",)"
    R"("properties":{"city":{"type":"string","enum":["Rome"]}},"required":["city"],)"
    R"("additionalProperties":false})";
// Of one answer, which ends.
constexpr const char* kSchema = R"({"type":"string","enum":["yes"]})";

// Greedy and without thinking, so that the answer is the same every time.
std::string Chat(std::string_view more = "", std::string_view messages = kSum) {
  return StrCat(R"({"model":"demo","temperature":0,"reasoning_effort":"none","messages":)",
                messages, more, "}");
}
std::string Tools(std::string_view strict = "") {
  return StrCat(R"(,"tools":[{"type":"function","function":{)", kFunction, strict, "}}]");
}
std::string Text(std::string_view prompt, std::string_view more) {
  return StrCat(R"({"model":"demo","temperature":0,"prompt":)", prompt, more, "}");
}
std::string Response(std::string_view more, std::string_view input = R"("What is 2+2?")") {
  return StrCat(R"({"model":"demo","temperature":0,"reasoning":{"effort":"none"},"input":)", input,
                more, "}");
}
std::string FlatTools() { return StrCat(R"(,"tools":[{"type":"function",)", kFunction, "}]"); }

void AddChats(Cases& cases) {
  const auto formed = [](std::string_view format, std::string_view more) {
    return Chat(StrCat(R"(,"response_format":)", format, more));
  };
  const std::string schema =
      StrCat(R"({"type":"json_schema","json_schema":{"name":"a","schema":)", kSchema, "}}");
  const char* stream = R"(,"stream":true)";
  cases.insert(
      cases.end(),
      {
          {"a chat, whole", kPost, kChat, Chat()},
          {"a chat, in pieces", kPost, kChat, Chat(stream)},
          {"a chat, in pieces, with usage", kPost, kChat,
           Chat(R"(,"stream":true,"stream_options":{"include_usage":true})")},
          {"two answers", kPost, kChat, Chat(R"(,"n":2,"max_tokens":1)")},
          {"parts of a message", kPost, kChat,
           Chat("", R"([{"role":"developer","content":"Be brief."},{"role":"user","content":)"
                    R"([{"type":"text","text":"What is "},{"type":"text","text":"2+2?"}]}])")},
          {"logprobs", kPost, kChat,
           Chat(R"(,"logprobs":true,"top_logprobs":2,"max_completion_tokens":1)")},
          {"logprobs, in pieces", kPost, kChat,
           Chat(R"(,"logprobs":true,"stream":true,"max_tokens":1)")},
          {"no tokens at all", kPost, kChat, Chat(R"(,"max_tokens":0)")},
          {"cut at two tokens", kPost, kChat,
           Chat(R"(,"max_tokens":2)", R"([{"role":"user","content":"Spell tiger."}])")},
          {"stopped", kPost, kChat, Chat(R"(,"stop":"4")")},
          {"stopped by one of several", kPost, kChat, Chat(R"(,"stop":["x","4"],"stream":true)")},
          {"a bias", kPost, kChat, Chat(R"(,"logit_bias":{"22":-100},"max_tokens":1)")},
          {"all that sampling knows", kPost, kChat,
           Chat(R"(,"seed":7,"top_p":1,"top_k":1,"min_p":0,"presence_penalty":0,)"
                R"("frequency_penalty":0,"repetition_penalty":1,"user":"me",)"
                R"("metadata":{"a":"b"},"store":false,"service_tier":"auto",)"
                R"("modalities":["text"],"prompt_cache_key":"k","safety_identifier":"s")")},
          {"a call", kPost, kChat, Chat(Tools(), kTime)},
          {"a call, in pieces", kPost, kChat, Chat(Tools() + stream, kTime)},
          {"no call where none may be", kPost, kChat,
           Chat(Tools() + R"(,"tool_choice":"none","max_tokens":4)", kTime)},
          {"a call that is required", kPost, kChat, Chat(Tools() + R"(,"tool_choice":"required")")},
          {"a call that is required, in pieces, strictly", kPost, kChat,
           Chat(Tools(R"(,"strict":true)") +
                R"(,"tool_choice":"required","parallel_tool_calls":false,"stream":true)")},
          {"a call by name", kPost, kChat,
           Chat(Tools() + R"(,"tool_choice":{"type":"function","function":{"name":"get_time"}})")},
          {"what a call gave back", kPost, kChat,
           Chat(Tools() + R"(,"max_tokens":8)",
                R"([{"role":"user","content":"What time is it in Rome?"},{"role":"assistant",)"
                R"("content":null,"tool_calls":[{"id":"call_1","type":"function","function":)"
                R"({"name":"get_time","arguments":"{\"city\":\"Rome\"}"}}]},)"
                R"({"role":"tool","tool_call_id":"call_1","content":"15:00"}])")},
          {"by a schema", kPost, kChat, formed(schema, "")},
          {"by a schema, in pieces", kPost, kChat, formed(schema, stream)},
          {"by a pattern", kPost, kChat, formed(R"({"type":"regex","pattern":"(yes|no)!"})", "")},
          {"by a grammar", kPost, kChat,
           formed(R"({"type":"grammar","grammar":"root ::= \"yes\" | \"no\""})", "")},
          {"by nothing but text", kPost, kChat, formed(R"({"type":"text"})", "")},
          {"a thinking budget", kPost, kChat,
           StrCat(R"({"model":"demo","temperature":0,"reasoning":{"effort":"low","max_tokens":0},)",
                  R"("messages":)", kSum, "}")},
      });
}

void AddChatErrors(Cases& cases) {
  const auto message = [](std::string_view one) { return Chat("", StrCat("[", one, "]")); };
  cases.insert(
      cases.end(),
      {
          {"no body", kPost, kChat, ""},
          {"no JSON", kPost, kChat, "{"},
          {"no object", kPost, kChat, "[]"},
          {"no model", kPost, kChat, R"({"messages":[]})"},
          {"a model that is not there", kPost, kChat,
           StrCat(R"({"model":"none","messages":)", kSum, "}")},
          {"no messages", kPost, kChat, R"({"model":"demo"})"},
          {"none of them", kPost, kChat, Chat("", "[]")},
          {"an unknown field", kPost, kChat, Chat(R"(,"colour":"red")")},
          {"a field that is nearly right", kPost, kChat, Chat(R"(,"max_token":1)")},
          {"functions", kPost, kChat, Chat(R"(,"functions":[])")},
          {"function_call", kPost, kChat, Chat(R"(,"function_call":"auto")")},
          {"audio", kPost, kChat, Chat(R"(,"audio":{})")},
          {"spoken answers", kPost, kChat, Chat(R"(,"modalities":["text","audio"])")},
          {"prediction", kPost, kChat, Chat(R"(,"prediction":{})")},
          {"web search", kPost, kChat, Chat(R"(,"web_search_options":{})")},
          {"verbosity", kPost, kChat, Chat(R"(,"verbosity":"low")")},
          {"stored chats", kPost, kChat, Chat(R"(,"store":true)")},
          {"a tier", kPost, kChat, Chat(R"(,"service_tier":"flex")")},
          {"obfuscation", kPost, kChat,
           Chat(R"(,"stream":true,"stream_options":{"include_obfuscation":true})")},
          {"options of no stream", kPost, kChat, Chat(R"(,"stream_options":{})")},
          {"a stream that is none", kPost, kChat, Chat(R"(,"stream":"yes")")},
          {"no answers", kPost, kChat, Chat(R"(,"n":0)")},
          {"too hot", kPost, kChat,
           StrCat(R"({"model":"demo","temperature":2.5,"messages":)", kSum, "}")},
          {"too many alternatives", kPost, kChat, Chat(R"(,"logprobs":true,"top_logprobs":21)")},
          {"alternatives of nothing", kPost, kChat, Chat(R"(,"top_logprobs":2)")},
          {"a bias too strong", kPost, kChat, Chat(R"(,"logit_bias":{"5":101})")},
          {"a bias of a word", kPost, kChat, Chat(R"(,"logit_bias":{"hello":1})")},
          {"a bias of no token", kPost, kChat, Chat(R"(,"logit_bias":{"99999":1})")},
          {"an effort that is none", kPost, kChat,
           StrCat(R"({"model":"demo","reasoning_effort":"huge","messages":)", kSum, "}")},
          {"a format that is none", kPost, kChat, Chat(R"(,"response_format":{"type":"xml"})")},
          {"a schema that is missing", kPost, kChat,
           Chat(R"(,"response_format":{"type":"json_schema","json_schema":{"name":"a"}})")},
          {"a schema that nothing fits", kPost, kChat,
           Chat(R"(,"response_format":{"type":"json_schema","json_schema":{"schema":)"
                R"({"type":"integer","minimum":3,"maximum":2}}})")},
          {"a schema of the network's", kPost, kChat,
           Chat(R"(,"response_format":{"type":"json_schema","json_schema":{"schema":)"
                R"({"$ref":"https://example.com/schema.json"}}})")},
          {"a pattern that is none", kPost, kChat,
           Chat(R"(,"response_format":{"type":"regex","pattern":"("})")},
          {"a grammar that is none", kPost, kChat,
           Chat(R"(,"response_format":{"type":"grammar","grammar":"root ::= "})")},
          {"a format and a call", kPost, kChat,
           Chat(Tools() + R"(,"tool_choice":"required","response_format":{"type":"json_object"})")},
          {"a call without tools", kPost, kChat, Chat(R"(,"tool_choice":"required")")},
          {"a call of another tool", kPost, kChat,
           Chat(Tools() + R"(,"tool_choice":{"type":"function","function":{"name":"sing"}})")},
          {"a choice that is none", kPost, kChat, Chat(Tools() + R"(,"tool_choice":"maybe")")},
          {"a tool of another kind", kPost, kChat, Chat(R"(,"tools":[{"type":"web_search"}])")},
          {"a tool without a name", kPost, kChat,
           Chat(R"(,"tools":[{"type":"function","function":{}}])")},
          {"a message of nobody", kPost, kChat, message(R"({"content":"x"})")},
          {"a message of a stranger", kPost, kChat, message(R"({"role":"king","content":"x"})")},
          {"a message without content", kPost, kChat, message(R"({"role":"user"})")},
          {"a name", kPost, kChat, message(R"({"role":"user","name":"Ann","content":"x"})")},
          {"a call whose arguments are none", kPost, kChat,
           message(R"({"role":"assistant","tool_calls":[{"id":"c","type":"function","function":)"
                   R"({"name":"f","arguments":"["}}]})")},
          {"a result of no call", kPost, kChat, message(R"({"role":"tool","content":"x"})")},
          {"a picture of the network's", kPost, kChat,
           message(R"({"role":"user","content":[{"type":"image_url","image_url":)"
                   R"({"url":"https://example.com/a.png"}}]})")},
          {"a picture", kPost, kChat,
           message(R"({"role":"user","content":[{"type":"image_url","image_url":)"
                   R"({"url":"data:image/png;base64,AAAA"}}]})")},
          {"sound", kPost, kChat,
           message(R"({"role":"user","content":[{"type":"input_audio","input_audio":{}}]})")},
          {"the wrong method", kGet, kChat},
          {"nowhere", kGet, "/v1/nowhere"},
          {"transcriptions", kPost, "/v1/audio/transcriptions", "{}"},
      });
}

void AddTexts(Cases& cases) {
  const char* two = R"(,"max_tokens":2)";
  cases.insert(
      cases.end(),
      {
          {"a text, whole", kPost, kTexts, Text(R"("What")", two)},
          {"a text, in pieces, with usage", kPost, kTexts,
           Text(R"("What")",
                R"(,"max_tokens":2,"stream":true,"stream_options":{"include_usage":true})")},
          {"texts, two of each", kPost, kTexts,
           Text(R"(["What","Who"])", R"(,"max_tokens":1,"n":2)")},
          {"tokens", kPost, kTexts, Text("[5,6]", two)},
          {"lists of tokens", kPost, kTexts, Text("[[5,6],[7]]", two)},
          {"logprobs", kPost, kTexts, Text(R"("What")", R"(,"max_tokens":1,"logprobs":2)")},
          {"a prompt's logprobs", kPost, kTexts,
           Text(R"("What is")", R"(,"max_tokens":0,"logprobs":1,"echo":true)")},
          {"a prompt's logprobs, in pieces", kPost, kTexts,
           Text(R"("What is")", R"(,"max_tokens":1,"logprobs":0,"echo":true,"stream":true)")},
          {"an echo of tokens", kPost, kTexts, Text("[5,6]", R"(,"max_tokens":0,"echo":true)")},
          {"a text by a pattern", kPost, kTexts,
           Text(R"("What")", R"(,"response_format":{"type":"regex","pattern":"(yes|no)!"})")},
          {"stopped at once", kPost, kTexts,
           Text(R"("What")", R"(,"response_format":{"type":"regex","pattern":"yes"},"stop":"e")")},
          {"a text without a prompt", kPost, kTexts, R"({"model":"demo"})"},
          {"an empty prompt", kPost, kTexts, Text(R"("")", "")},
          {"no prompts", kPost, kTexts, Text("[]", "")},
          {"a prompt of another kind", kPost, kTexts, Text("{}", "")},
          {"a token that is none", kPost, kTexts, Text("[1000000]", "")},
          {"half a token", kPost, kTexts, Text("[1.5]", "")},
          {"a text with a suffix", kPost, kTexts, Text(R"("a")", R"(,"suffix":"b")")},
          {"the best of several", kPost, kTexts, Text(R"("a")", R"(,"best_of":3)")},
          {"too many logprobs", kPost, kTexts, Text(R"("a")", R"(,"logprobs":21)")},
          {"more than are answered at once", kPost, kTexts,
           Text(R"(["a","b","c","d","e"])", R"(,"n":16)")},
          {"an unknown field of a text", kPost, kTexts, Text(R"("a")", R"(,"messages":[])")},
          {"a text of no model", kPost, kTexts, R"({"model":"none","prompt":"a"})"},
      });
}

void AddVectors(Cases& cases) {
  const auto vector = [](std::string_view more) {
    return StrCat(R"({"model":"demo","input":)", more, "}");
  };
  cases.insert(
      cases.end(),
      {
          {"a vector", kPost, kVectors, vector(R"("one")")},
          {"vectors", kPost, kVectors, vector(R"(["one","two"],"dimensions":4,"user":"me")")},
          {"vectors of tokens, in base 64", kPost, kVectors,
           vector(R"([[5,6],[7]],"encoding_format":"base64","dimensions":2)")},
          {"vectors of nothing", kPost, kVectors, vector(R"("")")},
          {"no vectors", kPost, kVectors, vector("[]")},
          {"a vector without an input", kPost, kVectors, R"({"model":"demo"})"},
          {"a vector of a token that is none", kPost, kVectors, vector("[1000000]")},
          {"a vector that is too long", kPost, kVectors, vector(R"("one","dimensions":100000)")},
          {"a vector in base 7", kPost, kVectors, vector(R"("one","encoding_format":"base7")")},
          {"an unknown field of a vector", kPost, kVectors, vector(R"("one","normalize":true)")},
          {"a vector of no model", kPost, kVectors, R"({"model":"none","input":"a"})"},
      });
}

void AddResponses(Cases& cases) {
  const char* stream = R"(,"stream":true)";
  const std::string id = StrCat(kResponses, "/{id}");
  cases.insert(
      cases.end(),
      {
          {"a response, whole", kPost, kResponses,
           Response(R"(,"instructions":"Be brief.","metadata":{"a":"b"},"max_output_tokens":20)")},
          {"it is kept", kGet, id},
          {"with what it was asked", kGet, id + "/input_items"},
          {"it goes on", kPost, kResponses,
           Response(R"(,"previous_response_id":"{id}","store":true)", R"("What is 3+3?")")},
          {"with all that was asked", kGet, id + "/input_items"},
          {"it is deleted", kDelete, id},
          {"it is gone", kGet, id},
          {"with what it was asked", kGet, id + "/input_items"},
          {"it is deleted again", kDelete, id},
          {"nothing goes on from it", kPost, kResponses,
           Response(R"(,"previous_response_id":"{id}")")},
          {"a response, in pieces", kPost, kResponses, Response(stream)},
          {"it is kept, too", kGet, id},
          {"a response that is not kept", kPost, kResponses, Response(R"(,"store":false)")},
          {"it is not there", kGet, id},
          {"nothing goes on from that either", kPost, kResponses,
           Response(R"(,"previous_response_id":"{id}")")},
          {"a response that calls", kPost, kResponses,
           Response(FlatTools(), R"("What time is it in Rome?")")},
          {"a response that calls, in pieces", kPost, kResponses,
           Response(FlatTools() + stream, R"("What time is it in Rome?")")},
          {"a response that must call", kPost, kResponses,
           Response(FlatTools() + R"(,"tool_choice":{"type":"function","name":"get_time"})")},
          {"a response to what a call gave", kPost, kResponses,
           Response(FlatTools() + R"(,"max_output_tokens":8)",
                    R"([{"role":"user","content":"What time is it in Rome?"},{"type":)"
                    R"("function_call","call_id":"c","name":"get_time","arguments":)"
                    R"("{\"city\":\"Rome\"}"},{"type":"function_call_output","call_id":"c",)"
                    R"("output":"15:00"}])")},
          {"a response by a schema, in pieces", kPost, kResponses,
           Response(StrCat(R"(,"stream":true,"text":{"format":{"type":"json_schema","name":"a",)",
                           R"("schema":)", kSchema, "}}"))},
          {"a response with logprobs", kPost, kResponses,
           Response(R"(,"include":["message.output_text.logprobs"],"top_logprobs":1)")},
          {"a response that is cut", kPost, kResponses,
           Response(R"(,"max_output_tokens":2,"stream":true)", R"("Spell tiger.")")},
          {"a response to thoughts of before", kPost, kResponses,
           Response("", R"([{"type":"message","role":"user","content":[{"type":"input_text",)"
                        R"("text":"What is 1+1?"}]},{"type":"reasoning","summary":[{"type":)"
                        R"("summary_text","text":"ones: 2"}]},{"type":"message","role":)"
                        R"("assistant","content":[{"type":"output_text","text":"2"}]},)"
                        R"({"role":"user","content":"What is 2+2?"}])")},
      });
}

void AddResponseErrors(Cases& cases) {
  cases.insert(
      cases.end(),
      {
          {"in the background", kPost, kResponses, Response(R"(,"background":true)")},
          {"in a conversation", kPost, kResponses, Response(R"(,"conversation":"c")")},
          {"of a stored prompt", kPost, kResponses, Response(R"(,"prompt":{"id":"p"})")},
          {"with tools of its own", kPost, kResponses,
           Response(R"(,"tools":[{"type":"web_search"}])")},
          {"so many calls", kPost, kResponses, Response(R"(,"max_tool_calls":1)")},
          {"cut as it likes", kPost, kResponses, Response(R"(,"truncation":"auto")")},
          {"included", kPost, kResponses,
           Response(R"(,"include":["reasoning.encrypted_content"])")},
          {"without input", kPost, kResponses, R"({"model":"demo"})"},
          {"with none", kPost, kResponses, Response("", "[]")},
          {"with an item of no type", kPost, kResponses, Response("", "[{}]")},
          {"with an item of another type", kPost, kResponses,
           Response("", R"([{"type":"web_search_call","id":"w"}])")},
          {"with a picture", kPost, kResponses,
           Response("", R"([{"role":"user","content":[{"type":"input_image","image_url":)"
                        R"("data:image/png;base64,AAAA"}]}])")},
          {"with a file", kPost, kResponses,
           Response("", R"([{"role":"user","content":[{"type":"input_file","file_id":"f"}]}])")},
          {"with arguments that are none", kPost, kResponses,
           Response("", R"([{"type":"function_call","call_id":"c","name":"f","arguments":"["}])")},
          {"with metadata that is none", kPost, kResponses, Response(R"(,"metadata":{"a":1})")},
          {"with an unknown field", kPost, kResponses, Response(R"(,"messages":[])")},
          {"of no model", kPost, kResponses, R"({"model":"none","input":"a"})"},
          {"of no such id", kGet, "/v1/responses/resp_none"},
          {"what goes on from another's", kPost, kResponses,
           Response(R"(,"previous_response_id":"resp_none")")},
      });
}

TEST(OpenAiGoldenTest, EveryEndpointAnswersAsItDid) {
  Cases cases;
  AddChats(cases);
  AddChatErrors(cases);
  AddTexts(cases);
  AddVectors(cases);
  AddResponses(cases);
  AddResponseErrors(cases);
  cases.insert(cases.end(),
               {
                   {"the models", kGet, "/v1/models"},
                   {"a model", kGet, "/v1/models/demo"},
                   {"a model by its whole name", kGet, "/v1/models/library/demo:latest"},
                   {"no model", kGet, "/v1/models/none"},
                   {"no name of a model", kGet, "/v1/models/..%2f..%2fetc"},
               });
  const testing::DemoServer server;
  testing::ExpectGoldenText("openai.txt", testing::TellAll(server, cases));
}

}  // namespace
}  // namespace ingot::server
