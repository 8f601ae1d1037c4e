// `warder profile learn LOG...`: from recordings of mode learn to a profile that allows all of them, as little more as the next
// run needs, and is printed only after a replay of everything that was recorded. The meaning is the reference's
// (policy/decide.h).
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "policy/address_text.h"
#include "policy/generalise.h"
#include "policy/pattern.h"
#include "policy/request.h"
#include "runtime/audit/line.h"
#include "runtime/audit/recording.h"
#include "runtime/commands/profile_verbs.h"
#include "runtime/commands/verb.h"

namespace warder::runtime {
namespace {

using policy::Rights;

constexpr std::string_view layer = "base";
constexpr int most_rounds = 4;

bool allows(const policy::Verdict& verdict) { return verdict.allowed && !verdict.would_refuse; }

/// One entry of the profile to be, and what it was made of.
struct Entry {
  Rights rights;
  std::set<std::size_t> runs;
  std::size_t names = 0;
  std::string example;
};

/// The next run finds the files that this one made, and cuts them short or replaces them. Who may make a file and write what it
/// likes into it can do no more harm by that.
Rights for_another_run(Rights used) {
  const Rights makes = policy::Right::create | policy::Right::write;
  return used.covers(makes) ? used | policy::Right::truncate | policy::Right::remove : used;
}

class Learner {
 public:
  Learner(const Recording& recording, const policy::Profile& base, const ProfileOptions& options)
      : recording_(recording), base_(base), options_(options) {}

  /// The text of a profile that allows the whole recording, or the error that says what it cannot allow.
  Result<std::string> profile();

 private:
  void find_entries();
  void find_addresses();
  [[nodiscard]] std::string seen(const Entry& entry) const;
  std::string write();
  Result<policy::LoadOutcome> load(const std::string& text) const;
  std::vector<std::string> replay(const policy::Profile& profile);

