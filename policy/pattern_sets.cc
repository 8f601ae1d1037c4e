#include "policy/pattern_sets.h"

#include <algorithm>
#include <bitset>
#include <set>
#include <vector>

#include "policy/pattern.h"

namespace warder::policy {
namespace {

using State = std::vector<PatternPosition>;
constexpr std::size_t most_states = 20000;

bool any_matches(const State& state, std::size_t begin, std::size_t end) {
  return std::any_of(state.begin() + static_cast<std::ptrdiff_t>(begin), state.begin() + static_cast<std::ptrdiff_t>(end),
                     [](const PatternPosition& position) { return position.matches(); });
}

enum class Walk { found, not_found, too_many };

/// Visits every state that some canonical path reaches, until `found` holds; leaves out where `hopeless` holds.
template <class Found, class Hopeless>
Walk walk(const State& start, const std::string& alphabet, const Found& found, const Hopeless& hopeless) {
  using Step = std::pair<State, bool>;  // the flag: the last byte was a slash, so the name is not complete
  std::set<Step> seen{{start, false}};
  std::vector<Step> open{{start, false}};
  while (!open.empty()) {
    const auto [state, after_slash] = std::move(open.back());
    open.pop_back();
    if (!after_slash && found(state)) return Walk::found;
    if (seen.size() > most_states) return Walk::too_many;
    for (const char byte : alphabet) {
      if (byte == '/' && after_slash) continue;
      Step next{state, byte == '/'};
      for (auto& position : next.first) position.feed(byte);
      if (!hopeless(next.first) && seen.insert(next).second) open.push_back(std::move(next));
    }
  }
  return Walk::not_found;
}

/// An answer that follows from the literal beginnings alone, for most pairs of real profiles.
enum class Quick { no, yes, unknown };

bool is_below(std::string_view inner, std::string_view outer) {
  return outer == "/" || inner == outer ||
         (inner.starts_with(outer) && inner.size() > outer.size() && inner[outer.size()] == '/');
}

/// `/dir/**` with a literal /dir.
bool is_tree(std::string_view pattern) {
  return pattern.ends_with("/**") && (pattern.size() == 3 || is_literal(pattern.substr(0, pattern.size() - 3)));
}

Quick quick_overlap(const std::string& a, const std::string& b) {
  if (!a.starts_with('/') || !b.starts_with('/')) return Quick::unknown;
  const std::string start_a = literal_start(a);
  const std::string start_b = literal_start(b);
  if (is_literal(a)) return match_path(b, start_a) != Match::no ? Quick::yes : Quick::no;
  if (is_literal(b)) return match_path(a, start_b) != Match::no ? Quick::yes : Quick::no;
  if (!is_below(start_a, start_b) && !is_below(start_b, start_a)) return Quick::no;
  if (is_tree(a) && is_below(start_b, start_a)) return Quick::yes;
  if (is_tree(b) && is_below(start_a, start_b)) return Quick::yes;
  // `/x/**/…` reaches into every tree below /x.
  const auto is_deep = [](const std::string& pattern, const std::string& start) {
    return pattern.compare(start == "/" ? 0 : start.size(), 4, "/**/") == 0;
  };
  if ((is_tree(a) && is_deep(b, start_b)) || (is_tree(b) && is_deep(a, start_a))) return Quick::yes;
  return Quick::unknown;
}

/// Only for one `other`. A class of one byte (`[w]ork`) counts as something that may differ.
Quick quick_cover(const std::string& other, const std::string& pattern) {
  if (other == pattern) return Quick::yes;
  if (!other.starts_with('/') || !pattern.starts_with('/')) return Quick::unknown;
  const std::string start_other = literal_start(other);
  const std::string start_pattern = literal_start(pattern);
  if (is_literal(pattern)) return match_path(other, start_pattern) != Match::no ? Quick::yes : Quick::no;
  if (is_literal(other) || !is_below(start_pattern, start_other)) return Quick::no;
  if (is_tree(other)) return Quick::yes;
  return Quick::unknown;
}

bool walk_to_overlap(const std::string& a, const std::string& b) {
  const State state = {PatternPosition(a), PatternPosition(b)};
  const std::vector<std::string> both = {a, b};
  const auto found = [](const State& s) { return s[0].matches() && s[1].matches(); };
  const auto hopeless = [](const State& s) { return s[0].dead() || s[1].dead(); };
  return walk(state, telling_bytes(both), found, hopeless) != Walk::not_found;
}

bool alternative_covered(const std::vector<std::string>& others, const std::string& pattern) {
  State state = {PatternPosition(pattern)};
  std::vector<std::string> all = {pattern};
  bool unknown = false;
  for (const auto& other : others) {
    const Quick quick = quick_cover(other, pattern);
    if (quick == Quick::yes) return true;
    if (quick_overlap(other, pattern) == Quick::no) continue;
    unknown = unknown || quick == Quick::unknown || state.size() > 1;
    state.emplace_back(other);
    all.push_back(other);
  }
  if (!unknown) return false;
  const auto uncovered = [](const State& s) { return s[0].matches() && !any_matches(s, 1, s.size()); };
  const auto hopeless = [](const State& s) { return s[0].dead(); };
  return walk(state, telling_bytes(all), uncovered, hopeless) == Walk::not_found;
}

}  // namespace

std::string telling_bytes(std::span<const std::string> patterns) {
  std::bitset<256> bytes;
  bytes.set('/');
  for (const auto& pattern : patterns) {
    const int reach = pattern.find('[') == std::string::npos ? 0 : 1;  // a class begins and ends between neighbours
    for (const char byte : pattern) {
      const auto value = static_cast<unsigned char>(byte);
      for (int near = value - reach; near <= value + reach; ++near) {
        if (near > 0 && near < 256) bytes.set(static_cast<std::size_t>(near));
      }
    }
  }
  std::size_t other = 'x';  // stands for all that are nowhere written
  for (int tries = 0; tries < 255 && bytes.test(other); ++tries) other = other % 255 + 1;
  bytes.set(other);
  std::string all;
  for (std::size_t i = 1; i < bytes.size(); ++i) {
    if (bytes.test(i)) all += static_cast<char>(i);
  }
  return all;
}

bool patterns_overlap(std::string_view a, std::string_view b) {
  for (const auto& one : expand_braces(a)) {
    for (const auto& two : expand_braces(b)) {
      const Quick quick = quick_overlap(one, two);
      if (quick == Quick::yes || (quick == Quick::unknown && walk_to_overlap(one, two))) return true;
    }
  }
  return false;
}

bool patterns_cover(std::span<const std::string> others, std::string_view pattern) {
  std::vector<std::string> written;
  for (const auto& other : others) {
    for (auto& one : expand_braces(other)) written.push_back(std::move(one));
  }
  const auto alternatives = expand_braces(pattern);
  return std::all_of(alternatives.begin(), alternatives.end(),
                     [&](const std::string& one) { return alternative_covered(written, one); });
}

}  // namespace warder::policy
