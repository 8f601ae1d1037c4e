"""A signal to `create` or `run` while the container is being made: nothing is left, whatever was under way."""
import os
import signal
import subprocess
import time

from harness.bundle import ContainerTest


class Interrupted(ContainerTest):
    def hooked(self, kind):
        """A bundle whose creation stands still in a hook, and the file that tells that it does."""
        bundle = self.bundle(args=["sleep", "600"])
        bundle.config["hooks"] = {kind: [{"path": "/bin/sh", "args": ["sh", "-c", f"echo $$ > {bundle.directory}/there; sleep 600"],
                                          "env": ["PATH=/usr/bin:/bin"]}]}
        bundle.save()
        bundle.started.add(bundle.id)
        return bundle, bundle.directory / "there"

    def interrupt(self, verb, kind, number):
        bundle, there = self.hooked(kind)
        with subprocess.Popen([*bundle.globals(), verb, "-b", str(bundle.directory), bundle.id], stdin=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True) as child:
            self.wait_for(lambda: there.exists() and there.read_text().strip())
            hook = int(there.read_text()) if kind == "createRuntime" else None
            child.send_signal(number)
            self.assertEqual(child.wait(20), 1)
            self.assertIn("interrupted by a signal", child.stderr.read())
        self.assert_nothing_left(bundle)
        if hook:
            self.wait_for(lambda: not os.path.exists(f"/proc/{hook}"))

    def test_in_a_hook_of_the_host(self):
        self.interrupt("create", "createRuntime", signal.SIGTERM)
        self.interrupt("run", "createRuntime", signal.SIGINT)

    def test_in_a_hook_of_the_container(self):
        self.interrupt("create", "createContainer", signal.SIGHUP)
        self.interrupt("run", "createContainer", signal.SIGTERM)

    def test_at_any_moment(self):
        """Ten moments of a creation: either it is complete, or nothing is there; never something between."""
        for step in range(10):
            bundle = self.bundle(args=["sleep", "600"])
            bundle.save()
            bundle.started.add(bundle.id)
            with subprocess.Popen([*bundle.globals(), "create", "-b", str(bundle.directory), bundle.id],
                                  stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
                time.sleep(step * 0.002)
                child.send_signal(signal.SIGTERM)
                code = child.wait(20)
            with self.subTest(step, code=code):
                if code == 0:
                    self.assertEqual(bundle.state_of(bundle.id)["status"], "created")
                    bundle.delete(bundle.id)
                self.assert_nothing_left(bundle)

    def test_after_the_creation_the_signal_is_the_workloads(self):
        bundle = self.bundle(args=["sh", "-c", "trap 'exit 9' TERM; echo > /work/there; while :; do sleep 0.05; done"])
        bundle.save()
        bundle.started.add(bundle.id)
        with subprocess.Popen([*bundle.globals(), "run", "-b", str(bundle.directory), bundle.id],
                              stdin=subprocess.DEVNULL) as child:
            self.wait_for(lambda: (bundle.rootfs / "work/there").exists())
            child.send_signal(signal.SIGTERM)
            self.assertEqual(child.wait(20), 9)
