// /api/create and /api/blobs: a model made on one in the store, or of files that were uploaded
// before. No path of the server's is ever named by a request.
#include <stdlib.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "core/strings.h"
#include "import/create.h"
#include "server/errors.h"
#include "server/fields.h"
#include "server/ollama_handlers.h"
#include "server/status_stream.h"
#include "store/blob_writer.h"
#include "store/session.h"
#include "text/chat/chat_template.h"
#include "text/chat/native.h"
#include "text/parse/output_parser.h"

namespace ingot::server {
namespace {

using core::Json;
using core::Path;
using core::Result;
using core::Status;
using core::StrCat;

constexpr size_t kMaxFiles = 4096;
constexpr size_t kMaxFileName = 200;

struct CreateBody {
  std::optional<store::ModelName> name;
  import::Modelfile modelfile;
  std::vector<std::pair<std::string, store::Digest>> files;
  family::Precision type = family::Precision::kSource;
  bool stream = true;
};

bool IsPlainName(std::string_view name) {
  return !name.empty() && name.front() != '.' && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

// A file's bare name, of the kinds that an import reads, at most one folder down: sentence encoders
// keep "1_Pooling/config.json".
Status CheckFileName(std::string_view name) {
  const size_t slash = name.find('/');
  const bool plain = name.size() <= kMaxFileName && IsPlainName(name.substr(0, slash)) &&
                     (slash == std::string_view::npos || IsPlainName(name.substr(slash + 1)));
  if (plain) return Status::Ok();
  return core::InvalidArgument(StrCat("files: ", core::Quoted(name, 100), " is no name of a file"));
}

Status ReadFiles(const Json* files, CreateBody& body) {
  if (files == nullptr) return Status::Ok();
  if (!files->is_object() || files->size() > kMaxFiles) {
    return WrongField("files", "an object of digests by file name", Json(files->type_name()));
  }
  for (const auto& [name, digest] : files->items()) {
    INGOT_TRY(CheckFileName(name));
    if (!digest.is_string()) return WrongField("files", "digests", digest);
    INGOT_ASSIGN(const store::Digest parsed, store::Digest::Parse(digest.get<std::string>()));
    body.files.emplace_back(name, parsed);
  }
  return Status::Ok();
}

Status ReadParameters(const Json* parameters, import::Modelfile& modelfile) {
  if (parameters == nullptr) return Status::Ok();
  if (!parameters->is_object()) return WrongField("parameters", "an object", *parameters);
  const auto text = [](const Json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
  };
  for (const auto& [name, value] : parameters->items()) {
    if (!value.is_array()) {
      INGOT_TRY(modelfile.parameters.Add(name, text(value)));
      continue;
    }
    for (const Json& one : value) INGOT_TRY(modelfile.parameters.Add(name, text(one)));
  }
  return Status::Ok();
}

Status ReadMessages(const Json* messages, import::Modelfile& modelfile) {
  if (messages == nullptr) return Status::Ok();
  if (messages->is_array()) {
    for (const Json& message : *messages) {
      const auto images = message.is_object() ? message.find("images") : message.end();
      if (images != message.end() && !images->empty()) {
        return core::InvalidArgument("messages: a model's own turns cannot have images");
      }
    }
  }
  auto read = import::ParseMessagesJson(messages->dump());
  if (!read.ok()) return core::InvalidArgument(StrCat("messages: ", read.status().message()));
  modelfile.messages = *std::move(read);
  return Status::Ok();
}

// Words that would only show themselves as wrong once the model is asked something.
Status CheckWords(const import::Modelfile& modelfile) {
  if (modelfile.chat_template) {
    text::ChatSources sources;
    sources.modelfile_template = *modelfile.chat_template;
    const auto parsed = text::ChatTemplate::Load(sources);
    if (!parsed.ok()) {
      return core::InvalidArgument(StrCat("template: ", parsed.status().message()));
    }
  }
  const std::string& renderer = modelfile.renderer;
  if (!renderer.empty() && renderer != "none" && text::FindNativeRenderer(renderer) == nullptr) {
    std::vector<std::string> names;
    for (const text::NativeRenderer& one : text::NativeRenderers()) names.emplace_back(one.name);
    return core::InvalidArgument(StrCat("renderer: there is no ", core::Quoted(renderer, 60)))
        .WithHint(StrCat("There are ", core::Join(names, ", "), "."));
  }
  const std::string& parser = modelfile.parser;
  if (!parser.empty() && parser != "none" && !text::HasOutputParser(parser)) {
    std::vector<std::string> names;
    for (const std::string_view one : text::OutputParserNames()) names.emplace_back(one);
    return core::InvalidArgument(StrCat("parser: there is no ", core::Quoted(parser, 60)))
        .WithHint(StrCat("There are ", core::Join(names, ", "), "."));
  }
  return Status::Ok();
}

Result<CreateBody> Read(const Request& request) {
  INGOT_ASSIGN(Fields fields, Fields::Parse(request.body));
  CreateBody body;
  INGOT_ASSIGN(std::optional<std::string> name, fields.Text("model"));
  INGOT_ASSIGN(const std::optional<std::string> older, fields.Text("name"));
  if (!name || name->empty()) name = older;
  if (!name || name->empty()) return core::InvalidArgument("model is required");
  INGOT_ASSIGN(body.name, store::ModelName::Parse(*name));
  // Paths of the server, text that names them, and what models of tensors do not have.
  INGOT_TRY(fields.Refuse({"path", "modelfile", "adapters", "remote_host", "info"}));
  INGOT_ASSIGN(const std::optional<std::string> from, fields.Text("from"));
  INGOT_TRY(ReadFiles(fields.Take("files"), body));
  if (from && !body.files.empty()) return core::InvalidArgument("either from or files, not both");
  if (!from && body.files.empty()) return core::InvalidArgument("from or files is required");
  import::Modelfile& modelfile = body.modelfile;
  modelfile.from = from.value_or("");
  INGOT_ASSIGN(modelfile.chat_template, fields.Text("template"));
  INGOT_ASSIGN(modelfile.system, fields.Text("system"));
  INGOT_ASSIGN(modelfile.licenses, fields.Texts("license"));
  INGOT_ASSIGN(const std::optional<std::string> renderer, fields.Text("renderer"));
  INGOT_ASSIGN(const std::optional<std::string> parser, fields.Text("parser"));
  modelfile.renderer = renderer.value_or("");
  modelfile.parser = parser.value_or("");
  INGOT_TRY(CheckWords(modelfile));
  INGOT_ASSIGN(const std::optional<std::string> least, fields.Text("requires"));
  modelfile.requires_version = least.value_or("");
  INGOT_TRY(ReadParameters(fields.Take("parameters"), modelfile));
  INGOT_TRY(ReadMessages(fields.Take("messages"), modelfile));
  INGOT_ASSIGN(std::optional<std::string> type, fields.Text("quantize"));
  INGOT_ASSIGN(const std::optional<std::string> older_type, fields.Text("quantization"));
  if (!type) type = older_type;
  INGOT_ASSIGN(body.type, import::ParseRequestedType(type.value_or("")));
  INGOT_ASSIGN(const std::optional<bool> stream, fields.Bool("stream"));
  body.stream = stream.value_or(true);
  INGOT_TRY(fields.Done());
  return body;
}

// A folder whose files are blobs of the store, gone with the object. Its path is made here: the
// names in it were checked. The blobs are claimed, so that no sweep takes them meanwhile.
class BlobFolder {
 public:
  static Result<std::unique_ptr<BlobFolder>> Make(
      const store::Store& store, const std::vector<std::pair<std::string, store::Digest>>& files) {
    std::unique_ptr<BlobFolder> folder(new BlobFolder());
    INGOT_ASSIGN(folder->session_, store::WriteSession::Begin(store));
    std::error_code error;
    std::string path =
        (std::filesystem::temp_directory_path(error) / "ingot-create-XXXXXX").native();
    if (error || mkdtemp(path.data()) == nullptr) {
      return core::ErrnoStatus(error ? error.value() : errno, "a folder for the files");
    }
    folder->path_ = path;
    for (const auto& [name, digest] : files) {
      const Path blob = std::filesystem::absolute(store.layout().Blob(digest));
      const auto info = store.env().Stat(blob);
      bool there = false;
      if (info.ok()) {
        INGOT_ASSIGN(there, folder->session_->Reuse(digest, info->size, store::Trust::kSize));
      }
      if (!there) {
        return core::NotFound(
            StrCat("files: ", name, ": the blob ", digest.ToString(), " was not uploaded"));
      }
      const Path place = folder->path_ / name;
      std::filesystem::create_directories(place.parent_path(), error);
      if (!error) std::filesystem::create_symlink(blob, place, error);
      if (error) return core::ErrnoStatus(error.value(), "files");
    }
    return folder;
  }
  ~BlobFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  BlobFolder(const BlobFolder&) = delete;
  BlobFolder& operator=(const BlobFolder&) = delete;
  const Path& path() const { return path_; }

 private:
  BlobFolder() = default;
  Path path_;
  std::unique_ptr<store::WriteSession> session_;
};

// Where the server keeps the files meanwhile is nothing to a client.
Status WithoutFolder(const Status& status, const BlobFolder* folder) {
  if (folder == nullptr) return status;
  const auto without = [&](std::string_view text) {
    const std::string path = folder->path().native();
    std::string out(text);
    for (size_t at = out.find(path); at != std::string::npos; at = out.find(path, at)) {
      out.replace(at, path.size(), "files");
    }
    return out;
  };
  return Status(status.code(), without(status.message())).WithHint(without(status.hint()));
}

Status Create(Context& context, CreateBody body, StatusStream& lines) {
  import::CreateRequest request{.name = *body.name,
                                .modelfile = std::move(body.modelfile),
                                .base = {},
                                .recipe = {},
                                .draft_requested = {},
                                .from_store = body.files.empty()};
  request.recipe.requested = body.type;
  std::unique_ptr<BlobFolder> folder;
  if (!body.files.empty()) {
    INGOT_ASSIGN(folder, BlobFolder::Make(context.store, body.files));
    request.modelfile.from = folder->path().native();
  }
  lines.SayStatus("parsing the model");
  Result<import::CreatePlan> planned = PlanCreate(context.store, std::move(request));
  if (!planned.ok()) return WithoutFolder(planned.status(), folder.get());
  const import::CreatePlan plan = *std::move(planned);
  const import::WriteOptions write{.strict = false,
                                   .measure = false,
                                   .pool = nullptr,
                                   .progress = &lines.progress(),
                                   .cancelled = [&lines] { return lines.stop().load(); }};
  const Result<import::CreateOutcome> made = ExecuteCreate(context.store, plan, write);
  if (!made.ok()) return WithoutFolder(made.status(), folder.get());
  const import::CreateOutcome& outcome = *made;
  for (const std::string& warning : outcome.warnings) {
    lines.SayStatus(StrCat("warning: ", core::Printable(warning, 1000)));
  }
  lines.SayStatus("writing manifest");
  return Status::Ok();
}

// An uploaded blob, hashed as it comes.
class BlobUpload final : public BodySink {
 public:
  static Result<std::unique_ptr<BodySink>> Begin(const store::Store& store,
                                                 const store::Digest& digest, int64_t length) {
    std::unique_ptr<BlobUpload> upload(new BlobUpload());
    INGOT_ASSIGN(upload->session_, store::WriteSession::Begin(store));
    store::BlobExpectation expected;
    expected.digest = digest;
    if (length >= 0) expected.size = static_cast<uint64_t>(length);
    INGOT_ASSIGN(upload->writer_, upload->session_->NewBlob(expected));
    return std::unique_ptr<BodySink>(std::move(upload));
  }

  Status Take(std::string_view bytes) override { return writer_->Append(bytes); }

  void Finish(const ExchangePtr& exchange) override {
    const auto blob = writer_->Commit();
    if (blob.ok()) {
      Reply reply;
      reply.status = 201;
      reply.content_type.clear();
      return exchange->Send(std::move(reply));
    }
    // Bytes that are not what their digest says are the client's mistake.
    const bool theirs = blob.status().code() == core::Code::kCorrupt;
    SendError(*exchange, theirs ? 400 : HttpStatusOf(blob.status()), ErrorText(blob.status()));
  }

 private:
  BlobUpload() = default;
  std::unique_ptr<store::WriteSession> session_;
  std::unique_ptr<store::BlobWriter> writer_;  // goes before its session
};

}  // namespace

void HandleCreate(Context& context, const ExchangePtr& exchange) {
  Result<CreateBody> body = Read(exchange->request());
  if (!body.ok()) return SendError(*exchange, body.status());
  StatusStream lines(exchange, body->stream);
  lines.End(Create(context, *std::move(body), lines));
}

void HandleHasBlob(Context& context, const ExchangePtr& exchange) {
  const auto digest = store::Digest::Parse(exchange->request().parts.at(0));
  if (!digest.ok()) return SendError(*exchange, 400, ErrorText(digest.status()));
  const auto info = context.store.env().Stat(context.store.layout().Blob(*digest));
  Reply reply;
  reply.content_type.clear();
  reply.status = info.ok() ? 200 : 404;
  exchange->Send(std::move(reply));
}

Result<std::unique_ptr<BodySink>> MakeBlobSink(Context& context, const Request& head,
                                               int64_t length) {
  auto digest = store::Digest::Parse(head.parts.at(0));
  if (!digest.ok()) return core::InvalidArgument(std::string(digest.status().message()));
  if (length > static_cast<int64_t>(store::kMaxBlobBytes)) {
    return core::InvalidArgument("the blob is larger than any may be");
  }
  return BlobUpload::Begin(context.store, *digest, length);
}

}  // namespace ingot::server
