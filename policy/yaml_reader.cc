#include "policy/yaml_reader.h"

#include <yaml-cpp/eventhandler.h>

#include <cstring>
#include <sstream>

#include "policy/spelling.h"

namespace warder::policy {
namespace {

/// Counts documents and looks at nothing else. YAML::LoadAll would never come back from a text like ",a: " (yaml-cpp 0.7), which
/// makes empty documents for ever.
class DocumentCounter final : public YAML::EventHandler {
 public:
  unsigned documents = 0;
  YAML::Mark last;  ///< where the last one begins

  void OnDocumentStart(const YAML::Mark& mark) override {
    ++documents;
    last = mark;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override {}
  void OnAlias(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override {}
  void OnScalar(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                const std::string& /*value*/) override {}
  void OnSequenceStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                       YAML::EmitterStyle::value /*style*/) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                  YAML::EmitterStyle::value /*style*/) override {}
  void OnMapEnd() override {}
};

}  // namespace
namespace {

std::string_view kind_of(const YAML::Node& node) {
  if (!node.IsDefined() || node.IsNull()) return "nothing";
  if (node.IsMap()) return "a mapping";
  if (node.IsSequence()) return "a list";
  return "a scalar";
}

/// yaml-cpp calls an untagged plain scalar "?", a quoted one "!"; anything longer was written by the author.
bool has_own_tag(const YAML::Node& node) { return node.Tag().size() > 1; }

}  // namespace

std::optional<YAML::Node> YamlReader::document(std::string_view text) {
  constexpr std::size_t most_bytes = 1U << 20U;
  if (text.size() > most_bytes) {
    error(at_file(), "is larger than 1 MiB");
    return std::nullopt;
  }
  std::uint32_t line = 1;
  for (const char byte : text) {
    if (byte == '\n') ++line;
    const auto value = static_cast<unsigned char>(byte);
    if (value < 0x20 && byte != '\n' && byte != '\t' && byte != '\r') {
      error(Source{file_, line, 1}, "holds a control character; profiles are UTF-8 text");
      return std::nullopt;
    }
  }
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    DocumentCounter counter;
    while (counter.documents < 2 && parser.HandleNextDocument(counter)) {
    }
    if (counter.documents == 1) return YAML::Load(std::string(text));
    if (counter.documents == 0) {
      error(at_file(), "is empty; the first line is `warder: 1`");
    } else {
      error(Source{file_, static_cast<std::uint32_t>(counter.last.line + 1), static_cast<std::uint32_t>(counter.last.column + 1)},
            "begins a second YAML document; a file holds one");
    }
  } catch (const YAML::Exception& fault) {
    const bool known = !fault.mark.is_null();
    error(Source{file_, known ? static_cast<std::uint32_t>(fault.mark.line + 1) : 0,
                 known ? static_cast<std::uint32_t>(fault.mark.column + 1) : 0},
          "is not YAML: " + fault.msg);
  }
  return std::nullopt;
}

Source YamlReader::at(const YAML::Node& node) const {
  const YAML::Mark mark = node.Mark();
  if (mark.is_null()) return at_file();
  return {file_, static_cast<std::uint32_t>(mark.line + 1), static_cast<std::uint32_t>(mark.column + 1)};
}

void YamlReader::error(const YAML::Node& node, std::string text) { error(at(node), std::move(text)); }

bool YamlReader::refuse_duplicate(std::vector<std::pair<std::string, Source>>& seen, const YAML::Node& key) {
  for (const auto& [name, source] : seen) {
    if (name != key.Scalar()) continue;
    error(key, "duplicate key '" + name + "', first in line " + std::to_string(source.line) + "; a key may appear once");
    return true;
  }
  seen.emplace_back(key.Scalar(), at(key));
  return false;
}

bool YamlReader::mapping(const YAML::Node& node, std::string_view what, std::span<const YamlKey> keys) {
  std::vector<std::string_view> names;
  for (const auto& key : keys) names.push_back(key.name);
  if (!node.IsMap()) {
    std::string accepted;
    for (const auto name : names) accepted += (accepted.empty() ? "" : ", ") + std::string(name);
    error(node, std::string(what) + " is " + std::string(kind_of(node)) + "; accepted: a mapping with the keys " + accepted);
    return false;
  }
  std::vector<std::pair<std::string, Source>> seen;
  for (const auto& pair : node) {
    if (!pair.first.IsScalar()) {
      error(pair.first, "a key of " + std::string(what) + " is " + std::string(kind_of(pair.first)) + "; accepted: a word");
      continue;
    }
    if (refuse_duplicate(seen, pair.first)) continue;
    bool known = false;
    for (const auto& key : keys) {
      if (key.name != pair.first.Scalar()) continue;
      known = true;
      key.read(pair.first, pair.second);
    }
    if (!known) error(pair.first, unknown_word("key of " + std::string(what), pair.first.Scalar(), names));
  }
  return true;
}

