#!/usr/bin/env python3
"""smtp-source, qmqp-source: what they send, and what they make of answers"""

import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import BIN, PATIENCE, Tap, free_port
from sink import Sink

tap = Tap()
DIR = tempfile.TemporaryDirectory()
POSTFIX = "/usr/sbin/smtp-source"


class Recorder(Sink):
    """Writes down what comes, connections apart by an empty line."""

    def __init__(self):
        super().__init__()
        self.replies, self.heard, self.has_ipv6 = {}, [], False
        for family, name in ((socket.AF_UNIX, DIR.name + "/unix"),
                             (socket.AF_INET6, ("::1", self.port))):
            listener = socket.socket(family)
            try:
                listener.bind(name)
            except OSError:  # a host without IPv6
                continue
            listener.listen(64)
            self.has_ipv6 = family == socket.AF_INET6
            threading.Thread(target=self.accept, args=(listener,),
                             daemon=True).start()

    @property
    def GREETING(self):
        with self.lock:
            self.heard.append("")
        return self.pick("greeting", Sink.GREETING)

    def pick(self, key, otherwise):
        reply = self.replies.get(key, otherwise)
        if reply == "CLOSE":
            raise OSError("closed")
        return reply

    def answer(self, verb, line):
        with self.lock:
            self.heard.append(line.rstrip("\n").removesuffix("\r"))
        return self.pick(verb, super().answer(verb, line))

    def deliver(self, rcpts, content):
        with self.lock:
            self.heard += content.decode().split("\r\n")[:-1] + ["."]
        reply = self.pick("dot", "250 taken")
        lmtp = any(line.startswith("LHLO") for line in self.heard)
        return "\r\n".join([reply] * (len(rcpts) if lmtp else 1))


server = Recorder()
TCP = "127.0.0.1:%d" % server.port


def run(*args, program=BIN + "/smtp-source", to=TCP, **replies):
    """Exit status and output; the server's side is in server.heard then."""
    server.heard, server.replies = [], replies
    p = subprocess.run([program, *args, *([to] if to else [])],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       timeout=60 * PATIENCE)
    return p.returncode, (p.stdout + p.stderr).decode()


def heard():
    """Without what differs from time to time."""
    lines = list(server.heard)
    for i, line in enumerate(lines):
        if line.startswith("Date: "):
            lines[i] = "Date:"
        elif line.startswith("Message-Id: "):
            lines[i] = "Message-Id: @" + line.split("@", 1)[1]
    return lines


def talks(name, args, want, status=0, says="", **replies):
    """The conversation is `want`, and the output has `says`."""
    code, out = run(*args, **replies)
    tap.ok(code == status and says in out and heard() == want, name,
           "%d %s\n%s" % (code, out, "\n".join(heard())))


HEADER = ["From: <foo@me.example>", "To: <foo@me.example>", "Date:",
          "Message-Id: @me.example>"]
TEXT = ["La de da de da %d." % i for i in (1, 2, 3, 4)]
MAIL, RCPT = "MAIL FROM:<foo@me.example>", "RCPT TO:<foo@me.example>"
START = ["", "HELO me.example", MAIL]
ME = ("-M", "me.example")


def conversations():
    talks("a message", ME, START + [RCPT, "DATA", *HEADER, "", *TEXT, ".",
                                    "QUIT"])
    talks("without HELO and header, of a given length",
          (*ME, "-o", "-l", "162"),
          ["", MAIL, RCPT, "DATA", "1" + 77 * "X", "2" + 77 * "X", "XX", ".",
           "QUIT"])
    talks("a subject, and a body of one line", (*ME, "-S", "hi", "-l", "80"),
          START + [RCPT, "DATA", *HEADER, "Subject: hi", "", 80 * "X", ".",
                   "QUIT"])
    talks("LMTP, where each recipient has an answer", (*ME, "-Lr", "3"),
          ["", "LHLO me.example", MAIL, "RCPT TO:<3foo@me.example>",
           "RCPT TO:<2foo@me.example>", RCPT, "DATA", *HEADER, "", *TEXT, ".",
           "QUIT"])
    talks("recipients with numbers that never repeat, over one connection",
          ("-doNm2", "-r2", "-l1", "-f", "", "-t", "x@y"),
          ["", "MAIL FROM:<>", "RCPT TO:<1x@y>", "RCPT TO:<2x@y>", "DATA", "X",
           ".", "MAIL FROM:<>", "RCPT TO:<3x@y>", "RCPT TO:<4x@y>", "DATA",
           "X", ".", "QUIT"])
    one = ["", "MAIL FROM:<a@b>", "RCPT TO:<a@b>", "DATA", "X", ".", "QUIT"]
    talks("or over several", ("-om2", "-l1", "-fa@b", "-ta@b"), one * 2)
    with open(DIR.name + "/message", "w") as f:
        f.write("Subject: x\n\n.dot\n..\nno end")
    talks("a file, its dots doubled", (*ME, "-F", DIR.name + "/message"),
          START + [RCPT, "DATA", "Subject: x", "", "..dot", "...", "no end",
                   "", ".", "QUIT"])
    talks("an address for a name", ("-M", "[IPv6:::1]", "-l1"),
          ["", "HELO [IPv6:::1]", "MAIL FROM:<foo@[IPv6:::1]>",
           "RCPT TO:<foo@[IPv6:::1]>", "DATA", "From: <foo@[IPv6:::1]>",
           "To: <foo@[IPv6:::1]>", "Date:", "Message-Id: @[IPv6:::1]>", "",
           "X", ".", "QUIT"])


