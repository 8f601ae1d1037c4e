"""The words and shapes that callers of runtimes, and the suites written for other runtimes, look for."""
import json
import os
import subprocess

from harness.bundle import WARDER, ContainerTest, run_command


class Words(ContainerTest):
    def test_state_and_list_give_their_members_in_the_usual_order(self):
        bundle = self.bundle()
        with bundle.running() as container:
            usual = ["ociVersion", "id", "pid", "status", "bundle", "rootfs", "created", "annotations", "owner"]
            self.assertEqual(list(json.loads(bundle.warder("state", container).out)), usual)
            listed = bundle.warder("list", "--format", "json").out
            self.assertEqual(list(json.loads(listed)[0]), usual)
            self.assertTrue(listed.startswith('[{"ociVersion":"1.0.2","id":"' + container + '","pid":'), listed)

    def test_start_says_why_not(self):
        bundle = self.bundle()
        with bundle.running() as container:
            self.assertIn("cannot start an already running container", bundle.warder("start", container).err)
        bundle = self.bundle(args=["true"])
        bundle.warder("run", "--keep", "-b", bundle.directory, bundle.id)
        self.assertIn("cannot start a container that has stopped", bundle.warder("start", bundle.id).err)

    def test_signals(self):
        bundle = self.bundle()
        with bundle.running() as container:
            self.assertEqual(bundle.warder("kill", container, "0").code, 0)
            self.assertIn('unknown signal "NOPE"', bundle.warder("kill", container, "NOPE").err)
            self.assertEqual(bundle.warder("kill", "--all", container, "SIGKILL").code, 0)
            self.wait_for(lambda: bundle.state_of(container)["status"] == "stopped")
            self.assertIn("container not running", bundle.warder("kill", container, "0").err)

    def test_the_last_of_a_repeated_option_counts(self):
        bundle = self.bundle(args=["true"])
        self.assertEqual(bundle.warder("--root", "/nowhere", "list", "--root", bundle.state).code, 0)
        with bundle.running() as container:
            self.assertEqual(bundle.warder("--root", "/nowhere", "--root", bundle.state, "state", container).code, 0)
            out = bundle.exec(container, "env", options=["-e", "A=1", "-e", "B=2"]).out
            self.assertTrue("A=1" in out and "B=2" in out, out)

    def test_help_reads_as_everywhere(self):
        for words in (["-h"], ["--help"], ["help"]):
            lines = run_command([WARDER, *words]).lines()
            self.assertEqual(lines[0], "NAME:")
            self.assertRegex(lines[1], r"^ +warder - Open Container Initiative runtime")
        for verb in ("create", "delete", "events", "exec", "kill", "list", "pause", "resume", "spec", "start", "run", "state",
                     "update", "ps"):
            for words in ([verb, "-h"], ["help", verb]):
                outcome = run_command([WARDER, *words])
                self.assertEqual((outcome.code, outcome.lines()[0]), (0, "NAME:"), outcome)
                self.assertRegex(outcome.lines()[1], rf"^ +warder {verb} - ")
        for verb in ("checkpoint", "restore"):  # by --help podman asks whether they work
            self.assertEqual(run_command([WARDER, verb, "-h"]).code, 0)
            self.assertEqual(run_command([WARDER, verb, "--help"]).code, 1)
        outcome = run_command([WARDER, "foo", "-h"])
        self.assertEqual((outcome.code, outcome.out), (1, ""))
        self.assertIn("No help topic for 'foo'", outcome.err)

    def test_debug_lines_are_marked(self):
        bundle = self.bundle()
        self.assertIn("level=debug", bundle.warder("--debug", "run", "-b", bundle.directory, bundle.id).err)
        log = bundle.directory / "log"
        outcome = bundle.warder("--debug", "--log", log, "--log-format", "json", "run", "-b", bundle.directory, bundle.id)
        self.assertEqual(outcome.err, "")
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        self.assertTrue(lines and all(line["level"] == "debug" for line in lines), lines)

    def test_a_preserved_descriptor_that_is_not_there_is_an_error(self):
        bundle = self.bundle(args=["true"])
        bundle.save()
        outcome = bundle.warder("run", "--preserve-fds", "1", "-b", bundle.directory, bundle.id)
        self.assertEqual(outcome.code, 1, outcome)
        self.assertIn("preserved-fd 0", outcome.err)
        self.assert_nothing_left(bundle)

    def test_exec_below_the_cgroup(self):
        bundle = self.bundle()
        with bundle.running() as container:
            own = "cat /proc/self/cgroup"
            self.assertIn("bad sub cgroup path", bundle.exec(container, "true", options=["--cgroup", ".."]).err)
            missing = bundle.exec(container, "true", options=["--cgroup", "nonexistent"])
            self.assertRegex(missing.err, " adding pid .*no such file or directory")
            self.assertEqual(missing.code, 255)
            if not os.path.isdir("/sys/fs/cgroup/pids"):
                return
            self.assertIn("unknown controller ", bundle.exec(container, "true", options=["--cgroup", "whaaat:/"]).err)
            plain = bundle.exec(container, "sh", "-c", own).out
            self.assertEqual(bundle.exec(container, "sh", "-c", own, options=["--cgroup", "/"]).out, plain)
            pids = next(line.split(":")[2] for line in plain.splitlines() if ":pids:" in line)
            os.mkdir(f"/sys/fs/cgroup/pids{pids}/sub")
            below = bundle.exec(container, "sh", "-c", own, options=["--cgroup", "pids:sub", "--cgroup", "memory:/"]).out
            self.assertIn(f":pids:{pids}/sub\n", below)
            self.assertNotIn(f":memory:{pids}/sub", below)


