#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "linux/fd.h"
#include "runtime/commands/profile.h"

namespace {

using warder::Fd;

const std::string stock = std::string(WARDER_SOURCE_DIR) + "/profiles";
const std::vector<std::string> stock_names = {"base",     "default", "ci",   "ci-offline", "web",
                                              "database", "python",  "node", "shell"};

struct Outcome {
  int code = 0;
  std::string output, complaints;
};

std::string text_of(const Fd& file) {
  std::string text(static_cast<std::size_t>(lseek(file.get(), 0, SEEK_END)), '\0');
  BOOST_REQUIRE(pread(file.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
  return text;
}

/// Runs `warder profile WORDS` with both outputs caught.
Outcome run(std::vector<std::string> words) {
  words.insert(words.begin(), "profile");
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  const Fd output(memfd_create("output", MFD_CLOEXEC));
  const Fd complaints(memfd_create("complaints", MFD_CLOEXEC));
  fflush(nullptr);
  const Fd old_output(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10));
  const Fd old_complaints(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10));
  dup2(output.get(), STDOUT_FILENO);
  dup2(complaints.get(), STDERR_FILENO);
  Outcome outcome;
  outcome.code = warder::runtime::profile_command(static_cast<int>(arguments.size()), arguments.data());
  fflush(nullptr);
  dup2(old_output.get(), STDOUT_FILENO);
  dup2(old_complaints.get(), STDERR_FILENO);
  outcome.output = text_of(output);
  outcome.complaints = text_of(complaints);
  return outcome;
}

bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

/// A profile file that is removed again.
struct File {
  explicit File(const std::string& text) {
    BOOST_REQUIRE(mkdtemp(directory.data()) != nullptr);
    path = directory + "/p.yaml";
    std::ofstream(path) << text;
  }
  ~File() {
    unlink(path.c_str());
    rmdir(directory.c_str());
  }
  std::string directory = "/tmp/warder-profile-XXXXXX";
  std::string path;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(profile_verbs)

BOOST_AUTO_TEST_CASE(check_accepts_the_stock_profiles_for_this_kernel) {
  for (const auto& name : stock_names) {
    const auto checked = run({"check", "--profile-dir", stock, name});
    BOOST_TEST(checked.code == 0, checked.output << checked.complaints);
    BOOST_TEST(checked.output == name + ": ok\n");
  }
}

BOOST_AUTO_TEST_CASE(check_lists_every_error_with_its_place_and_fails) {
  const File file("warder: 1\nmode: enforced\npaths: {a: ro, /b: rz}\n");
  const auto checked = run({"check", file.path});
  BOOST_TEST(checked.code == 1);
  BOOST_TEST(holds(checked.output, file.path + ":2:7: unknown mode 'enforced'"));
  BOOST_TEST(holds(checked.output, file.path + ":3:9: "));
  BOOST_TEST(holds(checked.output, file.path + ":3:20: "));
  BOOST_TEST(holds(checked.output, "3 errors, 0 lints"));
}

BOOST_AUTO_TEST_CASE(check_tells_lints_without_failing) {
  const File file("warder: 1\npaths: {/a/b: ro, '/a/**': rw}\n");
  const auto checked = run({"check", file.path});
  BOOST_TEST(checked.code == 0);
  BOOST_TEST(holds(checked.output, "lint: '/a/b' never decides"));
}

BOOST_AUTO_TEST_CASE(explain_names_verdict_line_enforcer_cost_and_what_is_trapped) {
  const auto explained = run({"explain", "--profile-dir", stock, "--profile", "ci", "read", "/etc/shadow"});
  BOOST_TEST(explained.code == 0, explained.complaints);
  BOOST_TEST(holds(explained.output, "read /etc/shadow: refused (EACCES)\n"));
  BOOST_TEST(holds(explained.output, stock + "/base.yaml:"));
  BOOST_TEST(holds(explained.output, "enforcer"));
  BOOST_TEST(holds(explained.output, "round trip"));
  BOOST_TEST(holds(explained.output, "openat"));
  const auto address = run({"explain", "--profile-dir", stock, "--profile", "ci", "connect", "tcp", "169.254.169.254:80"});
  BOOST_TEST(holds(address.output, "connect tcp 169.254.169.254:80: refused (EACCES)\n"));
  BOOST_TEST(holds(address.output, "!tcp 169.254.0.0/16"));
  const auto free = run({"explain", "--profile-dir", stock, "--profile", "default", "write", "/etc/shadow"});
  BOOST_TEST(holds(free.output, "write /etc/shadow: allowed\n"));
  BOOST_TEST(holds(free.output, "the supervisor answers no call"));
}

BOOST_AUTO_TEST_CASE(explain_finds_the_profile_of_a_hostname) {
  const auto explained = run({"explain", "--profile-dir", stock, "--hostname", "ci", "write", "/usr/bin/ls"});
  BOOST_TEST(holds(explained.output, "profile     ci (base + ci)"));
}

BOOST_AUTO_TEST_CASE(a_misspelt_question_is_answered_with_what_is_accepted) {
  const auto explained = run({"explain", "--profile-dir", stock, "--profile", "ci", "raed", "/etc/shadow"});
  BOOST_TEST(explained.code == 1);
  BOOST_TEST(holds(explained.complaints, "did you mean 'read'?"));
  BOOST_TEST(run({"explain", "--profile", "nothing", "read", "/a"}).code == 1);
  BOOST_TEST(run({}).code == 1);
  BOOST_TEST(run({"chekc"}).code == 1);
  BOOST_TEST(run({"--help"}).code == 0);
}

BOOST_AUTO_TEST_CASE(test_runs_what_the_profile_promises) {
  for (const auto& name : stock_names) {
    const auto kept = run({"test", "--profile-dir", stock, name});
    BOOST_TEST(kept.code == 0, kept.output << kept.complaints);
    BOOST_TEST(holds(kept.output, ", 0 failed"));
  }
  const File file(
      "warder: 1\npaths: {/a: ro}\ntests: [{do: write, path: /a, expect: allow}, {do: read, path: /a, expect: allow}]\n");
  const auto tested = run({"test", file.path});
  BOOST_TEST(tested.code == 1);
  BOOST_TEST(holds(tested.output, file.path + ":3:"));
  BOOST_TEST(holds(tested.output, "expected allow, but it is denied"));
  BOOST_TEST(holds(tested.output, "1 passed, 1 failed"));
}

BOOST_AUTO_TEST_CASE(what_show_prints_is_the_same_profile_again) {
  for (const auto& name : stock_names) {
    const auto shown = run({"show", "--profile-dir", stock, name});
    BOOST_TEST_CONTEXT(name << "\n" << shown.output) {
      BOOST_TEST(shown.code == 0);
      const File file(shown.output);
      BOOST_TEST(run({"check", file.path}).code == 0);
      const auto compared = run({"diff", "--profile-dir", stock, name, file.path});
      BOOST_TEST(compared.code == 0);
      BOOST_TEST(compared.output == "");
    }
  }
}

BOOST_AUTO_TEST_CASE(machines_get_json) {
  using nlohmann::json;
  const auto explained =
      json::parse(run({"explain", "-f", "json", "--profile-dir", stock, "--profile", "ci", "read", "/etc/shadow"}).output);
  BOOST_TEST((explained["allowed"] == false && explained["errno"] == "EACCES" && explained["enforcers"].size() > 0));
  const File file("warder: 1\nmode: enforced\npaths: {/a: ro}\ntests: [{do: write, path: /a, expect: allow}]\n");
  const auto checked = json::parse(run({"check", "--format", "json", file.path}).output);
  BOOST_TEST((checked[0]["errors"] == 1 && checked[0]["findings"][0]["line"] == 2 && checked[0]["findings"][0]["column"] == 7));
  const File tests("warder: 1\npaths: {/a: ro}\ntests: [{do: write, path: /a, expect: allow}]\n");
  const auto tested = json::parse(run({"test", "-f", "json", tests.path}).output);
  BOOST_TEST((tested[0]["passed"] == false && tested[0]["is"] == "deny"));
  const auto compared = json::parse(run({"diff", "-f", "json", "--profile-dir", stock, "base", "ci"}).output);
  BOOST_TEST(!compared.empty());
  BOOST_TEST(json::parse(run({"show", "-f", "json", "--profile-dir", stock, "ci"}).output).size() > 20U);
  BOOST_TEST(json::parse(run({"groups", "-f", "json", "@mount"}).output)["@mount"].size() > 3U);
  BOOST_TEST(run({"groups", "-f", "xml"}).code == 1);
}

BOOST_AUTO_TEST_CASE(groups_and_schema_are_printed) {
  BOOST_TEST(holds(run({"groups"}).output, "@mount"));
  BOOST_TEST(holds(run({"groups", "@mount"}).output, "  umount2\n"));
  BOOST_TEST(run({"groups", "@nothing"}).code == 1);
  BOOST_TEST(holds(run({"groups", "hardening"}).output, "  io_uring_setup (ENOSYS): "));
  BOOST_TEST(holds(run({"groups", "hardening"}).output, "; breaks "));
}

BOOST_AUTO_TEST_SUITE_END()
