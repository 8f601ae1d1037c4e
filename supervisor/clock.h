// The monotonic clock, as numbers. Read without a system call.
#pragma once

#include <cstdint>
#include <ctime>

namespace warder::supervisor {

inline std::int64_t monotonic_nanoseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

inline std::int64_t monotonic_milliseconds() { return monotonic_nanoseconds() / 1'000'000; }

}  // namespace warder::supervisor
