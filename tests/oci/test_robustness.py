"""What remains when the runtime itself is killed, when the disk is full, when everybody does everything at once, and after many
containers. Long modes: WARDER_LONG=1."""
import contextlib
import json
import os
import pathlib
import subprocess
import threading

from harness.bundle import CGROUP, ContainerTest, run_command

LONG = bool(os.environ.get("WARDER_LONG"))


def processes_of(bundle):
    """Processes whose root or command line is of this bundle, or that are in one of its cgroups."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes()
            place = (entry / "cgroup").read_text()
        except OSError:
            continue
        if bundle.id.encode() in words or f"/{bundle.id}\n" in place or f"/{bundle.id}/" in place:
            found.append((entry.name, words))
    return found


def states_in(root):
    """The containers of a state root; what begins with @ is a cache."""
    return [name for name in os.listdir(root) if not name.startswith("@")]


class KilledRuntime(ContainerTest):
    """SIGKILL for the runtime at the N-th system call of a command, for N from the first to the last."""

    time_limit = 1800 if LONG else 300
    POINTS = 100_000 if LONG else 24

    def strace(self, bundle, *options):
        return ["strace", "-qq", "-o", str(bundle.directory / "trace"), *options, *bundle.globals()]

    def calls_of(self, bundle, *command):
        """How many system calls the command makes when nobody kills it."""
        self.assertEqual(run_command([*self.strace(bundle), *command]).code, 0)
        return sum(1 for _ in open(bundle.directory / "trace", encoding="utf-8", errors="replace"))

    def points(self, calls):
        step = max(1, calls // self.POINTS)
        return range(1, calls + 1, step)

    def kill_at(self, bundle, number, *command):
        run_command([*self.strace(bundle, "-e", f"inject=all:signal=KILL:when={number}"), *command])

    def assert_readable_or_gone(self, bundle, where):
        told = bundle.warder("state", bundle.id)
        if told.code == 0:
            self.assertIn(json.loads(told.out)["status"], ("creating", "created", "running", "stopped", "paused"), where)
        else:
            self.assertRegex(told.err, "does not exist|creat", where)
        self.assertEqual(bundle.warder("list", "-q").code, 0, where)

    def assert_removable(self, bundle, where):
        removed = bundle.warder("delete", "--force", bundle.id)
        self.assertEqual(removed.code, 0, f"{where}: {removed!r}")
        self.wait_for(lambda: not processes_of(bundle), 20)
        self.assertEqual(states_in(bundle.state), [], where)
        cgroups = [str(path) for path in pathlib.Path("/sys/fs/cgroup").glob(f"*{CGROUP}/{bundle.id}*")]
        self.assertEqual(cgroups, [], where)

    def test_create_killed_anywhere_leaves_what_delete_force_removes(self):
        bundle = self.bundle(args=["sleep", "600"])
        bundle.save()
        create = ["create", "-b", str(bundle.directory), bundle.id]
        calls = self.calls_of(bundle, *create)
        self.assert_removable(bundle, "unharmed")
        for number in self.points(calls):
            where = f"create killed at call {number} of {calls}"
            self.kill_at(bundle, number, *create)
            self.assert_readable_or_gone(bundle, where)
            self.assert_removable(bundle, where)
        self.assertEqual(bundle.run("echo", "second try").out, "second try\n")

    def test_start_and_delete_killed_anywhere_can_be_finished(self):
        bundle = self.bundle(args=["sleep", "600"])
        create = ["create", "-b", str(bundle.directory), bundle.id]
        for command in (["start", bundle.id], ["delete", "--force", bundle.id]):
            self.assertEqual(bundle.warder(*create).code, 0)
            calls = self.calls_of(bundle, *command)
            bundle.warder("delete", "--force", bundle.id)
            for number in list(self.points(calls))[:: 1 if LONG else 3]:
                where = f"{command[0]} killed at call {number} of {calls}"
                self.assertEqual(bundle.warder(*create).code, 0, where)
                self.kill_at(bundle, number, *command)
                self.assert_readable_or_gone(bundle, where)
                self.assert_removable(bundle, where)


class FullDisk(ContainerTest):
    def test_a_full_state_directory_fails_the_creation_and_leaves_nothing(self):
        bundle = self.bundle()
        for room in (0, 4096, 8192):
            with self.subTest(room=room):
                run_command(["mount", "-t", "tmpfs", "-o", "size=64k", "full", str(bundle.state)])
                with open(bundle.state / "@ballast", "wb", buffering=0) as ballast:
                    with contextlib.suppress(OSError):
                        while True:
                            ballast.write(b"x" * 4096)
                    ballast.truncate(ballast.tell() - room)
                outcome = bundle.run("echo", "ran")
                if outcome.code != 0:
                    self.assertIn("No space left on device", outcome.err)
                self.assertEqual((outcome.code, outcome.out), (1, "") if room == 0 else (outcome.code, "" if outcome.code else "ran\n"))
                self.assertEqual(states_in(bundle.state), [])
                self.assertEqual(processes_of(bundle), [])
                self.assertEqual(run_command(["umount", str(bundle.state)]).code, 0)

    def test_a_read_only_state_directory_is_an_error_in_words(self):
        bundle = self.bundle()
        run_command(["mount", "-t", "tmpfs", "-o", "ro", "read-only", str(bundle.state)])
        outcome = bundle.run("true")
        self.assertEqual(outcome.code, 1, outcome)
        self.assertIn("Read-only file system", outcome.err)
        self.assertEqual(processes_of(bundle), [])


class Extremes(ContainerTest):
    time_limit = 240

    def test_names_of_255_bytes(self):
        bundle = self.bundle()
        name = "n" * 255
        bundle.config["linux"]["cgroupsPath"] = f"{CGROUP}/{name}"
        bundle.config["hostname"] = "h" * 64
        self.assertEqual(bundle.warder("run", "-b", bundle.directory, name).code, 0)
        too_long = bundle.warder("run", "-b", bundle.directory, "n" * 256)
        self.assertEqual(too_long.code, 1, too_long)
        self.assertEqual(states_in(bundle.state), [])

    def test_ten_thousand_variables_of_the_environment(self):
        bundle = self.bundle()
        env = ["PATH=/bin", *(f"V{number}=value-{number}" for number in range(10_000))]
        outcome = bundle.run("sh", "-c", "env | wc -l; echo $V9999", env=env)
        self.assertEqual(outcome.out.split()[1], "value-9999", outcome)
        self.assertGreaterEqual(int(outcome.out.split()[0]), 10_001)

    def test_a_thousand_mounts(self):
        number = 10_000 if LONG else 1_000
        bundle = self.bundle()
        source = bundle.write("/work/source", "shared")
        bundle.config["mounts"] += [{"destination": f"/many/{n}", "type": "bind", "source": str(source), "options": ["bind", "ro"]}
                                    for n in range(number)]
        outcome = bundle.run("sh", "-c", f"grep -c /many/ /proc/self/mounts; cat /many/{number - 1}", timeout=180)
        self.assertEqual(outcome.out, f"{number}\nshared", outcome)


class Together(ContainerTest):
    serial = True  # the machine's mounts are compared
    time_limit = 1800 if LONG else 240

    def test_many_lives_one_after_the_other_leave_nothing(self):
        bundle = self.bundle(args=["sleep", "600"])
        before = len(list(pathlib.Path("/proc/self/fd").iterdir())), pathlib.Path("/proc/mounts").read_text()
        for turn in range(1_000 if LONG else 60):
            for words in (["create", "-b", bundle.directory, bundle.id], ["start", bundle.id], ["kill", bundle.id, "KILL"],
                          ["delete", "--force", bundle.id]):
                outcome = bundle.warder(*words)
                self.assertEqual(outcome.code, 0, f"turn {turn}: {words[0]}: {outcome!r}")
        self.assertEqual((len(list(pathlib.Path("/proc/self/fd").iterdir())), pathlib.Path("/proc/mounts").read_text()), before)
        self.assertEqual(processes_of(bundle), [])
        self.assert_nothing_left(bundle)

    def test_fifty_at_once(self):
        bundles = [self.bundle(args=["sh", "-c", "echo $$ done"]) for _ in range(50 if LONG else 16)]
        for bundle in bundles:
            bundle.save()
        children = [subprocess.Popen([*bundle.globals(), "run", "-b", str(bundle.directory), bundle.id], stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, text=True) for bundle in bundles]
        self.assertEqual([child.communicate(timeout=200)[0] for child in children], ["1 done\n"] * len(children))
        for bundle in bundles:
            self.assert_nothing_left(bundle)

    def test_every_command_against_every_other(self):
        bundle = self.bundle(args=["sleep", "600"])
        bundle.save()
        pid = str(bundle.directory / "pid")
        commands = [["state"], ["list"], ["ps"], ["kill"], ["pause"], ["resume"], ["update", "--pids-limit", "100"],
                    ["events", "--stats"], ["exec"], ["start"], ["delete"], ["delete", "--force"], ["create", "-b", str(bundle.directory),
                                                                                                    "--pid-file", pid]]
        tails = {"exec": ["true"], "kill": ["0"]}
        bad = []

        def again_and_again(words, turns):
            for _ in range(turns):
                identifier = [] if words[0] == "list" else [bundle.id]
                outcome = run_command([*bundle.globals(), *words, *identifier, *tails.get(words[0], [])], 60)
                # Refused in words is fine; a signal, a time limit or a crash is not.
                if outcome.code is None or outcome.code < 0 or outcome.code > 1 and words[0] != "exec" or "bug" in outcome.err:
                    bad.append((words, outcome))

        workers = [threading.Thread(target=again_and_again, args=(words, 40 if LONG else 6)) for words in commands]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        self.assertEqual(bad, [])
        bundle.delete(bundle.id)
        self.wait_for(lambda: not processes_of(bundle), 20)
        self.assert_nothing_left(bundle)
