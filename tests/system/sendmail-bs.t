#!/usr/bin/env python3
"""sendmail -bs: SMTP on standard input, with the mail system up and down"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import Instance, Tap

TALK = """EHLO client.example
MAIL FROM:<a@example.net>
RCPT TO:<b@elsewhere.example>
DATA
Subject: x

text
.
RSET
MAIL FROM:<a@example.net>
RCPT TO:<b@elsewhere.example>
QUIT
""".replace("\n", "\r\n")

tap = Tap()
mail = Instance("defer_transports = smtp\ndefault_transport = smtp\n"
                "smtpd_authorized_xclient_hosts = static:all\n"
                "smtpd_authorized_xforward_hosts = static:all\n")


def codes():
    """The codes of all replies but those of EHLO's lines."""
    out = mail.run("sendmail", "-bs", input=TALK.encode()).stdout.decode()
    return [line[:3] for line in out.splitlines() if line[3:4] == " "]


WANT = ["220", "250", "250", "250", "354", "250", "250", "250", "250", "221"]
try:
    mail.start()  # makes the queue directories
    mail.stop()
    got = codes()
    tap.ok(got == WANT, "mail is taken while the mail system is down", got)
    tap.ok(len(os.listdir(mail.dir + "/spool/maildrop")) == 1,
           "it waits in maildrop/, what was not finished does not")
    mail.start()
    tap.ok(mail.wait(lambda: "from=<a@example.net>, size=" in mail.log()),
           "it is picked up at the start")
    got = codes()
    tap.ok(got == WANT, "mail is taken by pickup", got)
    tap.ok(mail.wait(lambda: mail.log().count("uid=%d from=<a@example.net>" %
                                              os.geteuid()) == 2),
           "both came from the caller", mail.log()[-2000:])
    out = mail.run("sendmail", "-bs", input=b"EHLO x\r\nXCLIENT ADDR=192.0.2.1"
                   b"\r\nXFORWARD NAME=x\r\nQUIT\r\n").stdout.decode()
    tap.ok("XCLIENT" not in out and "XFORWARD" not in out and
           out.count("550 5.7.0") == 2, "nobody else can be played", out)
finally:
    mail.destroy()
sys.exit(tap.end())
