// `warder profile explain DO OBJECT`: what the profile decides about one operation, which line says so, who enforces it at what
// cost, and which system calls are trapped because of which line. Verdicts come from the reference meaning (policy/decide.h),
// enforcers from the compiler (policy/lower.h): the same code that enforces.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>

#include "policy/groups.h"
#include "policy/request.h"
#include "runtime/commands/colour.h"
#include "runtime/commands/profile_verbs.h"
#include "runtime/commands/verb.h"

namespace warder::runtime {
namespace {

using policy::Request;
using policy::Verdict;

std::string verdict_text(const Verdict& verdict) {
  const char* name = strerrorname_np(verdict.error);
  const std::string error = name != nullptr ? name : std::to_string(verdict.error);
  if (verdict.allowed && !verdict.would_refuse) return verdict.audited ? "allowed, and logged" : "allowed";
  std::string text = verdict.allowed ? fmt::format("allowed and logged; enforcement would refuse it ({})", error)
                                     : fmt::format("refused ({})", error);
  if (verdict.hidden) text += ", as if nothing were there";
  if (verdict.action == policy::DenyAction::kill) text += ", and the process is killed";
  if (verdict.action == policy::DenyAction::stop_container) text += ", and the container is stopped";
  return text;
}

bool same_place(const policy::Source& source, const policy::Origin& origin) {
  return source.file && *source.file == origin.file && source.line == origin.line;
}

std::string enforcers_text(const policy::EntryReport& report) {
  std::string text;
  for (const auto enforcer : report.enforcers) {
    if (!text.empty()) text += "; ";
    text += fmt::format("{} ({})", policy::enforcer_name(enforcer), policy::enforcer_cost(enforcer));
  }
  if (report.silent) text += "; its refusals leave no line in the audit log";
  if (!report.note.empty()) text += "; " + report.note;
  return text;
}

/// The line of the profile behind an origin, as its report has it; null for the hardening set and for sections.
const policy::EntryReport* report_of(const policy::Lowered& lowered, const policy::Origin& origin) {
  const auto found = std::ranges::find_if(lowered.entries, [&](const auto& entry) { return same_place(entry.source, origin); });
  return found != lowered.entries.end() ? &*found : nullptr;
}

/// The calls that one enforcer answers, grouped by the rule that made it so.
std::string trapped_text(const policy::Lowered& lowered, policy::Enforcer enforcer) {
  struct Group {
    std::string calls;
    std::size_t order = 0;
  };
  std::map<std::string, Group> groups;  // by reason
  for (const auto& call : lowered.calls) {
    if (call.enforcer != enforcer) continue;
    std::string reason = call.reason + " (" + place(call.source) + ")";
    if (!call.when.empty()) reason = call.when + ": " + reason;
    Group& group = groups[reason];
    if (group.calls.empty()) group.order = groups.size();
    group.calls += (group.calls.empty() ? "" : " ") + call.name;
  }
  std::vector<std::pair<std::string, Group>> ordered(groups.begin(), groups.end());
  std::ranges::sort(ordered, {}, [](const auto& one) { return one.second.order; });
  std::string text;
  for (const auto& [reason, group] : ordered) text += fmt::format("    {}\n      {}\n", group.calls, reason);
  return text;
}

/// Of a system call: what the program does with it.
std::string call_text(const policy::Lowered& lowered, int number) {
  std::string text;
  for (const auto& call : lowered.calls) {
    if (call.number != number) continue;
    const char* name = strerrorname_np(call.error);
    text += fmt::format("  filter      {} ({}){}{}: {} ({})\n", policy::enforcer_name(call.enforcer),
                        policy::enforcer_cost(call.enforcer),
                        call.error != 0 ? fmt::format(", {}", name != nullptr ? name : "?") : "",
                        call.when.empty() ? "" : ", " + call.when, call.reason, place(call.source));
  }
  return text.empty() ? "  filter      none (no cost): the call goes to the kernel\n" : text;
}

std::string rights_line(const policy::Profile& profile, const Request& request) {
  if (request.kind != Request::Kind::path || !profile.paths) return "";
  const auto rights = policy::path_rights(profile, request.object);
  return fmt::format("  rights      {}{}\n", rights.hidden ? "hide" : policy::rights_text(rights.allow),
                     rights.audit.empty() ? "" : ", logged: " + policy::rights_text(rights.audit));
}

std::string layers_text(const policy::Profile& profile) {
  std::string text;
  for (const auto& layer : profile.layers) text += (text.empty() ? "" : " + ") + layer.name;
  if (profile.ceiling) text += " under mandatory";
  return text;
}

nlohmann::json explain_json(const policy::Profile& profile, const Request& request, const Verdict& verdict,
                            const policy::Lowered& lowered, const policy::EntryReport* report) {
  const char* error = verdict.would_refuse ? strerrorname_np(verdict.error) : nullptr;
  nlohmann::json json{{"request", request.text},
                      {"allowed", verdict.allowed},
                      {"would_refuse", verdict.would_refuse},
                      {"logged", verdict.audited || verdict.would_refuse},
                      {"hidden", verdict.hidden},
                      {"decided_by", place(verdict.origin)},
                      {"profile", profile.name},
                      {"layers", layers_text(profile)},
                      {"hash", profile.hash()}};
  if (error != nullptr) json["errno"] = error;
  if (report != nullptr) {
    json["entry"] = report->text;
    json["silent"] = report->silent;
    if (!report->note.empty()) json["note"] = report->note;
    for (const auto enforcer : report->enforcers) {
      json["enforcers"].push_back({{"name", policy::enforcer_name(enforcer)}, {"cost", policy::enforcer_cost(enforcer)}});
    }
  }
  if (request.kind == Request::Kind::path && profile.paths) {
    const auto rights = policy::path_rights(profile, request.object);
    json["rights"] = rights.hidden ? "hide" : policy::rights_text(rights.allow);
  }
  json["calls"] = nlohmann::json::array();
  for (const auto& call : lowered.calls) {
    const bool answered = call.enforcer == policy::Enforcer::notify || call.enforcer == policy::Enforcer::exec_stop;
    if (!answered && !(request.kind == Request::Kind::syscall && call.number == request.number)) continue;
    json["calls"].push_back({{"call", call.name},
                             {"enforcer", policy::enforcer_name(call.enforcer)},
                             {"when", call.when},
                             {"because", call.reason},
                             {"origin", place(call.source)}});
  }
  return json;
}

}  // namespace

Result<int> explain_request(const policy::Profile& profile, const std::string& operation, const std::string& object,
                            Format format) {
  const Request request = WARDER_TRY(policy::parse_request(operation, object));
  const Verdict verdict = policy::decide(profile, request);
  const policy::Lowered lowered = WARDER_TRY_WITH(lower_here(profile), fmt::format("profile '{}'", profile.name));
  const auto* report = report_of(lowered, verdict.origin);
  if (format == Format::json) {
    WARDER_TRY(print(explain_json(profile, request, verdict, lowered, report).dump() + "\n"));
    return 0;
  }
  const bool good = verdict.allowed && !verdict.would_refuse;
  const std::string word = painted(colour_of_output(), good ? Paint::good : Paint::bad, verdict_text(verdict));
  std::string text = fmt::format("{}: {}\n", request.text, word);
  text += fmt::format("  decided by  {}{}\n", place(verdict.origin), report != nullptr ? "  " + report->text : "");
  text += rights_line(profile, request);
  text += fmt::format("  profile     {} ({}), {}\n", profile.name, layers_text(profile), profile.hash());
  if (report != nullptr) text += fmt::format("  enforcer    {}\n", enforcers_text(*report));
  if (request.kind == Request::Kind::syscall) text += call_text(lowered, request.number);
  if (request.kind == Request::Kind::family) text += call_text(lowered, policy::syscall_number("socket").value_or(-1));
  const std::string trapped =
      trapped_text(lowered, policy::Enforcer::notify) + trapped_text(lowered, policy::Enforcer::exec_stop);
  text += trapped.empty() ? "  traps       nothing: the supervisor answers no call under this profile\n"
                          : "  traps       each of these calls makes one round trip to the supervisor, because of\n" + trapped;
  WARDER_TRY(print(text));
  return 0;
}

}  // namespace warder::runtime
