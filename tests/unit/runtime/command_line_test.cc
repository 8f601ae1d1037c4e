// The command line as podman, containerd and people write it.
#include "runtime/commands/command_line.h"

#include <boost/test/unit_test.hpp>

#include "runtime/commands/signals.h"
#include "runtime/commands/user_word.h"

using namespace warder;
using namespace warder::runtime;

namespace {

Result<CommandLine> verb_of(std::vector<std::string> words) {
  words.insert(words.begin(), "warder");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  return find_verb(static_cast<int>(argv.size()), argv.data());
}

struct Parsed {
  GlobalOptions globals;
  std::string id, process, user;
  std::vector<std::string> env, tail;
  bool pivot = false, tty = false;
};

Parsed parse(const std::vector<std::string>& words) {
  auto line = verb_of(words);
  BOOST_REQUIRE_MESSAGE(line.ok(), (line.ok() ? std::string() : line.error().text()));
  Parsed out;
  CLI::App app("", line->verb);
  define_global_options(app, out.globals);
  app.add_option("ID", out.id)->required();
  app.add_option("-p,--process", out.process);
  app.add_option("-u,--user", out.user);
  app.add_option("-e,--env", out.env)->allow_extra_args(false);
  app.add_flag("--no-pivot", out.pivot);
  app.add_flag("-t,--tty", out.tty);
  auto parsed = parse_words(app, line->words, &out.tail);
  BOOST_REQUIRE_MESSAGE(parsed.ok(), (parsed.ok() ? std::string() : parsed.error().text()));
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(command_line)

BOOST_AUTO_TEST_CASE(global_options_stand_before_and_after_the_verb_and_joined_or_not) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"--root", "/r", "exec", "c1"},
                                                {"--root=/r", "exec", "c1"},
                                                {"exec", "--root", "/r", "c1"},
                                                {"-root", "/r", "exec", "c1"},
                                                {"exec", "-root=/r", "c1"}}) {
    Parsed parsed = parse(words);
    BOOST_TEST(parsed.globals.root.value_or("") == "/r");
    BOOST_TEST(parsed.id == "c1");
  }
}

BOOST_AUTO_TEST_CASE(the_value_of_an_option_is_not_taken_for_the_verb) {
  auto line = verb_of({"--log", "create", "--debug", "state", "c1"});
  BOOST_REQUIRE(line.ok());
  BOOST_TEST(line->verb == "state");
}

BOOST_AUTO_TEST_CASE(every_global_option_is_known_before_the_verb) {
  GlobalOptions scratch;
  CLI::App app;
  app.set_help_flag();
  define_global_options(app, scratch);
  BOOST_TEST(!app.get_options().empty());
  for (const CLI::Option* option : app.get_options()) {
    std::vector<std::string> words{option->get_name()};
    if (option->get_items_expected_max() > 0) words.emplace_back("value");
    words.emplace_back("state");
    auto line = verb_of(words);
    BOOST_REQUIRE_MESSAGE(line.ok(), option->get_name());
    BOOST_TEST(line->verb == "state", option->get_name());
  }
  BOOST_TEST(!verb_of({"--nonsense", "state"}).ok());
}

BOOST_AUTO_TEST_CASE(long_options_may_have_one_dash) { BOOST_TEST(parse({"create", "-no-pivot", "c1"}).pivot); }

BOOST_AUTO_TEST_CASE(what_exec_hands_on_is_never_parsed) {
  Parsed parsed = parse({"exec", "-t", "-e", "A=1", "-e", "B=2", "c1", "ls", "--root", "-no-pivot", "--", "-e"});
  BOOST_TEST(parsed.id == "c1");
  BOOST_TEST(parsed.tail == (std::vector<std::string>{"ls", "--root", "-no-pivot", "--", "-e"}),
             boost::test_tools::per_element());
  BOOST_TEST(parsed.env == (std::vector<std::string>{"A=1", "B=2"}), boost::test_tools::per_element());
  BOOST_TEST(!parsed.globals.root.has_value());
  BOOST_TEST(!parsed.pivot);
}

