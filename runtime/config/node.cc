// Reading typed values out of JSON and saying what is wrong with them. No system calls.
#include "runtime/config/node.h"

#include <fmt/format.h>

namespace warder::runtime {
namespace {

constexpr std::size_t longest_quote = 80;

std::string quote(const nlohmann::json* value) {
  if (value == nullptr) return "nothing";
  // Not their contents: these may be nested deeper than the stack.
  if (value->is_array()) return value->empty() ? "an empty array" : fmt::format("an array of {}", value->size());
  if (value->is_object()) return value->empty() ? "an empty object" : "an object";
  std::string text = value->dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  if (text.size() > longest_quote) text = text.substr(0, longest_quote) + "…";
  return text;
}

}  // namespace

void Complaints::add(std::string where, std::string_view found, std::string_view accepted) {
  lines_.push_back(fmt::format("{}: found {}; accepted: {}", where, found, accepted));
}

Error Complaints::error(std::string_view subject) const {
  if (lines_.size() == 1) return Error::user(fmt::format("{}: {}", subject, lines_.front()));
  std::string text = fmt::format("{}: {} errors:", subject, lines_.size());
  for (const std::string& line : lines_) text += "\n  " + line;
  return Error::user(std::move(text));
}

Node Node::child(std::string_view key) const& {
  if (!present()) return {*this, key};
  if (!value_->is_object()) return {*this, key};
  auto member = value_->find(key);
  if (member == value_->end()) return {*this, key};
  return {*member, *this, key, 0};
}

std::string Node::where() const {
  if (parent_ == nullptr) return {};
  std::string prefix = parent_->where();
  if (key_.empty()) return fmt::format("{}[{}]", prefix, index_);
  return prefix.empty() ? std::string(key_) : fmt::format("{}.{}", prefix, key_);
}

void Node::refuse(std::string_view accepted) const {
  std::string place = where();
  complaints_->add(place.empty() ? "the document" : place, quote(value_), accepted);
}

bool Node::read(std::string& out) const {
  if (!present()) return false;
  const auto* text = value_->get_ptr<const std::string*>();
  if (text == nullptr) {
    refuse("a string");
    return false;
  }
  if (text->find('\0') != std::string::npos) {
    refuse("a string without NUL");
    return false;
  }
  out = *text;
  return true;
}

bool Node::read(bool& out) const {
  if (!present()) return false;
  if (!value_->is_boolean()) {
    refuse("true or false");
    return false;
  }
  out = value_->get<bool>();
  return true;
}

bool Node::read(std::vector<std::string>& out) const {
  if (!present() || !is_array()) return false;
  bool good = true;
  std::vector<std::string> words;
  words.reserve(value_->size());
  each([&](const Node& element) {
    std::string word;
    if (element.read(word)) {
      words.push_back(std::move(word));
    } else {
      if (!element.present()) element.refuse("a string");
      good = false;
    }
  });
  if (good) out = std::move(words);
  return good;
}

bool Node::read_integer(std::int64_t& negative, std::uint64_t& positive, std::int64_t least, std::uint64_t most) const {
  if (!present()) return false;
  bool fits = false;
  if (value_->is_number_unsigned()) {
    positive = value_->get<std::uint64_t>();
    fits = positive <= most && (least < 0 || positive >= static_cast<std::uint64_t>(least));
  } else if (value_->is_number_integer()) {
    negative = value_->get<std::int64_t>();
    if (negative >= 0) positive = static_cast<std::uint64_t>(negative);
    fits = negative < 0 ? negative >= least : positive <= most && negative >= least;
  }
  if (!fits) refuse(fmt::format("an integer from {} to {}", least, most));
  return fits;
}

bool Node::is_object() const {
  if (!present()) return false;
  if (!value_->is_object()) refuse("an object");
  return value_->is_object();
}

bool Node::is_array() const {
  if (!present()) return false;
  if (!value_->is_array()) refuse("an array");
  return value_->is_array();
}

Result<nlohmann::json> parse_json(std::string_view text) {
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& failure) {
    std::size_t line = 1, column = 1;
    for (std::size_t index = 0; index + 1 < failure.byte && index < text.size(); ++index) {
      column = text[index] == '\n' ? 1 : column + 1;
      if (text[index] == '\n') ++line;
    }
    return Error::user(fmt::format("line {}, column {}: not valid JSON", line, column));
  }
}

}  // namespace warder::runtime
