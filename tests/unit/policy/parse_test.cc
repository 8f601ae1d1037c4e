#include "policy/parse.h"

#include <sys/socket.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>

#include "policy/config.h"

using namespace warder::policy;

namespace {

ParseOutcome parse(std::string_view text) {
  return parse_profile(text, std::make_shared<const std::string>("p.yaml"), {"web1", "c0ffee"});
}

Profile good(const std::string& body) {
  auto outcome = parse("warder: 1\n" + body);
  for (const auto& finding : outcome.findings) BOOST_ERROR(finding_text(finding));
  return outcome.document.profile;
}

struct Bad {
  std::string_view text;
  std::string_view place;  ///< "LINE:COLUMN"
  std::string_view says;   ///< part of the finding
};

void finds(const std::vector<Finding>& findings, const Bad& bad) {
  std::string all;
  for (const auto& finding : findings) {
    const std::string text = finding_text(finding);
    all += text + "\n";
    if (text.find(std::string("p.yaml") + (bad.place.empty() ? "" : ":") + std::string(bad.place) + ": ") == 0 &&
        text.find(bad.says) != std::string::npos) {
      return;
    }
  }
  BOOST_ERROR("for\n" << bad.text << "\nexpected at " << bad.place << " '" << bad.says << "' but found\n" << all);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(parsing)

BOOST_AUTO_TEST_CASE(every_mistake_is_found_where_it_stands_with_what_is_accepted) {
  const Bad table[] = {
      {"", "", "is empty; the first line is `warder: 1`"},
      {"mode: audit\n", "", "has no language version"},
      {"warder: 2\n", "1:9", "'2' is not known; accepted: 1"},
      {"warder: 1\nwarder: 1\n", "2:1", "duplicate key 'warder', first in line 1"},
      {"warder: 1\nmood: audit\n", "2:1", "did you mean 'mode'?"},
      {"warder: 1\nmode: enforced\n", "2:7", "accepted: enforce, audit, learn; did you mean 'enforce'?"},
      {"warder: 1\nmode: [enforce]\n", "2:7", "is a list; accepted"},
      {"warder: 1\naudit: all\n", "2:8", "accepted: refused, cheap"},
      {"warder: 1\nlive: yes\n", "2:7", "'yes'; accepted: true, false"},
      {"warder: 1\npaths: ro\n", "2:8", "paths is a scalar; accepted: a mapping or a list of one-entry mappings"},
      {"warder: 1\npaths:\n  /a: rwz\n", "3:7", "unknown rights 'rwz'"},
      {"warder: 1\npaths:\n  /a: read\n", "3:7", "write it as a list: [read]"},
      {"warder: 1\npaths:\n  /a: [raed]\n", "3:8", "did you mean 'read'?"},
      {"warder: 1\npaths:\n  /a: [none]\n", "3:8", "stands alone"},
      {"warder: 1\npaths:\n  /a: []\n", "3:7", "list of rights is empty"},
      {"warder: 1\npaths:\n  /a: ~\n", "3:7", "is nothing; accepted: ro, rx"},
      {"warder: 1\npaths:\n  a/b: ro\n", "3:3", "is not absolute"},
      {"warder: 1\npaths:\n  /a/../b: ro\n", "3:3", "has a '..' component"},
      {"warder: 1\npaths:\n  /a/: ro\n", "3:3", "ends in '/'"},
      {"warder: 1\npaths:\n  '/[a': ro\n", "3:3", "unclosed '['"},
      {"warder: 1\npaths:\n  /a: ro\n  /b: rw\n  /a: rw\n", "5:3", "duplicate key '/a', first in line 3"},
      {"warder: 1\npaths:\n  - /a: ro\n    /b: ro\n", "3:5", "has 2 keys; accepted: one"},
      {"warder: 1\npaths:\n  - /a\n", "3:5", "is a scalar; accepted: a mapping of one entry"},
      {"warder: 1\npaths:\n  /a: {alow: ro}\n", "3:8", "did you mean 'allow'?"},
      {"warder: 1\npaths:\n  /a: {audit: [write]}\n", "3:7", "has no allow"},
      {"warder: 1\npaths:\n  /a: {allow: ro, audit: [write]}\n", "3:26", "not allowed (write)"},
      {"warder: 1\npaths:\n  /a: {allow: ro, errno: EACCESS}\n", "3:26", "did you mean 'EACCES'?"},
      {"warder: 1\npaths:\n  /a: {allow: hide, errno: EPERM}\n", "3:7", "hide answers ENOENT"},
      {"warder: 1\npaths:\n  '/${HOST}/x': ro\n", "3:3", "unknown variable 'HOST'"},
      {"warder: 1\npaths:\n  '/${HOSTNAME': ro\n", "3:3", "unclosed '${'"},
      {"warder: 1\nnetwork: [tcp]\n", "2:10", "network is a list; accepted: a mapping with the keys connect, bind, families"},
      {"warder: 1\nnetwork:\n  connect: [!tcp 1.2.3.4]\n", "3:13", "put the whole text in quotes"},
      {"warder: 1\nnetwork:\n  connect: ['tpc 1.2.3.4:5']\n", "3:13", "did you mean 'tcp'?"},
      {"warder: 1\nnetwork:\n  connect: ['tcp']\n", "3:13", "names no far end"},
      {"warder: 1\nnetwork:\n  connect: ['tcp 1.2.3:5']\n", "3:13", "no valid host '1.2.3'"},
      {"warder: 1\nnetwork:\n  connect: ['tcp 1.2.3.4/33:5']\n", "3:13", "no number from 0 to 32"},
      {"warder: 1\nnetwork:\n  connect: ['tcp 1.2.3.4/8:5']\n", "3:13", "bits set behind its prefix"},
      {"warder: 1\nnetwork:\n  connect: ['tcp 1.2.3.4:70000']\n", "3:13", "no valid port"},
      {"warder: 1\nnetwork:\n  connect: ['tcp 1.2.3.4:9-8']\n", "3:13", "no valid port"},
      {"warder: 1\nnetwork:\n  connect: ['tcp [::1:5']\n", "3:13", "no well-formed [IPv6]"},
      {"warder: 1\nnetwork:\n  connect: ['tcp -bad.example:5']\n", "3:13", "no valid host"},
      {"warder: 1\nnetwork:\n  connect: ['unix run/x']\n", "3:13", "is not absolute"},
      {"warder: 1\nnetwork:\n  connect: [{'tcp *:1': maybe}]\n", "3:25", "accepted: allow, deny"},
      {"warder: 1\nnetwork:\n  connect: [{'!tcp *:1': deny}]\n", "3:14", "write one of the two"},
      {"warder: 1\nnetwork:\n  families: [ipv4]\n", "3:14", "unknown address family 'ipv4'"},
      {"warder: 1\nsyscalls: {deny: [mounts]}\n", "2:19", "did you mean 'mount'?"},
      {"warder: 1\nsyscalls: {deny: ['@mounts']}\n", "2:19", "did you mean '@mount'?"},
      {"warder: 1\nsyscalls: {deny: bpf}\n", "2:18", "deny is a scalar; accepted: a list"},
      {"warder: 1\nsyscalls: {block: [bpf]}\n", "2:12", "accepted: allow, deny, override"},
      {"warder: 1\ncapabilities: {max: [CHWON]}\n", "2:22", "did you mean 'CHOWN'?"},
      {"warder: 1\ncapabilities: {}\n", "2:15", "has no max"},
      {"warder: 1\narchitectures: [x86]\n", "2:17", "accepted: native"},
      {"warder: 1\narchitectures: []\n", "2:16", "is an empty list"},
      {"warder: 1\non-deny: {action: die}\n", "2:19", "accepted: refuse, kill, stop-container"},
      {"warder: 1\nextends: base\n", "2:10", "extends is a scalar; accepted: a list"},
      {"warder: 1\nextends: [../base]\n", "2:11", "is no profile name"},
      {"warder: 1\nextends: [base.yaml]\n", "2:11", "write 'base'"},
      {"warder: 1\ntests: [{do: write, path: /a}]\n", "2:9", "has no expect"},
      {"warder: 1\ntests: [{do: wirte, path: /a, expect: deny}]\n", "2:9", "did you mean 'write'?"},
      {"warder: 1\ntests: [{do: write, expect: deny}]\n", "2:9", "needs do and path"},
      {"warder: 1\ntests: [{do: write, path: a, expect: deny}]\n", "2:9", "is not absolute"},
      {"warder: 1\npaths: {/a: ro\n", "", "is not YAML"},
      {"warder: 1\n---\nwarder: 1\n", "2:1", "second YAML document"},
      {",warder: 1\n", "1:1", "second YAML document"},
      {"warder: 1\ndescription: \"a\x01\"\n", "2:1", "control character"},
      {"- warder\n", "1:1", "a profile is a list; accepted: a mapping"},
      {"just words\n", "1:1", "a profile is a scalar"},
  };
  for (const auto& bad : table) {
    const auto outcome = parse(bad.text);
    BOOST_TEST(has_errors(outcome.findings));
    if (bad.says != "is not YAML") {
      finds(outcome.findings, bad);
    } else {
      BOOST_TEST(finding_text(outcome.findings.front()).find("is not YAML") != std::string::npos);
    }
  }
}

BOOST_AUTO_TEST_CASE(all_mistakes_are_reported_at_once_in_file_order) {
  const auto outcome = parse("warder: 3\nmode: x\npaths:\n  /a: y\n  b: ro\nnetwork: {connect: ['z']}\n");
  BOOST_REQUIRE(outcome.findings.size() == 5U);
  for (std::size_t i = 1; i < outcome.findings.size(); ++i) {
    BOOST_TEST(outcome.findings[i - 1].source.line < outcome.findings[i].source.line);
  }
}

BOOST_AUTO_TEST_CASE(the_example_of_the_manual_is_understood_in_whole) {
  const Profile p = good(R"(description: Untrusted CI job
extends: [base]
mode: enforce
audit: refused
paths:
  "/**": rx
  "/work/**": rwx
  "/etc/shadow": none
  "/run/secrets/**": hide
  "/dev/kvm": {allow: [read, write, ioctl], audit: [write]}
network:
  connect:
    - "tcp 0.0.0.0/0:443"
    - "!tcp 169.254.0.0/16"
    - "udp 10.0.0.53:53"
    - "tcp packages.example.org:443"
    - "unix /run/postgresql/*"
    - "abstract dbus-*"
  bind: ["tcp *:8080", "unix /work/**"]
  families: [inet, inet6, unix]
syscalls:
  deny: ["@mount", "@keyring", "bpf"]
  allow: ["@io-uring"]
capabilities: {max: [CHOWN, SETUID, CAP_SETGID]}
architectures: [native]
on-deny: {errno: EACCES, action: refuse}
tests:
  - {do: write, path: /work/a.o, expect: allow}
  - {do: connect, to: "tcp 169.254.169.254:80", expect: deny}
)");
  BOOST_REQUIRE(p.paths->size() == 5U);
  BOOST_TEST((p.paths->at(1).allow == rights_rwx));
  BOOST_TEST(p.paths->at(1).source.line == 8U);
  BOOST_TEST(p.paths->at(1).source.column == 3U);
  BOOST_TEST(p.paths->at(3).hide);
  BOOST_TEST(p.paths->at(4).allow.covers(Right::ioctl));
  BOOST_TEST(p.paths->at(4).audit.covers(Right::write));
  BOOST_REQUIRE(p.network.connect->size() == 6U);
  const auto& metadata = p.network.connect->at(1);
  BOOST_TEST(!metadata.allow);
  BOOST_TEST(metadata.prefix == 16);
  BOOST_TEST(metadata.port_low == 0);
  BOOST_TEST(metadata.port_high == 65535);
  BOOST_TEST(p.network.connect->at(3).name == "packages.example.org");
  BOOST_TEST(static_cast<int>(p.network.connect->at(5).transport) == static_cast<int>(Transport::unix_abstract));
  BOOST_TEST(p.network.bind->at(0).any_address);
  BOOST_TEST(p.network.families->at(2) == AF_UNIX);
  BOOST_TEST(p.syscalls.size() == 4U);
  BOOST_TEST(*p.capability_ceiling == (1ULL << 0 | 1ULL << 7 | 1ULL << 6));
  BOOST_TEST(*p.on_deny.error == EACCES);
  BOOST_TEST(p.tests.size() == 2U);
  BOOST_TEST(!p.tests[1].expect_allow);
}

BOOST_AUTO_TEST_CASE(paths_and_connect_may_be_lists_of_one_entry_mappings) {
  const Profile p = good(
      "paths:\n  - /a: ro\n  - /b: {allow: rw, override: true}\n  - /a: none\n"
      "network:\n  connect:\n    - 'tcp *:1': allow\n    - 'tcp *:2': {verdict: deny, override: true}\n    - 'udp *:3'\n");
  BOOST_TEST(p.paths->size() == 3U);
  BOOST_TEST(p.paths->at(1).override_lower);
  BOOST_TEST(p.network.connect->at(0).allow);
  BOOST_TEST(!p.network.connect->at(1).allow);
  BOOST_TEST(p.network.connect->at(1).override_lower);
  const Profile map = good("network:\n  connect: {'tcp *:1': allow, 'tcp *:2': deny}\n");
  BOOST_TEST(!map.network.connect->at(1).allow);
}

BOOST_AUTO_TEST_CASE(variables_expand_as_plain_text_and_nothing_else_does) {
  const auto file = std::make_shared<const std::string>("p.yaml");
  const std::string text = "warder: 1\npaths:\n  '/srv/${HOSTNAME}/${CONTAINER_ID}/*': ro\n  '/a/$HOME': ro\n";
  const auto outcome = parse_profile(text, file, {"we*b", "c1"});
  BOOST_REQUIRE(!has_errors(outcome.findings));
  BOOST_TEST(outcome.document.profile.paths->at(0).pattern == "/srv/we\\*b/c1/*");
  BOOST_TEST(outcome.document.profile.paths->at(1).pattern == "/a/$HOME");
  BOOST_TEST(has_errors(parse_profile(text, file, {"", "c1"}).findings));
  BOOST_TEST(has_errors(parse_profile(text, file, {"a/b", "c1"}).findings));
  BOOST_TEST(has_errors(parse_profile(text, file, {"..", "c1"}).findings));
}

BOOST_AUTO_TEST_CASE(addresses_are_read_in_every_form) {
  const Profile p = good(
      "network:\n  connect:\n    - 'tcp [2001:db8::]/32:443'\n    - 'tcp [2001:db8::/32]:443'\n    - 'tcp 2001:db8::/32'\n"
      "    - 'tcp [::ffff:10.0.0.0]/104:1'\n    - 'tcp *:80,443,8000-8099'\n    - 'tcp 0.0.0.0/0'\n    - 'udp [::1]'\n");
  const auto& c = *p.network.connect;
  BOOST_REQUIRE(c.size() == 9U);
  for (int i = 0; i < 3; ++i) BOOST_TEST((c[i].ipv6 && c[i].prefix == 32 && c[i].address[0] == 0x20));
  BOOST_TEST(c[2].port_high == 65535);
  BOOST_TEST((!c[3].ipv6 && c[3].prefix == 8 && c[3].address[0] == 10));
  BOOST_TEST((c[6].port_low == 8000 && c[6].port_high == 8099));
  BOOST_TEST((!c[7].any_address && c[7].prefix == 0 && !c[7].ipv6));
}

BOOST_AUTO_TEST_CASE(no_finding_holds_a_phrase_from_which_podman_guesses_an_exit_code) {
  for (const std::string_view text : {"", "warder: 1\nmode: x\n", "warder: 1\npaths: {a: b}\n", "]["}) {
    for (const auto& finding : parse(text).findings) {
      const std::string line = finding_text(finding);
      for (const std::string_view phrase : {"permission denied", "operation not permitted", "no such file or directory",
                                            "executable file not found", "open executable"}) {
        BOOST_TEST(line.find(phrase) == std::string::npos);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(the_configuration_of_warder_itself_is_as_strict) {
  const auto file = std::make_shared<const std::string>("p.yaml");
  const auto read = parse_config("when-no-profile: refuse\nallow-annotation: false\naudit: {file: /var/log/w}\n", file);
  BOOST_TEST(read.findings.empty());
  BOOST_TEST(static_cast<int>(read.config.when_no_profile) == static_cast<int>(WhenNoProfile::refuse));
  BOOST_TEST(!read.config.allow_annotation);
  BOOST_TEST(read.config.audit.file == "/var/log/w");
  BOOST_TEST(parse_config("", file).findings.empty());
  BOOST_TEST(parse_config("# nothing\n", file).findings.empty());
  finds(parse_config("when-no-profil: refuse\n", file).findings, {"", "1:1", "did you mean 'when-no-profile'?"});
  finds(parse_config("when-no-profile: ignore\n", file).findings, {"", "1:18", "accepted: builtin, refuse"});
  finds(parse_config("audit: {file: w}\n", file).findings, {"", "1:15", "absolute file name"});
}

BOOST_AUTO_TEST_CASE(the_configuration_names_sinks_limits_modes_and_what_a_running_container_may_gain) {
  const auto file = std::make_shared<const std::string>("p.yaml");
  const auto read = parse_config(
      "audit: {sink: journald, rate: 50, burst: 7, usage: true}\nallow-modes: [learn]\nallow-loosening: true\n"
      "learn-directory: ~/recordings\nlog-level: warning\n",
      file);
  BOOST_TEST(read.findings.empty());
  const Config& config = read.config;
  BOOST_TEST(
      (config.audit.sink == AuditSink::journald && config.audit.rate == 50 && config.audit.burst == 7 && config.audit.usage));
  BOOST_TEST((config.allow_modes == std::vector<Mode>{Mode::learn} && config.allow_loosening));
  BOOST_TEST(config.learn_directory == "~/recordings");
  BOOST_TEST(config.log_level == "warning");
  const Config untold = parse_config("# nothing\n", file).config;
  BOOST_TEST((untold.allow_modes.empty() && !untold.allow_loosening && !untold.audit.usage));

  finds(parse_config("audit: {sink: journal}\n", file).findings, {"", "1:15", "did you mean 'journald'?"});
  finds(parse_config("audit: {sink: syslog, file: /x}\n", file).findings, {"", "1:23", "file means nothing with sink: syslog"});
  finds(parse_config("audit: {rate: 0}\n", file).findings, {"", "1:15", "a number from 1 to 1000000"});
  finds(parse_config("audit: {burst: 1e3}\n", file).findings, {"", "1:16", "a number from 1 to 1000000"});
  finds(parse_config("allow-modes: [enforce]\n", file).findings, {"", "1:15", "accepted: audit, learn"});
  finds(parse_config("allow-modes: learn\n", file).findings, {"", "1:14", "list"});
  finds(parse_config("learn-directory: here\n", file).findings, {"", "1:18", "absolute directory name"});
  finds(parse_config("audit: {sinc: file}\n", file).findings, {"", "1:9", "did you mean 'sink'?"});
}

BOOST_AUTO_TEST_SUITE_END()
