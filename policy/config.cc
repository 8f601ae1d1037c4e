#include "policy/config.h"

#include <algorithm>
#include <array>

#include "policy/yaml_reader.h"

namespace warder::policy {
namespace {

constexpr std::array<std::string_view, 2> when_words = {"builtin", "refuse"};

template <class Value, std::size_t Count>
void read_word(YamlReader& reader, const YAML::Node& node, std::string_view what,
               const std::array<std::string_view, Count>& words, Value& into) {
  const auto word = reader.word(node, what, words);
  if (word) into = static_cast<Value>(std::find(words.begin(), words.end(), *word) - words.begin());
}

void read_audit(YamlReader& reader, const YAML::Node& node, Config& config) {
  const std::array<YamlKey, 1> keys = {{{"file", [&](const auto&, const auto& value) {
                                           const auto text = reader.scalar(value, "file", "an absolute file name");
                                           if (text && !text->starts_with('/')) {
                                             reader.error(value, "file is '" + *text + "'; accepted: an absolute file name");
                                           } else if (text) {
                                             config.audit_file = *text;
                                           }
                                         }}}};
  reader.mapping(node, "audit", keys);
}

/// A file of comments alone sets nothing, which is fine.
bool says_nothing(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    const std::size_t first = line.find_first_not_of(" \t\r");
    if (first != std::string_view::npos && line[first] != '#') return false;
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return true;
}

}  // namespace

ConfigOutcome parse_config(std::string_view text, const std::shared_ptr<const std::string>& file) {
  ConfigOutcome outcome;
  Config& config = outcome.config;
  YamlReader reader(file, outcome.findings);
  const auto root = says_nothing(text) ? std::nullopt : reader.document(text);
  if (!root) return outcome;
  const std::array<YamlKey, 3> keys = {{
      {"when-no-profile",
       [&](const auto&, const auto& value) { read_word(reader, value, "when-no-profile", when_words, config.when_no_profile); }},
      {"allow-annotation",
       [&](const auto&, const auto& value) {
         config.allow_annotation = reader.boolean(value, "allow-annotation").value_or(false);
       }},
      {"audit", [&](const auto&, const auto& value) { read_audit(reader, value, config); }},
  }};
  try {
    reader.mapping(*root, "warder.yaml", keys);
  } catch (const YAML::Exception& fault) {
    reader.error(reader.at_file(), "is not well-formed: " + fault.msg);
  }
  return outcome;
}

}  // namespace warder::policy
