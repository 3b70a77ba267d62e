#!/usr/bin/env python3
"""orders - suspend, reroute, resume; rates of a destination"""

import json
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import Instance, Smtp, Tap
from sink import Sink

tap = Tap()


class Server(Sink):
    """Knows when which recipient came, and how many clients."""

    def __init__(self):
        self.taken, self.clients = [], 0
        super().__init__("127.0.0.1", "127.0.0.2", "127.0.0.3")

    def connected(self):
        self.clients += 1

    def answer(self, verb, line):
        if verb == "RCPT":
            self.taken.append((time.time(), self.address(line)))
        return super().answer(verb, line)

    def names(self):
        return [name for _, name in self.taken]


sink, other = Server(), Server()
mail = Instance("""
minimal_backoff_time = 300s
smtp_connection_cache_on_demand = no
transport_maps = inline:{
    { a.example = smtp:[127.0.0.1]:%d }, { sub.a.example = smtp:[127.0.0.1]:%d },
    { b.example = smtp:[127.0.0.1]:%d }, { slow.example = slow:[127.0.0.1]:%d },
    { rate.example = smtp:[127.0.0.2]:%d }, { conn.example = smtp:[127.0.0.3]:%d } }
slow_destination_rate_delay = 1.5s
destination_rate_limit_maps = inline:{ { 127.0.0.2 = 3/4s },
    { 127.0.0.3 = site=x connections=2/60s } }
""" % ((sink.port,) * 6), """
slow unix - - n - - smtp
""")
mail.start()


def send(rcpt, sender="root@localhost"):
    s = Smtp(mail.port)
    s.reply()
    s.command("EHLO client.example")
    s.command("MAIL FROM:<%s>" % sender)
    s.command("RCPT TO:<%s>" % rcpt)
    s.command("DATA")
    reply = s.command("Subject: x\r\n\r\ntext\r\n.")
    s.close()
    return reply.split()[-1]


def queue(*args):
    return mail.run("postqueue", *args, text=True)


def status(qid, rcpt):
    return re.findall(r": %s: to=<%s>.*status=(\w+ \(.*\))$" % (qid, rcpt),
                      mail.log(), re.M)


def gets(qid, rcpt, text):
    return mail.wait(lambda: any(text in s for s in status(qid, rcpt)))


# --- suspend and resume
tap.ok(queue("--suspend", "A.example", "--reason", "moving house")
       .returncode == 0, "a domain is suspended")
first = send("x@a.example")
tap.ok(gets(first, "x@a.example", "deferred (delivery suspended by the "
            "administrator: moving house)"), "its mail waits, and says why")
qid = send("x@b.example")
tap.ok(gets(qid, "x@b.example", "sent"), "other mail does not")
qid = send("x@sub.a.example")
tap.ok(gets(qid, "x@sub.a.example", "sent"), "nor does that of subdomains")
queue("--suspend", ".a.example")
qid = send("y@sub.a.example")
tap.ok(gets(qid, "y@sub.a.example", "deferred"), "unless they are named")
queue("--resume", ".a.example")
tap.ok(gets(qid, "y@sub.a.example", "sent"), "resumed, it goes at once")

shown = queue("--orders").stdout
tap.ok(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d  suspend  a\.example "
                r"\(moving house\)\n$", shown), "orders are shown", shown)
shown = json.loads(queue("--orders", "--json").stdout)
tap.ok(shown["order"] == "suspend" and shown["object"] == "a.example" and
       shown["reason"] == "moving house", "as JSON, too", shown)

mail.stop()
mail.start()
qid = send("z@a.example")
tap.ok(gets(qid, "z@a.example", "deferred"), "orders survive a restart")
tap.ok(queue("--resume", "a.example").returncode == 0, "it is resumed")
tap.ok(gets(qid, "z@a.example", "sent") and
       gets(first, "x@a.example", "sent"), "all its mail goes")
tap.ok(queue("--orders").stdout == "", "no order is left")
r = queue("--resume", "a.example")
tap.ok(r.returncode != 0 and "there is no order" in r.stderr,
       "what was not ordered can't be taken back", r.stderr)

# --- senders, transports
queue("--suspend", "from:bad@x.example")
qid = send("x@b.example", "bad@x.example")
tap.ok(gets(qid, "x@b.example", "deferred"), "a sender is suspended")
qid = send("x@b.example", "good@x.example")
tap.ok(gets(qid, "x@b.example", "sent"), "others of the domain are not")
queue("--suspend", "from:@x.example")
qid = send("x@b.example", "good@x.example")
tap.ok(gets(qid, "x@b.example", "deferred"), "but can be")
queue("--suspend", "from:<>")
qid = send("x@b.example", "")
tap.ok(gets(qid, "x@b.example", "deferred"), "so can be the null sender")
for o in ("from:bad@x.example", "from:@x.example", "from:<>"):
    queue("--resume", o)

# --- elsewhere
queue("--reroute", "b.example", "--to", "smtp:[127.0.0.1]:%d" % other.port)
qid = send("elsewhere@b.example")
tap.ok(gets(qid, "elsewhere@b.example", "sent") and
       "elsewhere@b.example" in other.names() and
       "elsewhere@b.example" not in sink.names(), "a domain goes elsewhere")
r = queue("--reroute", "b.example", "--to", "nosuch:x")
tap.ok(r.returncode != 0 and "a service of master.cf" in r.stderr,
       "to a transport that exists", r.stderr)
r = queue("--suspend", "x@b.example")
tap.ok(r.returncode != 0 and "is no object" in r.stderr,
       "recipients are no objects", r.stderr)
tap.ok(queue("--reroute", "b.example").returncode != 0,
       "a target must be given")

# --- pauses of less than a second
sink.taken.clear()
ids = [send("s%d@slow.example" % i) for i in range(5)]
tap.ok(mail.wait(lambda: len(sink.taken) == 5, 30), "slow mail goes")
times = sorted(t for t, _ in sink.taken)
tap.ok(all(b - a >= 0.5 for a, b in zip(times, times[1:])),
       "1.5 s lie between two deliveries", times)

# --- rates
sink.taken.clear()
ids = [send("r%d@rate.example" % i) for i in range(8)]
tap.ok(mail.wait(lambda: len(sink.taken) == 8, 40), "limited mail goes")
times = sorted(t for t, _ in sink.taken)
tap.ok(all(c - a >= 3 for a, c in zip(times, times[3:])),
       "three in any four seconds", times)
tap.ok(sorted(sink.names()) == sorted("r%d@rate.example" % i
                                      for i in range(8)), "none is lost")

sink.taken.clear()
before = sink.clients
ids = [send("c%d@conn.example" % i) for i in range(4)]
mail.wait(lambda: len(sink.taken) >= 2)
time.sleep(2)
tap.ok(mail.wait(lambda: 2 <= sink.clients - before == len(sink.taken) <= 4),
       "connections are counted", sink.clients - before)
qid = send("late@conn.example")
time.sleep(1)
tap.ok("late@conn.example" not in sink.names(), "and limited")
mail.stop()
mail.start()
time.sleep(1.5)
tap.ok("late@conn.example" not in sink.names(),
       "what was counted survives a restart")
mail.stop()
mail.destroy()
sys.exit(tap.end())
