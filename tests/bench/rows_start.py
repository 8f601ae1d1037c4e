"""What it takes to bring a container up and down: the whole of it, each verb alone, through podman, and many at once."""
import concurrent.futures
import time

from measure import Goal, Row, row, seconds_of, take_turns
from runtimes import LANDLOCK, NOTIFY, Case, Cases, spawn_seconds
from harness.bundle import CGROUP, WARDER, run_command
from harness.podman import IMAGE, SHARED, Podman

THOUSAND = "warder: 1\ndescription: a thousand entries\npaths:\n  \"/**\": rx\n" + "".join(
    f'  "/srv/site{number}/data/**": rw\n  "/srv/site{number}/*.conf": ro\n' for number in range(500))


def milliseconds(function):
    return lambda: function() * 1000


@row("run", "`run` of a busybox bundle that executes /bin/true")
def run(effort):
    result = Row("ms")
    with Cases() as cases:
        cases["crun"] = Case("crun")
        cases["runc"] = Case("runc")
        cases["warder, built-in default"] = Case("warder", profile=None)
        cases["warder, paths by Landlock"] = Case("warder", LANDLOCK)
        cases["warder, paths by notify"] = Case("warder", NOTIFY)
        cases["warder, ci"] = Case("warder", "warder: 1\nextends: [ci]\n")
        cases["warder, 1,000 entries, cache warm"] = Case("warder", THOUSAND)
        take_turns(result, effort.rounds(60, 8), {name: milliseconds(case.run_seconds) for name, case in cases.items()}, warm=2)
    result.goals = [Goal("warder, built-in default", "crun", 1.0), Goal("warder, built-in default", "runc", 0.5),
                    Goal("warder, 1,000 entries, cache warm", "crun", 1.05)]
    return result


def verb_round(case, name, result):
    """One container through each verb."""
    times = {}
    times["create"], container = case.create()
    times["start"] = case.seconds("start", container)
    times["state"] = case.seconds("state", container)
    times["exec"] = case.seconds("exec", container, "/bin/true")
    case.call("kill", container, "KILL")
    while run_command(["test", "-e", f"/proc/{case.pid()}/exe"], 5).code == 0:
        time.sleep(0.01)
    times["delete"] = case.delete(container)
    for verb, seconds in times.items():
        result.add(f"{verb}, {name}", seconds * 1000)


@row("verbs", "create, start, state, exec of /bin/true and delete, each alone")
def verbs(effort):
    result = Row("ms")
    with Cases() as cases:
        for name in ("crun", "runc", "warder"):
            cases[name] = Case(name, profile=None, args=["/bin/sleep", "100"])
        for name, case in cases.items():
            verb_round(case, name, Row("ms"))
        for _ in range(effort.rounds(40, 5)):
            for name, case in cases.items():
                verb_round(case, name, result)
    for verb in ("create", "start", "state", "exec", "delete"):
        result.goals.append(Goal(f"{verb}, warder", f"{verb}, crun", 1.0))
    return result


@row("parallel", "100 containers, 8 at a time")
def parallel(effort):
    result = Row("s")
    total = 100 if not effort.quick else 40

    def together(case):
        ids = [case.next_id() for _ in range(total)]

        def all_of_them():
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                list(pool.map(lambda name: case.seconds("run", "--bundle", str(case.bundle.directory), name), ids))
        return seconds_of(all_of_them)

    with Cases() as cases:
        for name in ("crun", "runc", "warder"):
            cases[name] = Case(name, profile=None)
            cases[name].bundle.config["linux"].pop("cgroupsPath")  # one for each container
            cases[name].bundle.save()
        take_turns(result, effort.rounds(5, 1), {name: lambda case=case: together(case) for name, case in cases.items()}, warm=0)
    result.goals.append(Goal("warder", "crun", 1.0))
    return result


@row("podman", "`podman run --rm` of a busybox image")
def podman(effort):
    result = Row("ms")
    competitors = {}
    for name, program in (("crun", "/usr/bin/crun"), ("runc", "/usr/sbin/runc"), ("warder", WARDER)):
        engine = Podman(program)
        engine.make_image()
        command = engine.command("run", "--rm", "--cgroup-parent", CGROUP, "--network", "none", IMAGE, "true")
        competitors[name] = lambda command=command, engine=engine: spawn_seconds(command, engine.environment, SHARED) * 1000
    take_turns(result, effort.rounds(25, 3), competitors)
    result.goals.append(Goal("warder", "crun", 1.01))
    return result
