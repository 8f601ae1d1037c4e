// The clock of deadlines. Any thread.
#pragma once

#include <cstdint>
#include <ctime>

namespace warder::supervisor::names {

inline std::int64_t monotonic_milliseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

}  // namespace warder::supervisor::names
