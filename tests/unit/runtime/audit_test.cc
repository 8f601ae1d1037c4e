// The audit log as people read it.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <fstream>

#include "runtime/audit/file.h"
#include "runtime/audit/table.h"

using namespace warder;
using namespace warder::runtime;

namespace {

const std::string refusal =
    R"({"v":1,"time":"2026-11-28T08:00:00.000Z","id":"box","profile":"ci","hash":"sha256:0","pid":3,"outer_pid":9,"uid":0,)"
    R"("comm":"cat","exe":"/bin/cat","syscall":"openat","right":"read","path":"/etc/shadow","verdict":"refused","errno":13,)"
    R"("rule":"ci.yaml:7","enforcer":"notify","hint":"\"/etc/shadow\": ro")";

AuditLine line_of(const std::string& text) {
  auto line = parse_audit_line(text);
  BOOST_REQUIRE_MESSAGE(line.ok(), (line.ok() ? std::string() : line.error().text()));
  return *line;
}
std::string fault_of(const std::string& text) {
  auto line = parse_audit_line(text);
  BOOST_REQUIRE(!line.ok());
  return line.error().text();
}
bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

BOOST_AUTO_TEST_SUITE(audit)

BOOST_AUTO_TEST_CASE(a_line_is_taken_apart) {
  const AuditLine line = line_of(refusal + "}");
  BOOST_TEST(line.id == "box");
  BOOST_TEST(line.object() == "/etc/shadow");
  BOOST_TEST(line.wanted() == "read");
  BOOST_TEST(line.rule == "ci.yaml:7");
  BOOST_TEST(line.hint == "\"/etc/shadow\": ro");
  BOOST_TEST(line.count == 1U);
  BOOST_TEST(line_of(refusal + ",\"count\":12}").count == 12U);
}

BOOST_AUTO_TEST_CASE(what_is_no_line_says_why) {
  BOOST_TEST(fault_of("") == "not a JSON object");
  BOOST_TEST(fault_of("[1]") == "not a JSON object");
  BOOST_TEST(fault_of(refusal) == "not a JSON object");  // cut short
  BOOST_TEST(fault_of("{}") == "without a version 'v'");
  BOOST_TEST(fault_of(R"({"v":2})") == "of version 2; this warder reads version 1");
  BOOST_TEST(fault_of(R"({"v":1})") == "'time' is not there");
  BOOST_TEST(fault_of(refusal + ",\"count\":-1}") == "'count' is not a count");
  BOOST_TEST(fault_of(R"({"v":1,"time":"t","verdict":7})") == "'verdict' is not a string");
}

