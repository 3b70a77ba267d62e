#!/usr/bin/env python3
"""postfix tls, posttls-finger: keys are made, deployed, and looked at"""

import os
import re
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import Instance, Tap

if shutil.which("openssl") is None:
    print("1..0 # SKIP needs openssl")
    sys.exit(0)

tap = Tap()


def check(name, good, detail=""):
    tap.ok(bool(good), name, detail)


mail = Instance()
ETC = mail.dir + "/etc"


def tls(*args):
    return mail.run("postfix", "tls", *args)


def finger(*args):
    p = mail.run("posttls-finger", "-o", "inet_protocols=ipv4", *args,
                 "[127.0.0.1]:%d" % mail.port)
    return p.returncode, p.stderr.decode() + p.stdout.decode()


def conf(name):
    return mail.run("postconf", "-h", name).stdout.decode().strip()


check("nothing is set at first", tls("all-default-server").returncode == 0)
check("there is no key to publish yet",
       b"No usable keyfiles" in tls("output-server-tlsa").stderr)
check("arguments too many change nothing",
       b"usage: postfix tls enable-client" in
       tls("enable-client", "extra").stderr and
       tls("all-default-client").returncode == 0)
check("an unknown command says what there is",
       b"enable-server" in tls("nosuch").stderr)
p = tls("enable-server", "mail.example.com", "mx.example.com")
check("the server gets a key", p.returncode == 0, p.stderr.decode())
check("which only its owner can read",
       os.stat(conf("smtpd_tls_key_file")).st_mode & 0o77 == 0)
check("and what was set stays", tls("enable-server").returncode == 0 and
       tls("all-default-server").returncode == 1)
p = tls("new-server-key", "-a", "ecdsa", "mail.example.com")
names = re.search(rb"deploy-server-cert (\S+) (\S+)", p.stderr)
check("a second key is made beside it", names is not None,
       p.stderr.decode())
p = tls("deploy-server-cert", names[1].decode(), names[2].decode())
check("and deployed", p.returncode == 0 and
       conf("smtpd_tls_eccert_file") == names[1].decode(), p.stderr.decode())
p = tls("deploy-server-cert", names[1].decode(), conf("smtpd_tls_key_file"))
check("but not with the other's key", p.returncode != 0 and
       b"does not match" in p.stderr)
p = tls("output-server-tlsa", "-h", "mx.example.com")
check("TLSA records of both", len(re.findall(
    rb"^_25\._tcp\.mx\.example\.com\. IN TLSA 3 1 1 [0-9a-f]{64}$",
    p.stdout, re.M)) == 2, p.stdout.decode())
p = tls("output-server-csr", "-k", "ecdsa", "a.example")
check("a certificate request",
       p.stdout.startswith(b"-----BEGIN CERTIFICATE REQUEST"))
check("the client is enabled", tls("enable-client").returncode == 0 and
       conf("smtp_tls_loglevel") == "1")

mail.start()
status, out = finger("-l", "encrypt")
check("the session is reported", status == 0 and re.search(
    r"TLS connection established to 127\.0\.0\.1\[127\.0\.0\.1\]:\d+: TLSv1\.3",
    out), out)
status, plain = finger("-l", "none")
check("level none stays in the clear", status == 0 and
       "> STARTTLS" not in plain and "< 250" in plain, plain)
check("with the conversation", "> STARTTLS" in out and "< 220" in out, out)
check("and fingerprints", re.search(
    r"subject_CN=mail\.example\.com, .*fingerprint=([0-9A-F]{2}:){31}", out),
    out)
prints = re.search(r" fingerprint=([0-9A-F:]+)", out)
status, out = finger("-c", "-l", "secure")
check("a certificate of nobody's is not secure",
       "Untrusted TLS" in out and "> EHLO" not in out, out)
status, out = finger("-c", "-F", conf("smtpd_tls_eccert_file"), "-l",
                     "secure", "-p", ">=TLSv1.2")
check("nor a trusted one of another name",
       "num=62:hostname mismatch" in out and "Untrusted TLS" in out, out)
mail_args = ("-c", "-F", conf("smtpd_tls_eccert_file"), "-l", "secure")
p = mail.run("posttls-finger", *mail_args, "[127.0.0.1]:%d" % mail.port,
             "mail.example.com")
check("it is with its name", b"matched peername: mail.example.com" in
       p.stdout and b"Verified TLS" in p.stdout, p.stdout.decode())
p = mail.run("posttls-finger", "-c", "-l", "fingerprint",
             "[127.0.0.1]:%d" % mail.port, prints[1] if prints else "")
check("or with its fingerprint", b"Matched fingerprint: " in p.stdout and
       b"Verified TLS" in p.stdout, p.stdout.decode())
status, out = finger("-cC", "-L", "none", "-l", "encrypt")
check("the chain as PEM, with fingerprints", re.search(
    r"(?s)\n---\nCertificate chain\n 0 subject: .*digest=.*-----BEGIN CERT",
    out), out)
status, out = finger("-c", "-r", "1", "-l", "encrypt")
check("-r comes again and resumes", "TLS connection reused" in out, out)
status, out = finger("-l", "nosuch")
check("an unknown level is an error", status == 1 and
       'Invalid TLS level "nosuch"' in out, out)
mail.destroy()
sys.exit(tap.end())
