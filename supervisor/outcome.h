// The outcome of work done for a caller: a value, or the errno that the caller is going to see. Workers of PID 1; no privileges.
//
// Distinct from warder::Result, whose errors are texts for people: a failed open of the workload is an everyday answer and must
// not cost an allocation.
#pragma once

#include <cerrno>
#include <utility>
#include <variant>

namespace warder::supervisor {

/// The number of an errno, never 0.
struct [[nodiscard]] Errno {
  int code = EPERM;
  /// What the last failed system call of this thread said.
  static Errno last() { return Errno{errno}; }
};

template <class T>
class [[nodiscard]] Outcome {
 public:
  Outcome(T value) : content_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Outcome(Errno error) : content_(std::in_place_index<1>, error) {}         // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const { return content_.index() == 0; }
  explicit operator bool() const { return ok(); }
  /// 0 where there is a value.
  [[nodiscard]] int code() const { return ok() ? 0 : std::get<1>(content_).code; }

  T& operator*() & { return std::get<0>(content_); }
  const T& operator*() const& { return std::get<0>(content_); }
  T&& operator*() && { return std::get<0>(std::move(content_)); }
  T* operator->() { return &std::get<0>(content_); }
  const T* operator->() const { return &std::get<0>(content_); }

 private:
  std::variant<T, Errno> content_;
};

template <>
class [[nodiscard]] Outcome<void> {
 public:
  Outcome() = default;
  Outcome(Errno error) : code_(error.code) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const { return code_ == 0; }
  explicit operator bool() const { return ok(); }
  [[nodiscard]] int code() const { return code_; }

 private:
  int code_ = 0;
};

namespace detail {
template <class T>
T take(Outcome<T>& outcome) {
  return *std::move(outcome);
}
inline void take(Outcome<void>& /*outcome*/) {}
}  // namespace detail

}  // namespace warder::supervisor

/// Unwraps an Outcome or returns its errno from the enclosing function.
#define WARDER_GET(expression)                                                           \
  ({                                                                                     \
    auto&& warder_outcome = (expression);                                                \
    if (!warder_outcome.ok()) return ::warder::supervisor::Errno{warder_outcome.code()}; \
    ::warder::supervisor::detail::take(warder_outcome);                                  \
  })
