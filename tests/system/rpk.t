#!/usr/bin/env python3
"""rpk - raw public keys instead of certificates (RFC 7250)

The SMTP client and server of one instance show each other keys.  OpenSSL has
them since 3.2; with an older one this test is skipped.
"""

import ctypes
import os
import re
import smtplib
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import Instance, Tap, free_port

tap = Tap()
if not hasattr(ctypes.CDLL("libssl.so.3"), "SSL_get0_peer_rpk"):
    tap.ok(True, "raw public keys # SKIP this OpenSSL has them not")
    sys.exit(tap.end())

pki = tempfile.mkdtemp(prefix="rohrpost-pki-")
os.chmod(pki, 0o755)


def run(command):
    return subprocess.run(command, shell=True, check=True, cwd=pki, text=True,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout


def make(name):
    """A key and a certificate of it; the key's digest."""
    run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
        "-keyout %s.key -out %s.crt -days 200 -subj /CN=%s.example && "
        "cat %s.key %s.crt >%s.both" % ((name,) * 6))
    return run("openssl pkey -in %s.key -pubout -outform DER | "
               "openssl dgst -sha256 -c" % name).split()[-1].upper()


server, client, stranger = make("server"), make("client"), make("stranger")
rpk, plain = free_port(), free_port()
mail = Instance("""
smtpd_tls_security_level = may
smtpd_tls_chain_files = %(pki)s/server.both
smtpd_tls_ask_ccert = yes
smtpd_tls_received_header = yes
smtpd_tls_loglevel = 1
smtp_tls_loglevel = 1
smtp_tls_chain_files = %(pki)s/client.both
smtp_tls_enable_rpk = yes
relay_clientcerts = inline:{ { %(client)s = ok } }
smtp_tls_policy_maps = inline:{
  { [127.0.0.1]:%(rpk)d = fingerprint match=%(server)s }
  { [127.0.0.1]:%(plain)d = fingerprint match=%(server)s }
  { [127.0.0.2]:%(rpk)d = fingerprint match=%(stranger)s }
  { [127.0.0.3]:%(rpk)d = encrypt enable_rpk=no } }
transport_maps = inline:{
  { keys.example = smtp:[127.0.0.1]:%(rpk)d }
  { plain.example = smtp:[127.0.0.1]:%(plain)d }
  { wrong.example = smtp:[127.0.0.2]:%(rpk)d }
  { off.example = smtp:[127.0.0.3]:%(rpk)d } }
default_transport = discard
header_checks = regexp:{
  { /Client (RPK digest [0-9A-F:]+|CN .[a-z]+)/ WARN saw $$1. } }
""" % {"pki": pki, "rpk": rpk, "plain": plain, "server": server,
       "client": client, "stranger": stranger}, """
0.0.0.0:%d inet n - n - - smtpd
  -o smtpd_tls_enable_rpk=yes
  -o mynetworks=
  -o smtpd_relay_restrictions=permit_tls_clientcerts,reject
  -o transport_maps= -o default_transport=discard
  -o content_filter=discard:
127.0.0.1:%d inet n - n - - smtpd
  -o content_filter=discard:
""" % (rpk, plain))


def deliver(domain):
    """The log line of a message's delivery by smtp."""
    with smtplib.SMTP("127.0.0.1", mail.port) as s:
        s.ehlo("me.example")
        s.mail("root@localhost")
        s.rcpt("u@" + domain)
        text = s.data("Subject: x\r\n\r\ny\r\n")[1].decode()
    pattern = r"smtp\[\d+\]: %s: to=.*" % text.split()[-1]
    mail.wait(lambda: re.search(pattern, mail.log()), 60)
    found = re.search(pattern, mail.log())
    return found.group() if found else mail.log()[-2000:]


mail.start()
try:
    line = deliver("keys.example")
    tap.ok("tls=fingerprint" in line and "status=sent" in line,
           "a server's key that is expected is verified", line)
    tap.ok(mail.logged("Verified TLS connection established to 127.0.0.1"),
           "and logged as that", mail.log()[-2000:])
    line = deliver("plain.example")
    tap.ok("status=sent" in line, "the key of a certificate is the same, where "
           "the server shows one", line)
    line = deliver("wrong.example")
    tap.ok("status=deferred" in line and "erver certificate not verified" in
           line, "another's key is not taken", line)
    line = deliver("off.example")
    tap.ok("status=sent" in line, "a client that may not show a key shows its "
           "certificate", line)
    seen = re.findall(r"warning: header Received: .*: saw (.*)\.", mail.log())
    tap.ok(seen == ["RPK digest " + client, 'CN "client', 'CN "client'],
           "the server asked for each, and says it in Received:",
           mail.log()[-3000:])
finally:
    mail.stop()
    mail.destroy()
sys.exit(tap.end())
