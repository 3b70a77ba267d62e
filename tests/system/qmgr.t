#!/usr/bin/env python3
"""qmgr - the queue manager among the others: slices, trouble, reload

An SMTP server in this process takes mail slowly, so that deliveries are under
way when something happens.
"""

import glob
import os
import re
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import Instance, Smtp, Tap
from sink import Sink

# What is made once at start and kept to the end is no leak.
os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=0")
tap = Tap()


class Server(Sink):
    """Waits `delay` seconds before the answer to the final dot, and until the
    gate is open."""

    def __init__(self):
        self.delay, self.taken, self.busy, self.most = 0, [], 0, 0
        self.gate = threading.Event()
        self.gate.set()
        super().__init__()

    def deliver(self, rcpts, content):
        with self.lock:
            self.busy += 1
            self.most = max(self.most, self.busy)
        time.sleep(self.delay)
        self.gate.wait(300)
        with self.lock:
            self.busy -= 1
            self.taken += rcpts
        return "250 2.0.0 taken"


sink = Server()
mail = Instance("""
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
transport_retry_time = 1s
smtpd_recipient_limit = 10000
smtp_destination_concurrency_limit = 7
smtp_connection_cache_on_demand = no
transport_maps = inline:{ { sink.example = smtp:[127.0.0.1]:%d },
    { discard.example = discard: }, { gone.example = nosuch: } }
""" % sink.port)
mail.start()


def send(rcpts, text="x"):
    s = Smtp(mail.port)
    s.reply()
    s.command("EHLO client.example")
    s.command("MAIL FROM:<root@localhost>")
    for r in rcpts:
        s.command("RCPT TO:<%s>" % r)
    s.command("DATA")
    reply = s.command("Subject: x\r\n\r\n%s\r\n." % text)
    s.close()
    return reply.split()[-1] if reply.startswith("250") else None


def lines(pattern):
    return re.findall(pattern, mail.log(), re.M)


def is_removed(qid):
    return lines(r": %s: removed$" % qid)


# --- many recipients: more than one slice
qid = send(["u%d@discard.example" % i for i in range(3500)])
tap.ok(mail.wait(lambda: is_removed(qid), 30), "3500 recipients are done")
tap.ok(len(set(lines(r"%s: to=<(u\d+)@.*status=sent" % qid))) == 3500 and
       len(lines(r"%s: to=<" % qid)) == 3500,
       "each of them was delivered once")

# --- concurrency of a destination
sink.delay = 0.3
ids = [send(["c%d@sink.example" % i]) for i in range(60)]
tap.ok(mail.wait(lambda: all(is_removed(q) for q in ids), 30),
       "mail for one destination is delivered")
tap.ok(1 < sink.most <= 7, "no more than the limit at the same time",
       sink.most)

# --- a transport that is not there
qid = send(["a@gone.example", "b@sink.example"])
tap.ok(mail.wait(lambda: lines(r"%s: to=<a@gone.*deferred \(mail transport "
                               r"unavailable\)" % qid) and
                 lines(r"%s: to=<b@sink.*status=sent" % qid)),
       "a missing transport defers its recipients alone", mail.log())
tap.ok(mail.wait(lambda: len(lines(r"%s: to=<a@gone" % qid)) > 2),
       "they are tried again")
tap.ok(len(lines(r"%s: to=<b@sink" % qid)) == 1, "the others are not")
mail.run("postsuper", "-d", qid)

# --- a file that goes away while it is delivered
sink.delay = 0
sink.gate.clear()
qid = send(["g%d@sink.example" % i for i in range(120)])
mail.wait(lambda: sink.busy > 0)
mail.run("postsuper", "-d", qid)
sink.gate.set()
other = send(["after@sink.example"])
tap.ok(mail.wait(lambda: is_removed(other)),
       "a message removed under way harms no other", mail.log())
tap.ok(not lines("panic|signal|ended before its result"), "nobody died",
       mail.log())

# --- damage
path = mail.dir + "/spool/incoming/0000000001"
with open(path, "w") as f:
    f.write("no message\n" * 50)
mail.run("postqueue", "-f")
tap.ok(mail.wait(lambda: os.path.exists(mail.dir +
                                        "/spool/corrupt/0000000001")),
       "a damaged file is put aside", mail.log())

# --- reload with deliveries under way: no loss, nothing twice
mail.wait(lambda: sink.busy == 0)
sink.taken = []
sink.gate.clear()
ids = [send(["r%d@sink.example" % i]) for i in range(20)]
mail.wait(lambda: sink.busy > 0)
mail.reload()
qid = send(["local-%d@discard.example" % 1])
tap.ok(mail.wait(lambda: is_removed(qid)) and sink.busy > 0,
       "after a reload mail flows while old deliveries go on", mail.log())
sink.gate.set()
tap.ok(mail.wait(lambda: all(is_removed(q) for q in ids), 30),
       "what was under way comes to its end", mail.log())
