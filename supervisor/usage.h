// How often each line of the profile in force decided, which way, and how long the answers took. PID 1; any of its threads.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/core/compiled.h"

namespace warder::supervisor {

/// Counters by deciding line, of fixed size, without a lock. Counting is never a reason to wait or to fail: a line that finds no
/// room is not counted.
class Usage {
 public:
  struct Line {
    std::atomic<std::uint64_t> key{0};  ///< place of the file's name in the block and the line; 0: free
    std::atomic<std::uint32_t> name_size{0};
    std::atomic<std::uint64_t> allowed{0}, refused{0};
    std::atomic<std::uint64_t> answers{0}, nanoseconds{0};  ///< of calls that this line decided last
  };

  /// Begins anew, for a block that stays where it is. No other thread counts meanwhile.
  void begin(const policy::Compiled& policy);

  /// The line of a verdict, counted; nothing where it is of no line of the block.
  Line* count(const policy::Verdict& verdict);

  /// The lines of the profile's lists that decided nothing.
  [[nodiscard]] std::vector<policy::Origin> idle_lines() const;

  /// "FILE\tLINE\tALLOWED\tREFUSED\tANSWERS\tNANOSECONDS\n" of every line that decided something.
  [[nodiscard]] std::string text() const;

  /// Calls `each(file, line, counters)` for every line that decided something.
  template <class Each>
  void for_each(const Each& each) const {
    for (std::size_t index = 0; index < size_; ++index) {
      const Line& line = lines_[index];
      const std::uint64_t key = line.key;
      if (line.name_size == 0) continue;
      const auto* name = reinterpret_cast<const char*>(block_.data()) + (key >> 32U);
      each(std::string_view(name, line.name_size), static_cast<std::uint32_t>(key), line);
    }
  }

 private:
  /// Pages that come into being when they are touched: a large profile has thousands of lines, and few of them decide anything.
  class Pages {
   public:
    Pages() = default;
    explicit Pages(std::size_t lines);
    Pages(Pages&& other) noexcept : lines_(std::exchange(other.lines_, nullptr)), bytes_(other.bytes_) {}
    Pages& operator=(Pages&& other) noexcept {
      std::swap(lines_, other.lines_);
      std::swap(bytes_, other.bytes_);
      return *this;
    }
    ~Pages();
    Line& operator[](std::size_t index) const { return lines_[index]; }
    explicit operator bool() const { return lines_ != nullptr; }

   private:
    Line* lines_ = nullptr;
    std::size_t bytes_ = 0;
  };

  std::span<const std::byte> block_;
  Pages lines_;
  std::size_t size_ = 0;  ///< a power of two
};

}  // namespace warder::supervisor
