"""Law 3, be the caller: the same calls give the same answers, line by line, with the supervisor and without.

Each guest prints results, errno and the resulting state of files; it runs under runc without any profile, and under warder with
a profile that makes the supervisor answer every call it can answer: as root, as an ordinary user, after chroot, and in a user
namespace.
"""

import difflib
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bundle import Bundle, ContainerTest, needs_guest  # noqa: E402

# Globs that only the supervisor can decide, something hidden, and a network section: everything is trapped, nothing is refused.
TRAP_EVERYTHING = """\
warder: 1
description: every call that can be answered is answered, and allowed
audit: refused
paths:
  "/**": all
  "/nowhere/*.secret": none
  "/never/*/there": hide
network:
  connect: ["tcp *:*", "udp *:*", "unix /**", "abstract *"]
  bind: ["tcp *:*", "udp *:*", "unix /**", "abstract *"]
"""

ROOT = {"uid": 0, "gid": 0, "umask": 0o022}
USER = {"uid": 1000, "gid": 1000, "umask": 0o022, "additionalGids": [2000, 3000]}


def add_fixtures(bundle):
    """The files that the guests expect below /fixtures; owners as named."""
    root = bundle.rootfs / "fixtures"
    root.mkdir()

    def make(name, mode, uid=0, gid=0, text="contents\n"):
        path = root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        os.chown(path, uid, gid)
        path.chmod(mode)

    def make_dir(name, mode, uid=0, gid=0):
        path = root / name
        path.mkdir(exist_ok=True)
        os.chown(path, uid, gid)
        path.chmod(mode)

    make("root0644", 0o644)
    make("root0600", 0o600)
    make("root0666", 0o666)
    make("own0644", 0o644, 1000, 1000)
    make("own0000", 0o000, 1000, 1000)
    make("group0660", 0o660, 0, 2000)
    make("dir0755/inside", 0o644)
    make("dir0700/inside", 0o644)
    make("sticky/root", 0o644)
    make("sticky/own", 0o644, 1000, 1000)
    make("sticky/other", 0o666, 4000, 4000)
    make_dir("dir0755", 0o755)
    make_dir("dir0700", 0o700)
    make_dir("owndir", 0o755, 1000, 1000)
    make_dir("setgid", 0o2777, 0, 2000)
    make_dir("sticky", 0o1777)
    (root / "dir0755/up").symlink_to("../root0644")
    (root / "dir0755/absolute").symlink_to("/fixtures/root0644")
    (root / "link-file").symlink_to("root0644")
    (root / "link-own").symlink_to("/fixtures/own0644")
    (root / "link-dir").symlink_to("dir0755")
    (root / "link-dangling").symlink_to("dangling-target")
    (root / "link-loop").symlink_to("link-loop")
    # The kernel follows 40 links, but a walk that it begins again (up to twice, when somebody changes the tree) counts on from there.
    for length in (13, 41):
        for number in range(1, length):
            (root / f"chain{length}-{number}").symlink_to("root0644" if number == 1 else f"chain{length}-{number - 1}")
        (root / f"link-chain{length}").symlink_to(f"chain{length}-{length - 1}")
    root.chmod(0o777)
    for name in ("arena-root", "arena-user"):
        (bundle.rootfs / "work" / name).mkdir()
    os.chown(bundle.rootfs / "work/arena-user", 1000, 1000)
    bundle.config["mounts"].append({"destination": "/readonly", "type": "bind", "source": str(root), "options": ["bind", "ro"]})
    (bundle.rootfs / "readonly").mkdir()


def as_root(_):
    return ["/work/arena-root"]


def as_user(bundle):
    bundle.config["process"]["user"] = dict(USER)
    sets = bundle.config["process"]["capabilities"]
    sets["effective"] = sets["permitted"] = []
    return ["/work/arena-user"]


def in_chroot(bundle):
    """The guest changes its root to a second view of the container's own, where names and roots differ for the supervisor."""
    (bundle.rootfs / "jail").mkdir()
    for name, mount in (("", {"type": "bind", "source": str(bundle.rootfs), "options": ["bind"]}),
                        ("/proc", {"type": "proc", "source": "proc"}),
                        ("/sys", {"type": "sysfs", "source": "sysfs", "options": ["ro"]}),
                        ("/dev", {"type": "tmpfs", "source": "tmpfs"}),
                        ("/dev/shm", {"type": "tmpfs", "source": "tmpfs", "options": ["mode=1777", "noexec"]}),
                        ("/readonly", {"type": "bind", "source": str(bundle.rootfs / "fixtures"), "options": ["bind", "ro"]})):
        bundle.config["mounts"].append({"destination": "/jail" + name, **mount})
    return ["/work/arena-root", "/jail"]


def in_user_namespace(bundle):
    """The container's own user namespace, in which capabilities end. Ids stay: the way to the bundle may be root's alone."""
    bundle.config["linux"]["namespaces"].append({"type": "user"})
    for kind in ("uidMappings", "gidMappings"):
        bundle.config["linux"][kind] = [{"containerID": 0, "hostID": 0, "size": 65536}]
    return ["/work/arena-root"]


class Differential(ContainerTest):
    time_limit = 300

    def compare(self, guest, situation, timeout=120, profile=TRAP_EVERYTHING):
        program = needs_guest(guest)
        outputs = []
        for supervised in (False, True):
            with Bundle(hostname="differential", profile=profile) as bundle:
                add_fixtures(bundle)
                bundle.config["process"]["user"] = dict(ROOT)
                arguments = situation(bundle)
                run = bundle.run if supervised else bundle.native
                outputs.append(run(program, *arguments, timeout=timeout))
        native, supervised = outputs
        self.assertEqual(native.code, 0, f"the reference run failed: {native!r}")
        different = list(difflib.unified_diff(native.lines(), supervised.lines(), "native", "supervised", lineterm="", n=5))
        shown = "\n".join(different[:200])
        self.assertEqual(supervised.code, 0, f"exit {supervised.code}: {supervised.err[-2000:]}\n{shown}")
        self.assertFalse(different, f"{guest}: {len(different)} lines of difference\n{shown}")


    def test_differential_self_without_hide(self):
        """What is not trapped for hiding's sake must be noticed all the same: chroot, above all."""
        shows_all = TRAP_EVERYTHING.replace('  "/never/*/there": hide\n', "")
        self.assertNotEqual(shows_all, TRAP_EVERYTHING)
        self.compare("differential_self", as_root, profile=shows_all)


def add_cases(guest):
    for name, situation in (("as_root", as_root), ("as_uid_1000", as_user), ("in_chroot", in_chroot),
                            ("in_user_namespace", in_user_namespace)):
        def test(self, situation=situation):
            self.compare(guest, situation)
        test.__doc__ = f"{guest} {name}: result, errno and state of the files are those of the kernel"
        setattr(Differential, f"test_{guest}_{name}", test)


for suite in ("differential_open", "differential_change", "differential_look", "differential_self", "differential_sockets",
              "differential_signals", "differential_spawn", "differential_names", "differential_owners", "differential_times",
              "differential_handles", "differential_traffic", "differential_attributes", "differential_peers", "differential_deep",
              "differential_queues"):
    add_cases(suite)


if __name__ == "__main__":
    unittest.main()
