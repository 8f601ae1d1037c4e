// What mount options mean. Pure.
#include "runtime/container/mount_options.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>

using namespace warder;
using namespace warder::runtime;

namespace {

MountPlan planned(std::string type, std::vector<std::string> options, std::string source = "/src") {
  Mount mount{.destination = "/dst",
              .type = std::move(type),
              .source = std::move(source),
              .options = std::move(options),
              .uid_mappings = {},
              .gid_mappings = {}};
  Result<MountPlan> plan = plan_mount(mount);
  BOOST_REQUIRE_MESSAGE(plan.ok(), (plan.ok() ? std::string() : plan.error().text()));
  return *std::move(plan);
}

std::string refusal(Mount mount) {
  Result<MountPlan> plan = plan_mount(mount);
  return plan.ok() ? "" : plan.error().text();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(mount_options)

BOOST_AUTO_TEST_CASE(the_table_is_sorted_so_that_every_word_is_found) {
  std::vector<std::string> words = known_mount_options();
  BOOST_TEST(std::is_sorted(words.begin(), words.end()));
  const std::vector<std::string> of_filesystems = {"dirsync", "iversion", "lazytime", "mand", "nolazytime", "sync"};
  for (const std::string& word : words) {
    bool filesystem = word == "tmpcopyup" || std::count(of_filesystems.begin(), of_filesystems.end(), word) != 0;
    MountPlan plan = filesystem ? planned("tmpfs", {word}, "tmpfs") : planned("", {"bind", word});
    bool data = std::count(of_filesystems.begin(), of_filesystems.end(), word) != 0;
    BOOST_TEST(plan.data.empty() == !data, word);
  }
}

BOOST_AUTO_TEST_CASE(a_later_word_wins_over_an_earlier_one) {
  MountPlan plan = planned("", {"bind", "ro", "nosuid", "rw"});
  BOOST_TEST(plan.attributes.set == std::uint64_t{MOUNT_ATTR_NOSUID});
  BOOST_TEST((plan.attributes.clear & MOUNT_ATTR_RDONLY) != 0U);
  plan = planned("", {"bind", "rw", "ro"});
  BOOST_TEST(plan.attributes.set == std::uint64_t{MOUNT_ATTR_RDONLY});
  BOOST_TEST(plan.attributes.clear == 0U);
}

BOOST_AUTO_TEST_CASE(recursive_words_of_a_new_filesystem_are_its_own) {
  MountPlan plan = planned("tmpfs", {"rro", "rnosuid", "nodev", "rdev"}, "tmpfs");
  BOOST_TEST(plan.attributes.set == std::uint64_t{MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID});
  BOOST_TEST(plan.recursive_attributes.empty());
}

BOOST_AUTO_TEST_CASE(recursive_words_go_to_the_whole_tree_only) {
  MountPlan plan = planned("", {"rbind", "rro", "rnosuid"});
  BOOST_TEST((plan.bind_recursion == kernel::Recursion::whole_tree));
  BOOST_TEST(plan.attributes.empty());
  BOOST_TEST(plan.recursive_attributes.set == std::uint64_t{MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID});
}

BOOST_AUTO_TEST_CASE(access_time_modes_exclude_each_other_and_clear_the_whole_field) {
  MountPlan plan = planned("", {"bind", "noatime", "strictatime"});
  BOOST_TEST(plan.attributes.set == std::uint64_t{MOUNT_ATTR_STRICTATIME});
  BOOST_TEST(plan.attributes.clear == std::uint64_t{MOUNT_ATTR__ATIME});
  plan = planned("", {"bind", "strictatime", "relatime"});
  BOOST_TEST(plan.attributes.set == 0U);
}

BOOST_AUTO_TEST_CASE(filesystem_options_keep_their_values_and_split_at_commas_outside_quotes) {
  MountPlan plan = planned("tmpfs", {"nosuid", "mode=1777,size=65536k", "context=\"a,b\""}, "tmpfs");
  std::vector<std::pair<std::string, std::string>> wanted = {{"mode", "1777"}, {"size", "65536k"}, {"context", "\"a,b\""}};
  BOOST_TEST((plan.data == wanted));
  BOOST_TEST(plan.attributes.set == std::uint64_t{MOUNT_ATTR_NOSUID});
}

BOOST_AUTO_TEST_CASE(propagation_words_keep_their_order_and_depth) {
  MountPlan plan = planned("", {"rbind", "rprivate", "shared"});
  BOOST_REQUIRE(plan.propagation.size() == 2U);
  BOOST_TEST(plan.propagation[0].type == std::uint64_t{MS_PRIVATE});
  BOOST_TEST((plan.propagation[0].recursion == kernel::Recursion::whole_tree));
  BOOST_TEST(plan.propagation[1].type == std::uint64_t{MS_SHARED});
  BOOST_TEST((plan.propagation[1].recursion == kernel::Recursion::this_mount));
}

BOOST_AUTO_TEST_CASE(both_names_of_the_cgroup_filesystem_mean_the_containers_cgroups) {
  BOOST_TEST((planned("cgroup", {"ro"}, "cgroup").kind == MountKind::cgroup));
  BOOST_TEST((planned("cgroup2", {"ro"}, "cgroup").kind == MountKind::cgroup));
}

BOOST_AUTO_TEST_CASE(words_that_a_mount_cannot_honour_are_refused_by_name) {
  BOOST_TEST(refusal({.destination = "/d",
                      .type = "bind",
                      .source = "/s",
                      .options = {"bind", "size=1k"},
                      .uid_mappings = {},
                      .gid_mappings = {}})
                 .find("'size'") != std::string::npos);
  BOOST_TEST(refusal({.destination = "/d",
                      .type = "bind",
                      .source = "/s",
                      .options = {"bind", "tmpcopyup"},
                      .uid_mappings = {},
                      .gid_mappings = {}})
                 .find("tmpcopyup") != std::string::npos);
  BOOST_TEST(
      refusal(
          {.destination = "/d", .type = "tmpfs", .source = "tmpfs", .options = {"idmap"}, .uid_mappings = {}, .gid_mappings = {}})
          .find("idmapped") != std::string::npos);
  BOOST_TEST(
      !refusal({.destination = "/d", .type = "", .source = "/s", .options = {}, .uid_mappings = {}, .gid_mappings = {}}).empty());
  BOOST_TEST(
      !refusal({.destination = "/d", .type = "bind", .source = "", .options = {"bind"}, .uid_mappings = {}, .gid_mappings = {}})
           .empty());
}

BOOST_AUTO_TEST_CASE(rootfs_propagation_is_one_of_eight_words_and_defaults_to_rslave) {
  Result<PropagationChange> change = parse_propagation("");
  BOOST_REQUIRE(change.ok());
  BOOST_TEST(change->type == std::uint64_t{MS_SLAVE});
  BOOST_TEST((change->recursion == kernel::Recursion::whole_tree));
  BOOST_TEST(parse_propagation("shared").ok());
  BOOST_TEST(!parse_propagation("ro").ok());
  BOOST_TEST(!parse_propagation("slaves").ok());
}

BOOST_AUTO_TEST_SUITE_END()
