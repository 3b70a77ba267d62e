#!/usr/bin/env python3
"""smtp-sink, qmqp-sink: what they answer, write down, and complain about"""

import os
import re
import select
import shutil
import smtplib
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import BIN, PATIENCE, Tap, free_port

tap = Tap()
DIR = tempfile.TemporaryDirectory()
os.chmod(DIR.name, 0o777)
WAIT = 20 * PATIENCE
AS_USER = ["-u", "nobody"] if os.geteuid() == 0 else []
POSTFIX = "/usr/sbin/smtp-source"

MESSAGE = ["MAIL FROM:<a@b>", "250 2.1.0 Ok", "RCPT TO:<c@d>", "250 2.1.5 Ok",
           "DATA", "354 End data with <CR><LF>.<CR><LF>"]
CONTENT = b"Subject: x\r\n\r\n..dot\r\nbody\r\n.\r\n"
EHLO = ["250-smtp-sink", "250-PIPELINING", "250-8BITMIME",
        "250-AUTH PLAIN LOGIN", "250-XCLIENT NAME HELO",
        "250-XFORWARD NAME ADDR PROTO HELO", "250-ENHANCEDSTATUSCODES",
        "250-DSN", "250 "]


class Server:
    """smtp-sink or its like with these options; ended by end()."""

    def __init__(self, *options, program="smtp-sink", where=None):
        self.port = free_port()
        self.where = where or "127.0.0.1:%d" % self.port
        user = AS_USER if program == "smtp-sink" else []
        self.process = subprocess.Popen(
            [BIN + "/" + program, *options, *user, self.where, "100"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=DIR.name)

    def connect(self):
        for _ in range(WAIT * 20):
            try:
                if self.where.startswith("unix:"):
                    s = socket.socket(socket.AF_UNIX)
                    s.connect(os.path.join(DIR.name, self.where[5:]))
                else:
                    s = socket.create_connection(("127.0.0.1", self.port))
                s.settimeout(WAIT)
                return s
            except OSError:
                if self.process.poll() is not None:
                    raise
                time.sleep(0.05)
        raise RuntimeError("no server at " + self.where)

    def end(self, last=""):
        """What it said on standard output and standard error; `last` is
        waited for, on either."""
        seen = {self.process.stdout: b"", self.process.stderr: b""}
        until = time.monotonic() + WAIT
        while last.encode() not in b"".join(seen.values()):
            ready, _, _ = select.select(list(seen), [], [],
                                        until - time.monotonic())
            read = {f: os.read(f.fileno(), 65536) for f in ready}
            if not any(read.values()):
                break
            for f, data in read.items():
                seen[f] += data
        if self.process.poll() is None:
            self.process.terminate()
        rest = self.process.communicate()
        return [(had + more).decode() for had, more in
                zip(seen.values(), rest)]

    def status(self):
        return self.process.wait(WAIT)


def talk(client, *steps):
    """Sends bytes, or text as a line; a text before which nothing was sent is
    what must come.  The first difference, or ''.  "EOF" is the end."""
    f = client.makefile("rb")
    sent = False
    for step in steps:
        if isinstance(step, bytes):
            client.sendall(step)
            sent = True
        elif isinstance(step, list):
            for line in step:
                got = f.readline().decode()
                if got != (line + "\r\n" if line != "EOF" else ""):
                    return "%r instead of %r" % (got, line)
            sent = False
        elif not sent:
            client.sendall(step.encode() + b"\r\n")
            sent = True
        else:
            got = f.readline().decode()
            if got != step + "\r\n":
                return "%r instead of %r" % (got, step)
            sent = False
    return ""


def conversation(name, options, *steps):
    """`steps` after the greeting, which is the first of them."""
    server = Server(*options)
    with server.connect() as client:
        why = talk(client, *steps)
    server.end()
    tap.ok(why == "", name, why)


GREETING = ["220 smtp-sink ESMTP"]
QUIT = ["QUIT", "221 Bye", ["EOF"]]

# --- answers
conversation("it takes a message", [], GREETING, "EHLO x", EHLO, *MESSAGE,
             CONTENT, "250 2.0.0 Ok", "NOOP", "250 2.0.0 Ok", "VRFY x",
             "250 2.0.0 Ok", "RSET", "250 2.1.0 Ok", *QUIT)
conversation("commands come in their order", [], GREETING, "RCPT TO:<a>",
             "503 5.5.1 Error: need MAIL command", "MAIL FROM:<a>",
             "250 2.1.0 Ok", "MAIL FROM:<a>",
             "503 5.5.1 Error: nested MAIL command", "DATA",
             "503 5.5.1 Error: need RCPT command", "HELO y", "250 smtp-sink",
             "MAIL FROM:<a>", "250 2.1.0 Ok", *QUIT)
conversation("what is no command is told", [], GREETING, "LHLO x",
             "500 5.5.1 Error: unknown command", "",
             "500 5.5.2 Error: unknown command", b"NO\0OP\r\n",
             "500 5.5.1 Error: unknown command", b"NOOP\nNOOP\r\n",
             "500 5.5.1 Error: unknown command", "CONNECT",
             "500 5.5.1 Error: unknown command", " noop\tx", "250 2.0.0 Ok")
conversation("all of it may come at once", [], GREETING,
             b"MAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\n" + CONTENT +
             b"QUIT\r\n",
             ["250 2.1.0 Ok", "250 2.1.5 Ok", MESSAGE[5], "250 2.0.0 Ok",
              "221 Bye", "EOF"])
conversation("only CRLF, dot, CRLF ends the content", [], GREETING, *MESSAGE,
             b"x\n.\n.\r\n.x\r\n..\r\n.\r.\r\n\r\n.\rQUIT\r\n\r\r\n.\r\n",
             "250 2.0.0 Ok", *QUIT)

server = Server()
with server.connect() as client:
    why = talk(client, GREETING, *MESSAGE)
    for byte in b"\r\n\r\r\n.\r\r\n..\r\n.\n.\r\n\r\n.":
        client.sendall(bytes([byte]))
        time.sleep(0.002)
    why = why or talk(client, b"\r\nNOOP\r\n",
                      ["250 2.0.0 Ok", "250 2.0.0 Ok"])
server.end()
tap.ok(why == "", "also if each byte comes alone", why)

conversation("a line of 2,046 bytes is a command", [], GREETING,
             "NOOP " + 2041 * "x", "250 2.0.0 Ok", *QUIT)
server = Server()
with server.connect() as client:
    why = talk(client, GREETING, "NOOP " + 2042 * "x", ["EOF"])
tap.ok(why == "" and "warning: command line too long" in
       server.end("too long")[1],
       "a longer one is the end", why)

for option, line in (("-8", "250-8BITMIME"), ("-a", "250-AUTH PLAIN LOGIN"),
                     ("-C", "250-XCLIENT NAME HELO"), ("-N", "250-DSN"),
                     ("-E", "250-ENHANCEDSTATUSCODES"),
                     ("-F", "250-XFORWARD NAME ADDR PROTO HELO"),
                     ("-p", "250-PIPELINING")):
    conversation("%s hides an extension" % option, [option], GREETING,
                 "EHLO x", [e for e in EHLO if e != line], "AUTH PLAIN x",
                 "250 2.0.0 Ok", "XCLIENT NAME=x",
                 "500 5.5.1 Error: unknown command" if option == "-C" else
                 "250 2.0.0 Ok", "XFORWARD NAME=x",
                 "500 5.5.1 Error: unknown command" if option == "-F" else
                 "250 2.0.0 Ok")
conversation("-e leaves ESMTP out", ["-e"], ["220 smtp-sink"], "EHLO x",
             "500 5.5.1 Error: unknown command", "HELO x", "250 smtp-sink")
conversation("-P looks like a firewall", ["-P", "-h", "a.example"],
             ["220 ********"], "EHLO x", "500 5.5.1 Error: unknown command",
             "HELO x", "250 a.example")
conversation("-L answers for each recipient", ["-L"], GREETING, "EHLO x",
             "500 5.5.1 Error: unknown command", "LHLO x", EHLO,
             *MESSAGE[:4], *MESSAGE[2:], b".\r\n",
             ["250 2.2.0 Ok", "250 2.2.0 Ok"], *QUIT)

# --- misbehaviour
HARD, SOFT = "500 5.3.0 Error: command failed", "450 4.3.0 Error: command failed"
SLOW = [e for e in EHLO if e != "250-PIPELINING"]
conversation("-f refuses, without pipelining", ["-f", "mail, Connect"],
             [HARD], "EHLO x", SLOW, "MAIL FROM:<a>", HARD, "RCPT TO:<b>",
             "503 5.5.1 Error: need MAIL command")
conversation("-r does for now, -f wins, the text is free",
             ["-r", "rset noop .", "-f", "noop", "-b", "451 4.1.1 later",
              "-B", "555-no"], GREETING, "RSET", "451 4.1.1 later", "NOOP",
             "555-no", *MESSAGE, CONTENT, "451 4.1.1 later", *MESSAGE)
conversation("-q hangs up", ["-q", "rcpt", "-Q", "rcpt"], GREETING,
             *MESSAGE[:2], "RCPT TO:<x>", ["EOF"])
conversation("-Q says why", ["-Q", "rcpt", "-f", "rcpt"], GREETING,
             *MESSAGE[:2], "RCPT TO:<x>",
             ["421 4.0.0 Server closing connection", "EOF"])
conversation("-q connect says nothing at all", ["-q", "connect"], ["EOF"])
conversation("-A ends in the middle", ["-A", "0"], GREETING, *MESSAGE,
             ["550 This violates SMTP", "EOF"])

server = Server("-W", "mail:1", "-w", "1", "-H", "1")
with server.connect() as client:
    why = talk(client, GREETING)
    for name, steps in (("-W", MESSAGE[:2]), ("-w", MESSAGE[2:]),
                        ("-H", [CONTENT, "250 2.0.0 Ok"])):
        start = time.monotonic()
        why = why or talk(client, *steps)
        tap.ok(why == "" and time.monotonic() - start > 0.9,
               name + " waits", why)
server.end()

server = Server("-W", "noop:1:99")
with server.connect() as client:
    talk(client, GREETING, b"NOOP\r\n")
    with server.connect() as other:
        why = talk(other, GREETING, "RSET", "250 2.1.0 Ok")
server.end()
tap.ok(why == "", "others don't wait with it", why)

server = Server("-t", "1")
with server.connect() as client:
    why = talk(client, GREETING, ["EOF"])
tap.ok(why == "" and "warning: read timeout" in server.end("timeout")[1],
       "-t ends who is silent", why)

server = Server("-m", "1")
with server.connect() as client:
    why = talk(client, GREETING)
    with server.connect() as other:
        other.settimeout(0.3)
        try:
            why = why or repr(other.recv(1))
        except TimeoutError:
            pass
        client.close()
        other.settimeout(WAIT)
        why = why or talk(other, GREETING)
server.end()
tap.ok(why == "", "-m keeps more waiting", why)

# --- counts and ends
server = Server("-c")
with server.connect() as client:
    why = talk(client, GREETING, *MESSAGE, CONTENT, "250 2.0.0 Ok", *QUIT)
with server.connect() as client:
    why = why or talk(client, GREETING)
    client.shutdown(socket.SHUT_WR)
    why = why or talk(client, ["EOF"])
out, _ = server.end("sess=2")
tap.ok(out == "sess=0 quit=0 mesg=1\rsess=1 quit=1 mesg=1\r"
       "sess=2 quit=1 mesg=1\r", "-c counts", why + out)

server = Server("-n", "2")
for _ in range(2):
    with server.connect() as client:
        why = talk(client, GREETING, *QUIT)
tap.ok(server.status() == 0, "-n ends it after sessions", why)
server.end()
server = Server("-M", "2")
with server.connect() as client:
    why = talk(client, GREETING, *MESSAGE, CONTENT, "250 2.0.0 Ok", *MESSAGE,
               CONTENT, ["EOF"])
tap.ok(server.status() == 0 and why == "", "-M after messages", why)
server.end()

server = Server("-v")
with server.connect() as client:
    why = talk(client, GREETING, b"no\1\xffp\r\n",
               "500 5.5.1 Error: unknown command", *QUIT)
err = server.end("disconnect\n")[1]
tap.ok(re.findall(r"sink: (.*)\n", err)[1:] ==
       ["connect (AF_INET 127.0.0.1)", "no??p", "QUIT", "disconnect"],
       "-v shows the commands", err)


# --- files
def files():
    """{name: content} of what was written, which is removed."""
    found = {}
    for path, _, names in os.walk(DIR.name):
        for name in names:
            full = os.path.join(path, name)
            if not os.path.isfile(full):
                continue
            with open(full, "rb") as f:
                text = f.read().decode("latin-1")
            found[os.path.relpath(full, DIR.name)] = re.sub(
                r"id [0-9a-f]{8};\n\t.*\n", "id ID;\n\tDATE\n", text)
            os.unlink(full)
    return found


def dumped(options, *conversations, where=None):
    server = Server(*options, where=where)
    why = ""
    for steps in conversations:
        with server.connect() as client:
            why = why or talk(client, *steps)
            client.shutdown(socket.SHUT_WR)
            while client.recv(4096):
                pass
    err = server.end()[1]
    found = files()
    return found, "%s\n%s%s" % (why, err, found)


HEAD = """X-Client-Addr: %s
X-Client-Proto: %s
%sX-Mail-Args: <a@b>
X-Rcpt-Args: <c@d>
Received: from %s ([%s])
\tby smtp-sink (smtp-sink) with %s id ID;
\tDATE
"""
BODY = "Subject: x\n\n.dot\nbody\n\n"


def written(addr="127.0.0.1", proto="SMTP", helo=None):
    return HEAD % (addr, proto, "X-Helo-Args: %s\n" % helo if helo else "",
                   helo or "[%s]" % addr, addr, proto) + BODY


FULL = [GREETING, *MESSAGE, CONTENT, "250 2.0.0 Ok"]
found, detail = dumped(["-d", "%Y/a/b-%H."], FULL)
name, text = (list(found.items()) + [("", "")])[0]
tap.ok(re.fullmatch(r"\d{4}/a/b-\d\d\.[0-9a-f]{8}", name),
       "-d names its file by the time", detail)
tap.ok(text == written(), "which has what came", detail)
found, detail = dumped(
    ["-D", "box", "-S", r"From x\n"],
    [GREETING, "HELO one", "250 smtp-sink", *MESSAGE, CONTENT,
     "250 2.0.0 Ok", *MESSAGE, CONTENT, "250 2.0.0 Ok"],
    [GREETING, *MESSAGE, b"half\r\n"],
    [GREETING, "EHLO two", EHLO, *MESSAGE, CONTENT, "250 2.0.0 Ok"])
one = "From x\n" + written(helo="one")
tap.ok(found == {"box": one + one + "From x\n" +
                 written(proto="ESMTP", helo="two")},
       "-D appends what is complete", detail)
found, detail = dumped(["-d", "f"], [GREETING, *MESSAGE, b"half\r\n"],
                       [GREETING, *MESSAGE[:2], "RSET", "250 2.1.0 Ok"])
tap.ok(found == {}, "-d leaves nothing of what is not", detail)
found, detail = dumped(["-D", "f"], FULL, where="unix:socket")
tap.ok(found == {"f": written("local")}, "a Unix socket's client is local",
       detail)
found, detail = dumped(["-D", "f"], [
    GREETING, *MESSAGE, b".\rx\r\nlf\n.y\r\n..\r\n\r\n.\r.\r\n" +
    300000 * b"z" + b"\r\n.\r\n", "250 2.0.0 Ok"])
tap.ok(found.get("f", "")[len(HEAD % ("127.0.0.1", "SMTP", "", "[127.0.0.1]",
                                      "127.0.0.1", "SMTP")):] ==
       "x\nlf\n.y\n.\n\n.\n" + 300000 * "z" + "\n\n",
       "carriage returns and added dots are left out", detail[:500])
server = Server("-d", "box/f")
open(DIR.name + "/box", "w").close()
with server.connect() as client:
    talk(client, GREETING, *MESSAGE[:2])
tap.ok(server.status() == 1, "what can't be written ends it")
tap.ok("fatal: open box/f" in server.end()[1], "with a reason")
files()


# --- complaints
def complaint(*argv, program="smtp-sink"):
    p = subprocess.run([BIN + "/" + program, *argv], stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       timeout=WAIT)
    return p.returncode, p.stderr.decode()


ADDRESS = [*AS_USER, "127.0.0.1:1", "10"]
for argv, words in (
        ([], "usage: "), (["-x"], "usage: "), (["127.0.0.1:1", "0"], "usage: "),
        (["-w", "0"], "usage: "), (["-A", "1x"], "usage: "),
        (["-b", "500"], "error: bad soft error reply: 500"),
        (["-B", "50x"], "error: bad hard error reply: 50x"),
        (["-m", "0"], "fatal: bad concurrency limit: 0"),
        (["-M", "x"], "fatal: bad message quit count: x"),
        (["-n", "-1"], "fatal: bad quit count: -1"),
        (["-t", "0"], "fatal: bad timeout: 0"),
        (["-T", "x"], "fatal: bad TCP window size: x"),
        (["-H", "0"], "fatal: bad data read delay: 0"),
        (["-f", "mail,foo"], "fatal: unknown command: foo"),
        (["-W", "mail"], "fatal: invalid command delay argument: mail"),
        (["-W", ":1"], "fatal: invalid command delay argument: :1"),
        (["-W", "mail:0"], "fatal: non-positive 'mail' delay"),
        (["-W", "mail:1:100"], "fatal: delay odds for 'mail' out of range"),
        (["-d", "a", "-D", "b"], "fatal: use only one of -d or -D, but"),
        (["-u", "no-such-user", "127.0.0.1:0", "1"],
         "fatal: unknown user: no-such-user"),
        ([*AS_USER, "127.0.0.1", "10"],
         "127.0.0.1: garbage after numerical service"),
        ([*AS_USER, "127.0.0.1:", "10"], "missing service information"),
        ([*AS_USER, "256.1.1.1:1", "10"],
         "valid hostname or network address required"),
        ([*AS_USER, "[::1:1", "10"], "[::1:1: missing \"]\""),
        (["-6", *ADDRESS], "Address family for hostname not supported"),
        ([*AS_USER, "unix:/nosuch/socket", "10"],
         "fatal: bind: /nosuch/socket: No such file or directory")):
    status, err = complaint(*argv)
    tap.ok(status == 1 and words in err,
           "%s is told" % (" ".join(argv[-2:]) or "nothing"), err)
if AS_USER:
    tap.ok("fatal: -u option is required if running as root" in
           complaint("127.0.0.1:0", "1")[1], "root must say who to be")

# --- clients of others
server = Server("-c")
server.connect().close()
with smtplib.SMTP("127.0.0.1", server.port, "x.example") as client:
    refused = client.sendmail("a@b", ["c@d", "e@f"], "Subject: x\n\nbody\n")
tap.ok(refused == {}, "Python's client is content", refused)
if shutil.which(POSTFIX):
    p = subprocess.run([POSTFIX, "-s", "20", "-m", "500", "-l", "5000",
                        "127.0.0.1:%d" % server.port],
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    out = server.end("mesg=501")[0]
    tap.ok(p.returncode == 0 and "mesg=501\r" in out,
           "so is Postfix's load generator", p.stdout.decode() + out[-100:])
else:
    server.end()

# --- QMQP
def netstring(data):
    return b"%d:%s," % (len(data), data)


def packet(server, data):
    """What comes back, and then the end."""
    with server.connect() as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        return client.makefile("rb").read()


MAIL = netstring(netstring(b"body\n") + netstring(b"a@b") + netstring(b"c@d"))
server = Server("-c", program="qmqp-sink")
for name, data, answer in (
        ("a QMQP message is taken", MAIL, b"3:KOk,"),
        ("a large one too", netstring(1000000 * b"x"), b"3:KOk,"),
        ("half of one is not", MAIL[:-1], b""),
        ("nor what is no netstring", b"xx", b""),
        ("nor one without a length", b":,", b""),
        ("nor one that no one sends", b"99999999999:", b"")):
    got = packet(server, data)
    tap.ok(got == answer, name, got)
out, err = server.end("size error\n")
tap.ok(out == "1\r2\r" and re.findall(r"warning: (.*)\n", err) ==
       ["lost connection", "netstring format error", "netstring format error",
        "netstring size error"], "and it is said", out + err)
server = Server("-x", "1", program="qmqp-sink")
tap.ok(server.status() == 0, "-x ends it in time")
server.end()
status, err = complaint("127.0.0.1:0", program="qmqp-sink")
tap.ok(status == 1 and "usage: " in err, "how to call it is told", err)

sys.exit(tap.end())
