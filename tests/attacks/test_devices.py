"""Requests of devices (ioctl) that the profile does not give, on descriptors that are exchanged while the supervisor looks (class 6)."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import ContainerTest, needs_guest  # noqa: E402

PROFILE = 'warder: 1\npaths:\n  "/**": all\n  "/etc/shad[o]w": none\n  "/dev/n[o]/*": rw\n'
FREE = 'warder: 1\npaths:\n  "/**": all\n  "/dev/nobody/[x]": rw\n'


class Devices(ContainerTest):
    def make(self, profile):
        bundle = self.bundle(hostname="devices", profile=profile)
        numbers = (("/dev/ok", 1, 5), ("/dev/no/tun", 10, 200))
        bundle.config["linux"]["devices"] = [{"path": path, "type": "c", "major": major, "minor": minor, "fileMode": 0o666} for path, major, minor in numbers]
        allow = [{"allow": True, "type": "c", "major": major, "minor": minor, "access": "rwm"} for _, major, minor in numbers]
        bundle.config["linux"]["resources"]["devices"] += allow
        return bundle

    def test_a_request_without_the_right_is_refused(self):
        self.assertEqual(self.make(FREE).run(needs_guest("device_race"), "direct").lines(), ["open = OK", "ioctl = OK"])
        bundle = self.make(PROFILE)
        self.assertEqual(bundle.run(needs_guest("device_race"), "direct").lines(), ["open = OK", "ioctl = EACCES"])
        self.assertEqual([(line["syscall"], line["path"]) for line in bundle.audit()], [("ioctl", "/dev/no/tun")])

    def test_no_exchange_of_the_descriptor_makes_it(self):
        bundle = self.make(PROFILE)
        outs = [bundle.run(needs_guest("device_race"), "race", 5000)]
        with bundle.running() as container:
            outs.append(bundle.exec(container, needs_guest("device_race"), "race", 5000))
        for out in outs:
            self.assertEqual(out.lines()[-1:], ["wins 0 other some flips many"], out)

    def test_where_the_right_is_given_the_exchange_is_seen(self):
        out = self.make(FREE).run(needs_guest("device_race"), "race", 5000, "win")
        self.assertRegex(out.out, "wins [1-9]")


if __name__ == "__main__":
    unittest.main()
