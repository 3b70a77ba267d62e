#!/usr/bin/env python3
"""bounce - what senders and the postmaster are told"""

import getpass
import glob
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import Instance, Smtp, Tap

tap = Tap()
user = getpass.getuser()
mail = Instance(
    "transport_maps = inline:{slow.example=smtp:[127.0.0.1]:1, "
    "gone.example=discard:}\n"
    "notify_classes = 2bounce\n"
    "confirm_delay_cleared = yes\ndelay_warning_time = 1s\nminimal_backoff_time = 1s\n"
    "maximal_backoff_time = 1s\nqueue_run_delay = 1s\n"
    "virtual_alias_maps = texthash:$config_directory/virtual\n")
virtual = mail.dir + "/etc/virtual"


def mailbox():
    """All messages, in order of delivery."""
    files = glob.glob(mail.dir + "/mail/%s/new/*" % user)
    files.sort(key=lambda f: os.stat(f).st_mtime_ns)
    return "".join(open(f, errors="replace").read() for f in files)


def send(sender, *rcpts, header="Subject: x\r\n", options=""):
    s = Smtp(mail.port)
    s.reply()
    s.command("EHLO client.example")
    s.command("MAIL FROM:<%s>%s" % (sender, options))
    for r in rcpts:
        s.command("RCPT TO:" + r)
    s.command("DATA")
    s.send(header + "\r\nThe text.\r\n")
    answer = s.command(".")
    s.close()
    return answer.split()[-1] if answer[:3] == "250" else ""


def gets(what, after=0, seconds=30):
    return mail.wait(lambda: what in mailbox()[after:], seconds)


open(virtual, "w").write("alias@localdomain nosuch@localdomain\n"
                         "list@localdomain nosuch@localdomain, "
                         "ok@gone.example\n")
