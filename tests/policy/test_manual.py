"""What the manual shows is what happens: its profiles, its commands, its tables, its tutorial."""

import json
import os
import pathlib
import re
import shlex
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import CGROUP, ContainerTest, SOURCE, WARDER, run_command  # noqa: E402
from harness.podman import Podman  # noqa: E402
from harness.settings import in_private_etc  # noqa: E402

MAN = SOURCE / "man"


def blocks(page):
    """The literal blocks of a page, each with the line it begins at."""
    text = (MAN / page).read_text()
    return [(text[:match.start()].count("\n") + 1, match.group(1)) for match in re.finditer(r"^```(?:sh)?\n(.*?)^```$", text, re.M | re.S)]


def warder_profile(*words):
    return run_command([WARDER, "profile", "--profile-dir", str(SOURCE / "profiles"), *words])


class Profiles(unittest.TestCase):
    def test_every_profile_in_the_manual_is_one_and_keeps_its_tests(self):
        found = 0
        for page in sorted(path.name for path in MAN.glob("*.scd")):
            for line, block in blocks(page):
                if not block.startswith("warder: 1\n"):
                    continue
                found += 1
                with self.subTest(page=page, line=line), tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
                    file.write(block)
                    file.flush()
                    out = warder_profile("check", file.name)
                    self.assertEqual((out.code, "error" in out.out.replace("0 errors", "")), (0, False), out)
                    out = warder_profile("test", file.name)
                    self.assertRegex(out.out, r"[1-9]\d* passed, 0 failed", out)
        self.assertGreaterEqual(found, 11)

    def test_the_settings_in_the_manual_are_accepted(self):
        keys = set(re.findall(r"^\*([a-z-]+)\*:", (MAN / "warder.yaml.5.scd").read_text(), re.M))
        shown = {line.split(":")[0].strip() for _, block in blocks("warder.yaml.5.scd") for line in block.splitlines()}
        self.assertTrue(shown - {"sink", "file", "rate", "burst", "usage"} <= keys, shown)

    def test_the_tables_of_rights_and_groups_are_complete(self):
        page = (MAN / "warder-profile.5.scd").read_text()
        rights = page.split("# RIGHTS AND SYSTEM CALLS")[1].split("\n# ")[0]
        for right, calls in json.loads(warder_profile("rights", "-f", "json").out).items():
            row = re.search(rf"^\|  \*{right}\*\n:- (.*)$", rights, re.M)
            self.assertIsNotNone(row, f"{right} has no row")
            self.assertEqual([call.replace("\\", "") for call in row.group(1).split(": ")[-1].split(", ")], calls, right)
        groups = page.split("# GROUPS OF SYSTEM CALLS")[1].split("\n# ")[0]
        for group in json.loads(warder_profile("groups", "-f", "json").out):
            self.assertIn(f"*{group}*\n", groups)


class Examples(ContainerTest):
    def test_what_works_works_and_what_is_refused_is_refused(self):
        profile = None
        tried = 0
        for line, block in blocks("warder-examples.7.scd"):
            if block.startswith("warder: 1\n"):
                profile = block
                continue
            with self.subTest(line=line):
                bundle = self.bundle(hostname="example", profile=profile)
                (bundle.profiles / "base.yaml").write_text((SOURCE / "profiles/base.yaml").read_text())
                bundle.write("/root/secrets/token", "secret")
                for name in ("bounding", "effective", "permitted"):
                    bundle.config["process"]["capabilities"][name].append("CAP_SYS_ADMIN")
                with bundle.running() as container:
                    for command in block.splitlines():
                        self.assertTrue(command.startswith("$ "), command)
                        refused = command.endswith("# refused")
                        out = bundle.exec(container, "sh", "-c", command[2:])
                        self.assertEqual(out.code != 0, refused, f"line {line}: {command}\n{out}")
                        tried += 1
        self.assertGreaterEqual(tried, 20)


class Tutorial(ContainerTest):
    def test_the_tutorial_does_what_it_says(self):
        podman = Podman()
        podman.make_image()
        self.addCleanup(lambda: run_command(["rm", "-rf", "/var/tmp/warder-recordings"]))
        with tempfile.TemporaryDirectory() as home:
            tools = pathlib.Path(home) / "bin"
            tools.mkdir()
            (tools / "warder").write_text(f'#!/bin/sh\nexec {WARDER} "$@"\n')
            # The page's `podman --runtime warder run ...`, with the storage, the cgroup and the network of the tests.
            real = ["/usr/bin/podman", *podman.command()[1:]]
            (tools / "podman").write_text("#!/bin/bash\n[ \"$1 $2 $3\" = '--runtime warder run' ] || exit 99\nshift 3\n"
                                          f"exec {shlex.join(real)} run --cgroup-parent {CGROUP} --network none \"$@\"\n")
            for tool in tools.iterdir():
                tool.chmod(0o755)
            script = "set -e\n" + "\n".join(f"echo ---- {line}\n{block}" for line, block in blocks("warder-tutorial.7.scd"))
            etc = pathlib.Path(home) / "etc"
            etc.mkdir()
            out = run_command(in_private_etc(etc, ["bash", "-c", script]), timeout=170, env={**podman.environment, "HOME": home, "PATH": f"{tools}:{os.environ['PATH']}"})
        self.assertEqual(out.code, 0, out)
        parts = out.out.split("---- ")[1:]
        lines = [part.split("\n", 1)[1].splitlines() for part in parts]
        self.assertEqual(lines[0], ["built"])
        self.assertEqual((lines[2][:2], len(lines[2])), (["built", "built"], 4))
        self.assertIn("seen in 2 of 2 runs", "\n".join(lines[3]))
        self.assertIn("4 passed, 0 failed", lines[4][-1])
        self.assertEqual(lines[5], ["built"])
        self.assertEqual(lines[6], ["built", "kept out", "unchanged"])
        self.assertIn("read /etc/shadow: refused", lines[7][0])


if __name__ == "__main__":
    unittest.main()
