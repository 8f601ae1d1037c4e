#!/usr/bin/python3
"""Runs the suites: every tests/*/test_*.py (unittest, standard library only) and every unit test program, and counts.

    tests/run.py [--runtime PROGRAM] [--build DIRECTORY]... [--jobs N] [--vm] [FILTER...]

The suites run as root in namespaces of their own, see private.py: whatever a test starts, mounts or forgets is gone with the
runner. Each test method is one process with a time limit (120 s; `time_limit` of its class or method); methods of a class with
`serial = True` run while nothing else does. A FILTER is a regular expression over
`suite/test_file.Class.method`. With --vm the tests are run in a virtual machine instead, see vm/guest.py; the suite `vm` is run
only there. Tests find in their environment:

    WARDER  the runtime under test (--runtime, default build/bin/warder)
    GUESTS  the guest programs, build/guests
    TMPDIR, WARDER_SHARED, WARDER_TEST_CGROUP  as private.py says
"""
import argparse
import concurrent.futures
import faulthandler
import importlib.util
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import xml.etree.ElementTree

TESTS = pathlib.Path(__file__).resolve().parent
SOURCE = TESTS.parent
DEFAULT_LIMIT = 120
UNIT_LIMIT = 900


class Case:
    """Something to run with a limit: `argv` gives a list of results, see one_method() and unit_program()."""

    def __init__(self, name, run, limit, serial):
        self.name, self.run, self.limit, self.serial = name, run, limit, serial


class Result:
    def __init__(self, name, status, seconds=0.0, text="", count=1):
        self.name, self.status, self.seconds, self.text, self.count = name, status, seconds, text, count


# --- running one thing -----------------------------------------------------------------------------------------------------

def run_limited(argv, limit, env=None):
    """Exit code (None at the time limit, after SIGKILL to the whole session) and everything it printed."""
    with tempfile.TemporaryFile() as output:
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
                                 env=env)
        try:
            code = child.wait(limit)
        except subprocess.TimeoutExpired:
            code = None
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            child.wait()
        output.seek(0)
        return code, output.read().decode(errors="replace")


def one_method(file, method, name, limit):
    started = time.monotonic()
    with tempfile.NamedTemporaryFile("r", prefix="result-") as report:
        code, text = run_limited([sys.executable, str(TESTS / "run.py"), "--one", str(file), method, report.name,
                                  str(limit)], limit)
        seconds = time.monotonic() - started
        try:
            told = json.load(report)
        except ValueError:
            told = {}
    if code is None:
        return [Result(name, "failed", seconds, f"{text}\nstopped at its time limit of {limit} s")]
    if code != 0 or "status" not in told:
        return [Result(name, "failed", seconds, text or f"exit {code}")]
    return [Result(name, told["status"], seconds, told.get("reason", text))]


def unit_program(program, name, limit):
    started = time.monotonic()
    with tempfile.NamedTemporaryFile("r", prefix="report-") as report:
        code, text = run_limited([str(program), "--report_format=XML", "--report_level=short", f"--report_sink={report.name}",
                                  "--log_level=error", "--color_output=no"], limit,
                                 {**os.environ, "ASAN_OPTIONS": "detect_leaks=1", "UBSAN_OPTIONS": "print_stacktrace=1"})
        seconds = time.monotonic() - started
        try:
            suite = xml.etree.ElementTree.fromstring(report.read())[0].attrib
        except (xml.etree.ElementTree.ParseError, IndexError):
            suite = {}
    bad = sum(int(suite.get(f"test_cases_{kind}", 0)) for kind in ("failed", "aborted"))
    good = int(suite.get("test_cases_passed", 0)) + int(suite.get("test_cases_passed_with_warnings", 0))
    if code != 0 and bad == 0:
        bad = 1
        text += "\nstopped at its time limit" if code is None else f"\nexit {code}"
    results = [Result(name, "passed", seconds, count=good)] if good else []
    skipped = int(suite.get("test_cases_skipped", 0))
    if skipped:
        results.append(Result(name, "skipped", 0, text.strip() or "disabled in its source", skipped))
    if bad or not suite:
        results.append(Result(name, "failed", seconds, text, max(bad, 1)))
    return results


def child_main(file, method, report, limit):
    """--one: runs a single method in this process and writes what came of it. Shortly before its limit it says where it is."""
    faulthandler.dump_traceback_later(float(limit) - 1, file=sys.stdout)
    suite = unittest.defaultTestLoader.loadTestsFromName(method, load_module(pathlib.Path(file)))
    outcome = unittest.TextTestRunner(stream=sys.stdout, verbosity=0).run(suite)
    if not outcome.wasSuccessful() or outcome.testsRun == 0 and not outcome.skipped:
        return 1
    told = {"status": "passed"}
    if outcome.skipped:
        told = {"status": "skipped", "reason": outcome.skipped[0][1]}
    pathlib.Path(report).write_text(json.dumps(told))
    return 0


# --- finding what to run ----------------------------------------------------------------------------------------------------

def load_module(file):
    if str(TESTS) not in sys.path:
        sys.path[:0] = [str(TESTS)]
    if str(file.parent) not in sys.path:
        sys.path[1:1] = [str(file.parent)]
    spec = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    return module


