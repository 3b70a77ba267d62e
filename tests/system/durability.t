#!/usr/bin/env python3
"""durability - what is on disk before 250 is said, by strace

For each message over SMTP, in this order: its data is written, the file gets
its name in incoming/, the file is synced, the directory is synced where that
does not go without saying, and only then the client reads its 250.  The numbers are those of mail/queue_file.h.
"""

import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import Instance, Smtp, Tap

MESSAGES = 5
CALLS = "openat,writev,write,linkat,rename,fsync,fdatasync,sendto,unlink,close"

tap = Tap()
mail = Instance("defer_transports = local, smtp\n")


def skip(why):
    print("ok 1 - the order of writing # SKIP " + why)
    print("1..1")
    sys.exit(0)


def trace(pids, path):
    argv = ["strace", "-f", "-y", "-s", "80", "-o", path, "-e", "trace=" + CALLS]
    for pid in pids:
        argv += ["-p", str(pid)]
    p = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)
    seen = 0
    while seen < len(pids):
        line = p.stderr.readline()
        if not line:
            return None
        seen += "attached" in line
    return p


def send(s, number):
    s.command("MAIL FROM:<a@example.com>")
    s.command("RCPT TO:<me@localhost>")
    s.command("DATA")
    return s.command("Subject: m%d\r\n\r\n%s\r\n." % (number, "x" * 500))


def finished(lines):
    """System calls in the order in which they ended, as (name, text)."""
    open_calls, found = {}, []
    for line in lines:
        m = re.match(r"(\d+) +(.*)", line)
        if not m:
            continue
        pid, text = m.groups()
        if text.endswith("<unfinished ...>"):
            open_calls[pid] = text[:-len("<unfinished ...>")]
            continue
        r = re.match(r"<\.\.\. (\w+) resumed>(.*)", text)
        if r:
            text = open_calls.pop(pid, r.group(1) + "(") + r.group(2)
        found.append(text)
    return found


def journal_has_names(path):
    """As util/sys_journal.c: one commit has a file and its new name."""
    dev = os.stat(path).st_dev
    numbers = [str(os.major(dev)), str(os.minor(dev))]
    name = ""
    for line in open("/proc/partitions"):
        if line.split()[:2] == numbers:
            name = line.split()[3]
    return os.path.exists("/proc/fs/jbd2/%s-8" % name) or \
        os.path.exists("/sys/fs/xfs/" + name) and name != ""


def place(calls, pattern, start=0):
    for i in range(start, len(calls)):
        if re.search(pattern, calls[i]):
            return i
    return -1


if not shutil.which("strace"):
    skip("no strace")
try:
    mail.start()
    s = Smtp(mail.port)
    s.reply()
    s.command("EHLO client.example")
    send(s, 0)                              # the workers run now
    pids = [p for p, name in mail.processes().items()
            if name in ("smtpd", "cleanup")]
    path = mail.dir + "/trace"
    tracer = trace(pids, path)
    if tracer is None:
        mail.destroy()
        skip("strace may not attach")
    replies = [send(s, i) for i in range(1, MESSAGES + 1)]
    s.command("NOOP")                       # strace has seen all before
    tracer.terminate()
    tracer.wait()
    lines = open(path).read().splitlines()
    calls = finished(lines)
    for reply in replies:
        queue_id = reply.split()[-1]
        named = place(calls, r'(linkat|rename).*incoming/%s".* = 0' % queue_id)
        fd = re.search(r"(?:linkat\((\d+)<)", calls[named] if named >= 0 else "")
        fd = fd.group(1) if fd else r"\d+"
        written = max([i for i in range(named) if
                       re.match(r"writev?\(%s<" % fd, calls[i])] or [-1])
        synced = place(calls, r"^f(data)?sync\(%s<.*\) += 0" % fd, named)
        directory = place(calls, r"^fsync\(\d+<[^>]*/incoming>\) += 0", synced)
        said = place(calls, r"^sendto\(.*250 2\.0\.0 Ok: queued as %s"
                     % queue_id)
        order = [written, named, synced, directory, said]
        if journal_has_names(mail.dir):
            del order[3]
        tap.ok(-1 not in order and order == sorted(order),
               "%s: written, named (1), synced (2), directory synced (3), 250"
               % queue_id, "%s\n%s" % (order, "\n".join(calls)))
        failed = place(calls, r"fsync\(.* = -1")
        tap.ok(failed < 0, "%s: no sync failed" % queue_id)
finally:
    mail.destroy()
sys.exit(tap.end())
