#include "runtime/audit/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace warder::runtime {
namespace {

constexpr std::size_t widest_column = 48;
constexpr std::size_t most_uses = 10;  ///< of one entry, in the text of a summary

constexpr std::string_view red = "\x1b[31m";
constexpr std::string_view yellow = "\x1b[33m";
constexpr std::string_view green = "\x1b[32m";
constexpr std::string_view bold = "\x1b[1m";
constexpr std::string_view normal = "\x1b[0m";

std::string_view colour_of(std::string_view verdict) {
  if (verdict == "refused" || verdict == "hidden") return red;
  if (verdict == "allowed" || verdict == "learned") return green;
  return yellow;
}

/// An engine's id as engines show it.
std::string short_id(const std::string& id) { return printable(id.size() == 64 ? id.substr(0, 12) : id); }

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char byte) { return (byte & 0xc0) != 0x80; }));
}

std::string verdict_text(const AuditLine& line) {
  if (!line.event.empty()) return printable(line.event);
  return printable(line.verdict) + (line.count == 1 ? std::string() : fmt::format(" x{}", line.count));
}

std::string event_text(const AuditLine& line) {
  if (line.event == "usage") return fmt::format("{}: {} allowed, {} refused", line.rule, line.allowed, line.refused);
  if (line.event == "profile-update") return fmt::format("profile '{}' is in force now", line.profile);
  return fmt::format("{} more events were not written", line.lost);
}

double microseconds_each(std::uint64_t nanoseconds, std::uint64_t answers) {
  return answers == 0 ? 0 : static_cast<double>(nanoseconds) / static_cast<double>(answers) / 1000;
}

template <class Map>
auto by_count(const Map& map) {
  std::vector<const typename Map::value_type*> ordered;
  for (const auto& element : map) ordered.push_back(&element);
  std::ranges::stable_sort(ordered, [](const auto* a, const auto* b) { return a->second.count > b->second.count; });
  return ordered;
}

}  // namespace

AuditTable::AuditTable(Colour colour) : colour_(colour) {
  const Cells names{"TIME", "CONTAINER", "VERDICT", "RIGHT", "OBJECT", "DECIDED BY", "ENFORCER", "WOULD BE ALLOWED BY"};
  for (std::size_t i = 0; i < columns; ++i) widths_[i] = names[i].size();
}

AuditTable::Cells AuditTable::cells(const AuditLine& line) {
  if (!line.event.empty()) {
    return {line.time, short_id(line.id), verdict_text(line), "", printable(event_text(line))};
  }
  return {printable(line.time),     short_id(line.id),    verdict_text(line),       printable(line.wanted()),
          printable(line.object()), printable(line.rule), printable(line.enforcer), printable(line.hint)};
}

void AuditTable::measure(const AuditLine& line) {
  const Cells row = cells(line);
  for (std::size_t i = 0; i < columns; ++i) {
    widths_[i] = std::max(widths_[i], std::min(widest_column, width_of(row[i])));
  }
}

std::string AuditTable::join(const Cells& cells, std::string_view colour) const {
  constexpr std::size_t verdict = 2;
  std::size_t last = columns;
  while (last > 0 && cells[last - 1].empty()) --last;
  std::string text;
  for (std::size_t i = 0; i < last; ++i) {
    const bool coloured = colour_ == Colour::terminal && !colour.empty() && (i == verdict || colour == bold);
    text += coloured ? fmt::format("{}{}{}", colour, cells[i], normal) : cells[i];
    const std::size_t width = width_of(cells[i]);
    if (i + 1 < last) text.append(width < widths_[i] ? widths_[i] - width : 0, ' ').append("  ");
  }
  return text + "\n";
}

std::string AuditTable::heading() const {
  return join({"TIME", "CONTAINER", "VERDICT", "RIGHT", "OBJECT", "DECIDED BY", "ENFORCER", "WOULD BE ALLOWED BY"}, bold);
}

std::string AuditTable::row(const AuditLine& line) const { return join(cells(line), colour_of(line.verdict)); }

void AuditSummary::add(const AuditLine& line) {
  lost_ += line.lost;
  if (line.event == "usage") add_usage(line.rule, {line.allowed, line.refused, line.answers, line.nanoseconds});
  if (!line.event.empty()) return;
  Entry& entry = entries_[line.rule];
  entry.count += line.count;
  Use& use = entry.uses[{line.verdict, std::string(line.wanted()), line.object()}];
  use.count += line.count;
  use.last = std::max(use.last, line.time);
  if (use.hint.empty()) use.hint = line.hint;
}

void AuditSummary::add_usage(const std::string& rule, const RuleUsage& usage) {
  RuleUsage& sum = usage_[rule];
  sum.allowed += usage.allowed;
  sum.refused += usage.refused;
  sum.answers += usage.answers;
  sum.nanoseconds += usage.nanoseconds;
}

void AuditSummary::add_entry(const std::string& rule, const std::string& text) { written_[rule] = text; }

