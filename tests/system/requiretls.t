#!/usr/bin/env python3
"""requiretls - the SMTP client and messages that want TLS all the way (RFC 8689)

A message comes in by TLS with REQUIRETLS; servers of this test differ in what
they offer: the extension, a certificate that fits, TLS at all.
"""

import os
import re
import socket
import ssl
import smtplib
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import Instance, Tap, free_port

os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=0")
tap = Tap()
pki = tempfile.mkdtemp(prefix="rohrpost-pki-")
os.chmod(pki, 0o755)


def run(command):
    subprocess.run(command, shell=True, check=True, cwd=pki,
                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


EC = "ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
run("openssl req -x509 -newkey %s -keyout ca.key -out ca.pem -days 200 "
    "-subj /CN=TestCA" % EC)
for name in ("good", "other"):
    run("openssl req -newkey %s -keyout %s.key -out csr -subj /CN=%s.example "
        "&& printf 'subjectAltName=DNS:%s.example' >ext && "
        "openssl x509 -req -in csr -CA ca.pem -CAkey ca.key -CAcreateserial "
        "-days 200 -extfile ext -out %s.pem && cat %s.key %s.pem >%s.both" %
        (EC, name, name, name, name, name, name, name))

PORT = free_port()
heard = {}                              # by server: lines after STARTTLS


def serve(address, offers, cert):
    """A server with these keywords inside of TLS; `cert` None: no TLS."""
    listener = socket.create_server((address, PORT), backlog=64)
    lines = heard.setdefault(address, [])

    def talk(s):
        f, in_data, inside = s.makefile("rb"), False, False
        s.sendall(b"220 server ESMTP\r\n")
        while True:
            line = f.readline()
            if not line or line.startswith(b"QUIT"):
                break
            if in_data and line != b".\r\n":
                continue
            if not in_data:
                lines.append(line.decode().strip())
            in_data = line.startswith(b"DATA")
            if line.startswith(b"STARTTLS"):
                s.sendall(b"220 go\r\n")
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain("%s/%s.both" % (pki, cert))
                s = context.wrap_socket(s, server_side=True)
                f, inside = s.makefile("rb"), True
            elif line.startswith(b"EHLO"):
                words = ["server"] + (offers if inside else [])
                if cert and not inside:
                    words.append("STARTTLS")
                s.sendall("".join("250%s%s\r\n" % (
                    " " if i + 1 == len(words) else "-", w)
                    for i, w in enumerate(words)).encode())
            elif in_data:
                s.sendall(b"354 go on\r\n")
            else:
                s.sendall(b"250 2.0.0 Ok\r\n")
        s.close()

    def visit(s):
        try:
            talk(s)
        except (OSError, ssl.SSLError):
            pass

    def accept():
        while True:
            threading.Thread(target=visit, args=(listener.accept()[0],),
                             daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()


serve("127.0.3.1", ["REQUIRETLS"], "good")
serve("127.0.3.2", ["8BITMIME"], "good")
serve("127.0.3.3", ["REQUIRETLS"], "other")
serve("127.0.3.4", [], None)

domains = {n + 1: name for n, name in enumerate(
    ("full.example", "lacks.example", "wrong.example", "plain.example"))}
mail = Instance("""
requiretls_enable = yes
smtpd_tls_security_level = may
smtpd_tls_chain_files = %(pki)s/good.both
smtp_tls_CAfile = %(pki)s/ca.pem
smtp_tls_security_level = may
smtp_tls_policy_maps = inline:{ %(policies)s }
smtp_requiretls_policy = enforce
transport_maps = inline:{ %(routes)s }
""" % {"pki": pki,
       "policies": ", ".join("{ [127.0.3.%d]:%d = secure match=good.example }" %
                             (n, PORT) for n in (1, 2, 3)),
       "routes": ", ".join("{ %s = smtp:[127.0.3.%d]:%d }" % (name, n, PORT)
                           for n, name in domains.items())})


def send(domain, options=(), header=""):
    c = smtplib.SMTP("localhost", mail.port, "client.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    c.starttls(context=context)
    c.ehlo()
    c.mail("root@localhost", list(options))
    c.rcpt("u@" + domain)
    _, text = c.data(header + "Subject: x\r\n\r\ny\r\n")
    c.quit()
    return text.decode().split()[-1]


def outcome(qid):
    pattern = (r"smtp\[\d+\]: %s: to=<.*?tls=(\S*), dsn=([\d.]+), "
               r"status=(\w+) \((.*)\)$" % qid)
    mail.wait(lambda: re.search(pattern, mail.log(), re.M), 60)
    found = re.findall(pattern, mail.log(), re.M)
    return found[-1] if found else ("", "", "", mail.log()[-1500:])


def expect(domain, options, how, dsn, tls, title, header=""):
    got = outcome(send(domain, options, header))
    tap.ok(got[2] == how and got[1] == dsn and re.search(tls, got[0]), title,
           got)


WANTED = ["REQUIRETLS"]
mail.start()
try:
    expect("full.example", WANTED, "sent", "2.0.0", "^secure/requiretls$",
           "a server that can do it gets the message")
    tap.ok([l for l in heard["127.0.3.1"] if re.match("MAIL.*REQUIRETLS", l)],
           "and is told to go on so", heard["127.0.3.1"])
    expect("lacks.example", WANTED, "bounced", "5.7.30", "requiretls",
           "one without the extension does not")
    tap.ok(not [l for l in heard["127.0.3.2"] if l.startswith("MAIL")],
           "nor hears who wrote", heard["127.0.3.2"])
    expect("wrong.example", WANTED, "bounced", "5.7.10", "requiretls",
           "one with a certificate of another does not")
    expect("plain.example", WANTED, "bounced", "5.7.10", "requiretls",
           "one without TLS does not")
    tap.ok(not [l for l in heard["127.0.3.4"] if l.startswith("MAIL")],
           "and sees nothing of it", heard["127.0.3.4"])
    expect("lacks.example", [], "sent", "2.0.0", "^secure$",
           "others may go there")
    expect("wrong.example", [], "sent", "2.0.0", "",
           "\"TLS-Required: no\" goes where a policy would not let it",
           "TLS-Required: No\r\n")
finally:
    mail.destroy()
    subprocess.run(["rm", "-rf", pki])
sys.exit(tap.end())
