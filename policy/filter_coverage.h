// What a seccomp program that is in force already does with a call: may PID 1 decide it, or is it too late for that? Pure.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace warder::policy {

/// A program, asked about whole families of arguments. It is run (bpf_interpreter.h) for every argument that it can tell apart:
/// each constant of its comparisons, each single bit, none and all, in one argument at a time.
class FilterCoverage {
 public:
  /// The arguments that are meant; the default means all.
  using Meant = std::function<bool(const seccomp_data&)>;

  explicit FilterCoverage(std::span<const sock_filter> program);

  /// No meant call goes to the kernel unseen: each is handed to the supervisor, or refused by the program.
  [[nodiscard]] bool never_passes(int number, const Meant& meant = {}) const;
  /// The program itself refuses some meant call, so that nobody else can allow it.
  [[nodiscard]] bool refuses(int number, const Meant& meant = {}) const;

 private:
  enum class Fate { passes, decided, refused };
  [[nodiscard]] Fate fate(const seccomp_data& data) const;
  template <class Found>
  [[nodiscard]] bool any(int number, const Meant& meant, Found found) const;

  std::span<const sock_filter> program_;
  std::vector<std::uint64_t> values_;
};

}  // namespace warder::policy
