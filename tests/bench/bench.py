#!/usr/bin/python3
"""warder beside crun, runc and the mechanism's own floor; each number is a median, each comparison a ratio taken in one run.

    tests/private.py tests/bench/bench.py [--quick] [--json FILE]

start       wall time of `RUNTIME run` of a busybox bundle that executes /bin/true, the runtimes taking turns
open, stat  open+close and stat of a file: native (under runc, no filter), under Landlock alone (`audit: cheap`), under notify
            (`audit: refused` with paths and `hide`), and under notify_floor.c, the smallest supervisor that acts on a copy
memory      PSS of warder-init while the workload sleeps
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from harness.bundle import WARDER, Bundle, run_command  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent

NOTIFY = """warder: 1
description: every open and stat is answered by the supervisor
paths:
  "/**": all
  "/etc/shadow": none
  "/root/hidden/**": hide
"""
LANDLOCK = """warder: 1
description: what Landlock can say, and nothing else
audit: cheap
paths:
  "/**": rx
  "/work/**": rwx
"""
EMPTY = "warder: 1\ndescription: nothing beyond the hardening set\n"


def command_time(command):
    started = time.monotonic()
    outcome = run_command(command, 60)
    if outcome.code != 0:
        raise SystemExit(f"{command}: {outcome!r}")
    return time.monotonic() - started


class Start:
    """The runtimes take turns, so that a slow minute hits all alike."""

    def __init__(self, rounds):
        self.rounds = rounds
        self.cases = []

    def add(self, name, profile, command_of):
        bundle = Bundle(profile=profile, args=["/bin/true"])
        bundle.config["process"]["user"].pop("umask", None)
        bundle.save()
        self.cases.append((name, bundle, command_of, []))

    def measure(self):
        for turn in range(self.rounds + 2):
            for name, bundle, command_of, times in self.cases:
                took = command_time(command_of(bundle, f"{bundle.id}-{turn}"))
                if turn >= 2:  # the first rounds fill caches
                    times.append(took)
        for _, bundle, _, _ in self.cases:
            bundle.close()
        return {name: statistics.median(times) * 1000 for name, _, _, times in self.cases}


def measure_start(rounds):
    def under_warder(bundle, name):
        return [*bundle.globals(), "run", "-b", str(bundle.directory), name]

    def under(program):
        return lambda bundle, name: [program, "--root", str(bundle.directory / "other-state"), "run", "-b",
                                     str(bundle.directory), name]

    start = Start(rounds)
    start.add("warder", EMPTY, under_warder)
    start.add("warder, paths by notify", NOTIFY, under_warder)
    start.add("warder, paths by Landlock", LANDLOCK, under_warder)
    start.add("crun", EMPTY, under("crun"))
    start.add("runc", EMPTY, under("runc"))
    return start.measure()


def compile_programs(directory):
    for name in ("calls", "notify_floor"):
        subprocess.run(["gcc", "-O2", "-static", "-o", directory / name, HERE / f"{name}.c"], check=True)


def measure_calls(seconds):
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        compile_programs(pathlib.Path(directory))

        def calls(profile, *before, native=False):
            with Bundle(profile=profile) as bundle:
                bundle.config["mounts"].append({"destination": "/bench", "type": "bind", "source": directory,
                                                "options": ["rbind", "ro"]})
                (bundle.rootfs / "bench").mkdir()
                words = [*before, "/bench/calls", str(seconds), "/etc/hostname"]
                outcome = bundle.native(*words) if native else bundle.run(*words, timeout=120)
                if outcome.code != 0:
                    raise SystemExit(f"calls under {profile!r}: {outcome!r}")
                return json.loads(outcome.out)

        return {"native": calls(EMPTY, native=True), "Landlock": calls(LANDLOCK), "notify": calls(NOTIFY),
                "notify floor": calls(EMPTY, "/bench/notify_floor", native=True), "warder, no paths": calls(EMPTY)}


def measure_memory():
    """Kilobytes of PSS of PID 1, a second after the start."""
    with Bundle(profile=NOTIFY) as bundle, bundle.running("sleep", "100") as container:
        time.sleep(1)
        pid = bundle.state_of(container)["pid"]
        rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        return {"pss_kb": int(re.search(r"Pss:\s+(\d+) kB", rollup)[1])}


def show(told):
    start, calls = told["start_ms"], told["calls_ns"]
    print(f"\n{'start of a busybox bundle':34}{'ms':>10}{'x crun':>10}{'x runc':>10}")
    for name, took in start.items():
        print(f"  {name:32}{took:10.1f}{took / start['crun']:10.2f}{took / start['runc']:10.2f}")
    for call in ("open+close", "stat"):
        print(f"\n{call:34}{'ns':>10}{'x native':>10}{'x floor':>10}")
        for name, took in calls.items():
            print(f"  {name:32}{took[call]:10.0f}{took[call] / calls['native'][call]:10.2f}"
                  f"{took[call] / calls['notify floor'][call]:10.2f}")
    print(f"\nmemory of warder-init, idle: {told['memory']['pss_kb']} kB PSS")


def main():
    parser = argparse.ArgumentParser(description="Ratios of warder to crun, runc and the mechanism's floor.")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--json", type=pathlib.Path, help="write the numbers there too")
    arguments = parser.parse_args()
    if "WARDER_SHARED" not in os.environ:
        os.execv(str(HERE.parent / "private.py"), ["private.py", sys.executable, *sys.argv])
    if not shutil.which(WARDER):
        raise SystemExit(f"{WARDER} is missing: build first")
    # Debian's crun refuses a hybrid cgroup tree. This mount namespace is ours alone, and all runtimes see the same.
    run_command(["umount", "/sys/fs/cgroup/unified"], 10)
    rounds, seconds = (12, 0.3) if arguments.quick else (60, 2.0)
    told = {"start_ms": measure_start(rounds), "calls_ns": measure_calls(seconds), "memory": measure_memory()}
    if arguments.json:
        arguments.json.write_text(json.dumps(told, indent=2) + "\n")
    show(told)


if __name__ == "__main__":
    main()
