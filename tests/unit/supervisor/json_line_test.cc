#include "supervisor/json_line.h"

#include <boost/test/unit_test.hpp>

namespace warder::supervisor {
namespace {

BOOST_AUTO_TEST_SUITE(json_lines)

BOOST_AUTO_TEST_CASE(what_json_forbids_in_a_string_is_escaped) {
  BOOST_TEST(json_string("a\"b\\c\n\x01") == "\"a\\\"b\\\\c\\u000a\\u0001\"");
  BOOST_TEST(json_string("") == "\"\"");
}

BOOST_AUTO_TEST_CASE(utf8_passes_and_other_bytes_become_code_points) {
  BOOST_TEST(json_string("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80") == "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"");
  BOOST_TEST(json_string("\xff\xc3") == "\"\\u00ff\\u00c3\"");
  BOOST_TEST(json_string("\xc0\xaf") == "\"\\u00c0\\u00af\"");             // overlong
  BOOST_TEST(json_string("\xed\xa0\x80") == "\"\\u00ed\\u00a0\\u0080\"");  // surrogate
}

BOOST_AUTO_TEST_CASE(members_are_joined_in_order) {
  JsonLine line;
  line.text("a", "x");
  line.number("b", -3);
  BOOST_TEST(line.members() == "\"a\":\"x\",\"b\":-3");
}

BOOST_AUTO_TEST_CASE(times_are_utc) {
  BOOST_TEST(utc_time(0, 0) == "1970-01-01T00:00:00.000Z");
  BOOST_TEST(utc_time(951782400, 7) == "2000-02-29T00:00:00.007Z");
  BOOST_TEST(utc_time(1709251199, 999) == "2024-02-29T23:59:59.999Z");
  BOOST_TEST(utc_time(4102444800, 0) == "2100-01-01T00:00:00.000Z");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace warder::supervisor
