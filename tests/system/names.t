#!/usr/bin/env python3
"""names - services under other names: what -o cleanup_service_name is used for"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import Instance, Smtp, Tap, free_port

tap = Tap()
port = free_port()
mail = Instance("default_transport = discard:\nlocal_transport = discard:\n",
                "127.0.0.1:%d inet n - n - - smtpd\n"
                "  -o cleanup_service_name=pre-cleanup\n"
                "  -o rewrite_service_name=other-rewrite\n"
                "pre-cleanup unix n - n - 0 cleanup\n"
                "  -o syslog_name=postfix/pre\n"
                "  -o bounce_service_name=other-bounce\n"
                "other-rewrite unix - - n - - trivial-rewrite\n"
                "other-bounce unix - - n - 0 bounce\n" % port)


def send(to_port):
    s = Smtp(to_port)
    s.reply()
    for line in ("EHLO me", "MAIL FROM:<a@example.net>",
                 "RCPT TO:<b@localhost>", "DATA"):
        s.command(line)
    s.send("Subject: x\r\n\r\nx\r\n")
    said = s.command(".")
    s.close()
    return said


try:
    mail.start()
    tap.ok(send(port).startswith("250 ") and
           mail.logged("postfix/pre/cleanup", "removed"),
           "cleanup_service_name: one server's mail goes another way",
           mail.log()[-1500:])
    before = mail.log().count("postfix/pre/cleanup")
    tap.ok(send(mail.port).startswith("250 ") and
           mail.wait(lambda: mail.log().count("removed") == 2) and
           mail.log().count("postfix/pre/cleanup") == before,
           "and no other's", mail.log()[-1500:])
finally:
    mail.destroy()
sys.exit(tap.end())
