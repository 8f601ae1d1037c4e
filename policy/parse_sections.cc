#include "policy/parse_sections.h"

#include <algorithm>
#include <array>

#include "policy/address_text.h"
#include "policy/groups.h"
#include "policy/pattern.h"
#include "policy/request.h"
#include "policy/spelling.h"

namespace warder::policy {
namespace {

constexpr std::string_view accepted_rights =
    "ro, rx, rw, rwx, all, none, hide, a list of rights, or a mapping with allow, audit, errno, override";

struct RightSet {
  std::string_view word;
  Rights rights;
};
constexpr std::array<RightSet, 7> right_sets = {{{"ro", rights_ro},
                                                 {"rx", rights_rx},
                                                 {"rw", rights_rw},
                                                 {"rwx", rights_rwx},
                                                 {"all", rights_all},
                                                 {"none", Rights()},
                                                 {"hide", Rights()}}};

std::optional<Rights> set_of(std::string_view word) {
  for (const auto& set : right_sets) {
    if (set.word == word) return set.rights;
  }
  return std::nullopt;
}

std::vector<std::string_view> right_words() {
  std::vector<std::string_view> words;
  for (const auto& set : right_sets) words.push_back(set.word);
  for (int bit = 0; bit < right_count; ++bit) words.push_back(right_name(static_cast<Right>(1U << bit)));
  return words;
}

/// `${HOSTNAME}` and `${CONTAINER_ID}` replaced; their values count as themselves, whatever characters they hold.
std::optional<std::string> expand_variables(YamlReader& reader, const YAML::Node& node, const std::string& text,
                                            const Variables& variables) {
  constexpr std::array<std::string_view, 2> known = {"HOSTNAME", "CONTAINER_ID"};
  std::string expanded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      expanded += text[i++];
      expanded += text[i];
      continue;
    }
    if (text[i] != '$' || i + 1 == text.size() || text[i + 1] != '{') {
      expanded += text[i];
      continue;
    }
    const std::size_t end = text.find('}', i);
    if (end == std::string::npos) {
      reader.error(node, "has an unclosed '${'; accepted: ${HOSTNAME}, ${CONTAINER_ID}");
      return std::nullopt;
    }
    const std::string_view name = std::string_view(text).substr(i + 2, end - i - 2);
    if (name != known[0] && name != known[1]) {
      reader.error(node, unknown_word("variable", name, known));
      return std::nullopt;
    }
    const std::string& value = name == known[0] ? variables.hostname : variables.container_id;
    if (value.empty()) {
      reader.error(node, "uses ${" + std::string(name) + "}, which this container does not have");
      return std::nullopt;
    }
    if (value.find('/') != std::string::npos || value == "." || value == "..") {
      reader.error(node, "uses ${" + std::string(name) + "}, whose value is no single component");
      return std::nullopt;
    }
    expanded += escape_pattern(value);
    i = end;
  }
  return expanded;
}

/// One word of a list of rights.
void add_right(YamlReader& reader, const YAML::Node& node, Rights& rights) {
  const auto text = reader.scalar(node, "right", "the name of a right");
  if (!text) return;
  if (const auto right = parse_right(*text)) {
    rights = rights | *right;
  } else if (const auto set = set_of(*text); set && !set->empty()) {
    rights = rights | *set;
  } else if (set) {
    reader.error(node, "'" + *text + "' stands alone, not in a list of rights");
  } else {
    reader.error(node, unknown_word("right", *text, right_words()));
  }
}

/// A set word or a list of rights.
void read_rights(YamlReader& reader, const YAML::Node& node, PathEntry& entry, Rights& rights) {
  if (node.IsSequence()) {
    if (node.size() == 0) reader.error(node, "the list of rights is empty; write none to allow nothing");
    for (const auto& item : node) add_right(reader, item, rights);
    return;
  }
  const auto text = reader.scalar(node, "the rights of a path", accepted_rights);
  if (!text) return;
  if (const auto set = set_of(*text)) {
    rights = *set;
    entry.hide = *text == "hide";
  } else if (parse_right(*text)) {
    reader.error(node, "'" + *text + "' is a single right; write it as a list: [" + *text + "]");
  } else {
    std::string finding = "unknown rights '" + *text + "'; accepted: " + std::string(accepted_rights);
    if (const auto near = nearest_word(*text, right_words()); !near.empty())
      finding += "; did you mean '" + std::string(near) + "'?";
    reader.error(node, std::move(finding));
  }
}

