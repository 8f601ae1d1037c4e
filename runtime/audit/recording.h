// What recordings of mode learn hold: the rights that were used on each path, the addresses, and in how many runs. The host
// process of a command.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "linux/result.h"
#include "policy/core/rights.h"

namespace warder::runtime {

struct Use {
  policy::Rights rights;
  std::set<std::size_t> runs;
};

/// What all logs hold. One container in one log is one run.
struct Recording {
  std::map<std::pair<std::string, std::string>, std::size_t> runs;
  std::map<std::string, Use> paths;
  std::map<std::string, std::map<std::string, Use>> addresses;  ///< by section: connect, bind
  std::map<std::string, Use> calls;                             ///< that the profile of the recording would refuse
  std::vector<std::string> faults;  ///< unreadable lines and holes: such a recording may lack something
};

/// Reads logs; an error where one cannot be read.
Result<Recording> read_recordings(const std::vector<std::string>& files);

/// Does the file begin like an audit log?
[[nodiscard]] bool is_recording(const std::string& file);

}  // namespace warder::runtime
