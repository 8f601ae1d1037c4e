"""Every class of attack has its tests: classes.py against the tests that there are."""

import pathlib
import re
import sys
import unittest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(pathlib.Path(__file__).resolve().parent)]
import run  # noqa: E402
from classes import CLASSES  # noqa: E402


def all_tests():
    """Names of Python tests, and of unit test cases and fuzz targets as unit-FOLDER:case."""
    names = [case.name for case in run.python_cases()]
    for source in TESTS.glob("unit/*/*.cc"):
        names += [f"unit-{source.parent.name}:{case}" for case in re.findall(r"BOOST_AUTO_TEST_CASE\((\w+)", source.read_text())]
    names += [f"unit-fuzz:{source.stem}" for source in TESTS.glob("fuzz/*.cc")]
    return names


class Classes(unittest.TestCase):
    def test_there_are_as_many_rows_as_classes(self):
        self.assertEqual(sorted(CLASSES), list(range(1, 63)))

    def test_every_row_has_its_tests(self):
        names = all_tests()
        missing = [f"{row} ({title}): {pattern}" for row, (title, patterns) in CLASSES.items() for pattern in patterns or ["nothing"]
                   if not any(re.search(pattern, name) for name in names)]
        self.assertEqual(missing, [])

    def test_a_test_that_is_missing_is_noticed(self):
        self.assertFalse(any(re.search(r"attacks/test_races\.Races\.test_no_such_race", name) for name in all_tests()))


if __name__ == "__main__":
    unittest.main()
