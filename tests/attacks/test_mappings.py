"""`executable-mappings: exec`: no file without the exec right becomes code, by whatever way it is loaded (classes 29 and 30).

Each way has its twin: the same profile without the setting, under which it works.
"""

import pathlib
import re
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import BUSYBOX, ContainerTest, needs_guest  # noqa: E402
from harness.host_root import use_host_root  # noqa: E402

PATHS = """\
paths:
  "/**": rx
  "/work/**": rwx
  "/work/no/**": rw
  "/{tmp,dev/shm}/**": rw
  "/work/single": rw
"""
EXEC = "warder: 1\nexecutable-mappings: exec\n" + PATHS
ANY = "warder: 1\n" + PATHS
WAYS = ["map /work/no/f", "shared /work/no/f", "protect /work/no/f", "pkey /work/no/f", "reopen /work/no/f", "deleted /work/no/new", "implies /work/no/f",
        "map /tmp/f", "map /work/single", "map /work/ok/../no/f", "map /work/link", "map /proc/self/root/work/no/f", "tmpfile /work/no", "tmpfile /dev/shm",
        "deleted /dev/shm/new"]
REFUSED = {"map": "EPERM", "shared": "EPERM", "reopen": "EPERM", "deleted": "EPERM", "tmpfile": "EPERM", "protect": "EACCES", "pkey": "EACCES",
           "implies": "EACCES"}


