"""Whole programs: a build, an archive, a repository, a module tree, a web server; the same bundle under each runtime."""
import io
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import tempfile
import time

from measure import Goal, Row, row, take_turns, time_limit
from runtimes import EMPTY, NOTIFY, Case, Cases, compile_program
from harness.bundle import SOURCE, run_command

# The machine's own programs, read-only: what Debian has in /usr, where a merged system finds it.
SYSTEM = [("/usr", "/usr", "ro"), ("/bin", "/usr/bin", "ro"), ("/lib", "/usr/lib", "ro"), ("/lib64", "/usr/lib64", "ro"),
          ("/etc/alternatives", "/etc/alternatives", "ro")]
CI = "warder: 1\nextends: [ci]\naudit: {}\n"
LEARN = "warder: 1\nmode: learn\nextends: [ci]\n"


def competitors(cases, profiles, **bundle):
    """crun, each profile under warder and, where it is installed, runsc."""
    cases["crun"] = Case("crun", mounts=SYSTEM, **bundle)
    for name, profile in profiles.items():
        cases[name] = Case("warder", profile, mounts=SYSTEM, **bundle)
    if shutil.which("runsc"):
        cases["runsc"] = Case("runsc", mounts=SYSTEM, **bundle)


def goal_all(result, goals):
    result.goals += [Goal(case, "crun", limit) for case, limit in goals.items()]
    if "runsc" not in result.samples:
        result.notes.append("runsc is not installed: left out")
    return result


def cases_in_turns(result, rounds, cases):
    """A peer that cannot run the bundle on this machine is left out with a note; warder must. runsc, by far the slowest, has one
    turn."""
    functions = {}
    for name, case in cases.items():
        if name != "runsc":
            case.run_seconds()
            functions[name] = case.run_seconds
            continue
        try:
            with time_limit(45, "runsc"):
                result.add(name, case.run_seconds())
        except SystemExit as failure:
            result.notes.append(f"no number of runsc: {str(failure)[-200:].strip()}")
            run_command(case.command("delete", "--force", case.last_id()), 20)
    return take_turns(result, rounds, functions, warm=0)


def add_sources(count):
    def prepare(bundle):
        work = bundle.rootfs / "work"
        for folder in ("linux", "policy", "policy/core"):
            (work / folder).mkdir(parents=True)
            for file in (SOURCE / folder).glob("*.*"):
                shutil.copy(file, work / folder)
        names = sorted(file.stem for file in (work / "linux").glob("*.cc"))[:count]
        objects = " ".join(f"out/{name}.o" for name in names)
        (work / "Makefile").write_text(f"all: {objects}\n\tar rcs out/all.a $^\nout/%.o: linux/%.cc\n\tg++ -std=c++20 -iquote . -MD -c -o $@ $<\n")
    return prepare


@row("build", "a C++ build of a part of warder's own tree with make -j2")
def build(effort):
    result = Row("s")
    with Cases() as cases:
        competitors(cases, {"warder, ci, audit: cheap": CI.format("cheap"), "warder, ci, audit: refused": CI.format("refused"),
                            "warder, every path call by notify": NOTIFY, "warder, ci, mode: learn": LEARN},
                    args=["/bin/sh", "-c", "rm -rf /work/out; mkdir /work/out; cd /work && make -s -j2"], prepare=add_sources(effort.rounds(3, 2)))
        cases_in_turns(result, effort.rounds(4, 1), cases)
    return goal_all(result, {"warder, ci, audit: cheap": 1.01, "warder, ci, audit: refused": 1.03,
                             "warder, every path call by notify": 1.15, "warder, ci, mode: learn": 1.3})


def add_archive(count):
    def prepare(bundle):
        with tarfile.open(bundle.rootfs / "files.tar", "w") as archive:
            for number in range(count):
                info = tarfile.TarInfo(f"tree/d{number % 100}/f{number}")
                info.size = 200
                archive.addfile(info, io.BytesIO(b"x" * 200))
    return prepare


@row("untar", "tar -x of 10,000 small files, every path call by notify")
def untar(effort):
    result = Row("s")
    with Cases() as cases:
        competitors(cases, {"warder": NOTIFY}, prepare=add_archive(effort.rounds(10000, 2000)),
                    args=["/bin/sh", "-c", "rm -rf /work/tree; tar -xf /files.tar -C /work"])
        cases_in_turns(result, effort.rounds(7, 2), cases)
    return goal_all(result, {})