BOOST_AUTO_TEST_CASE(a_name_cannot_steer_the_terminal) {
  BOOST_TEST(printable("/tmp/\x1b[2J\n\x7f") == "/tmp/\\u{1b}[2J\\u{a}\\u{7f}");
  BOOST_TEST(printable("\xc2\x9b"
                       "31m") == "\\u{9b}31m");  // CSI in one code point
  BOOST_TEST(printable("a\xe2\x80\xae"
                       "b") == "a\\u{202e}b");  // right to left
  BOOST_TEST(printable("\xc3\xa4\xe2\x82\xac") == "\xc3\xa4\xe2\x82\xac");
  AuditTable table(Colour::plain);
  BOOST_TEST(!holds(table.row(line_of(R"({"v":1,"time":"t","verdict":"refused","path":"/\u001b[2J"})")), "\x1b"));
}

BOOST_AUTO_TEST_CASE(a_table_is_plain_in_a_pipe_and_coloured_on_a_terminal) {
  const AuditLine line = line_of(refusal + ",\"count\":12}");
  AuditTable plain(Colour::plain);
  plain.measure(line);
  BOOST_TEST(plain.heading().starts_with("TIME                      CONTAINER  VERDICT      RIGHT  OBJECT       DECIDED BY"));
  BOOST_TEST(plain.row(line) ==
             "2026-11-28T08:00:00.000Z  box        refused x12  read   /etc/shadow  ci.yaml:7   notify    "
             "\"/etc/shadow\": ro\n");
  BOOST_TEST(holds(AuditTable(Colour::terminal).row(line), "\x1b[31mrefused"));
}

BOOST_AUTO_TEST_CASE(one_long_name_does_not_widen_the_table_without_bound) {
  AuditLine line = line_of(refusal + "}");
  AuditTable table(Colour::plain);
  line.path = std::string(500, 'x');
  table.measure(line);
  BOOST_TEST(table.heading().size() < 250U);
}

BOOST_AUTO_TEST_CASE(a_summary_counts_operations_by_entry_folded_ones_included) {
  AuditSummary sum;
  sum.add(line_of(refusal + "}"));
  sum.add(line_of(refusal + ",\"count\":12}"));
  AuditLine other = line_of(refusal + "}");
  other.rule = "ci.yaml:9";
  for (int i = 0; i < 20; ++i) {
    other.path = "/x" + std::to_string(i);
    sum.add(other);
  }
  sum.add(line_of(R"({"v":1,"time":"t","event":"rate-limit","lost":40})"));
  const auto json = sum.json();
  BOOST_REQUIRE(json["rules"].size() == 2U);
  BOOST_TEST(json["rules"][0]["rule"] == "ci.yaml:9");
  BOOST_TEST(json["rules"][0]["count"] == 20);
  BOOST_TEST(json["rules"][0]["uses"].size() == 20U);
  BOOST_TEST(json["rules"][1]["uses"][0]["count"] == 13);
  BOOST_TEST(json["lost"] == 40);
  const std::string text = sum.text(Colour::plain);
  BOOST_TEST(text.starts_with("     20  ci.yaml:9\n"), text);
  BOOST_TEST(holds(text, "          13  refused       read  /etc/shadow    \"/etc/shadow\": ro\n"), text);
  BOOST_TEST(holds(text, "10  in 10 more ways"), text);
  BOOST_TEST(holds(text, "40  events beyond the rate limit"), text);
}

BOOST_AUTO_TEST_CASE(a_summary_of_containers_that_are_gone_names_busy_and_idle_lines) {
  const auto usage = [](const std::string& rule, int allowed) {
    return line_of(R"({"v":1,"time":"t","event":"usage","rule":")" + rule + R"(","allowed":)" + std::to_string(allowed) +
                   R"(,"refused":0,"answers":)" + std::to_string(allowed) + R"(,"nanoseconds":)" +
                   std::to_string(allowed * 9000) + "}");
  };
  AuditSummary sum;
  sum.add(usage("a.yaml:4", 3));
  sum.add(usage("a.yaml:5", 0));
  sum.add(usage("a.yaml:6", 0));
  sum.add(usage("a.yaml:6", 8));  // another container needed it
  const auto json = sum.json();
  BOOST_REQUIRE(json["usage"].size() == 2U);
  BOOST_TEST(json["usage"][0]["rule"] == "a.yaml:6");
  BOOST_REQUIRE(json["unused"].size() == 1U);
  BOOST_TEST(json["unused"][0]["rule"] == "a.yaml:5");
  const std::string text = sum.text(Colour::plain);
  BOOST_TEST(holds(text, "           3  a.yaml:4  3 allowed, 0 refused, 9.0 us each\n"), text);
  BOOST_TEST(holds(text, "decided nothing here"), text);
}

BOOST_AUTO_TEST_CASE(a_container_is_meant_by_its_id_or_the_beginning_of_an_engines) {
  const std::string engines = std::string(8, 'a') + std::string(56, 'b');
  BOOST_TEST(id_matches("web", "web"));
  BOOST_TEST(!id_matches("web2", "web"));
  BOOST_TEST(id_matches(engines, "aaaaaaaabbbb"));
  BOOST_TEST(!id_matches(engines, "aaa"));
}

BOOST_AUTO_TEST_CASE(a_growing_file_gives_whole_lines_and_starts_again_when_cut) {
  std::string directory = "/tmp/warder-unit-XXXXXX";
  BOOST_REQUIRE(mkdtemp(directory.data()) != nullptr);
  const std::string path = directory + "/log";
  std::ofstream(path) << "one\ntw";
  auto file = AuditFile::open(path);
  BOOST_REQUIRE(file.ok());
  std::string seen;
  const auto note = [&](std::string_view text, std::size_t number) { seen += std::to_string(number).append(text) + ";"; };
  BOOST_REQUIRE(file->read(AuditFile::Tail::growing, note).ok());
  std::ofstream(path, std::ios::app) << "o\nthree";
  BOOST_REQUIRE(file->read(AuditFile::Tail::growing, note).ok());
  BOOST_TEST(seen == "1one;2two;");
  BOOST_REQUIRE(file->read(AuditFile::Tail::complete, note).ok());
  BOOST_TEST(seen == "1one;2two;3three;");
  BOOST_TEST(!file->replaced());
  std::ofstream(path) << "new\n";
  BOOST_REQUIRE(file->read(AuditFile::Tail::growing, note).ok());
  BOOST_TEST(seen == "1one;2two;3three;1new;");
  unlink(path.c_str());
  BOOST_TEST(file->replaced());
  rmdir(directory.c_str());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
