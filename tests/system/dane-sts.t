#!/usr/bin/env python3
"""dane-sts - DANE, MTA-STS and TLSRPT with a signed zone

In a network namespace of its own: knot signs the zone "test", unbound
validates for this mail system, and servers of this test take mail at port 25
of addresses of their own and give policies by HTTPS.  Needs root; without
knot or unbound it is left out.
"""

import base64
import email
import gzip
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import Instance, Smtp, Tap, PATIENCE
from private import Missing, Place
from world import isolate

tap = Tap()

WEB = "127.0.0.80"
TTL = 1

SETTINGS = """smtp_tls_security_level = dane
smtp_dns_support_level = dnssec
smtp_tls_mta_sts = yes
smtp_tls_loglevel = 1
smtp_host_lookup = dns
smtp_tlsrpt_enable = yes
https_CAfile = %(pki)s/ca.pem
mta_sts_recheck_time = 1s
mta_sts_fetch_timeout = 5s
tlsrpt_organization_name = The Test
tlsrpt_contact_info = tls@sender.test
myhostname = out.sender.test
mydomain = sender.test
myorigin = sender.test
maximal_queue_lifetime = 1h
smtpd_peername_lookup = no
"""


# --- a world of its own


class Pki:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="rohrpost-pki-")
        os.chmod(self.dir, 0o755)
        self.run("openssl req -x509 -newkey ec -pkeyopt "
                 "ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem "
                 "-days 200 -subj /CN=TestCA")

    def run(self, command):
        return subprocess.run(command, shell=True, check=True, cwd=self.dir,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True).stdout

    def make(self, name, *hosts):
        self.run("openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
                 "-nodes -keyout %s.key -out csr -subj /CN=%s && "
                 "printf 'subjectAltName=%s' >ext && "
                 "openssl x509 -req -in csr -CA ca.pem -CAkey ca.key "
                 "-CAcreateserial -days 200 -extfile ext -out %s.pem" %
                 (name, hosts[0], ",".join("DNS:" + h for h in hosts), name))

    def tlsa(self, name):
        """Of its key: 3 1 1"""
        return "3 1 1 " + self.run(
            "openssl x509 -in %s.pem -pubkey -noout | "
            "openssl pkey -pubin -outform der | openssl dgst -sha256 -r" %
            name).split()[0]

    def context(self, name):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain("%s/%s.pem" % (self.dir, name),
                          "%s/%s.key" % (self.dir, name))
        return c


