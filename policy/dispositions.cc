#include "policy/dispositions.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "policy/core/syscall_names.h"
#include "policy/hardening.h"
#include "policy/native_calls.h"
#include "policy/path_calls.h"

namespace warder::policy {
namespace {

/// Judged, and then run by the kernel: nobody can do these for somebody else. Beside each its second wall.
struct CheckedCall {
  std::string_view name;
  std::string_view reason;
};
constexpr auto checked_calls = std::to_array<CheckedCall>({
    {"execve", "judged before, and again by Landlock or at the exec stop"},
    {"execveat", "judged before, and again by Landlock or at the exec stop"},
    {"chdir", "only existence is hidden, and what is done from there is judged by its canonical name"},
    {"fchdir", "no descriptor of a hidden directory is ever given out"},
    {"chroot", "only existence is hidden, and what is done from there is judged by its canonical name"},
    {"ioctl",
     "devices by what stands behind the descriptor, and Landlock's right for devices; inode flags are set by the supervisor"},
});

/// Answered, and no call of paths or addresses.
constexpr std::string_view memory_file = "memfd_create";

constexpr auto socket_calls = std::to_array<std::string_view>({"connect", "bind", "listen", "sendto", "sendmsg", "sendmmsg"});

std::string_view scope_text(HardeningScope scope) {
  switch (scope) {
    case HardeningScope::always:
      return "";
    case HardeningScope::with_paths:
      return "with `paths`";
    case HardeningScope::with_exec:
      return "that refuse the exec right somewhere";
    case HardeningScope::with_mappings:
      return "with `executable-mappings: exec`";
    case HardeningScope::with_network:
      return "with `network` addresses";
  }
  return "";
}

/// Whether `names`, separated by spaces, holds the word.
bool lists(std::string_view names, std::string_view word) {
  for (std::size_t at = 0; at < names.size();) {
    const std::size_t end = std::min(names.find(' ', at), names.size());
    if (names.substr(at, end - at) == word) return true;
    at = end + 1;
  }
  return false;
}

CallDisposition disposition_of(const NumberedName& call) {
  CallDisposition said{call.number, call.name, Disposition::native, 0, "", ""};
  const auto is_it = [&](const auto& row) { return row.name == call.name; };
  const auto rule = std::ranges::find_if(hardening_rules(), [&](const HardeningRule& each) {
    return each.call == call.name && each.condition == HardeningCondition::any && call.name != memory_file;
  });
  if (rule != hardening_rules().end()) {
    return {call.number, call.name, Disposition::refused, rule->error, scope_text(rule->scope), rule->reason};
  }
  if (const auto found = std::ranges::find_if(checked_calls, is_it); found != checked_calls.end()) {
    said.disposition = Disposition::checked;
    said.reason = found->reason;
    return said;
  }
  if (std::ranges::find(socket_calls, call.name) != socket_calls.end()) {
    said.disposition = Disposition::answered;
    said.reason = "addresses: judged and used from one copy, on a copy of the descriptor";
    return said;
  }
  if (call.name == "getsockopt") {
    said.disposition = Disposition::answered;
    said.reason = "SO_PEERCRED, which would name the supervisor where it connected or listened for the peer";
    return said;
  }
  if (call.name == memory_file) {
    said.disposition = Disposition::answered;
    said.reason = "memory files that nobody can execute, where a profile refuses the exec right somewhere";
    return said;
  }
  const auto path = std::ranges::find_if(path_calls(), [&](const PathCall& each) { return each.call == call.name; });
  if (path != path_calls().end()) {
    said.disposition = Disposition::answered;
    said.reason = path->use == PathUse::existence ? "paths, where a profile hides: it would tell that something exists"
                                                  : "paths: judged by the canonical name, done through the same descriptor";
    return said;
  }
  const auto condition =
      std::ranges::find_if(hardening_rules(), [&](const HardeningRule& each) { return each.call == call.name; });
  if (condition != hardening_rules().end() || call.name == "socketpair") {
    said.disposition = Disposition::registers;
    said.reason = call.name == "socketpair" ? "families that a profile does not list" : condition->reason;
    return said;
  }
  for (const NativeCalls& kind : native_calls()) {
    if (lists(kind.names, call.name)) said.reason = kind.reason;
  }
  return said;
}

/// scdoc(5) takes an underscore for the start of underlined text.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char each : text) {
    if (each == '_' || each == '*') result += '\\';
    result += each;
  }
  return result;
}

std::string_view introduction(Disposition disposition) {
  switch (disposition) {
    case Disposition::answered:
      return "Done by the supervisor for the caller, in profiles with a rule that needs it. Elsewhere native.";
    case Disposition::checked:
      return "Nobody can do these for somebody else: judged first, and run by the kernel behind a second wall.";
    case Disposition::registers:
      return "Flags and numbers decide, in the seccomp program; nothing else of the call is looked at.";
    case Disposition::refused:
      return "A profile gives one back with _syscalls: {allow: [NAME]}_.";
    case Disposition::native:
      return "Not looked at by any profile, unless its _syscalls_ name them.";
  }
  return "";
}

/// What the calls of one paragraph have in common.
bool same_words(const CallDisposition& a, const CallDisposition& b) {
  return a.disposition == b.disposition && a.error == b.error && a.when == b.when && a.reason == b.reason;
}

std::string words_of(const CallDisposition& call) {
  std::string text;
  if (call.error != 0) text += std::string(strerrorname_np(call.error)) + ": ";
  text += escaped(call.reason);
  if (!call.when.empty()) text += "; in profiles " + escaped(call.when);
  return text;
}

}  // namespace

std::span<const CallDisposition> call_dispositions() {
  static const std::vector<CallDisposition> all = [] {
    std::vector<CallDisposition> result;
    for (const NumberedName& call : numbered_names()) result.push_back(disposition_of(call));
    return result;
  }();
  return all;
}

std::string_view disposition_name(Disposition disposition) {
  constexpr std::array<std::string_view, 5> names = {"answered", "checked", "by registers", "refused", "native"};
  return names[static_cast<std::size_t>(disposition)];
}

std::string dispositions_manual() {
  std::string text;
  for (const auto disposition :
       {Disposition::answered, Disposition::checked, Disposition::registers, Disposition::refused, Disposition::native}) {
    std::string title(disposition_name(disposition));
    title[0] = static_cast<char>(title[0] - 'a' + 'A');
    text += "## " + title + "\n\n" + std::string(introduction(disposition)) + "\n";
    std::vector<const CallDisposition*> done;
    for (const CallDisposition& call : call_dispositions()) {
      if (call.disposition != disposition) continue;
      if (std::ranges::any_of(done, [&](const CallDisposition* other) { return same_words(*other, call); })) continue;
      done.push_back(&call);
      text += "\n_" + words_of(call) + "_\n";
      std::string line = "\t";
      for (const CallDisposition& other : call_dispositions()) {
        if (!same_words(other, call)) continue;
        const std::string name = escaped(other.name);
        if (line.size() + name.size() > 120) {
          text += line + "\n";
          line = "\t";
        }
        line += (line == "\t" ? "" : " ") + name;
      }
      text += line + "\n";
    }
    text += "\n";
  }
  return text;
}

}  // namespace warder::policy
