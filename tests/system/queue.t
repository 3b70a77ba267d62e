#!/usr/bin/env python3
"""queue - mail to another host: deferred, looked at, held, requeued, sent"""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import Instance, Smtp, Tap
from sink import Sink


class Server(Sink):
    """`replies` overrides what it says to a verb; EOD is the final dot."""

    GREETING = "220 far.example ESMTP"
    REPLIES = {"EHLO": "250-far.example\r\n250-PIPELINING\r\n250 SIZE",
               **Sink.REPLIES}

    def __init__(self):
        self.replies, self.mail = {}, []
        super().__init__()

    def answer(self, verb, line):
        return self.replies.get(verb, super().answer(verb, line))

    def deliver(self, rcpts, content):
        self.mail.append(content.decode())
        return self.replies.get("EOD", "250 2.0.0 taken")


tap = Tap()
far = Server()
mail = Instance("relayhost = [127.0.0.1]:%d\n"
                "smtp_tls_security_level = may\n" % far.port)


def submit(rcpt, text="Subject: x\r\n\r\ntext\r\n"):
    s = Smtp(mail.port)
    s.reply()
    s.command("EHLO client.example")
    s.command("MAIL FROM:<sender@far.example>")
    s.command("RCPT TO:<%s>" % rcpt)
    s.command("DATA")
    s.send(text)
    id = s.command(".").split()[-1]
    s.close()
    return id


def run(*argv, **kw):
    p = mail.run(*argv, **kw)
    return p.stdout.decode() + p.stderr.decode()


def listing():
    return [json.loads(l) for l in run("postqueue", "-j").splitlines()]


def logged(*texts):
    return mail.wait(lambda: any(all(t in l for t in texts)
                                 for l in mail.log().splitlines()))


def queue_of(id):
    return [e["queue_name"] for e in listing() if e["queue_id"] == id]


try:
    mail.start()
    tap.ok("Mail queue is empty" in run("postqueue", "-p"),
           "an empty queue says so")

    far.replies = {"RCPT": "451 4.3.0 not now"}
    id = submit("one@far.example")
    tap.ok(logged(id, "dsn=4.3.0, status=deferred (host 127.0.0.1[127.0.0.1]"
                  " said: 451 4.3.0 not now (in reply to RCPT TO command))"),
           "a temporary refusal defers", mail.log())
    mail.wait(lambda: queue_of(id) == ["deferred"])
    e = listing()[0]
    tap.ok(e["sender"] == "sender@far.example" and e["queue_id"] == id and
           e["recipients"][0]["address"] == "one@far.example" and
           "not now" in e["recipients"][0]["delay_reason"],
           "the listing has sender, recipient and reason", e)
    tap.ok("(host 127.0.0.1[127.0.0.1] said: 451" in run("postqueue", "-p"),
           "mailq shows the reason")

    out = run("postsuper", "-h", id)
    tap.ok("%s: placed on hold" % id in out and queue_of(id) == ["hold"],
           "postsuper -h holds", out)
    out = run("postsuper", "-H", "-", input=("%s\nno id\n" % id).encode())
    tap.ok("released from hold" in out and "invalid mail queue id: no id" in
           out and queue_of(id) == ["deferred"],
           "postsuper -H takes ids from standard input", out)
    out = run("postcat", "-q", id)
    tap.ok("recipient: one@far.example" in out and "\ntext\n" in out and
           "sender: sender@far.example" in out, "postcat shows it", out)

    far.replies = {}
    run("postqueue", "-i", id)
    tap.ok(logged(id, "status=sent (250 2.0.0 taken)") and
           mail.wait(lambda: listing() == []),
           "postqueue -i sends it now", mail.log())

    far.replies = {"MAIL": "451 4.3.0 later"}
    id = submit("two@far.example")
    mail.wait(lambda: queue_of(id) == ["deferred"])
    far.replies = {}
    out = run("postsuper", "-r", "ALL")
    run("postkick", "public", "pickup", "W")
    tap.ok("Requeued: 1 message" in out and
           logged("orig_id=" + id) and logged("<two@", "status=sent"),
           "postsuper -r sends it through cleanup again", out + mail.log())

    far.replies = {"RCPT": "550 5.1.1 nobody", "EOD": "250 2.0.0 ok"}
    id = submit("three@far.example")
    tap.ok(logged(id, "dsn=5.1.1, status=bounced"),
           "a permanent refusal bounces", mail.log())

    far.replies = {}
    submit("four@far.example", "Subject: x\r\n\r\n..a\r\n...b\r\n")
    mail.wait(lambda: any("..a\r\n...b\r\n" in m for m in far.mail))
    tap.ok(any("..a\r\n...b\r\n" in m for m in far.mail),
           "dots are stuffed again", far.mail[-1:])

    before = len(far.mail)
    for i in range(20):
        submit("many%d@far.example" % i)
    tap.ok(mail.wait(lambda: len(far.mail) == before + 20),
           "twenty more arrive", mail.log())

    far.replies = {"RCPT": "450 4.2.0 no"}
    id = submit("five@far.example")
    logged(id, "status=deferred")
    mail.wait(lambda: queue_of(id) == ["deferred"])
    run("postsuper", "-e", id)
    tap.ok([e["forced_expire"] for e in listing()
            if e["queue_id"] == id] == [True], "postsuper -e marks it")
    out = run("postsuper", "-d", "ALL")
    tap.ok("Deleted: " in out and mail.wait(lambda: listing() == []),
           "postsuper -d ALL empties the queue", out)
    mail.stop()
    out = run("postqueue", "-f")
    tap.ok("Cannot flush mail queue - mail system is down" in out,
           "flushing a queue that is down fails", out)
finally:
    mail.destroy()
sys.exit(tap.end())
