"""What it takes of memory, and what a decision costs as profiles grow."""
import json
import pathlib
import re
import subprocess
import tempfile
import time

from measure import Goal, Row, row
from runtimes import NOTIFY, Case, Cases, compile_program
from harness.bundle import WARDER, run_command


def pss_of(pid):
    """Kilobytes of a process and all below it."""
    total = int(re.search(r"Pss:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text())[1])
    for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for child in (thread / "children").read_text().split():
            total += pss_of(child)
    return total


def own_pss(pid):
    return int(re.search(r"Pss:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text())[1])


@row("memory", "PSS of an idle warder-init, alone on the machine")
def memory(effort):
    result = Row("KiB")
    with Cases() as cases:
        cases["default"] = Case("warder", profile=None, args=["/bin/sleep", "100"])
        cases["notify"] = Case("warder", NOTIFY, args=["/bin/sleep", "100"])
        cases["ci"] = Case("warder", "warder: 1\nextends: [ci]\n", args=["/bin/sleep", "100"])
        for name, case in cases.items():
            for _ in range(effort.rounds(5, 1)):
                _, container = case.create()
                case.call("start", container)
                time.sleep(1.5)
                result.add(name, own_pss(case.pid()))
                case.delete(container)
    for name in result.samples.copy():
        result.samples.setdefault("1 MiB", [1024])
        result.goals.append(Goal(name, "1 MiB", 1.0))
    return result


@row("peak", "largest resident memory of the runtime's own process during `create`")
def peak(effort):
    result = Row("KiB")
    with tempfile.TemporaryDirectory() as directory, Cases() as cases:
        compile_program(directory, "peak")
        for name in ("crun", "runc", "warder"):
            cases[name] = Case(name, profile=None)
        for _ in range(effort.rounds(10, 3)):
            for name, case in cases.items():
                container = case.next_id()
                case.bundle.started.add(container)
                command = case.command("create", "--bundle", str(case.bundle.directory), container)
                # A child of ours would begin with Python's memory.
                told = run_command([pathlib.Path(directory) / "peak", *command], 30)
                if told.code != 0:
                    raise SystemExit(f"{command}: {told!r}")
                result.add(name, int(told.out.split()[-1]))
                case.delete(container)
    result.goals.append(Goal("warder", "crun", 1.0))
    return result


@row("idle", "300 idle containers: PSS of each, workload included")
def idle(effort):
    result = Row("KiB")
    count = effort.rounds(300, 30)
    for name in ("crun", "warder"):
        with Cases() as cases:
            case = cases[name] = Case(name, profile=None, args=["/bin/sleep", "1000"])
            case.bundle.config["linux"].pop("cgroupsPath")  # one for each container
            case.bundle.save()
            pids = []
            for _ in range(count):
                _, container = case.create()
                pids.append(case.pid())
                case.call("start", container)
            time.sleep(2)
            result.add(name, sum(pss_of(pid) for pid in pids) / count)
            for container in list(case.bundle.started):
                case.delete(container)
    result.samples["warder beyond crun"] = [max(result.samples["warder"][0] - result.samples["crun"][0], 0)]
    result.samples["1 MiB"] = [1024]
    result.goals.append(Goal("warder beyond crun", "1 MiB", 1.0))
    return result


@row("decision", "one decision about a path, by the number of entries")
def decision(effort):
    result = Row("ns")
    program = pathlib.Path(WARDER).parent / "bench-decide"
    for _ in range(effort.rounds(7, 2)):
        told = json.loads(subprocess.run([program], check=True, capture_output=True, text=True).stdout)
        for entries, took in told.items():
            result.add(f"{entries} entries", took)
    result.goals.append(Goal("100000 entries", "10 entries", 2.0))
    return result