class Surroundings(ContainerTest):
    def test_a_missing_working_directory_is_made(self):
        bundle = self.bundle(args=["pwd"], cwd="/new/place")
        self.assertEqual(bundle.run().out, "/new/place\n")
        bundle = self.bundle(args=["pwd"], cwd="/linked/place")
        (bundle.rootfs / "linked").symlink_to("/work")
        self.assertEqual(bundle.run().out, "/work/place\n")
        self.assertTrue((bundle.rootfs / "work/place").is_dir())

    def test_a_variable_is_set_once_and_the_last_one_counts(self):
        bundle = self.bundle()
        for env, seen in ((["HOME=/override", "HOME="], "HOME=/root"), (["ONE=two", "ONE="], "ONE="),
                          (["ONE=two", "ONE=three"], "ONE=three")):
            out = bundle.run("env", env=["PATH=/bin", *env]).lines()
            self.assertIn(seen, out)
            self.assertEqual(len(out), len({line.split("=")[0] for line in out}), out)

    def test_modes_of_a_tmpfs(self):
        bundle = self.bundle()
        (bundle.rootfs / "there").mkdir()
        (bundle.rootfs / "there").chmod(0o2710)
        for place, options, mode in (("/there", [], "2710"), ("/there", ["mode=0444"], "444"), ("/fresh", [], "1777"),
                                     ("/fresher", ["mode=0700"], "700")):
            bundle.config["mounts"].append({"destination": place, "type": "tmpfs", "source": "tmpfs", "options": options})
            self.assertEqual(bundle.run("stat", "-c", "%a", place).out.strip(), mode)
            bundle.config["mounts"].pop()

    def test_proc_and_sys_go_on_ordinary_directories(self):
        for name in ("proc", "sys"):
            bundle = self.bundle()
            (bundle.rootfs / name).rmdir()
            (bundle.rootfs / name).symlink_to("/elsewhere")
            outcome = bundle.run("true")
            self.assertEqual(outcome.code, 1, outcome)
            self.assertIn("must be mounted on ordinary directory", outcome.err)
            self.assertFalse((bundle.rootfs / "elsewhere").exists())


class CalledOtherwise(ContainerTest):
    def test_help_says_the_name_it_was_called_by(self):
        bundle = self.bundle()
        link = bundle.directory / "runc"
        link.symlink_to(WARDER)
        lines = subprocess.run([link, "state", "--help"], capture_output=True, text=True).stdout.splitlines()
        self.assertIn("runc state", lines[1])