class Dns:
    """knot for the zone "test", unbound before it."""

    def __init__(self, place):
        self.place = place
        self.knotd, self.knot_root = place.find("knotd", "knot")
        self.unbound, self.unbound_root = place.find("unbound", "unbound")
        self.records, self.serial = [], 1
        self.dir = place.dir + "/dns"
        os.mkdir(self.dir)
        self.chown(self.dir)

    @staticmethod
    def chown(path):
        os.chown(path, 65534, 65534)

    def write_zone(self):
        text = ["$TTL %d" % TTL,
                "test. SOA ns.test. admin.test. %d 60 60 6000 %d" %
                (self.serial, TTL), "test. NS ns.test.", "ns.test. A 127.0.0.1"]
        with open(self.dir + "/test.zone", "w") as f:
            f.write("\n".join(text + self.records) + "\n")
        self.chown(self.dir + "/test.zone")

    def start(self):
        self.write_zone()
        with open(self.dir + "/knot.conf", "w") as f:
            f.write("""server:
    listen: 127.0.0.1@5300
    rundir: "%(d)s"
    pidfile: "%(d)s/pid"
database:
    storage: "%(d)s"
control:
    listen: "%(d)s/sock"
policy:
  - id: p
    algorithm: ecdsap256sha256
    single-type-signing: on
    nsec3: off
zone:
  - domain: test
    storage: "%(d)s"
    file: test.zone
    zonefile-sync: -1
    zonefile-load: difference-no-serial
    journal-content: all
    dnssec-signing: on
    dnssec-policy: p
""" % {"d": self.dir})
        self.place.start([self.knotd, "-c", self.dir + "/knot.conf"],
                         self.knot_root, self.key)
        with open(self.dir + "/unbound.conf", "w") as f:
            f.write("""server:
    interface: 127.0.0.1
    port: 53
    do-daemonize: no
    username: ""
    chroot: ""
    directory: "%(d)s"
    pidfile: "%(d)s/unbound.pid"
    use-syslog: no
    local-zone: "test." nodefault
    do-not-query-localhost: no
    cache-max-ttl: 1
    cache-max-negative-ttl: 1
    trust-anchor: "%(key)s"
    module-config: "validator iterator"
    access-control: 127.0.0.0/8 allow
remote-control:
    control-enable: no
stub-zone:
    name: test
    stub-addr: 127.0.0.1@5300
""" % {"d": self.dir, "key": self.key()})
        self.unbound_process = subprocess.Popen(
            [self.unbound, "-d", "-c", self.dir + "/unbound.conf"],
            env=self.place.environment(self.unbound_root),
            stdin=subprocess.DEVNULL,
            stdout=open(self.dir + "/unbound.log", "w"),
            stderr=subprocess.STDOUT)
        self.place.running.append(self.unbound_process)
        self.wait_for("ns.test")

    def tool(self, *argv):
        program, root = self.place.find(argv[0], "knot")
        return self.place.call([program] + list(argv[1:]), root)

    def key(self):
        """DS of the key that signs, once there is one."""
        p = self.tool("keymgr", "-c", self.dir + "/knot.conf", "test.", "ds")
        for line in p.stdout.splitlines():
            m = re.match(r"test\. DS (\d+ \d+ 2 \S+)", line)
            if m:
                return "test. IN DS " + m.group(1)
        return ""

    def change(self, *records, drop=None):
        """Records go (those that begin with `drop`) and come."""
        if drop:
            self.records = [r for r in self.records if not r.startswith(drop)]
        self.records += records
        self.serial += 1
        self.write_zone()
        self.tool("knotc", "-b", "-s", self.dir + "/sock", "zone-reload",
                  "test.")
        time.sleep(2.2)     # unbound counts whole seconds of TTL 1

    def wait_for(self, name):
        """An answer that unbound vouches for."""
        query = (b"\x12\x34\x01\x20\0\1\0\0\0\0\0\0" +
                 b"".join(bytes([len(l)]) + l.encode()
                          for l in name.split(".")) + b"\0\0\1\0\1")
        end = time.monotonic() + 20 * PATIENCE
        while time.monotonic() < end:
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.settimeout(1)
            try:
                s.sendto(query, ("127.0.0.1", 53))
                answer = s.recv(4096)
                if answer[3] & 0x20 and not answer[3] & 0xf:
                    return
            except OSError:
                time.sleep(0.1)
            finally:
                s.close()
        raise Missing("the resolver does not validate: " +
                      open(self.dir + "/unbound.log").read()[-600:])


class Sink(threading.Thread):
    """Takes mail at port 25 of an address."""

    def __init__(self, address, context):
        super().__init__(daemon=True)
        self.context, self.mail, self.tls = context, [], 0
        self.s = socket.create_server((address, 25))
        self.start()

    def run(self):
        while True:
            c, _ = self.s.accept()
            threading.Thread(target=self.serve, args=(c,),
                             daemon=True).start()

    def serve(self, c):
        try:
            self.talk(c)
        except (OSError, ValueError):
            pass
        c.close()

    def talk(self, c):
        f, secure = c.makefile("rb"), False
        c.sendall(b"220 sink ESMTP\r\n")
        while True:
            line = f.readline().decode("latin-1").strip()
            verb = line.upper()[:4]
            if verb == "EHLO":
                c.sendall(b"250-sink\r\n" + (
                    b"250-STARTTLS\r\n" if self.context and not secure
                    else b"") + b"250 8BITMIME\r\n")
            elif verb == "STAR":
                c.sendall(b"220 go\r\n")
                c = self.context.wrap_socket(c, server_side=True)
                f, secure = c.makefile("rb"), True
                self.tls += 1
            elif verb == "DATA":
                c.sendall(b"354 go\r\n")
                text = b""
                while not text.endswith(b"\r\n.\r\n"):
                    text += f.readline()
                self.mail.append((secure, text))
                c.sendall(b"250 taken\r\n")
            elif verb == "QUIT" or not line:
                c.sendall(b"221 bye\r\n")
                return
            else:
                c.sendall(b"250 ok\r\n")


