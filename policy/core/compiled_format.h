// The bytes of a compiled profile: what policy/compiled_writer.h writes and compiled.h reads. Both sides of one build; the
// version changes with any change here. Offsets count from the start of the block; every section is aligned to 8 bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace warder::policy::format {

inline constexpr std::uint64_t magic = 0x3172656472617721;  // "!warder1"
inline constexpr std::uint32_t version = 4;
inline constexpr std::uint32_t none = 0xffffffff;
inline constexpr std::size_t alignment = 8;
inline constexpr std::size_t max_size = 256U << 20;

/// `count` elements from `offset` on.
struct Range {
  std::uint32_t offset = 0;
  std::uint32_t count = 0;
};

struct Place {
  Range file;  ///< bytes
  std::uint32_t line = 0;
};

/// What the last matching pattern says: an entry of `paths`, or a unix line of `network`.
struct Entry {
  std::uint32_t allow = 0;  ///< Rights; unix lines: connects, or 0
  std::uint32_t audit = 0;
  std::int32_t error = 0;  ///< 0: on-deny's or the default
  std::uint32_t hide = 0;
  std::uint32_t rule = none;  ///< unix lines: position in the list of address rules
  Place place;
};

/// A node of the pattern trie. Nodes are numbered depth first: the nodes below N are N+1 .. subtree_end-1.
struct Node {
  std::uint32_t subtree_end = 0;
  std::uint32_t exact = none;       ///< entry of patterns that end here
  std::uint32_t tree = none;        ///< entry of patterns that end here in `/**`
  std::uint32_t deep = none;        ///< child node behind `/**/`, entered together with this node
  std::uint32_t deep_index = none;  ///< a node behind `/**/` stays active for good; its number among those
  std::uint32_t first_edge = 0;
  std::uint32_t edge_count = 0;
  std::uint32_t first_glob = 0;
  std::uint32_t glob_count = 0;
  std::uint32_t first_length = 0;  ///< the distinct lengths of suffix edges, then of prefix edges
  std::uint32_t suffix_lengths = 0;
  std::uint32_t prefix_lengths = 0;
};

enum class EdgeKind : std::uint32_t { literal, suffix, prefix };

/// A child that is found by hashing: a whole component, or `*` followed or preceded by fixed bytes.
struct Edge {
  std::uint32_t parent = 0;
  EdgeKind kind = EdgeKind::literal;
  Range text;
  std::uint32_t target = 0;
};

enum class TokenKind : std::uint16_t { byte, any, byte_class, star };
struct Token {
  TokenKind kind = TokenKind::byte;
  std::uint16_t value = 0;  ///< the byte, or the index of the class
};
/// 256 bits.
struct ByteClass {
  std::uint64_t bits[4] = {};
};

/// A child whose component matches any other glob.
struct Glob {
  std::uint32_t first_token = 0;
  std::uint32_t token_count = 0;
  std::uint32_t target = 0;
};

struct Trie {
  Range nodes;    ///< Node; empty: no pattern
  Range edges;    ///< Edge, those of one parent together
  Range slots;    ///< uint32_t, index of an edge or none; a power of two
  Range globs;    ///< Glob, those of one parent together
  Range tokens;   ///< Token
  Range classes;  ///< ByteClass
  Range lengths;  ///< uint32_t
  Range entries;  ///< Entry
  std::uint32_t deep_count = 0;
  std::uint32_t state_bound = 0;  ///< never more nodes active at once
};

enum class AddressKind : std::uint32_t { internet, path, abstract };
struct AddressEntry {
  AddressKind kind = AddressKind::internet;
  std::uint32_t transport = 0;
  std::uint32_t allow = 0;
  std::uint32_t any_address = 0;
  std::uint32_t ipv6 = 0;
  std::uint32_t prefix = 0;
  std::uint32_t port_low = 0;
  std::uint32_t port_high = 0;
  std::uint8_t address[16] = {};
  Range tokens;  ///< NameToken, of an abstract name
  Range host;    ///< text of a DNS name; empty: the address decides
  Place place;
};

