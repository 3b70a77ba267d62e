"""chat - plays an SMTP conversation written down in a file

A .chat file reads like the example of an RFC:

    # One bare LF does not end a message            (the title: first line)
    #
    # conf: smtpd_forbid_bare_newline = normalize   (a line of main.cf)
    # master: 127.0.0.1:$port inet ...              (a line of master.cf)
    # with: delivery                                (the queue manager runs)

    S: 220 mx.example.com ESMTP...     the server must say this; "..." is any
    C: EHLO client.example.net         the client sends it, and CR LF
    C: one\\n.\\ntwo                   \\r \\n \\t \\0 \\xHH \\\\
    R: half a comm                     raw: nothing is added
    S: EOF                             the server must close

    wait: 0.5                          seconds
    client: second                     another connection, or back to it
    close:                             the client hangs up

    queue: 1 message from a@example.net to b@example.com, c@example.com
    queue: empty
    log: "text"                        a line of the log has it; "..." is any
    log: no "text"
    mail: USER "text"                  the mailbox has it; needs delivery

Lines that begin with "C:" in a row are sent together.  Everything after the
first difference is left out.  Without "with: delivery" nothing takes messages
from the queue, so that "queue:" can look at them.
"""

import json
import os
import re
import socket
import time

from instance import PATIENCE, Instance

SETTINGS = """
myhostname = mx.example.com
mydestination = example.com
smtpd_error_sleep_time = 0s
smtpd_banner = $myhostname ESMTP
"""
WAIT = 20 * PATIENCE  # seconds for an answer


class Differs(Exception):
    pass


def pattern(text):
    return ".*".join(re.escape(part) for part in text.split("..."))


def unescape(text):
    names = {"r": "\r", "n": "\n", "t": "\t", "0": "\0", "\\": "\\"}

    def one(m):
        if m.group(1).startswith("x"):
            return chr(int(m.group(1)[1:], 16))
        return names[m.group(1)]

    return re.sub(r"\\(x[0-9a-fA-F]{2}|[rnt0\\])", one, text).encode("latin-1")


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), WAIT)
        self.pending = b""  # to be sent with the next flush
        self.buffer = b""

    def send(self, data):
        self.pending += data

    def flush(self):
        data, self.pending = self.pending, b""
        if data:
            try:
                self.socket.sendall(data)
            except OSError:
                pass  # what the server said before it left comes next

    def line(self):
        """The next line without CR LF, or None at the end."""
        self.flush()
        while b"\n" not in self.buffer:
            try:
                data = self.socket.recv(65536)
            except socket.timeout:
                raise Differs("nothing came for %d s" % WAIT)
            except ConnectionError:
                data = b""
            if not data:
                if self.buffer:
                    raise Differs("end within the line %r" % self.buffer)
                return None
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        if not line.endswith(b"\r"):
            raise Differs("line without CR: %r" % line)
        return line[:-1].decode("latin-1")


class Chat:
    def __init__(self, path):
        self.path = path
        self.title, self.conf, self.master = None, [], []
        self.delivery, self.steps = False, []
        with open(path, encoding="latin-1") as f:
            for number, line in enumerate(f, 1):
                self.read_line(number, line.rstrip("\n"))

    def read_line(self, number, line):
        if line.startswith("#"):
            text = line[1:].strip()
            word, _, rest = text.partition(":")
            if self.title is None:
                self.title = text
            elif word == "conf":
                self.conf.append(rest.strip())
            elif word == "master":
                self.master.append(rest.strip())
            elif word == "with" and rest.strip() == "delivery":
                self.delivery = True
        elif line.strip():
            verb, colon, rest = line.partition(":")
            step = getattr(self, "do_" + verb.lower(), None)
            if not colon or step is None:
                raise ValueError("%s: line %d: what is %r?" %
                                 (self.path, number, line))
            self.steps.append((number, line, step, rest.removeprefix(" ")))

    # --- the steps

    def do_c(self, text):
        self.client.send(unescape(text) + b"\r\n")

    def do_r(self, text):
        self.client.send(unescape(text))

    def do_s(self, text):
        got = self.client.line()
        if text == "EOF":
            if got is not None:
                raise Differs("the server said %r" % got)
        elif got is None:
            raise Differs("the server closed")
        elif not re.fullmatch(pattern(text), got):
            raise Differs("the server said %r" % got)

    def do_wait(self, text):
        self.client.flush()
        time.sleep(float(text))

    def do_client(self, name):
        self.client.flush()
        self.clients[self.name] = self.client
        self.name = name
        self.client = self.clients.get(name) or Connection(self.mail.port)

    def do_close(self, _):
        self.client.flush()
        self.client.socket.close()

    def queue(self):
        out = self.mail.run("postqueue", "-j").stdout.decode()
        lines = [json.loads(line) for line in out.splitlines()]
        return sorted("from %s to %s" % (m["sender"], ", ".join(
            sorted(r["address"] for r in m["recipients"]))) for m in lines)

    def do_queue(self, text):
        if text == "empty":
            if not self.mail.wait(lambda: not self.queue()):
                raise Differs("the queue has: %s" % self.queue())
            return
        m = re.fullmatch(r"(\d+) messages? (from .*)", text)
        if not m:
            raise ValueError("what is %r?" % text)
        if not self.mail.wait(lambda: self.queue().count(m.group(2)) ==
                              int(m.group(1))):
            raise Differs("the queue has: %s" % (self.queue() or "nothing"))

    def do_log(self, text):
        m = re.fullmatch(r'(no )?"(.*)"', text)
        if not m:
            raise ValueError("what is %r?" % text)

        def find(log):
            return re.search(pattern(m.group(2)), log)

        if m.group(1):
            found = find(self.mail.whole_log())
            if found:
                raise Differs("the log has %r" % found.group())
        elif not self.mail.wait(lambda: find(self.mail.log())):
            raise Differs("the log does not have it")

    def do_mail(self, text):
        user, want = re.fullmatch(r'(\S+) "(.*)"', text).groups()

        def found():
            for where, _, files in os.walk(self.mail.dir + "/mail"):
                if os.path.basename(where) == "tmp":
                    continue            # files go from there
                for name in files:
                    path = os.path.join(where, name)
                    if user not in path[len(self.mail.dir):].split("/"):
                        continue
                    with open(path, encoding="latin-1") as f:
                        if re.search(pattern(want), f.read()):
                            return True
            return False

        if not self.mail.wait(found):
            raise Differs("the mailbox does not have it")

    # --- the whole

    def settings(self):
        return SETTINGS + "".join(line + "\n" for line in self.conf)

    def prepare(self):
        self.mail = Instance(self.settings(), "".join(
            line + "\n" for line in self.master))
        if not self.delivery:
            path = self.mail.dir + "/etc/master.cf"
            with open(path) as f:
                text = f.read()
            with open(path, "w") as f:
                f.write(re.sub(r"(?m)^qmgr ", "#qmgr ", text))

    def play(self):
        """None if all went as written, otherwise what was different."""
        number = line = None
        self.prepare()
        try:
            self.mail.start()
            self.clients, self.name = {}, "first"
            self.client = Connection(self.mail.port)
            for number, line, step, rest in self.steps:
                step(rest)
            self.client.flush()
        except Differs as e:
            return "%s:%d: %s\n%s\n%s" % (self.path, number, line, e,
                                          self.mail.log())
        except (RuntimeError, OSError) as e:
            return "%s: %s\n%s" % (self.path, e, self.mail.log())
        finally:
            self.mail.destroy()
        return None
