"""disk - disks with a volatile cache, whose power can be cut

A disk is a file that this process serves over /dev/fuse; a loop device makes
a block device of it.  What was written since the last flush is in the disk's
cache: cut() saves what a power cut would leave, which is all that was flushed
and any part of the rest, in any order, each sector whole.  All disks of one
Disks lose power at the same instant.  Needs root, in a mount namespace.
"""

import ctypes
import os
import random
import socket
import struct
import subprocess
import sys

SECTOR = 512
ENOSYS, ENOENT, EOPNOTSUPP = 38, 2, 95
LOOKUP, FORGET, GETATTR, SETATTR, OPEN, READ, WRITE, STATFS, RELEASE, FSYNC, \
    FLUSH, INIT, INTERRUPT, DESTROY, BATCH_FORGET, FALLOCATE = \
    1, 2, 3, 4, 14, 15, 16, 17, 18, 20, 25, 26, 36, 38, 42, 43
MAX_WRITE = 128 * 1024


class Image:
    def __init__(self, path):
        self.now = bytearray(open(path, "rb").read())
        self.kept = bytearray(self.now)
        self.cache = []                 # (offset, bytes) since the last flush

    def write(self, offset, data):
        self.now[offset:offset + len(data)] = data
        self.cache.append((offset, data))

    def flush(self):
        for offset, data in self.cache:
            self.kept[offset:offset + len(data)] = data
        self.cache = []

    def cut(self, path, chance):
        left = bytearray(self.kept)
        for offset, data in self.cache:
            for at in range(0, len(data), SECTOR):
                if chance.random() < 0.5:
                    left[offset + at:offset + at + SECTOR] = \
                        data[at:at + SECTOR]
        with open(path, "wb") as f:
            f.write(left)


class Server:
    """One folder with the images in it, as files."""

    def __init__(self, fd, images):
        self.fd = fd
        self.names = sorted(images)
        self.images = [Image(images[n]) for n in self.names]

    def attr(self, node):
        size = 0 if node == 1 else len(self.images[node - 2].now)
        mode = 0o40755 if node == 1 else 0o100600
        return struct.pack("<6Q10I", node, size, size // 512, 0, 0, 0, 0, 0, 0,
                           mode, 1, 0, 0, 0, 4096, 0)

    def answer(self, unique, data=b"", error=0):
        os.write(self.fd, struct.pack("<IiQ", 16 + len(data), -error, unique) +
                 data)

    def serve(self, request):
        length, op, unique, node = struct.unpack_from("<IIQQ", request)
        body = memoryview(request)[40:length]
        if op in (FORGET, BATCH_FORGET, INTERRUPT):
            return
        if op == INIT:
            self.answer(unique, struct.pack(
                "<IIIIHHIIHHII12H", 7, 31, 0, 1 << 5 | 1 << 22, 16, 12,
                MAX_WRITE, 1, MAX_WRITE // 4096, 0, 0, 0, *[0] * 12)[:64])
        elif op == LOOKUP:
            name = bytes(body).rstrip(b"\0").decode()
            if name not in self.names:
                return self.answer(unique, error=ENOENT)
            child = self.names.index(name) + 2
            self.answer(unique, struct.pack("<4QII", child, 0, 3600, 3600, 0,
                                            0) + self.attr(child))
        elif op in (GETATTR, SETATTR):
            self.answer(unique, struct.pack("<QII", 3600, 0, 0) +
                        self.attr(node))
        elif op == OPEN:
            self.answer(unique, struct.pack("<QII", node, 2, 0))
        elif op == READ:
            _, offset, size = struct.unpack_from("<QQI", body)
            self.answer(unique, bytes(
                self.images[node - 2].now[offset:offset + size]))
        elif op == WRITE:
            _, offset, size = struct.unpack_from("<QQI", body)
            self.images[node - 2].write(offset, bytes(body[40:40 + size]))
            self.answer(unique, struct.pack("<II", size, 0))
        elif op == FSYNC:
            self.images[node - 2].flush()
            self.answer(unique)
        elif op in (FLUSH, RELEASE, DESTROY):
            self.answer(unique)
        elif op == STATFS:
            self.answer(unique, struct.pack("<5Q4I6I", 1 << 20, 1 << 19,
                        1 << 19, 1000, 900, 4096, 255, 4096, 0, *[0] * 6))
        else:
            self.answer(unique, error=EOPNOTSUPP if op == FALLOCATE
                        else ENOSYS)

    def run(self, orders):
        import select
        chance = random.Random()
        while True:
            ready, _, _ = select.select([self.fd, orders], [], [])
            if orders in ready:
                prefix = orders.recv(4096).decode()
                if not prefix:
                    return
                for name, image in zip(self.names, self.images):
                    image.cut(prefix + name, chance)
                orders.send(b"done")
            if self.fd in ready:
                try:
                    self.serve(os.read(self.fd, MAX_WRITE + 65536))
                except OSError:
                    return


class Disks:
    """`images` {name: file with the first content}; .device[name] then."""

    def __init__(self, folder, images):
        libc = ctypes.CDLL(None, use_errno=True)
        self.folder = folder
        fd = os.open("/dev/fuse", os.O_RDWR)
        options = b"fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other" % fd
        if libc.mount(b"disks", folder.encode(), b"fuse", 0, options):
            raise OSError(ctypes.get_errno(), "mount fuse")
        self.orders, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            self.orders.close()
            try:
                Server(fd, images).run(theirs)
            finally:
                os._exit(0)
        os.close(fd)
        theirs.close()
        self.device = {}
        for name in images:
            self.device[name] = subprocess.run(
                ["losetup", "-f", "--show", folder + "/" + name], check=True,
                stdout=subprocess.PIPE, text=True).stdout.strip()

    def cut(self, prefix):
        """Files prefix + name: the disks as a power cut now leaves them."""
        self.orders.send(prefix.encode())
        self.orders.recv(10)

    def destroy(self):
        for device in self.device.values():
            subprocess.run(["losetup", "-d", device])
        subprocess.run(["umount", "-l", self.folder])
        self.orders.close()
        os.waitpid(self.pid, 0)