BOOST_AUTO_TEST_CASE(a_command_named_like_a_verb_is_a_command) {
  BOOST_TEST(parse({"exec", "c1", "ps", "state"}).tail == (std::vector<std::string>{"ps", "state"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(two_dashes_before_the_command_are_not_part_of_it) {
  BOOST_TEST(parse({"exec", "c1", "--", "ls"}).tail == (std::vector<std::string>{"ls"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(short_options_take_their_value_attached_or_not) {
  BOOST_TEST(parse({"exec", "-u1000", "c1", "id"}).user == "1000");
  BOOST_TEST(parse({"exec", "-u", "1000", "c1", "id"}).user == "1000");
  BOOST_TEST(parse({"exec", "-p", "/tmp/p", "c1"}).process == "/tmp/p");
}

BOOST_AUTO_TEST_CASE(an_unknown_option_is_an_error) {
  BOOST_TEST(!verb_of({"--frobnicate", "state", "c1"}).ok());
  GlobalOptions globals;
  CLI::App app("", "state");
  define_global_options(app, globals);
  BOOST_TEST(!parse_words(app, {"--frobnicate"}, nullptr).ok());
}

BOOST_AUTO_TEST_CASE(version_and_help_are_seen_without_a_verb) {
  for (const char* word : {"--version", "-v", "-V"}) BOOST_TEST(verb_of({word})->wants_version);
  for (const char* word : {"--help", "-h"}) BOOST_TEST(verb_of({word})->wants_help);
}

BOOST_AUTO_TEST_CASE(users_are_exact_numbers_or_an_error) {
  BOOST_TEST(parse_user("0")->uid == 0U);
  BOOST_TEST(parse_user("1")->uid == 1U);
  BOOST_TEST(!parse_user("1")->gid.has_value());
  BOOST_TEST(parse_user("1:2")->uid == 1U);
  BOOST_TEST(parse_user("1:2")->gid.value() == 2U);
  BOOST_TEST(parse_user("4294967294")->uid == 4294967294U);
  for (const char* word : {"",      "1:", ":2", "01",  "+1",   "-1",   "4294967295",   "4294967296", "1x",   "x", "1:x",
                           "1:2:3", " 1", "1 ", "0x1", "root", "1:-1", "1:4294967295", "00",         "1:02", ":"}) {
    BOOST_CHECK_MESSAGE(!parse_user(word), "'" << word << "' was accepted");
  }
}

BOOST_AUTO_TEST_CASE(signals_have_names_and_numbers) {
  struct Known {
    const char* word;
    int number;
  };
  for (const Known& known : {Known{"TERM", 15},
                             {"SIGTERM", 15},
                             {"sigterm", 15},
                             {"15", 15},
                             {"KILL", 9},
                             {"9", 9},
                             {"HUP", 1},
                             {"WINCH", 28},
                             {"RTMIN", 34},
                             {"RTMIN+3", 37},
                             {"SIGRTMIN+30", 64},
                             {"RTMAX", 64},
                             {"0", 0},
                             {"RTMAX-1", 63},
                             {"64", 64},
                             {"CLD", 17},
                             {"POLL", 29},
                             {"SYS", 31},
                             {"STKFLT", 16}}) {
    BOOST_CHECK_MESSAGE(parse_signal(known.word) == known.number, known.word);
  }
  for (const char* word : {"", "65", "-9", "SIG", "TERMX", "RTMIN+31", "RTMIN-1", "RTMAX+1", "RTMIN+", "9x", "SIGSIGTERM"}) {
    BOOST_CHECK_MESSAGE(!parse_signal(word), "'" << word << "' was accepted");
  }
}

BOOST_AUTO_TEST_SUITE_END()
