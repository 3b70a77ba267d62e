#!/usr/bin/env python3
"""hostile-users - what users of this host can do to its mail, and may not

Run as root, with a user eve who controls her home, her mailbox's directory
(which all may write to, as a spool of old), her .forward and her commands; ann
is somebody else.  Nothing that eve names may be written, read or run with
more rights than hers, and nobody else's mail may be held up or lost.
"""

import os
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import BIN, PATIENCE, Instance, Tap
from users import as_user, become

LIMIT = 6 * PATIENCE                    # seconds a command may run

users = become(["eve", "ann"])
if users is None:
    print("ok 1 - hostile users # SKIP needs root and namespaces")
    print("1..1")
    sys.exit(0)
eve, ann = users["eve"], users["ann"]
tap = Tap()
mail = Instance("command_time_limit = %ds\n"
                "deliver_lock_attempts = 2\n"
                "minimal_backoff_time = 1s\nqueue_run_delay = 1s\n"
                "maximal_backoff_time = 1s\n"
                "allow_mail_to_files = alias,forward,include\n"
                "allow_mail_to_commands = alias,forward,include\n"
                "notify_classes =\n" % LIMIT)
spool = mail.dir + "/mail"
secret = mail.dir + "/secret"
number = 0


def tells_of_shadow():
    lines = [line.strip() for line in open("/etc/shadow") if line.strip()]
    log = mail.log()
    return any(line in log for line in lines)


def setting(**values):
    mail.run("postconf", *["-e"] + ["%s=%s" % v for v in values.items()])
    mail.reload()


def send(to, text="text\n", count=1):
    """The queue id, once it is known from the log."""
    global number
    for _ in range(count):
        number += 1
        p = mail.run("sendmail", "-f", "<>", to,
                     input=("Subject: n%d\n\n%s" % (number, text)).encode())
        assert p.returncode == 0, p.stderr
    return number


def outcome(to, seconds=60):
    """What the log says last about the recipient: "sent (...)"."""
    def lines():
        return [l for l in mail.log()[mark:].splitlines()
                if "to=<%s@" % to in l and "status=" in l]
    mail.wait(lines, seconds)
    return lines()[-1].split("status=")[1] if lines() else "nothing"


def deliver(to, text="text\n", seconds=60):
    global mark
    mail.run("postsuper", "-d", "ALL")      # what waits from before
    mail.wait(lambda: mail.queue_files() == 0, 20)
    mark = len(mail.log())
    send(to, text)
    return outcome(to, seconds)


def forward(text, user=eve):
    path = user[1] + "/.forward"
    as_user(user, "rm -rf .forward")
    with open(path, "w") as f:
        f.write(text)
    os.chown(path, *[user[0]] * 2)
    os.chmod(path, 0o644)


def no_forward():
    as_user(eve, "rm -rf .forward*")


def fresh_mailbox():
    subprocess.run("rm -rf %s/*" % spool, shell=True)


def ann_gets_mail(name):
    got = deliver("ann")
    tap.ok(got.startswith("sent"), name, got + mail.log()[-2000:])


