// A typed look at a JSON document that remembers where it is and collects what is wrong. No system calls.
#pragma once

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "linux/result.h"

namespace warder::runtime {

/// Everything that is wrong with one document, in the order of the checks.
class Complaints {
 public:
  /// "WHERE: found FOUND; ACCEPTED"
  void add(std::string where, std::string_view found, std::string_view accepted);
  [[nodiscard]] bool empty() const { return lines_.empty(); }
  /// One line for one complaint, "SUBJECT: N errors:" and one line for each otherwise. Only when not empty().
  [[nodiscard]] Error error(std::string_view subject) const;

 private:
  std::vector<std::string> lines_;
};

/// One value of the document, or the place where none is. `null` counts as absent, as in the reference implementation.
///
/// A node points to its parent to be able to say where it is: the parent must outlive it (calls on temporaries do not compile).
class Node {
 public:
  Node(const nlohmann::json& root, Complaints& complaints) : value_(&root), complaints_(&complaints) {}

  [[nodiscard]] bool present() const { return value_ != nullptr && !value_->is_null(); }
  [[nodiscard]] Node child(std::string_view key) const&;
  [[nodiscard]] Node child(std::string_view key) const&& = delete;
  /// "process.user.uid", "mounts[3].options[0]"
  [[nodiscard]] std::string where() const;
  /// Complains about this value; `accepted` says what it should be.
  void refuse(std::string_view accepted) const;
  void require(std::string_view accepted) const {
    if (!present()) refuse(accepted);
  }

  /// Each returns true and sets `out` where the value is there and fits; absent: false without a complaint.
  bool read(std::string& out) const;
  bool read(bool& out) const;
  bool read(std::vector<std::string>& out) const;
  template <class Integer>
  requires std::is_integral_v<Integer>
  bool read(Integer& out, std::int64_t least = minimum<Integer>(),
            std::uint64_t most = std::numeric_limits<Integer>::max()) const {
    std::int64_t negative = 0;
    std::uint64_t positive = 0;
    if (!read_integer(negative, positive, least, most)) return false;
    out = negative < 0 ? static_cast<Integer>(negative) : static_cast<Integer>(positive);
    return true;
  }
  template <class Value>
  bool read(std::optional<Value>& out) const {
    Value value{};
    if (!read(value)) return false;
    out = std::move(value);
    return true;
  }

  /// True for an object (array); complains and is false where the value is there and something else.
  [[nodiscard]] bool is_object() const;
  [[nodiscard]] bool is_array() const;
  /// Calls `visit(Node)` for each element.
  template <class Visit>
  void each(Visit visit) const {
    if (!is_array()) return;
    std::size_t index = 0;
    for (const nlohmann::json& element : *value_) visit(Node(element, *this, {}, index++));
  }
  /// Calls `visit(const std::string& key, Node)` for each member.
  template <class Visit>
  void each_member(Visit visit) const {
    if (!is_object()) return;
    for (auto member = value_->begin(); member != value_->end(); ++member) {
      visit(member.key(), Node(member.value(), *this, member.key(), 0));
    }
  }
  [[nodiscard]] bool empty() const { return !present() || value_->empty(); }

 private:
  Node(const nlohmann::json& value, const Node& parent, std::string_view key, std::size_t index)
      : value_(&value), complaints_(parent.complaints_), parent_(&parent), key_(key), index_(index) {}
  Node(const Node& parent, std::string_view key) : complaints_(parent.complaints_), parent_(&parent), key_(key) {}

  template <class Integer>
  static constexpr std::int64_t minimum() {
    return std::is_signed_v<Integer> ? static_cast<std::int64_t>(std::numeric_limits<Integer>::min()) : 0;
  }
  bool read_integer(std::int64_t& negative, std::uint64_t& positive, std::int64_t least, std::uint64_t most) const;

  const nlohmann::json* value_ = nullptr;
  Complaints* complaints_;
  const Node* parent_ = nullptr;
  std::string_view key_;
  std::size_t index_ = 0;
};

/// A word of a fixed list.
template <class Value>
struct Word {
  std::string_view word;
  Value value;
};

/// Sets `out` by the table; complains with all words of the table otherwise.
template <class Value, std::size_t count>
bool read_word(const Node& node, const Word<Value> (&table)[count], Value& out, std::string_view remark = "") {
  std::string text;
  if (!node.read(text)) return false;
  std::string accepted = "one of ";
  for (const Word<Value>& entry : table) {
    if (entry.word == text) {
      out = entry.value;
      return true;
    }
    if (&entry != &table[0]) accepted += ", ";
    accepted += entry.word;
  }
  accepted += remark;
  node.refuse(accepted);
  return false;
}

/// Parses JSON text; the error names line and column, never the text itself.
Result<nlohmann::json> parse_json(std::string_view text);

}  // namespace warder::runtime