std::vector<std::pair<YAML::Node, YAML::Node>> YamlReader::pairs(const YAML::Node& node, std::string_view what,
                                                                 PlainStrings strings) {
  std::vector<std::pair<YAML::Node, YAML::Node>> all;
  const auto take_map = [&](const YAML::Node& map) {
    std::vector<std::pair<std::string, Source>> seen;
    for (const auto& pair : map) {
      if (!pair.first.IsScalar()) {
        error(pair.first,
              "an entry of " + std::string(what) + " is " + std::string(kind_of(pair.first)) + "; accepted: a string");
      } else if (!refuse_duplicate(seen, pair.first)) {
        all.emplace_back(pair.first, pair.second);
      }
    }
  };
  if (node.IsMap()) {
    take_map(node);
  } else if (node.IsSequence()) {
    for (const auto& item : node) {
      if (item.IsMap() && item.size() == 1) {
        take_map(item);
      } else if (item.IsScalar() && strings == PlainStrings::taken) {
        all.emplace_back(item, YAML::Node(YAML::NodeType::Undefined));
      } else if (item.IsMap()) {
        error(item, "an item of " + std::string(what) + " has " + std::to_string(item.size()) +
                        " keys; accepted: one, so that the order stays as written");
      } else {
        error(item, "an item of " + std::string(what) + " is " + std::string(kind_of(item)) + "; accepted: " +
                        (strings == PlainStrings::taken ? "a string or a mapping of one entry" : "a mapping of one entry"));
      }
    }
  } else {
    error(node, std::string(what) + " is " + std::string(kind_of(node)) + "; accepted: a mapping or a list" +
                    (strings == PlainStrings::taken ? "" : " of one-entry mappings"));
  }
  return all;
}

std::optional<std::string> YamlReader::scalar(const YAML::Node& node, std::string_view what, std::string_view accepted) {
  if (node.IsDefined() && has_own_tag(node)) {
    error(node, std::string(what) + " begins with '!', which YAML reads as a tag; put the whole text in quotes");
    return std::nullopt;
  }
  if (!node.IsScalar()) {
    error(node, std::string(what) + " is " + std::string(kind_of(node)) + "; accepted: " + std::string(accepted));
    return std::nullopt;
  }
  return node.Scalar();
}

std::optional<bool> YamlReader::boolean(const YAML::Node& node, std::string_view what) {
  const auto text = scalar(node, what, "true or false");
  if (!text) return std::nullopt;
  if (*text == "true") return true;
  if (*text == "false") return false;
  error(node, std::string(what) + " is '" + *text + "'; accepted: true, false");
  return std::nullopt;
}

std::optional<std::string> YamlReader::word(const YAML::Node& node, std::string_view what,
                                            std::span<const std::string_view> words) {
  std::string accepted;
  for (const auto one : words) accepted += (accepted.empty() ? "" : ", ") + std::string(one);
  auto text = scalar(node, what, accepted);
  if (!text) return std::nullopt;
  for (const auto one : words) {
    if (one == *text) return text;
  }
  error(node, unknown_word(what, *text, words));
  return std::nullopt;
}

std::vector<YAML::Node> YamlReader::list(const YAML::Node& node, std::string_view what, std::string_view accepted) {
  std::vector<YAML::Node> items;
  if (!node.IsSequence()) {
    error(node, std::string(what) + " is " + std::string(kind_of(node)) + "; accepted: a list of " + std::string(accepted));
    return items;
  }
  for (const auto& item : node) items.push_back(item);
  return items;
}

std::optional<int> YamlReader::errno_number(const YAML::Node& node) {
  const auto text = scalar(node, "errno", "the name of an error, such as EACCES");
  if (!text) return std::nullopt;
  constexpr int highest_errno = 133;
  std::vector<std::string_view> names;
  for (int number = 1; number <= highest_errno; ++number) {
    const char* name = strerrorname_np(number);
    if (name == nullptr) continue;
    if (*text == name) return number;
    names.emplace_back(name);
  }
  std::string finding = "unknown errno '" + *text + "'; accepted: the name of an error, such as EACCES, EPERM, ENOENT or EROFS";
  if (const auto near = nearest_word(*text, names); !near.empty()) finding += "; did you mean '" + std::string(near) + "'?";
  error(node, std::move(finding));
  return std::nullopt;
}

}  // namespace warder::policy
