#!/usr/bin/env python3
"""milter - scripted milters, milters that break, OpenDKIM, Rspamd

What was answered with 250 is in the queue or delivered as the milters left
it; what was not, is nowhere.
"""

import glob
import hashlib
import os
import signal
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import private
from instance import PATIENCE, Instance, Smtp, Tap, free_port
from milter import Milter
from private import Missing, Place

WAIT = 5 if PATIENCE == 1 else 10       # seconds that a milter gets

tap = Tap()
master = ""


def service(milters, *options):
    """A port where smtpd has these milters."""
    global master
    port = free_port()
    text = ", ".join(m if isinstance(m, str) else "inet:127.0.0.1:%d" % m.port
                     for m in milters)
    master += "127.0.0.1:%d inet n - n - - smtpd\n  -o { smtpd_milters=%s }\n" \
        % (port, text) + "".join("  -o %s\n" % o for o in options)
    return port


MESSAGE = "Subject: one\r\nX-A: 1\r\nX-A: 2\r\nX-Fold: a\r\n b\r\n\r\ntext\r\n"


def deliver(port, message=MESSAGE, rcpts=("me@localhost",), more=()):
    """Replies to everything up to the end of data."""
    s = Smtp(port)
    replies = [s.reply()]
    for line in ["EHLO client.example", "MAIL FROM:<a@example.com>"] + \
            ["RCPT TO:<%s>" % r for r in rcpts] + ["DATA"]:
        replies.append(s.command(line))
        if replies[-1] == "":
            return replies
    if replies[-1][:3] == "354":
        replies.append(s.command(message + "."))
        for line in more:
            replies.append(s.command(line))
    s.close()
    return replies


def mails():
    """What has been delivered, taken away."""
    text = []
    for path in sorted(glob.glob(mail.dir + "/mail/*/new/*")):
        text.append(open(path, "rb").read())
        os.unlink(path)
    return text


def arrived():
    got = []

    def there():
        got.extend(mails())
        return got and mail.queue_files() == 0
    mail.wait(there, 30)
    return b"".join(got)


# --- the scripts

stages = {"connect": ".", "helo": ".", "mail": ".", "rcpt": ".", "data": "",
          "header": "one", "eoh": "", "body": ".", "eom": ""}
verdicts = {}
for stage, pattern in stages.items():
    for name, action in (("reject", "reject"), ("tempfail", "tempfail"),
                         ("reply", ("reply", "550-5.7.9 no\r\n550 5.7.9 way")),
                         ("accept", "accept"), ("close", "close"),
                         ("garbage", ("raw", b"\0\0\0\0")),
                         ("too long", ("raw", b"\177\377\377\377x")),
                         ("wrong", ("raw", b"\0\0\0\2+x"))):
        if stage == "eom" and name == "wrong":
            continue
        m = Milter((stage, pattern, action))
        verdicts[stage, name] = (m, service([m]))

quiet = Milter(protocol=0xff080)
quiet_port = service([quiet])
big = b"".join(b"%06d %s\r\n" % (i, b"x" * 100) for i in range(20000))
editor = Milter(
    ("eom", "", ("addheader", "X-Added", "yes\n\tfolded"),
     ("insheader", 1, "X-First", "f"), ("insheader", 0, "X-Top", "t"),
     ("chgheader", 1, "X-A", "changed"), ("chgheader", 2, "X-A", ""),
     ("chgheader", 1, "X-New", "made"), ("delrcpt", "<postmaster@localhost>"),
     ("addheader", "X-Evil", "a\nInjected: b\n\nbody?")))
editor_port = service([editor])
smaller, larger = Milter(("eom", "", ("replbody", b"small"))), \
    Milter(("eom", "", ("replbody", big)))
smaller_port, larger_port = service([smaller]), service([larger])
both = [Milter(("eom", "", ("addheader", "X-One", "1"))),
        Milter(("header", "X-One", "continue"))]
both_port = service(both)
partial = Milter(("eom", "", ("addheader", "X-P", "1"), ("replbody", b"new"),
                  ("addrcpt", "<postmaster@localhost>"), "close"))
partial_port = service([partial], "milter_default_action=accept")
partial_first = service([partial])
hang = Milter(("eom", "", ("sleep", 5 * WAIT)))
hang_port = service([hang])
slow = Milter(("eom", "", ("sleep", 0.6 * WAIT), "progress",
               ("sleep", 0.6 * WAIT), "progress", ("sleep", 0.6 * WAIT)))