void read_path_value(YamlReader& reader, const YAML::Node& node, PathEntry& entry) {
  if (!node.IsMap()) return read_rights(reader, node, entry, entry.allow);
  bool has_allow = false;
  Source audit;
  const std::array<YamlKey, 4> keys = {{
      {"allow",
       [&](const auto&, const auto& value) {
         has_allow = true;
         read_rights(reader, value, entry, entry.allow);
       }},
      {"audit",
       [&](const auto&, const auto& value) {
         audit = reader.at(value);
         PathEntry unused;
         read_rights(reader, value, unused, entry.audit);
         if (unused.hide) reader.error(value, "audit takes rights, not hide");
       }},
      {"errno", [&](const auto&, const auto& value) { entry.error = reader.errno_number(value); }},
      {"override",
       [&](const auto&, const auto& value) { entry.override_lower = reader.boolean(value, "override").value_or(false); }},
  }};
  if (!reader.mapping(node, "a path entry", keys)) return;
  if (!has_allow) reader.error(node, "the entry has no allow; accepted: " + std::string(accepted_rights));
  if (entry.hide && entry.error) reader.error(node, "hide answers ENOENT; errno cannot be given with it");
  if (has_allow && !entry.allow.covers(entry.audit)) {
    reader.error(audit, "audit names rights that are not allowed (" + rights_text(entry.audit.without(entry.allow)) +
                            "); refusals are logged anyway");
  }
}

/// `allow`, `deny` or {verdict, override} behind the address of a one-entry mapping.
struct AddressVerdict {
  std::optional<bool> allow;
  bool override_lower = false;
};
AddressVerdict read_address_verdict(YamlReader& reader, const YAML::Node& node) {
  constexpr std::array<std::string_view, 2> words = {"allow", "deny"};
  AddressVerdict verdict;
  const auto take = [&](const YAML::Node& value) {
    if (const auto word = reader.word(value, "verdict", words)) verdict.allow = *word == "allow";
  };
  if (!node.IsMap()) {
    take(node);
    return verdict;
  }
  const std::array<YamlKey, 2> keys = {{{"verdict", [&](const auto&, const auto& value) { take(value); }},
                                        {"override", [&](const auto&, const auto& value) {
                                           verdict.override_lower = reader.boolean(value, "override").value_or(false);
                                         }}}};
  reader.mapping(node, "an address entry", keys);
  return verdict;
}

void read_addresses(YamlReader& reader, const YAML::Node& node, std::string_view what, const Variables& variables,
                    std::optional<std::vector<AddressRule>>& rules) {
  rules.emplace();
  for (const auto& [key, value] : reader.pairs(node, what, YamlReader::PlainStrings::taken)) {
    const auto text = reader.scalar(key, "an address", "a text such as \"tcp 10.0.0.1:80\"");
    if (!text) continue;
    AddressVerdict verdict;
    if (value.IsDefined()) {
      verdict = read_address_verdict(reader, value);
      if (!verdict.allow) continue;
      if (text->starts_with('!')) reader.error(key, "says '!' and a verdict; write one of the two");
    }
    const auto expanded = expand_variables(reader, key, *text, variables);
    if (!expanded) continue;
    auto parsed = parse_address_rule(*expanded);
    if (!parsed) {
      reader.error(key, parsed.error().text());
      continue;
    }
    const AddressRule& first = parsed->front();
    if (what == "bind" && !first.name.empty() && (first.transport == Transport::tcp || first.transport == Transport::udp)) {
      reader.error(key, "'" + *text + "' names a host, which is no address of this one; accepted: '*' or an address");
      continue;
    }
    for (auto& rule : *parsed) {
      rule.allow = verdict.allow.value_or(rule.allow);
      rule.override_lower = verdict.override_lower;
      rule.text = *text;
      rule.source = reader.at(key);
      rules->push_back(std::move(rule));
    }
  }
}

/// The numbers behind each word of `deny` or `allow`.
std::vector<SyscallRule> read_calls(YamlReader& reader, const YAML::Node& node, std::string_view what) {
  std::vector<SyscallRule> rules;
  for (const auto& item : reader.list(node, what, "system calls and @groups")) {
    const auto text = reader.scalar(item, "a system call", "a name such as bpf or a group such as \"@mount\"");
    if (!text) continue;
    SyscallRule rule;
    rule.word = *text;
    rule.source = reader.at(item);
    if (auto numbers = syscalls_of(*text)) {
      rule.numbers = std::move(*numbers);
      rules.push_back(std::move(rule));
      continue;
    }
    const bool group = text->starts_with('@');
    std::string finding = std::string("unknown ") + (group ? "group '" : "system call '") + *text +
                          "'; accepted: " + (group ? "the groups of `warder profile groups`" : "the names of x86-64 and @groups");
    std::vector<std::string_view> names;
    for (const auto& one : syscall_groups()) names.push_back(one.name);
    for (int number = 0; number <= newest_syscall; ++number) {
      if (const auto name = syscall_name(number); !name.empty()) names.push_back(name);
    }
    if (const auto near = nearest_word(*text, names); !near.empty()) finding += "; did you mean '" + std::string(near) + "'?";
    reader.error(item, std::move(finding));
  }
  return rules;
}

}  // namespace

