#!/usr/bin/env python3
"""proxymap - tables that are asked and changed through a service"""

import os
import socket
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import Instance, Smtp, Tap

# table/proxy_proto.h
FIND, ANSWER, PUT, DELETE, SEQUENCE = 1, 2, 3, 4, 5
TABLE, FLAGS, KEY, STATUS, VALUE, FIRST = 1, 2, 3, 4, 5, 6
FOUND, NOT_FOUND, ERROR, DENIED = 0, 1, 2, 100

tap = Tap()
mail = Instance()
etc = mail.dir + "/etc"
cache = "btree:%s/data/cache" % mail.dir
missing = "proxy:hash:%s/missing" % etc


def write(name, text):
    with open(os.path.join(etc, name), "w") as f:
        f.write(text)
    os.chmod(os.path.join(etc, name), 0o644)


write("users", "fay@relay.example ok\n@dropped.example discard:\n")
write("rules", "/^no@/ REJECT not this one\n")
write("secret", "key value\n")
with open(etc + "/main.cf", "a") as f:
    f.write("""
relay_domains = relay.example
relay_recipient_maps = proxy:hash:{1}/users
transport_maps = inline:{{ {{ relay.example = discard: }} }}
smtpd_recipient_restrictions =
    check_recipient_access proxy:regexp:{1}/rules, reject_unauth_destination
proxy_write_maps = proxy:{2}
fallback_transport_maps = {3}
""".format(mail.dir, etc, cache, missing))
mail.run("postmap", "hash:%s/users" % etc)
os.chmod(etc + "/users.db", 0o644)


def attribute(key, value):
    data = struct.pack("@Q", value) if isinstance(value, int) else \
        value.encode()
    return struct.pack("@HHI", key, 0, len(data)) + data + b"\0"


class Service:
    def __init__(self, name):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(20)
        # The path may be too long for a socket's address.
        here = os.getcwd()
        os.chdir(mail.dir + "/spool/private")
        self.s.connect(name)
        os.chdir(here)
        self.f = self.s.makefile("rb")

    def ask(self, kind, **values):
        body = b"".join(attribute(globals()[k.upper()], v)
                        for k, v in values.items())
        self.s.sendall(struct.pack("@IHH", len(body), kind, 0) + body)
        head = self.f.read(8)
        if len(head) < 8:
            return None
        length, kind, _ = struct.unpack("@IHH", head)
        body, got = self.f.read(length), {}
        while body:
            key, _, n = struct.unpack("@HHI", body[:8])
            got[key] = body[8:8 + n]
            body = body[8 + n + 1:]
        status = struct.unpack("@Q", got[STATUS])[0]
        return status, got[VALUE].decode(), got[KEY].decode()


def rcpt(address):
    s = Smtp(mail.port)
    s.reply()
    s.command("EHLO client.example")
    s.command("MAIL FROM:<a@example.com>")
    reply = s.command("RCPT TO:<%s>" % address)
    s.close()
    return reply


def smtpd_asks_the_service():
    tap.ok(rcpt("fay@relay.example")[:3] == "250", "smtpd finds a key")
    tap.ok(rcpt("nobody@relay.example")[:3] == "550", "and one that is not there")
    tap.ok("not this one" in rcpt("no@relay.example"),
           "a table of patterns is asked for the address alone")
    tap.ok("proxymap" in mail.processes().values(), "proxymap was asked")


def what_is_not_listed_is_refused():
    s = Service("proxymap")
    table = "texthash:%s/secret" % etc
    tap.ok(s.ask(FIND, table=table, flags=0, key="key")[0] == DENIED,
           "a table that is not listed is refused")
    tap.ok(mail.logged('request for unapproved table: "%s"' % table,
                       "to approve this table for read-only access, list "
                       "proxy:%s in main.cf:proxy_read_maps" % table),
           "and the log says what to do", mail.log())
    table = "hash:%s/users" % etc
    tap.ok(s.ask(PUT, table=table, flags=0, key="a", value="b")[0] == DENIED,
           "proxymap changes nothing")
    tap.ok(s.ask(FIND, table=table, flags=0, key="fay@relay.example")[0:2] ==
           (FOUND, "ok"), "it finds")
    s = Service("proxywrite")
    tap.ok(s.ask(FIND, table=table, flags=0, key="fay@relay.example")[0] ==
           DENIED, "proxywrite has a list of its own")