slow_port = service([slow])
endless = Milter(("eom", "", ("sleep", 8 * WAIT)))
endless_port = service([endless], "milter_content_timeout=100s")
hold = Milter(("eom", "", ("quarantine", "look at it")))
hold_port = service([hold])
gone_port = {a: service(["{ inet:127.0.0.1:%d, default_action=%s }" %
                         (free_port(), a)])
             for a in ("accept", "reject", "tempfail", "shutdown")}
versions = {v: Milter(version=v) for v in (2, 3, 4)}
version_port = {v: service([m]) for v, m in versions.items()}
bad_options = {name: service([Milter(options=o)]) for name, o in (
    ("another version", b"\0\0\0\15O\0\0\0\11" + b"\0" * 8),
    ("none", b"\0\0\0\1c"), ("half", b"\0\0\0\3O\0\0"),
    ("unknown actions", b"\0\0\0\15O\0\0\0\6\0\0\377\377\0\0\0\0"))}
local = Milter(("mail", "refused", "reject"), ("mail", "later", "tempfail"),
               ("eom", "", ("addheader", "X-Local", "seen")))
plain_port = service([])

settings = ("smtpd_error_sleep_time = 0s\nmilter_default_action = tempfail\n"
            "milter_connect_timeout = %ds\nmilter_command_timeout = %ds\n"
            "milter_content_timeout = %ds\nmessage_size_limit = 5000000\n"
            "non_smtpd_milters = inet:127.0.0.1:%d\n"
            % (WAIT, WAIT, WAIT, local.port))


# --- real ones

def opendkim(place, mode, hosts):
    program, root = place.find("opendkim", "opendkim")
    port = free_port()
    with open("%s/dkim-%s.conf" % (place.dir, mode), "w") as f:
        f.write("Mode %s\nSocket inet:%d@127.0.0.1\nSyslog no\n"
                "UserID nobody\nDomain example.com\nSelector s\n"
                "KeyFile %s/key.pem\nRequireSafeKeys no\n"
                "InternalHosts %s\nTestPublicKeys %s/keys\n"
                "AlwaysAddARHeader yes\nAuthservID mx.example\n" %
                (mode, port, place.dir, hosts, place.dir))
    place.start([program, "-f", "-x", "%s/dkim-%s.conf" % (place.dir, mode)],
                root, private.answers(port))
    return "inet:127.0.0.1:%d" % port


def make_keys(place):
    key = place.dir + "/key.pem"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True,
                   stderr=subprocess.DEVNULL)
    pub = subprocess.run(["openssl", "rsa", "-in", key, "-pubout"], check=True,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         text=True).stdout
    with open(place.dir + "/keys", "w") as f:
        f.write("s._domainkey.example.com v=DKIM1; k=rsa; p=%s\n" %
                "".join(pub.split("\n")[1:-2]))
    for name in ("key.pem", "keys"):
        os.chmod(place.dir + "/" + name, 0o644)


def rspamd(place):
    program, root = place.find("rspamd", "rspamd")
    port, dir = free_port(), place.dir
    share = root + "/usr/share/rspamd"
    with open(dir + "/rspamd.conf", "w") as f:
        f.write("""
options { pidfile = "%s/rspamd.pid"; filters = ""; cache_file = "%s/map";
  hs_cache_dir = "%s"; rrd = ""; stats_file = "%s/stats";
  url_tld = "%s/tld"; tempdir = "%s";
  dns { nameserver = ["127.0.0.1:1"]; timeout = 0.1s; retransmits = 1; } }
logging { type = "console"; level = "warning"; }
actions { reject = 15; add_header = 6; }
worker "rspamd_proxy" { bind_socket = "127.0.0.1:%d"; milter = yes; count = 1;
  timeout = 20s; upstream "local" { self_scan = yes; default = yes; } }
""" % (dir, dir, dir, dir, dir, dir, port))
    with open(dir + "/tld", "w") as f:      # the real one takes minutes
        f.write("com\norg\nnet\n")
    for name in ("rspamd.conf", "tld"):
        os.chmod(dir + "/" + name, 0o644)
    env = place.environment(root)
    if root:
        env["LD_LIBRARY_PATH"] += ":" + root + "/usr/lib/rspamd"
    place.environment = lambda r: dict(
        env, SHAREDIR=share, PLUGINSDIR=share + "/plugins",
        RULESDIR=share + "/rules", LUALIBDIR=share + "/lualib",
        DBDIR=dir, RUNDIR=dir, LOGDIR=dir)
    place.start([program, "-f", "-c", dir + "/rspamd.conf", "-i"], root,
                private.answers(port))
    return "inet:127.0.0.1:%d" % port