def running(name):
    """eve's processes of that name that have not ended."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat = open("/proc/%s/stat" % pid).read()
            if os.stat("/proc/" + pid).st_uid == eve[0] and \
                    "(%s) Z" % name not in stat and "(%s)" % name in stat:
                found.append(pid)
        except OSError:
            pass
    return found


def linked_mailboxes():
    for kind in ("-s", ""):
        fresh_mailbox()
        with open(secret, "w") as f:
            f.write("root's\n")
        os.chmod(secret, 0o600)
        # A hard link needs protected_hardlinks off: root makes it for her.
        subprocess.run(["ln"] + ([kind] if kind else []) + [secret,
                       spool + "/eve"], check=True)
        if kind:
            os.chown(spool + "/eve", *[eve[0]] * 2, follow_symlinks=False)
        got = deliver("eve")
        tap.ok(not got.startswith("sent") and
               open(secret).read() == "root's\n",
               "a mailbox that is a %s link is not written through"
               % ("symbolic" if kind else "hard"), got)
    fresh_mailbox()
    as_user(eve, "ln -s %s %s/eve.lock; ln -s %s/victim %s/eve"
            % (secret, spool, mail.dir, spool))
    deliver("eve")
    tap.ok(open(secret).read() == "root's\n" and
           not os.path.exists(mail.dir + "/victim"),
           "nor is the lock file's link, nor one to nowhere")
    fresh_mailbox()
    as_user(eve, "mkfifo %s/eve" % spool)
    started = time.monotonic()
    got = deliver("eve")
    tap.ok(not got.startswith("sent") and
           time.monotonic() - started < 60 * PATIENCE,
           "a mailbox that is a pipe holds nobody up", got)
    fresh_mailbox()
    as_user(eve, ": >%s/ann" % spool)
    got = deliver("ann")
    tap.ok(got.startswith("deferred") and
           os.path.getsize(spool + "/ann") == 0,
           "ann's mail does not go into a file of eve's", got)
    fresh_mailbox()


def swapped_while_delivering():
    fresh_mailbox()
    with open(secret, "w") as f:
        f.write("root's\n")
    os.chmod(secret, 0o600)
    swapper = as_user(eve, "while :; do : >%s/eve; rm -f %s/eve; "
                      "ln -s %s %s/eve; rm -f %s/eve; "
                      "mkdir %s/eve; rmdir %s/eve; done" %
                      ((spool, spool, secret) + (spool,) * 4), True)
    global mark
    mark = len(mail.log())
    send("eve", count=40)
    mail.wait(lambda: mail.log()[mark:].count("to=<eve@") >= 40, 120)
    os.killpg(swapper.pid, signal.SIGKILL)
    swapper.wait()
    tap.ok(open(secret).read() == "root's\n",
           "a mailbox that is swapped for a link while mail comes")
    fresh_mailbox()
    mail.run("postsuper", "-d", "ALL")


def maildir_links():
    setting(home_mailbox="Maildir/")
    os.mkdir(mail.dir + "/closed", 0o700)
    as_user(eve, "mkdir -p Maildir/cur Maildir/tmp; "
            "ln -s %s/closed Maildir/new" % mail.dir)
    got = deliver("eve")
    tap.ok(not got.startswith("sent") and not os.listdir(mail.dir + "/closed"),
           "a Maildir's link leads nowhere that eve may not write", got)
    as_user(eve, "rm -rf Maildir; ln -s %s/closed Maildir" % mail.dir)
    got = deliver("eve")
    tap.ok(not got.startswith("sent") and not os.listdir(mail.dir + "/closed"),
           "nor does a link in the Maildir's place", got)
    as_user(eve, "rm -rf Maildir")
    setting(home_mailbox="")


def forward_files():
    forward("%s\n" % secret)
    os.chmod(secret, 0o600)
    got = deliver("eve")
    tap.ok("root's\n" == open(secret).read() and not got.startswith("sent"),
           ".forward names a file of root's", got)
    forward(":include:/etc/shadow\n")
    got = deliver("eve")
    tap.ok(not tells_of_shadow(), ".forward includes /etc/shadow: nothing of "
           "it is told", got)
    forward("")
    as_user(eve, "rm .forward; ln -s /etc/shadow .forward")
    got = deliver("eve")
    tap.ok(not tells_of_shadow(), ".forward is a link to /etc/shadow", got)
    as_user(eve, "rm -f .forward; mkfifo .forward")
    got = deliver("eve")
    tap.ok(got != "nothing", ".forward is a pipe", got)
    forward("\\eve\n")
    os.chmod(eve[1] + "/.forward", 0o666)
    forward("ann\n")
    os.chown(eve[1] + "/.forward", ann[0], ann[0])
    deliver("eve")
    tap.ok(mail.logged("bad owner"), ".forward of another user is not read")
    no_forward()


def others_lists():
    """What ann keeps in files may come from anybody's mail."""
    as_user(ann, "(echo '\"|id -un >%s/ran\"'; echo %s/file) >list; "
            "chmod 644 list; rm -f ran file" % (eve[1], eve[1]))
    as_user(eve, "chmod 777 .; rm -f ran file")
    forward(":include:%s/list\n" % ann[1])
    deliver("eve")
    mail.wait(lambda: os.path.exists(eve[1] + "/file") and
              os.path.exists(eve[1] + "/ran") and mail.queue_files() == 0)
    who = open(eve[1] + "/ran").read().strip()
    owner = os.stat(eve[1] + "/file").st_uid
    as_user(eve, "chmod 755 .")
    tap.ok(who == "eve" and owner == eve[0],
           "eve includes a file of ann's: run and written as eve",
           [who, owner])
    no_forward()


