#include "supervisor/audit.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <string>

#include "policy/lower.h"
#include "policy/profile.h"

namespace warder::supervisor {
namespace {

struct Log {
  Log()
      : sink(::memfd_create("audit", MFD_CLOEXEC)),
        procfs(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC)),
        block(compile()),
        policy(*policy::Compiled::open(block)),
        log(sink, procfs, "box", policy) {
    ::fcntl(sink.get(), F_SETFL, O_APPEND);
    refusal.error = EACCES;
    refusal.origin = {"/etc/warder/profiles/box.yaml", 7};
    event.thread = event.process = ::getpid();
    event.syscall = "openat";
    event.wanted = policy::Right::write;
    event.path = "/etc/shadow";
  }
  static std::vector<std::byte> compile() {
    policy::Profile profile;
    profile.name = "box";
    KernelFacts kernel;
    kernel.user_notify = true;
    auto lowered = policy::lower(profile, kernel, {});
    BOOST_REQUIRE(lowered.ok());
    return lowered->block;
  }
  std::string text() const {
    const off_t end = ::lseek(sink.get(), 0, SEEK_END);
    std::string content(end < 0 ? 0 : static_cast<std::size_t>(end), '\0');
    const ssize_t size = ::pread(sink.get(), content.data(), content.size(), 0);
    content.resize(static_cast<std::size_t>(size));
    return content;
  }
  std::size_t lines() const {
    const std::string content = text();
    return static_cast<std::size_t>(std::count(content.begin(), content.end(), '\n'));
  }

