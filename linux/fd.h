// Owned and borrowed file descriptors. Every process; no privileges.
#pragma once

#include <unistd.h>

#include <utility>

namespace warder {

/// A descriptor that somebody else closes. Cheap to copy; never outlives its owner.
class BorrowedFd {
 public:
  constexpr explicit BorrowedFd(int number) : number_(number) {}
  [[nodiscard]] constexpr int get() const { return number_; }
  [[nodiscard]] constexpr bool valid() const { return number_ >= 0; }

 private:
  int number_;
};

/// A descriptor that is closed exactly once. Every call that makes one asks for O_CLOEXEC at birth.
class [[nodiscard]] Fd {
 public:
  constexpr Fd() = default;
  constexpr explicit Fd(int number) : number_(number) {}
  Fd(Fd&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      number_ = std::exchange(other.number_, -1);
    }
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }

  [[nodiscard]] int get() const { return number_; }
  [[nodiscard]] bool valid() const { return number_ >= 0; }
  explicit operator bool() const { return valid(); }
  operator BorrowedFd() const { return BorrowedFd(number_); }  // NOLINT(google-explicit-constructor)

  /// Gives the number away; only where the kernel or an exec takes over.
  [[nodiscard]] int release() { return std::exchange(number_, -1); }
  void reset() {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }

 private:
  int number_ = -1;
};

}  // namespace warder