def refusals():
    stop = (*ME, "-m2", "-r2")
    talks("a greeting that refuses ends it", stop, [""], 1,
          "fatal: rejected at server banner: 500 no", greeting="500 no")
    talks("so does HELO's answer", stop, START[:2], 1,
          "fatal: HELO rejected: 500 no", HELO="500 no")
    talks("MAIL's, shown with all its lines", stop, START, 1,
          "fatal: sender rejected: 450 a?b", MAIL="250-a\r\n450 b")
    talks("what is no reply at all", stop, START, 1,
          "fatal: sender rejected: 0 2500 ok", MAIL="2500 ok")
    talks("RCPT's", stop, START + ["RCPT TO:<2foo@me.example>"], 1,
          "fatal: recipient rejected: 450 no", RCPT="450 no")
    talks("DATA's that does not invite", (*ME, "-r1"),
          START + [RCPT, "DATA"], 1, "fatal: data rejected: 250 ok",
          DATA="250 ok")
    talks("and that to the message", ("-o", "-l1", "-fa@b", "-ta@b"),
          ["", "MAIL FROM:<a@b>", "RCPT TO:<a@b>", "DATA", "X", "."], 1,
          "fatal: end of data rejected: 450 no", dot="450 no")
    talks("a refused QUIT does not matter",
          ("-o", "-l1", "-fa@b", "-ta@b"),
          ["", "MAIL FROM:<a@b>", "RCPT TO:<a@b>", "DATA", "X", ".", "QUIT"],
          QUIT="500 no")
    go_on = (*ME, "-A", "-d", "-m2")
    talks("-A goes on after a refused sender", go_on,
          START + ["RSET", MAIL, "RSET", "QUIT"], 0,
          "warning: sender rejected: 450 no", MAIL="450 no")
    talks("after refused recipients", (*go_on, "-r2"),
          START + ["RCPT TO:<2foo@me.example>", RCPT, "RSET", MAIL,
                   "RCPT TO:<2foo@me.example>", RCPT, "RSET", "QUIT"], 0,
          "warning: recipient rejected: 450 no", RCPT="450 no")
    talks("after DATA", (*ME, "-A"), START + [RCPT, "DATA", "RSET", "QUIT"], 0,
          "warning: data rejected: 450 no", DATA="450 no")
    talks("a code without a space is a code", (*ME, "-A"),
          START + [RCPT, "DATA", "RSET", "QUIT"], 0,
          "warning: data rejected: 450 no", MAIL="250x", RCPT="250",
          DATA="450no")
    code, out = run("-A", "-L", "-r3", dot="450 no")
    tap.ok(code == 0 and out.count("end of data rejected: 450 no") == 3,
           "and hears LMTP's answers to the end", out)


def hostile():
    for verb, doing in (("greeting", "reading server greeting"),
                        ("HELO", "sending HELO"), ("MAIL", "sending sender"),
                        ("RCPT", "sending recipient"),
                        ("DATA", "sending DATA command"),
                        ("dot", "sending message")):
        code, out = run("-A", **{verb: "CLOSE"})
        tap.ok(code == 1 and "fatal: lost connection while " + doing in out,
               "a connection is lost while " + doing, out)
    for name, reply in (("lines that never end", "250-x\r\n" * 5000 + "250 x"),
                        ("a line that never ends", "250 " + "x" * 100000)):
        code, out = run("-A", HELO=reply)
        tap.ok(code == 1 and "fatal: too long a reply" in out, name, out)


