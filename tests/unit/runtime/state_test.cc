// The state directory and what is in it.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "runtime/state/container_state.h"

using namespace warder;
using namespace warder::runtime;

namespace {

struct Directory {
  Directory() {
    std::string pattern = "/tmp/warder-state-XXXXXX";
    BOOST_REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
    root.path = path + "/root";
  }
  ~Directory() {
    for (const std::string& id : root.ids()) {
      auto left = StateDirectory::open(root, id);
      if (left.ok()) static_cast<void>(left->remove());
    }
    ::rmdir(root.path.c_str());
    ::rmdir(path.c_str());
  }
  std::string path;
  StateRoot root;
};

ContainerState full_state() {
  ContainerState state;
  state.oci_version = "1.0.2";
  state.id = "c1";
  state.bundle = "/b";
  state.rootfs = "/b/rootfs";
  state.created = "2026-01-01T00:00:00.000000000Z";
  state.owner = 7;
  state.rootless = true;
  state.annotations = {{"a", "b"}};
  state.init = {.pid = 10, .start_time = 20};
  state.workload = {.pid = 11, .start_time = 21};
  state.private_pid_namespace = false;
  state.own_user_namespace = true;
  state.has_terminal = true;
  state.cgroup.path = "/c";
  state.cgroup.directories = {{.controllers = "memory", .directory = "/sys/fs/cgroup/memory/c", .created = true}};
  state.profile = {
      .name = "ci", .file = "/etc/warder/profiles/ci.yaml", .hash = "sha256:0", .layers = {{"base", "/x", "sha256:1"}}};
  state.poststop = {{.path = "/bin/true", .args = {"true"}, .env = {"A=1"}, .timeout_seconds = 5}};
  return state;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(state)

BOOST_AUTO_TEST_CASE(ids_that_could_be_a_path_are_refused) {
  for (const char* id : {"", ".", "..", "a/b", "../x", "a b", "a\nb", "/a", "ä", "a@b", "a:b", ".a", "..."}) {
    auto checked = check_container_id(id);
    BOOST_CHECK_MESSAGE(!checked.ok(), "'" << id << "' was accepted");
    if (!checked.ok()) BOOST_TEST(checked.error().text().find("invalid container ID format") != std::string::npos);
  }
  for (const char* id : {"a", "A.b_c-d+e", "a...", "-x", "0"}) BOOST_TEST(check_container_id(id).ok());
  BOOST_TEST(!check_container_id(std::string(1025, 'a')).ok());
}

BOOST_AUTO_TEST_CASE(a_state_survives_being_written_and_read) {
  std::string text = state_to_json(full_state());
  auto read = state_from_json(text);
  BOOST_REQUIRE_MESSAGE(read.ok(), (read.ok() ? std::string() : read.error().text()));
  BOOST_TEST(state_to_json(*read) == text);
}

BOOST_AUTO_TEST_CASE(a_damaged_state_is_an_error) {
  for (const char* text : {"", "{}", "[]", "{\"version\": 2}", "{\"version\": 1}", "{\"version\": 1, \"id\": 3}"}) {
    BOOST_CHECK_MESSAGE(!state_from_json(text).ok(), text);
  }
}

BOOST_AUTO_TEST_CASE(a_second_container_of_the_same_id_is_refused) {
  Directory place;
  auto first = StateDirectory::create(place.root, "c1");
  BOOST_REQUIRE_MESSAGE(first.ok(), (first.ok() ? std::string() : first.error().text()));
  auto second = StateDirectory::create(place.root, "c1");
  BOOST_REQUIRE(!second.ok());
  BOOST_TEST(second.error().text() == "container with given ID already exists");
}

BOOST_AUTO_TEST_CASE(what_is_saved_is_loaded_and_what_is_removed_does_not_exist) {
  Directory place;
  auto made = StateDirectory::create(place.root, "c1");
  BOOST_REQUIRE(made.ok());
  BOOST_TEST(made->save(full_state()).ok());
  BOOST_TEST(!made->started());
  BOOST_TEST(made->mark_started().ok());
  auto found = StateDirectory::open(place.root, "c1");
  BOOST_REQUIRE(found.ok());
  BOOST_TEST(found->started());
  BOOST_TEST(found->load()->workload.pid == 11);
  BOOST_TEST(place.root.ids().size() == 1U);
  BOOST_TEST(made->remove().ok());
  auto gone = StateDirectory::open(place.root, "c1");
  BOOST_REQUIRE(!gone.ok());
  BOOST_TEST(gone.error().text().find("does not exist") != std::string::npos);
  BOOST_TEST(::access((place.root.path + "/c1").c_str(), F_OK) != 0);
}

BOOST_AUTO_TEST_CASE(a_root_that_others_may_write_is_refused) {
  Directory place;
  BOOST_REQUIRE(::mkdir(place.root.path.c_str(), 0700) == 0);
  BOOST_REQUIRE(::chmod(place.root.path.c_str(), 0777) == 0);
  BOOST_TEST(!StateDirectory::create(place.root, "c1").ok());
  BOOST_REQUIRE(::chmod(place.root.path.c_str(), 01777) == 0);
  BOOST_TEST(StateDirectory::create(place.root, "c1").ok());
}

BOOST_AUTO_TEST_CASE(a_state_directory_that_is_a_symlink_is_refused) {
  Directory place;
  BOOST_REQUIRE(StateDirectory::create(place.root, "real").ok());
  BOOST_REQUIRE(::symlink("real", (place.root.path + "/fake").c_str()) == 0);
  BOOST_TEST(!StateDirectory::open(place.root, "fake").ok());
  ::unlink((place.root.path + "/fake").c_str());
}

BOOST_AUTO_TEST_CASE(a_process_is_known_by_its_start_time) {
  auto self = identify_process(::getpid());
  BOOST_REQUIRE(self.ok());
  BOOST_TEST(still_alive(*self));
  ProcessIdentity earlier = *self;
  earlier.start_time -= 1;
  BOOST_TEST(!still_alive(earlier));
  BOOST_TEST(!still_alive({}));
}

BOOST_AUTO_TEST_SUITE_END()
