// The entry point of every unit test program; the tests themselves are in the folders beside it.
#define BOOST_TEST_MODULE warder
#include <boost/test/unit_test.hpp>
