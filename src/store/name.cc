#include "store/name.h"

#include <array>
#include <optional>
#include <tuple>

#include "core/strings.h"

namespace ingot::store {
namespace {

using core::Quoted;
using core::Result;
using core::Status;
using core::StrCat;

struct PartRule {
  std::string_view title;
  size_t max_length;
  std::string_view punctuation;  // allowed after the first character, besides letters and digits
};

// Indexed by NamePart.
constexpr std::array<PartRule, 4> kRules = {{
    {"host", 350, "_-.:"},
    {"namespace", 80, "_-"},
    {"model", 80, "_-."},
    {"tag", 80, "_-."},
}};

const PartRule& RuleOf(NamePart part) { return kRules[static_cast<size_t>(part)]; }

bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// A character as it may be shown in a message.
std::string Shown(char c) { return core::Quoted(std::string_view(&c, 1)); }

// "_ - . and :" for the message that lists what a part may hold.
std::string Spelled(std::string_view punctuation) {
  std::string out;
  for (size_t i = 0; i < punctuation.size(); ++i) {
    if (i > 0) out += i + 1 == punctuation.size() ? " and " : " ";
    out += punctuation[i];
  }
  return out;
}

Status Wrong(std::string_view text, const Status& why) {
  return Status(why.code(), StrCat("invalid model name ", Quoted(text, 120), ": ", why.message()))
      .WithHint(why.hint().empty() ? "Names look like model, model:tag, namespace/model:tag or "
                                     "host/namespace/model:tag."
                                   : why.hint());
}

struct Split {
  std::string_view left;
  std::string_view right;
};

std::optional<Split> CutLast(std::string_view text, char separator) {
  size_t at = text.rfind(separator);
  if (at == std::string_view::npos) return std::nullopt;
  return Split{text.substr(0, at), text.substr(at + 1)};
}

Result<Scheme> ParseScheme(std::string_view text) {
  if (core::EqualsIgnoreCase(text, "https")) return Scheme::kHttps;
  if (core::EqualsIgnoreCase(text, "http")) return Scheme::kHttp;
  return core::InvalidArgument(StrCat("unknown scheme ", Quoted(text, 40)))
      .WithHint("A registry is reached by https:// or http://.");
}

}  // namespace

Status CheckNamePart(NamePart part, std::string_view text) {
  const PartRule& rule = RuleOf(part);
  if (text.empty()) return core::InvalidArgument(StrCat("the ", rule.title, " is empty"));
  if (text.size() > rule.max_length) {
    return core::InvalidArgument(StrCat("the ", rule.title, " is ", text.size(),
                                        " characters long, at most ", rule.max_length,
                                        " are allowed"));
  }
  if (!IsAlphanumeric(text[0]) && text[0] != '_') {
    return core::InvalidArgument(StrCat("the ", rule.title, " ", Quoted(text, 80), " begins with ",
                                        Shown(text[0]), ", not with a letter, a digit or _"));
  }
  for (char c : text) {
    if (IsAlphanumeric(c) || rule.punctuation.find(c) != std::string_view::npos) continue;
    Status status = core::InvalidArgument(StrCat("the ", rule.title, " ", Quoted(text, 80),
                                                 " holds ", Shown(c), ", only letters, digits, ",
                                                 Spelled(rule.punctuation), " are allowed"));
    if (c == '@') return std::move(status).WithHint("A digest cannot be part of a model name.");
    return status;
  }
  return Status::Ok();
}

Result<ModelName> ModelName::FromParts(std::string_view host, std::string_view name_space,
                                       std::string_view model, std::string_view tag,
                                       Scheme scheme) {
  INGOT_TRY(CheckNamePart(NamePart::kHost, host));
  INGOT_TRY(CheckNamePart(NamePart::kNamespace, name_space));
  INGOT_TRY(CheckNamePart(NamePart::kModel, model));
  INGOT_TRY(CheckNamePart(NamePart::kTag, tag));
  ModelName name;
  name.host_ = host;
  name.namespace_ = name_space;
  name.model_ = model;
  name.tag_ = tag;
  name.scheme_ = scheme;
  return name;
}

Result<ModelName> ModelName::Parse(std::string_view text) {
  if (text.empty()) return Wrong(text, core::InvalidArgument("it is empty"));
  std::string_view rest = text;
  std::string_view host = kDefaultHost;
  std::string_view name_space = kDefaultNamespace;
  std::string_view tag = kDefaultTag;
  Scheme scheme = Scheme::kHttps;

  // A tag cannot hold a slash: a colon left of the last slash belongs to a host's port.
  if (std::optional<Split> cut = CutLast(rest, ':');
      cut && cut->right.find('/') == std::string_view::npos) {
    rest = cut->left;
    tag = cut->right;
  }
  std::string_view model = rest;
  if (std::optional<Split> cut = CutLast(rest, '/')) {
    model = cut->right;
    name_space = cut->left;
    if (std::optional<Split> upper = CutLast(cut->left, '/')) {
      name_space = upper->right;
      host = upper->left;
      if (size_t at = host.find("://"); at != std::string_view::npos) {
        Result<Scheme> parsed = ParseScheme(host.substr(0, at));
        if (!parsed.ok()) return Wrong(text, parsed.status());
        scheme = *parsed;
        host.remove_prefix(at + 3);
      }
    }
  }
  Result<ModelName> name = FromParts(host, name_space, model, tag);
  if (!name.ok()) return Wrong(text, name.status());
  name->scheme_ = scheme;
  return name;
}

std::string ModelName::Full() const {
  return StrCat(host_, '/', namespace_, '/', model_, ':', tag_);
}

std::string ModelName::Short() const {
  if (!core::EqualsIgnoreCase(host_, kDefaultHost)) return Full();
  if (core::EqualsIgnoreCase(namespace_, kDefaultNamespace)) return StrCat(model_, ':', tag_);
  return StrCat(namespace_, '/', model_, ':', tag_);
}

std::filesystem::path ModelName::RelativePath() const {
  return std::filesystem::path(host_) / namespace_ / model_ / tag_;
}

bool ModelName::SameModel(const ModelName& other) const {
  return core::EqualsIgnoreCase(host_, other.host_) &&
         core::EqualsIgnoreCase(namespace_, other.namespace_) &&
         core::EqualsIgnoreCase(model_, other.model_) && core::EqualsIgnoreCase(tag_, other.tag_);
}

bool ModelName::operator==(const ModelName& other) const {
  return std::tie(host_, namespace_, model_, tag_) ==
         std::tie(other.host_, other.namespace_, other.model_, other.tag_);
}

bool ModelName::operator<(const ModelName& other) const {
  return std::tie(host_, namespace_, model_, tag_) <
         std::tie(other.host_, other.namespace_, other.model_, other.tag_);
}

}  // namespace ingot::store