  Fd sink, procfs;
  std::vector<std::byte> block;
  policy::Compiled policy;
  AuditLog log;
  AuditEvent event;
  policy::Verdict refusal;
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

BOOST_FIXTURE_TEST_SUITE(audit_log, Log)

BOOST_AUTO_TEST_CASE(a_refusal_is_one_line_with_its_rule_and_a_hint) {
  log.record(event, refusal);
  const std::string line = text();
  BOOST_TEST(lines() == 1U);
  BOOST_TEST(has(line, "\"id\":\"box\",\"profile\":\"box\""));
  BOOST_TEST(has(line, "\"right\":\"write\",\"path\":\"/etc/shadow\",\"verdict\":\"refused\",\"errno\":13"), line);
  BOOST_TEST(has(line, "\"rule\":\"/etc/warder/profiles/box.yaml:7\",\"enforcer\":\"notify\""), line);
  BOOST_TEST(has(line, "\"hint\":\"\\\"/etc/shadow\\\": [write]\""), line);
  BOOST_TEST(has(line, "\"exe\":\"/"), line);
}

BOOST_AUTO_TEST_CASE(an_unaudited_success_is_no_line) {
  policy::Verdict allowed;
  allowed.allowed = true;
  log.record(event, allowed);
  BOOST_TEST(lines() == 0U);
  allowed.audited = true;
  log.record(event, allowed);
  BOOST_TEST(has(text(), "\"verdict\":\"allowed\""));
  BOOST_TEST(!has(text(), "hint"));
}

BOOST_AUTO_TEST_CASE(repeats_are_folded_into_a_second_line_with_their_count) {
  for (int time = 0; time < 50; ++time) log.record(event, refusal);
  BOOST_TEST(lines() == 1U);
  BOOST_TEST(log.flush_due() >= 0);
  log.flush(AuditLog::Flush::all);
  BOOST_TEST(lines() == 2U);
  BOOST_TEST(has(text(), "\"count\":49}"));
  BOOST_TEST(log.flush_due() == -1);
}

BOOST_AUTO_TEST_CASE(another_path_is_another_line) {
  log.record(event, refusal);
  event.path = "/etc/passwd";
  log.record(event, refusal);
  BOOST_TEST(lines() == 2U);
}

BOOST_AUTO_TEST_CASE(a_flood_is_limited_and_says_how_much_was_lost) {
  constexpr int flood = 5000;
  for (int number = 0; number < flood; ++number) {
    const std::string path = "/tmp/" + std::to_string(number);
    event.path = path;
    log.record(event, refusal);
  }
  const std::size_t written = lines();
  BOOST_TEST(written >= 1000U);
  BOOST_TEST(written < 4000U);
  log.flush(AuditLog::Flush::all);
  BOOST_TEST(has(text(), "\"event\":\"rate-limit\",\"lost\":" + std::to_string(flood - written)), flood - written);
}

BOOST_AUTO_TEST_CASE(in_mode_learn_each_use_is_one_line_whoever_makes_it) {
  policy::Profile profile;
  profile.mode = policy::Mode::learn;
  const auto lowered = policy::lower(profile, KernelFacts{7, true, true}, {});
  BOOST_REQUIRE(lowered.ok());
  const auto learning = *policy::Compiled::open(lowered->block);
  AuditLog recording(sink, procfs, "box", learning);
  policy::Verdict allowed;
  allowed.allowed = true;
  constexpr int uses = 3000;  // beyond the limit for refusals
  for (int round = 0; round < 3; ++round) {
    event.thread = event.process = ::getpid() + round;
    for (int number = 0; number < uses; ++number) {
      const std::string path = "/tmp/" + std::to_string(number);
      event.path = path;
      if (round == 0) BOOST_TEST(recording.wants(event, allowed));
      recording.record(event, allowed);
    }
  }
  const std::string all = text();
  for (int number = 0; number < uses; ++number)
    BOOST_REQUIRE(has(all, "\"/tmp/" + std::to_string(number) + "\",\"verdict\":\"learned\""));
  BOOST_TEST(lines() < 3U * uses);
  BOOST_TEST(recording.flush_due() == -1);
}

BOOST_AUTO_TEST_CASE(a_look_at_what_exists_is_no_use_to_learn) {
  policy::Profile profile;
  profile.mode = policy::Mode::learn;
  const auto lowered = policy::lower(profile, KernelFacts{7, true, true}, {});
  AuditLog recording(sink, procfs, "box", *policy::Compiled::open(lowered->block));
  policy::Verdict allowed;
  allowed.allowed = true;
  event.wanted = policy::Rights();
  recording.record(event, allowed);
  BOOST_TEST(lines() == 0U);
}

BOOST_AUTO_TEST_CASE(a_name_cannot_break_its_line) {
  event.path = "/tmp/a\"\n{\"v\":1}";
  log.record(event, refusal);
  BOOST_TEST(lines() == 1U);
  BOOST_TEST(has(text(), "/tmp/a\\\"\\u000a{"));
}

BOOST_AUTO_TEST_CASE(hints_are_lines_of_a_profile) {
  event.wanted = policy::Right::read;
  BOOST_TEST(audit_hint(event, refusal) == "\"/etc/shadow\": [read]");
  refusal.given = policy::rights_ro;
  event.wanted = policy::Right::exec;
  BOOST_TEST(audit_hint(event, refusal) == "\"/etc/shadow\": rx");  // what it has stays
  refusal.standing = policy::Standing::layer;
  BOOST_TEST(audit_hint(event, refusal) == "\"/etc/shadow\": {allow: rx, override: true}");
  event.path = "/a[1]*";
  BOOST_TEST(audit_hint(event, refusal) == "\"/a\\\\[1\\\\]\\\\*\": {allow: rx, override: true}");
  refusal.standing = policy::Standing::ceiling;
  BOOST_TEST(audit_hint(event, refusal).empty());

  policy::Verdict by_section;
  AuditEvent network;
  network.address = "tcp 0.0.0.0:80";
  network.section = "bind";
  BOOST_TEST(audit_hint(network, by_section) == "bind: [\"tcp 0.0.0.0:80\"]");
  network.address = "packet";
  network.section = "families";
  BOOST_TEST(audit_hint(network, by_section) == "families: [packet]");
  network.others = "unix, inet";
  BOOST_TEST(audit_hint(network, by_section) == "families: [unix, inet, packet]");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace warder::supervisor
