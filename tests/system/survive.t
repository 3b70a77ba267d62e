#!/usr/bin/env python3
"""survive - kill -9 at random under load: no acknowledged message is lost

SURVIVE_SECONDS (default 15; 300 for the long run) of load by several SMTP
clients while every process, master and postlogd included, is killed at
random.  A supervisor restarts master as systemd would.  Then every message that
got its 250 must be in the mailbox, and after each kill mail must have been
accepted again within SURVIVE_LIMIT seconds (default 10, for machines that are
busy with other tests; 1 is what an idle one keeps).
"""

import os
import random
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import PATIENCE, Instance, Smtp, Tap

SECONDS = float(os.environ.get("SURVIVE_SECONDS", "15"))
LIMIT = float(os.environ.get("SURVIVE_LIMIT", "10"))
CLIENTS = 4
SEED = int(os.environ.get("SURVIVE_SEED", "0")) or int(time.time())

random.seed(SEED)
tap = Tap()
mail = Instance("maximal_backoff_time = 5s\nminimal_backoff_time = 1s\n"
                "queue_run_delay = 2s\n")
user = os.environ.get("USER") or "root"
acked, ack_times, stop = set(), [], threading.Event()
slow_down = threading.Event()  # more comes in than two agents deliver
lock = threading.Lock()


def client(number):
    count = 0
    while not stop.is_set():
        try:
            s = Smtp(mail.port, 10)
            s.reply()
            s.command("EHLO client.example")
            for _ in range(random.randint(1, 10)):
                count += 1
                token = "t%d-%d" % (number, count)
                s.command("MAIL FROM:<a@example.com>")
                s.command("RCPT TO:<me@localhost>")
                if s.command("DATA")[:3] != "354":
                    break
                got = s.command("Subject: %s\r\n\r\n%s\r\n." %
                                (token, "text " * random.randint(1, 1500)))
                if got[:3] == "250":
                    with lock:
                        acked.add(token)
                        ack_times.append(time.monotonic())
                if slow_down.is_set():
                    time.sleep(0.05)
                if not got:
                    break
            s.close()
        except OSError:
            time.sleep(0.02)


def is_down():
    """A killed master may stay in /proc for a while, until init reaps it."""
    try:
        with open("/proc/%d/stat" % (mail.master_pid() or 0)) as f:
            return ") Z " in f.read()
    except OSError:
        return True


def supervise():
    while not stop.is_set():
        if is_down():
            mail.run("postfix", "start")
        time.sleep(0.05)


def watch_queue():
    while not stop.is_set():
        if mail.queue_files() > 1000:
            slow_down.set()
        else:
            slow_down.clear()
        time.sleep(0.5)


def drained():
    mail.run("postqueue", "-f")
    time.sleep(1)
    return mail.queue_files() == 0


def arrived():
    found = {}
    for where, _, files in os.walk(mail.dir + "/mail"):
        for f in files:
            with open(os.path.join(where, f), errors="replace") as message:
                for line in message:
                    if line.startswith("Subject: "):
                        token = line[9:].strip()
                        found[token] = found.get(token, 0) + 1
                        break
    return found


def kill_at_random():
    kills = []
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        time.sleep(random.uniform(0.3, 1.5))
        victims = mail.processes()
        if victims:
            pid = random.choice(sorted(victims))
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                continue
            kills.append((time.monotonic(), victims[pid]))
    return kills


try:
    mail.start()
    threads = [threading.Thread(target=client, args=(n,), daemon=True)
               for n in range(CLIENTS)]
    threads.append(threading.Thread(target=supervise, daemon=True))
    threads.append(threading.Thread(target=watch_queue, daemon=True))
    for t in threads:
        t.start()
    kills = kill_at_random()
    mail.wait(lambda: any(t > kills[-1][0] for t in ack_times), LIMIT)
    stop.set()
    for t in threads:
        t.join(60)
    slow = []
    for when, what in kills:
        after = [t for t in ack_times if t > when]
        if not after or min(after) - when > LIMIT * PATIENCE:
            slow.append("%s: %s" % (what, "%.2f s" % (min(after) - when)
                                    if after else "never"))
    if is_down():
        mail.run("postfix", "start")
    mail.wait(drained, 120)
    found = arrived()
    lost = acked - set(found)
    twice = sum(n - 1 for n in found.values() if n > 1)
    worst = max([min([t for t in ack_times if t > when] or [when]) - when
                 for when, _ in kills] or [0])
    print("# worst wait for the next accepted message: %.2f s" % worst)
    print("# seed %d: %d kills, %d acknowledged, %d found, %d extra copies" %
          (SEED, len(kills), len(acked), len(found), twice))
    tap.ok(len(acked) > 50, "mail flowed", len(acked))
    tap.ok(not lost, "no acknowledged message was lost",
           "%d lost: %s\n%s" % (len(lost), sorted(lost)[:10], mail.log()[-4000:]))
    tap.ok(not slow, "mail was accepted soon after every kill",
           "\n".join(slow))
    tap.ok(mail.queue_files() == 0, "the queue is empty in the end")
finally:
    stop.set()
    mail.destroy()
sys.exit(tap.end())
