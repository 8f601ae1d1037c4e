// Strict reading of YAML nodes: every fault becomes a finding with its line and column. Pure; for parse.cc and config.cc.
#pragma once

#include <yaml-cpp/yaml.h>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/profile.h"

namespace warder::policy {

/// One key of a mapping and what to do with its value.
struct YamlKey {
  std::string_view name;
  std::function<void(const YAML::Node& key, const YAML::Node& value)> read;
};

/// Turns nodes into values and collects findings. None of its functions throws.
class YamlReader {
 public:
  YamlReader(std::shared_ptr<const std::string> file, std::vector<Finding>& findings)
      : file_(std::move(file)), findings_(findings) {}

  /// The single document of `text`, or nothing after a finding (syntax, several documents, larger than 1 MiB, control bytes).
  std::optional<YAML::Node> document(std::string_view text);

  [[nodiscard]] Source at(const YAML::Node& node) const;
  [[nodiscard]] Source at_file() const { return {file_, 0, 0}; }
  void error(const YAML::Node& node, std::string text);
  void error(const Source& source, std::string text) { findings_.push_back({source, std::move(text), false}); }

  /// Calls the reader of each key; unknown and duplicate keys are findings. False where `node` is no mapping.
  bool mapping(const YAML::Node& node, std::string_view what, std::span<const YamlKey> keys);
  /// The pairs of a mapping with free keys, or of a list of one-entry mappings; duplicates within a mapping are findings. Plain
  /// strings of a list come with an undefined value where `strings` is given, and are findings otherwise.
  enum class PlainStrings { refused, taken };
  std::vector<std::pair<YAML::Node, YAML::Node>> pairs(const YAML::Node& node, std::string_view what, PlainStrings strings);

  /// The text of a scalar without a YAML tag; `accepted` completes the finding.
  std::optional<std::string> scalar(const YAML::Node& node, std::string_view what, std::string_view accepted);
  std::optional<bool> boolean(const YAML::Node& node, std::string_view what);
  /// One of `words`.
  std::optional<std::string> word(const YAML::Node& node, std::string_view what, std::span<const std::string_view> words);
  /// The elements of a list; a finding where it is none.
  std::vector<YAML::Node> list(const YAML::Node& node, std::string_view what, std::string_view accepted);
  /// The number of an errno by name.
  std::optional<int> errno_number(const YAML::Node& node);

 private:
  bool refuse_duplicate(std::vector<std::pair<std::string, Source>>& seen, const YAML::Node& key);
  std::shared_ptr<const std::string> file_;
  std::vector<Finding>& findings_;
};

}  // namespace warder::policy
