// The table of all system calls: complete, without contradictions, and what the manual says.
#include "policy/dispositions.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

#include "policy/core/syscall_names.h"
#include "policy/groups.h"
#include "policy/native_calls.h"

namespace warder::policy {
namespace {

const CallDisposition& of(std::string_view name) {
  const auto all = call_dispositions();
  const auto found = std::ranges::find(all, name, &CallDisposition::name);
  BOOST_REQUIRE_MESSAGE(found != all.end(), name);
  return *found;
}

std::vector<std::string> words(std::string_view text) {
  std::istringstream stream{std::string(text)};
  return {std::istream_iterator<std::string>(stream), {}};
}

BOOST_AUTO_TEST_SUITE(dispositions)

BOOST_AUTO_TEST_CASE(every_number_has_one_with_a_reason) {
  BOOST_TEST(call_dispositions().size() == numbered_names().size());
  BOOST_TEST(call_dispositions().back().number == newest_syscall);
  for (const auto& call : call_dispositions()) BOOST_TEST(!call.reason.empty(), call.name << " is in no table");
}

BOOST_AUTO_TEST_CASE(a_native_call_is_listed_once_and_in_no_other_table) {
  std::map<std::string, int> seen;
  for (const auto& kind : native_calls()) {
    for (const auto& name : words(kind.names)) {
      BOOST_TEST(++seen[name] == 1, name);
      BOOST_TEST(syscall_number(name).has_value(), name);
      BOOST_TEST((of(name).disposition == Disposition::native), name << " is native and more");
    }
  }
}

BOOST_AUTO_TEST_CASE(known_doors_are_refused_and_known_paths_answered) {
  BOOST_TEST((of("io_uring_setup").disposition == Disposition::refused));
  BOOST_TEST(of("io_uring_setup").error == ENOSYS);
  BOOST_TEST(of("mount").when == "with `paths`");
  BOOST_TEST((of("openat").disposition == Disposition::answered));
  BOOST_TEST((of("setxattrat").disposition == Disposition::answered));
  BOOST_TEST((of("execve").disposition == Disposition::checked));
  BOOST_TEST((of("clone").disposition == Disposition::registers));
  BOOST_TEST((of("read").disposition == Disposition::native));
}

BOOST_AUTO_TEST_CASE(the_manual_holds_what_the_table_generates) {
  std::ifstream file(std::string(WARDER_SOURCE_DIR) + "/man/warder-supervisor.7.scd");
  std::stringstream page;
  page << file.rdbuf();
  BOOST_TEST((page.str().find(dispositions_manual()) != std::string::npos),
             "put the output of `warder profile groups calls.scd` into the section SYSTEM CALLS of man/warder-supervisor.7.scd");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace warder::policy
