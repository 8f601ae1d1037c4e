// Walks canonical paths through the compiled pattern trie: which entry decides, whatever the number of entries.
//
// Runs in PID 1's workers and between fork and exec: no allocation, no system call, about 9 KiB of stack for a walk. Every step
// looks the component up by hash under each active node; how many nodes can be active at once is proven when the profile is
// compiled (format::Trie::state_bound) and bounded by max_states.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "policy/core/compiled_format.h"
#include "policy/core/rights.h"

namespace warder::policy {

/// More nodes than this active at once: the compiler refuses the profile.
inline constexpr std::size_t max_states = 512;

/// A trie and the block around it.
class TrieView {
 public:
  TrieView(const std::byte* block, const format::Trie& trie) : block_(block), trie_(&trie) {}
  [[nodiscard]] bool empty() const { return trie_->nodes.count == 0; }
  [[nodiscard]] const format::Node& node(std::uint32_t index) const { return nodes()[index]; }
  [[nodiscard]] std::span<const format::Node> nodes() const { return format::elements<format::Node>(block_, trie_->nodes); }
  [[nodiscard]] std::span<const format::Edge> edges() const { return format::elements<format::Edge>(block_, trie_->edges); }
  [[nodiscard]] std::span<const format::Glob> globs() const { return format::elements<format::Glob>(block_, trie_->globs); }
  [[nodiscard]] std::span<const format::Entry> entries() const { return format::elements<format::Entry>(block_, trie_->entries); }
  [[nodiscard]] std::string_view text(format::Range range) const { return format::text(block_, range); }

  /// The child of `parent` for these bytes, or format::none. `hash` is format::hash_bytes(bytes).
  [[nodiscard]] std::uint32_t find(std::uint32_t parent, format::EdgeKind kind, std::string_view bytes, std::uint64_t hash) const;
  [[nodiscard]] bool glob_matches(const format::Glob& glob, std::string_view component) const;
  [[nodiscard]] std::span<const std::uint32_t> lengths() const { return format::elements<std::uint32_t>(block_, trie_->lengths); }

 private:
  const std::byte* block_;
  const format::Trie* trie_;
};

/// Where a walk stands after some components. Starts at the root directory.
class Walk {
 public:
  explicit Walk(TrieView trie);

  /// One component further down.
  void step(std::string_view component);
  /// All components of a canonical path.
  void descend(std::string_view path);

  /// The entry that decides the object here, or format::none.
  [[nodiscard]] std::uint32_t deciding() const { return latest(below_or_here_, exact_); }
  /// The entry that decides rights_of_the_name here: `/dir/**` does not speak about the name of /dir.
  [[nodiscard]] std::uint32_t deciding_name() const { return latest(below_, exact_); }
  /// The entry of `/**` patterns that covers everything below this directory unless a later one matches there.
  [[nodiscard]] std::uint32_t covering() const { return below_or_here_; }
  /// True where more nodes became active than can be kept: refuse.
  [[nodiscard]] bool overflowed() const { return overflowed_; }
  [[nodiscard]] std::span<const std::uint32_t> active() const { return {states_[current_].data(), count_}; }

 private:
  static std::uint32_t latest(std::uint32_t a, std::uint32_t b) {
    if (a == format::none) return b;
    return b == format::none || a > b ? a : b;
  }
  void enter(std::uint32_t node);
  void append(std::uint32_t node);
  void children_of(std::uint32_t parent, std::string_view component, std::uint64_t hash);

  TrieView trie_;
  std::array<std::array<std::uint32_t, max_states>, 2> states_;
  std::array<std::uint64_t, max_states / 64> deep_seen_{};
  unsigned current_ = 0;
  std::size_t count_ = 0;
  std::uint32_t below_ = format::none;
  std::uint32_t below_or_here_ = format::none;
  std::uint32_t exact_ = format::none;
  bool overflowed_ = false;
};

/// Could anything strictly below the directory at `from` gain a right, or stop being hidden, by being found below `to`
/// instead? Conservative: may say yes where it could not, never no where it could.
[[nodiscard]] bool gains_below(TrieView trie, const Walk& from, const Walk& to);

}  // namespace warder::policy
