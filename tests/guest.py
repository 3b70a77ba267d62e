"""guest - another mail system, beside ours and without installing it

Debian packages are unpacked over a throw-away view of this machine (overlay on
a tmpfs, own mount and process namespaces).  The network is shared, so the
guest listens on an address of 127/8 of its own.  All that should be seen from
outside is below self.dir, which is /guest inside.  Needs root.
"""

import glob
import os
import shutil
import subprocess
import tempfile
import time

from instance import PATIENCE, TOP

PACKAGES = os.path.join(TOP, "build/peers")  # conf/deps.sh fills it

SETUP = r"""
set -e
top=$1 share=$2; shift 2
mount --make-rprivate /
mount -t tmpfs -o mode=755 guest "$top"
mkdir "$top/upper" "$top/work" "$top/root"
mount -t overlay overlay \
    -o "lowerdir=/,upperdir=$top/upper,workdir=$top/work" "$top/root"
cd "$top/root"
# /lib is a link and must stay one.
for package; do
	dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink
done
mkdir guest
mount --bind "$share" guest
mount -t proc proc proc
mount --rbind /dev dev
mount -t tmpfs -o mode=755 run run
mount -t tmpfs -o mode=1777 tmp tmp
uid=64001
for name in $USERS; do
	grep -q "^$name:" etc/group || echo "$name:x:$uid:" >>etc/group
	grep -q "^$name:" etc/passwd ||
	    echo "$name:x:$uid:$uid::/guest:/bin/false" >>etc/passwd
	uid=$((uid + 1))
done
chmod 755 guest
exec chroot . /bin/sh /guest/start
"""


class NoGuest(Exception):
    pass


class Guest:
    """`package` names what deps.sh fetched, `users` the accounts it needs;
    `start` is a shell script that ends by becoming the daemon; files are
    written to self.dir first."""

    def __init__(self, package, users, start, files):
        if os.getuid() != 0:
            raise NoGuest("needs root")
        packages = glob.glob("%s/%s/*.deb" % (PACKAGES, package))
        if not packages:
            raise NoGuest("%s was not fetched (make deps-test)" % package)
        self.top = tempfile.mkdtemp(prefix="rohrpost-guest-")
        self.dir = tempfile.mkdtemp(prefix="rohrpost-guest-")
        files = dict(files, start=start)
        for name, text in files.items():
            with open(os.path.join(self.dir, name), "w") as f:
                f.write(text)
        self.output = open(self.dir + "/output", "w+")
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash",
             "-c", SETUP, "guest", self.top, self.dir] + packages,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C",
                 "USERS": users},
            stdin=subprocess.DEVNULL, stdout=self.output,
            stderr=subprocess.STDOUT)

    def said(self):
        with open(self.dir + "/output", errors="replace") as f:
            return f.read()

    def wait_until(self, condition, seconds=60):
        end = time.monotonic() + seconds * PATIENCE
        while not condition():
            if self.process.poll() is not None or time.monotonic() > end:
                said = self.said()
                self.destroy()
                raise NoGuest("does not start: " + said[-300:].strip())
            time.sleep(0.05)

    def destroy(self):
        # One that changed its user does not hear of its parent's end.
        subprocess.run(["pkill", "-KILL", "-P", str(self.process.pid)])
        self.process.kill()
        self.process.wait()
        self.output.close()
        shutil.rmtree(self.dir, ignore_errors=True)
        os.rmdir(self.top)
