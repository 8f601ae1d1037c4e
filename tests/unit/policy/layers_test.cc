#include "policy/layers.h"

#include <boost/test/unit_test.hpp>
#include <map>

#include "policy/decide.h"
#include "policy/sha256.h"

using namespace warder::policy;

namespace {

using Files = std::map<std::string, std::string>;

MergeOutcome merge(const std::string& top, const Files& files) {
  const LayerSource source = [&](std::string_view name, const std::vector<std::string>& in_use) {
    LayerFile layer;
    const std::string file = "/p/" + std::string(name) + ".yaml";
    for (const auto& used : in_use) {
      if (used == file) return layer;
    }
    const auto found = files.find(std::string(name));
    if (found == files.end()) return layer;
    layer.found = true;
    layer.file = std::make_shared<const std::string>(file);
    layer.text = "warder: 1\n" + found->second;
    return layer;
  };
  return merge_layers(top, source(top, {}), source, {"h", "c"});
}

void refused_with(const MergeOutcome& outcome, std::string_view says) {
  for (const auto& finding : outcome.findings) {
    if (finding_text(finding).find(says) != std::string::npos) return;
  }
  std::string all;
  for (const auto& finding : outcome.findings) all += finding_text(finding) + "\n";
  BOOST_ERROR("expected '" << says << "' but found: " << all);
}

void accepted(const MergeOutcome& outcome) {
  for (const auto& finding : outcome.findings) BOOST_ERROR(finding_text(finding));
}

bool may(const MergeOutcome& outcome, Rights rights, std::string_view path) {
  return decide_path(outcome.profile, path, rights).allowed;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(layers)

BOOST_AUTO_TEST_CASE(layers_are_applied_first_and_in_order) {
  const auto outcome = merge("top", {{"top", "extends: [a, b]\nmode: audit\npaths: {/x/c: ro}\n"},
                                     {"a", "mode: learn\naudit: cheap\npaths: {/x/**: none, /x/a: ro}\n"},
                                     {"b", "paths: {/x/b: ro}\n"}});
  accepted(outcome);
  BOOST_TEST(outcome.profile.name == "top");
  BOOST_REQUIRE(outcome.profile.layers.size() == 3U);
  BOOST_TEST(outcome.profile.layers[0].name == "a");
  BOOST_TEST(outcome.profile.layers[2].name == "top");
  BOOST_TEST(outcome.profile.paths->back().layer == 2U);
  BOOST_TEST(*outcome.profile.paths->front().source.file == "/p/a.yaml");
  BOOST_TEST(static_cast<int>(outcome.profile.mode) == static_cast<int>(Mode::audit));
  BOOST_TEST(static_cast<int>(outcome.profile.audit) == static_cast<int>(Audit::cheap));
}

BOOST_AUTO_TEST_CASE(a_layer_reached_twice_is_applied_once) {
  const auto outcome = merge(
      "top",
      {{"top", "extends: [a, b]\n"}, {"a", "extends: [base]\n"}, {"b", "extends: [base]\n"}, {"base", "paths: {/x: ro}\n"}});
  accepted(outcome);
  BOOST_TEST(outcome.profile.layers.size() == 4U);
  BOOST_TEST(outcome.profile.paths->size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_circle_and_a_missing_layer_are_errors_with_their_line) {
  refused_with(merge("a", {{"a", "extends: [b]\n"}, {"b", "extends: [a]\n"}}), "/p/b.yaml:2:11: extends itself through 'a'");
  refused_with(merge("a", {{"a", "extends: [nothing]\n"}}), "/p/a.yaml:2:11: layer 'nothing' is in none");
}

BOOST_AUTO_TEST_CASE(errors_of_all_layers_are_listed_at_once) {
  const auto outcome = merge("a", {{"a", "extends: [b]\nmode: x\n"}, {"b", "mode: y\n"}});
  BOOST_TEST(outcome.findings.size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_higher_layer_does_not_give_back_what_a_lower_took_away) {
  const std::string lower =
      "paths:\n  '/**': rx\n  '/work/**': rwx\n  '/work/.git/hooks/**': ro\n  '/etc/{shadow,gshadow}': none\n  '/s/**': hide\n";
  const auto with = [&](const std::string& paths) {
    return merge("top", {{"top", "extends: [low]\npaths:\n" + paths}, {"low", lower}});
  };
  refused_with(with("  '/etc/shadow': ro\n"), "/p/top.yaml:4:3: gives back 'ro' on '/etc/{shadow,gshadow}'");
  refused_with(with("  '/etc/**': ro\n"), "/p/low.yaml:6");
  refused_with(with("  '/work/**': rwx\n"), "/work/.git/hooks/**");
  refused_with(with("  '/work/.git/hooks/pre-commit': rw\n"), "/work/.git/hooks/**");
  refused_with(with("  '/s/public': ro\n"), "on '/s/**'");
  refused_with(with("  '/**': all\n"), "gives back");
  accepted(with("  '/etc/shadow': {allow: ro, override: true}\n"));
  accepted(with("  '/srv/**': rwx\n"));
  accepted(with("  '/work/.git/hooks/**': none\n"));
  accepted(with("  '/s/**': hide\n"));
  accepted(with("  '/work/**': rwx\n  '/work/.git/hooks/**': ro\n"));
  BOOST_TEST(may(with("  '/srv/**': rwx\n"), Right::write, "/srv/a"));
}

BOOST_AUTO_TEST_CASE(an_override_in_the_lower_layer_itself_is_no_taking_away) {
  accepted(merge(
      "top", {{"top", "extends: [low]\npaths: {/a/x: rw}\n"}, {"low", "paths:\n  - /a/**: rw\n  - /a/x: none\n  - /a/x: rw\n"}}));
}

BOOST_AUTO_TEST_CASE(a_higher_layer_does_not_open_an_address_that_a_lower_denied) {
  const std::string lower = "network:\n  connect: ['tcp *:443', '!tcp 169.254.0.0/16']\n";
  const auto with = [&](const std::string& connect) {
    return merge("top", {{"top", "extends: [low]\nnetwork:\n  connect: [" + connect + "]\n"}, {"low", lower}});
  };
  refused_with(with("'tcp *:80'"), "/p/top.yaml:4:13: gives back 'tcp 169.254.0.0/16'");
  refused_with(with("'tcp 169.254.1.1:80'"), "gives back");
  accepted(with("'tcp 10.0.0.0/8:80'"));
  accepted(with("'tcp *:80', '!tcp 169.254.0.0/16'"));
  accepted(with("{'tcp 169.254.1.1:80': {verdict: allow, override: true}}"));
  accepted(with("'udp *:53'"));
}

BOOST_AUTO_TEST_CASE(families_capabilities_and_calls_only_shrink) {
  const Files low = {
      {"low", "network: {families: [inet, unix]}\ncapabilities: {max: [CHOWN, KILL]}\nsyscalls: {deny: ['@mount']}\n"}};
  const auto with = [&](const std::string& body) {
    Files files = low;
    files["top"] = "extends: [low]\n" + body;
    return merge("top", files);
  };
  refused_with(with("network: {families: [inet6]}\n"), "family 'inet6' was taken away by a lower layer (/p/low.yaml:2)");
  accepted(with("network: {families: [inet]}\n"));
  refused_with(with("capabilities: {max: [CHOWN, SYS_ADMIN]}\n"), "capability SYS_ADMIN was taken away");
  accepted(with("capabilities: {max: [CHOWN, SYS_ADMIN], override: true}\n"));
  accepted(with("capabilities: {max: [CHOWN]}\n"));
  refused_with(with("syscalls: {allow: [umount2]}\n"), "gives back the system call 'umount2'");
  accepted(with("syscalls: {allow: [umount2], override: true}\n"));
  accepted(with("syscalls: {allow: ['bpf']}\n"));
}

BOOST_AUTO_TEST_CASE(the_hash_names_every_byte_of_every_layer) {
  const auto hash = [](const std::string& low) {
    return merge("top", {{"top", "extends: [low]\n"}, {"low", low}}).profile.hash();
  };
  BOOST_TEST(hash("mode: audit\n") == hash("mode: audit\n"));
  BOOST_TEST(hash("mode: audit\n") != hash("mode: audit \n"));
  BOOST_TEST(hash("mode: audit\n").starts_with("sha256:"));
}

BOOST_AUTO_TEST_CASE(sha256_gives_the_published_values) {
  BOOST_TEST(sha256_text("") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  BOOST_TEST(sha256_text("abc") == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  BOOST_TEST(sha256_text(std::string(1000000, 'a')) == "sha256:cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

BOOST_AUTO_TEST_SUITE_END()
