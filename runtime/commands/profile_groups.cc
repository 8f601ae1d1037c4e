// `warder profile groups [GROUP...]`, `warder profile rights`, `warder profile schema`: the words that a profile may use.
#include <fmt/format.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "policy/dispositions.h"
#include "policy/groups.h"
#include "policy/hardening.h"
#include "policy/path_calls.h"
#include "runtime/commands/profile_verbs.h"
#include "runtime/commands/verb.h"

namespace warder::runtime {

namespace {

constexpr std::string_view hardening = "hardening";
constexpr std::string_view calls = "calls";
constexpr std::string_view calls_manual = "calls.scd";  ///< the section of warder-supervisor(7)

std::string_view condition_text(policy::HardeningCondition condition) {
  switch (condition) {
    case policy::HardeningCondition::any:
      return "";
    case policy::HardeningCondition::new_user_namespace:
      return " with CLONE_NEWUSER";
    case policy::HardeningCondition::terminal_injection:
      return " TIOCSTI, TIOCLINUX, TIOCSETD";
    case policy::HardeningCondition::executable_memfd:
      return " without MFD_NOEXEC_SEAL";
    case policy::HardeningCondition::undivided_family:
      return " of a family that no namespace divides";
    case policy::HardeningCondition::raw_transport:
      return " of raw packets or another transport than TCP and UDP";
    case policy::HardeningCondition::peer_pidfd:
      return " of SO_PEERPIDFD and SO_PASSPIDFD";
    case policy::HardeningCondition::source_route:
      return " of IP options and IPv6 routing headers";
  }
  return "";
}

std::string_view scope_text(policy::HardeningScope scope) {
  switch (scope) {
    case policy::HardeningScope::always:
      return "in every profile";
    case policy::HardeningScope::with_paths:
      return "in a profile with `paths`";
    case policy::HardeningScope::with_exec:
      return "in a profile that refuses the exec right somewhere";
    case policy::HardeningScope::with_mappings:
      return "in a profile with `executable-mappings: exec`";
    case policy::HardeningScope::with_network:
      return "in a profile with `network` addresses";
  }
  return "";
}

/// The built-in set: what is refused when, which door it closes, and what stops working.
std::string hardening_text() {
  std::string text;
  auto scope = static_cast<policy::HardeningScope>(-1);
  for (const auto& rule : policy::hardening_rules()) {
    if (rule.scope != scope) text += fmt::format("{}:\n", scope_text(rule.scope));
    scope = rule.scope;
    const char* error = strerrorname_np(rule.error);
    text += fmt::format("  {}{} ({}): {}; breaks {}\n", rule.call, condition_text(rule.condition), error != nullptr ? error : "?",
                        rule.reason, rule.breaks);
  }
  return text;
}

/// Every number, tab-separated: number, name, what becomes of it, errno, in which profiles, why.
std::string calls_text() {
  std::string text;
  for (const auto& call : policy::call_dispositions()) {
    text += fmt::format("{}\t{}\t{}\t{}\t{}\t{}\n", call.number, call.name, policy::disposition_name(call.disposition),
                        call.error != 0 ? strerrorname_np(call.error) : "-", call.when.empty() ? "all" : call.when, call.reason);
  }
  return text;
}

}  // namespace

Result<int> show_groups(const std::vector<std::string>& groups, Format format) {
  std::string text;
  nlohmann::json all = nlohmann::json::object();
  if (groups.empty()) {
    for (const auto& group : policy::syscall_groups()) {
      text += fmt::format("{:<18} {}\n", group.name, group.about);
      all[std::string(group.name)] = group.about;
    }
    text += fmt::format("{:<18} The set that is refused in every profile, and what each refusal breaks; no word of profiles\n",
                        hardening);
    text += fmt::format("{:<18} What becomes of each system call, and why; no word of profiles\n", calls);
  }
  for (const auto& name : groups) {
    if (name == calls || name == calls_manual) {
      text += name == calls ? calls_text() : policy::dispositions_manual();
      for (const auto& call : policy::call_dispositions()) {
        all[std::string(calls)].push_back({{"number", call.number},
                                           {"call", call.name},
                                           {"becomes", policy::disposition_name(call.disposition)},
                                           {"when", call.when},
                                           {"reason", call.reason}});
      }
      continue;
    }
    if (name == hardening) {
      text += hardening_text();
      for (const auto& rule : policy::hardening_rules()) {
        all[std::string(hardening)].push_back({{"call", rule.call},
                                               {"when", condition_text(rule.condition)},
                                               {"scope", scope_text(rule.scope)},
                                               {"errno", strerrorname_np(rule.error)},
                                               {"reason", rule.reason},
                                               {"breaks", rule.breaks}});
      }
      continue;
    }
    const std::string word = name.starts_with('@') ? name : "@" + name;
    const auto numbers = policy::syscalls_of(word);
    if (!numbers)
      return Error::user(fmt::format("unknown group '{}'; accepted: the groups that `warder profile groups` lists", name));
    text += word + "\n";
    for (const int number : *numbers) {
      text += fmt::format("  {}\n", policy::syscall_name(number));
      all[word].push_back(policy::syscall_name(number));
    }
  }
  WARDER_TRY(print(format == Format::json ? all.dump() + "\n" : text));
  return 0;
}

namespace {

/// The calls that need the right, or of no right those that would reveal what is hidden.
std::vector<std::string_view> calls_of(policy::Rights right) {
  std::vector<std::string_view> calls;
  for (const auto& call : policy::path_calls()) {
    // Moves and links look at all rights of both names; they need one.
    policy::Rights needed = call.rights;
    if (needed == policy::rights_all) needed = call.call.starts_with("link") ? policy::Right::link : policy::Right::rename;
    const bool named = right.empty() ? call.use == policy::PathUse::existence : needed.any(right);
    if (named) calls.push_back(call.call);
  }
  if (right.any(policy::Right::ioctl)) calls.push_back("ioctl");
  return calls;
}

}  // namespace

Result<int> show_rights(Format format) {
  std::string text;
  nlohmann::json all = nlohmann::json::object();
  const auto add = [&](std::string_view name, policy::Rights right) {
    const auto calls = calls_of(right);
    text += fmt::format("{:<9} {}\n", name, fmt::join(calls, " "));
    all[std::string(name)] = calls;
  };
  for (int bit = 0; bit < policy::right_count; ++bit) {
    const auto right = static_cast<policy::Right>(1U << bit);
    add(policy::right_name(right), right);
  }
  add("hide", {});
  WARDER_TRY(print(format == Format::json ? all.dump() + "\n" : text));
  return 0;
}

Result<int> show_schema(const ProfileOptions& options) {
  for (const auto& directory : load_request(options).where.stock) {
    const auto file = policy::read_profile_file(directory, "profile.schema.json", policy::FileTrust::given);
    if (file.state != policy::FileText::State::found) continue;
    WARDER_TRY(print(file.text));
    return 0;
  }
  return Error(Fault::environment, "profile.schema.json is not where the stock profiles are; is warder installed completely?");
}

}  // namespace warder::runtime
