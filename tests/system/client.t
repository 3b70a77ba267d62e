#!/usr/bin/env python3
"""client - the SMTP client against servers that misbehave

A server here is a function that gets a connection and does what it likes;
each has an address of its own in 127.0.0.0/8 and all share a port.  What
counts: no mail is lost, none is delivered twice, and nobody waits for a
server that is none of theirs.
"""

import os
import random
import re
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import PATIENCE, Instance, Smtp, Tap, free_port

# What is made once at start and kept to the end is no leak.
os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=0")
tap = Tap()
WAIT = 5 if PATIENCE == 1 else 10       # seconds: time-outs of the client
lock = threading.Lock()
taken = []                              # subjects, where a server said 250


class Lost(Exception):
    pass


class Talk:
    """A server's side of a connection."""

    def __init__(self, s):
        self.s, self.f, self.said = s, s.makefile("rb"), []

    def send(self, data):
        self.s.sendall(data if isinstance(data, bytes) else data.encode())

    def line(self):
        got = self.f.readline()
        if not got:
            raise Lost
        self.said.append(got)
        return got

    def hello(self, offers="250-bad\r\n250 PIPELINING\r\n"):
        self.send("220 bad ESMTP\r\n")
        self.line()
        self.send(offers)

    def until(self, verb):
        """Says yes to everything before the command."""
        while True:
            got = self.line()
            if got.upper().startswith(verb):
                return
            self.send("250 2.0.0 Ok\r\n")

    def content(self):
        self.send("354 go on\r\n")
        subject = None
        while True:
            got = self.line()
            if got.startswith(b"Subject: ") and subject is None:
                subject = got[9:].strip().decode()
            if got == b".\r\n":
                return subject

    def accept(self, subject):
        with lock:
            taken.append(subject)
        self.send("250 2.0.0 Ok\r\n")

    def reset(self):
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                          struct.pack("ii", 1, 0))
        self.s.close()


heard = {}                              # by server: lines of its clients


def hangs(t):
    time.sleep(20 * WAIT)


def drips(t):
    for c in "220-" + "x" * 200:
        t.send(c)
        time.sleep(0.2)


def resets(t):
    t.reset()


def resets_later(t):
    t.hello()
    t.until(b"RCPT")
    t.reset()


def lies(t):
    """Offers what it does not know, and sizes that are none."""
    t.hello("250-bad\r\n250-PIPELINING\r\n250-SIZE 99999999999999999999999\r\n"
            "250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250-CHUNKING\r\n"
            "250-AUTH\r\n250-XFORWARD\r\n250 STARTTLS\r\n")
    while True:
        got = t.line().upper()
        if got.startswith(b"STARTTLS"):
            t.send("502 no such thing\r\n")
        elif got.startswith(b"DATA"):
            t.accept(t.content())
        else:
            t.send("250 Ok\r\n")


def endless(t):
    t.send("220 bad ESMTP\r\n")
    t.line()
    while True:
        t.send("250-" + "more and more " * 50 + "\r\n")


def endless_line(t):
    t.send("220 " + "x" * 1000)
    while True:
        t.send("x" * 10000)


def binary(t):
    t.hello()
    t.until(b"RCPT")
    t.send(b"550 5.1.1 \0\x01\xff\xfe caf\xe9 \x1b[2J%s%n\r\n")
    t.until(b"NEVER")


def talks(t):
    """At length, and of other things first."""
    t.send("how do you do\r\n220 bad ESMTP\r\n")
    t.line()
    t.send("250-bad\r\n250 PIPELINING\r\n")
    t.until(b"MAIL")
    t.send("250-%s\r\n250 Ok\r\n" % ("x" * 2044))
    t.until(b"RCPT")
    t.send("let me see\r\n550 no\r\n")
    t.until(b"NEVER")


def early(t):
    """Answers before it is asked."""
    t.send("220 bad ESMTP\r\n250 early\r\n250 early\r\n550 5.0.0 early\r\n")
    t.until(b"NEVER")


def closes_after_dot(t):
    t.hello()
    t.until(b"DATA")
    t.content()


def slow_after_dot(t):
    t.hello()
    t.until(b"DATA")
    subject = t.content()
    time.sleep(WAIT * 0.4)
    t.accept(subject)


