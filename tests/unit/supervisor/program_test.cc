#include "supervisor/process/program.h"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace warder::supervisor {
namespace {

struct Directory {
  Directory() {
    std::string pattern = "/tmp/warder-program-XXXXXX";
    BOOST_REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
    make("tool", 0755);
    make("plain", 0644);
    std::filesystem::create_directory(path + "/sub");
    plan.env = {"PATH=/nonexistent:" + path, "PATH=/second/one/is/ignored"};
  }
  ~Directory() { std::filesystem::remove_all(path); }
  void make(const std::string& name, mode_t mode) const {
    std::ofstream(path + "/" + name) << "x";
    ::chmod((path + "/" + name).c_str(), mode);
  }
  std::string find(const std::string& name) {
    plan.args = {name};
    Result<std::string> found = find_program(plan);
    return found.ok() ? *found : found.error().text();
  }
  std::string path;
  ProcessPlan plan;
};

BOOST_FIXTURE_TEST_SUITE(programs, Directory)

BOOST_AUTO_TEST_CASE(a_name_is_looked_up_in_the_first_PATH) { BOOST_TEST(find("tool") == path + "/tool"); }

BOOST_AUTO_TEST_CASE(a_name_that_is_nowhere_is_told_as_engines_expect) {
  BOOST_TEST(find("absent") == "exec: \"absent\": executable file not found in $PATH");
  BOOST_TEST(find("plain") == "exec: \"plain\": executable file not found in $PATH");
  BOOST_TEST(find("sub") == "exec: \"sub\": executable file not found in $PATH");
  BOOST_TEST(find("") == "exec: \"\": executable file not found in $PATH");
}

BOOST_AUTO_TEST_CASE(a_path_is_taken_as_it_is) {
  BOOST_TEST(find(path + "/tool") == path + "/tool");
  BOOST_TEST(find("/absent/x") == "exec: \"/absent/x\": stat /absent/x: no such file or directory");
  BOOST_TEST(find(path + "/sub") == "exec: \"" + path + "/sub\": permission denied");
  BOOST_TEST(find(path + "/plain") == "exec: \"" + path + "/plain\": permission denied");
}

BOOST_AUTO_TEST_CASE(without_PATH_only_paths_are_found) {
  plan.env = {"PATHS=" + path};
  BOOST_TEST(find("tool") == "exec: \"tool\": executable file not found in $PATH");
  BOOST_TEST(find(path + "/tool") == path + "/tool");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace warder::supervisor