def administrators_lists():
    """An alias of root's names a file in eve's folder."""
    listed = eve[1] + "/listed"
    setting(alias_maps="inline:{{list=:include:%s}}" % listed)
    for path, uid, text in (
            (secret, 0, "root-says@nowhere.invalid\n"),
            (ann[1] + "/mbox", ann[0], '"|id -un >%s/ran"\n' % ann[1])):
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, 0o600)
        os.chown(path, uid, uid)
    as_user(eve, "echo '\"|id -un >ran\"' | sed 's,>,>'$PWD/, >listed")
    got = deliver("list")
    tap.ok(got.startswith("sent") and
           open(eve[1] + "/ran").read() == "eve\n",
           "a list of eve's that root has named: run as eve", got)
    for target, what in ((secret, "a file of root's"),
                         (ann[1] + "/mbox", "ann's mail")):
        as_user(eve, "ln -sf %s listed" % target)
        got = deliver("list")
        tap.ok(not got.startswith("sent") and
               "root-says" not in mail.log() and
               not os.path.exists(ann[1] + "/ran"),
               "is made a link to %s: neither read nor obeyed" % what, got)
    swapper = as_user(eve, "while :; do ln -sf %s listed; "
                      "ln -sf %s/mbox listed; : >new; mv new listed; done" %
                      (secret, ann[1]), True)
    global mark
    mark = len(mail.log())
    send("list", count=40)
    mail.wait(lambda: mail.log()[mark:].count("to=<list@") >= 40, 120)
    os.killpg(swapper.pid, signal.SIGKILL)
    swapper.wait()
    tap.ok("root-says" not in mail.log() and
           not os.path.exists(ann[1] + "/ran"),
           "nor while it is swapped, file and link, and mail comes")
    as_user(eve, "rm -f listed new ran")
    with open(listed, "w") as f:
        f.write('ann\n"|id -un >%s/ran"\n' % eve[1])
    os.chmod(eve[1], 0o700)
    got = deliver("list")
    os.chmod(eve[1], 0o755)
    tap.ok(got.startswith("sent") and
           open(eve[1] + "/ran").read() == "eve\n",
           "a file of root's in eve's folder is eve's list", got)
    os.unlink(listed)
    os.unlink(ann[1] + "/mbox")
    setting(alias_maps="")
    mail.run("postsuper", "-d", "ALL")


def swapped_forward_file():
    for path, text, uid in (
            (secret, "root-says@nowhere.invalid\n", 0),
            (ann[1] + "/private", "ann-says@nowhere.invalid\n", ann[0])):
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, 0o600)
        os.chown(path, uid, uid)
    swapper = as_user(eve, "while :; do ln -sf %s .forward; rm -f .forward; "
                      "echo '\\eve' >.forward; ln -sf %s/private .forward; "
                      "mkfifo new; mv new .forward; "
                      "echo :include:%s >new; mv new .forward; done" %
                      (secret, ann[1], secret), True)
    global mark
    mark = len(mail.log())
    send("eve", count=40)
    ok = mail.wait(lambda: mail.log()[mark:].count("to=<eve@") >= 40, 120)
    os.killpg(swapper.pid, signal.SIGKILL)
    swapper.wait()
    log = mail.log()[mark:]
    tap.ok(ok and "root-says" not in log and "ann-says" not in log,
           "a .forward that is swapped for links, pipes and :include: while "
           "mail comes tells nothing", log[-1000:])
    no_forward()
    fresh_mailbox()
    mail.run("postsuper", "-d", "ALL")


