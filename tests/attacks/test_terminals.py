"""Rows 49 and 50: nothing is typed into the terminal of whoever starts a container, and nobody's terminal is taken.

The terminal is a real one, on standard input: as it is (no --tty) and with the container's own in front of it (--tty).
"""

import os
import pathlib
import pty
import subprocess
import sys
import tempfile
import termios
import tty
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import ContainerTest, needs_guest  # noqa: E402
from test_doors import ALL_CAPABILITIES  # noqa: E402

PROFILE = 'warder: 1\npaths:\n  "/**": all\n  "/etc/shad[o]w": none\n'
REFUSED = {"inject": "EPERM", "inject_high": "EPERM", "select": "EPERM", "discipline": "EPERM"}


class Terminals(ContainerTest):
    def strong(self, profile):
        bundle = self.bundle(hostname="terminal", profile=profile)
        bundle.config["process"]["capabilities"] = {name: list(ALL_CAPABILITIES) for name in ("bounding", "effective", "permitted")}
        return bundle

    def attempt(self, command, trials, terminal=False):
        """What the guest printed, and what a shell on the terminal would find typed afterwards."""
        master, slave = pty.openpty()
        tty.setraw(slave, termios.TCSANOW)
        os.set_blocking(slave, False)
        with tempfile.TemporaryFile("w+") as out:
            child = subprocess.Popen([*command], stdin=slave, stdout=slave if terminal else out, stderr=subprocess.STDOUT)
            self.assertIsNotNone(child.wait(40))
            os.set_blocking(master, False)
            try:
                shown = os.read(master, 65536).decode()
            except OSError:
                shown = ""
            out.seek(0)
            text = shown if terminal else out.read()
        try:
            typed = os.read(slave, 100).decode()
        except BlockingIOError:
            typed = ""
        os.close(master)
        os.close(slave)
        found = dict(line.strip().split(" = ") for line in text.splitlines() if " = " in line)
        self.assertEqual(set(found), set(trials), text)
        return found, typed

    def run_command_of(self, bundle, trials, terminal=False):
        bundle.config["process"]["args"] = [needs_guest("tty"), *trials]
        bundle.config["process"]["terminal"] = terminal
        bundle.save()
        container = bundle.id + ("-t" if terminal else "-n")
        bundle.started.add(container)
        return [*bundle.globals(), "run", "-b", str(bundle.directory), container]

    def test_nothing_is_typed_into_the_callers_terminal(self):
        for profile in (None, PROFILE):
            bundle = self.strong(profile)
            found, typed = self.attempt(self.run_command_of(bundle, REFUSED), REFUSED)
            self.assertEqual((found, typed), (REFUSED, ""))

    def test_the_same_in_an_exec_session(self):
        bundle = self.strong(PROFILE)
        with bundle.running() as container:
            found, typed = self.attempt([*bundle.globals(), "exec", container, needs_guest("tty"), *REFUSED], REFUSED)
            self.assertEqual((found, typed), (REFUSED, ""))

    def test_the_same_with_a_terminal_of_its_own(self):
        bundle = self.strong(PROFILE)
        found, typed = self.attempt(self.run_command_of(bundle, REFUSED, terminal=True), REFUSED, terminal=True)
        self.assertEqual((found, typed), (REFUSED, ""))

    def test_without_warder_the_attack_works(self):
        found, typed = self.attempt([os.path.join(os.environ.get("GUESTS", ""), "tty"), "inject"], ["inject"])
        self.assertEqual((found, typed), ({"inject": "OK"}, "x"))

    def test_a_detached_container_has_no_controlling_terminal(self):
        bundle = self.strong(PROFILE)
        with bundle.running() as container:
            out = bundle.exec(container, needs_guest("tty"), "controlling")
            self.assertEqual(out.out, "controlling = ENXIO\n", out)


if __name__ == "__main__":
    unittest.main()
