"""The hint of each refusal, put into the profile, allows just what was refused."""

import pathlib
import sys
import unittest

import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import ContainerTest, SOURCE, needs_guest  # noqa: E402

RIGHTS = {"/**": "rx", "/work/**": "rw", "/work/locked/**": ["read", "list"], "/etc/shadow": "none", "/etc/group": "hide", "/dev/**": "rw"}


class Hints(ContainerTest):
    def try_one(self, profile, guest, operation):
        bundle = self.bundle(hostname="hints", profile=yaml.safe_dump(profile, sort_keys=False))
        (bundle.profiles / "base.yaml").write_text((SOURCE / "profiles/base.yaml").read_text())
        (bundle.profiles / "layer.yaml").write_text("warder: 1\nnetwork: {connect: ['tcp *', '!tcp 10.0.0.0/8']}\nsyscalls: {deny: ['@mount', chroot]}\npaths: {'/**': rx, '/etc/shadow': none}\n")
        bundle.write("/work/locked/[x]*", "text")
        bundle.write("/work/locked/file", "text")
        out = bundle.run(needs_guest(guest), *operation.split())
        return out.out.strip().rsplit("= ", 1)[-1], [line for line in bundle.audit() if line["verdict"] in ("refused", "hidden")]

    @staticmethod
    def with_hint(profile, section, hint):
        """The hint as the last line of its section."""
        new = yaml.safe_load(yaml.safe_dump(profile))
        for key, value in yaml.safe_load("{" + hint + "}").items():
            if section == "paths":
                new["paths"].pop(key, None)
                new["paths"][key] = value
            elif key == "families":
                new["network"][key] = value
            elif section == "network":
                new["network"].setdefault(key, [])
                new["network"][key] += value
            else:
                new.setdefault("syscalls", {})[key] = value
        return new

    def check(self, profile, cases, guest="try"):
        for section, operation, others in cases:
            with self.subTest(operation):
                result, refused = self.try_one(profile, guest, operation)
                self.assertFalse(result.startswith("OK"), result)
                helped = profile
                for _ in range(2):  # what was hidden is seen first, and then used
                    hints = {line["hint"] for line in refused}
                    self.assertEqual(len(hints), 1, refused)
                    helped = self.with_hint(helped, section, hints.pop())
                    result, refused = self.try_one(helped, guest, operation)
                    if not refused:
                        break
                # The kernel may have its own opinion; the profile has none any more.
                self.assertEqual(refused, [], (helped, result))
                for other in others:
                    result, refused = self.try_one(helped, guest, other)
                    self.assertTrue(refused, f"{other} is allowed too: {helped}")

    def test_of_paths(self):
        profile = {"warder": 1, "paths": RIGHTS}
        self.check(profile, [
            ("paths", "open /etc/shadow r", ["write /etc/shadow x", "chmod /etc/shadow"]),
            ("paths", "write /work/locked/file x", ["chmod /work/locked/file", "unlink /work/locked/file"]),
            ("paths", "write /work/locked/[x]* x", ["write /work/locked/file x"]),
            ("paths", "mkdir /etc/new", ["mkdir /etc/other", "write /etc/new x"]),
            ("paths", "chmod /etc/passwd", ["write /etc/passwd x"]),
            ("paths", "stat /etc/group", ["open /etc/group r"]),
            ("paths", "open /etc/group r", ["write /etc/group x"]),
        ])

    def test_of_what_a_layer_took_away(self):
        profile = {"warder": 1, "extends": ["layer"], "paths": {"/work/**": "rw"}, "network": {"connect": ["tcp 127.0.0.0/8"]}}
        self.check(profile, [("paths", "open /etc/shadow r", ["write /etc/shadow x"]), ("syscalls", "chroot /work", [])])
        self.check(profile, [("network", "connect tcp 10.0.0.1:443", ["connect tcp 10.0.0.1:80", "connect tcp 10.0.0.2:443"])], "try_network")

    def test_of_addresses_and_families(self):
        profile = {"warder": 1, "network": {"connect": ["tcp 127.0.0.0/8"], "bind": [], "families": ["unix", "inet"]}}
        self.check(profile, [
            ("network", "connect tcp 10.0.0.1:443", ["connect tcp 10.0.0.1:80"]),
            ("network", "sendto udp 10.0.0.1:53", ["sendto udp 10.0.0.1:54"]),
            ("network", "bind tcp 127.0.0.1:8080", ["bind tcp 127.0.0.1:8081"]),
            ("network", "connect abstract a*b", ["connect abstract axb"]),
            ("network", "socket 10 1", ["socket 16 3"]),
        ], "try_network")

    def test_a_ceiling_gives_no_hint(self):
        bundle = self.bundle(hostname="hints", profile='warder: 1\npaths: {"/**": all}\n')
        bundle.profile('warder: 1\npaths: {"/**": all, "/etc/shadow": none}\n', "mandatory")
        bundle.run(needs_guest("try"), "open", "/etc/shadow", "r")
        self.assertEqual([("hint" in line, line["verdict"]) for line in bundle.audit()], [(False, "refused")])


if __name__ == "__main__":
    unittest.main()
