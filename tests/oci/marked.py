"""Profiles that can be told apart by their effect: each refuses one file below /mark, and a container prints which it cannot read."""
import pathlib

from harness.bundle import CGROUP, WARDER, Bundle, ContainerTest

MARKS = ("one", "two", "three", "four", "five", "ceiling")
SHOW_REFUSED = "for m in /mark/*; do cat $m >/dev/null 2>&1 || echo ${m##*/}; done"


def refusing(mark, extra=""):
    """The text of a profile that allows everything but reading /mark/MARK."""
    return f'warder: 1\ndescription: refuses {mark}\n{extra}paths:\n  "/**": all\n  "/mark/{mark}": none\n'


class SystemBundle(Bundle):
    """A bundle whose runtime is called without --profile-dir and sees `self.etc` as /etc/warder, in a mount namespace of its
    own."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.etc = self.directory / "etc"
        self.system_profiles = self.etc / "profiles"
        self.system_profiles.mkdir(parents=True)
        self.options = []

    def globals(self):
        return ["unshare", "--mount", "--propagation", "slave", "sh", "-c", 'mount --bind "$0" /etc/warder && exec "$@"',
                str(self.etc), WARDER, "--root", str(self.state), *self.options]


class MarkedTest(ContainerTest):
    def marked(self, kind=SystemBundle, hostname="build-7", domainname=None, annotation=None):
        bundle = kind(hostname=hostname)
        self.addCleanup(bundle.close)
        for mark in MARKS:
            bundle.write(f"/mark/{mark}", mark)
        if domainname:
            bundle.config["domainname"] = domainname
        if annotation:
            bundle.config["annotations"] = {"io.warder.profile": annotation}
        bundle.config["linux"]["cgroupsPath"] = f"{CGROUP}/{bundle.id}"
        return bundle

    def refused(self, bundle):
        """The marks that the container cannot read: which profile is in force."""
        outcome = bundle.run("sh", "-c", SHOW_REFUSED)
        self.assertEqual(outcome.code, 0, outcome)
        return outcome.out.split()

    def put(self, bundle, name, text, directory=None):
        path = pathlib.Path(directory or bundle.system_profiles) / f"{name}.yaml"
        path.write_text(text)
        path.chmod(0o644)
        return path
