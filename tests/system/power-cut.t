#!/usr/bin/env python3
"""power-cut - what was acknowledged is there after the power failed

Spool and mailboxes are on two ext4 file systems, on disks that keep nothing
for sure before it is flushed (tests/disk.py).  While mail comes and is
delivered to a mailbox file and a Maildir, the power of both is cut at random
instants.  From what each cut leaves the mail system starts anew, and every
message that had its 250 before must reach both mailboxes.
"""

import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from disk import Disks
from instance import PATIENCE, Instance, Smtp, Tap
from users import become

CUTS, SESSIONS, SIZE_MB = 6, 4, 128
PAUSE = 0.003           # seconds after a message: the disks must not fill up
users = become(["ann", "bea"])


def skip(why):
    print("ok 1 - power cuts # SKIP " + why)
    print("1..1")
    sys.exit(0)


if users is None:
    skip("needs root and namespaces")
if not os.path.exists("/dev/fuse") or not shutil.which("mkfs.ext4") or \
        not shutil.which("losetup"):
    skip("needs /dev/fuse, losetup and mkfs.ext4")
tap = Tap()
top = tempfile.mkdtemp(prefix="rohrpost-power-")
bea = users["bea"][0]
mail = Instance("virtual_mailbox_domains = v.example\n"
                "virtual_mailbox_maps = inline:{bea@v.example=bea/}\n"
                "virtual_uid_maps = static:%d\nvirtual_gid_maps = static:%d\n"
                "minimal_backoff_time = 1s\nqueue_run_delay = 1s\n"
                "deliver_lock_attempts = 60\nstale_lock_time = 1s\n" % (bea, bea))
acked, lock, stop = [], threading.Lock(), threading.Event()


def make_image(name):
    path = "%s/%s.img" % (top, name)
    with open(path, "wb") as f:
        f.truncate(SIZE_MB << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", path], check=True)
    return path


def mount(device, where, *options):
    subprocess.run(["mount", "-t", "ext4"] + list(options) + [device, where],
                   check=True)


def client(number):
    count = 0
    s = Smtp(mail.port)
    s.reply()
    s.command("EHLO client.example")
    while not stop.is_set():
        name = "m%dx%dx" % (number, count)
        count += 1
        s.command("MAIL FROM:<a@example.com>")
        s.command("RCPT TO:<ann@localhost>")
        s.command("RCPT TO:<bea@v.example>")
        s.command("DATA")
        body = "%s\r\n" % ("x" * 70) * random.randint(1, 60)
        if s.command("Subject: %s\r\n\r\n%s." % (name, body))[:3] == "250":
            with lock:
                acked.append(name)
        time.sleep(PAUSE)
    s.close()


def read_all(where):
    parts = []
    for folder, _, files in os.walk(where):
        for f in files:
            parts.append(open(os.path.join(folder, f), "rb").read())
    return b"\n".join(parts)


def subjects(where):
    return set(re.findall(rb"^Subject: (\w+)$", read_all(where), re.M))


def missing(names):
    both = subjects(mail.dir + "/mail/spool") & \
        subjects(mail.dir + "/mail/bea/new")
    return [n for n in names if n.encode() not in both]


def mounts():
    return mail.dir + "/spool", mail.dir + "/mail"


disks = None
try:
    images = {n: make_image(n) for n in ("spool", "mail")}
    os.mkdir(top + "/disks")
    try:
        disks = Disks(top + "/disks", images)
    except OSError as e:
        mail.destroy()
        skip("no FUSE: %s" % e)
    spool, boxes = mounts()
    mount(disks.device["spool"], spool)
    mount(disks.device["mail"], boxes)
    os.chmod(boxes, 0o777)
    os.mkdir(boxes + "/spool")
    os.chmod(boxes + "/spool", 0o1777)
    with open(mail.dir + "/etc/main.cf", "a") as f:
        f.write("mail_spool_directory = %s/spool\n"
                "virtual_mailbox_base = %s\n" % (boxes, boxes))
    mail.start()
    threads = [threading.Thread(target=client, args=(i,))
               for i in range(SESSIONS)]
    for t in threads:
        t.start()
    cuts = []
    mail.wait(lambda: len(acked) > 20, 60)
    for i in range(CUTS):
        time.sleep(random.uniform(0.1, 0.8))
        with lock:
            known = list(acked)
        disks.cut("%s/cut%d." % (top, i))
        cuts.append(known)
    stop.set()
    for t in threads:
        t.join()
    tap.ok(len(acked) > 20, "mail comes while the power is cut %d times" % CUTS,
           len(acked))
    tap.ok(mail.wait(lambda: mail.queue_files() == 0, 120) and
           not missing(acked), "without a cut all of it is delivered",
           missing(acked))
    mail.stop()
    subprocess.run(["umount", spool, boxes], check=True)
    for i, known in enumerate(cuts):
        for name, where in zip(("spool", "mail"), mounts()):
            mount("%s/cut%d.%s" % (top, i, name), where, "-o", "loop")
        mail.start()
        mail.wait(lambda: mail.queue_files() == 0, 120)
        lost = missing(known)
        tap.ok(not lost, "cut %d: the %d messages that had their 250 are there"
               % (i + 1, len(known)), "lost %s\n%s" %
               (lost[:20], mail.log()[-2000:]))
        mail.stop()
        subprocess.run(["umount"] + list(mounts()), check=True)
finally:
    stop.set()
    mail.destroy()
    for where in mounts():
        subprocess.run(["umount", "-l", where], stderr=subprocess.DEVNULL)
    if disks is not None:
        disks.destroy()
    shutil.rmtree(top, ignore_errors=True)
sys.exit(tap.end())