mail.start()
try:
    qid = send("me@localdomain", "<nosuch@localdomain>", options=" ENVID=abc")
    tap.ok(gets("Undelivered Mail Returned to Sender"),
           "the sender gets a failed message back", mail.log())
    box = mailbox()
    tap.ok("<nosuch@localdomain>: unknown user: \"nosuch\"\n" in box,
           "with the reason", box)
    tap.ok("Original-Envelope-Id: abc\n" in box and
           "Final-Recipient: rfc822; nosuch@localdomain\n" in box and
           "Action: failed\n" in box, "in a form for programs", box)
    tap.ok("\nThe text.\n" in box, "and the text", box)
    tap.ok(mail.wait(lambda: qid + ": removed" in mail.log()) and
           not glob.glob(mail.dir + "/spool/bounce/*"),
           "nothing is left in the queue", mail.log())

    n = len(mailbox())
    send("me@localdomain", "<nosuch@localdomain>", options=" RET=HDRS")
    tap.ok(gets("Undelivered Message Headers", n) and
           "The text." not in mailbox()[n:], "RET=HDRS returns the header",
           mailbox()[n:])

    n = len(mailbox())
    qid = send("me@localdomain", "<nosuch@localdomain> NOTIFY=NEVER")
    mail.wait(lambda: qid + ": removed" in mail.log())
    send("me@localdomain", "<me@localdomain>", header="Subject: marker\r\n")
    tap.ok(gets("Subject: marker", n) and
           "Undelivered" not in mailbox()[n:], "NOTIFY=NEVER returns nothing",
           mailbox()[n:])

    n = len(mailbox())
    send("", "<nosuch@localdomain>")
    tap.ok(gets("Postmaster Copy: Undelivered Mail", n) and
           "Return-Path: <double-bounce@mail.localdomain>" in mailbox()[n:],
           "of mail without a sender the postmaster is told", mail.log())

    qid = send("double-bounce@mail.localdomain", "<nosuch@localdomain>")
    tap.ok(mail.wait(lambda: qid + ": undeliverable postmaster notification "
                     "discarded" in mail.log()),
           "there it ends", mail.log())

    n = len(mailbox())
    send("me@localdomain", "<me@localdomain> NOTIFY=SUCCESS")
    tap.ok(gets("Successful Mail Delivery Report", n), "success is reported",
           mail.log())

    for sender, kind in ("", "single"), ("double-bounce@mail.localdomain",
                                         "double"):
        qid = send(sender, "<me@localdomain> NOTIFY=SUCCESS")
        tap.ok(mail.wait(lambda: qid + ": not sending trace/success "
                         "notification for %s-bounce message\n" % kind in
                         mail.log()), "but not to a %s bounce's sender" % kind,
               mail.log()[-900:])

    n = len(mailbox())
    send("me@localdomain", "<nosuch@localdomain> "
         "ORCPT=utf-8;b\\x{2B}+2B@y.example")
    tap.ok(gets("Original-Recipient: utf-8;b++2B@y.example\n", n),
           "an original recipient in UTF-8 is told as it was meant",
           mailbox()[n:])

    n = len(mailbox())
    qid = send("me@localdomain", "<later@slow.example>")
    tap.ok(gets("Delayed Mail (still being retried)", n) and
           "Will-Retry-Until: " in mailbox()[n:], "so is delay", mail.log())
    tap.ok("Action: delayed\nStatus: 4.4.1\n" in mailbox()[n:],
           "with the status of the last attempt", mailbox()[n:])

    n = len(mailbox())
    config = mail.dir + "/etc/main.cf"
    text = open(config).read()
    mail.write("main.cf", text.replace("smtp:[127.0.0.1]:1", "discard:"))
    mail.run("postfix", "reload")
    tap.ok(gets("Successful Mail Delivery Report", n) and
           "Final-Recipient: rfc822; later@slow.example" in mailbox()[n:],
           "and that it is over (confirm_delay_cleared)", mail.log()[-2000:])

    n = len(mailbox())
    send("me@localdomain", "<list@localdomain> NOTIFY=SUCCESS,FAILURE")
    tap.ok(gets("<list@localdomain>: alias expanded", n) and
           gets("<nosuch@localdomain> (expanded from <list@localdomain>)", n),
           "success of an alias is its expansion; failure is told beyond",
           mailbox()[n:])
    mail.wait(lambda: mail.queue_files() == 0)
    tap.ok("Action: expanded\n" in mailbox()[n:] and
           "Action: delivered" not in mailbox()[n:],
           "what becomes of its members is not", mailbox()[n:])

    n = len(mailbox())
    send("me@localdomain", "<alias@localdomain>")
    tap.ok(gets("<nosuch@localdomain> (expanded from <alias@localdomain>)", n),
           "an alias is named with its address", mailbox()[n:])
    open(virtual + ".new", "w").write("alias@localdomain ok@gone.example\n")
    os.rename(virtual + ".new", virtual)

    def follows():
        q = send("me@localdomain", "<alias@localdomain>")
        mail.wait(lambda: q + ": removed" in mail.log())
        return q + ": to=<ok@gone.example>" in mail.log()
    tap.ok(mail.wait(follows), "a table that changed is taken up",
           mail.log())

    mail.run("postconf", "-e", "notify_classes=bounce",
             "bounce_notice_recipient=pm@gone.example",
             "2bounce_notice_recipient=pm@gone.example",
             "recipient_delimiter=+", "local_recipient_maps=",
             "smtpd_authorized_verp_clients=127.0.0.0/8")
    mail.reload()

    def told(qid, who):
        return mail.log().count("%s: %s non-delivery notification" %
                                (qid, who))

    def verp_copies():
        q = send("me@localdomain", "<nosuch1@localdomain>",
                 "<nosuch2@localdomain>", options=" XVERP")
        mail.wait(lambda: q + ": removed" in mail.log())
        return told(q, "sender") == told(q, "postmaster") == 2
    tap.ok(mail.wait(verp_copies), "of a mailing's bounces the postmaster "
           "gets as many as the sender", mail.log()[-2000:])
    qid = send("", "<nosuch@localdomain>")
    tap.ok(mail.wait(lambda: told(qid, "postmaster") == 1),
           "who wants copies of bounces gets those without a sender",
           mail.log()[-900:])
    qid = send("me@localdomain", "<postmaster+x@localdomain>")
    tap.ok(mail.logged(qid + ": removed") and told(qid, "sender") == 0,
           "mail for postmaster is never bounced", mail.log()[-900:])
finally:
    mail.destroy()
sys.exit(tap.end())
