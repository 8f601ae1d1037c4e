// `warder profile diff A B`: what became allowed (+) or denied (-) on the way from A to B, and the lines that decide it. Where B
// is a recording: what of it A refuses, and which entries of A it did not need.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "policy/compare.h"
#include "policy/request.h"
#include "runtime/audit/line.h"
#include "runtime/audit/recording.h"
#include "runtime/commands/colour.h"
#include "runtime/commands/profile_verbs.h"
#include "runtime/commands/verb.h"

namespace warder::runtime {

namespace {

std::string line_of(const policy::Source& source) { return source.file ? place(source) : std::string("no line"); }

}  // namespace

std::string differences_text(const std::vector<policy::Difference>& differences, Format format) {
  const Colour colour = colour_of_output();
  std::string text;
  nlohmann::json list = nlohmann::json::array();
  for (const auto& one : differences) {
    const std::string before = line_of(one.before);
    const std::string after = line_of(one.after);
    // What is allowed more is what a reader of a change must not miss.
    const std::string what = painted(colour, one.allowed ? Paint::bad : Paint::good, (one.allowed ? "+ " : "- ") + one.what);
    text += fmt::format("{}\n    {} -> {}\n", what, before, after);
    list.push_back({{"change", one.allowed ? "allowed" : "denied"}, {"what", one.what}, {"before", before}, {"after", after}});
  }
  return format == Format::json ? list.dump() + "\n" : text;
}

namespace {

/// One use of a recording that the profile refuses.
struct Refused {
  std::string what, rule;
  std::size_t runs = 0;
};

class AgainstRecording {
 public:
  AgainstRecording(const policy::Profile& profile, const Recording& recording) : profile_(profile), recording_(recording) {
    for (const auto& [path, use] : recording.paths)
      ask(policy::decide_path(profile, path, use.rights), rights_on(path, use), use);
    for (const auto& [section, uses] : recording.addresses) {
      for (const auto& [address, use] : uses) ask_request(section, address, use);
    }
    for (const auto& [call, use] : recording.calls) ask_request("syscall", call, use);
  }

  [[nodiscard]] bool all_allowed() const { return refused_.empty(); }
  [[nodiscard]] std::string text(Colour colour) const {
    std::string text;
    for (const auto& one : refused_) {
      text += painted(colour, Paint::bad, "- " + printable(one.what));
      text += fmt::format("\n    refused by {}; used in {} of {} runs\n", one.rule, one.runs, recording_.runs.size());
    }
    for (const auto& entry : unused())
      text += fmt::format("? {}\n    {}: decided nothing of the recording\n", entry.text, place(entry.source));
    return text;
  }
  [[nodiscard]] nlohmann::json json() const {
    nlohmann::json refused = nlohmann::json::array();
    nlohmann::json unused_entries = nlohmann::json::array();
    for (const auto& one : refused_) refused.push_back({{"what", one.what}, {"rule", one.rule}, {"runs", one.runs}});
    for (const auto& entry : unused()) unused_entries.push_back({{"entry", entry.text}, {"origin", place(entry.source)}});
    return {{"runs", recording_.runs.size()}, {"refused", std::move(refused)}, {"unused", std::move(unused_entries)}};
  }

 private:
  static std::string rights_on(const std::string& path, const Use& use) { return policy::rights_text(use.rights) + " " + path; }

  void ask(const policy::Verdict& verdict, const std::string& what, const Use& use) {
    used_.insert(place(verdict.origin));
    if (!verdict.allowed || verdict.would_refuse) refused_.push_back({what, place(verdict.origin), use.runs.size()});
  }
  void ask_request(const std::string& operation, const std::string& object, const Use& use) {
    const auto request = policy::parse_request(operation, object);
    if (request.ok()) ask(policy::decide(profile_, *request), operation + " " + object, use);
  }
  /// Entries that a shorter profile could do without.
  [[nodiscard]] std::vector<policy::EntryReport> unused() const {
    auto lowered = lower_here(profile_);
    if (!lowered.ok()) return {};
    std::erase_if(lowered->entries, [this](const auto& entry) { return used_.contains(place(entry.source)); });
    return std::move(lowered->entries);
  }

  const policy::Profile& profile_;
  const Recording& recording_;
  std::set<std::string> used_;
  std::vector<Refused> refused_;
};

Result<int> diff_recording(const policy::Profile& profile, const std::string& log, Format format) {
  const Recording recording = WARDER_TRY(read_recordings({log}));
  for (const auto& fault : recording.faults) fmt::print(stderr, "{}\n", fault);
  const AgainstRecording against(profile, recording);
  WARDER_TRY(print(format == Format::json ? against.json().dump() + "\n" : against.text(colour_of_output())));
  return against.all_allowed() && recording.faults.empty() ? 0 : 1;
}

}  // namespace

Result<int> diff_profiles(const std::string& before, const std::string& after, const ProfileOptions& options) {
  const policy::Profile a = WARDER_TRY(load_profile(before, options));
  if (is_recording(after)) return diff_recording(a, after, options.format);
  const policy::Profile b = WARDER_TRY(load_profile(after, options));
  WARDER_TRY(print(differences_text(policy::compare_profiles(a, b), options.format)));
  return 0;
}

}  // namespace warder::runtime