class Mappings(ContainerTest):
    def make(self, profile):
        bundle = self.bundle(hostname="map", profile=profile)
        for name, text in (("work/ok/f", "A"), ("work/no/f", "D"), ("work/ok/g", "A"), ("tmp/f", "D"), ("work/single", "D")):
            path = bundle.write(name, text * 4096, 0o755)
            path.chmod(0o755)
        (bundle.rootfs / "work/link").symlink_to("no/f")
        (bundle.rootfs / "work/no/sub").mkdir()
        # As an image brings it; a tmpfs of the engine's would be noexec anyway.
        for mount in bundle.config["mounts"]:
            if mount["destination"] == "/dev/shm":
                mount["options"].remove("noexec")
        return bundle

    def results(self, out):
        found = [line.split(" = ")[1] for line in out.lines()]
        self.assertEqual(out.code, 0, out)
        return found

    def ways(self, *ways):
        return [needs_guest("mapping"), *" -- ".join(ways).split()]

    def test_no_way_maps_a_file_without_the_right(self):
        bundle = self.make(EXEC)
        expected = [REFUSED[way.split()[0]] for way in WAYS]
        self.assertEqual(self.results(bundle.run(*self.ways(*WAYS))), expected)
        with bundle.running() as container:
            self.assertEqual(self.results(bundle.exec(container, *self.ways(*WAYS))), expected)

    def test_without_the_setting_each_way_works(self):
        out = self.make(ANY).run(*self.ways(*WAYS))
        self.assertEqual(self.results(out), ["OK"] * len(WAYS), out)

    def test_what_has_the_right_is_mapped_and_programs_may_make_code(self):
        bundle = self.make(EXEC)
        ways = ["map /work/ok/f", "shared /work/ok/f", "protect /work/ok/f", "deleted /work/ok/new", "tmpfile /work/ok", "map /bin/busybox",
                "anonymous", "implies /work/ok/f"]
        self.assertEqual(self.results(bundle.run(*self.ways(*ways))), ["OK"] * len(ways))
        shutil.copy(BUSYBOX, bundle.rootfs / "work/ok/true")
        self.assertEqual(bundle.run("/work/ok/true", "true").code, 0)

    def test_a_memory_file_is_no_way_around(self):
        self.assertEqual(self.results(self.make(EXEC).run(*self.ways("memfd"))), ["ENOSYS"])
        self.assertEqual(self.results(self.make(ANY).run(*self.ways("memfd"))), ["OK"])

    def test_no_file_comes_across(self):
        moves = ["move /work/no/f /work/ok/new", "link /work/no/f /work/ok/new", "exchange /work/no/f /work/ok/f", "move /work/no/sub /work/ok/sub",
                 "move /work/no /work/ok/no", "move /tmp/f /work/ok/new"]
        for result in self.results(self.make(EXEC).run(*self.ways(*moves))):
            self.assertIn(result, ("EXDEV", "EBUSY", "EACCES"))

    def test_races_have_no_winner(self):
        for race in ("race_path", "race_fd", "race_move"):
            bundle = self.make(EXEC)
            outs = [bundle.run(needs_guest("mapping"), race, 3000)]
            for name in ("a", "b"):
                (bundle.rootfs / "work/ok" / name).unlink(missing_ok=True)
            with bundle.running() as container:
                outs.append(bundle.exec(container, needs_guest("mapping"), race, 3000))
            for out in outs:
                found = re.search(r"done (\d+) wins (\d+) flips (\w+)", out.out)
                self.assertTrue(found, out)
                self.assertEqual(found[2], "0", f"{race}: {out!r}")
                self.assertEqual(found[3], "many", out)
                self.assertNotEqual(found[1], "0", f"{race} proves nothing: {out!r}")

    def test_without_the_setting_the_races_win(self):
        for race in ("race_path", "race_fd"):
            out = self.make(ANY).run(needs_guest("mapping"), race, 3000, "win")
            self.assertRegex(out.out, "wins [1-9]", race)

    def test_it_is_no_engines_flag_that_is_lost(self):
        """What config.json makes noexec stays so inside an executable tree."""
        bundle = self.make(EXEC.replace('"/{tmp,dev/shm}/**": rw', '"/{tmp,dev}/**": rwx'))
        for mount in bundle.config["mounts"]:
            if mount["destination"] == "/dev/shm":
                mount["options"].append("noexec")
        self.assertEqual(self.results(bundle.run(*self.ways("tmpfile /dev/shm", "tmpfile /dev"))), ["EPERM", "OK"])

    def test_a_tree_that_is_not_there_is_made(self):
        for head, results in (("", ["EPERM", "OK"]), ("executable-mappings: any\n", ["OK", "OK"])):
            profile = "warder: 1\n" + (head or "executable-mappings: exec\n") + PATHS
            bundle = self.make(profile + '  "/later/**": rw\n')
            out = bundle.run("sh", "-c", "mkdir -p /later/a; cp /work/no/f /later/a/f; exec /guests/mapping map /later/a/f -- map /work/ok/f")
            self.assertEqual(self.results(out), results)
            if not head:
                bundle.config["root"]["readonly"] = True
                shutil.rmtree(bundle.rootfs / "later")
                self.assertEqual(self.results(bundle.run(*self.ways("map /tmp/f", "deleted /later/f"))), ["EPERM", "ENOENT"])

    def test_volumes_and_read_only_roots(self):
        bundle = self.make(EXEC.replace('"/work/no/**": rw', '"/work/no/**": rw\n  "/work/no/sub/**": rwx'))
        volume = bundle.directory / "volume"
        (volume / "sub").mkdir(parents=True)
        (volume / "sub/f").write_text("A" * 4096)
        (volume / "f").write_text("D" * 4096)
        bundle.config["mounts"].append({"destination": "/work/no", "type": "bind", "source": str(volume), "options": ["rbind", "rw"]})
        bundle.config["root"]["readonly"] = True
        ways = ["map /work/no/f", "map /work/no/sub/f", "map /work/ok/f", "deleted /work/no/new", "deleted /work/ok/new"]
        self.assertEqual(self.results(bundle.run(*self.ways(*ways))), ["EPERM", "OK", "OK", "EPERM", "EROFS"])
        shutil.rmtree(volume / "sub")
        out = bundle.run("true")
        self.assertEqual(out.code, 1, out)
        self.assertIn("'/work/no/sub' must be there when the container starts", out.err)
        self.assert_nothing_left(bundle)

    def test_what_is_in_no_volume_and_cannot_be_made_needs_no_mount(self):
        bundle = self.make(EXEC + '  "/opt/data/**": ro\n')
        volume = bundle.directory / "volume"
        volume.mkdir()
        bundle.config["mounts"].append({"destination": "/opt", "type": "bind", "source": str(volume), "options": ["rbind", "rw"]})
        (volume / "f").write_text("A" * 4096)
        self.assertEqual(self.results(bundle.run(*self.ways("map /opt/f"))), ["OK"])
        (volume / "data").mkdir()
        (volume / "data/f").write_text("D" * 4096)
        self.assertEqual(self.results(bundle.run(*self.ways("map /opt/f", "map /opt/data/f"))), ["OK", "EPERM"])

    def test_a_profile_that_mounts_cannot_hold_is_refused(self):
        for line, words in (('"/work/*.so": rw', "cannot tell '/work/*.so'"), ('"/work/later": rw', "must be there when the container starts"),
                            ('"/work/ok/sub/**": rw', "a directory above it that may be renamed")):
            bundle = self.make(EXEC + f"  {line}\n")
            out = bundle.run("true")
            self.assertEqual(out.code, 1, out)
            self.assertIn(words, out.err)
            self.assertRegex(out.err, r"map\.yaml:\d+:\d+: executable-mappings: exec")
            self.assert_nothing_left(bundle)
        bundle = self.make("warder: 1\nexecutable-mappings: exec\n")
        self.assertIn("without `paths`", bundle.run("true").err)

    def test_mounts_of_a_running_container(self):
        bundle = self.make(EXEC)
        volume = bundle.directory / "volume"
        volume.mkdir()
        (volume / "f").write_text("D" * 4096)
        document = bundle.directory / "mounts.json"
        document.write_text('{"mounts": [{"destination": "/work/ok/volume", "source": "%s", "options": ["bind", "exec"]}]}' % volume)
        with bundle.running() as container:
            self.assertEqual(bundle.warder("mounts", "add", container, document).code, 0)
            self.assertEqual(self.results(bundle.exec(container, *self.ways("map /work/ok/volume/f"))), ["EPERM"])
            out = bundle.warder("mounts", "remove", container, document)
            self.assertEqual(out.code, 1)
            self.assertIn("executable-mappings", out.err)
            changed = bundle.directory / "new.yaml"
            for head, line, words in ((EXEC, '"/work/ok/**": rw', "stands on mounts"), (ANY, "", "executable-mappings was settled")):
                changed.write_text(head + (f"  {line}\n" if line else ""))
                changed.chmod(0o644)
                out = bundle.warder("update", "--profile", changed, container)
                self.assertEqual(out.code, 1, out)
                self.assertIn(words, out.err)

    def test_two_profiles(self):
        bundle = self.make(ANY)
        bundle.profile("warder: 1\nexecutable-mappings: exec\npaths:\n  \"/**\": rx\n  \"/work/**\": rwx\n  \"/work/ok/**\": rw\n", "mandatory")
        out = bundle.run(*self.ways("map /work/ok/f", "map /work/no/f", "map /bin/busybox"))
        self.assertEqual(self.results(out), ["EPERM", "OK", "OK"])
        bundle.profile("warder: 1\nextends: [lower]\nexecutable-mappings: any\n")
        bundle.profile(EXEC, "lower")
        out = bundle.run("true")
        self.assertIn("gives back what a lower layer", out.err)


