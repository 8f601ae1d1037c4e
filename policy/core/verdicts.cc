// What a compiled profile says about one operation: ceilings first, then the profile itself, each in its own mode.
//
// The same meaning as policy/decide.h, which it is tested against.
#include <sys/socket.h>

#include <cerrno>

#include "policy/core/address_matcher.h"
#include "policy/core/compiled.h"
#include "policy/core/matcher.h"

namespace warder::policy {
namespace {

using format::none;
using format::RuleSet;

/// One rule set with what its verdicts have in common.
class Judge {
 public:
  Judge(const std::byte* block, const RuleSet& rules) : block_(block), rules_(rules) {}

  [[nodiscard]] Verdict allow(const format::Place& place) const {
    Verdict verdict;
    verdict.allowed = true;
    verdict.origin = origin(place);
    return verdict;
  }
  /// In audit and learn mode only `would_refuse` is left of a refusal.
  [[nodiscard]] Verdict refuse(const format::Place& place, int error) const {
    Verdict verdict;
    verdict.would_refuse = true;
    verdict.allowed = static_cast<Mode>(rules_.mode) != Mode::enforce;
    verdict.error = error;
    verdict.action = static_cast<DenyAction>(rules_.action);
    verdict.origin = origin(place);
    verdict.standing = standing(place);
    return verdict;
  }
  [[nodiscard]] int error_or(int fallback) const { return rules_.on_deny_error != 0 ? rules_.on_deny_error : fallback; }

  [[nodiscard]] Verdict path(const Walk& walk, Rights wanted) const;
  [[nodiscard]] Verdict move(std::string_view from, std::string_view to) const;
  [[nodiscard]] Verdict address(NetOperation operation, const Endpoint& endpoint) const;
  [[nodiscard]] Verdict question(const Endpoint& endpoint) const;
  [[nodiscard]] Verdict family(int address_family) const;
  [[nodiscard]] Verdict syscall(int number) const;
  [[nodiscard]] const format::SyscallEntry* syscall_entry(int number) const;

  [[nodiscard]] const RuleSet& rules() const { return rules_; }
  [[nodiscard]] TrieView paths() const { return {block_, rules_.paths}; }
  [[nodiscard]] const format::Entry& entry(std::uint32_t index) const { return paths().entries()[index]; }

 private:
  [[nodiscard]] bool hardening_refuses(int address_family) const;
  /// Texts are written once: equal names have equal places.
  [[nodiscard]] Standing standing(const format::Place& place) const {
    if (place.file.offset == rules_.builtin.file.offset) return Standing::builtin;
    return place.file.offset == rules_.whole.file.offset ? Standing::own : Standing::layer;
  }
  [[nodiscard]] Origin origin(const format::Place& place) const { return {format::text(block_, place.file), place.line}; }

