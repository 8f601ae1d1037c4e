// Path patterns: the reference meaning, small and slow. Pure; used by decide.h, the lints and tests, never on a hot path.
//
// The whole language (the compiled matcher must agree byte for byte, and a property test compares them):
//   `/dir/**`  at the end: the directory /dir and everything below it; `/**` is everything, `/` included
//   `/**/`     in the middle: one slash, or any number of whole components between two slashes (`/a/**/b` matches /a/b)
//   `**`       anywhere else: any bytes, slashes included
//   `*`        any bytes but `/`, none included; `?` one byte but `/`; neither treats a leading dot specially
//   `[a-z]` `[!a-z]` `[^a-z]`  one byte in (not in) the class, never `/`; a `]` right after the opening is itself
//   `{a,b}`    alternatives, may nest, may be empty; `\x` is the byte x itself
// Faults, so that nothing is ambiguous: `***`, a doubled double star (a component `**` next to another), `\/`, `/` in a class,
// bytes above 127 in a class. A canonical path is absolute, has no empty, `.` or `..` component and no slash at its end; the root
// is `/`.
// `/*` does not match `/`. Patterns of abstract socket names use the same language without the leading slash.
#pragma once

#include <compare>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace warder::policy {

/// Why `pattern` is none ("has an unclosed '['; …"), or nothing. Path patterns must be absolute and free of empty, `.` and `..`
/// components and of a slash at the end.
[[nodiscard]] std::optional<std::string> path_pattern_fault(std::string_view pattern);
/// The same for the pattern of an abstract socket name.
[[nodiscard]] std::optional<std::string> name_pattern_fault(std::string_view pattern);

/// `pattern` with every alternative written out, in order, duplicates removed. The pattern must be faultless.
[[nodiscard]] std::vector<std::string> expand_braces(std::string_view pattern);
/// More alternatives than this in one pattern are a fault.
inline constexpr std::size_t max_alternatives = 256;

/// How a pattern matches a name.
enum class Match {
  no,
  yes,
  /// Only as the top of `/dir/**`: rename, rmdir and delete of /dir itself are not decided by this entry.
  top_only,
};
/// Does the (faultless, braces allowed) pattern match the canonical path?
[[nodiscard]] Match match_path(std::string_view pattern, std::string_view path);
[[nodiscard]] bool match_name(std::string_view pattern, std::string_view name);

/// The longest literal directory that everything matched lies in or is: `/work` for `/work/**` and `/work/*.c`, the pattern
/// itself (unescaped) where it has no special character. Braces must be expanded.
[[nodiscard]] std::string literal_start(std::string_view pattern);
/// True where the pattern names one path only.
[[nodiscard]] bool is_literal(std::string_view pattern);
/// `text` with every character that is special in a pattern escaped.
[[nodiscard]] std::string escape_pattern(std::string_view text);

/// A brace-free pattern after some bytes of a path: the positions where it may stand. Compare and order it like a value.
/// Feed the bytes of a canonical path, with "" for the root.
class PatternPosition {
 public:
  explicit PatternPosition(std::string_view pattern);
  void feed(char byte);
  [[nodiscard]] bool matches() const;                             ///< the bytes so far are matched
  [[nodiscard]] bool top_only() const;                            ///< … but only as the top of `/dir/**`
  [[nodiscard]] bool dead() const { return positions_.empty(); }  ///< no continuation can match

  friend bool operator==(const PatternPosition& a, const PatternPosition& b) { return a.positions_ == b.positions_; }
  friend auto operator<=>(const PatternPosition& a, const PatternPosition& b) { return a.positions_ <=> b.positions_; }

 private:
  struct Tokens;
  void settle();
  std::shared_ptr<const Tokens> tokens_;
  std::vector<std::size_t> positions_;  ///< sorted, each once
};

}  // namespace warder::policy
