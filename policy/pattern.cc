#include "policy/pattern.h"

#include <algorithm>
#include <array>
#include <bitset>

namespace warder::policy {
namespace {

using ByteSet = std::bitset<256>;
std::size_t index_of(char byte) { return static_cast<unsigned char>(byte); }

/// Where the class that opens at `at` ends (the index of its `]`), or npos.
std::size_t class_end(std::string_view pattern, std::size_t at) {
  std::size_t i = at + 1;
  if (i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^')) ++i;
  for (std::size_t first = i; i < pattern.size(); ++i) {
    if (pattern[i] == '\\') {
      ++i;
    } else if (pattern[i] == ']' && i != first) {
      return i;
    }
  }
  return std::string_view::npos;
}

/// The bytes of the class at `at`..`end`; the fault, if it has one, in `fault`.
ByteSet class_bytes(std::string_view pattern, std::size_t at, std::size_t end, std::optional<std::string>& fault) {
  ByteSet set;
  std::size_t i = at + 1;
  const bool negated = pattern[i] == '!' || pattern[i] == '^';
  if (negated) ++i;
  const auto take = [&]() {
    if (pattern[i] == '\\') ++i;
    if (pattern[i] == '/') fault = "has '/' in a class; a class stays inside one component";
    if (index_of(pattern[i]) > 127) fault = "has a byte above 127 in a class; write alternatives {…,…} instead";
    return index_of(pattern[i++]);
  };
  while (i < end) {
    const std::size_t low = take();
    std::size_t high = low;
    if (i + 1 < end && pattern[i] == '-') {
      ++i;
      high = take();
    }
    if (high < low) fault = "has a class with a range from high to low";
    for (std::size_t byte = low; byte <= high; ++byte) set.set(byte);
  }
  if (negated) set.flip();
  set.reset(index_of('/'));
  return set;
}

/// The index behind the element (escape, class or byte) that begins at `i`.
std::size_t next_element(std::string_view pattern, std::size_t i) {
  if (pattern[i] == '\\') return std::min(i + 2, pattern.size());
  if (pattern[i] == '[') {
    const std::size_t end = class_end(pattern, i);
    return end == std::string_view::npos ? pattern.size() : end + 1;
  }
  return i + 1;
}

/// Faults of the characters themselves: escapes, classes, braces.
std::optional<std::string> lexical_fault(std::string_view pattern) {
  int depth = 0;
  for (std::size_t i = 0; i < pattern.size(); i = next_element(pattern, i)) {
    switch (pattern[i]) {
      case '\0':
        return "holds a NUL byte";
      case '\\':
        if (i + 1 == pattern.size()) return "ends in a lone '\\'; write '\\\\' for the character itself";
        if (pattern[i + 1] == '/') return "escapes '/'; a slash always separates components";
        break;
      case '[': {
        const std::size_t end = class_end(pattern, i);
        if (end == std::string_view::npos) return "has an unclosed '['; write '\\[' for the character itself";
        std::optional<std::string> fault;
        class_bytes(pattern, i, end, fault);
        if (fault) return fault;
        break;
      }
      case '{':
        ++depth;
        break;
      case '}':
        if (--depth < 0) return "has a '}' without '{'; write '\\}' for the character itself";
        break;
      default:
        break;
    }
  }
  if (depth > 0) return "has an unclosed '{'; write '\\{' for the character itself";
  return std::nullopt;
}

std::optional<std::string> star_fault(std::string_view pattern) {
  for (std::size_t i = 0; i < pattern.size(); i = next_element(pattern, i)) {
    const std::string_view rest = pattern.substr(i);
    if (rest.starts_with("***")) return "has '***'; `*` stays inside one component, `**` crosses";
    if (rest.starts_with("/**/**") && (rest.size() == 6 || rest[6] == '/')) return "repeats '/**'; once says the same";
  }
  return std::nullopt;
}

std::optional<std::string> component_fault(std::string_view pattern) {
  if (!pattern.starts_with('/')) return "is not absolute; path patterns begin with '/'";
  if (pattern.find("//") != std::string_view::npos) return "has an empty component ('//')";
  if (pattern.size() > 1 && pattern.ends_with('/')) {
    return "ends in '/'; write '/dir' for the directory alone or '/dir/**' for it and all below";
  }
  for (std::size_t i = 0; i < pattern.size();) {
    const std::size_t end = std::min(pattern.find('/', i + 1), pattern.size());
    const std::string_view component = pattern.substr(i + 1, end - i - 1);
    if (component == "." || component == "..") {
      return "has a '" + std::string(component) + "' component; patterns match canonical paths, which have none";
    }
    i = end;
  }
  return std::nullopt;
}

/// Alternatives of `pattern`, at most `limit` + 1 of them.
std::vector<std::string> expand(std::string_view pattern, std::size_t limit) {
  std::size_t open = 0;
  while (open < pattern.size() && pattern[open] != '{') open = next_element(pattern, open);
  if (open >= pattern.size()) return {std::string(pattern)};
  std::vector<std::string_view> choices;
  int depth = 0;
  std::size_t start = open + 1;
  std::size_t i = open;
  for (; i < pattern.size(); i = next_element(pattern, i)) {
    if (pattern[i] == '{') ++depth;
    const bool closes = pattern[i] == '}' && --depth == 0;
    if (closes || (pattern[i] == ',' && depth == 1)) {
      choices.push_back(pattern.substr(start, i - start));
      start = i + 1;
    }
    if (closes) break;
  }
  std::vector<std::string> all;
  for (const auto choice : choices) {
    const std::string written = std::string(pattern.substr(0, open)) + std::string(choice) + std::string(pattern.substr(i + 1));
    for (auto& one : expand(written, limit)) {
      if (std::find(all.begin(), all.end(), one) == all.end()) all.push_back(std::move(one));
      if (all.size() > limit) return all;
    }
  }
  return all;
}

std::optional<std::string> any_fault(std::string_view pattern, bool is_path) {
  if (pattern.empty()) return "is empty";
  if (pattern.size() > 4096) return "is longer than 4096 bytes";
  if (auto fault = lexical_fault(pattern)) return fault;
  const auto alternatives = expand(pattern, max_alternatives);
  if (alternatives.size() > max_alternatives) return "has more than " + std::to_string(max_alternatives) + " alternatives";
  for (const auto& one : alternatives) {
    auto fault = star_fault(one);
    if (!fault && is_path) fault = component_fault(one);
    if (fault) return one == pattern ? fault : *fault + " (in the alternative '" + one + "')";
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> path_pattern_fault(std::string_view pattern) { return any_fault(pattern, true); }
std::optional<std::string> name_pattern_fault(std::string_view pattern) { return any_fault(pattern, false); }
std::vector<std::string> expand_braces(std::string_view pattern) { return expand(pattern, max_alternatives); }

// What a pattern is made of. `deep_start` may be skipped together with the `deep_loop` behind it; the loop is left by a slash.
struct PatternPosition::Tokens {
  enum class Kind { bytes, any_inside, any_across, deep_start, deep_loop, tree_top, tree_below };
  struct Token {
    Kind kind;
    ByteSet bytes;
  };
  std::vector<Token> list;

  void add(Kind kind) { list.push_back({kind, {}}); }
  void add(const ByteSet& bytes) { list.push_back({Kind::bytes, bytes}); }

  explicit Tokens(std::string_view pattern) {
    if (pattern == "/") return;  // the root is the empty string
    for (std::size_t i = 0; i < pattern.size();) {
      const std::string_view rest = pattern.substr(i);
      if (rest == "/**") {
        add(Kind::tree_top);
        add(Kind::tree_below);
        return;
      }
      if (rest.starts_with("/**/")) {
        add(ByteSet().set(index_of('/')));
        add(Kind::deep_start);
        add(Kind::deep_loop);
        i += 4;
      } else if (rest.starts_with("**")) {
        add(Kind::any_across);
        i += 2;
      } else if (rest[0] == '*') {
        add(Kind::any_inside);
        ++i;
      } else if (rest[0] == '?') {
        add(ByteSet().set().reset(index_of('/')));
        ++i;
      } else if (rest[0] == '[') {
        std::optional<std::string> ignored;
        add(class_bytes(pattern, i, class_end(pattern, i), ignored));
        i = next_element(pattern, i);
      } else {
        add(ByteSet().set(index_of(rest[0] == '\\' ? rest[1] : rest[0])));
        i = next_element(pattern, i);
      }
    }
  }
};

PatternPosition::PatternPosition(std::string_view pattern) : tokens_(std::make_shared<const Tokens>(pattern)), positions_{0} {
  settle();
}

// Adds the positions that are reached without a byte.
void PatternPosition::settle() {
  using Kind = Tokens::Kind;
  for (std::size_t i = 0; i < positions_.size(); ++i) {
    const std::size_t at = positions_[i];
    if (at >= tokens_->list.size()) continue;
    const Kind kind = tokens_->list[at].kind;
    if (kind == Kind::any_inside || kind == Kind::any_across) positions_.push_back(at + 1);
    if (kind == Kind::deep_start) {
      positions_.push_back(at + 1);
      positions_.push_back(at + 2);
    }
  }
  std::sort(positions_.begin(), positions_.end());
  positions_.erase(std::unique(positions_.begin(), positions_.end()), positions_.end());
}

void PatternPosition::feed(char byte) {
  using Kind = Tokens::Kind;
  std::vector<std::size_t> next;
  for (const auto at : positions_) {
    if (at >= tokens_->list.size()) continue;
    const auto& token = tokens_->list[at];
    switch (token.kind) {
      case Kind::bytes:
        if (token.bytes.test(index_of(byte))) next.push_back(at + 1);
        break;
      case Kind::any_inside:
        if (byte != '/') next.push_back(at);
        break;
      case Kind::any_across:
      case Kind::tree_below:
        next.push_back(at);
        break;
      case Kind::deep_start:
        break;
      case Kind::deep_loop:
        next.push_back(at);
        if (byte == '/') next.push_back(at + 1);
        break;
      case Kind::tree_top:
        if (byte == '/') next.push_back(at + 1);
        break;
    }
  }
  positions_ = std::move(next);
  settle();
}

bool PatternPosition::matches() const {
  return std::any_of(positions_.begin(), positions_.end(), [&](std::size_t at) {
    return at == tokens_->list.size() || tokens_->list[at].kind == Tokens::Kind::tree_top ||
           tokens_->list[at].kind == Tokens::Kind::tree_below;
  });
}

bool PatternPosition::top_only() const {
  return matches() && std::none_of(positions_.begin(), positions_.end(), [&](std::size_t at) {
           return at == tokens_->list.size() || tokens_->list[at].kind == Tokens::Kind::tree_below;
         });
}

Match match_path(std::string_view pattern, std::string_view path) {
  Match best = Match::no;
  for (const auto& one : expand_braces(pattern)) {
    PatternPosition position(one);
    if (path != "/") {
      for (const char byte : path) position.feed(byte);
    }
    if (position.matches() && !position.top_only()) return Match::yes;
    if (position.matches()) best = Match::top_only;
  }
  return best;
}

bool match_name(std::string_view pattern, std::string_view name) {
  for (const auto& one : expand_braces(pattern)) {
    PatternPosition position(one);
    for (const char byte : name) position.feed(byte);
    if (position.matches()) return true;
  }
  return false;
}

std::string literal_start(std::string_view pattern) {
  std::string literal;
  std::size_t last_slash = 0;
  for (std::size_t i = 0; i < pattern.size(); i = next_element(pattern, i)) {
    const char byte = pattern[i];
    if (byte == '*' || byte == '?' || byte == '[' || byte == '{') {
      literal.resize(last_slash);
      break;
    }
    if (byte == '/') last_slash = literal.size();
    literal += byte == '\\' ? pattern[i + 1] : byte;
  }
  return literal.empty() ? "/" : literal;
}

bool is_literal(std::string_view pattern) {
  for (std::size_t i = 0; i < pattern.size(); i = next_element(pattern, i)) {
    if (std::string_view("*?[{").find(pattern[i]) != std::string_view::npos) return false;
  }
  return true;
}

std::string escape_pattern(std::string_view text) {
  std::string escaped;
  for (const char byte : text) {
    if (std::string_view("*?[]{},\\").find(byte) != std::string_view::npos) escaped += '\\';
    escaped += byte;
  }
  return escaped;
}

}  // namespace warder::policy
