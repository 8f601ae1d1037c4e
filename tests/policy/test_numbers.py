"""Every system call number of three ABIs on the running kernel: what the table of dispositions says is what happens."""

import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import WARDER, Bundle, ContainerTest, needs_guest  # noqa: E402
from test_differential import TRAP_EVERYTHING  # noqa: E402

# Calls whose answer hangs on the moment, or on whom the arguments would name.
SKIPPED = {"fork", "vfork", "clone", "close_range"}


def dispositions():
    """Number -> (name, what becomes of it, errno, in which profiles)."""
    text = subprocess.run([WARDER, "profile", "groups", "calls"], check=True, capture_output=True, text=True).stdout
    return {int(fields[0]): fields[1:5] for fields in (line.split("\t") for line in text.splitlines())}


def answers(outcome):
    """(abi, number) -> how it ended, from the guest's lines."""
    return {(abi, int(number)): how for abi, number, how in
            (line.split(" ", 2) for line in outcome.lines() if line.count(" ") >= 2)}


class Numbers(ContainerTest):
    time_limit = 300

    def run_guest(self, bundle, native=False):
        guest = needs_guest("numbers")
        outcome = bundle.native(guest, timeout=140) if native else bundle.run(guest, "all", timeout=140)
        self.assertEqual(outcome.code, 0, repr(outcome)[-2000:])
        self.assertEqual(outcome.lines()[-1], "end")
        return answers(outcome)

    def test_each_number_does_what_the_table_says(self):
        """Refused numbers with their errno, all others as natively, unknown ones and other ABIs ENOSYS."""
        with Bundle(hostname="numbers", profile=TRAP_EVERYTHING) as bundle:
            natively = self.run_guest(bundle, native=True)
            supervised = self.run_guest(bundle)
        table = dispositions()
        self.assertGreater(len(supervised), 1700)
        wrong = []
        for (abi, number), how in supervised.items():
            name, kind, error, when = table.get(number, ("unknown", "unknown", "ENOSYS", "all"))
            if abi != "native":
                # A kernel without 32-bit programs ends the caller before any filter is asked.
                expected = {"ENOSYS", "signal"} if abi == "i386" else {"ENOSYS"}
            elif kind in ("refused", "unknown"):
                expected = {error}
            elif kind == "by registers" or name in SKIPPED:
                continue
            else:
                expected = {natively[abi, number]}
            if how not in expected:
                wrong.append(f"{abi} {number} {name} ({kind}): {how}, not {expected}")
        self.assertFalse(wrong, "\n".join(wrong))

    def test_without_a_profile_the_hardening_set_alone_is_refused(self):
        """The built-in default: what the table refuses in all profiles, and nothing else, differs from the kernel's answer."""
        with Bundle() as bundle:
            natively = self.run_guest(bundle, native=True)
            supervised = self.run_guest(bundle)
        table = dispositions()
        wrong = []
        for (abi, number), how in supervised.items():
            if abi != "native" or number not in table:
                continue
            name, kind, error, when = table[number]
            refused = kind == "refused" and when == "all"
            if kind == "by registers" or name in SKIPPED:
                continue
            expected = error if refused else natively[abi, number]
            if how != expected:
                wrong.append(f"{number} {name} ({kind}): {how}, not {expected}")
        self.assertFalse(wrong, "\n".join(wrong))


if __name__ == "__main__":
    unittest.main()
