#include "policy/parse.h"

#include <algorithm>
#include <array>

#include "policy/capability_names.h"
#include "policy/parse_sections.h"
#include "policy/sha256.h"
#include "policy/spelling.h"
#include "policy/yaml_reader.h"

namespace warder::policy {
namespace {

constexpr std::array<std::string_view, 3> modes = {"enforce", "audit", "learn"};
constexpr std::array<std::string_view, 2> audits = {"refused", "cheap"};
constexpr std::array<std::string_view, 2> mappings = {"any", "exec"};
constexpr std::array<std::string_view, 3> actions = {"refuse", "kill", "stop-container"};
constexpr std::array<std::string_view, 1> architectures = {"native"};

template <std::size_t Count>
std::optional<std::size_t> index_of(YamlReader& reader, const YAML::Node& node, std::string_view what,
                                    const std::array<std::string_view, Count>& words) {
  const auto word = reader.word(node, what, words);
  if (!word) return std::nullopt;
  return static_cast<std::size_t>(std::find(words.begin(), words.end(), *word) - words.begin());
}

void read_extends(YamlReader& reader, const YAML::Node& value, Document& document) {
  for (const auto& item : reader.list(value, "extends", "profile names")) {
    const auto name = reader.scalar(item, "a layer", "the name of a profile");
    if (!name) continue;
    if (name->empty() || name->find('/') != std::string::npos || name->starts_with('.') || name->size() > 253) {
      reader.error(item, "'" + *name + "' is no profile name; accepted: a name without '/', a leading '.', or the suffix");
    } else if (name->ends_with(".yaml")) {
      reader.error(item, "'" + *name + "' has the suffix of a file; write '" + name->substr(0, name->size() - 5) + "'");
    } else {
      document.extends.push_back({*name, reader.at(item)});
    }
  }
}

void read_capabilities(YamlReader& reader, const YAML::Node& key, const YAML::Node& value, Document& document) {
  bool has_max = false;
  const std::array<YamlKey, 2> keys = {{
      {"max",
       [&](const auto&, const auto& node) {
         has_max = true;
         std::uint64_t ceiling = 0;
         for (const auto& item : reader.list(node, "max", "capabilities")) {
           const auto text = reader.scalar(item, "a capability", "a name such as CHOWN");
           if (!text) continue;
           if (const auto number = capability_number(*text)) {
             ceiling |= 1ULL << *number;
           } else {
             std::string finding =
                 "unknown capability '" + *text + "'; accepted: the names of capabilities(7), with or without CAP_";
             const auto bare = std::string_view(*text).substr(text->starts_with("CAP_") ? 4 : 0);
             if (const auto near = nearest_word(bare, capability_names()); !near.empty()) {
               finding += "; did you mean '" + std::string(near) + "'?";
             }
             reader.error(item, std::move(finding));
           }
         }
         document.profile.capability_ceiling = ceiling;
       }},
      {"override",
       [&](const auto& word, const auto& node) {
         if (reader.boolean(node, "override").value_or(false)) document.capabilities_override = reader.at(word);
       }},
  }};
  document.profile.capabilities_source = reader.at(key);
  if (reader.mapping(value, "capabilities", keys) && !has_max) {
    reader.error(value, "capabilities has no max; accepted: max: [CHOWN, SETUID], or max: [] for none");
  }
}

void read_on_deny(YamlReader& reader, const YAML::Node& key, const YAML::Node& value, Profile& profile) {
  profile.on_deny.source = reader.at(key);
  const std::array<YamlKey, 2> keys = {{
      {"errno", [&](const auto&, const auto& node) { profile.on_deny.error = reader.errno_number(node); }},
      {"action",
       [&](const auto&, const auto& node) {
         if (const auto index = index_of(reader, node, "action", actions))
           profile.on_deny.action = static_cast<DenyAction>(*index);
       }},
  }};
  reader.mapping(value, "on-deny", keys);
}

void read_architectures(YamlReader& reader, const YAML::Node& value, Profile& profile) {
  const auto items = reader.list(value, "architectures", "architectures");
  if (value.IsSequence() && items.empty()) reader.error(value, "architectures is an empty list; accepted: native");
  profile.architectures.clear();
  for (const auto& item : items) {
    if (const auto word = reader.word(item, "architecture", architectures)) profile.architectures.push_back(*word);
  }
}

void read_version(YamlReader& reader, const YAML::Node& value) {
  const auto text = reader.scalar(value, "warder", "1, the language version");
  if (text && *text != "1") reader.error(value, "language version '" + *text + "' is not known; accepted: 1");
}

void read_document(YamlReader& reader, const YAML::Node& root, const Variables& variables, Document& document) {
  Profile& profile = document.profile;
  bool has_version = false;
  const std::array<YamlKey, 14> keys = {{
      {"warder",
       [&](const auto&, const auto& value) {
         has_version = true;
         read_version(reader, value);
       }},
      {"description",
       [&](const auto&, const auto& value) { profile.description = reader.scalar(value, "description", "a text").value_or(""); }},
      {"extends", [&](const auto&, const auto& value) { read_extends(reader, value, document); }},
      {"mode",
       [&](const auto& key, const auto& value) {
         document.mode = reader.at(key);
         if (const auto index = index_of(reader, value, "mode", modes)) profile.mode = static_cast<Mode>(*index);
       }},
      {"audit",
       [&](const auto& key, const auto& value) {
         document.audit = reader.at(key);
         if (const auto index = index_of(reader, value, "audit", audits)) profile.audit = static_cast<Audit>(*index);
       }},
      {"live",
       [&](const auto& key, const auto& value) {
         document.live = reader.at(key);
         profile.live = reader.boolean(value, "live").value_or(false);
       }},
      {"executable-mappings",
       [&](const auto& key, const auto& value) {
         profile.executable_mappings_source = reader.at(key);
         const auto index = index_of(reader, value, "executable-mappings", mappings);
         if (index) profile.executable_mappings = static_cast<ExecutableMappings>(*index);
       }},
      {"paths", [&](const auto& key, const auto& value) { read_paths(reader, key, value, variables, profile); }},
      {"network", [&](const auto&, const auto& value) { read_network(reader, value, variables, profile); }},
      {"syscalls", [&](const auto&, const auto& value) { read_syscalls(reader, value, document); }},
      {"capabilities", [&](const auto& key, const auto& value) { read_capabilities(reader, key, value, document); }},
      {"architectures", [&](const auto&, const auto& value) { read_architectures(reader, value, profile); }},
      {"on-deny", [&](const auto& key, const auto& value) { read_on_deny(reader, key, value, profile); }},
      {"tests", [&](const auto&, const auto& value) { read_tests(reader, value, variables, profile); }},
  }};
  if (reader.mapping(root, "a profile", keys) && !has_version) {
    reader.error(reader.at_file(), "has no language version; the first line is `warder: 1`");
  }
}

}  // namespace

ParseOutcome parse_profile(std::string_view text, const std::shared_ptr<const std::string>& file, const Variables& variables) {
  ParseOutcome outcome;
  YamlReader reader(file, outcome.findings);
  if (const auto root = reader.document(text)) {
    try {
      read_document(reader, *root, variables, outcome.document);
    } catch (const YAML::Exception& fault) {  // belt and braces: a node was asked for what it is not
      reader.error(reader.at_file(), "is not well-formed: " + fault.msg);
    }
  }
  outcome.document.profile.layers.push_back(
      {"", Source{file, 0, 0}, sha256_text(text), std::make_shared<const std::string>(text)});
  std::stable_sort(outcome.findings.begin(), outcome.findings.end(), [](const Finding& a, const Finding& b) {
    return std::pair(a.source.line, a.source.column) < std::pair(b.source.line, b.source.column);
  });
  return outcome;
}

bool has_errors(const std::vector<Finding>& findings) {
  return std::any_of(findings.begin(), findings.end(), [](const Finding& finding) { return !finding.lint; });
}

std::string finding_text(const Finding& finding) {
  std::string text = (finding.lint ? "lint: " : "") + finding.text;
  if (!finding.source.file) return text;
  std::string place = *finding.source.file;
  if (finding.source.line > 0) place += ":" + std::to_string(finding.source.line) + ":" + std::to_string(finding.source.column);
  return place + ": " + text;
}

}  // namespace warder::policy