class Web(threading.Thread):
    """Policies, and a place that takes reports."""

    def __init__(self, context):
        super().__init__(daemon=True)
        self.context, self.policies, self.fetched = context, {}, []
        self.reports, self.broken = [], False
        self.s = socket.create_server((WEB, 443))
        self.start()

    def run(self):
        while True:
            c, _ = self.s.accept()
            threading.Thread(target=self.serve, args=(c,),
                             daemon=True).start()

    def serve(self, c):
        try:
            c = self.context.wrap_socket(c, server_side=True)
            self.talk(c)
        except (OSError, ValueError):
            pass
        c.close()

    def talk(self, c):
        f, head = c.makefile("rb"), {}
        request = f.readline().decode().split()
        for line in iter(f.readline, b"\r\n"):
            name, _, value = line.decode().partition(":")
            head[name.lower()] = value.strip()
        if request[0] == "POST":
            self.reports.append((head.get("content-type"), f.read(
                int(head["content-length"]))))
            c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            return
        self.fetched.append(head["host"])
        answer = self.policies.get(head["host"].replace("mta-sts.", ""))
        if answer == "slow":
            c.sendall(b"HTTP/1.1 200 OK\r\n")
            for _ in range(60):
                c.sendall(b"X-Wait: a little\r\n")
                time.sleep(0.5)
            return
        if self.broken or request[1] != "/.well-known/mta-sts.txt" or \
                answer is None:
            answer = "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"
        elif not answer.startswith("HTTP/"):
            answer = ("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                      "Content-Length: %d\r\n\r\n%s" % (len(answer), answer))
        c.sendall(answer.encode())


def policy(mode, *mx, age=86400):
    return ("version: STSv1\r\nmode: %s\r\n%smax_age: %d\r\n" %
            (mode, "".join("mx: %s\r\n" % m for m in mx), age))


class World:
    def __init__(self, place):
        self.pki, self.dns = Pki(), Dns(place)
        self.sinks, self.hosts = {}, 10
        web = ["mta-sts.%s.test" % d for d in (
            "good", "wrongmx", "badcert", "othername", "trial", "trialmx",
            "both", "redirect", "entry", "changing", "huge", "html", "slow",
            "short", "broken", "two")]
        self.pki.make("web", *web, "collect.test")
        self.web = Web(self.pki.context("web"))

    def domain(self, name, cert=None, *records, mx=None):
        """A domain with one MX host; cert: names in its certificate."""
        d, self.hosts = name + ".test", self.hosts + 1
        mx, address = mx or "mx." + d, "127.0.0.%d" % self.hosts
        if cert:
            self.pki.make(name, *cert)
        self.sinks[name] = Sink(address, cert and self.pki.context(name))
        self.dns.records += ["%s. MX 10 %s." % (d, mx),
                             "%s. A %s" % (mx, address)] + list(records)

    def sts(self, name, text, id="1"):
        self.web.policies[name + ".test"] = text
        self.dns.records += [
            '_mta-sts.%s.test. TXT "v=STSv1; id=%s;"' % (name, id),
            "mta-sts.%s.test. A %s" % (name, WEB)]

    def wants_reports(self, name, where):
        self.dns.records.append('_smtp._tls.%s.test. TXT "v=TLSRPTv1; '
                                'rua=%s"' % (name, where))


def build(world):
    self_signed = lambda name: world.pki.run(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
        "-nodes -keyout %s.key -out %s.pem -days 200 -subj /CN=x" %
        (name, name))
    wrong = "3 1 1 " + 64 * "0"
    world.domain("dane", ["irrelevant.test"])
    world.dns.records.append("_25._tcp.mx.dane.test. TLSA " +
                             world.pki.tlsa("dane"))
    world.domain("nodane", ["mx.nodane.test"],
                 "_25._tcp.mx.nodane.test. TLSA " + wrong)
    world.domain("pkix", ["mx.pkix.test"],
                 "_25._tcp.mx.pkix.test. TLSA 0 0 1 " + 64 * "0")
    world.domain("pkixclear", None,
                 "_25._tcp.mx.pkixclear.test. TLSA 1 1 1 " + 64 * "0")
    world.domain("nocert", ["mx.nocert.test"],
                 "_25._tcp.mx.nocert.test. TLSA 3 0 0 " + 64 * "0")
    world.domain("both", ["mx.both.test"],
                 "_25._tcp.mx.both.test. TLSA " + wrong)
    world.sts("both", policy("enforce", "mx.both.test"))
    world.domain("good", ["mx.good.test"])
    world.sts("good", policy("enforce", "*.good.test"))
    world.domain("wrongmx", ["mx.wrongmx.test"])
    world.sts("wrongmx", policy("enforce", "mail.wrongmx.test"))
    world.domain("othername", ["other.test"])
    world.sts("othername", policy("enforce", "mx.othername.test"))
    world.domain("badcert", ["mx.badcert.test"])
    self_signed("badcert")
    world.sinks["badcert"].context = world.pki.context("badcert")
    world.sts("badcert", policy("enforce", "mx.badcert.test"))
    world.domain("trial", ["other.test"])
    world.sts("trial", policy("testing", "mx.trial.test"))
    world.domain("trialmx", ["mx.trialmx.test"])
    world.sts("trialmx", policy("testing", "mail.trialmx.test"))
    world.domain("noweb", ["mx.noweb.test"])   # no certificate for mta-sts.
    world.sts("noweb", policy("enforce", "mail.noweb.test"))
    world.domain("redirect", ["mx.redirect.test"])
    world.sts("redirect", "HTTP/1.1 301 Moved\r\nLocation: https://mta-sts."
              "good.test/.well-known/mta-sts.txt\r\nContent-Length: 0\r\n\r\n")
    world.domain("huge", ["mx.huge.test"])
    world.sts("huge", policy("enforce", "mail.huge.test") + 70000 * "#:\n")
    world.domain("html", ["mx.html.test"])
    page = policy("enforce", "mail.html.test")
    world.sts("html", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
              "Content-Length: %d\r\n\r\n%s" % (len(page), page))
    world.domain("slow", ["mx.slow.test"])
    world.sts("slow", "slow")
    world.domain("broken", ["mx.broken.test"])
    world.sts("broken", policy("enforce", "mail.broken.test"), "no-id")
    world.domain("two", ["mx.two.test"],
                 '_mta-sts.two.test. TXT "v=STSv1; id=2;"')
    world.sts("two", policy("enforce", "mail.two.test"))
    world.domain("short", ["mx.short.test"])
    world.sts("short", policy("enforce", "mail.short.test", age=3))
    world.domain("entry", ["mx.entry.test"])
    world.sts("entry", policy("enforce", "mail.entry.test"))
    world.domain("changing", ["mx.changing.test"])
    world.sts("changing", policy("enforce", "mx.changing.test"))
    world.domain("clear", None)
    world.domain("collect", ["mx.collect.test"],
                 "collect.test. A " + WEB,
                 "_25._tcp.mx.collect.test. TLSA " + wrong)
    for name in ("good", "dane", "clear", "noweb", "nodane"):
        world.wants_reports(name, "mailto:reports@collect.test")
    world.wants_reports("othername", "mailto:reports@collect.test")
    world.wants_reports("trial", "https://collect.test/tlsrpt")
    world.wants_reports("collect", "mailto:reports@collect.test")


# --- mail

def send(mail, name):
    s = Smtp(mail.port)
    s.reply()
    for line in ("HELO me", "MAIL FROM:<me@sender.test>",
                 "RCPT TO:<you@%s.test>" % name, "DATA"):
        s.command(line)
    reply = s.command("Subject: x\r\n\r\nhello\r\n.")
    s.close()
    return reply.split()[-1]


def outcome(mail, id):
    """The delivery line of a message."""
    line = []

    def there():
        line[:] = re.findall(r"%s: to=<.*" % id, mail.log())
        return bool(line)
    mail.wait(there, 30)
    return line[-1] if line else ""


def expect(mail, name, status, what, *patterns):
    line = outcome(mail, send(mail, name))
    good = "status=" + status in line and all(
        re.search(p, line) for p in patterns)
    tap.ok(good, what, line + "\n" + mail.log()[-3000:])
    return line


def deliveries(mail, world):
    sinks = world.sinks
    expect(mail, "dane", "sent", "DANE: a TLSA record that fits is verified",
           "tls=dane")
    tap.ok(mail.logged("Verified TLS connection established to mx.dane.test"),
           "the log says so")
    expect(mail, "nodane", "deferred", "DANE: one that does not fit makes "
           "mail wait", "Server certificate not verified", "tls=!dane")
    tap.ok(not sinks["nodane"].mail and sinks["nodane"].tls,
           "nothing was sent there")
    expect(mail, "pkix", "sent", "DANE: a usage that mail has no use for asks "
           "for encryption only", "tls=encrypt")
    tap.ok(mail.logged("warning: _25._tcp.mx.pkix.test unsupported TLSA "
                       "certificate usage: 0 0 1 0000"), "the log says so")
    expect(mail, "pkixclear", "deferred", "without that mail waits",
           "TLS is required, but was not offered")
    expect(mail, "nocert", "sent", "DANE: a record that should hold a "
           "certificate and does not is of no use", "tls=dane:encrypt")
    expect(mail, "both", "deferred", "an MTA-STS policy does not make good a "
           "TLSA record that does not fit", "tls=!dane")
    expect(mail, "good", "sent", "MTA-STS: mail goes to a host of the policy "
           "with its certificate", "tls=secure")
    tap.ok(sinks["good"].mail and sinks["good"].mail[-1][0],
           "and it was encrypted")
    expect(mail, "wrongmx", "deferred", "MTA-STS: a host that the policy does "
           "not name gets nothing", "policy of wrongmx.test")
    tap.ok(sinks["wrongmx"].tls == 0, "no connection was made")
    expect(mail, "othername", "deferred", "MTA-STS: a certificate for another "
           "name is not enough", "MTA-STS policy of othername.test")
    expect(mail, "badcert", "deferred", "MTA-STS: nor is one that nobody "
           "vouches for", "not verified, as wants the MTA-STS")
    expect(mail, "trial", "sent", "MTA-STS: mode testing lets mail go")
    tap.ok(mail.logged("policy of trial.test wants"),
           "but the log says what is wrong", mail.log()[-1000:])
    expect(mail, "trialmx", "sent", "mode testing: a host not named")
    tap.ok(mail.logged("MX host mx.trialmx.test is not one that the MTA-STS "
                       "policy of trialmx.test names: only a test so far"),
           "the log says so, too")
    expect(mail, "entry", "sent", "smtp_tls_policy_maps goes before MTA-STS",
           "tls=encrypt")
    expect(mail, "clear", "sent", "without any policy mail goes in the clear")


def bad_policies(mail, world):
    for name, what in (("noweb", "a web server with another's certificate"),
                       ("redirect", "a redirection"), ("huge", "a policy "
                       "too long"), ("html", "a policy that is HTML")):
        expect(mail, name, "sent", "%s: there is no policy" % what)
        tap.ok(mail.logged("%s.test: MTA-STS policy can't be had" % name),
               "the log says why", mail.log()[-800:])
    tap.ok(mail.logged("(sts-webpki-invalid)"),
           "the certificate's failure has its name")
    for name, what in (("broken", "malformed TXT record"),
                       ("two", "more than one TXT record")):
        expect(mail, name, "sent", "%s: there is no policy" % what)
        tap.ok(mail.logged("_mta-sts.%s.test: %s: no MTA-STS" % (name, what)),
               "says the log", mail.log()[-800:])
    began = time.monotonic()
    expect(mail, "slow", "sent", "a web server that drips is not waited for")
    tap.ok(4 < time.monotonic() - began < 25 * PATIENCE,
           "longer than mta_sts_fetch_timeout", time.monotonic() - began)


def expiry(mail, world):
    expect(mail, "short", "deferred", "a policy that lasts three seconds is in "
           "force", "policy of short.test")
    world.dns.change(drop="_mta-sts.short.test.")
    time.sleep(3)
    restart(mail)
    expect(mail, "short", "sent", "and is over when they are")


def table_attributes(mail, world):
    """What an MTA-STS plug-in says in smtp_tls_policy_maps."""
    expect(mail, "plugin", "deferred", "mx_host_pattern of "
           "smtp_tls_policy_maps is obeyed", "MTA-STS policy of plugin.test")
    expect(mail, "plugin2", "sent", "and allows the host that fits",
           "tls=secure")


def restart(mail):
    mail.stop()
    mail.start()


def changes(mail, world):
    expect(mail, "changing", "sent", "a policy is fetched", "tls=secure")
    n = len(world.web.fetched)
    restart(mail)
    expect(mail, "changing", "sent", "after a restart it is known",
           "tls=secure")
    tap.ok(len(world.web.fetched) == n, "and not fetched again",
           world.web.fetched[n:])
    world.web.policies["changing.test"] = policy("enforce", "no.test")
    world.dns.change('_mta-sts.changing.test. TXT "v=STSv1; id=2;"',
                     drop="_mta-sts.changing.test.")
    restart(mail)
    expect(mail, "changing", "deferred", "a new id brings the new policy",
           "policy of changing.test")
    world.web.broken = True
    world.dns.change('_mta-sts.changing.test. TXT "v=STSv1; id=3;"',
                     drop="_mta-sts.changing.test.")
    restart(mail)
    expect(mail, "changing", "deferred", "which stays when the next can't be "
           "fetched", "policy of changing.test")
    tap.ok(mail.logged("the one of before stays in force"), "says the log")
    world.dns.change(drop="_mta-sts.changing.test.")
    restart(mail)
    expect(mail, "changing", "deferred", "and when the record is gone",
           "policy of changing.test")
    world.web.broken = False


# --- reports

def decode(text):
    m = email.message_from_bytes(text)
    part = [p for p in m.walk()
            if p.get_content_type() == "application/tlsrpt+gzip"][0]
    return m, json.loads(gzip.decompress(part.get_payload(decode=True)))


def collected(world):
    """{domain: (message, report)}"""
    found = {}
    for secure, text in world.sinks["collect"].mail:
        m, report = decode(text)
        found[m["TLS-Report-Domain"]] = (m, report)
    return found


def summary(report, kind):
    """(good, bad, {result: count}) of a kind of policy"""
    good, bad, results = 0, 0, {}
    for p in report["policies"]:
        if p["policy"]["policy-type"] == kind:
            good += p["summary"]["total-successful-session-count"]
            bad += p["summary"]["total-failure-session-count"]
            for f in p.get("failure-details", []):
                results[f["result-type"]] = results.get(
                    f["result-type"], 0) + f["failed-session-count"]
    return good, bad, results


def run_reports(mail, world, wanted):
    mail.run("postkick", "private", "tlsrpt", "R")
    mail.wait(lambda: set(wanted) <= set(collected(world)) and
              world.web.reports, 30)
    return collected(world)


def reports(mail, world):
    def files():
        return [f for f in os.listdir(mail.dir + "/data")
                if f.startswith("tlsrpt-")]
    tap.ok(mail.wait(lambda: len(files()) == 1, 30),
           "what was counted is in a journal", files())
    got = run_reports(mail, world, ("good.test", "dane.test", "clear.test",
                                    "noweb.test", "nodane.test",
                                    "othername.test"))
    tap.ok(set(got) == {"good.test", "dane.test", "clear.test", "noweb.test",
                        "nodane.test", "othername.test"},
           "those who want reports get one each, by mail, although TLS at "
           "their server does not please",
           "%s\n%s" % (sorted(got), mail.log()[-3000:]))
    if "good.test" not in got:
        return
    m, report = got["good.test"]
    tap.ok(m.get_content_type() == "multipart/report" and
           m.get_param("report-type") == "tlsrpt" and
           m["TLS-Report-Submitter"] == "out.sender.test" and
           m["Subject"].startswith("Report Domain: good.test") and
           m["From"] == "tls@sender.test",
           "the message is as RFC 8460 5.3 says", m)
    p = report["policies"][0]["policy"]
    tap.ok(report["organization-name"] == "The Test" and
           p["policy-type"] == "sts" and p["policy-domain"] == "good.test" and
           p["mx-host"] == ["*.good.test"] and
           "mode: enforce" in p["policy-string"] and
           summary(report, "sts") == (1, 0, {}),
           "the report tells the policy and the sessions", report)
    tap.ok(summary(got["dane.test"][1], "tlsa")[:2] == (1, 0),
           "DANE that went well", got["dane.test"][1])
    tap.ok(summary(got["nodane.test"][1], "tlsa")[2] ==
           {"validation-failure": 1}, "DANE that did not fit",
           got["nodane.test"][1])
    tap.ok(summary(got["othername.test"][1], "sts")[2] ==
           {"certificate-host-mismatch": 1}, "a certificate of another name",
           got["othername.test"][1])
    d = [f for q in got["othername.test"][1]["policies"]
         for f in q.get("failure-details", [])][0]
    tap.ok(d["receiving-mx-hostname"] == "mx.othername.test" and
           d["receiving-ip"].startswith("127.0.0.") and
           d["sending-mta-ip"].startswith("127."), "its details", d)
    tap.ok(summary(got["clear.test"][1], "no-policy-found")[2] ==
           {"starttls-not-supported": 1}, "no STARTTLS",
           got["clear.test"][1])
    tap.ok(summary(got["noweb.test"][1], "sts")[2] ==
           {"sts-webpki-invalid": 1} and
           summary(got["noweb.test"][1], "no-policy-found")[:2] == (1, 0),
           "a policy that can't be fetched", got["noweb.test"][1])
    kind, body = world.web.reports[-1] if world.web.reports else ("", b"")
    trial = json.loads(gzip.decompress(body)) if body else {"policies": []}
    tap.ok(kind == "application/tlsrpt+gzip" and summary(trial, "sts") ==
           (0, 1, {"certificate-host-mismatch": 1}),
           "a report by HTTPS, for a policy in mode testing", trial)
    n = len(world.sinks["collect"].mail)
    mail.run("postkick", "private", "tlsrpt", "R")
    time.sleep(2)
    tap.ok(len(world.sinks["collect"].mail) == n,
           "what was told is not told again, and reports are not reported "
           "about")


def yesterday(mail, world):
    """A journal of the day before is reported at start, and goes."""
    before = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86400))
    mail.stop()
    path = mail.dir + "/data/tlsrpt-" + before
    with open(path, "w") as f:
        f.write("7 good.test no-policy-found good.test + + + + + + +\n"
                "1 nobody.test no-policy-found nobody.test + + + + + + +\n"
                "3 good.test no-policy-fo")
    os.chown(path, os.stat(mail.dir + "/data").st_uid, -1)
    n = len(world.sinks["collect"].mail)
    with open(mail.dir + "/etc/main.cf", "a") as f:
        f.write("tlsrpt_send_delay = 0\n")
    mail.start()
    mail.run("postkick", "private", "tlsrpt", "W")
    mail.wait(lambda: len(world.sinks["collect"].mail) > n, 20)
    new = world.sinks["collect"].mail[n:]
    report = decode(new[0][1])[1] if new else {"policies": []}
    tap.ok(len(new) == 1 and summary(report, "no-policy-found")[:2] ==
           (7, 0) and report["date-range"]["start-datetime"] ==
           before + "T00:00:00Z", "yesterday's report is sent",
           "%s\n%s" % (report, mail.log()[-1500:]))
    tap.ok(mail.wait(lambda: not os.path.exists(path), 10),
           "and its journal is removed")


