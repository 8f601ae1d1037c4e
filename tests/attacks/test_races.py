"""Races: what a call names is flipped while it is made, by a sibling thread, a sibling process, or by exchanged links (law 1, 2).

A win is an effect on an object that the profile refuses. Under warder there must be none in any number of rounds; the same
program must win under a supervisor that looks and lets the kernel run the call (guest `naive`), which proves that it can.

Each race runs in the workload and again in an exec session: 100,000 rounds in all. RACE_NIGHTLY=1 makes them a million, and
RACE_ROUNDS says how many of one race at each entrance:
    RACE_NIGHTLY=1 ./dev test attacks/test_races
"""

import os
import pathlib
import re
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import GUESTS, ContainerTest, needs_guest  # noqa: E402

NIGHTLY = os.environ.get("RACE_NIGHTLY", "") not in ("", "0")
ROUNDS = int(os.environ.get("RACE_ROUNDS", "4800" if NIGHTLY else "480"))

PROFILE = """\
warder: 1
description: the allowed and the refused side of every race
paths:
  "/**": all
  "/race/n[o]/*": none
  "/race/n[o]/sock": rw
  "/race/n[o]/dgram": rw
  "/race/r[o]/*": ro
network:
  connect:
    - "tcp 127.0.0.1:7101"
    - "udp 127.0.0.1:7101"
    - "udp 127.0.0.1:7103"
    - "unix /race/ok/*"
    - "unix /race/sw/*"
  bind:
    - "tcp *:*"
    - "!tcp *:7102"
    - "udp *:*"
    - "unix /race/**"
    - "!unix /race/no/bound"
"""
# The listeners of the connect and send races stand on the refused port.
PROFILE_LISTEN = PROFILE.replace('    - "!tcp *:7102"\n', "")
PROFILE_HIDE = PROFILE.replace("network:", '  "/race/h[i]/*": hide\nnetwork:')

HIDE = ["stat", "statx", "fstatat_fd", "access", "readlink", "chdir"]
BY_FD = ["openat_fd", "magic_fd", "unlinkat_fd", "mkdirat_fd", "fchmod_fd", "fstatat_fd", "execveat_fd", "connect_fd"]
FILES = ["open", "sys_open", "openat2", "openat_fd", "create", "creat", "magic_fd", "unlink", "unlinkat_fd", "rmdir",
         "rename_from", "rename_to", "mkdir", "mkdirat_fd", "mknod", "symlink", "link", "link_from", "chmod", "fchmod_fd",
         "chown", "truncate", "utimens", "setxattr", *HIDE, "exec", "execveat_fd"]
NETWORK = ["connect_tcp", "connect_unix", "connect_fd", "bind_tcp", "bind_unix", "sendto", "sendto_unix", "sendmsg",
           "sendmsg_name", "sendmmsg"]
SWAPPED_NETWORK = ["connect_unix", "bind_unix", "sendto_unix"]


def variants():
    for call in FILES + NETWORK:
        yield call, "thread"
        yield call, "process"
        if call not in BY_FD and (call in FILES or call in SWAPPED_NETWORK):
            yield call, "swap"


def rounds_of(call):
    """Of one race at one entrance: starting a program takes long."""
    return max(ROUNDS // (10 if call.startswith("exec") else 1), 20)


class Races(ContainerTest):
    time_limit = 3600 if NIGHTLY else 600

    def race_bundle(self, call):
        profile = PROFILE if call == "bind_tcp" else PROFILE_LISTEN
        bundle = self.bundle(hostname="race", profile=PROFILE_HIDE if call in HIDE else profile)
        top = bundle.rootfs / "race"
        for name in ("ok", "no", "ro", "hi", "sw"):
            (top / name).mkdir(parents=True)
        for name in ("no", "ro", "ok"):
            (top / name / "f").write_text("allowed\n" if name == "ok" else "Denied\n")
        (top / "hi/f").write_text("D" * 4242)
        (top / "hi/x").symlink_to("/etc/passwd")
        (top / "hi/dir").mkdir()
        for name in ("no", "ok"):
            (top / name / "e").mkdir()
            shutil.copy(os.path.join(GUESTS, "race_files"), top / name / "prog")
        return bundle

    def result(self, outcome):
        found = re.search(r"rounds (\d+) done (\d+) wins (\d+) flips (\w+)", outcome.out)
        self.assertTrue(found, f"the guest did not finish: {outcome!r}")
        return int(found[2]), int(found[3])

    def check(self, call, who):
        guest = needs_guest("race_network" if call in NETWORK else "race_files")
        rounds = rounds_of(call)
        limit = self.time_limit / 2
        bundle = self.race_bundle(call)
        with bundle.running() as container:
            session = self.result(bundle.exec(container, guest, call, who, rounds, timeout=limit))
        # Another root: what one run leaves would be in the way of the next.
        workload = self.result(self.race_bundle(call).run(guest, call, who, rounds, timeout=limit))
        for entrance, (done, wins) in (("workload", workload), ("exec session", session)):
            self.assertEqual(wins, 0, f"{call} by {who} in the {entrance}: {wins} of {rounds} reached the refused object")
            if call not in HIDE[3:]:
                self.assertGreater(done, 0, "no call succeeded: the race proves nothing")


class NaiveSupervisorLoses(Races):
    """The proof that the programs of this suite can win: against look, decide, continue."""

    def check(self, call, who):
        guest = needs_guest("race_network" if call in NETWORK else "race_files")
        for rounds in (300, 3000):
            bundle = self.race_bundle(call)
            _, wins = self.result(bundle.native(needs_guest("naive"), guest, call, who, rounds, timeout=120))
            if wins:
                break
        self.assertGreater(wins, 0, f"{call} by {who} never won against a supervisor that can be raced")


def add_cases():
    for call, who in variants():
        def test(self, call=call, who=who):
            self.check(call, who)
        test.__doc__ = f"{call} while a sibling ({who}) flips what it names"
        setattr(Races, f"test_{call}_flipped_by_{who}", test)


add_cases()


class Rounds(unittest.TestCase):
    def test_there_are_as_many_as_promised(self):
        total = 2 * sum(rounds_of(call) for call, _ in variants())
        promised = 1_000_000 if NIGHTLY else 100_000
        if "RACE_ROUNDS" in os.environ:
            self.skipTest(f"RACE_ROUNDS is set: {total} rounds")
        self.assertGreaterEqual(total, promised)


if __name__ == "__main__":
    unittest.main()