def loops_and_bombs():
    forward("ann\n")
    forward("eve\n", ann)
    global mark
    mark = len(mail.log())
    send("eve")
    ok = mail.wait(lambda: "forwarding loop" in mail.log()[mark:], 30)
    tap.ok(ok and mail.wait(lambda: mail.queue_files() == 0, 30),
           "two who forward to each other: a loop is found",
           mail.log()[mark:])
    as_user(ann, "rm -f .forward")
    as_user(eve, "seq -f 'eve+%g' 200 >list; echo ':include:'$PWD/list "
            ">.forward; for i in 1 2 3; do echo eve+$i >.forward+$i; done")
    mark = len(mail.log())
    send("eve")
    mail.wait(lambda: mail.queue_files() == 0, 120)
    got = mail.log()[mark:]
    tap.ok(mail.queue_files() == 0 and got.count("forwarded as") < 500 and
           "panic" not in got, "a .forward bomb of 200 that forward again "
           "ends", "%d files %s" % (mail.queue_files(), got[-1500:]))
    as_user(eve, "echo :include:$PWD/b >a; echo :include:$PWD/a >b; "
            "cp a .forward; echo eve@nowhere.invalid, ann >>b")
    mark = len(mail.log())
    send("eve")
    ok = mail.wait(lambda: "to=<eve@" in mail.log()[mark:], 20)
    tap.ok(ok, ":include: files that include each other end",
           mail.log()[mark:])
    mail.wait(lambda: "to=<ann@" in mail.log()[mark:], 20)
    mail.run("postsuper", "-d", "ALL")
    as_user(eve, "head -c 3000000 /dev/zero | tr '\\0' , >.forward")
    got = deliver("eve")
    tap.ok(got != "nothing", "a .forward of three megabytes", got)
    no_forward()
    fresh_mailbox()
    ann_gets_mail("ann still gets mail")


def commands():
    out = eve[1] + "/out"
    forward('"|(id; env; echo files=`ulimit -Sn`; cat >/dev/null; '
            'ls -l /proc/self/fd) >%s"\n' % out)
    got = deliver("eve")
    text = open(out).read() if os.path.exists(out) else ""
    tap.ok(got.startswith("sent") and "uid=%d" % eve[0] in text and
           "gid=%d" % eve[0] in text and "(root)" not in text,
           "a command has the user's ids and no others", got + text)
    tap.ok("files=1024\n" in text, "the usual number of descriptors", text)
    names = [l.split()[-3] for l in text.splitlines() if " -> " in l]
    tap.ok(set(names) <= {"0", "1", "2", "3"}, "and none of our descriptors",
           text)
    forward('"|exec sleep 1000"\n')
    started = time.monotonic()
    got = deliver("eve", seconds=LIMIT + 60)
    tap.ok("time limit" in got and time.monotonic() - started <
           LIMIT + 60 * PATIENCE, "a command that hangs is ended", got)
    forward('"|trap \'\' TERM HUP INT; sleep 1000 & sleep 1001"\n')
    got = deliver("eve", seconds=LIMIT + 60)
    tap.ok("time limit" in got and mail.wait(lambda: not running("sleep")),
           "and so is what it has started",
           "%s %s" % (got, running("sleep")))
    forward('"|setsid sleep 30 & exit 0"\n')
    got = deliver("eve", seconds=LIMIT + 60)
    tap.ok(got != "nothing", "one that leaves a process behind holds nobody "
           "up longer than that", got)
    forward('"|yes; exit 1"\n')
    got = deliver("eve", seconds=LIMIT + 60)
    tap.ok("bounced" in got and len(got) < 20000,
           "endless output is cut", got[:500])
    forward('"|for i in 1 2 3 4 5 6 7 8; do sleep 1000 & done; kill -9 $$"\n')
    got = deliver("eve", seconds=LIMIT + 60)
    tap.ok(got != "nothing", "a command that forks and dies", got[:300])
    subprocess.run(["pkill", "-KILL", "-u", str(eve[0])])
    before = mail.processes()
    forward('"|cat >/dev/null; kill -9 $PPID; kill -9 -1; exit 0"\n')
    got = deliver("eve", seconds=LIMIT + 60)
    tap.ok(got != "nothing", "a command that kills all it can", got)
    left = mail.processes()
    tap.ok(before and all(pid in left for pid, name in before.items()
                          if name in ("master", "qmgr", "local")),
           "and can't kill the mail system", "%s %s" % (before, left))
    forward('"|exec head -c 1 >/dev/null"\n')
    got = deliver("eve", "x" * 70 + "\n" + ("y" * 70 + "\n") * 20000)
    tap.ok(got.startswith("sent"), "a command that reads one byte of much",
           got)
    no_forward()
    ann_gets_mail("ann gets mail all the same")


