// A held mutex, for as long as the object lives, and how long to wait for something. PID 1's threads.
#pragma once

#include <pthread.h>

#include <cstdint>
#include <ctime>

#include "supervisor/clock.h"

namespace warder::supervisor {

/// So many milliseconds from its making, on the monotonic clock.
class Deadline {
 public:
  explicit Deadline(long milliseconds) : end_(monotonic_milliseconds() + milliseconds) {}
  [[nodiscard]] long left() const { return static_cast<long>(end_ - monotonic_milliseconds()); }
  [[nodiscard]] bool over() const { return left() <= 0; }

 private:
  std::int64_t end_;
};

class [[nodiscard]] Locked {
 public:
  explicit Locked(pthread_mutex_t& mutex) : mutex_(mutex) { ::pthread_mutex_lock(&mutex_); }
  ~Locked() { ::pthread_mutex_unlock(&mutex_); }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

  /// Lets others in for a while; nothing that the mutex protects may be used before regain().
  void release() { ::pthread_mutex_unlock(&mutex_); }
  void regain() { ::pthread_mutex_lock(&mutex_); }

  void wait(pthread_cond_t& condition) { ::pthread_cond_wait(&condition, &mutex_); }
  /// Waits at most so long; the condition's clock is the monotonic one.
  void wait_for(pthread_cond_t& condition, long milliseconds) {
    timespec until{};
    ::clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += milliseconds / 1000;
    until.tv_nsec += milliseconds % 1000 * 1'000'000;
    if (until.tv_nsec >= 1'000'000'000) {
      until.tv_nsec -= 1'000'000'000;
      ++until.tv_sec;
    }
    ::pthread_cond_clockwait(&condition, &mutex_, CLOCK_MONOTONIC, &until);
  }

 private:
  pthread_mutex_t& mutex_;
};

}  // namespace warder::supervisor