void read_paths(YamlReader& reader, const YAML::Node& key, const YAML::Node& value, const Variables& variables,
                Profile& profile) {
  profile.paths.emplace();
  profile.paths_source = reader.at(key);
  for (const auto& [pattern, rights] : reader.pairs(value, "paths", YamlReader::PlainStrings::refused)) {
    PathEntry entry;
    entry.source = reader.at(pattern);
    read_path_value(reader, rights, entry);
    const auto text = reader.scalar(pattern, "a path", "an absolute pattern");
    const auto expanded = text ? expand_variables(reader, pattern, *text, variables) : std::nullopt;
    if (!expanded) continue;
    if (const auto fault = path_pattern_fault(*expanded)) {
      reader.error(pattern, "the pattern '" + *text + "' " + *fault);
      continue;
    }
    entry.pattern = *expanded;
    profile.paths->push_back(std::move(entry));
  }
}

void read_network(YamlReader& reader, const YAML::Node& value, const Variables& variables, Profile& profile) {
  Network& network = profile.network;
  const std::array<YamlKey, 3> keys = {{
      {"connect",
       [&](const auto& key, const auto& node) {
         network.connect_source = reader.at(key);
         read_addresses(reader, node, "connect", variables, network.connect);
       }},
      {"bind",
       [&](const auto& key, const auto& node) {
         network.bind_source = reader.at(key);
         read_addresses(reader, node, "bind", variables, network.bind);
       }},
      {"families",
       [&](const auto& key, const auto& node) {
         network.families_source = reader.at(key);
         network.families.emplace();
         for (const auto& item : reader.list(node, "families", "address families")) {
           const auto text = reader.scalar(item, "an address family", "a word such as inet");
           if (!text) continue;
           const auto family = parse_family(*text);
           if (family) {
             network.families->push_back(*family);
           } else {
             reader.error(item, family.error().text());
           }
         }
       }},
  }};
  reader.mapping(value, "network", keys);
}

// A single name says more than a group, and within the same kind a denial counts: groups first, names last, allowed before
// denied.
void read_syscalls(YamlReader& reader, const YAML::Node& value, Document& document) {
  std::vector<SyscallRule> allowed;
  std::vector<SyscallRule> denied;
  const std::array<YamlKey, 3> keys = {{
      {"allow", [&](const auto&, const auto& node) { allowed = read_calls(reader, node, "allow"); }},
      {"deny", [&](const auto&, const auto& node) { denied = read_calls(reader, node, "deny"); }},
      {"override",
       [&](const auto& key, const auto& node) {
         if (reader.boolean(node, "override").value_or(false)) document.syscalls_override = reader.at(key);
       }},
  }};
  reader.mapping(value, "syscalls", keys);
  for (const bool group : {true, false}) {
    for (auto* rules : {&allowed, &denied}) {
      for (auto& rule : *rules) {
        if (rule.word.starts_with('@') != group) continue;
        rule.allow = rules == &allowed;
        document.profile.syscalls.push_back(rule);
      }
    }
  }
}

void read_tests(YamlReader& reader, const YAML::Node& value, const Variables& variables, Profile& profile) {
  constexpr std::array<std::string_view, 2> verdicts = {"allow", "deny"};
  for (const auto& item : reader.list(value, "tests", "mappings with do, path or to, expect")) {
    TestCase test;
    test.source = reader.at(item);
    std::optional<std::string> operation;
    std::optional<std::string> path;
    std::optional<std::string> to;
    bool has_expect = false;
    const auto read_object = [&](const YAML::Node& node, std::string_view what, std::optional<std::string>& into) {
      const auto text = reader.scalar(node, what, "a path or an address");
      if (text) into = expand_variables(reader, node, *text, variables);
    };
    const std::array<YamlKey, 4> keys = {{
        {"do", [&](const auto&, const auto& node) { operation = reader.scalar(node, "do", "the name of an operation"); }},
        {"path", [&](const auto&, const auto& node) { read_object(node, "path", path); }},
        {"to", [&](const auto&, const auto& node) { read_object(node, "to", to); }},
        {"expect",
         [&](const auto&, const auto& node) {
           has_expect = true;
           if (const auto word = reader.word(node, "expect", verdicts)) test.expect_allow = *word == "allow";
         }},
    }};
    if (!reader.mapping(item, "a test", keys)) continue;
    if (!has_expect) reader.error(item, "the test has no expect; accepted: allow, deny");
    if (!operation || (!path && !to)) {
      reader.error(item, "the test needs do and path (or to, for an address or the new name of a move)");
      continue;
    }
    test.operation = *operation;
    test.object = path && to ? *path + " " + *to : path.value_or(to.value_or(""));
    if (const auto request = parse_request(test.operation, test.object); !request) reader.error(item, request.error().text());
    profile.tests.push_back(std::move(test));
  }
}

}  // namespace warder::policy