def recorded_submission():
    """What the sendmail command says to pickup, from a pickup of our own."""
    here = mail.dir + "/recorder"
    os.makedirs(here + "/etc")
    os.makedirs(here + "/spool/pid")
    with open(here + "/etc/main.cf", "w") as f:
        f.write(open(mail.dir + "/etc/main.cf").read().replace(
            mail.dir + "/spool", here + "/spool"))
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(here + "/spool/pid/submit")
        s.listen()
        p = subprocess.Popen([os.path.join(BIN, "sendmail"), "-C",
                              here + "/etc", "ann"], stdin=subprocess.PIPE,
                             stderr=subprocess.DEVNULL)
        p.stdin.write(b"Subject: n\n\ntext\n")
        p.stdin.close()
        got = b""
        with s.accept()[0] as c:
            c.settimeout(10 * PATIENCE)
            while b"text" not in got:
                got += c.recv(100000)
        p.wait()
    return got


def many_submissions():
    # Messages that are begun and never end: each holds a session of cleanup.
    begun = recorded_submission()[:-20]
    mark = len(mail.log())
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setresgid(eve[0], eve[0], eve[0])
        os.setresuid(eve[0], eve[0], eve[0])
        held = []
        for _ in range(200):
            s = socket.socket(socket.AF_UNIX)
            s.connect(mail.dir + "/spool/pid/submit")
            s.sendall(begun)
            held.append(s)
        os.write(tell, b".")
        signal.pause()
    os.read(told, 1)
    mail.wait(lambda: mail.log()[mark:].count("uid=%d " % eve[0]) >= 50)
    time.sleep(0.5)
    count = mail.log()[mark:].count("uid=%d " % eve[0])
    tap.ok(count == 50, "of 200 messages that never end 50 are begun", count)
    ann_gets_mail("others send and get mail meanwhile")
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    tap.ok(mail.wait(lambda: mail.log()[mark:].count(
        "message not taken") >= 200, 30), "and all of them end with her",
        mail.log()[mark:].count("message not taken"))


def huge_environment():
    p = subprocess.run(
        [os.path.join(os.path.dirname(mail.run.__globals__["BIN"]), "bin",
                      "sendmail"), "-f", "eve", "ann"],
        input=b"Subject: env\n\ntext\n", stderr=subprocess.PIPE,
        env=dict({"V%d" % i: "x" * 100000 for i in range(18)},
                 MAIL_CONFIG=mail.dir + "/etc"))
    tap.ok(p.returncode == 0, "sendmail with two megabytes of environment",
           p.stderr)
    p = subprocess.run(
        [os.path.join(mail.run.__globals__["BIN"], "sendmail"), "-f", "eve",
         "-F", "x" * 120000, "ann"], input=b"Subject: name\n\ntext\n",
        stderr=subprocess.PIPE, env={"MAIL_CONFIG": mail.dir + "/etc"})
    tap.ok(p.returncode in (0, 64, 65, 69, 75), "a full name of 120,000 bytes",
           p.stderr)
    forward('"|env >%s/out"\n' % eve[1])
    as_user(eve, "rm -f out")
    got = deliver("eve+" + "z" * 60)
    tap.ok("LD_PRELOAD" not in open(eve[1] + "/out").read(),
           "nothing of it reaches a command", got)
    no_forward()


