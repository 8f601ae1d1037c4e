"""warder.yaml for one test: its commands see a directory of the test's own as /etc/warder, in a mount namespace of their own."""
import pathlib


def in_private_etc(directory, command):
    """The command with `directory` as /etc/warder."""
    return ["unshare", "--mount", "--propagation", "slave", "sh", "-c", 'mount --bind "$0" /etc/warder && exec "$@"', str(directory), *command]


def use_settings(bundle, text):
    """Gives a bundle a warder.yaml. Its own --audit-log, which would go before what the settings say, is left out."""
    etc = bundle.directory / "etc"
    (etc / "profiles").mkdir(parents=True, exist_ok=True)
    path = etc / "warder.yaml"
    path.write_text(text)
    path.chmod(0o644)
    if hasattr(bundle, "plain_globals"):
        return pathlib.Path(path)
    bundle.plain_globals = bundle.globals
    bundle.globals = lambda: in_private_etc(etc, [word for word in bundle.plain_globals() if word not in ("--audit-log", str(bundle.audit_log))])
    return path
