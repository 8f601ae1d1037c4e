"""The second machine: Debian 12's kernel 6.1, systemd and cgroup v2 under QEMU's software emulation.

    machine.py [FILTER...]

Packs the release build, the tests and the stock profiles onto the guest's second disk, boots the image of image.py (whose disk
stays as it was) and runs guest.py in it. The guest's words come line by line through a virtio port. Prints them, and ends with 0
where the guest said that all went well.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1])]
from vm.image import image  # pylint: disable=wrong-import-position

SOURCE = pathlib.Path(__file__).resolve().parents[2]
LIMIT = 40 * 60
RESULT = re.compile(r"^(passed|failed|skipped) +(\S.*?)(?: \((\d+) cases\))? (\d+\.\d)s(?:: (.*))?$")


def pack(archive, build, filters):
    """What the guest needs, as a tar file that is the second disk itself."""
    words = archive.with_suffix(".filters")
    words.write_text("".join(f"{word}\n" for word in filters))
    relative = build.relative_to(SOURCE)
    subprocess.run(["tar", "-C", str(SOURCE), "-cf", str(archive), "--exclude=__pycache__", "tests", "profiles", "contrib",
                    f"{relative}/bin/warder", f"{relative}/bin/warder-init", f"{relative}/guests",
                    "--transform", f"s,^{words.name}$,filters,", "-C", str(words.parent), words.name], check=True)


def command(directory, archive, serial):
    return ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "3072", "-nodefaults",
            "-no-user-config", "-display", "none", "-no-reboot", "-serial", f"file:{serial}",
            "-kernel", str(directory / "vmlinuz"), "-initrd", str(directory / "initrd"),
            "-append", "console=ttyS0 quiet loglevel=4 systemd.show_status=false mitigations=off net.ifnames=0 audit=0",
            "-drive", f"file={directory / 'disk'},if=virtio,format=raw,snapshot=on,cache=unsafe",
            "-drive", f"file={archive},if=virtio,format=raw,readonly=on",
            "-device", "virtio-serial", "-chardev", "stdio,id=out,signal=off", "-device", "virtserialport,chardev=out,name=warder"]


def boot(build, filters):
    """Yields the guest's lines; the last one is `exit N`, or says why there is none."""
    if shutil.which("qemu-system-x86_64") is None:
        raise SystemExit("qemu-system-x86_64 is missing: ./dev deps --vm")
    directory = image()
    with tempfile.TemporaryDirectory(prefix="warder-vm.", dir="/tmp") as work:
        archive, serial = pathlib.Path(work) / "archive", pathlib.Path(work) / "serial"
        pack(archive, build, filters)
        # The port counts as disconnected, and writing to it waits, once QEMU has seen the end of its standard input.
        with subprocess.Popen(command(directory, archive, serial), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True, errors="replace") as machine:
            limit = threading.Timer(LIMIT, machine.kill)
            limit.start()
            try:
                said_exit = False
                for line in machine.stdout:
                    said_exit = said_exit or line.startswith("exit ")
                    yield line.rstrip("\r\n")
                machine.wait()
                if not said_exit:
                    tail = serial.read_text(errors="replace").splitlines()[-40:] if serial.exists() else []
                    yield "\n".join(["the guest ended without a word; its console:", *tail])
            finally:
                limit.cancel()
                machine.kill()


def main():
    started = time.monotonic()
    code = 1
    for line in boot(SOURCE / "build", sys.argv[1:]):
        print(f"{time.monotonic() - started:6.1f} {line}", flush=True)
        if line.startswith("exit "):
            code = int(line.split()[1])
    return code


if __name__ == "__main__":
    sys.exit(main())
