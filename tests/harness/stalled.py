"""A file system that does not answer: a FUSE daemon in a thread of the test, which keeps some requests waiting until release().

In its root, by name (each a regular file that holds `content`, but for the directory):

    f        answers everything                      open     does not answer OPEN
    attr     does not answer GETATTR                 read     does not answer READ
    dir      a directory with a file "a": RENAME in it is not answered

Without libfuse: the few messages of the kernel's own protocol (linux/fuse.h, version 7.31) are written here.
"""
import ctypes
import errno
import os
import struct
import threading

HEADER = struct.Struct("<IIQQIIII")  # length, opcode, unique, node, uid, gid, pid, padding
LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, RELEASE, FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR, ACCESS, INTERRUPT, DESTROY, \
    BATCH_FORGET, RENAME, RENAME2, CREATE = 1, 2, 3, 14, 15, 17, 18, 25, 26, 27, 28, 29, 34, 36, 38, 42, 12, 45, 35
ROOT, NODES = 1, {"f": 2, "open": 3, "attr": 4, "read": 5, "dir": 6}
BELOW = 7  # dir/a
STALLED = {(3, OPEN), (4, GETATTR), (5, READ), (6, RENAME), (6, RENAME2)}


class StalledFileSystem:
    """Mounted at `point` in this mount namespace while the object lives in its block; any user may use it."""

    def __init__(self, point, content=b"content\n"):
        self.point, self.content = str(point), content
        self.lock = threading.Lock()
        self.waiting, self.stalls = [], True
        self.device = os.open("/dev/fuse", os.O_RDWR)
        libc = ctypes.CDLL(None, use_errno=True)
        options = f"fd={self.device},rootmode=40755,user_id=0,group_id=0,allow_other,default_permissions".encode()
        if libc.mount(b"stalled", self.point.encode(), b"fuse", 6, options) != 0:  # MS_NOSUID | MS_NODEV
            raise OSError(ctypes.get_errno(), "mount of a FUSE file system")
        self.umount = lambda: libc.umount2(self.point.encode(), 2)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()
        self.umount()
        os.close(self.device)

    def stalled(self):
        """How many requests wait now."""
        with self.lock:
            return len(self.waiting)

    def release(self):
        """From now on everything is answered; what waited, too."""
        with self.lock:
            waiting, self.waiting, self.stalls = self.waiting, [], False
        for request in waiting:
            self.answer(*request)

    def serve(self):
        while True:
            try:
                message = os.read(self.device, 1 << 20)
            except OSError as error:
                if error.errno in (errno.ENOENT, errno.EINTR, errno.EAGAIN):
                    continue
                return  # ENODEV: unmounted
            _, opcode, unique, node, *_ = HEADER.unpack_from(message)
            request = (opcode, unique, node, message[HEADER.size:])
            with self.lock:
                if self.stalls and (node, opcode) in STALLED:
                    self.waiting.append(request)
                    continue
            self.answer(*request)

    def attributes(self, node):
        directory = node in (ROOT, NODES["dir"])
        mode = 0o040777 if directory else 0o100755
        return struct.pack("<6Q10I", node, 0 if directory else len(self.content), 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def reply(self, unique, payload=b"", error=0):
        try:
            os.write(self.device, struct.pack("<IiQ", 16 + len(payload), -error, unique) + payload)
        except OSError:
            pass  # interrupted and forgotten

    def answer(self, opcode, unique, node, body):
        if opcode in (FORGET, BATCH_FORGET, INTERRUPT):
            return
        if opcode == INIT:
            self.reply(unique, struct.pack("<4I2H2I2HI7I", 7, 31, 1 << 16, 0, 512, 384, 1 << 17, 1, 32, 0, 0, *[0] * 7))
        elif opcode == LOOKUP:
            name = body.rstrip(b"\0").decode()
            found = NODES.get(name) if node == ROOT else BELOW if (node, name) == (NODES["dir"], "a") else None
            if found is None:
                self.reply(unique, error=errno.ENOENT)
            else:
                # Attributes are asked for again and again, so that GETATTR can be kept waiting.
                self.reply(unique, struct.pack("<4Q2I", found, 0, 60, 0 if found == NODES["attr"] else 60, 0, 0) + self.attributes(found))
        elif opcode == GETATTR:
            self.reply(unique, struct.pack("<Q2I", 0 if node == NODES["attr"] else 60, 0, 0) + self.attributes(node))
        elif opcode in (OPEN, OPENDIR):
            self.reply(unique, struct.pack("<Q2I", 0, 0, 0))
        elif opcode == READ:
            offset, size = struct.unpack_from("<8xQI", body)
            self.reply(unique, self.content[offset:offset + size])
        elif opcode == STATFS:
            self.reply(unique, struct.pack("<5Q4I6I", 0, 0, 0, 0, 0, 4096, 255, 4096, 0, *[0] * 6))
        elif opcode in (RELEASE, RELEASEDIR, FLUSH, READDIR, ACCESS, DESTROY):
            self.reply(unique)
        else:
            self.reply(unique, error=errno.EROFS if opcode in (RENAME, RENAME2, CREATE) else errno.ENOSYS)
