// Names of one run, patterns for the next.
#include "policy/generalise.h"

#include <boost/test/unit_test.hpp>

#include "policy/pattern.h"

using namespace warder::policy;

BOOST_AUTO_TEST_SUITE(generalise)

BOOST_AUTO_TEST_CASE(what_means_something_in_a_pattern_is_escaped) {
  for (const std::string name : {"/a*b", "/a?[x]{y,z}", "/back\\slash"}) {
    BOOST_TEST(!path_pattern_fault(literal_pattern(name)).has_value());
    BOOST_TEST((match_path(literal_pattern(name), name) != Match::no));
  }
  BOOST_TEST((match_path(literal_pattern("/a*"), "/ab") == Match::no));
}

BOOST_AUTO_TEST_CASE(what_another_run_names_differently_becomes_a_pattern) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"/proc/1234/task/1240/comm", "/proc/*/task/*/comm"},
      {"/proc/self/maps", "/proc/self/maps"},
      {"/usr/lib/python3.11/os.py", "/usr/lib/python[0-9]*/os.py"},
      {"/work/lib-1.2.3/x", "/work/lib-[0-9]*/x"},
      {"/logs/2026-11-28T13_27_11_431Z-debug-0.log", "/logs/[0-9]*-debug-0.log"},
      {"/logs/job-20261128-1327.txt", "/logs/job-[0-9]*.txt"},
      {"/logs/job-2026-11.txt", "/logs/job-2026-11.txt"},
      {"/tmp/cc8Xk2Pq.o", "/tmp/*.o"},
      {"/tmp/tmp.Ab3dE5gH", "/tmp/tmp.*"},
      {"/root/.npm/_cacache/tmp/eNeZaA/x", "/root/.npm/_cacache/tmp/*/x"},
      {"/work/cc8Xk2Pq.o", "/work/cc8Xk2Pq.o"},
      {"/work/jobs/42/log", "/work/jobs/[0-9]*/log"},
      {"/cache/3f2504e0-4f89-41d3-9a0c-0305e82c3301/x", "/cache/*/x"},
      {"/work/deadbeef", "/work/deadbeef"},
      {"/", "/"},
  };
  for (const auto& [path, pattern] : cases) {
    BOOST_TEST(general_path(path) == pattern);
    BOOST_TEST((match_path(general_path(path), path) != Match::no), path);
  }
}

BOOST_AUTO_TEST_CASE(busy_directories_become_one_entry_but_not_those_of_the_system) {
  std::vector<std::string> paths;
  for (const char name : std::string("abcdefgh")) {
    for (const std::string directory :
         {"/work/", "/etc/", "/home/u/p/one/", "/home/u/p/two/", "/home/u/p/three/", "/home/u/p/four/"}) {
      paths.push_back(directory + name);
    }
  }
  const auto patterns = general_patterns(paths);
  BOOST_TEST(patterns.at("/work/a") == "/work/*");
  BOOST_TEST(patterns.at("/etc/a") == "/etc/a");
  BOOST_TEST(patterns.at("/home/u/p/two/b") == "/home/u/p/**");
}

BOOST_AUTO_TEST_CASE(the_narrow_stands_after_the_broad) {
  std::vector<std::string> patterns = {"/a/b", "/a/*", "/a/**", "/a/c[0-9]*", "/a/b/**"};
  order_by_breadth(patterns);
  BOOST_TEST(patterns == (std::vector<std::string>{"/a/**", "/a/b/**", "/a/*", "/a/c[0-9]*", "/a/b"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
