#!/usr/bin/env python3
"""sendmail, postdrop, pickup: mail of local users, friendly and hostile

A private instance whose messages stay in the queue (defer_transports), so
that they can be looked at.
"""

import glob
import os
import pwd
import re
import socket
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import BIN, Instance, Tap

ROOT = os.geteuid() == 0
USER = "nobody" if ROOT else pwd.getpwuid(os.geteuid()).pw_name
UID = pwd.getpwnam(USER).pw_uid

tap = Tap()
mail = Instance("defer_transports = local, smtp\n"
                "message_size_limit = 20000\n"
                "default_transport = smtp\n")
SPOOL = mail.dir + "/spool"


def sendmail(args, text, name="sendmail"):
    """Run by an ordinary user."""
    env = {"MAIL_CONFIG": mail.dir + "/etc", "PATH": "/usr/bin:/bin"}
    for key in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
        if key in os.environ:
            env[key] = os.environ[key]
    return subprocess.run([BIN + "/" + name] + args, env=env,
                          input=text.encode("latin-1"), cwd="/",
                          user=UID if ROOT else None,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def listed():
    """Ids in the queue, by postqueue -j."""
    out = mail.run("postqueue", "-j").stdout.decode()
    return re.findall(r'"queue_id": "(\w+)"', out)


def content(queue_id):
    return mail.run("postcat", "-bhq", queue_id).stdout.decode("latin-1")


def newest(text):
    """The message that has this text, once cleanup is through with it."""
    found = []

    def look():
        found[:] = [c for c in map(content, listed())
                    if text in c and "Message-Id:" in c]
        return found
    mail.wait(look)
    return found[0] if found else ""


def submit(data):
    """Bytes to pickup's socket; what it answers."""
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(60)
    s.connect(SPOOL + "/pid/submit")
    try:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        return s.recv(4096)
    except OSError:
        return b""
    finally:
        s.close()


def attribute(key, data):
    return struct.pack("=HHI", key, 0, len(data)) + data + b"\0"


def frame(kind, data):
    return struct.pack("=IHH", len(data), kind, 0) + data


def clear():
    mail.run("postsuper", "-d", "ALL")


def test_takes_mail():
    r = sendmail(["-f", "alice@x.example", "me"],
                 "From x\nSubject: one\n\nbody\n.\nnot this\n")
    got = newest("Subject: one")
    tap.ok(r.returncode == 0 and "\n\nbody\n" in got and "not this" not in got
           and "from userid %d" % UID in got,
           "a message is in the queue when the command ends", r.stderr + got.encode())
    r = sendmail(["-t", "-i"], "To: me\nBcc: other@x.example\nSubject: two\n\n.\nend\n")
    got = newest("Subject: two")
    tap.ok(r.returncode == 0 and "\n.\nend\n" in got and "Bcc" not in got,
           "-t takes recipients from the header, -i keeps dots", got)
    tap.ok(mail.logged("uid=%d from=<alice@x.example>" % UID) and
           "postfix/postdrop" not in mail.whole_log(),
           "the kernel tells who it was, and postdrop was not needed",
           mail.log())


def test_closed_descriptors():
    """What is meant for standard error goes into no file or socket."""
    mail.run("postconf", "-e", "no_such_name = x", "authorized_submit_users "
             "= static:anyone")
    env = dict(os.environ, MAIL_CONFIG=mail.dir + "/etc")
    for closed in (">&-", "2>&-", ">&- 2>&-"):
        r = subprocess.run(["sh", "-c", 'exec "$@" ' + closed, "sh",
                            BIN + "/sendmail", "-v", "-v", "-f", "c@x.example",
                            "me"], env=env, input=b"Subject: without " +
                           closed.encode() + b"\n\nx\n",
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        got = newest("Subject: without " + closed + "\n")
        tap.ok(r.returncode == 0 and got.endswith("\n\nx\n"),
               "with %s mail is taken" % closed, r.stderr + got.encode())
    mail.run("postconf", "-X", "no_such_name", "authorized_submit_users")


def test_refuses():
    r = sendmail(["me"], "Subject: big\n\n" + "x" * 70 * 300 + "\n")
    tap.ok(r.returncode == 75 and b"message file too big" in r.stderr,
           "too big a message is refused with a temporary error", r.stderr)
    r = sendmail([], "Subject: x\n\n")
    tap.ok(r.returncode == 75 and b"Recipient addresses must be" in r.stderr,
           "no recipient is an error", r.stderr)
    r = sendmail(["-t"], "Subject: x\n\n")
    tap.ok(r.returncode == 75 and b"No recipient addresses found" in r.stderr,
           "no recipient in the header is an error", r.stderr)
    r = sendmail(["-f", "a\nb@x", "me"], "Subject: line break\n\n")
    tap.ok(not any("line break" in content(i) for i in listed()) or
           "a\nb" not in mail.log(),
           "a line break in the sender goes nowhere", r.stderr)


def test_complaints_are_logged():
    for args, text in (("sendmail -bq", "fatal: unsupported: -bq"),
                       ("sendmail -Xab x", "fatal: unsupported: -Xa"),
                       ("sendmail -bp -t", "fatal: -t can be used only in "
                        "delivery mode"),
                       ("sendmail -Z", "fatal: usage: sendmail [options]"),
                       ("sendmail -N bad -bv", "warning: bad -N option "
                        "value -- ignored"),
                       ("postmap hash:/no/such", "fatal: open /no/such: No "
                        "such file or directory")):
        p = mail.run(*args.split(), input=b"")
        name = args.split()[0]
        tap.ok(p.stderr.decode().endswith("%s: %s\n" % (name, text)) or
               text[:7] == "warning", "a user is told: " + text, p.stderr)
        tap.ok(mail.wait(lambda: re.search(
            r"/%s\[\d+\]: %s\n" % (name, re.escape(text)), mail.log())),
            "and so is the log", mail.log()[-600:])


def test_hostile_client():
    before = mail.processes()
    sender = attribute(2, b"x@y")
    rcpt = attribute(7, attribute(1, b"me"))
    forged = attribute(64 + 2, b"127.9.9.9") + attribute(64 + 24, b"smtp:evil")
    envelope = frame(1, attribute(2, sender + rcpt + forged))
    submit(envelope + frame(2, attribute(3, b"Subject: forged\r\n\r\nx\r\n"))
           + frame(3, b""))
    got = newest("Subject: forged")
    ids = [i for i in listed() if "Subject: forged" in content(i)]
    facts = mail.run("postcat", "-eq", ids[0]).stdout.decode() if ids else ""
    tap.ok(got and "127.9.9.9" not in facts and "evil" not in facts,
           "a client's facts about itself are not believed", facts)
    for data in (b"", b"\0" * 7, b"\xff" * 100, frame(1, b""), frame(9, b"x"),
                 envelope, envelope + frame(2, b"\1"),
                 frame(1, attribute(2, sender + attribute(7, b"\1\2\3"))),
                 frame(1, attribute(2, attribute(2, b"a\r\nb@c") + rcpt)) +
                 frame(3, b""),
                 struct.pack("=IHH", 0xfffffff0, 1, 0) + b"x" * 1000,
                 envelope + struct.pack("=IHH", 100, 2, 0) + b"half"):
        submit(data)
    after = mail.processes()
    tap.ok(all(pid in after for pid in before if before[pid] == "pickup"),
           "no bytes on its socket end pickup")
    if ROOT:
        s = socket.socket(socket.AF_UNIX)
        pid = os.fork()
        if pid == 0:
            os.setuid(UID)
            try:
                s.connect(SPOOL + "/public/cleanup")
            except PermissionError:
                os._exit(0)
            os._exit(1)
        tap.ok(os.waitpid(pid, 0)[1] == 0,
               "users can't talk to cleanup")
    else:
        tap.ok(True, "users can't talk to cleanup # SKIP not root")


def test_maildrop():
    mail.stop()
    # as root: without installation postdrop has no set-gid bit
    env = dict(os.environ, MAIL_CONFIG=mail.dir + "/etc")
    r = subprocess.run([BIN + "/sendmail", "-f", "down@x.example", "-t"],
                       env=env, input=b"To: me\nSubject: while down\n\ntext\n",
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    files = os.listdir(SPOOL + "/maildrop")
    tap.ok(r.returncode == 0 and len(files) == 1,
           "while the system is down postdrop keeps the message", r.stderr)
    with open(SPOOL + "/maildrop/0ABCD123456", "wb") as f:
        f.write(b"this is no message")
    os.symlink("/etc/passwd", SPOOL + "/maildrop/0ABCD123457")
    os.mkfifo(SPOOL + "/maildrop/0ABCD123458")
    mail.start()
    got = newest("Subject: while down")
    tap.ok("text" in got and "Message-Id" in got,
           "it is queued when the system is back", mail.log())
    tap.ok(mail.wait(lambda: os.path.exists(SPOOL + "/corrupt/0ABCD123456")),
           "a file that is no message goes to corrupt/", mail.log())
    tap.ok(not any("root:" in content(i) for i in listed()),
           "a link is not followed")


def test_requeue():
    clear()
    sendmail(["-f", "re@x.example", "me"], "Subject: again\n\nx\n")
    newest("Subject: again")
    mail.wait(lambda: glob.glob(SPOOL + "/deferred/*/*"))
    old = listed()[0]
    mail.run("postsuper", "-r", "ALL")
    mail.run("postkick", "public", "pickup", "W")
    ok = mail.wait(lambda: set(listed()) - {old} and old not in listed())
    tap.ok(ok and mail.logged("orig_id=" + old) and
           newest("Subject: again").count("from userid") == 2,
           "postsuper -r sends a message through cleanup again", mail.log())


def envelope(text):
    """Sender and recipients, as queued, of the message with this text."""
    newest(text)
    for queue_id in listed():
        if text in content(queue_id):
            out = mail.run("postcat", "-eq", queue_id).stdout.decode()
            return (re.findall(r"^sender: ?(.*)", out, re.M),
                    re.findall(r"^recipient: ?(.*)", out, re.M))
    return None


def test_whose_mail():
    cases = (
        ("To: a@x.example\nResent-From: me\nBcc: b@x.example", ["-t"],
         ["a@x.example", "b@x.example"], "Resent-From alone is no resending"),
        ("To: a@x.example\nResent-To: c@x.example", ["-t"],
         ["c@x.example"], "Resent-To: the others count for nothing"),
        ("X: y", ["(nobody)"], ["MAILER-DAEMON@mail.localdomain"],
         "an argument without address is the null address"),
        ("X: y", ["<bob@x.example"], ['<bob@x.example'],
         "an open bracket is part of the address"),
        ("X: y", ["bob@x.example>"], ["bob@x.example"],
         "a bracket that nothing opened is not"),
    )
    for header, args, rcpts, what in cases:
        clear()
        r = sendmail(args, header + "\nSubject: whose\n\ntext\n")
        tap.ok(r.returncode == 0 and envelope("Subject: whose")[1] == rcpts,
               what, r.stderr + mail.run("postcat", "-eq",
                                         *listed()).stdout)
    clear()
    r = sendmail(["-t"], "To: a@x.example\nResent-Bcc:\n\ntext\n")
    tap.ok(r.returncode == 75 and b"No recipient addresses" in r.stderr,
           "nobody in Resent-Bcc: is nobody", r.stderr)
    clear()
    sendmail(["-f", "mailer-daemon", "a@x.example"], "Subject: daemon\n\nx\n")
    tap.ok(envelope("Subject: daemon")[0] == [""],
           "MAILER-DAEMON as sender is the null address")


def test_line_ends():
    clear()
    sendmail(["a@x.example"],
             "Subject: ends\r\r\n\r\none\r\r\ntwo\n.\r\r\nthree\n")
    text = newest("Subject: ends")
    tap.ok("\none\ntwo\n" in text and "three" not in text,
           "any number of CRs before LF goes, before the dot is looked for",
           text)


def test_old_verp():
    for args, words in (
            (["-V", "", "me"], b"bad syntax in -V option value"),
            (["-V+=", "me"], b"option -V+= is deprecated"),
            (["-t", "-bv"], b"-t option cannot be used with -bv"),
            (["-bs", "me"], b"stand-alone mode requires no recipient")):
        r = sendmail(args, "Subject: verp\n\nx\n")
        tap.ok(words in r.stderr, "%s: %s" % (" ".join(args), words.decode()),
               r.stderr)


def test_names():
    r = sendmail([], "", "mailq") if os.path.exists(BIN + "/mailq") else \
        sendmail(["-bp"], "")
    tap.ok(b"-Queue ID-" in r.stdout or b"empty" in r.stdout or
           r.returncode != 0, "-bp shows the queue", r.stdout + r.stderr)


def test_allowed_senders():
    """local_login_sender_maps, with pickup and without it"""
    mail.run("postconf", "-e", "recipient_delimiter = +",
             "local_login_sender_maps = inline:{ { %s = own@home.example, "
             "@list.example } }" % USER)
    mail.run("postfix", "reload")
    mail.wait(lambda: b"not authorized" in
              sendmail(["-f", "<>", "x@there.example"], "text\n").stderr)
    for running in (True, False):
        if not running:
            mail.run("postfix", "stop")
        where = "pickup" if running else "postdrop"
        for sender in ("own@home.example", "Own+x@home.example",
                       "any@list.example"):
            r = sendmail(["-f", sender, "x@there.example"], "text\n")
            # without set-gid postdrop may fail yet, but for other reasons
            tap.ok(b"not authorized" not in r.stderr and
                   (not running or r.returncode == 0),
                   "%s allows %s" % (where, sender), r.stderr)
        for sender in ("other@home.example", "any@sub.list.example", "<>"):
            r = sendmail(["-f", sender, "x@there.example"], "text\n")
            tap.ok(r.returncode == 75 and b"not authorized to use sender='"
                   in r.stderr, "%s refuses %s" % (where, sender),
                   (r.returncode, r.stderr))
    mail.run("postconf", "-X", "local_login_sender_maps")
    mail.run("postfix", "start")


try:
    mail.start()
    test_takes_mail()
    test_closed_descriptors()
    test_refuses()
    test_complaints_are_logged()
    test_hostile_client()
    test_maildrop()
    test_requeue()
    test_whose_mail()
    test_line_ends()
    test_old_verp()
    test_names()
    test_allowed_senders()
finally:
    mail.destroy()
sys.exit(tap.end())