def resets_after_250(t):
    t.hello()
    t.until(b"DATA")
    t.accept(t.content())
    t.reset()


def injects(t):
    """Speaks behind the reply to STARTTLS."""
    t.hello("250-bad\r\n250 STARTTLS\r\n")
    t.until(b"STARTTLS")
    t.send("220 go ahead\r\n250-bad\r\n250 PIPELINING\r\n250 2.0.0 Ok\r\n")
    t.until(b"NEVER")


def good(t):
    t.hello()
    while True:
        t.until(b"DATA")
        t.accept(t.content())


def moody(t):
    """Fails at any stage, but tells no lie."""
    stage = random.choice(["greet", "ehlo", "mail", "rcpt", "data", "eod4",
                           "close", "good", "good", "good"])
    if stage == "greet":
        t.send("421 4.3.2 not now\r\n")
        return
    if stage == "ehlo":
        t.send("220 bad ESMTP\r\n")
        return
    t.hello()
    if stage in ("mail", "rcpt", "data"):
        t.until({"mail": b"MAIL", "rcpt": b"RCPT", "data": b"DATA"}[stage])
        t.send("451 4.3.0 later\r\n")
        return
    t.until(b"DATA")
    subject = t.content()
    if stage == "eod4":
        t.send("452 4.3.1 full\r\n")
    elif stage == "good":
        t.accept(subject)


PORT = free_port()


def serve(address, what):
    listener = socket.create_server((address, PORT), backlog=512)

    def visit(s):
        t = Talk(s)
        try:
            what(t)
        except (OSError, Lost):
            pass
        with lock:
            heard.setdefault(what.__name__, []).extend(t.said)
        try:
            s.close()
        except OSError:
            pass

    def run():
        while True:
            s, _ = listener.accept()
            threading.Thread(target=visit, args=(s,), daemon=True).start()

    threading.Thread(target=run, daemon=True).start()


servers = [hangs, drips, resets, resets_later, lies, endless, endless_line,
           binary, early, closes_after_dot, slow_after_dot, resets_after_250,
           injects, good, moody, talks]
for n, what in enumerate(servers):
    serve("127.0.1.%d" % (n + 1), what)
for n in range(30):                     # silent ones, each a next hop
    serve("127.0.2.%d" % (n + 1), hangs)

mail = Instance("""
smtp_connect_timeout = {w}s
smtp_helo_timeout = {w}s
smtp_mail_timeout = {w}s
smtp_rcpt_timeout = {w}s
smtp_data_init_timeout = {w}s
smtp_data_done_timeout = {w}s
smtp_quit_timeout = {w}s
smtp_rset_timeout = {w}s
smtp_starttls_timeout = {w}s
smtp_tls_security_level = may
smtp_tls_policy_maps = inline:{{ {{ [127.0.1.13]:{p} = encrypt }} }}
minimal_backoff_time = 600s
maximal_backoff_time = 600s
queue_run_delay = 1s
transport_maps = inline:{{ {routes} }}
""".format(w=WAIT, p=PORT, routes=", ".join(
    "{ %s%d.example = smtp:[127.0.%d.%d]:%d }" % (letter, n, net, n, PORT)
    for letter, net, most in (("s", 1, len(servers)), ("d", 2, 30))
    for n in range(1, most + 1))))
mail.start()


def send(rcpts, subject):
    s = Smtp(mail.port)
    s.reply()
    s.command("EHLO client.example")
    s.command("MAIL FROM:<root@localhost>")
    for r in rcpts:
        s.command("RCPT TO:<%s>" % r)
    s.command("DATA")
    reply = s.command("Subject: %s\r\n\r\ntext\r\n." % subject)
    s.close()
    return reply.split()[-1] if reply.startswith("250") else None


def address(what):
    return "u@s%d.example" % (servers.index(what) + 1)


def status(qid):
    found = re.findall(r"smtp\[\d+\]: %s: to=<.*?dsn=([\d.]+), "
                       r"status=(\w+) \((.*)\)$" % qid, mail.log(), re.M)
    return found[-1] if found else ("", "", "")


def outcome(what):
    qid = send([address(what)], what.__name__)
    mail.wait(lambda: status(qid)[1], 4 * WAIT + 20)
    return status(qid)