def refresh(mail, world):
    with open(mail.dir + "/etc/main.cf", "a") as f:
        f.write("mta_sts_refresh_time = 1s\n")
    n = world.web.fetched.count("mta-sts.good.test")
    restart(mail)
    expect(mail, "good", "sent", "an old policy serves", "tls=secure")
    tap.ok(mail.wait(lambda: world.web.fetched.count("mta-sts.good.test") >
                     n, 10), "and is fetched again meanwhile")


def without_services(mail, world):
    """master.cf of another system: the log says what is missing."""
    mail.stop()
    with open(mail.dir + "/etc/main.cf", "a") as f:
        f.write("smtp_tlsrpt_socket_name =\n")
    path = mail.dir + "/etc/master.cf"
    text = open(path).read()
    with open(path, "w") as f:
        f.write(re.sub(r"(?m)^(mtasts|tlsrpt) ", r"#\1 ", text))
    n = len(mail.log())
    mail.start()
    expect(mail, "good", "deferred", "without mtasts mail waits",
           "MTA-STS policy lookup error")
    expect(mail, "dane", "sent", "DANE needs neither")
    tap.ok(mail.wait(lambda: "private/mtasts: no answer about good.test" in
                     mail.log()[n:] and "private/tlsrpt: the service can't "
                     "be reached" in mail.log()[n:], 10),
           "the log names both", mail.log()[n:])


