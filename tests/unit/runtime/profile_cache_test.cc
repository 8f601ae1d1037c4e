// Compiled profiles that are kept: used again only while everything that they were made of is as it was.
#include "runtime/commands/profile_cache.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>

using namespace warder;
using namespace warder::runtime;
namespace fs = std::filesystem;

namespace {

struct Fixture {
  Fixture() {
    std::string pattern = "/tmp/warder-cache-XXXXXX";
    BOOST_REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
    fs::create_directories(path / "profiles");
    write("profiles/web.yaml", "warder: 1\nextends: [lower]\npaths:\n  \"/srv/**\": rx\n");
    write("profiles/lower.yaml", "warder: 1\npaths:\n  \"/**\": rx\n");
    request.hostname = "web";
    request.container_id = "c1";
    request.where.directories = {path / "profiles"};
    request.where.mandatory = {path / "profiles"};
    kernel.landlock_abi = 7;
    kernel.user_notify = true;
    facts.canonical = [this](std::string_view literal) { return literal == "/srv" ? srv : std::string(literal); };
    facts.kind = [](std::string_view) { return policy::FileKind::directory; };
    facts.list = [](std::string_view) { return std::nullopt; };
  }
  ~Fixture() { fs::remove_all(path); }

  void write(const char* name, std::string_view text) {
    std::ofstream(path / name, std::ios::trunc) << text;
    fs::permissions(path / name, fs::perms(0644));
  }

  /// As `create` does. True where it was kept.
  bool plan() {
    policy::Location location = policy::locate_for_container(request);
    BOOST_REQUIRE(location.profile);
    ProfileCache cache((path / "cache").string(), request, *location.profile, kernel, facts);
    auto known = cache.find();
    policy::LoadOutcome outcome = policy::load_located(request, std::move(location), &cache.asked_files());
    BOOST_REQUIRE_MESSAGE(outcome.profile, policy::findings_text(outcome.findings));
    auto lowered = policy::lower(*outcome.profile, kernel, cache.recorded_facts());
    BOOST_REQUIRE(lowered.ok());
    if (!known) {
      cache.keep({lowered->block, {.name = outcome.profile->name, .file = "f", .hash = "h", .layers = {{"a", "b", "c"}}}, "{}"});
      return false;
    }
    // Whatever is taken from the cache is what would have been made.
    BOOST_TEST((known->block == lowered->block));
    BOOST_TEST(known->state.name == outcome.profile->name);
    BOOST_TEST(known->state.layers.size() == 1U);
    return true;
  }

  fs::path path;
  std::string srv = "/srv";
  policy::LoadRequest request;
  KernelFacts kernel;
  policy::ContainerFacts facts;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(profile_cache, Fixture)

BOOST_AUTO_TEST_CASE(the_second_container_finds_what_the_first_one_made) {
  BOOST_TEST(!plan());
  BOOST_TEST(plan());
  request.container_id = "c2";
  BOOST_TEST(plan());
}

BOOST_AUTO_TEST_CASE(another_text_of_the_profile_or_of_a_layer_is_compiled_anew) {
  BOOST_TEST(!plan());
  write("profiles/web.yaml", "warder: 1\nextends: [lower]\npaths:\n  \"/srv/**\": rw\n");
  BOOST_TEST(!plan());
  BOOST_TEST(plan());
  write("profiles/lower.yaml", "warder: 1\npaths:\n  \"/**\": ro\n");
  BOOST_TEST(!plan());
  BOOST_TEST(plan());
}

BOOST_AUTO_TEST_CASE(a_ceiling_that_appears_or_changes_counts) {
  BOOST_TEST(!plan());
  write("profiles/mandatory.yaml", "warder: 1\npaths:\n  \"/**\": rx\n");
  BOOST_TEST(!plan());
  BOOST_TEST(plan());
  write("profiles/mandatory.yaml", "warder: 1\npaths:\n  \"/**\": ro\n");
  BOOST_TEST(!plan());
}

BOOST_AUTO_TEST_CASE(a_rootfs_that_answers_otherwise_counts) {
  BOOST_TEST(!plan());
  srv = "/var/srv";
  BOOST_TEST(!plan());
  BOOST_TEST(plan());
  kernel.landlock_abi = 3;
  BOOST_TEST(!plan());
}

BOOST_AUTO_TEST_CASE(a_profile_that_speaks_of_its_container_is_that_containers) {
  write("profiles/lower.yaml", "warder: 1\npaths:\n  \"/**\": rx\n  \"/data/${CONTAINER_ID}/**\": rw\n");
  BOOST_TEST(!plan());
  BOOST_TEST(plan());
  request.container_id = "c2";
  BOOST_TEST(!plan());
}

BOOST_AUTO_TEST_CASE(a_damaged_entry_is_not_used) {
  BOOST_TEST(!plan());
  for (const auto& entry : fs::directory_iterator(path / "cache")) {
    std::fstream file(entry.path());
    file.seekp(static_cast<std::streamoff>(fs::file_size(entry.path())) - 3);
    file << "x";
  }
  BOOST_TEST(!plan());
  BOOST_TEST(plan());
  for (const auto& entry : fs::directory_iterator(path / "cache")) fs::resize_file(entry.path(), 40);
  BOOST_TEST(!plan());
}

BOOST_AUTO_TEST_CASE(a_directory_that_others_may_enter_is_not_used) {
  fs::create_directories(path / "cache");
  fs::permissions(path / "cache", fs::perms(0755));
  BOOST_TEST(!plan());
  BOOST_TEST(!plan());
  BOOST_TEST(fs::is_empty(path / "cache"));
}

BOOST_AUTO_TEST_CASE(the_directory_does_not_grow_without_end) {
  for (int number = 0; number < 80; ++number) {
    write("profiles/web.yaml", "warder: 1\ndescription: number " + std::to_string(number) + "\nextends: [lower]\n");
    BOOST_TEST(!plan());
  }
  const auto count = std::distance(fs::directory_iterator(path / "cache"), fs::directory_iterator());
  BOOST_TEST(count <= 64);
  BOOST_TEST(plan());
}

BOOST_AUTO_TEST_SUITE_END()