place = Place()
make_keys(place)
real = {}
for name, start in (("opendkim", lambda: [opendkim(place, "s", "127.0.0.1"),
                                          opendkim(place, "v", "192.0.2.1")]),
                    ("rspamd", lambda: [rspamd(place)])):
    try:
        real[name] = start()
        real[name + " port"] = service(real[name])
    except (Missing, subprocess.SubprocessError) as why:
        real[name] = None
        print("# %s: %s" % (name, why.args[0]))

mail = Instance(settings, master)
mail.start()


# --- verdicts

def verdict_test(stage, name):
    milter, port = verdicts[stage, name]
    replies = deliver(port)
    last = replies[-1]
    if name == "accept":
        return last[:3] == "250" and b"text" in arrived(), replies
    if name == "reject":
        want = "550 5.7.1 Command rejected"
    elif name == "reply":
        want = "550 5.7.9 way"
    else:
        want = "451 4.7.1 Service unavailable - try again later"
    return want in replies and last[:3] != "250" and \
        mail.queue_files() == 0 and not mails(), replies


for name in ("reject", "tempfail", "reply", "accept", "close", "garbage",
             "too long", "wrong"):
    bad = []
    for stage in stages:
        if (stage, name) not in verdicts:
            continue
        good, replies = verdict_test(stage, name)
        if not good:
            bad.append((stage, replies))
    tap.ok(not bad, "%s at every stage" % name, bad)

for name, port in bad_options.items():
    tap.ok("451 4.7.1 Service unavailable - try again later" in deliver(port),
           "options of %s are refused" % name)

# --- the protocol

tap.ok(deliver(quiet_port)[-1][:3] == "250" and b"text" in arrived(),
       "a milter that answers nothing but the end")
told = [e for e in quiet.seen[0] if e[0] == "header"]
tap.ok(("header", "X-Fold a\n b") in told and
       not any(e[1].startswith("Received") for e in told),
       "sees headers as they are, but not our own Received", told)
for v, port in version_port.items():
    good = deliver(port)[-1][:3] == "250" and b"text" in arrived()
    has_data = any(e[0] == "data" for e in versions[v].seen[0])
    tap.ok(good and has_data == (v >= 4), "version %d" % v)

count = len(both[0].seen)
s = Smtp(both_port)
s.reply()
s.command("EHLO client.example")
ok = True
for i in range(3):
    s.command("MAIL FROM:<a@example.com> SIZE=100")
    s.command("RCPT TO:<me@localhost>")
    s.command("DATA")
    ok &= s.command(MESSAGE + ".")[:3] == "250"
s.command("QUIT")
text = b""
mail.wait(lambda: mail.queue_files() == 0)
for t in mails():
    text += t
tap.ok(ok and text.count(b"X-One: 1") == 3 and len(both[0].seen) == count + 1,
       "three messages over one connection")
mail.wait(lambda: "quit" in both[0].seen[-1])
tap.ok([e if isinstance(e, str) else e[0] for e in both[0].seen[-1]][-2:] ==
       ["abort", "quit"] and both[0].seen[-1].count("abort") == 4,
       "ends each message, then the session", both[0].seen[-1])
tap.ok(("header", "X-One 1") in both[1].seen[-1],
       "the second sees what the first has added")
tap.ok(("mail", "<a@example.com> SIZE=100") in both[0].seen[-1],
       "sees parameters of MAIL")

# --- bodies and changes

deliver(quiet_port, "Subject: big\r\n\r\n" + big.decode() + "..dot\r\n")
arrived()
tap.ok(hashlib.sha256(b"".join(quiet.body[1:])).digest() ==
       hashlib.sha256(big + b".dot\r\n").digest() and
       max(map(len, quiet.body)) == 65535,
       "a large body comes whole, in pieces of 65535")

reply = deliver(editor_port, rcpts=("me@localhost", "postmaster@localhost"))
text = arrived().decode().replace("\r\n", "\n")
header = text.split("\n\n")[0]
tap.ok("X-A: changed\n" in text and "X-A: 2" not in text and
       "X-Added: yes\n\tfolded\n" in text and "X-New: made\n" in text,
       "adds, changes and deletes headers", text)
tap.ok(header.find("X-Top: t") < header.find("Received:") <
       header.find("X-First: f") < header.find("Subject:"),
       "inserts above and below our Received", text)
tap.ok("\n\tInjected: b\n\tbody?\n" in text, "no header slips in", text)
tap.ok(text.count("X-First:") == 1, "a deleted recipient gets nothing", text)

deliver(smaller_port, "Subject: x\r\n\r\n" + big.decode())
text = arrived()
tap.ok(text.replace(b"\r\n", b"\n").rstrip().endswith(b"\n\nsmall"),
       "a smaller body", text[-100:])
deliver(larger_port)
text = arrived().replace(b"\r\n", b"\n")
tap.ok(big.replace(b"\r\n", b"\n") in text and b"\ntext\n" not in text,
       "a larger body", len(text))