  const std::byte* block_;
  const RuleSet& rules_;
};

Verdict Judge::path(const Walk& walk, Rights wanted) const {
  if (walk.overflowed()) return refuse(rules_.paths_section, EACCES);
  const std::uint32_t object = walk.deciding();
  const std::uint32_t name = walk.deciding_name();
  if (object != none && entry(object).hide != 0) {
    const bool makes = wanted.any(rights_to_make);
    Verdict verdict = refuse(entry(object).place, makes ? EACCES : ENOENT);
    if (!makes) verdict.action = DenyAction::refuse;
    verdict.hidden = !makes && !verdict.allowed;
    return verdict;
  }
  const Rights of_object = object == none ? Rights() : Rights(entry(object).allow).without(rights_of_the_name);
  const Rights of_name = name == none ? Rights() : Rights(entry(name).allow) & rights_of_the_name;
  const Rights rights = of_object | of_name;
  if (!rights.covers(wanted)) {
    const bool only_the_name = rights.covers(wanted.without(rights_of_the_name));
    const std::uint32_t deciding = only_the_name ? name : object;
    if (deciding == none) return refuse(rules_.paths_section, error_or(EACCES));
    const int error = entry(deciding).error;
    Verdict verdict = refuse(entry(deciding).place, error != 0 ? error : error_or(EACCES));
    verdict.given = rights;
    return verdict;
  }
  Verdict verdict = allow(object == none ? rules_.paths_section : entry(object).place);
  if (object != none) verdict.audited = Rights(entry(object).audit).without(rights_of_the_name).any(wanted);
  if (name != none && (Rights(entry(name).audit) & rights_of_the_name).any(wanted)) verdict.audited = true;
  return verdict;
}

Verdict Judge::move(std::string_view from, std::string_view to) const {
  Walk old_name(paths());
  Walk new_name(paths());
  old_name.descend(from);
  new_name.descend(to);
  if (!gains_below(paths(), old_name, new_name)) return allow(rules_.paths_section);
  const std::uint32_t deciding = old_name.deciding() != none ? old_name.deciding() : new_name.deciding();
  Verdict verdict = refuse(deciding != none ? entry(deciding).place : rules_.paths_section, EXDEV);
  verdict.action = DenyAction::refuse;
  return verdict;
}

Verdict Judge::address(NetOperation operation, const Endpoint& endpoint) const {
  const bool outgoing = operation == NetOperation::connect || operation == NetOperation::send;
  const auto& list = outgoing ? rules_.connect : rules_.bind;
  if (list.present == 0 || AddressMatcher::decided_by_family(endpoint)) return allow(list.section);
  const auto* deciding = AddressMatcher(block_, list).deciding(endpoint);
  if (deciding == nullptr) return refuse(list.section, error_or(EACCES));
  return deciding->allow != 0 ? allow(deciding->place) : refuse(deciding->place, error_or(EACCES));
}

Verdict Judge::question(const Endpoint& endpoint) const {
  if (rules_.connect.present != 0) {
    if (const auto* deciding = AddressMatcher(block_, rules_.connect).naming(endpoint); deciding != nullptr) {
      return deciding->allow != 0 ? allow(deciding->place) : refuse(deciding->place, error_or(EACCES));
    }
  }
  return address(NetOperation::send, endpoint);
}

bool Judge::hardening_refuses(int address_family) const {
  switch (address_family) {
    case AF_ALG:
    case AF_VSOCK:
      return rules_.refuses_undivided != 0 || rules_.refuses_unaddressed != 0;
    case AF_UNIX:
    case AF_INET:
    case AF_INET6:
    case AF_NETLINK:
      return false;
    default:
      return rules_.refuses_unaddressed != 0;
  }
}

Verdict Judge::family(int address_family) const {
  if (hardening_refuses(address_family)) {
    Verdict verdict = refuse(rules_.builtin, EAFNOSUPPORT);
    verdict.allowed = false;
    verdict.action = DenyAction::refuse;
    return verdict;
  }
  if (rules_.has_families == 0) return allow(rules_.families_section);
  for (const auto family : format::elements<std::int32_t>(block_, rules_.families)) {
    if (family == address_family) return allow(rules_.families_section);
  }
  return refuse(rules_.families_section, EAFNOSUPPORT);
}

const format::SyscallEntry* Judge::syscall_entry(int number) const {
  const auto all = format::elements<format::SyscallEntry>(block_, rules_.syscalls);
  std::size_t low = 0;
  std::size_t high = all.size();
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (all[middle].number < number) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low == all.size() || all[low].number != number ? nullptr : &all[low];
}

Verdict Judge::syscall(int number) const {
  const format::SyscallEntry* entry = syscall_entry(number);
  if (entry == nullptr || entry->error == 0) return allow(entry != nullptr ? entry->place : rules_.whole);
  Verdict verdict = refuse(entry->place, entry->error);
  verdict.action = static_cast<DenyAction>(entry->action);
  if (entry->always != 0) verdict.allowed = false;
  return verdict;
}

/// Asks ceilings in order, then the profile; what one refuses is refused, what a ceiling would refuse or audits stays visible.
template <class Ask>
Verdict ask_all(std::span<const std::byte> block, const Ask& ask) {
  const auto& header = *reinterpret_cast<const format::Header*>(block.data());
  Verdict above;
  above.allowed = true;
  const auto all = format::elements<RuleSet>(block.data(), header.rule_sets);
  for (const auto& rules : all) {
    Verdict own = ask(Judge(block.data(), rules));
    if (&rules != &all.back() && own.standing != Standing::builtin) own.standing = Standing::ceiling;
    if (own.allowed && !own.would_refuse && above.would_refuse) {
      own = above;
    } else {
      own.audited = own.allowed && (own.audited || above.audited);
    }
    if (!own.allowed) return own;
    above = own;
  }
  return above;
}

}  // namespace

Verdict Compiled::path(std::string_view canonical, Rights wanted) const {
  return ask_all(block_, [&](const Judge& judge) {
    if (judge.rules().has_paths == 0) return judge.allow(judge.rules().paths_section);
    Walk walk(judge.paths());
    walk.descend(canonical);
    return judge.path(walk, wanted);
  });
}

Verdict Compiled::move_directory(std::string_view from, std::string_view to) const {
  return ask_all(block_, [&](const Judge& judge) {
    return judge.rules().has_paths == 0 ? judge.allow(judge.rules().paths_section) : judge.move(from, to);
  });
}

bool Compiled::hidden_in(std::string_view directory, std::string_view name) const {
  const Verdict verdict = ask_all(block_, [&](const Judge& judge) {
    if (judge.rules().has_paths == 0) return judge.allow(judge.rules().paths_section);
    Walk walk(judge.paths());
    walk.descend(directory);
    walk.step(name);
    return judge.path(walk, Rights());
  });
  return verdict.hidden;
}

Verdict Compiled::address(NetOperation operation, const Endpoint& endpoint) const {
  return ask_all(block_, [&](const Judge& judge) { return judge.address(operation, endpoint); });
}
Verdict Compiled::question(const Endpoint& endpoint) const {
  return ask_all(block_, [&](const Judge& judge) { return judge.question(endpoint); });
}
Verdict Compiled::family(int address_family) const {
  return ask_all(block_, [&](const Judge& judge) { return judge.family(address_family); });
}
std::span<const std::int32_t> Compiled::families() const {
  const auto& header = *reinterpret_cast<const format::Header*>(block_.data());
  return format::elements<std::int32_t>(block_.data(),
                                        format::elements<RuleSet>(block_.data(), header.rule_sets).back().families);
}
Verdict Compiled::syscall(int number) const {
  return ask_all(block_, [&](const Judge& judge) { return judge.syscall(number); });
}
bool Compiled::decides_by_number(int number) const {
  const auto& header = *reinterpret_cast<const format::Header*>(block_.data());
  for (const auto& rules : format::elements<RuleSet>(block_.data(), header.rule_sets)) {
    if (Judge(block_.data(), rules).syscall_entry(number) != nullptr) return true;
  }
  return false;
}

}  // namespace warder::policy
