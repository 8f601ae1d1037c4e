#include "runtime/audit/recording.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "policy/address_text.h"
#include "runtime/audit/file.h"
#include "runtime/audit/line.h"

namespace warder::runtime {
namespace {

using policy::Rights;

Result<Rights> rights_of(std::string_view text) {
  Rights rights;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(", ", at), text.size());
    const std::string_view word = text.substr(at, end - at);
    static const std::map<std::string_view, Rights> sets = {{"ro", policy::rights_ro},
                                                            {"rx", policy::rights_rx},
                                                            {"rw", policy::rights_rw},
                                                            {"rwx", policy::rights_rwx},
                                                            {"all", policy::rights_all}};
    const auto set = sets.find(word);
    const auto right = policy::parse_right(word);
    if (set == sets.end() && !right) return Error::user(fmt::format("of an unknown right '{}'", word));
    rights = rights | (set != sets.end() ? set->second : Rights(*right));
    at = end + 2;
  }
  return rights;
}

/// The address, or the name that it was told for: the next run is told another one.
std::string far_end(const AuditLine& line) {
  const bool plain = line.host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.") == std::string::npos;
  const bool internet = line.address.starts_with("tcp ") || line.address.starts_with("udp ");
  if (line.host.empty() || !plain || !internet || line.section != "connect" || line.syscall == "dns") return line.address;
  const std::string named = line.address.substr(0, 4) + line.host + line.address.substr(line.address.rfind(':'));
  return policy::parse_address_rule(named).ok() ? named : line.address;
}

Result<void> add_line(Recording& recording, const std::string& file, std::string_view text) {
  const AuditLine line = WARDER_TRY(parse_audit_line(text));
  if (line.lost > 0) return Error::user(fmt::format("{} uses were not recorded", line.lost));
  if (line.verdict != "learned" && line.verdict != "would-refuse" && line.verdict != "allowed") return {};
  const std::size_t run = recording.runs.try_emplace({file, line.id}, recording.runs.size()).first->second;
  if (!line.path.empty() && !line.right.empty()) {
    Use& use = recording.paths[line.path];
    use.rights = use.rights | WARDER_TRY(rights_of(line.right));
    use.runs.insert(run);
  } else if (line.address.starts_with("other ")) {
    // Netlink and its like: no address of a profile is about them, `families` decides.
  } else if (line.section == "connect" || line.section == "bind") {
    recording.addresses[line.section][far_end(line)].runs.insert(run);
  } else if (line.path.empty() && line.address.empty() && line.verdict == "would-refuse") {
    recording.calls[line.syscall].runs.insert(run);
  }
  return {};
}

}  // namespace

Result<Recording> read_recordings(const std::vector<std::string>& files) {
  Recording recording;
  for (const auto& path : files) {
    AuditFile file = WARDER_TRY(AuditFile::open(path));
    WARDER_TRY(file.read(AuditFile::Tail::complete, [&](std::string_view text, std::size_t number) {
      const auto added = add_line(recording, path, text);
      if (!added.ok()) recording.faults.push_back(fmt::format("{}:{}: {}", path, number, added.error().text()));
    }));
  }
  return recording;
}

bool is_recording(const std::string& file) {
  std::ifstream stream(file);
  std::string line;
  return std::getline(stream, line) && parse_audit_line(line).ok();
}

}  // namespace warder::runtime