def several():
    code, out = run("-c", "-s", "7", "-m", "50", "-r", "2")
    ids = {line for line in server.heard if line.startswith("Message-Id")}
    tap.ok(code == 0 and server.heard.count("QUIT") == 50 and len(ids) == 50,
           "50 messages, 7 at a time, each with an id of its own",
           "%d %s" % (code, len(ids)))
    tap.ok(out == "".join("%d\r" % i for i in range(1, 51)) + "\n",
           "and -c counts them", repr(out))
    code, out = run("-d", "-s", "7", "-m", "50", "-T", "20000")
    tap.ok(code == 0 and server.heard.count("DATA") == 50 and
           server.heard.count("QUIT") == 7, "-d: over 7 connections", out)
    run("-s", "9", "-m", "2")
    tap.ok(server.heard.count("QUIT") == 2, "no connection without message")
    begin = time.monotonic()
    run("-w", "1", "-m", "2")
    tap.ok(time.monotonic() - begin >= 1, "-w waits between messages")
    tap.ok(run("-R", "1", "-s2", "-m3")[0] == 0, "-R too, a while")
    code, out = run(*ME, "-v")
    tap.ok("\nsmtp-source: <<< 250 2.0.0 ok\nsmtp-source: " + MAIL + "\n"
           in out, "-v shows the conversation", out)


def addresses():
    code, out = run(to="unix:" + DIR.name + "/unix")
    tap.ok(code == 0 and "QUIT" in server.heard, "a Unix socket", out)
    code, out = run("-4", to="inet:localhost:%d" % server.port)
    tap.ok(code == 0 and "QUIT" in server.heard, "a host's name", out)
    if server.has_ipv6:
        code, out = run("-6", to="[::1]:%d" % server.port)
        tap.ok(code == 0 and "QUIT" in server.heard, "an IPv6 address", out)
    code, out = run("-C", "3", to="127.0.0.1:%d" % free_port())
    tap.ok(code == 1 and out.count("warning: connect: Conn") == 2 and
           out.count("fatal: connect: Connection refused") == 1,
           "-C tries again where nobody listens", out)


COMPLAINTS = [
    ((), "fatal: usage: smtp-source "),
    (("-Z", "x"), "fatal: usage: smtp-source "),
    (("x", "y"), "fatal: usage: smtp-source "),
    (("-m", "0", "x"), "fatal: bad message count: 0"),
    (("-m", "99999999999", "x"), "fatal: bad message count: 99999999999"),
    (("-l", "x", "x"), "fatal: bad message length: x"),
    (("-s", "-1", "x"), "fatal: bad session count: -1"),
    (("-C", "0", "x"), "fatal: bad connection count: 0"),
    (("-r", "0", "x"), "fatal: bad recipient count: 0"),
    (("-w", "0", "x"), "fatal: bad fixed delay: 0"),
    (("-R", "0", "x"), "fatal: bad random delay: 0"),
    (("-T", "0", "x"), "fatal: bad TCP window size: 0"),
    (("-M", "a b", "x"), "fatal: bad hostname: a b"),
    (("-M", "", "x"), "fatal: bad hostname: "),
    (("-M", "[1.2.3.4", "x"), "fatal: bad address literal: [1.2.3.4"),
    (("-M", "[", "x"), "fatal: bad address literal: ["),
    (("-M", "[]", "x"), "fatal: bad address literal: []"),
    (("-M", "[1.2.3.4]x", "x"), "fatal: bad address literal: [1.2.3.4]x"),
    (("-M", "[::1]", "x"), "fatal: bad address literal: [::1]"),
    (("-M", "[IPv6:1.2.3.4]", "x"), "fatal: bad address literal: [IPv6:1"),
    (("-M", "1.2.3.4", "x"), "fatal: bad hostname: 1.2.3.4"),
    (("-w1", "-R1", "x"), "fatal: do not use -w and -R options at the same"),
    (("-l1", "-F", "/x", "x"), "fatal: -l option cannot be used with -F"),
    (("-F", "/no/file", "127.0.0.1"), "fatal: open /no/file: No such file"),
    (("-6", "127.0.0.1:1"), "127.0.0.1:1: Address family for hostname not"),
    (("-4", "[::1]:1"), "[::1]:1: Address family for hostname not"),
    (("127.0.0.1:none-such",), "127.0.0.1:none-such: Servname not supp"),
    ((":25",), "fatal: :25: missing host information"),
    (("unix:/no/socket",), "fatal: connect: No such file or directory"),
]


