#!/usr/bin/python3
"""Inside the virtual machine: runs the suites that the second machine is for. Its last line is `exit N`.

Two runs of tests/run.py: the common suites in their private namespaces, and the suite `vm`, which talks to this machine's
systemd and so stays outside of them; the machine is thrown away afterwards. /warder/filters holds one filter a line; without
any, CHOSEN is run.
"""
import os
import pathlib
import platform
import subprocess
import sys

TOP = pathlib.Path("/warder")
# Of the common suites, what differs with the kernel or the cgroup version.
CHOSEN = ["oci/test_lifecycle", "oci/test_run", "oci/test_exec", "oci/test_descriptors", "policy/test_rights",
          "policy/test_network_rules", "policy/test_hide", "attacks/test_supervisor"]


def run(filters, environment):
    words = [sys.executable, "-B", str(TOP / "tests/run.py"), "--runtime", str(TOP / "build/bin/warder"), *filters]
    return subprocess.run(words, env={**os.environ, **environment}, check=False, stdin=subprocess.DEVNULL).returncode


def main():
    print(f"guest: Linux {platform.release()}, cgroup controllers:",
          pathlib.Path("/sys/fs/cgroup/cgroup.controllers").read_text(encoding="ascii").strip(), flush=True)
    given = (TOP / "filters").read_text(encoding="utf-8").splitlines()
    common = [word for word in given or CHOSEN if not word.startswith("vm/")]
    own = [word for word in given if word.startswith("vm/")] if given else ["^vm/"]
    codes = []
    if common:
        codes.append(run(common, {"PATH": os.environ["PATH"]}))
    if own:
        shared = pathlib.Path("/var/tmp/warder-shared")
        shared.mkdir()
        codes.append(run(own, {"WARDER_SHARED": str(shared), "WARDER_VM": "1", "TMPDIR": "/var/tmp"}))
    print(f"exit {max(codes)}", flush=True)


if __name__ == "__main__":
    main()
