#include "policy/config.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "policy/yaml_reader.h"

namespace warder::policy {
namespace {

constexpr std::array<std::string_view, 2> when_words = {"builtin", "refuse"};
constexpr std::array<std::string_view, 4> sink_words = {"file", "journald", "syslog", "stderr"};
constexpr std::array<std::string_view, 4> level_words = {"error", "warning", "info", "debug"};
constexpr std::array<std::string_view, 2> mode_words = {"audit", "learn"};

template <class Value, std::size_t Count>
void read_word(YamlReader& reader, const YAML::Node& node, std::string_view what,
               const std::array<std::string_view, Count>& words, Value& into) {
  const auto word = reader.word(node, what, words);
  if (word) into = static_cast<Value>(std::find(words.begin(), words.end(), *word) - words.begin());
}

void read_count(YamlReader& reader, const YAML::Node& node, std::string_view what, std::uint32_t& into) {
  constexpr std::uint32_t most = 1'000'000;
  const std::string accepted = "a number from 1 to " + std::to_string(most);
  const auto text = reader.scalar(node, what, accepted);
  if (!text) return;
  std::uint32_t number = 0;
  const auto [end, fault] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (fault != std::errc{} || end != text->data() + text->size() || number == 0 || number > most) {
    return reader.error(node, std::string(what) + " is '" + *text + "'; accepted: " + accepted);
  }
  into = number;
}

/// May a path stand in the caller's home directory?
enum class Home : std::uint8_t { refused, taken };
void read_path(YamlReader& reader, const YAML::Node& node, std::string_view what, Home home, std::string& into) {
  const std::string accepted = home == Home::taken ? "an absolute directory name, or ~/…" : "an absolute file name";
  const auto text = reader.scalar(node, what, accepted);
  if (!text) return;
  if (!text->starts_with('/') && !(home == Home::taken && text->starts_with("~/"))) {
    return reader.error(node, std::string(what) + " is '" + *text + "'; accepted: " + accepted);
  }
  into = *text;
}

void read_audit(YamlReader& reader, const YAML::Node& node, AuditSettings& audit) {
  Source file;
  const std::array<YamlKey, 5> keys = {{
      {"sink", [&](const auto&, const auto& value) { read_word(reader, value, "sink", sink_words, audit.sink); }},
      {"file",
       [&](const auto& key, const auto& value) {
         file = reader.at(key);
         read_path(reader, value, "file", Home::refused, audit.file);
       }},
      {"rate", [&](const auto&, const auto& value) { read_count(reader, value, "rate", audit.rate); }},
      {"burst", [&](const auto&, const auto& value) { read_count(reader, value, "burst", audit.burst); }},
      {"usage", [&](const auto&, const auto& value) { audit.usage = reader.boolean(value, "usage").value_or(false); }},
  }};
  reader.mapping(node, "audit", keys);
  if (file.line != 0 && audit.sink != AuditSink::file) {
    reader.error(file, "file means nothing with sink: " + std::string(sink_words[static_cast<std::size_t>(audit.sink)]) +
                           "; accepted: one of the two");
  }
}

void read_modes(YamlReader& reader, const YAML::Node& node, std::vector<Mode>& modes) {
  for (const auto& item : reader.list(node, "allow-modes", "modes")) {
    const auto word = reader.word(item, "a mode", mode_words);
    if (word) modes.push_back(*word == "learn" ? Mode::learn : Mode::audit);
  }
}

void read_hooks(YamlReader& reader, const YAML::Node& node, Config& config) {
  constexpr std::array<std::string_view, 2> check_words = {"off", "strict"};
  constexpr std::uint32_t longest = 86400;
  const std::array<YamlKey, 2> keys = {{
      {"check",
       [&](const auto&, const auto& value) {
         const auto word = reader.word(value, "check", check_words);
         if (word) config.check_hooks = *word == "strict";
       }},
      {"timeout",
       [&](const auto&, const auto& value) {
         const auto text = reader.scalar(value, "timeout", "a number of seconds");
         std::uint32_t seconds = 0;
         if (!text) return;
         const auto [end, failure] = std::from_chars(text->data(), text->data() + text->size(), seconds);
         const bool whole = failure == std::errc() && end == text->data() + text->size();
         if (whole && seconds >= 1 && seconds <= longest) {
           config.hook_timeout_seconds = seconds;
         } else {
           reader.error(value, "timeout is '" + *text + "'; accepted: 1 to 86400 seconds");
         }
       }},
  }};
  reader.mapping(node, "hooks", keys);
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
  const auto boolean = [&](std::string_view what, bool& into) {
    return [&reader, what, &into](const auto&, const auto& value) { into = reader.boolean(value, what).value_or(into); };
  };
  const std::array<YamlKey, 8> keys = {{
      {"when-no-profile",
       [&](const auto&, const auto& value) { read_word(reader, value, "when-no-profile", when_words, config.when_no_profile); }},
      {"allow-annotation", boolean("allow-annotation", config.allow_annotation)},
      {"allow-modes", [&](const auto&, const auto& value) { read_modes(reader, value, config.allow_modes); }},
      {"allow-loosening", boolean("allow-loosening", config.allow_loosening)},
      {"audit", [&](const auto&, const auto& value) { read_audit(reader, value, config.audit); }},
      {"learn-directory",
       [&](const auto&, const auto& value) { read_path(reader, value, "learn-directory", Home::taken, config.learn_directory); }},
      {"log-level",
       [&](const auto&, const auto& value) { config.log_level = reader.word(value, "log-level", level_words).value_or(""); }},
      {"hooks", [&](const auto&, const auto& value) { read_hooks(reader, value, config); }},
  }};
  try {
    reader.mapping(*root, "warder.yaml", keys);
  } catch (const YAML::Exception& fault) {
    reader.error(reader.at_file(), "is not well-formed: " + fault.msg);
  }
  return outcome;
}

}  // namespace warder::policy