def external_reporter(mail, world):
    """smtp_tlsrpt_socket_name: what libtlsrpt would send"""
    path = mail.dir + "/spool/tlsrpt.sock"
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(path)
    os.chmod(path, 0o666)
    s.settimeout(20 * PATIENCE)
    with open(mail.dir + "/etc/main.cf", "a") as f:
        f.write("smtp_tlsrpt_socket_name = tlsrpt.sock\n")
    restart(mail)
    expect(mail, "nodane", "deferred", "with an external reporter")
    got = json.loads(s.recv(65536))
    policy = got["policies"][0]
    failure = policy.get("failure-details", [{}])[0]
    tap.ok((got["dpv"], got["d"], policy["policy-type"], policy["t"],
            policy["f"]) == ("1", "nodane.test", 1, 1, 1) and
           got["pr"] == "v=TLSRPTv1; rua=mailto:reports@collect.test" and
           policy["policy-string"] == ["3 1 1 " + 64 * "0"] and
           (failure["c"], failure["n"]) == (205, "mx.nodane.test") and
           failure["r"].startswith("127."), "it is told of a failure", got)
    tap.ok(mail.logged("TLSRPT: status=failure, domain=nodane.test, "
                       "receiving_mx=mx.nodane.test[127."), "and so is the "
           "log", mail.log()[-1000:])
    expect(mail, "badcert", "deferred", "a domain that wants no reports")
    expect(mail, "dane", "sent", "and one that does")
    got = json.loads(s.recv(65536))
    tap.ok(got["d"] == "dane.test" and got["policies"][0]["f"] == 0,
           "it is told of success, and where that is wanted", got)
    s.close()
    n = len(mail.log())
    expect(mail, "dane", "sent", "when it is gone mail goes on")
    tap.ok(mail.wait(lambda: "tlsrpt.sock: Connection refused: the TLSRPT "
                     "reports will miss" in mail.log()[n:], 10),
           "and the log says so", mail.log()[n:])
    os.unlink(path)


