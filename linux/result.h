// Errors as values: what every fallible function of warder returns. Used in every process, no privileges, no syscalls.
#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace warder {

/// Who has to act on an error. The exit code and the wording follow from it.
enum class Fault {
  user,         ///< The caller gave something wrong: a config, a profile, a flag.
  environment,  ///< The kernel or the machine refused something that was asked for correctly.
  bug,          ///< warder broke a promise of its own.
};

/// What went wrong, as one line that grows a prefix per layer: `create 'web': mount '/proc': move_mount: Operation not
/// permitted`.
class [[nodiscard]] Error {
 public:
  Error(Fault fault, std::string text, int code = 0) : fault_(fault), code_(code), text_(std::move(text)) {}

  /// A failed system call: "NAME: strerror". Reads errno unless a code is given.
  static Error syscall(std::string_view name, int code = errno);
  static Error user(std::string text) { return {Fault::user, std::move(text), EINVAL}; }
  static Error bug(std::string text) { return {Fault::bug, std::move(text)}; }

  /// The same error seen from one layer further out; add each context once, where it is known.
  Error with(std::string_view context) && {
    text_.insert(0, ": ").insert(0, context);
    return std::move(*this);
  }

  [[nodiscard]] Fault fault() const { return fault_; }
  /// The errno of the system call at the bottom, or 0 where there was none.
  [[nodiscard]] int code() const { return code_; }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  Fault fault_;
  int code_;
  std::string text_;
};

/// A value or the reason why there is none.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : content_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const { return content_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& operator*() & { return std::get<0>(content_); }
  const T& operator*() const& { return std::get<0>(content_); }
  T&& operator*() && { return std::get<0>(std::move(content_)); }
  T* operator->() { return &std::get<0>(content_); }
  const T* operator->() const { return &std::get<0>(content_); }

  [[nodiscard]] Error& error() & { return std::get<1>(content_); }
  [[nodiscard]] const Error& error() const& { return std::get<1>(content_); }
  [[nodiscard]] Error&& error() && { return std::get<1>(std::move(content_)); }

 private:
  std::variant<T, Error> content_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : content_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const { return content_.index() == 0; }
  explicit operator bool() const { return ok(); }

  [[nodiscard]] Error& error() & { return std::get<1>(content_); }
  [[nodiscard]] const Error& error() const& { return std::get<1>(content_); }
  [[nodiscard]] Error&& error() && { return std::get<1>(std::move(content_)); }

 private:
  std::variant<std::monostate, Error> content_;
};

}  // namespace warder

/// Unwraps a Result or returns its error from the enclosing function, with a context in front where one is given.
#define WARDER_TRY(expression)                                        \
  ({                                                                  \
    auto&& warder_result = (expression);                              \
    if (!warder_result.ok()) return std::move(warder_result).error(); \
    ::warder::detail::take(warder_result);                            \
  })
#define WARDER_TRY_WITH(expression, context)                                        \
  ({                                                                                \
    auto&& warder_result = (expression);                                            \
    if (!warder_result.ok()) return std::move(warder_result).error().with(context); \
    ::warder::detail::take(warder_result);                                          \
  })

namespace warder::detail {
template <class T>
T take(Result<T>& result) {
  return *std::move(result);
}
inline void take(Result<void>& /*result*/) {}
}  // namespace warder::detail