def add_repository(count):
    def prepare(bundle):
        repository = bundle.rootfs / "work/repository"
        for number in range(count):
            file = repository / f"d{number % 100}" / f"f{number}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{number}\n")
        for words in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "all"]):
            subprocess.run(["git", *words], cwd=repository, check=True)
    return prepare


@row("git", "git status in a tree of 10,000 files, three times, every path call by notify")
def git(effort):
    result = Row("s")
    with Cases() as cases:
        competitors(cases, {"warder": NOTIFY}, prepare=add_repository(effort.rounds(10000, 2000)),
                    args=["/bin/sh", "-c", "cd /work/repository; for i in 1 2 3; do git status --porcelain || exit 1; done"])
        cases_in_turns(result, effort.rounds(7, 2), cases)
    return goal_all(result, {})


def add_modules(programs):
    def prepare(bundle):
        for number in range(500):
            module = bundle.rootfs / f"work/node_modules/m{number}"
            module.mkdir(parents=True)
            (module / "package.json").write_text("{}\n")
        (bundle.rootfs / "work/a/b/c").mkdir(parents=True)
        compile_program(programs, "modules")
    return prepare


@row("modules", "looking up 500 modules from a deep directory, as node does, twenty times, every path call by notify")
def modules(effort):
    result = Row("s")
    with tempfile.TemporaryDirectory() as directory, Cases() as cases:
        os.chmod(directory, 0o755)
        system = SYSTEM + [("/bench", directory, "ro")]
        for name, runtime, profile in (("crun", "crun", EMPTY), ("warder", "warder", NOTIFY), ("runsc", "runsc", EMPTY)):
            if shutil.which(runtime) or runtime == "warder":
                cases[name] = Case(runtime, profile, mounts=system, prepare=add_modules(directory),
                                   args=["/bench/modules", "/work/a/b/c", "500", str(effort.rounds(20, 5))])
        cases_in_turns(result, effort.rounds(7, 2), cases)
    return goal_all(result, {})


NGINX = """daemon off; worker_processes 1; pid /tmp/nginx.pid; error_log stderr; user root;
events {{ worker_connections 256; }}
http {{ access_log off; client_body_temp_path /tmp/b; proxy_temp_path /tmp/p; fastcgi_temp_path /tmp/f; uwsgi_temp_path /tmp/u;
scgi_temp_path /tmp/s; server {{ listen 127.0.0.1:{port}; root /srv; }} }}
"""


def add_site(port):
    def prepare(bundle):
        (bundle.rootfs / "srv").mkdir(exist_ok=True)
        bundle.write("/srv/index.html", "x" * 1000)
        bundle.write("/nginx.conf", NGINX.format(port=port))
        bundle.namespaces("pid", "ipc", "uts", "mount")
    return prepare


def microseconds_per_request(case, port, seconds):
    _, name = case.create()
    case.call("start", name)
    try:
        deadline = time.monotonic() + 10
        while run_command(["wrk", "-t1", "-c1", "-d1s", f"http://127.0.0.1:{port}/"], 20).code != 0:
            if time.monotonic() > deadline:
                raise SystemExit("nginx does not answer")
            time.sleep(0.05)
        told = run_command(["wrk", "-t1", "-c16", f"-d{seconds}s", f"http://127.0.0.1:{port}/"], 60)
        found = re.search(r"Requests/sec:\s+([\d.]+)", told.out)
        if not found or float(found[1]) == 0 or "Non-2xx" in told.out:
            raise SystemExit(f"wrk: {told!r}")
        return 1e6 / float(found[1])
    finally:
        case.delete(name)


@row("nginx", "nginx under wrk: time per request with `web`")
def nginx(effort):
    result = Row("us")
    if not shutil.which("wrk") or not pathlib.Path("/usr/sbin/nginx").exists():
        raise SystemExit("the row `nginx` needs nginx-light and wrk (dev.d/packages.txt)")
    run_command(["ip", "link", "set", "lo", "up"], 5)
    with Cases() as cases:
        ports = {}
        for port, (name, runtime, profile) in enumerate((("crun", "crun", EMPTY), ("warder, web", "warder", "warder: 1\nextends: [web]\n")), 8050):
            ports[name] = port
            cases[name] = Case(runtime, profile, mounts=SYSTEM, prepare=add_site(port), args=["/usr/sbin/nginx", "-c", "/nginx.conf"])
        take_turns(result, effort.rounds(8, 2), {
            name: lambda name=name, case=case: microseconds_per_request(case, ports[name], effort.rounds(4, 1))
            for name, case in cases.items()}, warm=0)
    result.goals.append(Goal("warder, web", "crun", 1.02))
    return result
