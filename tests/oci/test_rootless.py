"""`warder` of an ordinary user without any right to a cgroup: the life of a container, its profile, recordings, names."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import dns  # noqa: E402
from harness.bundle import GUESTS, SOURCE, WARDER, ContainerTest, run_command  # noqa: E402
from harness.ordinary_user import UID, as_user, install_for_user  # noqa: E402
from harness.podman import make_busybox_root  # noqa: E402

PROFILE = """\
warder: 1
paths:
  "/**": rx
  "/work/**": rwx
  "/etc/shadow": none
"""


class Rootless(ContainerTest):
    def setUp(self):
        # Not below TMPDIR, which may be closed to other users.
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="warder-test-home-", dir="/run"))
        self.home.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)
        make_busybox_root(self.home / "rootfs")
        shutil.copytree(GUESTS, self.home / "rootfs/guests")
        self.program = install_for_user(WARDER, SOURCE / "profiles", self.home)
        self.profiles = self.home / ".config/warder/profiles"
        self.profiles.mkdir(parents=True)
        self.give_to_user()
        self.around = []

    def give_to_user(self):
        subprocess.run(["chown", "-R", f"{UID}:{UID}", str(self.home)], check=True)

    def warder(self, *words, **keywords):
        return run_command([*self.around, *as_user([self.program, "--root", self.home / "state", *words], self.home)], **keywords)

    def config(self, *args, profile=None, resolver=False):
        if not (self.home / "config.json").exists():
            made = self.warder("spec", "--rootless")
            self.assertEqual((made.code, made.err), (0, ""), made)
        config = json.loads((self.home / "config.json").read_text())
        config["process"] |= {"args": list(args), "terminal": False}
        config["root"] = {"path": "rootfs", "readonly": False}
        config["hostname"] = "job"
        if resolver:  # in the network of whoever starts it, as pasta and slirp4netns give one
            config["linux"]["namespaces"] = [one for one in config["linux"]["namespaces"] if one["type"] != "network"]
            config["mounts"].append({"destination": "/etc/resolv.conf", "type": "bind", "source": str(self.home / "resolv.conf"),
                                     "options": ["rbind", "ro"]})
        (self.home / "config.json").write_text(json.dumps(config))
        if profile is not None:
            (self.profiles / "job.yaml").write_text(profile)
        self.give_to_user()

    def run_it(self, *args, **keywords):
        self.config(*args, **keywords)
        return self.warder("--audit-log", self.home / "audit.log", "run", "-b", self.home, "job")

    def audit(self):
        return [json.loads(line) for line in (self.home / "audit.log").read_text().splitlines()]

    def left(self):
        return [path.name for path in (self.home / "state").glob("[!@]*")]

    def test_the_life_of_a_container(self):
        self.config("sh", "-c", "trap 'exit 7' TERM; while :; do sleep 0.05; done")
        self.addCleanup(self.warder, "delete", "--force", "one")
        for words in (("create", "-b", self.home, "one"), ("start", "one")):
            done = self.warder(*words)
            self.assertEqual((done.code, done.err), (0, ""), done)
        out = self.warder("exec", "one", "sh", "-c", "id -u; cat /proc/self/uid_map")
        self.assertEqual(out.out.split(), ["0", "0", str(UID), "1"], out)
        self.assertEqual(self.warder("kill", "one", "TERM").code, 0)
        self.wait_for(lambda: json.loads(self.warder("state", "one").out)["status"] == "stopped")
        done = self.warder("delete", "one")
        self.assertEqual((done.code, self.left()), (0, []), done)

    def test_the_users_own_profile_is_in_force(self):
        script = "echo made > /work/x && cat /work/x; cat /etc/shadow; echo x > /etc/passwd; echo end"
        out = self.run_it("sh", "-c", script)
        self.assertEqual(out.out.splitlines(), ["made", "root:secret:0:0:::::", "end"], "without a profile")
        out = self.run_it("sh", "-c", script, profile=PROFILE)
        self.assertEqual((out.out.splitlines(), out.err.count("Permission denied")), (["made", "end"], 2), out)
        self.assertEqual({line["path"] for line in self.audit()}, {"/etc/shadow", "/etc/passwd"})
        self.assertEqual(self.left(), [])

    def test_a_profile_that_others_may_write_ends_the_creation(self):
        self.config("true", profile=PROFILE)
        (self.profiles / "job.yaml").chmod(0o666)
        out = self.warder("run", "-b", self.home, "job")
        self.assertEqual(out.code, 1, out)
        self.assertIn("job.yaml", out.err)
        self.assertEqual(self.left(), [])

    def test_what_was_recorded_is_allowed_afterwards_and_nothing_else(self):
        job = "cp /etc/passwd /work/copy && rm /work/copy && echo done"
        out = self.run_it("sh", "-c", job, profile="warder: 1\nmode: learn\n")
        self.assertEqual(out.out, "done\n", out)
        learned = self.warder("profile", "learn", self.home / "audit.log")
        self.assertEqual((learned.code, learned.err), (0, ""), learned)
        (self.home / "audit.log").unlink()
        out = self.run_it("sh", "-c", job, profile=learned.out)
        self.assertEqual((out.out, (self.home / "audit.log").exists() and self.audit()), ("done\n", []), f"{out}\n{learned.out}")
        out = self.run_it("sh", "-c", f"{job}; echo more >> /etc/passwd", profile=learned.out)
        self.assertEqual([line["path"] for line in self.audit()], ["/etc/passwd"], out)

    def test_names(self):
        one, two = dns.HOSTS4[:2]
        profile = 'warder: 1\nnetwork:\n  connect: ["tcp good.example:80"]\n'
        (self.home / "resolv.conf").write_text(f"nameserver {dns.SERVER4}\n")
        (self.home / "rootfs/etc/resolv.conf").touch()
        with dns.Network() as network:
            network.zone({"good.example": {"a": [one]}})
            self.around = ["nsenter", f"--net={network.path}"]
            out = self.run_it("/guests/try_names", *f"go {one} 80 -- ask connect {dns.SERVER4} good.example -- go {one} 80 -- go {two} 80".split(),
                              profile=profile, resolver=True)
        self.assertEqual(out.out.splitlines(), ["EACCES", f"told {one}", "OK", "EACCES"], out)


if __name__ == "__main__":
    unittest.main()
