#!/usr/bin/env python3
"""client-dns - the SMTP client and a DNS that misbehaves

In a network namespace of its own, with a name server of this test that is
slow, silent, too talkative for UDP, goes in circles or points at this host;
and with SRV records.  Needs root.
"""

import os
import re
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import Instance, Smtp, Tap
from world import isolate

os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=0")
tap = Tap()


# --- the name server

A, CNAME, MX, AAAA, SRV = 1, 5, 15, 28, 33
NOERROR, SERVFAIL, NXDOMAIN = 0, 2, 3
SLOW = 0.8                              # seconds, below its clients' patience

zone = {                                # (name, type): data
    ("good.example", MX): [(10, "mx.good.example")],
    ("mx.good.example", A): ["127.0.1.1"],
    # three names deep, and names that are each other's
    ("alias.example", CNAME): ["alias2.example"],
    ("alias2.example", CNAME): ["mx.good.example"],
    ("ring.example", CNAME): ["ring2.example"],
    ("ring2.example", CNAME): ["ring.example"],
    ("toring.example", MX): [(10, "ring.example"), (20, "mx.good.example")],
    ("onlyring.example", MX): [(10, "ring.example")],
    # at ourselves
    ("self.example", MX): [(10, "localhost.self.example")],
    ("localhost.self.example", A): ["127.0.0.1"],
    ("any.example", MX): [(10, "any-address.example")],
    ("any-address.example", A): ["0.0.0.0"],
    ("backup.example", MX): [(5, "mx.good.example"),
                             (10, "localhost.self.example")],
    # too much for UDP: the answer over UDP is cut off
    ("many.example", MX): [(10 + n, "host-with-a-long-name-%03d.example" % n)
                           for n in range(60)] + [(1, "mx.good.example")],
    ("slow.example", MX): [(10, "mx.good.example")],
    ("broken.example", MX): SERVFAIL,
    ("half.example", MX): [(10, "broken-a.example"), (20, "mx.good.example")],
    ("broken-a.example", A): SERVFAIL,
    ("broken-a.example", AAAA): SERVFAIL,
    # SRV: RFC 2782
    ("_submission._tcp.srv.example", SRV): [
        (10, 0, 587, "none.srv.example"),
        (20, 0, 587, "mx.good.example")],
    ("_submission._tcp.nosrv.example", SRV): [(0, 0, 0, "")],
    ("_submission._tcp.brokensrv.example", SRV): SERVFAIL,
    ("fallback.example", A): ["127.0.1.1"],
}
silent = {"silent.example"}             # no answer at all
delayed = {"slow.example"}
asked = []                              # (name, type, "udp" or "tcp")
is_down = threading.Event()


def encode(name):
    return b"".join(bytes([len(w)]) + w.encode()
                    for w in name.split(".") if w) + b"\0"


def record(name, kind, data):
    if kind == A:
        body = socket.inet_aton(data)
    elif kind == CNAME:
        body = encode(data)
    elif kind == MX:
        body = struct.pack(">H", data[0]) + encode(data[1])
    else:
        body = struct.pack(">HHH", *data[:3]) + encode(data[3])
    return encode(name) + struct.pack(">HHIH", kind, 1, 1, len(body)) + body


def find(name, kind):
    """The code of the answer and its records, aliases followed."""
    found = []
    for _ in range(8):
        data = zone.get((name, kind))
        if isinstance(data, int):
            return data, []
        if data is not None:
            return NOERROR, found + [record(name, kind, d) for d in data]
        alias = zone.get((name, CNAME))
        if alias is None:
            break
        found.append(record(name, CNAME, alias[0]))
        name = alias[0]
    known = any(n == name for n, _ in zone)
    return NOERROR if known or found else NXDOMAIN, found


def answer(query, over):
    words, at = [], 12
    while query[at]:
        words.append(query[at + 1:at + 1 + query[at]].decode())
        at += query[at] + 1
    name, question = ".".join(words).lower(), query[12:at + 5]
    kind = struct.unpack(">H", query[at + 1:at + 3])[0]
    asked.append((name, kind, over))
    if name in silent or is_down.is_set():
        return None
    if name in delayed:
        time.sleep(SLOW)
    code, found = find(name, kind)
    flags = 0x8180 | code
    if over == "udp" and sum(map(len, found)) > 480:
        flags, found = flags | 0x0200, []
    return (query[:2] + struct.pack(">HHHHH", flags, 1, len(found), 0, 0) +
            question + b"".join(found))


def serve_udp():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 53))

    def one(query, peer):
        data = answer(query, "udp")
        if data is not None:
            s.sendto(data, peer)
    while True:
        threading.Thread(target=one, args=s.recvfrom(4096),
                         daemon=True).start()


def serve_tcp():
    listener = socket.create_server(("127.0.0.1", 53))
    while True:
        s, _ = listener.accept()
        f = s.makefile("rb")
        try:
            while True:
                head = f.read(2)
                if len(head) < 2:
                    break
                data = answer(f.read(struct.unpack(">H", head)[0]), "tcp")
                # in two pieces, as a slow network would
                s.sendall(struct.pack(">H", len(data)))
                time.sleep(0.05)
                s.sendall(data)
        except OSError:
            pass
        s.close()


# --- the mail server at 127.0.1.1

taken = []


