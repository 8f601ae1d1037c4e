// What the policy compiler is told about a rootfs, a hostile one included.
#include "runtime/commands/rootfs_facts.h"

#include <fcntl.h>
#include <stdlib.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>

using namespace warder;
using namespace warder::runtime;
using policy::FileKind;
namespace fs = std::filesystem;

namespace {

struct Tree {
  Tree() {
    std::string pattern = "/tmp/warder-facts-XXXXXX";
    BOOST_REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
    for (const char* directory : {"usr/bin", "etc", "proc", "srv/data"}) fs::create_directories(path / directory);
    std::ofstream(path / "usr/bin/true") << "x";
    std::ofstream(path / "etc/passwd") << "x";
    fs::create_symlink("usr/bin", path / "bin");
    fs::create_symlink("/etc/passwd", path / "absolute");
    fs::create_symlink("../../../../../../etc", path / "out");
    fs::create_symlink("loop", path / "loop");
    fs::create_symlink("/", path / "top");
    root = Fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    spec.mounts.push_back(
        {.destination = "/proc", .type = "proc", .source = "proc", .options = {}, .uid_mappings = {}, .gid_mappings = {}});
    spec.mounts.push_back({.destination = "/new/vol",
                           .type = "bind",
                           .source = "/tmp",
                           .options = {"rbind"},
                           .uid_mappings = {},
                           .gid_mappings = {}});
    spec.mounts.push_back({.destination = "/etc/hosts",
                           .type = "bind",
                           .source = "/dev/null",
                           .options = {"bind"},
                           .uid_mappings = {},
                           .gid_mappings = {}});
    facts = rootfs_facts(root, spec);
  }
  ~Tree() { fs::remove_all(path); }

  fs::path path;
  Fd root;
  Spec spec;
  policy::ContainerFacts facts;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(rootfs_facts_of_a_tree)

BOOST_AUTO_TEST_CASE(links_are_resolved_inside_the_root) {
  Tree tree;
  BOOST_TEST(tree.facts.canonical("/bin") == "/usr/bin");
  BOOST_TEST(tree.facts.canonical("/bin/true") == "/usr/bin/true");
  BOOST_TEST(tree.facts.canonical("/absolute") == "/etc/passwd");
  BOOST_TEST(tree.facts.canonical("/out") == "/etc");
  BOOST_TEST(tree.facts.canonical("/") == "/");
  BOOST_TEST(tree.facts.canonical("/top") == "/");
  BOOST_TEST(tree.facts.canonical("/top/bin/later") == "/usr/bin/later");
}

BOOST_AUTO_TEST_CASE(what_does_not_exist_keeps_its_name_below_what_does) {
  Tree tree;
  BOOST_TEST(tree.facts.canonical("/bin/later/file") == "/usr/bin/later/file");
  BOOST_TEST(tree.facts.canonical("/no/such") == "/no/such");
  BOOST_TEST(tree.facts.canonical("/loop/x") == "/loop/x");
}

BOOST_AUTO_TEST_CASE(nothing_below_a_mount_is_resolved) {
  Tree tree;
  fs::create_symlink("/etc", tree.path / "proc/self");
  BOOST_TEST(tree.facts.canonical("/proc/self") == "/proc/self");
  BOOST_TEST(tree.facts.canonical("/new/vol/a") == "/new/vol/a");
  BOOST_TEST((tree.facts.kind("/proc/self") == FileKind::unknown));
  BOOST_TEST(!tree.facts.list("/proc").has_value());
}

BOOST_AUTO_TEST_CASE(kinds_count_what_mounts_will_make) {
  Tree tree;
  BOOST_TEST((tree.facts.kind("/etc/passwd") == FileKind::other));
  BOOST_TEST((tree.facts.kind("/bin") == FileKind::other));
  BOOST_TEST((tree.facts.kind("/etc") == FileKind::directory));
  BOOST_TEST((tree.facts.kind("/absent") == FileKind::absent));
  BOOST_TEST((tree.facts.kind("/new") == FileKind::directory));
  BOOST_TEST((tree.facts.kind("/new/vol") == FileKind::directory));
  BOOST_TEST((tree.facts.kind("/etc/hosts") == FileKind::other));
}

BOOST_AUTO_TEST_CASE(lists_hold_what_mounts_will_make) {
  Tree tree;
  auto etc = tree.facts.list("/etc");
  BOOST_REQUIRE(etc.has_value());
  BOOST_REQUIRE(etc->size() == 2U);
  BOOST_TEST((*etc)[0].name == "hosts");
  BOOST_TEST((*etc)[1].name == "passwd");
  auto root = tree.facts.list("/");
  BOOST_REQUIRE(root.has_value());
  BOOST_TEST(std::count_if(root->begin(), root->end(), [](const auto& file) { return file.name == "new"; }) == 1);
}

BOOST_AUTO_TEST_SUITE_END()
