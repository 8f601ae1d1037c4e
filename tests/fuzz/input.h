// Takes a fuzzer's bytes apart into numbers and texts; past the end everything is zero or empty.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>

namespace warder::fuzz {

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_(data, size) {}

  template <class T>
  T number() {
    T value{};
    const std::size_t size = std::min(sizeof value, rest_.size());
    std::memcpy(&value, rest_.data(), size);
    rest_ = rest_.subspan(size);
    return value;
  }
  /// Up to the next zero byte, or `limit` bytes.
  std::string text(std::size_t limit) {
    std::string result;
    while (!rest_.empty() && result.size() < limit) {
      const auto byte = static_cast<char>(rest_.front());
      rest_ = rest_.subspan(1);
      if (byte == '\0') break;
      result.push_back(byte);
    }
    return result;
  }
  [[nodiscard]] bool empty() const { return rest_.empty(); }
  [[nodiscard]] std::span<const std::uint8_t> rest() const { return rest_; }

 private:
  std::span<const std::uint8_t> rest_;
};

/// A finding: two meanings that must be one are not, or what was accepted cannot be used.
inline void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace warder::fuzz
