// Runs a piece of code under a real filter that a real pool answers, and the same code without: for tests of the handlers.
//
// As in a container: the supervisor shares mounts and root with the code but stands in the outer PID namespace; the code is PID 1
// of an inner one with a procfs of its own. Needs root. Everything (mounts, processes) ends with the call.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace warder::supervisor::testing {

/// What the code says goes through here: one line a fact, with nothing in it that differs between two honest runs.
class Report {
 public:
  explicit Report(int fd) : fd_(fd) {}
  void line(const std::string& text);
  /// "NAME: result", or "NAME: errno 13" for a negative result.
  void result(const std::string& name, long value);

 private:
  int fd_;
};

struct Setting {
  std::string profile;                ///< YAML
  std::function<void()> before;       ///< prepares the tree, as root, not supervised; cwd and root are the scratch directory
  std::function<void(Report&)> body;  ///< the code
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  mode_t umask = 022;
};

struct Outcome {
  std::string report;
  std::string audit;  ///< the audit log
};
Outcome run_supervised(const Setting& setting);
Outcome run_natively(const Setting& setting);

}  // namespace warder::supervisor::testing
