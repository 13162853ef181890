// `ingot show`: what a model is.
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/store_access.h"
#include "cli/table.h"
#include "core/strings.h"
#include "registry/pull_marker.h"
#include "server/model_card.h"

namespace ingot::cli {
namespace {

using core::StrCat;
using server::ModelCard;
using server::ModelTensor;

struct ShowOptions {
  std::string name;
  bool license = false, modelfile = false, parameters = false, template_text = false;
  bool system = false, verbose = false, json = false;
};

std::string ParameterText(const core::Json& value) {
  return value.is_string() ? core::Quoted(value.get<std::string>()) : value.dump();
}

Table ParametersTable(const ModelCard& card) {
  Table table;
  for (const auto& [key, value] : SingleParams(card)) {
    table.AddRow({core::Printable(key), core::Printable(ParameterText(value), 300)});
  }
  return table;
}

std::string ShapeText(const std::vector<uint64_t>& shape) {
  std::vector<std::string> dims;
  for (const uint64_t dim : shape) dims.push_back(StrCat(dim));
  return StrCat('[', core::Join(dims, " "), ']');
}

// The first lines of a long text, and a sign that there is more.
Table FirstLines(std::string_view text, size_t count) {
  Table table;
  for (const std::string_view line : core::Split(text, '\n')) {
    if (core::Trim(line).empty()) continue;
    if (count-- == 0) {
      table.AddRow({"..."});
      break;
    }
    table.AddRow({core::Printable(core::Trim(line), 150)});
  }
  return table;
}

Table ModelTable(const ModelCard& card) {
  Table table;
  const auto row = [&](const char* title, const std::string& value, bool always = false) {
    if (always || !value.empty()) table.AddRow({title, core::Printable(value)});
  };
  const auto number = [](const std::optional<uint64_t>& value) {
    return value ? StrCat(*value) : std::string();
  };
  row("architecture", card.architecture);
  row("parameters", card.parameters);
  row("context length", number(card.context_length));
  row("embedding length", number(card.embedding_length));
  row("quantization", card.quantization, true);
  row("requires", card.config.requires_version);
  if (card.config.draft) row("draft", card.config.draft->architecture);
  return table;
}

void PrintSection(Session& session, std::string_view title, const Table& table) {
  if (table.empty()) return;
  session.Print(StrCat("  ", title, "\n", table.Render(4), "\n"));
}

void PrintSections(Session& session, const ModelCard& card, bool verbose) {
  PrintSection(session, "Model", ModelTable(card));
  Table capabilities;
  for (const std::string& one : card.config.capabilities) {
    capabilities.AddRow({core::Printable(one)});
  }
  PrintSection(session, "Capabilities", capabilities);
  PrintSection(session, "Parameters", ParametersTable(card));
  if (verbose) {
    Table metadata;
    for (const auto& [key, value] : card.model_info.items()) {
      metadata.AddRow(
          {core::Printable(key),
           core::Printable(value.is_string() ? value.get<std::string>() : value.dump())});
    }
    PrintSection(session, "Metadata", metadata);
    Table tensors;
    for (const ModelTensor& tensor : card.tensors) {
      tensors.AddRow({core::Printable(tensor.name, 300), tensor.type, ShapeText(tensor.shape)});
    }
    PrintSection(session, "Tensors", tensors);
  }
  constexpr size_t kLines = 2;
  PrintSection(session, "System", FirstLines(card.system, kLines));
  for (const std::string& license : card.licenses) {
    PrintSection(session, "License", FirstLines(license, kLines));
  }
}

core::Json ToJson(const ModelCard& card, bool verbose) {
  core::Json json = {{"name", card.model.name.Short()},
                     {"digest", card.model.raw.id.Hex()},
                     {"size", card.model.manifest().TotalSize()},
                     {"modified_at", core::Rfc3339(card.model.modified_ns)},
                     {"details",
                      {{"format", card.config.model_format},
                       {"family", card.architecture},
                       {"parameter_size", card.parameters},
                       {"quantization_level", card.quantization}}},
                     {"model_info", card.model_info},
                     {"capabilities", card.config.capabilities},
                     {"renderer", card.config.renderer},
                     {"parser", card.config.parser},
                     {"requires", card.config.requires_version},
                     {"parameters", card.params},
                     {"template", card.template_text},
                     {"system", card.system},
                     {"license", card.licenses},
                     {"modelfile", ModelfileOf(card)}};
  if (!verbose) return json;
  core::Json tensors = core::Json::array();
  for (const ModelTensor& tensor : card.tensors) {
    tensors.push_back({{"name", tensor.name}, {"type", tensor.type}, {"shape", tensor.shape}});
  }
  json["tensors"] = std::move(tensors);
  return json;
}

// The one part that was asked for; false where the whole card was.
bool PrintPart(Session& session, const ModelCard& card, const ShowOptions& options) {
  if (options.license) {
    for (const std::string& license : card.licenses) session.Print(TextFor(session, license));
  } else if (options.modelfile) {
    session.Print(TextFor(session, ModelfileOf(card)));
  } else if (options.parameters) {
    session.Print(ParametersTable(card).Render());
  } else if (options.template_text) {
    session.Print(TextFor(session, card.template_text));
  } else if (options.system) {
    session.Print(TextFor(session, card.system));
  } else {
    return false;
  }
  return true;
}

using Partial = std::optional<registry::PartialModel>;

// What is here of a model that is still coming.
core::Json ToJson(const registry::PartialModel& partial) {
  return {{"pulling", partial.running},
          {"bytes", partial.bytes},
          {"bytes_here", partial.bytes_here},
          {"blobs", partial.blobs},
          {"blobs_here", partial.blobs_here}};
}

void PrintPartial(Session& session, const registry::PartialModel& partial) {
  const uint64_t percent = partial.bytes == 0 ? 100 : 100 * partial.bytes_here / partial.bytes;
  Table table;
  table.AddRow({"here", StrCat(core::HumanBytes(partial.bytes_here), " of ",
                               core::HumanBytes(partial.bytes), " (", percent, " %), ",
                               partial.blobs_here, " of ", partial.blobs, " blobs")});
  table.AddRow({"state", partial.running ? std::string("being pulled")
                                         : StrCat("interrupted: `ingot pull ",
                                                  partial.model.name.Short(), "` goes on")});
  PrintSection(session, "Not whole yet", table);
}

core::Result<ModelCard> ReadCard(const store::Store& store, const store::ModelName& name,
                                 Partial& partial) {
  core::Result<ModelCard> card = server::ReadModelCard(store, name);
  if (card.ok() || card.status().code() != core::Code::kNotFound) return card;
  // No such model; unless it is on its way. A blob that is not found is another matter.
  INGOT_ASSIGN(const store::ModelName canonical, store.Canonical(name));
  if (store.ReadExact(canonical).ok()) return card;
  INGOT_ASSIGN(partial, registry::FindPartialModel(store, name));
  if (!partial) return card;
  return server::ReadPartialModelCard(store, partial->model)
      .Context(StrCat(canonical.Short(), " is not whole yet, and its small files have not come"));
}

core::Status Show(Session& session, const ShowOptions& options) {
  INGOT_ASSIGN(const store::ModelName name, store::ModelName::Parse(options.name));
  INGOT_ASSIGN(const store::Store store, OpenStore(session));
  Partial partial;
  INGOT_ASSIGN(const ModelCard card, ReadCard(store, name, partial));
  if (options.json) {
    core::Json json = ToJson(card, options.verbose);
    if (partial) json["partial"] = ToJson(*partial);
    session.PrintJson(json);
  } else if (PrintPart(session, card, options)) {
    return core::Status::Ok();
  } else {
    PrintSections(session, card, options.verbose);
    if (partial) PrintPartial(session, *partial);
  }
  return card.tensors_error.Context("the tensors cannot be read");
}

}  // namespace

void AddShowCommand(CLI::App& app, Session& session) {
  CLI::App& command = AddCommand(
      app, "show", "Show what a model is: sizes, quantization, capabilities, texts", kStoreGroup,
      "  ingot show qwen3:4b\n  ingot show -v qwen3:4b           every tensor, too\n"
      "  ingot show --license qwen3:4b\n  ingot show --modelfile qwen3:4b > Modelfile");
  const auto options = std::make_shared<ShowOptions>();
  command.add_option("model", options->name, "The model")->required();
  struct Part {
    const char* flag;
    bool ShowOptions::*member;
    const char* help;
  };
  constexpr std::array<Part, 5> kParts = {{
      {"--license", &ShowOptions::license, "Only its licenses"},
      {"--modelfile", &ShowOptions::modelfile, "Only a Modelfile that makes it again"},
      {"--parameters", &ShowOptions::parameters, "Only its sampling parameters"},
      {"--template", &ShowOptions::template_text, "Only its prompt template"},
      {"--system", &ShowOptions::system, "Only its system message"},
  }};
  std::vector<CLI::Option*> parts;
  for (const Part& part : kParts) {
    parts.push_back(command.add_flag(part.flag, (*options).*part.member, part.help));
  }
  parts.push_back(command.add_flag("--json", options->json, "Print JSON"));
  for (CLI::Option* one : parts) {
    for (CLI::Option* other : parts) {
      if (one != other) one->excludes(other);
    }
  }
  command.add_flag("-v,--verbose", options->verbose, "Metadata and every tensor, too");
  command.callback([&session, options] {
    session.action = [options](Session& s) { return s.Finish(Show(s, *options)); };
  });
}

}  // namespace ingot::cli