def complaints():
    for args, want in COMPLAINTS:
        code, out = run(*args, to=None)
        tap.ok(code == 1 and want in out,
               " ".join(("complains:", *args)), out)


# --- QMQP

class Qmqp:
    """Answers packets with `reply`; they are in `packets`."""

    def __init__(self):
        self.port, self.packets, self.reply = free_port(), [], b""
        self.listener = socket.create_server(("127.0.0.1", self.port),
                                             backlog=64)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            s, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(s,),
                             daemon=True).start()

    def serve(self, s):
        f = s.makefile("rb")
        try:
            self.packets.append(self.netstring(f))
            s.sendall(self.reply)
            if self.reply:
                f.read()
        except OSError:
            pass
        f.close()
        s.close()

    @staticmethod
    def netstring(f):
        digits = b""
        while (c := f.read(1)) not in (b":", b""):
            digits += c
        return f.read(int(digits) + 1)[:-1] if digits else None


def netstrings(data):
    got = []
    while data:
        n, rest = data.split(b":", 1)
        got.append(rest[:int(n)])
        assert rest[int(n):int(n) + 1] == b","
        data = rest[int(n) + 1:]
    return got


def qmqp():
    other = Qmqp()

    def send(*args, reply=b"7:Kqueued,"):
        other.packets, other.reply = [], reply
        return run(*args, program=BIN + "/qmqp-source",
                   to="127.0.0.1:%d" % other.port)

    code, out = send("-M", "me.example", "-l", "600")
    content, sender, *rcpts = netstrings(other.packets[0])
    tap.ok(code == 0 and out == "" and len(content) == 600 and
           re.match(rb"From: <foo@me.example>\nTo: <foo@me.example>\n"
                    rb"Date: .*\nMessage-Id: <.*@me.example>\n\n"
                    rb"X\nXX\nXXX\n", content) and content.endswith(b"X\n") and
           sender == b"foo@me.example" and rcpts == [sender],
           "QMQP: a message of a given size", content)
    send("-r", "3", "-f", "", "-t", "a@b")
    content, sender, *rcpts = netstrings(other.packets[0])
    tap.ok(len(content) == 1024 and sender == b"" and
           rcpts == [b"0a@b", b"1a@b", b"2a@b"], "several recipients", rcpts)
    code, out = send("-c", "-s4", "-m20", "-l", "200000")
    tap.ok(code == 0 and len(other.packets) == 20 and out.endswith("20\r\n"),
           "20 messages, 4 at a time", out)
    tap.ok("<< Kqueued\n" in send("-v")[1], "-v shows answers", out)
    for reply, want in ((b"3:Zno,", "fatal: recoverable error: no"),
                        (b"3:Dno,", "fatal: unrecoverable error: no"),
                        (b"3:Xno,", "fatal: unknown error: no"),
                        (b"0:,", "fatal: unknown error: "),
                        (b"no", "fatal: netstring format error while rec"),
                        (b":K,", "fatal: netstring format error while rec"),
                        (b"2:Kno", "fatal: netstring format error while rec"),
                        (b"0" * 99999, "size exceeds limit while receiving"),
                        (b"99999:K", "size exceeds limit while receiving"),
                        (b"", "fatal: lost connection while receiving")):
        code, out = send(reply=reply)
        tap.ok(code == 1 and want in out,
               "the answer %s" % reply[:20].decode(), out)
    for args, want in (((), "fatal: usage: qmqp-source "),
                       (("-d", "x"), "fatal: usage: qmqp-source "),
                       (("-l", "0", "x"), "fatal: bad message length: 0")):
        code, out = run(*args, program=BIN + "/qmqp-source", to=None)
        tap.ok(code == 1 and want in out,
               " ".join(("complains:", *args)), out)


# --- beside Postfix's

BESIDE = [(), ("-m3", "-d"), ("-L", "-r4"), ("-N", "-r2", "-m2", "-d"),
          ("-o", "-l5000"), ("-S", "a b", "-l81"), ("-l79",), ("-l", "80"),
          ("-fx@y", "-tz@y", "-r2"), ("-M", "[127.0.0.1]")]


def beside_postfix():
    for args in BESIDE:
        got = []
        for program in BIN + "/smtp-source", POSTFIX:
            run(*args, program=program)
            got.append(heard())
        tap.ok(got[0] == got[1], " ".join(("as Postfix's:", *args)),
               "\n".join(got[0] + ["--"] + got[1]))


for group in (conversations, refusals, hostile, several, addresses, complaints,
              qmqp):
    group()
if os.path.exists(POSTFIX):
    beside_postfix()
sys.exit(tap.end())