/// Abstract names are matched over all their bytes.
enum class NameTokenKind : std::uint32_t { byte, any, byte_class, star, across, deep_start, deep_loop, tree_top, tree_below };
struct NameToken {
  NameTokenKind kind = NameTokenKind::byte;
  std::uint32_t value = 0;
  ByteClass bytes;
};
inline constexpr std::size_t max_name_tokens = 256;

struct AddressList {
  std::uint32_t present = 0;
  Range rules;  ///< AddressEntry, in order
  Trie paths;   ///< the patterns of `unix` lines; Entry::rule says which line
  Place section;
};

struct SyscallEntry {
  std::int32_t number = 0;
  std::int32_t error = 0;  ///< 0: allowed; the program hands the call over all the same
  std::uint32_t action = 0;
  std::uint32_t always = 0;  ///< refused in every mode: the hardening set
  Place place;
};

/// One profile: the container's own, or a ceiling over it.
struct RuleSet {
  std::uint32_t mode = 0;
  std::uint32_t action = 0;
  std::int32_t on_deny_error = 0;
  std::uint32_t has_paths = 0;
  std::uint32_t has_families = 0;
  std::uint32_t refuses_undivided = 0;    ///< hardening: AF_ALG and AF_VSOCK
  std::uint32_t refuses_unaddressed = 0;  ///< hardening: all families but those whose peers `network` can name
  Trie paths;
  Place paths_section;
  AddressList connect;
  AddressList bind;
  Range families;  ///< int32_t
  Place families_section;
  Range syscalls;  ///< SyscallEntry, sorted by number
  Place whole;     ///< the profile's own file
  Place builtin;   ///< of the hardening set
};

struct LandlockPath {
  Range path;
  std::uint32_t optional = 0;
  std::uint32_t reserved = 0;
  std::uint64_t access = 0;
};
struct LandlockPort {
  std::uint32_t port = 0;
  std::uint32_t reserved = 0;
  std::uint64_t access = 0;
};

struct ExecMount {
  Range path;
  std::uint32_t executable = 0;
  std::uint32_t name_alone = 0;
  std::uint32_t keeps_link = 0;
  std::uint32_t to_be_made = 0;
  std::uint32_t may_be_absent = 0;
  std::uint32_t reserved = 0;
};

struct Header {
  std::uint64_t magic = 0;
  std::uint32_t version = 0;
  std::uint32_t size = 0;
  Range name;
  Range hash;
  std::uint32_t mode = 0;
  std::uint32_t decides_paths = 0;
  std::uint32_t decides_network = 0;
  std::uint32_t hides = 0;
  std::uint32_t checks_exec = 0;
  std::uint32_t needs_listener = 0;
  std::uint32_t names_hosts = 0;
  std::uint32_t reserved = 0;
  Range rule_sets;  ///< RuleSet: ceilings first, in the order they are asked, the profile itself last
  Range filter;     ///< sock_filter
  Range landlock_paths;
  Range landlock_ports;
  Range read_only;  ///< Range of bytes each
  Range exec_mounts;
  std::uint64_t handled_fs = 0;
  std::uint64_t handled_net = 0;
  std::uint64_t scoped = 0;
  std::uint64_t capability_ceiling = 0;
};

/// The hash of a component below a node; the same for writer and reader.
constexpr std::uint64_t hash_bytes(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  return hash;
}
constexpr std::uint64_t hash_edge(std::uint32_t parent, EdgeKind kind, std::uint64_t bytes) {
  std::uint64_t hash = bytes ^ (static_cast<std::uint64_t>(parent) * 4 + static_cast<std::uint64_t>(kind)) * 0x9e3779b97f4a7c15;
  hash ^= hash >> 32;
  hash *= 0xd6e8feb86659fd93;
  return hash ^ hash >> 32;
}

/// Elements of a checked block.
template <class T>
std::span<const T> elements(const std::byte* block, Range range) {
  return {reinterpret_cast<const T*>(block + range.offset), range.count};
}
inline std::string_view text(const std::byte* block, Range range) {
  return {reinterpret_cast<const char*>(block + range.offset), range.count};
}

}  // namespace warder::policy::format
