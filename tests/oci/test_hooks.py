"""Hooks: which, when, with what on standard input, and what a failing one does."""
import json
import os
import pathlib
import shutil
import tempfile

from harness.bundle import ContainerTest


class Hooks(ContainerTest):
    def hooked(self, bundle, **scripts):
        """Adds host-side hooks; each appends its name and its standard input to a log of its own."""
        bundle.config["hooks"] = {}
        for name, script in scripts.items():
            bundle.config["hooks"][name] = [{"path": "/bin/sh", "args": ["sh", "-c", script],
                                             "env": ["PATH=/usr/bin:/bin", f"LOG={bundle.directory}"]}]

    def test_host_hooks_run_in_order_with_the_state_on_standard_input(self):
        bundle = self.bundle(args=["true"])
        names = ("prestart", "createRuntime", "poststart", "poststop")
        self.hooked(bundle, **{name: f"cat > $LOG/{name}.json; echo {name} >> $LOG/order" for name in names})
        self.assertEqual(bundle.warder("create", "-b", bundle.directory, bundle.id).code, 0)
        order = bundle.directory / "order"
        self.assertEqual(order.read_text().split(), ["prestart", "createRuntime"])
        self.assertEqual(bundle.warder("start", bundle.id).code, 0)
        self.wait_for(lambda: bundle.state_of(bundle.id)["status"] == "stopped")
        self.assertEqual(bundle.warder("delete", bundle.id).code, 0)
        self.assertEqual(order.read_text().split(), list(names))
        for name in names:
            state = json.loads((bundle.directory / f"{name}.json").read_text())
            self.assertEqual((state["id"], state["bundle"]), (bundle.id, str(bundle.directory)))
            self.assertRegex(state["ociVersion"], r"^1\.")
        self.assertGreater(json.loads((bundle.directory / "createRuntime.json").read_text())["pid"], 0)

    def test_container_hooks_run_inside(self):
        bundle = self.bundle(args=["sh", "-c", "cat /work/order"])
        inside = {"path": "/bin/sh", "args": ["sh", "-c", "echo started-in $(hostname) >> /work/order"], "env": ["PATH=/bin"]}
        bundle.config["hooks"] = {"startContainer": [inside]}
        self.assertEqual(bundle.run().out, f"started-in {bundle.hostname}\n")

    def test_container_hooks_see_the_variables_of_the_workload_or_their_own(self):
        bundle = self.bundle(args=["true"])
        bundle.config["process"]["env"] += ["MINE=workload", "THEIRS=too"]
        script = 'test "$MINE$THEIRS" = "$0"'
        inherits = {"path": "/bin/sh", "args": ["sh", "-c", script, "workloadtoo"]}
        own = {"path": "/bin/sh", "args": ["sh", "-c", script, "hook"], "env": ["MINE=hook"]}
        bundle.config["hooks"] = {"startContainer": [inherits, own]}
        outcome = bundle.run()
        self.assertEqual(outcome.code, 0, outcome)

    def test_create_container_hooks_see_the_mounts_before_pivot(self):
        bundle = self.bundle(args=["cat", "/work/seen"])
        hook = {"path": "/bin/sh", "args": ["sh", "-c", f"grep -c ' {bundle.rootfs}/proc ' /proc/self/mounts "
                                            f"> {bundle.rootfs}/work/seen"], "env": ["PATH=/usr/bin:/bin"]}
        bundle.config["hooks"] = {"createContainer": [hook]}
        self.assertEqual(bundle.run().out, "1\n")

    def test_a_failing_hook_ends_create_and_leaves_nothing(self):
        for name in ("prestart", "createRuntime", "createContainer"):
            with self.subTest(name):
                bundle = self.bundle(args=["true"])
                self.hooked(bundle, **{name: "echo hook says no >&2; exit 3"})
                outcome = bundle.warder("create", "-b", bundle.directory, bundle.id)
                self.assertEqual(outcome.code, 1, outcome)
                self.assertIn(name, outcome.err)
                self.assert_nothing_left(bundle)

    def test_a_hook_that_hangs_is_ended_by_its_timeout(self):
        bundle = self.bundle(args=["true"])
        self.hooked(bundle, createRuntime="sleep 100")
        bundle.config["hooks"]["createRuntime"][0]["timeout"] = 1
        outcome = bundle.warder("create", "-b", bundle.directory, bundle.id, timeout=20)
        self.assertEqual(outcome.code, 1, outcome)
        self.assertLess(outcome.seconds, 10)
        self.assert_nothing_left(bundle)

    def test_a_failing_hook_is_counted_and_its_end_described(self):
        for name in ("prestart", "createRuntime", "createContainer", "startContainer", "poststart"):
            with self.subTest(name):
                bundle = self.bundle(args=["true"])
                bundle.config["hooks"] = {name: [{"path": "/bin/true"}, {"path": "/bin/false"}]}
                self.assertIn(f"error running {name} hook #1:", bundle.run().err)
                bundle.config["hooks"][name][1] = {"path": "/bin/sh", "args": ["sh", "-c", "kill -SYS $$"]}
                self.assertIn("signal: bad system call", bundle.run().err)

    def test_hooks_of_the_host_start_in_the_bundle(self):
        bundle = self.bundle(args=["true"])
        names = ("prestart", "createRuntime", "createContainer", "poststart", "poststop")
        self.hooked(bundle, **{name: f"pwd > $LOG/{name}.pwd; readlink /proc/self/cwd >> $LOG/{name}.pwd" for name in names})
        self.assertEqual(bundle.run().code, 0)
        for name in names:
            self.assertEqual((bundle.directory / f"{name}.pwd").read_text().split(), [str(bundle.directory)] * 2, name)

    def test_the_bundle_is_called_as_the_caller_calls_it(self):
        bundle = self.bundle(args=["true"])
        link = bundle.directory.parent / f"{bundle.id}-link"
        link.symlink_to(bundle.directory)
        self.addCleanup(link.unlink)
        self.hooked(bundle, createRuntime="cat > $LOG/state.json")
        bundle.warder("run", "-b", link, bundle.id)
        self.assertEqual(json.loads((bundle.directory / "state.json").read_text())["bundle"], str(link))

    def test_output_of_hooks_goes_where_the_annotations_say(self):
        bundle = self.bundle(args=["true"])
        out, err = bundle.directory / "hooks.out", bundle.directory / "hooks.err"
        bundle.config["annotations"] = {"run.oci.hooks.stdout": str(out), "run.oci.hooks.stderr": str(err)}
        self.hooked(bundle, createContainer="cat; echo warned >&2")
        self.assertEqual(bundle.run().code, 0)
        self.assertEqual((json.loads(out.read_text())["status"], err.read_text()), ("created", "warned\n"))

    def test_output_of_hooks_in_the_container_goes_there_too(self):
        bundle = self.bundle(args=["sh", "-c", "ls /proc/self/fd | wc -l; echo workload"])
        out, err = bundle.directory / "hooks.out", bundle.directory / "hooks.err"
        bundle.config["annotations"] = {"run.oci.hooks.stdout": str(out), "run.oci.hooks.stderr": str(err)}
        inside = {"path": "/bin/sh", "args": ["sh", "-c", "cat; ls /proc/self/fd | wc -l >&2"], "env": ["PATH=/bin"]}
        bundle.config["hooks"] = {"startContainer": [inside, inside]}
        outcome = bundle.run()
        self.assertEqual((outcome.out, outcome.err), ("4\nworkload\n", ""), "stdio and the directory that is listed")
        self.assertEqual(err.read_text(), "4\n4\n")
        states = json.loads("[" + out.read_text().replace("}{", "},{") + "]")
        self.assertEqual([(state["status"], state["pid"]) for state in states], [("created", 1)] * 2)

    def test_a_failing_poststart_hook_destroys_the_container(self):
        bundle = self.bundle(args=["sleep", "600"])
        self.hooked(bundle, poststart="exit 1", poststop="touch $LOG/stopped")
        self.assertEqual(bundle.warder("create", "-b", bundle.directory, bundle.id).code, 0)
        outcome = bundle.warder("start", bundle.id)
        self.assertEqual(outcome.code, 1, outcome)
        self.assertIn("error running poststart hook #0:", outcome.err)
        self.assertIn("does not exist", bundle.warder("state", bundle.id).err)
        self.assertTrue((bundle.directory / "stopped").exists())
        self.assert_nothing_left(bundle)


    def test_a_failing_poststop_hook_is_told_of_and_stops_nothing(self):
        bundle = self.bundle(args=["true"])
        script = 'echo "$0" >> $LOG; test "$0" != first'
        log = bundle.directory / "log"
        hooks = [{"path": "/bin/sh", "args": ["sh", "-c", script, name], "env": [f"LOG={log}"]} for name in ("first", "second")]
        bundle.config["hooks"] = {"poststop": hooks}
        outcome = bundle.run()
        self.assertEqual(outcome.code, 0, outcome)
        self.assertIn("error running poststop hook #0:", outcome.err)
        self.assertEqual(log.read_text().split(), ["first", "second"])
        self.assert_nothing_left(bundle)


