// Writing limits so that a failure leaves what was there. Host process of a command.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "linux/result.h"
#include "runtime/cgroups/limits.h"

namespace warder::runtime {

/// One change of a container's limits. Not thread-safe; two commands at once exclude each other by the container's lock.
class CgroupChange {
 public:
  /// `directory` gives the directory of a controller, nullptr where it is not mounted.
  explicit CgroupChange(std::function<const std::string*(std::string_view)> directory) : directory_(std::move(directory)) {}

  /// Writes all in order. At the first failure everything written so far is taken back, newest first, and the error returned.
  Result<void> write(const std::vector<CgroupWrite>& writes);
  /// Puts every file back to what it said before this object wrote to it. What the kernel no longer takes stays.
  void take_back();

 private:
  struct Undo {
    std::string path, text;
  };
  Result<void> write_one(const std::string& directory, const CgroupWrite& write);
  Result<void> write_all(const std::vector<CgroupWrite>& writes);

  std::function<const std::string*(std::string_view)> directory_;
  std::vector<Undo> undo_;
};

/// The text that brings a file back from `written` to the state of `before`, its content until then. Files that are lists with
/// one line a device take one line, and one with the neutral value where the device had none. Pure.
[[nodiscard]] std::string text_to_undo(std::string_view file, std::string_view written, std::string_view before);

}  // namespace warder::runtime
