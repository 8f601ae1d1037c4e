// Builds the pattern trie of a compiled profile: patterns in, nodes and tables out. Pure; runs in `warder` when it compiles.
//
// Braces are expanded, `**` inside a component is written out as whole components, and every pattern becomes a path of literal,
// glob and deep nodes from the root. How many nodes can be active at once on any path is computed here, so that the walk needs
// no bound of its own making.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "linux/result.h"
#include "policy/core/compiled_format.h"

namespace warder::policy {

/// The tables of format::Trie with texts still apart.
struct TrieTables {
  struct Edge {
    std::uint32_t parent = 0;
    format::EdgeKind kind = format::EdgeKind::literal;
    std::string text;
    std::uint32_t target = 0;
  };
  std::vector<format::Node> nodes;
  std::vector<Edge> edges;
  std::vector<std::uint32_t> slots;
  std::vector<format::Glob> globs;
  std::vector<format::Token> tokens;
  std::vector<format::ByteClass> classes;
  std::vector<std::uint32_t> lengths;
  std::uint32_t deep_count = 0;
  std::uint32_t state_bound = 0;
};

class TrieBuilder {
 public:
  TrieBuilder();
  ~TrieBuilder();
  TrieBuilder(const TrieBuilder&) = delete;
  TrieBuilder& operator=(const TrieBuilder&) = delete;

  /// Adds a faultless pattern (braces allowed) of entry number `entry`. Entries are added in order: the later one stays. An error
  /// where the pattern crosses components inside too many names.
  Result<void> add(std::string_view pattern, std::uint32_t entry);
  /// The same for the literal path `path`, in which no character is special.
  void add_literal(std::string_view path, std::uint32_t entry);

  /// The tables. An error where more than max_states nodes could be active at once.
  Result<TrieTables> finish() const;

 private:
  struct Node;
  struct Part;
  std::vector<Node> nodes_;
  /// Where the number of the child of `parent` for `part` is kept; format::none while there is none.
  std::uint32_t& child_slot(std::uint32_t parent, const Part& part);
  void add_parts(const std::vector<Part>& parts, std::uint32_t entry, bool tree);
  void add_expanded(std::vector<Part> parts, std::size_t from, std::uint32_t entry, bool tree);
  friend class TrieFinisher;
};

}  // namespace warder::policy