class HookFiles(ContainerTest):
    """What the next two need."""

    def hook_at(self, path, kind="createRuntime", **options):
        bundle = self.bundle(args=["true"])
        bundle.config["hooks"] = {kind: [{"path": str(path), **options}]}
        return bundle

    def script(self, mode=0o755, owner=0):
        directory = pathlib.Path(tempfile.mkdtemp(prefix="warder-hook-"))
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        path = directory / "hook"
        path.write_text("#!/bin/sh\nexit 0\n")
        os.chown(path, owner, owner)
        path.chmod(mode)
        return path


class CheckedHooks(HookFiles):
    """The file of a hook runs with the runtime's privileges, so that nobody else may have a hand in it."""

    def refused(self, path, words, kind="createRuntime"):
        bundle = self.hook_at(path, kind)
        outcome = bundle.run()
        self.assertEqual(outcome.code, 1, outcome)
        self.assertIn(f"hooks.{kind}[0].path", outcome.err)
        self.assertIn(words, outcome.err)
        self.assert_nothing_left(bundle)

    def test_good_files_run(self):
        for path in (self.script(), self.script(mode=0o700), "/bin/sh", "/usr/bin/true"):
            self.assertEqual(self.hook_at(path, args=["name", "-c", "exit 0"]).run().code, 0, path)

    def test_files_that_others_had_a_hand_in_are_refused(self):
        self.refused(self.script(owner=1234), "a file of root's or the caller's")
        self.refused(self.script(mode=0o777), "only its owner can write")
        self.refused(self.script(mode=0o775), "only its owner can write")
        self.refused(self.script(mode=0o4755), "without setuid")
        self.refused(self.script(mode=0o644), "executable")
        self.refused("/no/such/hook", "exists")
        self.refused("/etc", "a regular file")
        for kind in ("prestart", "createContainer", "poststart", "poststop"):
            self.refused(self.script(owner=1234), "a file of root's", kind)

    def test_a_symbolic_link_counts_as_much_as_whoever_may_replace_it(self):
        script = self.script()
        link = script.parent / "link"
        link.symlink_to("../" + script.parent.name + "/./hook")
        self.assertEqual(self.hook_at(link).run().code, 0)
        os.chown(link, 1234, 1234, follow_symlinks=False)
        self.refused(link, "symbolic links are root's or the caller's")
        other = self.script().parent
        inner = script.parent / "inner"
        inner.symlink_to(other)
        self.assertEqual(self.hook_at(inner / "hook").run().code, 0)
        other.chmod(0o777)
        self.refused(inner / "hook", "writable by others")
        chain = script.parent / "chain"
        chain.symlink_to(other / "back")
        (other / "back").symlink_to(script)
        self.refused(chain, "writable by others")
        loop = script.parent / "loop"
        loop.symlink_to("loop")
        self.refused(loop, "exists")

    def test_a_directory_that_others_can_write_is_refused(self):
        path = self.script()
        path.parent.chmod(0o777)
        self.refused(path, "writable by others")
        path.parent.chmod(0o755)
        os.chown(path.parent, 1234, 1234)
        self.refused(path, "directories are root's or the caller's")

    def test_all_bad_hooks_are_named_at_once(self):
        bundle = self.hook_at(self.script(mode=0o777))
        bundle.config["hooks"]["poststop"] = [{"path": "/bin/true"}, {"path": "/no/such/hook"}]
        error = bundle.run().err
        self.assertTrue("hooks.createRuntime[0].path" in error and "hooks.poststop[1].path" in error, error)


class RelaxedHooks(HookFiles):
    """Changes the settings of every container that starts meanwhile."""

    serial = True

    def test_the_administrator_relaxes_the_check_and_sets_the_timeout(self):
        settings = pathlib.Path("/etc/warder/warder.yaml")
        settings.write_text("hooks: {check: off, timeout: 1}\n")
        self.addCleanup(settings.unlink)
        self.assertEqual(self.hook_at(self.script(mode=0o777)).run().code, 0)
        outcome = self.hook_at("/bin/sleep", args=["sleep", "60"]).run()
        self.assertIn("no end after 1 seconds", outcome.err)
        self.assertLess(outcome.seconds, 20)
        settings.write_text("hooks: {check: maybe, timeout: 0}\n")
        self.assertRegex(self.hook_at("/bin/true").run().err, "(?s)check.*accepted.*timeout.*accepted")