  const Recording& recording_;
  const policy::Profile& base_;
  const ProfileOptions& options_;
  std::set<std::string> literal_;   ///< paths that need an entry of their own
  std::set<std::string> override_;  ///< patterns that give back what the layer took away
  std::vector<std::string> patterns_;
  std::map<std::string, Entry> entries_;
  std::map<std::string, std::map<std::string, Entry>> addresses_;  ///< by section
  std::map<std::uint32_t, std::string> line_of_;                   ///< which pattern stands in a line of the text
};

void Learner::find_entries() {
  std::vector<std::string> needed;
  for (const auto& [path, use] : recording_.paths) {
    if (!allows(policy::decide_path(base_, path, use.rights))) needed.push_back(path);
  }
  auto general = policy::general_patterns(needed);
  std::set<std::string> patterns;
  for (const auto& path : literal_) general[path] = policy::literal_pattern(path);
  for (const auto& [path, pattern] : general) patterns.insert(pattern);
  patterns_.assign(patterns.begin(), patterns.end());
  policy::order_by_breadth(patterns_);
  entries_.clear();
  // Whatever an entry now decides keeps what the layer gave it, also where the layer alone would have been enough.
  for (const auto& [path, use] : recording_.paths) {
    const auto last = std::find_if(patterns_.rbegin(), patterns_.rend(), [&, name = std::string_view(path)](const auto& pattern) {
      return policy::match_path(pattern, name) != policy::Match::no;
    });
    if (last == patterns_.rend()) continue;
    Entry& entry = entries_[*last];
    entry.rights = entry.rights | for_another_run(use.rights) | policy::path_rights(base_, path).allow;
    entry.runs.insert(use.runs.begin(), use.runs.end());
    if (++entry.names == 1) entry.example = path;
  }
  std::erase_if(patterns_, [&](const auto& pattern) { return !entries_.contains(pattern); });
}

void Learner::find_addresses() {
  for (const auto& [section, uses] : recording_.addresses) {
    for (const auto& [address, use] : uses) {
      const std::size_t space = address.find(' ') + 1;
      const std::string kind = address.substr(0, space);
      std::string rule = address;
      if (kind == "unix ") rule = kind + policy::general_path(std::string_view(address).substr(space));
      if (kind == "abstract ") rule = kind + policy::literal_pattern(std::string_view(address).substr(space));
      Entry& entry = addresses_[section][rule];
      entry.runs.insert(use.runs.begin(), use.runs.end());
      if (++entry.names == 1) entry.example = address;
    }
  }
}

std::string Learner::seen(const Entry& entry) const {
  const std::string what =
      entry.names == 1 ? std::string() : fmt::format("{} names, as {}; ", entry.names, printable(entry.example));
  return fmt::format("{}seen in {} of {} runs", what, entry.runs.size(), recording_.runs.size());
}

std::string Learner::write() {
  std::string text = fmt::format("warder: 1\ndescription: Learned from {} run{}\nextends: [{}]\n", recording_.runs.size(),
                                 recording_.runs.size() == 1 ? "" : "s", layer);
  line_of_.clear();
  if (!patterns_.empty()) text += "\npaths:\n";
  for (const auto& pattern : patterns_) {
    const Entry& entry = entries_.at(pattern);
    const std::string rights = "[" + policy::rights_text(entry.rights) + "]";
    text += fmt::format("  # {}\n", seen(entry));
    line_of_[static_cast<std::uint32_t>(std::ranges::count(text, '\n')) + 1] = pattern;
    const bool gives_back = override_.contains(pattern);
    text += fmt::format("  {}: {}\n", nlohmann::json(pattern).dump(),
                        gives_back ? fmt::format("{{allow: {}, override: true}}", rights) : rights);
  }
  text += "\nnetwork:\n";
  for (const std::string section : {"connect", "bind"}) {
    const auto found = addresses_.find(section);
    text += fmt::format("  {}:{}\n", section, found == addresses_.end() ? " []" : "");
    if (found == addresses_.end()) continue;
    for (const auto& [rule, entry] : found->second) {
      text += fmt::format("    # {}\n    - {}\n", seen(entry), nlohmann::json(rule).dump());
    }
  }
  return text;
}

Result<policy::LoadOutcome> Learner::load(const std::string& text) const {
  std::string directory = "/tmp/warder-learn-XXXXXX";
  if (::mkdtemp(directory.data()) == nullptr) return Error::syscall("mkdtemp");
  const std::string file = directory + "/learned.yaml";
  std::ofstream(file) << text;
  auto outcome = policy::load_by_name(file, load_request(options_));
  ::unlink(file.c_str());
  ::rmdir(directory.c_str());
  return outcome;
}

/// What was recorded and is refused, for the message; paths get an entry of their own in the next round.
std::vector<std::string> Learner::replay(const policy::Profile& profile) {
  std::vector<std::string> refused;
  for (const auto& [path, use] : recording_.paths) {
    if (allows(policy::decide_path(profile, path, use.rights))) continue;
    literal_.insert(path);
    refused.push_back(fmt::format("{} {}", policy::rights_text(use.rights), printable(path)));
  }
  for (const auto& [section, uses] : recording_.addresses) {
    for (const auto& [address, use] : uses) {
      const auto request = policy::parse_request(section, address);
      if (!request.ok() || !allows(policy::decide(profile, *request))) refused.push_back(section + " " + printable(address));
    }
  }
  return refused;
}

Result<std::string> Learner::profile() {
  find_addresses();
  std::string complaint;
  for (int round = 0; round < most_rounds; ++round) {
    find_entries();
    std::string text = write();
    const auto outcome = WARDER_TRY(load(text));
    if (!outcome.profile) {
      complaint = policy::findings_text(outcome.findings);
      for (const auto& finding : outcome.findings) {
        const auto line = line_of_.find(finding.source.line);
        const bool ours = finding.source.file && finding.source.file->ends_with("/learned.yaml");
        if (ours && line != line_of_.end() && finding.text.find("override") != std::string::npos) override_.insert(line->second);
      }
      continue;
    }
    const auto refused = replay(*outcome.profile);
    if (refused.empty()) return text;
    complaint = fmt::format("{}", fmt::join(refused, "\n"));
  }
  return Error::user(fmt::format("learn: no profile was found that allows all of the recording:\n{}", complaint));
}

}  // namespace

Result<int> learn_profile(const std::vector<std::string>& logs, const ProfileOptions& options) {
  const Recording recording = WARDER_TRY(read_recordings(logs));
  for (const auto& fault : recording.faults) fmt::print(stderr, "{}\n", fault);
  if (!recording.faults.empty()) return Error::user("learn: a recording with unreadable lines may lack something");
  if (recording.runs.empty()) return Error::user("learn: no line of mode learn in these logs");
  const policy::Profile base = WARDER_TRY(load_profile(layer, options));
  WARDER_TRY(print(WARDER_TRY(Learner(recording, base, options).profile())));
  return 0;
}

}  // namespace warder::runtime
