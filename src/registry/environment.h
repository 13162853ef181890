// The environment variables that the registry client looks at, behind a function so that a test can
// give its own. An empty value counts as unset.
#ifndef INGOT_REGISTRY_ENVIRONMENT_H_
#define INGOT_REGISTRY_ENVIRONMENT_H_

#include <cstdlib>
#include <functional>
#include <optional>
#include <string>

namespace ingot::registry {

using Environment = std::function<std::optional<std::string>(const char* variable)>;

inline std::optional<std::string> ProcessEnvironment(const char* variable) {
  const char* value = std::getenv(variable);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

}  // namespace ingot::registry

#endif  // INGOT_REGISTRY_ENVIRONMENT_H_