def commands_ask_if_they_can():
    users = "proxy:hash:%s/users" % etc
    got = mail.run("postmap", "-q", "fay@relay.example", users, text=True)
    tap.ok((got.returncode, got.stdout) == (0, "ok\n"),
           "postmap finds what is listed", got)
    got = mail.run("postmap", "-q", "key", "proxy:texthash:%s/secret" % etc,
                   text=True)
    tap.ok(got.stderr == "postmap: fatal: proxymap service is not configured "
           'for table "texthash:%s/secret"\n' % etc,
           "and is told what is not", got)
    got = mail.run("postmap", "-d", "fay@relay.example", users, text=True)
    tap.ok(got.stderr.startswith("postmap: fatal: proxywrite service is not"),
           "it removes what proxy_write_maps lists", got)
    got = mail.run("postmap", "-q", "x", missing, text=True)
    tap.ok(got.stderr == "postmap: fatal: table %s: query error: "
           "Application error\n" % missing, "trouble is an error", got)
    path = missing[len("proxy:hash:"):]
    tap.ok(mail.logged("error: open database %s.db: No such file" % path,
                       "warning: hash:%s is unavailable. open database" % path),
           "which proxymap explains", mail.log())


def without_the_service_a_command_opens_the_table():
    mail.stop()
    got = mail.run("postmap", "-q", "key", "proxy:texthash:%s/secret" % etc,
                   text=True)
    tap.ok(got.stdout == "value\n", "postmap reads it itself", got)


def proxywrite_changes_tables():
    a, b = Service("proxywrite"), Service("proxywrite")
    tap.ok(a.ask(PUT, table=cache, flags=0, key="k1", value="one")[0] == FOUND,
           "an entry is put", mail.log())
    a.ask(PUT, table=cache, flags=0, key="k2", value="two")
    tap.ok(b.ask(FIND, table=cache, flags=0, key="k1")[:2] == (FOUND, "one"),
           "another client finds it")
    b.ask(PUT, table=cache, flags=0, key="k1", value="three")
    tap.ok(a.ask(FIND, table=cache, flags=0, key="k1")[1] == "three",
           "an entry is replaced")
    tap.ok([a.ask(SEQUENCE, table=cache, flags=0, first=n)[:3] for n in
            (1, 0, 0)] == [(FOUND, "three", "k1"), (FOUND, "two", "k2"),
                           (NOT_FOUND, "", "")], "entries come in turn")
    tap.ok(a.ask(DELETE, table=cache, flags=0, key="k1")[0] == FOUND and
           b.ask(FIND, table=cache, flags=0, key="k1")[0] == NOT_FOUND,
           "an entry is removed")
    mail.reload()
    tap.ok(Service("proxywrite").ask(FIND, table=cache, flags=0, key="k2")[1]
           == "two", "a reload with clients connected does not block")


def nonsense_ends_the_connection():
    for name, request in (("an unknown request", (99, {})),
                          ("an answer", (ANSWER, {}))):
        tap.ok(Service("proxymap").ask(request[0], **request[1]) is None,
               name + " is not answered")
    tap.ok(Service("proxymap").ask(FIND, flags=0)[0] == ERROR,
           "a request without a table is an error")


try:
    mail.start()
    smtpd_asks_the_service()
    what_is_not_listed_is_refused()
    commands_ask_if_they_can()
    proxywrite_changes_tables()
    nonsense_ends_the_connection()
    without_the_service_a_command_opens_the_table()
finally:
    mail.destroy()
sys.exit(tap.end())
