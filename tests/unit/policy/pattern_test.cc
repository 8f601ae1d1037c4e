#include "policy/pattern.h"

#include <boost/test/unit_test.hpp>

#include "policy/pattern_sets.h"

using namespace warder::policy;

namespace {

struct Case {
  std::string_view pattern;
  std::string_view path;
  Match match;
};

constexpr Match yes = Match::yes;
constexpr Match no = Match::no;
constexpr Match top = Match::top_only;

}  // namespace

BOOST_AUTO_TEST_SUITE(patterns)

BOOST_AUTO_TEST_CASE(a_pattern_matches_exactly_what_its_table_says) {
  const Case cases[] = {
      {"/**", "/", top},
      {"/**", "/a", yes},
      {"/**", "/a/b", yes},
      {"/", "/", yes},
      {"/", "/a", no},
      {"/*", "/", no},
      {"/*", "/a", yes},
      {"/*", "/.a", yes},
      {"/*", "/a/b", no},
      {"/work/**", "/work", top},
      {"/work/**", "/work/a", yes},
      {"/work/**", "/workshop", no},
      {"/work/*/x", "/work/a/x", yes},
      {"/work/*/x", "/work/x", no},
      {"/a/**/b", "/a/b", yes},
      {"/a/**/b", "/a/x/b", yes},
      {"/a/**/b", "/a/x/y/b", yes},
      {"/a/**/b", "/a/xb", no},
      {"/a/**/b/**", "/a/b", top},
      {"/a/**/b/**", "/a/q/b", top},
      {"/a/**/b/**", "/a/b/b", yes},
      {"/a/**/b/**", "/a/b/c", yes},
      {"/a**z", "/ab/c/z", yes},
      {"/a**z", "/az", yes},
      {"/a*z", "/ab/z", no},
      {"/a?c", "/abc", yes},
      {"/a?c", "/a/c", no},
      {"/a?c", "/ac", no},
      {"/[a-c]x", "/bx", yes},
      {"/[a-c]x", "/dx", no},
      {"/[!a-c]x", "/dx", yes},
      {"/[^a-c]x", "/bx", no},
      {"/a[!b]c", "/a/c", no},
      {"/[]a]", "/]", yes},
      {"/[a\\]]", "/]", yes},
      {"/\\*", "/*", yes},
      {"/\\*", "/a", no},
      {"/{a,b}/c", "/b/c", yes},
      {"/{a,b{c,d}}", "/bd", yes},
      {"/{a,b{c,d}}", "/b", no},
      {"/x{,y}", "/x", yes},
      {"/a/{b,c/**}", "/a/c", top},
      {"/etc/shadow", "/etc/shadow-", no},
      {"/\xc3\xa9?", "/\xc3\xa9x", yes},
  };
  for (const auto& c : cases) {
    BOOST_TEST_CONTEXT(c.pattern << " and " << c.path) {
      BOOST_TEST(!path_pattern_fault(c.pattern));
      BOOST_TEST(static_cast<int>(match_path(c.pattern, c.path)) == static_cast<int>(c.match));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_pattern_that_could_mislead_is_a_fault) {
  for (const std::string_view pattern :
       {"",    "a",      "a/**", "/a/",  "/a//b",  "/a/../b", "/a/.", "/./a",    "/***",     "/a/**/**",   "/a/**/**/b",
        "/[a", "/[b-a]", "/[/]", "/a\\", "/a\\/b", "/{a",     "/a}",  "/{a,b/}", "/{,../}x", "/[\xc3\xa9]"}) {
    BOOST_TEST_CONTEXT(pattern) { BOOST_TEST(path_pattern_fault(pattern).has_value()); }
  }
  BOOST_TEST(path_pattern_fault(std::string_view("/a\0b", 4)).has_value());
  BOOST_TEST(path_pattern_fault("/{a,b,c,d}{a,b,c,d}{a,b,c,d}{a,b,c,d}{a,b,c,d}").has_value());
  BOOST_TEST(path_pattern_fault("/" + std::string(5000, 'a')).has_value());
}

BOOST_AUTO_TEST_CASE(an_abstract_name_needs_no_leading_slash) {
  BOOST_TEST(!name_pattern_fault("dbus-*"));
  BOOST_TEST(match_name("dbus-*", "dbus-x1"));
  BOOST_TEST(!match_name("dbus-*", "dbus-x/1"));
  BOOST_TEST(match_name("**", "/tmp/.X11-unix/X0"));
}

BOOST_AUTO_TEST_CASE(the_literal_start_is_a_whole_directory) {
  BOOST_TEST(literal_start("/work/**") == "/work");
  BOOST_TEST(literal_start("/work/*.c") == "/work");
  BOOST_TEST(literal_start("/work/ab*") == "/work");
  BOOST_TEST(literal_start("/etc/shadow") == "/etc/shadow");
  BOOST_TEST(literal_start("/**") == "/");
  BOOST_TEST(literal_start("/a\\*b/c?") == "/a*b");
}

BOOST_AUTO_TEST_CASE(an_escaped_text_matches_itself_alone) {
  const std::string text = "/a*b[c]{d,e}\\?";
  BOOST_TEST(!path_pattern_fault(escape_pattern(text)));
  BOOST_TEST(is_literal(escape_pattern(text)));
  BOOST_TEST(static_cast<int>(match_path(escape_pattern(text), text)) == static_cast<int>(Match::yes));
  BOOST_TEST(literal_start(escape_pattern(text)) == text);
}

BOOST_AUTO_TEST_CASE(patterns_compare_as_sets_of_paths) {
  const auto covers = [](std::vector<std::string> others, std::string_view pattern) { return patterns_cover(others, pattern); };
  BOOST_TEST(covers({"/**"}, "/work/**"));
  BOOST_TEST(covers({"/work/**"}, "/work/**"));
  BOOST_TEST(covers({"/work/**"}, "/work"));
  BOOST_TEST(!covers({"/work/**"}, "/**"));
  BOOST_TEST(!covers({"/work/*"}, "/work/**"));
  BOOST_TEST(covers({"/work", "/work/*", "/work/*/**"}, "/work/**"));
  BOOST_TEST(covers({"/[a-m]*", "/[!a-m]*"}, "/*"));
  BOOST_TEST(!covers({"/[a-m]*", "/[o-z]*"}, "/*"));
  BOOST_TEST(covers({"/a/**/b"}, "/a/x/b"));
  BOOST_TEST(patterns_overlap("/work/*.c", "/work/a*"));
  BOOST_TEST(!patterns_overlap("/work/*.c", "/work/*.h"));
  BOOST_TEST(patterns_overlap("/**/hooks/**", "/work/.git/**"));
  BOOST_TEST(!patterns_overlap("/etc/shadow", "/work/**"));
}

BOOST_AUTO_TEST_SUITE_END()