class Loader(ContainerTest):
    """Debian's own dynamic loader, asked for what execve refuses."""

    COMMANDS = [["/lib64/ld-linux-x86-64.so.2", "/work/true"], ["/usr/bin/env", "LD_PRELOAD=/work/libz.so.1", "/usr/bin/cat", "/proc/self/maps"],
                ["/usr/bin/python3", "-c", "import ctypes; ctypes.CDLL('/work/libz.so.1'); print('loaded')"],
                ["/usr/bin/env", "LD_LIBRARY_PATH=/work", "/usr/bin/python3", "-c", "import zlib; print(open('/proc/self/maps').read())"]]

    def outcomes(self, mappings):
        bundle = self.bundle(hostname="loader")
        use_host_root(bundle)
        bundle.config["mounts"].append({"destination": "/usr", "type": "bind", "source": "/usr", "options": ["rbind", "ro"]})
        bundle.profile(f'warder: 1\nexecutable-mappings: {mappings}\npaths:\n  "/**": rx\n  "/{{work,tmp}}/**": rw\n')
        shutil.copy("/usr/bin/true", bundle.rootfs / "work/true")
        shutil.copy("/usr/lib/x86_64-linux-gnu/libz.so.1", bundle.rootfs / "work/libz.so.1")
        outs = []
        with bundle.running("/usr/bin/sleep", "600") as container:
            for command in self.COMMANDS:
                outs.append(bundle.exec(container, *command))
        self.assertNotEqual(bundle.run("/work/true").code, 0)
        return outs

    def test_it_loads_nothing_that_may_not_be_executed(self):
        program, preload, library, path = self.outcomes("exec")
        self.assertEqual(program.code, 127, program)
        self.assertIn("failed to map segment", program.err)
        self.assertIn("cannot be preloaded", preload.err)
        self.assertNotRegex(preload.out, "r.xp .*/work/libz")
        self.assertIn("failed to map segment", library.err)
        self.assertNotRegex(path.out, "r.xp .*/work/libz")

    def test_without_the_setting_it_does(self):
        program, preload, library, path = self.outcomes("any")
        self.assertEqual((program.code, library.out), (0, "loaded\n"))
        self.assertRegex(preload.out, "r-xp .*/work/libz")
        self.assertRegex(path.out, "r-xp .*/work/libz")


if __name__ == "__main__":
    unittest.main()