# --- all at once: each ends as it should, and in time
expected = [
    (hangs, "deferred", "timed out while receiving the initial"),
    (drips, "deferred", "timed out while receiving the initial"),
    # "lost connection" or, if it was soon, "connect to ...: Connection reset"
    (resets, "deferred", "connect"),
    (resets_later, "deferred", "lost connection"),
    (lies, "sent", "Ok"),
    (endless, "deferred", "lost connection"),
    (endless_line, "deferred", "lost connection"),
    (binary, "bounced", "550 5.1.1"),
    (closes_after_dot, "deferred", "may be sent more than once"),
    (slow_after_dot, "sent", "Ok"),
    (resets_after_250, "sent", "Ok"),
    (injects, "deferred", "Cannot start TLS"),
    (good, "sent", "Ok"),
    (talks, "bounced", "let me see 550 no"),
]
ids = {what: send([address(what)], what.__name__) for what, _, _ in expected}
mail.wait(lambda: all(status(q)[1] for q in ids.values()), 6 * WAIT + 30)
for what, how, reason in expected:
    got = status(ids[what])
    tap.ok(got[1] == how and reason in got[2],
           "a server that %s: %s" % (what.__name__.replace("_", " "), how),
           got)
for what in (lies, slow_after_dot, resets_after_250, good):
    tap.ok(taken.count(what.__name__) == 1,
           "%s got it once" % what.__name__.replace("_", " "),
           taken.count(what.__name__))
host = "127.0.1.%d[127.0.1.%d]:%d" % ((servers.index(talks) + 1,) * 2 + (PORT,))
tap.ok(mail.logged(
    "warning: %s: response longer than 2048: 250-%s...\n" % (host, "x" * 26),
    "warning: %s: multi-line response longer than 2048 " % host),
       "lines that are cut off are told")
tap.ok(mail.logged("non-ESMTP response from %s: let me see\n" % host) and
       "how do you do" not in mail.whole_log(),
       "what is no reply is warned of where it would be taken for another")
tap.ok("\0" not in mail.log() and "\x1b" not in mail.log(),
       "the log has no control characters of theirs")
mail.wait(lambda: "injects" in heard)
tap.ok(not [s for s in heard.get("injects", []) if s.upper().startswith(b"MAIL")],
       "who speaks behind STARTTLS hears nothing more", heard.get("injects"))
got = outcome(early)
tap.ok(got[1] in ("deferred", "bounced") and "early" not in taken,
       "answers that come early are not believed to be of the content", got)

# --- nine of ten messages are for servers that are silent
before = len(taken)
for i in range(270):
    send(["u@d%d.example" % (i % 30 + 1)], "dead%d" % i)
since = time.monotonic()
for i in range(30):
    send([address(good)], "alive%d" % i)
tap.ok(mail.wait(lambda: len(taken) >= before + 30, 30),
       "mail for others does not wait for them", len(taken) - before)
tap.ok(time.monotonic() - since < 2 * WAIT * PATIENCE,
       "it takes no longer than one of their time-outs",
       "%.2f s" % (time.monotonic() - since))
tap.ok(sorted(t for t in taken if t.startswith("alive")) ==
       sorted("alive%d" % i for i in range(30)), "each came once")

mail.run("postsuper", "-d", "ALL")      # what waits for the silent

# --- failures at every stage, tried again until all is delivered
names = ["moody%d" % i for i in range(60)]
for n in names:
    send([address(moody)], n)


def moody_done():
    mail.run("postqueue", "-f")
    time.sleep(0.3)
    return {t for t in taken if t.startswith("moody")} == set(names)


tap.ok(mail.wait(moody_done, 120), "all mail gets through in the end",
       set(names) - set(taken))
came = [t for t in taken if t.startswith("moody")]
tap.ok(len(came) == len(set(came)), "none comes twice",
       [t for t in set(came) if came.count(t) > 1])
tap.ok(not re.search(r"panic|fatal:|signal \d+", mail.log()),
       "nobody crashed", re.findall(r".*(?:panic|fatal:|signal).*",
                                    mail.log())[:3])
mail.destroy()
sys.exit(tap.end())
