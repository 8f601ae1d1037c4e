"""`mounts add` and `mounts remove`: what a running container sees of them, and what is refused."""
import json

from harness.bundle import ContainerTest


class LiveMounts(ContainerTest):
    def change(self, bundle, action, container, mounts):
        return bundle.warder("mounts", action, container, "-", stdin=json.dumps(mounts))

    def source(self, bundle, text="from the host"):
        directory = bundle.directory / "source"
        directory.mkdir(exist_ok=True)
        (directory / "file").write_text(text)
        return {"destination": "/work/added", "type": "bind", "source": str(directory), "options": ["rbind", "ro"]}

    def test_a_tree_of_the_host_and_a_tmpfs_come_and_go(self):
        bundle = self.bundle()
        scratch = {"destination": "/work/scratch", "type": "tmpfs", "source": "tmpfs", "options": ["size=64k", "nosuid", "noexec"]}
        mounts = [self.source(bundle), scratch]
        with bundle.running() as container:
            self.assertNotEqual(bundle.exec(container, "cat", "/work/added/file").code, 0)
            for form in (mounts, {"mounts": mounts}):
                outcome = self.change(bundle, "add", container, form)
                self.assertEqual((outcome.code, outcome.err), (0, ""), outcome)
                self.assertEqual(bundle.exec(container, "cat", "/work/added/file").out, "from the host")
                self.assertIn("Read-only", bundle.exec(container, "touch", "/work/added/file").err)
                table = bundle.exec(container, "grep", "/work/scratch", "/proc/1/mounts").out
                self.assertIn("nosuid,noexec", table)
                self.assertEqual(bundle.exec(container, "sh", "-c", "echo x > /work/scratch/x").code, 0)
                self.assertEqual(self.change(bundle, "remove", container, form).code, 0)
                self.assertNotEqual(bundle.exec(container, "cat", "/work/added/file").code, 0)
                self.assertNotEqual(bundle.exec(container, "ls", "/work/scratch/x").code, 0)

    def test_the_profile_holds_for_what_is_added(self):
        bundle = self.bundle(profile='warder: 1\npaths:\n  "/**": all\n  "/work/added/f[i]le": none\n')
        with bundle.running() as container:
            self.assertEqual(self.change(bundle, "add", container, [self.source(bundle)]).code, 0)
            self.assertIn("Permission denied", bundle.exec(container, "cat", "/work/added/file").err)
            self.assertEqual(bundle.exec(container, "ls", "/work/added").out, "file\n")

    def test_in_a_user_namespace(self):
        bundle = self.bundle()
        bundle.config["linux"]["namespaces"].append({"type": "user"})
        for key in ("uidMappings", "gidMappings"):
            bundle.config["linux"][key] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        scratch = {"destination": "/tmp/scratch", "type": "tmpfs"}
        with bundle.running() as container:
            outcome = self.change(bundle, "add", container, [scratch, {**self.source(bundle), "destination": "/tmp/added"}])
            self.assertEqual(outcome.code, 0, outcome)
            self.assertEqual(bundle.exec(container, "cat", "/tmp/added/file").out, "from the host")
            self.assertIn(" /tmp/scratch tmpfs ", bundle.exec(container, "cat", "/proc/1/mounts").out)

    def test_what_is_refused_changes_nothing(self):
        bundle = self.bundle()
        good = self.source(bundle)
        cases = [({**good, "destination": "/proc/1"}, "below /proc"), ({**good, "destination": "/dev"}, "below /dev"),
                 ({"destination": "/work/p", "type": "proc"}, "only bind mounts and tmpfs"),
                 ({**good, "source": "/no/such/source"}, "No such file"), ({**good, "options": ["bind", "size=1"]}, "no option of a bind mount"),
                 ({**good, "options": ["rbind", "copy-symlink"]}, "copy-symlink"), ({"type": "tmpfs"}, "[1].destination")]
        with bundle.running() as container:
            before = bundle.exec(container, "cat", "/proc/1/mounts").out
            for bad, words in cases:
                with self.subTest(words):
                    outcome = self.change(bundle, "add", container, [good, bad])
                    self.assertEqual((outcome.code, outcome.out), (1, ""), outcome)
                    self.assertIn(words, outcome.err)
                    self.assertEqual(bundle.exec(container, "cat", "/proc/1/mounts").out, before)
            self.assertIn("nothing is mounted there", self.change(bundle, "remove", container, [{**good, "destination": "/work"}]).err)
            for text in ("{}", '{"mounts": []}', "3", "["):
                outcome = bundle.warder("mounts", "add", container, "-", stdin=text)
                self.assertEqual(outcome.code, 1, text)
        self.assertIn("does not exist", self.change(bundle, "add", "nobody", [good]).err)
