#!/usr/bin/env python3
"""content - checks of header and body, parts of messages, 7-bit servers

Mail goes to a server that keeps what it gets and does not know 8BITMIME.
"""

import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import PATIENCE, Instance, Smtp, Tap
from sink import Sink


class Server(Sink):
    """Takes everything; got[recipient] is the content as bytes."""

    def __init__(self):
        self.got = {}
        super().__init__()

    def deliver(self, rcpts, content):
        for rcpt in rcpts:
            self.got[rcpt[:rcpt.index("@")]] = content
        return "250 2.0.0 taken"


tap = Tap()
seven = Server()
mail = Instance("""
relayhost = [127.0.0.1]:%d
header_checks = regexp:{{/^X-Do: (.*)/ $$1}}
mime_header_checks = regexp:{{/name=.*[.]exe/ REJECT no programs}}
nested_header_checks = regexp:{{/^X-Do: (.*)/ $$1}}
body_checks = regexp:{{/^do (.*)/ $$1}}
smtp_header_checks = regexp:{{/^X-Internal:/ STRIP}}
""" % seven.port)
mail.start()


def offer(rcpt, content, body="8BITMIME"):
    """The reply to the message."""
    s = Smtp(mail.port)
    s.reply()
    s.command("EHLO client.example")
    s.command("MAIL FROM:<a@client.example> BODY=" + body)
    s.command("RCPT TO:<%s@far.example>" % rcpt)
    s.command("DATA")
    s.send(content.replace("\n", "\r\n").encode())
    reply = s.command(".")
    s.command("QUIT")
    s.close()
    return reply


def arrived(rcpt, content, want, name):
    """Compares what comes behind our own Received: field, but for fields
    that were missing."""
    reply = offer(rcpt, content)
    mail.wait(lambda: rcpt in seven.got)
    got = seven.got.get(rcpt, b"").decode("latin-1")
    got = got[got.find("\r\nX-Test:") + 2:].replace("\r\n", "\n")
    got = re.sub("(?m)^(Message-Id|Date|From): .*\n", "", got)
    tap.ok(reply.startswith("250") and got == want, name,
           "%s\nwant:\n%s\ngot:\n%s\n%s" % (reply, want, got, mail.log()))


arrived("changed", "X-Test: 1\nX-Do: STRIP\nX-Do: PREPEND X-New: a\n"
        "X-Do: REPLACE X-Other:\n b\nX-Internal: secret\n\n"
        "do REPLACE c\ndo IGNORE\nend\n",
        "X-Test: 1\nX-New: a\nX-Do: PREPEND X-New: a\nX-Other:\n b\n"
        "\nc\nend\n", "lines are changed on their way in and out")
arrived("seven", "X-Test: 2\nContent-Type: multipart/mixed; boundary=b\n"
        "Content-Transfer-Encoding: 8bit\n\n--b\n"
        "Content-Transfer-Encoding: 8bit\n\nGr\u00fc\u00dfe \n"
        "--b\nContent-Type: message/rfc822\n\nSubject: s\n"
        "Content-Transfer-Encoding: 8bit\n\n\u00e4=\n--b--\n",
        "X-Test: 2\nContent-Type: multipart/mixed; boundary=b\n"
        "Content-Transfer-Encoding: 7bit\n\n--b\n"
        "Content-Transfer-Encoding: quoted-printable\n\n"
        "Gr=C3=BC=C3=9Fe=20\n"
        "--b\nContent-Type: message/rfc822\n\nSubject: s\n"
        "Content-Transfer-Encoding: quoted-printable\n\n=C3=A4=3D\n--b--\n",
        "8-bit parts become quoted-printable for a 7-bit server")

reply = offer("refused", "X-Do: REJECT 5.7.9 because\n\nx\n")
tap.ok(reply == "550 5.7.9 because", "a refusal has its own code", reply)
reply = offer("refused", "X-Do: REJECT 4.2.0 later\n\nx\n")
tap.ok(reply == "451 4.2.0 later", "a refusal may be for now", reply)
reply = offer("refused", "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
              "Content-Type: application/x;\n name=a.exe\n\nx\n--b--\n")
tap.ok(reply == "550 5.7.1 no programs", "parts are looked at", reply)
reply = offer("refused", "X: y\n\ndo REJECT\n")
tap.ok(reply == "550 5.7.1 message content rejected",
       "lines of the body are looked at", reply)
reply = offer("discarded", "X-Do: DISCARD\nX-Do: REJECT\n\nx\n")
tap.ok(reply.startswith("250") and mail.wait(
    lambda: "removed (discarded)" in mail.log()),
    "discarded mail is accepted", reply)
reply = offer("held", "X-Do: HOLD\n\nx\n")
tap.ok(mail.run("postqueue", "-j").stdout.count(b'"hold"') == 1,
       "mail is held", reply)
offer("original", "X-Do: BCC copy@far.example\nX-Do: BOGUS\n\nx\n")
tap.ok(mail.wait(lambda: "copy" in seven.got and "original" in seven.got),
       "a copy goes out", mail.log())
tap.ok(mail.logged("unknown command in header_checks map: BOGUS"),
       "what can't be understood is told", mail.log())
offer("redirected", "X-Do: REDIRECT there@far.example\n\nx\n")
tap.ok(mail.wait(lambda: "there" in seven.got) and
       "redirected" not in seven.got, "mail is redirected", mail.log())

tap.ok("refused" not in seven.got, "what was refused goes nowhere")

# Local mail that is refused goes back.
p = mail.run("sendmail", "-f", "b@far.example", "x@far.example",
             input=b"Subject: s\nX-Do: REJECT 5.7.1 no\n\nx\n")
tap.ok(mail.wait(lambda: b"5.7.1" in seven.got.get("b", b"")),
       "refused local mail is returned", mail.log())

# A megabyte in one field, a hundred multiparts, 10,000 addresses, NULs.
begin = time.monotonic()
nested = "".join("Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" %
                 (n, n) for n in range(200))
replies = [
    offer("huge", "X-Test: h\nX: " + "y" * 1000000 + "\n\nx\n"),
    offer("deep", nested),
    offer("many", "To: " + ", ".join("u%d" % n for n in range(10000)) +
          "\n\nx\n"),
    offer("nul", "X-Nul: a\0b\nContent-Type: multipart/mixed; "
          "boundary=\"b\0c\"\n\n--b\nX: \xff\xfe\n\nx\0y\n"),
]
tap.ok([r[:3] for r in replies] == ["250", "550", "250", "250"],
       "hostile content is taken or refused", replies)
tap.ok(time.monotonic() - begin < 60 * PATIENCE, "in good time",
       time.monotonic() - begin)
mail.wait(lambda: "huge" in seven.got, 60)
tap.ok(len(seven.got.get("huge", b"")) < 110000, "an endless field is cut")
tap.ok(mail.logged("MIME nesting exceeds safety limit"),
       "and the log says what was wrong", mail.log())

mail.destroy()
sys.exit(tap.end())
