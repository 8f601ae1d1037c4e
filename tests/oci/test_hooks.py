"""Hooks: which, when, with what on standard input, and what a failing one does."""
import json

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
