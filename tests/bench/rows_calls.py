"""What one system call costs: answered by the supervisor, by the mechanism's own floor, by Landlock, or by nobody."""
import contextlib
import json
import os
import tempfile

from measure import Goal, Row, row
from runtimes import CONNECT, EMPTY, LANDLOCK, NOTIFY, Cases, Case, compile_program

FILE = "/etc/hostname"


@contextlib.contextmanager
def programs():
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        for name in ("calls", "notify_floor", "flood"):
            compile_program(directory, name)
        yield directory


def one_processor(bundle):
    bundle.config["linux"]["resources"]["cpu"] = {"cpus": "0"}


def calls(directory, runtime, profile, operation, seconds, threads=1, before=(), seccomp=False, path=FILE):
    """The median of one run of calls.c. One thread has one processor, which it hands to and fro with whoever answers: on two, the
    scheduler now and then wakes the one on an idle processor, which in a virtual machine takes longer than all else together."""
    words = [*before, "/bench/calls", operation, str(seconds), str(threads), path]
    with Cases() as cases:
        cases["one"] = case = Case(runtime, profile, seccomp=seccomp, mounts=[("/bench", directory, "ro")], args=words,
                                   prepare=one_processor if threads == 1 else None)
        told = json.loads(case.run().out)
    return told["median"]


def turns(result, effort, competitors):
    """`competitors`: name -> function(seconds) that gives nanoseconds."""
    for _ in range(effort.rounds(5, 2)):
        for name, measured in competitors.items():
            result.add(name, measured(effort.seconds() / 2))
    return result


def notified(effort, operation, profile, thread_counts=(1, 8)):
    result = Row("ns")
    with programs() as directory:
        competitors = {}
        for threads in thread_counts:
            suffix = "" if threads == 1 else f", {threads} threads"

            def under(runtime, used, *before, threads=threads):
                return lambda seconds: calls(directory, runtime, used, operation, seconds, threads, before)

            competitors[f"native{suffix}"] = under("runc", EMPTY)
            competitors[f"floor{suffix}"] = under("runc", EMPTY, "/bench/notify_floor")
            competitors[f"bare floor{suffix}"] = under("runc", EMPTY, "/bench/notify_floor", "--bare")
            competitors[f"warder{suffix}"] = under("warder", profile)
            result.goals.append(Goal(f"warder{suffix}", f"floor{suffix}", 1.25))
        return turns(result, effort, competitors)


@row("open", "open+close of a file, each answered by the supervisor")
def opened(effort):
    return notified(effort, "open", NOTIFY)


@row("stat", "stat of a file, answered by the supervisor")
def stat(effort):
    return notified(effort, "stat", NOTIFY)


@row("connect", "connect of a UDP socket, answered by the supervisor")
def connect(effort):
    return notified(effort, "connect", CONNECT)


@row("untrapped", "calls that no profile traps; beside crun with podman's seccomp profile")
def untrapped(effort):
    result = Row("ns")
    with programs() as directory:
        competitors = {}
        for operation in ("getpid", "read", "futex"):
            for runtime in ("crun", "warder"):
                competitors[f"{operation}, {runtime}"] = (
                    lambda seconds, runtime=runtime, operation=operation:
                    calls(directory, runtime, EMPTY, operation, seconds, seccomp=True))
            result.goals.append(Goal(f"{operation}, warder", f"{operation}, crun", 1.02))
        competitors["open, crun"] = lambda seconds: calls(directory, "crun", EMPTY, "open", seconds, seccomp=True)
        competitors["open, warder, Landlock"] = lambda seconds: calls(directory, "warder", LANDLOCK, "open", seconds, seccomp=True)
        result.goals.append(Goal("open, warder, Landlock", "open, crun", 1.25))
        return turns(result, effort, competitors)


@row("spawn", "vfork, execve of /bin/true and wait")
def spawn(effort):
    result = Row("ns")
    with programs() as directory:
        def under(runtime, profile):
            return lambda seconds: calls(directory, runtime, profile, "spawn", seconds, path="/bin/true")

        turns(result, effort, {"crun": under("crun", EMPTY), "warder, no rule about exec": under("warder", EMPTY),
                               "warder, exec by Landlock": under("warder", LANDLOCK),
                               "warder, exec decided by the supervisor": under("warder", NOTIFY),
                               "warder, ci": under("warder", "warder: 1\nextends: [ci]\n")})
    return result


@row("flood", "p99 of one caller's open and close while 200 threads of another process do the same")
def flood(effort):
    result = Row("ns")
    with programs() as directory:
        turns_of_all = [(runtime, threads) for runtime in ("warder", "floor") for threads in (0, 200)]
        for _ in range(effort.rounds(5, 2)):
            for runtime, threads in turns_of_all:
                words = ["/bench/flood", str(threads), str(effort.seconds()), FILE]
                with Cases() as cases:
                    if runtime == "floor":
                        cases["one"] = Case("runc", EMPTY, mounts=[("/bench", directory, "ro")], args=["/bench/notify_floor", *words])
                    else:
                        cases["one"] = Case("warder", NOTIFY, mounts=[("/bench", directory, "ro")], args=words)
                    told = json.loads(cases["one"].run().out)
                name = ("" if runtime == "warder" else "floor, ") + (f"{threads} threads" if threads else "alone")
                result.add(f"p50, {name}", told["p50"])
                result.add(f"p99, {name}", told["p99"])
    result.goals.append(Goal("p99, 200 threads", "p99, alone", 10))
    return result