tap.ok(sorted(sink.taken) == sorted("r%d@sink.example" % i
                                    for i in range(20)),
       "each arrived once", sorted(sink.taken))

tap.ok(not lines("killed by signal|exit status|panic"), "nobody died at all",
       "\n".join(lines(".*(?:killed by signal|exit status|panic).*")))
mail.destroy()

# --- mail comes in faster than it leaves
mail = Instance("""
qmgr_message_active_limit = 10
in_flow_delay = 3s
transport_maps = inline:{ { sink.example = smtp:[127.0.0.1]:%d },
    { gone.example = nosuch: } }
smtp_connection_cache_on_demand = no
""" % sink.port)
mail.start()
sink.taken[:] = []
sink.gate.clear()
times = []
for i in range(16):
    before = time.time()
    send(["f%d@sink.example" % i])
    times.append(time.time() - before)
tap.ok(all(t < 2.9 for t in times[:10]) and
       sum(t >= 3 for t in times[10:]) >= 3,
       "who sends waits while the active queue is full", times)
sink.gate.set()
tap.ok(mail.wait(lambda: len(set(sink.taken)) == 16, 30), "all of it arrives",
       sink.taken)


def at_once():
    before = time.time()
    send(["last@sink.example"])
    return time.time() - before < 2.9


tap.ok(mail.wait(at_once, 30), "then nobody waits any more")

# --- postqueue -i tries one message, minutes before its time
qid = send(["x@gone.example"])
mail.wait(lambda: lines(r"%s: to=<x@gone" % qid))
tap.ok(mail.wait(lambda: glob.glob(mail.dir + "/spool/deferred/*/" + qid)),
       "what can't be delivered is deferred")
n = len(lines(r"%s: from=" % qid))
mail.run("postqueue", "-i", qid)
tap.ok(mail.wait(lambda: len(lines(r"%s: from=" % qid)) > n),
       "a message can be asked for by its id")
mail.destroy()

# --- an active queue that a slow destination holds for hours
mail = Instance("""
qmgr_message_active_limit = 8
minimal_backoff_time = 1s
maximal_backoff_time = 1s
queue_run_delay = 1s
transport_retry_time = 1s
transport_maps = inline:{ { sink.example = smtp:[127.0.0.1]:%d },
    { gone.example = nosuch: } }
""" % sink.port)
mail.start()
sink.gate.clear()
ids = [send(["slow%d@sink.example" % i]) for i in range(7)]
mail.wait(lambda: all(lines(r"%s: from=" % q) for q in ids))
waiting = [send(["w%d@gone.example" % i]) for i in range(3)]


def tries():
    return min(len(lines(r"%s: to=<w.*deferred" % q)) for q in waiting)


tap.ok(mail.wait(lambda: tries() > 3, 60),
       "what waits to be tried again gets its turns", mail.log())
sink.gate.set()
tap.ok(mail.wait(lambda: all(is_removed(q) for q in ids), 30),
       "and the slow mail arrives")
mail.destroy()

# --- queues in subdirectories, all that handle files agree on where
mail = Instance("""
hash_queue_names = incoming, active deferred, defer, bounce, hold
hash_queue_depth = 2
enable_long_queue_ids = yes
defer_transports = smtp
fast_flush_domains = sink.example
transport_maps = inline:{ { sink.example = smtp:[127.0.0.1]:%d },
    { discard.example = discard: }, { error.example = error:no } }
""" % sink.port)
mail.start()
sink.taken[:] = []
mail.run("sendmail", "h@sink.example", "d@discard.example",
         "e@error.example", input=b"x\n")
mail.wait(lambda: lines(r": (\w+): uid="))
qid = lines(r": (\w+): uid=")[0]
for words in "d@discard.*status=sent", "e@error.*status=bounced", \
        "h@sink.*status=deferred .deferred transport", "notification: ":
    tap.ok(mail.wait(lambda: lines(qid + ": .*" + words)),
           "in subdirectories: " + words, mail.log())
listing = mail.run("postqueue", "-p")
tap.ok(b"h@sink.example" in listing.stdout, "mailq finds it", repr(listing))
mail.run("postsuper", "-h", qid)
tap.ok(glob.glob(mail.dir + "/spool/hold/*/*/" + qid), "it can be held")
mail.run("postsuper", "-H", qid)

# --- what is asked for goes though its transport is in defer_transports
mail.run("postqueue", "-f")
tap.ok(mail.wait(lambda: sink.taken == ["h@sink.example"]),
       "a flush overrides defer_transports", mail.log())
for how in "-s", "-i":
    sink.taken[:] = []
    qid = send(["again@sink.example"])
    mail.wait(lambda: lines(qid + ": .*status=deferred"))
    mail.wait(lambda: glob.glob(mail.dir + "/spool/deferred/*/*/" + qid))
    mail.run("postqueue", how, qid if how == "-i" else "sink.example")
    tap.ok(mail.wait(lambda: sink.taken == ["again@sink.example"]),
           "so does postqueue " + how, mail.log())
mail.destroy()
sys.exit(tap.end())
