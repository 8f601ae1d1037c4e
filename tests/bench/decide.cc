// What one decision costs with 10, 1,000 and 100,000 entries: nanoseconds of policy::Compiled::path(), as JSON.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "policy/lower.h"

namespace {

using namespace warder;
using namespace warder::policy;

/// A third of the entries are trees, a third single files, a third patterns; nothing else is as in a real profile of that size.
Profile profile_of(std::size_t entries) {
  Profile profile;
  profile.name = "bench";
  profile.paths.emplace();
  const policy::Source source{std::make_shared<const std::string>("bench.yaml"), 1, 1};
  const auto add = [&](std::string pattern, Rights rights) {
    PathEntry entry;
    entry.pattern = std::move(pattern);
    entry.allow = rights;
    entry.source = source;
    profile.paths->push_back(std::move(entry));
  };
  add("/**", Rights(Right::read) | Right::list);
  for (std::size_t number = 1; number < entries; ++number) {
    const std::string name = std::to_string(number);
    if (number % 3 == 0) add("/srv/site" + name + "/**", rights_all);
    if (number % 3 == 1) add("/etc/service" + name + "/secret", Rights());
    if (number % 3 == 2) add("/var/lib/app" + name + "/*.db", rights_all);
  }
  return profile;
}

double nanoseconds_per_decision(std::size_t entries) {
  KernelFacts kernel;
  kernel.landlock_abi = 0;
  kernel.user_notify = true;
  const auto lowered = lower(profile_of(entries), kernel, {});
  if (!lowered.ok()) {
    std::fprintf(stderr, "%s\n", lowered.error().text().c_str());
    std::exit(1);
  }
  const auto compiled = Compiled::open(lowered->block);
  if (!compiled.ok()) std::exit(1);
  const std::vector<std::string> paths = {"/usr/lib/x86_64-linux-gnu/libc.so.6",
                                          "/srv/site3/a/b/c",
                                          "/etc/service4/secret",
                                          "/var/lib/app5/x.db",
                                          "/etc/passwd",
                                          "/var/lib/app5/other/x"};
  constexpr int rounds = 20000;
  double best = 1e9;
  std::size_t allowed = 0;
  for (int attempt = 0; attempt < 5; ++attempt) {
    const auto began = std::chrono::steady_clock::now();
    for (int round = 0; round < rounds; ++round) {
      for (const auto& path : paths) allowed += compiled->path(path, Right::read).allowed ? 1U : 0U;
    }
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - began;
    best = std::min(best, took.count() / (rounds * static_cast<double>(paths.size())));
  }
  return allowed == 0 ? 0 : best;
}

}  // namespace

int main() {
  std::printf("{\"10\": %.1f, \"1000\": %.1f, \"100000\": %.1f}\n", nanoseconds_per_decision(10), nanoseconds_per_decision(1000),
              nanoseconds_per_decision(100000));
  return 0;
}