# --- trouble

reply = deliver(partial_port)
text = arrived()
tap.ok(reply[-1][:3] == "250" and b"X-P" not in text and text.count(b"text") == 1,
       "half of its changes count for nothing", text)
reply = deliver(partial_first)
tap.ok(reply[-1][:3] == "451" and mail.queue_files() == 0,
       "a milter that dies in the middle defers the mail", reply)

replies = []
thread = threading.Thread(target=lambda: replies.append(deliver(hang_port)))
thread.start()
mail.wait(lambda: hang.seen and ("eom", "") in hang.seen[0])
other = deliver(plain_port)
tap.ok(not replies and other[-1][:3] == "250" and b"text" in arrived(),
       "other sessions go on while a milter hangs")
thread.join()
tap.ok(replies[0][-1][:3] == "451" and mail.queue_files() == 0,
       "a milter that hangs defers the mail", replies)
tap.ok(deliver(slow_port)[-1][:3] == "250" and b"text" in arrived(),
       "a slow one that reports progress has its time")

for action, want in (("accept", "250"), ("reject", "550"),
                     ("tempfail", "451"), ("shutdown", "421")):
    replies = deliver(gone_port[action])
    tap.ok(any(r.startswith(want) for r in replies[1 if action == "accept"
                                                   else 0:]) and
           (replies[-1][:3] == "250") == (action == "accept"),
           "no milter there: %s" % action, replies)
arrived()

tap.ok(deliver(hold_port)[-1][:3] == "250" and
       len(glob.glob(mail.dir + "/spool/hold/*")) == 1 and
       mail.logged(": look at it; from="), "quarantine is hold, with reason")
mail.run("postsuper", "-d", "ALL", "hold")

replies = []
thread = threading.Thread(target=lambda: replies.append(
    deliver(endless_port, more=("MAIL FROM:<b@example.com>",))))
thread.start()
mail.wait(lambda: endless.seen and ("eom", "") in endless.seen[0])
for pid, name in mail.processes().items():
    if name == "cleanup":
        os.kill(pid, signal.SIGKILL)
thread.join()
tap.ok(replies[0][-2][:3] == "451" and replies[0][-1][:3] == "451" and
       mail.wait(lambda: mail.queue_files() == 0),
       "cleanup dies while milters look: deferred, and they are not believed "
       "again", replies)
mail.wait(lambda: deliver(plain_port)[-1][:3] == "250")
arrived()

# --- local mail

mail.run("sendmail", "-t", "-f", "a@example.com", input=b"To: me@localhost\n"
         b"Subject: local\n\nbody\n")
tap.ok(b"X-Local: seen" in arrived(), "mail of sendmail -t")
told = local.seen[0]
tap.ok(("connect" in [e[0] for e in told]) and
       ("rcpt", "me@localhost") in told and ("mail", "a@example.com") in told,
       "hears of a session that was none", told)
mail.run("sendmail", "-f", "refused@localhost", "me@localhost",
         input=b"Subject: x\n\ny\n")
tap.ok(mail.wait(lambda: "status=bounced (Command rejected)" in mail.log()),
       "refused local mail goes back")
mail.wait(lambda: mail.queue_files() == 0)
mails()

# --- OpenDKIM, Rspamd

SIGNED = "From: <a@example.com>\r\nTo: <me@localhost>\r\nSubject: dkim\r\n" \
    "Date: Sat, 22 Nov 2025 01:10:54 +0000\r\nMessage-ID: <1@example.com>\r\n" \
    "\r\n.. dots and text\r\n"
if real["opendkim"]:
    # the signer first, then the verifier sees its signature
    replies = deliver(real["opendkim port"], SIGNED)
    text = arrived().decode()
    tap.ok("DKIM-Signature:" in text and "d=example.com" in text,
           "OpenDKIM signs", (replies, text))
    tap.ok("dkim=pass" in text, "OpenDKIM verifies the signature", text)
else:
    tap.ok(True, "OpenDKIM # SKIP not there")
if real["rspamd"]:
    replies = deliver(real["rspamd port"], SIGNED)
    text = arrived().decode()
    tap.ok(replies[-1][:3] == "250" and "dots and text" in text,
           "Rspamd lets mail pass", (replies, text))
    gtube = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-" \
        "EMAIL*C.34X"
    replies = deliver(real["rspamd port"], SIGNED + gtube + "\r\n")
    tap.ok(replies[-1][:3] == "554", "Rspamd refuses spam", replies)
else:
    tap.ok(True, "Rspamd # SKIP not there")

mail.destroy()
place.destroy()
sys.exit(tap.end())