def serve_mail(port):
    listener = socket.create_server(("127.0.1.1", port), backlog=64)

    def visit(s):
        f, in_data, rcpts = s.makefile("rb"), False, []
        try:
            s.sendall(b"220 good ESMTP\r\n")
            for line in f:
                if in_data and line != b".\r\n":
                    continue
                if in_data:
                    taken.extend((r, port) for r in rcpts)
                    in_data, rcpts = False, []
                elif line.startswith(b"RCPT"):
                    rcpts.append(re.search(rb"<(.*?)>", line)[1].decode())
                elif line.startswith(b"DATA"):
                    in_data = True
                    s.sendall(b"354 go on\r\n")
                    continue
                s.sendall(b"250 Ok\r\n")
        except OSError:
            pass
        s.close()

    def run():
        while True:
            s, _ = listener.accept()
            threading.Thread(target=visit, args=(s,), daemon=True).start()
    threading.Thread(target=run, daemon=True).start()


SETTINGS = """
smtp_connect_timeout = 20s
smtp_helo_timeout = 20s
minimal_backoff_time = 600s
maximal_backoff_time = 600s
queue_run_delay = 1s
smtpd_peername_lookup = no
proxy_interfaces = 127.0.0.1
smtp_connection_cache_on_demand = no
transport_maps = inline:{ { srv.example = sub:srv.example:submission },
  { nosrv.example = sub:nosrv.example:submission },
  { fallback.example = sub:fallback.example:submission },
  { strict.example = strict:fallback.example:submission },
  { brokensrv.example = sub:brokensrv.example:submission } }
"""
SERVICES = """
sub unix - - n - - smtp
  -o use_srv_lookup=submission
  -o allow_srv_lookup_fallback=yes
strict unix - - n - - smtp
  -o use_srv_lookup=submission
"""


def send(mail, domain):
    s = Smtp(mail.port)
    s.reply()
    s.command("EHLO client.example")
    s.command("MAIL FROM:<root@localhost>")
    s.command("RCPT TO:<u@%s>" % domain)
    s.command("DATA")
    reply = s.command("Subject: x\r\n\r\ntext\r\n.")
    s.close()
    return reply.split()[-1]


def status(mail, qid):
    found = re.findall(r"\[\d+\]: %s: to=<.*?dsn=([\d.]+), "
                       r"status=(\w+) \((.*)\)$" % qid, mail.log(), re.M)
    return found[-1] if found else ("", "", "")


def main():
    if not isolate("timeout:3 attempts:2"):
        print("1..0 # SKIP needs root and a network namespace")
        return 0
    threading.Thread(target=serve_udp, daemon=True).start()
    threading.Thread(target=serve_tcp, daemon=True).start()
    serve_mail(25)
    serve_mail(587)
    mail = Instance(SETTINGS, SERVICES)
    mail.start()
    try:
        expected = [
            ("good.example", "sent", "Ok", "an MX host"),
            ("alias.example", "sent", "Ok", "a domain that is an alias of an "
             "alias"),
            ("ring.example", "bounced", "loop", "aliases in a ring end"),
            ("onlyring.example", "bounced", "loop", "so do those of MX hosts"),
            ("toring.example", "sent", "Ok", "another MX host serves then"),
            ("self.example", "bounced", "loops back to myself",
             "an MX host with our own address"),
            ("any.example", "bounced|deferred", "loops back|connect",
             "an MX host at no address"),
            ("backup.example", "sent", "Ok", "a better one than ourselves"),
            ("many.example", "sent", "Ok", "an answer too long for UDP"),
            ("slow.example", "sent", "Ok", "a slow answer"),
            ("broken.example", "deferred", "try again", "SERVFAIL is waited "
             "out"),
            ("half.example", "sent", "Ok", "one MX host that can't be found"),
            ("silent.example", "deferred", "try again", "no answer"),
            ("srv.example", "sent", "Ok", "a server by SRV"),
            ("fallback.example", "sent", "Ok", "an address in place of SRV, "
             "where that is allowed"),
            ("strict.example", "bounced", "type=SRV", "and not where it is "
             "not"),
            ("nosrv.example", "bounced", "null SRV|not found",
             "a service that is denied"),
            ("brokensrv.example", "deferred", "type=SRV.*try again",
             "SRV that can't be looked up"),
        ]
        ids = {domain: send(mail, domain) for domain, _, _, _ in expected}
        for domain, how, reason, title in expected:
            mail.wait(lambda: status(mail, ids[domain])[1], 60)
            got = status(mail, ids[domain])
            tap.ok(re.fullmatch(how, got[1]) and re.search(reason, got[2]),
                   "%s: %s" % (title, how.replace("|", " or ")), got)
        tap.ok(("many.example", MX, "tcp") in asked,
               "what did not fit is asked again by TCP",
               [q for q in asked if q[0] == "many.example"])
        tap.ok(("u@srv.example", 587) in taken, "SRV chooses the port",
               taken)

        # --- down altogether
        is_down.set()
        first = send(mail, "later.example")
        mail.wait(lambda: status(mail, first)[1], 60)
        tap.ok(status(mail, first)[1] == "deferred",
               "without DNS mail waits", status(mail, first))
        is_down.clear()
        zone["later.example", MX] = [(10, "mx.good.example")]

        def got_through():
            mail.run("postqueue", "-f")
            return ("u@later.example", 25) in taken
        tap.ok(mail.wait(got_through, 30),
               "and gets through when it is back", mail.log()[-2000:])
        came = [r for r, _ in taken]
        tap.ok(len(came) == len(set(came)), "nothing came twice", came)
    finally:
        mail.destroy()
    return tap.end()


sys.exit(main())