def tests_in(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from tests_in(test)
        else:
            yield test


def python_cases():
    for file in sorted(TESTS.glob("*/test_*.py")):
        if file.parent.name == "vm" and "WARDER_VM" not in os.environ:
            continue
        for test in tests_in(unittest.defaultTestLoader.loadTestsFromModule(load_module(file))):
            kind, method = type(test).__name__, test._testMethodName
            name = f"{file.parent.name}/{file.stem}.{kind}.{method}"
            limit = getattr(getattr(test, method), "time_limit", None) or getattr(test, "time_limit", DEFAULT_LIMIT)
            yield Case(name, lambda f=file, m=f"{kind}.{method}", n=name, t=limit: one_method(f, m, n, t), limit,
                       getattr(test, "serial", False))


def unit_cases(builds):
    for build in builds:
        for program in sorted(build.glob("bin/unit-*")):
            name = f"{build.name}/{program.name}"
            yield Case(name, lambda p=program, n=name: unit_program(p, n, UNIT_LIMIT), UNIT_LIMIT, False)


# --- running all ------------------------------------------------------------------------------------------------------------

class Tally:
    def __init__(self):
        self.counts = {"passed": 0, "failed": 0, "skipped": 0}
        self.failures = []
        self.lock = threading.Lock()

    def add(self, result):
        with self.lock:
            self.counts[result.status] += result.count
            many = f" ({result.count} cases)" if result.count != 1 else ""
            reason = f": {result.text}" if result.status == "skipped" else ""
            print(f"{result.status:7} {result.name}{many} {result.seconds:.1f}s{reason}", flush=True)
            if result.status == "failed":
                self.failures.append(result)
                self.print_text(result, 120)

    @staticmethod
    def print_text(result, lines):
        print("\n".join("        | " + line for line in result.text.rstrip().splitlines()[-lines:]), flush=True)

    def end(self):
        """Prints the failures once more, as logs are often kept by their ends only, and the last line; gives the exit code."""
        for result in self.failures:
            print(f"failed  {result.name}")
            self.print_text(result, 25)
        print("{passed} passed, {failed} failed, {skipped} skipped".format(**self.counts), flush=True)
        return 1 if self.counts["failed"] or not self.counts["passed"] else 0


def run_cases(cases, jobs, tally):
    def work(case):
        for result in case.run():
            tally.add(result)

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for future in [pool.submit(work, case) for case in cases if not case.serial]:
            future.result()
    for case in cases:
        if case.serial:
            work(case)


def forgotten(before):
    """What the tests left in this PID and mount namespace: each line is a failure of the suite as a whole."""
    deadline = time.monotonic() + 5
    while True:
        left = [f"process {pid}: {words}" for pid, words in processes().items() if pid not in before[0]]
        left += [f"mount {point}" for point in mounts() if point not in before[1]]
        left += [f"state {path}" for path in pathlib.Path("/run/warder").glob("[!@]*")]  # @: caches
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.1)


def processes():
    found = {}
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            pass
    return {pid: words for pid, words in found.items() if words}


def mounts():
    # A network namespace of podman's bridge and its storage stay until the run ends, as on any machine.
    shared = os.environ["WARDER_SHARED"]
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        points = [line.split()[4] for line in table]
    return [point for point in points if not point.startswith((shared, "/run/netns"))]


def run_all(arguments):
    cases = [*unit_cases(arguments.build), *python_cases()]
    cases = [case for case in cases if not arguments.filter or any(re.search(f, case.name) for f in arguments.filter)]
    # Long ones first, so that the last job to end is a short one.
    cases.sort(key=lambda case: -case.limit)
    tally = Tally()
    before = (set(processes()), mounts())
    run_cases(cases, arguments.jobs, tally)
    left = forgotten(before)
    if cases and not arguments.filter:
        tally.add(Result("nothing is left behind by the suites", "failed" if left else "passed", text="\n".join(left)))
    return tally.end()


def run_in_machine(arguments):
    """The results of the guest's runner as if they were our own."""
    from vm import machine  # pylint: disable=import-outside-toplevel

    tally = Tally()
    code = None
    for line in machine.boot(arguments.build[0] if arguments.build else SOURCE / "build", arguments.filter):
        result = machine.RESULT.match(line)
        if result:
            status, name, count, seconds, reason = result.groups()
            tally.add(Result(f"machine: {name}", status, float(seconds), reason or "", int(count or 1)))
        elif line.startswith("exit "):
            code = int(line.split()[1])
        elif not re.fullmatch(r"\d+ passed, \d+ failed, \d+ skipped", line):
            print(line, flush=True)
    if code is None or code != 0 and not tally.counts["failed"]:
        tally.add(Result("machine: runs to its end", "failed", text="see above"))
    return tally.end()


def parse_arguments():
    parser = argparse.ArgumentParser(description="Runs warder's test suites and counts.")
    parser.add_argument("--runtime", help="program under test", default=os.environ.get("WARDER"))
    parser.add_argument("--build", action="append", type=pathlib.Path, help="build directory whose unit tests are run too")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--vm", action="store_true", help="run the tests in a virtual machine")
    parser.add_argument("filter", nargs="*", metavar="FILTER")
    return parser.parse_args()


def main():
    if sys.argv[1:2] == ["--one"]:
        return child_main(*sys.argv[2:])
    arguments = parse_arguments()
    arguments.build = [path.resolve() for path in arguments.build or []]
    release = arguments.build[0] if arguments.build else SOURCE / "build"
    os.environ["WARDER"] = shutil.which(arguments.runtime or "") or str(release / "bin" / "warder")
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    os.environ["GUESTS"] = str(release / "guests")
    if os.geteuid() != 0:
        sys.exit("the suites make namespaces, cgroups and containers: run them as root")
    if arguments.vm:
        return run_in_machine(arguments)
    if "WARDER_SHARED" not in os.environ:
        os.execv(str(TESTS / "private.py"), ["private.py", sys.executable, *sys.argv])
    return run_all(arguments)


if __name__ == "__main__":
    sys.exit(main())
