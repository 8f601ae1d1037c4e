"""The main job: a profile dropped into /etc/warder/profiles is in force for `podman run --hostname NAME`, for exec too."""
import json
import os
import pathlib
import re
import tempfile

from harness.bundle import SOURCE, WARDER, run_command
from harness.podman import DROP_IN, IMAGE, Podman, PodmanTest

PROFILES = pathlib.Path("/etc/warder/profiles")

STRICT = """warder: 1
description: a test's own
paths:
  "/**": all
  "/etc/shadow": none
  "/var/www/**": ro
"""


class Profile(PodmanTest):
    def profile(self, text, prefix="host"):
        """Installs a profile under a hostname that no other test uses; gives the hostname."""
        host = self.name(prefix)
        path = PROFILES / f"{host}.yaml"
        path.write_text(text)
        self.addCleanup(path.unlink)
        return host

    def test_it_is_in_force_for_its_hostname_and_no_other(self):
        host = self.profile(STRICT)
        script = "cat /etc/shadow >/dev/null 2>&1 && echo open || echo refused"
        self.assertEqual(self.in_container(script, "--hostname", host), "refused")
        self.assertEqual(self.in_container(script, "--hostname", host + "x"), "open")

    def test_exec_is_under_the_same_profile(self):
        host = self.profile(STRICT)
        container = self.start("--hostname", host)
        out = self.ok(self.podman("exec", container, "sh", "-c", "cat /etc/shadow; touch /var/www/x; touch /tmp/x && echo fine"))
        self.assertEqual(out, "fine")
        outcome = self.podman("exec", "-u", "0", "--privileged", container, "cat", "/etc/shadow")
        self.assertNotEqual(outcome.code, 0, outcome)

    def test_the_annotation_goes_before_the_hostname(self):
        host = self.profile(STRICT)
        script = "cat /etc/shadow >/dev/null 2>&1 && echo open || echo refused"
        self.assertEqual(self.in_container(script, "--annotation", f"io.warder.profile={host}"), "refused")

    def test_a_profile_directory_may_be_given_as_a_runtime_flag(self):
        with tempfile.TemporaryDirectory() as directory:
            os.chmod(directory, 0o755)
            pathlib.Path(directory, "flagged.yaml").write_text(STRICT)
            podman = Podman(runtime_flags=[f"profile-dir={directory}"])
            outcome = podman.run("--hostname", "flagged", IMAGE, "cat", "/etc/shadow")
        self.assertNotEqual(outcome.code, 0, outcome)

    def test_a_bad_profile_ends_podman_run_with_125_and_every_error(self):
        host = self.profile('warder: 1\nwat: 1\npaths:\n  "/a": rq\n')
        outcome = self.podman.run("--hostname", host, IMAGE, "true")
        # Podman 4.3 says 126 for every failure of a runtime that it cannot read, later ones 125.
        self.assertIn(outcome.code, (125, 126), outcome)
        for line in (2, 4):
            self.assertRegex(outcome.err, rf"{host}\.yaml:{line}:\d+: ")

    def test_a_bad_profile_is_told_through_the_json_log_too(self):
        host = self.profile('warder: 1\nwat: 1\npaths:\n  "/a": rq\n')
        drop_in = re.sub(r"(?m)^warder = .*$", f'warder = ["{WARDER}"]', DROP_IN.read_text())
        self.assertIn(WARDER, drop_in)
        configuration = drop_in.replace("[engine]\n", "", 1)  # the harness's own text ends in that table
        podman = Podman(runtime="warder", configuration=configuration)
        outcome = podman.run("--hostname", host, IMAGE, "true")
        # Podman 4.3 says 126 for every failure of a runtime that it cannot read, later ones 125.
        self.assertIn(outcome.code, (125, 126), outcome)
        for line in (2, 4):
            self.assertRegex(outcome.err, rf"{host}\.yaml:{line}:\d+: ")
        self.assertEqual(self.ok(podman.run(IMAGE, "echo", "works by its name")), "works by its name")

    def test_read_only_rules_hold_through_a_volume(self):
        host = self.profile('warder: 1\npaths:\n  "/**": all\n  "/v/keep/**": ro\n')
        with tempfile.TemporaryDirectory() as directory:
            keep = pathlib.Path(directory, "keep")
            keep.mkdir()
            keep.joinpath("file").touch()
            out = self.in_container("touch /v/keep/x; mv /v/keep /v/moved; touch /v/free; ls /v", "--hostname",
                                    host, "-v", f"{directory}:/v")
            self.assertEqual(os.listdir(keep), ["file"])
        self.assertIn("free", out.split())

    def test_network_rules_hold_on_the_host_network(self):
        host = self.profile('warder: 1\nnetwork:\n  connect: ["tcp 127.0.0.1:1-1023"]\n')
        out = self.in_container("nc -w 2 127.0.0.1 40000 2>&1; echo; nc -w 2 127.0.0.1 7 2>&1; true", "--hostname", host, "--network",
                                "host")
        first, second = [line for line in out.splitlines() if line]
        self.assertIn("ermission denied", first)
        self.assertIn("efused", second)

    def test_the_state_names_the_profile(self):
        host = self.profile(STRICT)
        container = self.start("--hostname", host)
        container_id = self.inspect(container)["Id"]
        state = run_command([WARDER, "state", container_id])
        self.assertIn(host, json.dumps(json.loads(state.out)["annotations"]), state)


class StockProfiles(PodmanTest):
    """profiles/ci.yaml through the annotation: busybox does what a job does."""

    def test_ci_builds_in_work_and_nowhere_else(self):
        out = self.in_container("echo x > /work/f && echo work; echo x > /bin/f && echo bin; cat /etc/shadow && echo shadow; "
                                "cp /bin/busybox /work/prog && ln -s prog /work/echo && /work/echo built", "--annotation",
                                "io.warder.profile=ci")
        self.assertEqual(out.split(), ["work", "built"])

    def test_all_pass_their_own_tests(self):
        for file in sorted((SOURCE / "profiles").glob("*.yaml")):
            for verb in ("check", "test"):
                outcome = run_command([WARDER, "profile", verb, file])
                self.assertEqual(outcome.code, 0, f"{verb} {file.name}: {outcome!r}")
