"""What comes from outside the container: descriptors of other containers, processes that enter, the ends of their sockets.

Each attack runs first where nothing stops it (runc), to show that it works.
"""

import concurrent.futures
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import GUESTS, ContainerTest, needs_guest  # noqa: E402
from test_doors import ALL_CAPABILITIES  # noqa: E402

GIVER = 'warder: 1\npaths:\n  "/**": all\n  "/sec[r]et/**": none\n'
TAKER = 'warder: 1\npaths:\n  "/**": all\n  "/nowhere/[x]": none\n'
# Nothing but programs below /usr/bin may run; only the exec stop can tell (a glob).
TAKER_EXEC = 'warder: 1\npaths:\n  "/**": [all]\n  "/**/[p]rog": [read, list]\n  "/secret/[p]rog": all\n'


class TwoContainers(ContainerTest):
    """Rows 33 and 14: a descriptor that only names carries no right, in whatever container it is used."""

    def pair(self, giver=GIVER, taker=TAKER):
        volume = pathlib.Path(tempfile.mkdtemp(prefix="warder-volume-"))
        self.addCleanup(shutil.rmtree, volume, ignore_errors=True)
        volume.chmod(0o777)
        bundles = []
        for name, profile in (("giver", giver), ("taker", taker)):
            bundle = self.bundle(hostname=name, profile=profile)
            bundle.config["mounts"].append({"destination": "/vol", "type": "bind", "source": str(volume), "options": ["rbind", "rw"]})
            (bundle.rootfs / "secret").mkdir()
            bundle.write("/secret/f", "of the " + name)
            shutil.copy(f"{GUESTS}/passer", bundle.rootfs / "secret/prog")
            bundles.append(bundle)
        return bundles

    def exchange(self, kind, path, trials, native=False, through_exec=False, **profiles):
        giver, taker = self.pair(**profiles)
        guest = needs_guest("passer")
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            if through_exec:
                with taker.running() as container:
                    received = pool.submit(taker.exec, container, guest, "receive", "/vol/s", *trials)
                    sent = pool.submit(giver.run, guest, "send", "/vol/s", kind, path)
                    received, sent = received.result(), sent.result()
            else:
                received = pool.submit(taker.native if native else taker.run, guest, "receive", "/vol/s", *trials)
                sent = pool.submit(giver.native if native else giver.run, guest, "send", "/vol/s", kind, path)
                received, sent = received.result(), sent.result()
        self.assertEqual(sent.out, "sent\n", (sent, received))
        return dict(line.split(" = ") for line in received.lines())

    def check(self, kind, path, trials, refused, **profiles):
        native = self.exchange(kind, path, trials, native=True)
        self.assertEqual([trial for trial in trials if native[trial] != "OK"], [], "the attack itself does not work")
        for through_exec in (False, True):
            found = self.exchange(kind, path, trials, through_exec=through_exec, **profiles)
            self.assertEqual(found, {trial: refused for trial in trials}, f"exec: {through_exec}")

    def test_a_name_of_another_container_opens_nothing(self):
        self.check("path", "/secret/f", ["reopen", "rewrite", "chmod"], "EACCES")

    def test_a_directory_of_another_container_is_no_way_to_what_is_below(self):
        self.check("directory", "/secret", ["below"], "EACCES")

    def test_a_program_of_another_container_does_not_run(self):
        self.check("path", "/secret/prog", ["exec"], "EACCES", taker=TAKER_EXEC)

    def test_what_was_opened_over_there_is_read_here_but_not_opened_for_more(self):
        giver = GIVER.replace("none", "[read, list]")
        found = self.exchange("read", "/secret/f", ["read", "reopen", "rewrite", "chmod"], giver=giver)
        self.assertEqual(found, {"read": "OK", "reopen": "OK", "rewrite": "EACCES", "chmod": "EACCES"})


class Entering(ContainerTest):
    """Row 53: the moment in which a session is seen in the container and has not executed yet."""

    def test_whoever_takes_a_sessions_socket_cannot_name_a_process_of_the_host(self):
        bundle = self.bundle(hostname="ambush")  # no profile: nothing but capabilities stands between the two
        bundle.config["process"]["capabilities"] = {name: list(ALL_CAPABILITIES) for name in ("bounding", "effective", "permitted")}
        victim = subprocess.Popen(["sleep", "600"])
        self.addCleanup(victim.wait)
        self.addCleanup(victim.kill)
        with bundle.running("sh", "-c", f"/guests/ambush 12000 {victim.pid} > /work/log") as container:
            log = bundle.rootfs / "work/log"
            self.wait_for(lambda: log.exists() and "ready" in log.read_text())
            end = time.monotonic() + 10
            while time.monotonic() < end:
                out = bundle.exec(container, "true", timeout=30)
                self.assertIsNotNone(out.code, "exec hangs while somebody holds the session's socket")
                self.assertIsNone(victim.poll(), f"a process of the container ended one of the host: {out!r}")
            self.wait_for(lambda: "entered" in log.read_text())
        text = log.read_text()
        self.assertGreater(int(text.split("entered ")[1].split()[0]), 20, text)
        self.assertIn("took socket:", text, "the ambush never held a session's socket: the test proves nothing")


if __name__ == "__main__":
    unittest.main()