def full_disk():
    disk = mail.dir + "/disk"
    os.mkdir(disk)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k,mode=1777",
                       "none", disk]).returncode:
        return
    try:
        for where, kind in ((disk, "mailbox"), (disk + "/", "Maildir")):
            setting(mail_spool_directory=where, mailbox_size_limit="0")
            subprocess.run("rm -rf %s/*" % disk, shell=True)
            first = deliver("eve", "first\n")
            path = disk + "/eve"
            size = os.path.getsize(path)
            got = deliver("eve", ("z" * 70 + "\n") * 10000)
            files = sum(len(f) for _, _, f in os.walk(path))
            tap.ok(first.startswith("sent") and got.startswith("deferred") and
                   (os.path.getsize(path) == size if kind == "mailbox"
                    else files == 1),
                   "a disk that fills up in mid-delivery leaves the %s as it "
                   "was, the mail waits" % kind, first + got)
            subprocess.run(["mount", "-o", "remount,size=30m", disk])
            mail.run("postqueue", "-f")
            tap.ok(mail.wait(lambda: mail.queue_files() == 0, 30),
                   "and comes when there is room", mail.log()[-800:])
            subprocess.run(["mount", "-o", "remount,size=300k", disk],
                           stderr=subprocess.DEVNULL)
            subprocess.run("rm -rf %s/*" % disk, shell=True)
            subprocess.run(["mount", "-o", "remount,size=300k", disk])
    finally:
        setting(mail_spool_directory=spool)
        subprocess.run(["umount", "-l", disk])


def quota():
    setting(mailbox_quota_maps="inline:{eve=20K}")
    fresh_mailbox()
    got = [deliver("eve", ("q" * 70 + "\n") * 120) for _ in range(3)]
    tap.ok(got[0].startswith("sent") and "552 5.2.2" in got[2] and
           os.path.getsize(spool + "/eve") <= 20480,
           "a quota is kept, and said so", got)
    setting(mailbox_quota_maps="")
    fresh_mailbox()


def lock_failures():
    fresh_mailbox()
    deliver("eve")
    holder = as_user(eve, "exec flock -x %s/eve sleep 600" % spool, True)
    as_user(eve, ": >%s/eve.lock" % spool)
    got = deliver("eve")
    tap.ok(got.startswith("deferred") and "lock" in got,
           "a mailbox whose lock is held: the mail waits", got)
    as_user(eve, "rm -f %s/eve.lock" % spool)
    os.killpg(holder.pid, signal.SIGKILL)
    holder.wait()
    mail.run("postqueue", "-f")
    tap.ok(mail.wait(lambda: mail.queue_files() == 0, 30),
           "and comes when it is free", mail.log()[-800:])
    as_user(eve, "rm -f %s/eve.lock; mkdir %s/eve.lock" % (spool, spool))
    got = deliver("eve")
    tap.ok(got.startswith("deferred"), "a directory in the lock file's place",
           got)
    as_user(eve, "rmdir %s/eve.lock" % spool)
    mail.run("postqueue", "-f")
    mail.wait(lambda: mail.queue_files() == 0, 30)


mark = 0
try:
    setting_before = mail.dir + "/etc/main.cf"
    with open(setting_before, "a") as f:
        f.write("mail_spool_directory = %s\n" % spool)
    mail.start()
    ann_gets_mail("mail is delivered")
    linked_mailboxes()
    swapped_while_delivering()
    maildir_links()
    forward_files()
    others_lists()
    administrators_lists()
    swapped_forward_file()
    loops_and_bombs()
    commands()
    many_submissions()
    huge_environment()
    full_disk()
    quota()
    lock_failures()
    ann_gets_mail("and mail is still delivered")
    log = mail.log()
    tap.ok("panic" not in log and "signal 11" not in log and
           "Sanitizer" not in log, "no program died", log[-1000:])
finally:
    subprocess.run(["pkill", "-KILL", "-u", str(eve[0])])
    mail.destroy()
sys.exit(tap.end())
