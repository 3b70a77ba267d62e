#!/usr/bin/env python3
"""slow - many servers that take their time: deliveries per second

Starts SERVERS SMTP servers on addresses of 127.0.0.0/8, each of which answers
every command (and greets) only after DELAY seconds, gives the mail system
mail for DELIVERIES recipients spread over them, and tells how many deliveries
were made per second, from the first submission to the last final dot.

	slow.py				a private instance of this tree
	slow.py --smtp HOST:PORT	a mail system that runs already, with
					transport_maps = texthash:FILE, where
					slow.py --map FILE wrote the file
"""

import argparse
import asyncio
import os
import resource
import smtplib
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

parser = argparse.ArgumentParser()
parser.add_argument("--servers", type=int, default=1000)
parser.add_argument("--deliveries", type=int, default=2000)
parser.add_argument("--delay", type=float, default=2.0)
parser.add_argument("--port", type=int, default=2727)
parser.add_argument("--smtp", default="")
parser.add_argument("--map", default="")
parser.add_argument("--limit", type=float, default=600, help="seconds")
args = parser.parse_args()



def address(i):
    return "127.1.%d.%d" % (i // 250, i % 250 + 1)


def write_map(path):
    with open(path, "w") as f:
        for i in range(args.servers):
            f.write("s%d.slow.example smtp:[%s]:%d\n"
                    % (i, address(i), args.port))


RCPTS = 50      # of a message: each is a delivery of its own


class Load:
    def __init__(self):
        self.sessions = self.most = self.delivered = 0
        self.first = self.last = None
        self.done = threading.Event()


load = Load()


async def answer(writer, text):
    await asyncio.sleep(args.delay)
    writer.write(text)


async def session(reader, writer):
    load.sessions += 1
    load.most = max(load.most, load.sessions)
    try:
        await answer(writer, b"220 slow.example ESMTP\r\n")
        data, last = False, None
        while True:
            line = await reader.readline()
            if not line:
                break
            word = line[:4].upper()
            if data:
                if line != b".\r\n":
                    continue
                data = False
                reply = b"250 2.0.0 taken\r\n"
            elif word == b"DATA":
                data = True
                reply = b"354 go on\r\n"
            elif word == b"EHLO":
                reply = b"250-slow.example\r\n250 PIPELINING\r\n"
            elif word == b"QUIT":
                break
            else:
                reply = b"250 ok\r\n"
            # each command is answered DELAY after it came
            last = asyncio.ensure_future(answer(writer, reply))
            if reply.startswith(b"250 2.0.0") or data:
                await last
            if reply.startswith(b"250 2.0.0"):
                load.delivered += 1
                load.last = time.time()
                if load.delivered >= args.deliveries:
                    load.done.set()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        load.sessions -= 1
        writer.close()


async def listen():
    for i in range(args.servers):
        await asyncio.start_server(session, address(i), args.port,
                                   backlog=100)


def serve():
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(listen())
    ready.set()
    loop.run_forever()


def submit(host, port):
    s = smtplib.SMTP(host, port, timeout=60)
    for first in range(0, args.deliveries, RCPTS):
        s.sendmail("slow@home.example",
                   ["u%d@s%d.slow.example" % (n, n % args.servers) for n in
                    range(first, min(first + RCPTS, args.deliveries))],
                   "Subject: %d\r\n\r\ntext\r\n" % first)
    s.quit()


def run(host, port):
    load.first = time.time()
    submit(host, port)
    submitted = time.time() - load.first
    load.done.wait(args.limit)
    took = (load.last or time.time()) - load.first
    print("%d of %d deliveries to %d servers that answer after %g s: %.1f s, "
          "%.1f/s, at most %d sessions; submitted in %.1f s"
          % (load.delivered, args.deliveries, args.servers, args.delay, took,
             load.delivered / took, load.most, submitted))


if args.map:
    write_map(args.map)
    sys.exit(0)
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
ready = threading.Event()
threading.Thread(target=serve, daemon=True).start()
ready.wait()
if args.smtp:
    host, port = args.smtp.rsplit(":", 1)
    run(host, int(port))
else:
    from instance import Instance
    mail = Instance("transport_maps = texthash:$config_directory/slow\n")
    try:
        write_map(mail.dir + "/etc/slow")
        mail.start()
        run("127.0.0.1", mail.port)
    finally:
        mail.destroy()
sys.exit(0 if load.delivered >= args.deliveries else 1)
