// Audit lines as a table that a person can read, and their summary by deciding entry. Pure: text in, text out.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>
#include <vector>

#include "runtime/audit/line.h"

namespace warder::runtime {

enum class Colour : std::uint8_t { plain, terminal };

/// A table whose columns may be filled at once or as lines arrive: a column widens for what it has seen, up to a bound beyond
/// which one long name does not push all others off the screen.
class AuditTable {
 public:
  explicit AuditTable(Colour colour);

  /// Lets the columns grow for a line that will be printed.
  void measure(const AuditLine& line);
  [[nodiscard]] std::string heading() const;
  /// The row of a line, newline included.
  [[nodiscard]] std::string row(const AuditLine& line) const;

 private:
  static constexpr std::size_t columns = 8;
  using Cells = std::array<std::string, columns>;
  static Cells cells(const AuditLine& line);
  [[nodiscard]] std::string join(const Cells& cells, std::string_view colour) const;

  std::array<std::size_t, columns> widths_{};
  Colour colour_;
};

/// How often one line of a profile decided, counted by PID 1.
struct RuleUsage {
  std::uint64_t allowed = 0, refused = 0;
  std::uint64_t answers = 0, nanoseconds = 0;
  [[nodiscard]] std::uint64_t decisions() const { return allowed + refused; }
};

/// What was decided how often, by the entry that decided it. Counts are of operations: the repeats that a line folds are in.
class AuditSummary {
 public:
  void add(const AuditLine& line);
  void add_usage(const std::string& rule, const RuleUsage& usage);
  /// A line of the profile, for the list of those that decided nothing.
  void add_entry(const std::string& rule, const std::string& text);
  [[nodiscard]] std::string text(Colour colour) const;
  [[nodiscard]] nlohmann::json json() const;

 private:
  struct Use {
    std::uint64_t count = 0;
    std::string hint, last;
  };
  using What = std::tuple<std::string, std::string, std::string>;  ///< verdict, wanted, object
  struct Entry {
    std::uint64_t count = 0;
    std::map<What, Use> uses;
  };
  /// The most frequent first, equal ones by name.
  [[nodiscard]] std::vector<const std::pair<const std::string, Entry>*> entries() const;
  [[nodiscard]] static std::vector<const std::pair<const What, Use>*> uses(const Entry& entry);

  [[nodiscard]] std::vector<std::pair<std::string, RuleUsage>> hot() const;
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> unused() const;
  [[nodiscard]] std::string usage_text(Colour colour) const;

  std::map<std::string, Entry> entries_;
  std::map<std::string, RuleUsage> usage_;
  std::map<std::string, std::string> written_;  ///< text of the lines of profiles, where it is known
  std::uint64_t lost_ = 0;
};

}  // namespace warder::runtime
