// Reading and writing one file of a cgroup directory, and waiting with an end. Host process of a command.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "linux/fd.h"
#include "linux/result.h"

namespace warder::runtime {

/// The whole text of a file directly in the directory.
Result<std::string> read_file(BorrowedFd directory, const char* name);
/// The same below a path of the host.
Result<std::string> read_file(const std::string& directory, const char* name);
/// One write(2); the error names file and text.
Result<void> write_file(BorrowedFd directory, const char* name, std::string_view text);

/// A decimal number, or 0; "max" is the largest.
[[nodiscard]] std::uint64_t number_of(std::string_view text);
/// The number behind "key " at the start of a line of a flat keyed file; 0 where there is none.
[[nodiscard]] std::uint64_t keyed_number(std::string_view text, std::string_view key);

/// The end of a wait. Pauses grow from 100 us to 20 ms.
class Deadline {
 public:
  explicit Deadline(std::chrono::milliseconds length) : end_(std::chrono::steady_clock::now() + length) {}
  [[nodiscard]] bool passed() const { return std::chrono::steady_clock::now() >= end_; }
  void wait_a_little() const;

 private:
  std::chrono::steady_clock::time_point end_;
  mutable std::chrono::microseconds pause_{100};
};

}  // namespace warder::runtime