def main():
    if not isolate("edns0 trust-ad timeout:2"):
        print("1..0 # SKIP needs root and namespaces")
        return 0
    place = Place()
    mail = world = None
    try:
        world = World(place)
        build(world)
        world.domain("plugin", ["mx.plugin.test"])
        world.domain("plugin2", ["mx.plugin2.test"])
        world.dns.start()
        mail = Instance(SETTINGS % {"pki": world.pki.dir})
        with open(mail.dir + "/etc/main.cf", "a") as f:
            f.write("smtp_tls_policy_maps = inline:{{entry.test=encrypt} "
                    "{plugin.test=secure match=mx.plugin.test "
                    "policy_type=sts policy_domain=plugin.test "
                    "mx_host_pattern=mail.plugin.test policy_ttl=5} "
                    "{plugin2.test=secure match=x.test policy_type=sts "
                    "mx_host_pattern=*.plugin2.test}}\n")
        mail.start()
        deliveries(mail, world)
        bad_policies(mail, world)
        table_attributes(mail, world)
        reports(mail, world)
        changes(mail, world)
        expiry(mail, world)
        yesterday(mail, world)
        refresh(mail, world)
        external_reporter(mail, world)
        without_services(mail, world)
    except Missing as e:
        print("1..0 # SKIP %s" % e)
        return 0
    finally:
        if mail:
            if os.environ.get("TEST_LOG"):
                print(mail.log())
            mail.destroy()
        if world:
            shutil.rmtree(world.pki.dir, ignore_errors=True)
        place.destroy()
    return tap.end()


sys.exit(main())