std::vector<std::pair<std::string, RuleUsage>> AuditSummary::hot() const {
  std::vector<std::pair<std::string, RuleUsage>> hot;
  std::ranges::copy_if(usage_, std::back_inserter(hot), [](const auto& one) { return one.second.decisions() > 0; });
  std::ranges::stable_sort(hot, std::greater(), [](const auto& one) { return one.second.decisions(); });
  return hot;
}

std::vector<std::pair<std::string, std::string>> AuditSummary::unused() const {
  if (usage_.empty()) return {};  // nobody has counted
  auto lines = written_;
  for (const auto& [rule, usage] : usage_) lines.try_emplace(rule);
  std::erase_if(lines, [this](const auto& line) {
    const auto counted = usage_.find(line.first);
    return entries_.contains(line.first) || (counted != usage_.end() && counted->second.decisions() > 0);
  });
  return {lines.begin(), lines.end()};
}

std::string AuditSummary::usage_text(Colour colour) const {
  const auto heading = [&](std::string_view words) {
    return colour == Colour::terminal ? fmt::format("{}{}{}\n", bold, words, normal) : fmt::format("{}\n", words);
  };
  std::string text;
  const auto busiest = hot();
  if (!busiest.empty()) text += heading("decided by the supervisor, most often first");
  for (std::size_t i = 0; i < std::min(busiest.size(), most_uses); ++i) {
    const auto& [rule, usage] = busiest[i];
    text += fmt::format("{:>12}  {}  {} allowed, {} refused", usage.decisions(), printable(rule), usage.allowed, usage.refused);
    text += usage.answers == 0 ? "\n" : fmt::format(", {:.1f} us each\n", microseconds_each(usage.nanoseconds, usage.answers));
  }
  const auto idle = unused();
  if (!idle.empty()) text += heading("decided nothing here (what mounts, Landlock and BPF decide is not counted)");
  for (const auto& [rule, entry] : idle) text += fmt::format("{:>12}  {}  {}\n", "", printable(rule), printable(entry));
  return text;
}

std::vector<const std::pair<const std::string, AuditSummary::Entry>*> AuditSummary::entries() const { return by_count(entries_); }
std::vector<const std::pair<const AuditSummary::What, AuditSummary::Use>*> AuditSummary::uses(const Entry& entry) {
  return by_count(entry.uses);
}

std::string AuditSummary::text(Colour colour) const {
  const bool coloured = colour == Colour::terminal;
  std::string text;
  for (const auto* entry : entries()) {
    const auto ordered = uses(entry->second);
    text += fmt::format("{:>7}  {}{}{}\n", entry->second.count, coloured ? bold : "", printable(entry->first),
                        coloured ? normal : "");
    for (std::size_t i = 0; i < std::min(ordered.size(), most_uses); ++i) {
      const auto& [verdict, wanted, object] = ordered[i]->first;
      const Use& use = ordered[i]->second;
      text += fmt::format("{:>12}  {}{:<12}{}  {}  {}", use.count, coloured ? colour_of(verdict) : "", printable(verdict),
                          coloured ? normal : "", printable(wanted), printable(object));
      text += use.hint.empty() ? "\n" : fmt::format("    {}\n", printable(use.hint));
    }
    if (ordered.size() > most_uses) {
      std::uint64_t others = 0;
      for (std::size_t i = most_uses; i < ordered.size(); ++i) others += ordered[i]->second.count;
      text += fmt::format("{:>12}  in {} more ways; --format json has them all\n", others, ordered.size() - most_uses);
    }
  }
  if (lost_ > 0) text += fmt::format("{:>7}  events beyond the rate limit, not written and not counted above\n", lost_);
  text += usage_text(colour);
  if (text.empty()) text = "nothing was recorded\n";
  return text;
}

nlohmann::json AuditSummary::json() const {
  nlohmann::json rules = nlohmann::json::array();
  for (const auto* entry : entries()) {
    nlohmann::json list = nlohmann::json::array();
    for (const auto* use : uses(entry->second)) {
      const auto& [verdict, wanted, object] = use->first;
      nlohmann::json one{
          {"verdict", verdict}, {"right", wanted}, {"object", object}, {"count", use->second.count}, {"last", use->second.last}};
      if (!use->second.hint.empty()) one["hint"] = use->second.hint;
      list.push_back(std::move(one));
    }
    rules.push_back({{"rule", entry->first}, {"count", entry->second.count}, {"uses", std::move(list)}});
  }
  nlohmann::json usage = nlohmann::json::array();
  for (const auto& [rule, one] : hot()) {
    usage.push_back({{"rule", rule},
                     {"allowed", one.allowed},
                     {"refused", one.refused},
                     {"answers", one.answers},
                     {"nanoseconds", one.nanoseconds}});
  }
  nlohmann::json idle = nlohmann::json::array();
  for (const auto& [rule, entry] : unused()) idle.push_back({{"rule", rule}, {"entry", entry}});
  return {{"rules", std::move(rules)}, {"lost", lost_}, {"usage", std::move(usage)}, {"unused", std::move(idle)}};
}

}  // namespace warder::runtime
