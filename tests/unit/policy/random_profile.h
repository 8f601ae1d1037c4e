// Small random profiles and requests for property tests: few names, so that patterns and paths meet often.
#pragma once

#include <memory>
#include <random>
#include <string>

#include "policy/profile.h"

namespace warder::policy::testing {

class RandomProfiles {
 public:
  explicit RandomProfiles(unsigned seed) : random_(seed) {}

  int below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random_); }
  template <class T, std::size_t size>
  const T& one_of(const T (&choices)[size]) {
    return choices[below(static_cast<int>(size))];
  }

  std::string path() {
    static constexpr const char* names[] = {"a", "b", "ab", "ba", "aab", "c", "bc"};
    std::string text;
    for (int i = below(6); i > 0; --i) text += std::string("/") + one_of(names);
    return text.empty() ? "/" : text;
  }
  std::string component() {
    static constexpr const char* names[] = {"a",  "b",   "ab",    "c",       "*",   "a*",  "*b",   "?",      "[ab]", "[!a]",
                                            "a?", "*a*", "{a,b}", "{a,bc}*", "a**", "**b", "a**c", "[a-b]*", "b*c",  "{,a}b"};
    return one_of(names);
  }
  std::string pattern() {
    std::string text;
    for (int i = below(4); i > 0; --i) {
      if (below(4) == 0 && !text.ends_with("/**")) text += "/**";
      text += "/" + component();
    }
    if (below(3) == 0 || text.empty()) text += "/**";
    return below(12) == 0 ? "/" : text;
  }
  Rights rights() {
    static constexpr Rights sets[] = {Rights(), rights_ro, rights_rx, rights_rw, rights_rwx, rights_all};
    return below(4) == 0 ? Rights(static_cast<std::uint32_t>(random_()) & rights_all.bits()) : one_of(sets);
  }
  Rights wanted() {
    Rights some;
    for (int i = below(3); i > 0; --i) some = some | static_cast<Right>(1U << below(right_count));
    return some;
  }

  Source source(std::uint32_t line) {
    static const auto file = std::make_shared<const std::string>("random.yaml");
    return {file, line, 1};
  }

  Profile profile(int most_entries) {
    Profile profile;
    profile.name = "random";
    std::uint32_t line = 1;
    profile.paths_source = source(line);
    profile.paths.emplace();
    for (int i = below(most_entries + 1); i > 0; --i) {
      PathEntry entry;
      entry.pattern = pattern();
      entry.allow = rights();
      entry.hide = below(6) == 0;
      if (entry.hide) entry.allow = Rights();
      if (below(4) == 0) entry.audit = Rights(static_cast<std::uint32_t>(random_())) & entry.allow;
      if (below(6) == 0) entry.error = 30;
      entry.source = source(++line);
      profile.paths->push_back(entry);
    }
    static constexpr Mode modes[] = {Mode::enforce, Mode::enforce, Mode::enforce, Mode::audit, Mode::learn};
    profile.mode = one_of(modes);
    if (below(3) == 0) profile.on_deny.error = 1;
    static constexpr DenyAction actions[] = {DenyAction::refuse, DenyAction::kill, DenyAction::stop_container};
    profile.on_deny.action = one_of(actions);
    static constexpr Audit audits[] = {Audit::refused, Audit::cheap};
    profile.audit = one_of(audits);
    return profile;
  }

 private:
  std::mt19937 random_;
};

}  // namespace warder::policy::testing
