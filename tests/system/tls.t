#!/usr/bin/env python3
"""tls - TLS in the SMTP server, with the clients and scanners of others

openssl s_client, swaks, Python's smtplib, testssl.sh and nmap against the
default configuration with a certificate; keys that change under a running
server; clients that mean harm.  What is not installed is left out.
"""

import os
import re
import shutil
import smtplib
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import Instance, Smtp, Tap, free_port, PATIENCE

tap = Tap()

SETTINGS = """smtpd_tls_security_level = may
smtpd_tls_chain_files = %(pki)s/chain.pem
smtpd_tls_CAfile = %(pki)s/ca.pem
smtpd_tls_ask_ccert = yes
smtpd_tls_loglevel = 1
smtpd_tls_received_header = yes
smtpd_tls_fingerprint_digest = sha256
smtpd_tls_session_cache_database = btree:$data_directory/smtpd_scache
smtpd_peername_lookup = no
smtpd_error_sleep_time = 0s
smtpd_client_connection_count_limit = 0
smtp_tls_security_level = encrypt
smtp_tls_session_cache_database = btree:$data_directory/smtp_scache
smtp_connection_cache_on_demand = no
transport_maps = inline:{{ away.example = smtp:[127.0.0.1]:%(sink)d }}
mydestination = tls.example
mynetworks =
local_recipient_maps =
local_transport = discard:
"""

MASTER = """127.0.0.1:%(wrapped)d inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
127.0.0.1:%(strict)d inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt
  -o smtpd_tls_req_ccert=yes
  -o smtpd_tls_mandatory_protocols=>=TLSv1.3
127.0.0.1:%(hasty)d inet n - n - - smtpd
  -o smtpd_starttls_timeout=1s
127.0.0.1:%(balanced)d inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
  -o smtpd_upstream_proxy_protocol=haproxy
127.0.0.1:%(plain)d inet n - n - - smtpd
  -o smtpd_tls_ask_ccert=no
  -o smtpd_tls_session_cache_database=
"""


# --- an authority

class Pki:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="rohrpost-pki-")
        os.chmod(self.dir, 0o755)
        self.run("openssl req -x509 -newkey ec -pkeyopt "
                 "ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem "
                 "-days 200 -subj /CN=TestCA")
        self.make("server", "ec -pkeyopt ec_paramgen_curve:P-256")
        self.make("rsa", "rsa:2048")
        self.make("client", "ec -pkeyopt ec_paramgen_curve:P-256")
        self.use("server", "rsa")

    def run(self, command):
        subprocess.run(command, shell=True, check=True, cwd=self.dir,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def make(self, name, key):
        self.run("openssl req -newkey %s -nodes -keyout %s.key -out csr "
                 "-subj /CN=%s.example && "
                 "printf 'subjectAltName=DNS:localhost,IP:127.0.0.1' >ext && "
                 "openssl x509 -req -in csr -CA ca.pem -CAkey ca.key "
                 "-CAcreateserial -days 200 -extfile ext -out %s.pem" %
                 (key, name, name, name))

    def use(self, *names):
        """The server's chain file, put in place as certbot does."""
        with open(self.dir + "/chain.new", "w") as f:
            for name in names:
                for ending in (".key", ".pem"):
                    f.write(open(self.dir + "/" + name + ending).read())
        os.chmod(self.dir + "/chain.new", 0o600)
        os.rename(self.dir + "/chain.new", self.dir + "/chain.pem")


def context(pki=None, cert=None):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if pki is None:
        c.check_hostname = False
        c.verify_mode = ssl.CERT_NONE
    else:
        c.load_verify_locations(pki.dir + "/ca.pem")
    if cert:
        c.load_cert_chain("%s/%s.pem" % (pki.dir, cert),
                          "%s/%s.key" % (pki.dir, cert))
    return c


def wrap(smtp, ctx=None):
    """STARTTLS done, the handshake of a raw conversation."""
    smtp.s = (ctx or context()).wrap_socket(smtp.s, server_hostname="localhost")
    smtp.f = smtp.s.makefile("rb")
    return smtp


def start_tls(port, ctx=None):
    s = Smtp(port)
    s.reply()
    s.command("EHLO me.example")
    s.command("STARTTLS")
    return wrap(s, ctx)


def has(program):
    if shutil.which(program):
        return True
    tap.ok(True, "%s # SKIP not installed" % program)
    return False


# --- clients

def s_client(port, *options):
    """It says QUIT, and ends when the server does: by then it has all."""
    p = subprocess.run(
        ["openssl", "s_client", "-starttls", "smtp", "-ign_eof", "-connect",
         "127.0.0.1:%d" % port] + list(options), input=b"QUIT\r\n",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60 * PATIENCE)
    return p.stdout.decode("latin-1")


def renegotiates(port):
    """What it says when it is told to."""
    p = subprocess.Popen(
        ["timeout", str(60 * PATIENCE), "openssl", "s_client", "-starttls",
         "smtp", "-tls1_2", "-connect", "127.0.0.1:%d" % port],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)
    p.stdin.write(b"R\n")
    p.stdin.flush()
    text = b""
    while b"no renegotiation" not in text:
        more = p.stdout.readline()
        if not more:
            break
        text += more
    p.kill()
    p.communicate()
    return text.decode("latin-1")


def openssl_connects(mail, pki):
    for version in ("-tls1_2", "-tls1_3"):
        kept = pki.dir + "/session" + version
        out = s_client(mail.port, version, "-CAfile", pki.dir + "/ca.pem",
                       "-sess_out", kept)
        tap.ok("Verify return code: 0 (ok)" in out and "New, TLSv1." in out,
               "openssl s_client %s trusts the certificate" % version, out)
        out = s_client(mail.port, version, "-sess_in", kept)
        tap.ok("Reused, TLSv1." in out,
               "openssl s_client %s resumes its session" % version, out)
    out = s_client(mail.port, "-tls1_2", "-no_ticket", "-sess_out",
                   pki.dir + "/by-id")
    out = s_client(mail.port, "-tls1_2", "-no_ticket", "-sess_in",
                   pki.dir + "/by-id")
    tap.ok("Reused, TLSv1.2" in out, "a session is resumed by its id from "
           "the table, too", out)
    out = s_client(mail.port, "-tls1_2", "-sigalgs", "RSA-PSS+SHA256:"
                   "RSA+SHA256", "-cipher", "aRSA")
    tap.ok(re.search("CN ?= ?rsa.example", out),
           "a client without ECDSA gets the RSA certificate", out)
    out = renegotiates(mail.port)
    tap.ok("no renegotiation" in out, "renegotiation is refused", out)
    for old in ("-tls1", "-tls1_1"):
        out = s_client(mail.port, old, "-cipher", "DEFAULT@SECLEVEL=0")
        tap.ok("Cipher is (NONE)" in out, "openssl s_client %s is refused" %
               old, out)


def swaks(pki, *options):
    p = subprocess.run(["swaks", "--ehlo", "me.example", "--from",
                        "a@b.example", "--to", "c@tls.example", "--timeout",
                        "60"] + list(options), stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True)
    return p.returncode == 0 and "250 2.0.0 Ok: queued" in p.stdout, p.stdout


def swaks_sends(mail, pki, ports):
    if not has("swaks"):
        return
    here = ["--server", "127.0.0.1:%d" % mail.port]
    for options in (["-tls"], ["-tlso"], ["-tls", "--tls-verify",
                    "--tls-ca-path", pki.dir + "/ca.pem"],
                    ["-tls", "--tls-protocol", "tlsv1_2"],
                    ["-tls", "--tls-sni", "localhost"]):
        good, said = swaks(pki, *(here + options))
        tap.ok(good, "swaks sends with " + " ".join(
            o for o in options if not o.startswith("/")), said)
    good, said = swaks(pki, "--server", "127.0.0.1:%d" % ports["wrapped"],
                       "-tlsc")
    tap.ok(good, "swaks sends to the wrapped port", said)
    strict = ["--server", "127.0.0.1:%d" % ports["strict"]]
    good, said = swaks(pki, *(strict + ["-tls"]))
    tap.ok(not good and "421 4.7.1" in said,
           "a client without certificate is turned away", said)
    good, said = swaks(pki, *strict)
    tap.ok(not good and "530 5.7.0" in said,
           "a client without TLS is told to use it", said)
    good, said = swaks(pki, *(strict + ["-tls", "--tls-cert", pki.dir +
                       "/client.pem", "--tls-key", pki.dir + "/client.key"]))
    # Not our relay: the recipient is ours, so that mail is taken.
    tap.ok(good, "a client with certificate sends", said)


def python_sends(mail, pki, ports):
    c = smtplib.SMTP("localhost", mail.port, "me.example")
    code, _ = c.starttls(context=context(pki, "client"))
    tap.ok(code == 220 and "starttls" not in c.esmtp_features,
           "Python starts TLS", code)
    c.ehlo()
    tap.ok("requiretls" in c.esmtp_features and
           "starttls" not in c.esmtp_features, "REQUIRETLS is offered inside",
           c.esmtp_features)
    refused = c.sendmail("a@b.example", ["c@tls.example"],
                         "Subject: x\r\n\r\ny\r\n", ["REQUIRETLS"])
    tap.ok(refused == {}, "Python sends with REQUIRETLS", refused)
    c.quit()
    c = smtplib.SMTP_SSL("localhost", ports["wrapped"], "me.example",
                         context=context(pki))
    refused = c.sendmail("a@b.example", ["c@tls.example"],
                         "Subject: x\r\n\r\n" + "y\r\n" * 100000)
    tap.ok(refused == {}, "Python sends much by SMTP_SSL", refused)
    c.quit()
    tap.ok(mail.logged("Trusted TLS connection established from"),
           "a client's certificate is trusted", mail.log()[-2000:])


class Sink(threading.Thread):
    """Takes messages over TLS; `reused` says of each session if it was an
    earlier one, resumed."""

    def __init__(self, pki, port):
        super().__init__(daemon=True)
        self.reused = []
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(pki.dir + "/server.pem",
                                 pki.dir + "/server.key")
        self.socket = socket.create_server(("127.0.0.1", port))
        self.start()

    def run(self):
        while True:
            s, _ = self.socket.accept()
            try:
                self.serve(s)
            except (OSError, ssl.SSLError):
                pass
            s.close()

    def serve(self, s):
        f, in_data = s.makefile("rb"), False
        s.sendall(b"220 sink ESMTP\r\n")
        while line := f.readline():
            verb = line.strip().upper()
            if in_data and verb != b".":
                continue
            in_data = verb == b"DATA"
            if verb.startswith(b"EHLO"):
                s.sendall(b"250-sink\r\n250 STARTTLS\r\n")
            else:
                s.sendall(b"354 go\r\n" if in_data else b"250 ok\r\n")
            if verb == b"STARTTLS":
                s = self.tls.wrap_socket(s, server_side=True)
                f = s.makefile("rb")
                self.reused.append(s.session_reused)


def our_client_resumes(mail, sink):
    """Its sessions are with tlsmgr, so that any process has them."""
    def send(n):
        mail.run("sendmail", "-f", "a@tls.example", "b@away.example",
                 input=b"Subject: %d\n\ntext\n" % n)
        return mail.wait(lambda: mail.log().count(
            "to=<b@away.example>, relay=127.0.0.1[127.0.0.1]") == n and
            mail.queue_files() == 0)

    def clients():
        return {pid for pid, name in mail.processes().items()
                if name == "smtp"}

    good = send(1) and send(2)
    tap.ok(good and sink.reused == [False, True],
           "our client resumes a session", sink.reused)
    before = clients()
    mail.run("postfix", "reload")
    mail.wait(lambda: not before & clients())
    good = send(3)
    tap.ok(good and sink.reused[2:] == [True] and not before & clients(),
           "a later process resumes it as well", sink.reused)


def behind_a_load_balancer(port):
    """Its line and the client's first bytes come together."""
    s = socket.create_connection(("127.0.0.1", port), 60)
    before = b"PROXY TCP4 192.0.2.7 127.0.0.1 1234 465\r\n"
    inside, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    o = context().wrap_bio(inside, out)
    while True:
        try:
            o.do_handshake()
            break
        except ssl.SSLWantReadError:
            s.sendall(before + out.read())
            before = b""
            inside.write(s.recv(65536))
    s.sendall(out.read())
    while True:
        try:
            greeting = o.read(200)
            break
        except ssl.SSLWantReadError:
            inside.write(s.recv(65536))
    tap.ok(greeting.startswith(b"220 "), "a load balancer's line may come "
           "together with the handshake", greeting)
    s.close()


# --- keys that change

def common_name(port):
    p = subprocess.run("openssl s_client -starttls smtp -connect 127.0.0.1:%d "
                       "</dev/null | openssl x509 -noout -subject" % port,
                       shell=True, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True)
    return p.stdout.strip()


def new_keys_are_used(mail, pki):
    before = common_name(mail.port)
    old = start_tls(mail.port)
    old.command("EHLO me.example")
    pki.use("rsa")
    mail.wait(lambda: "rsa.example" in common_name(mail.port))
    after = [common_name(mail.port) for _ in range(3)]
    tap.ok("server.example" in before and
           all("rsa.example" in a for a in after),
           "new sessions have the new certificate without a reload",
           before + "\n" + "\n".join(after))
    tap.ok(old.command("NOOP") == "250 2.0.0 Ok",
           "a session that was open goes on")
    old.close()
    pki.use("server", "rsa")
    mail.wait(lambda: "server.example" in common_name(mail.port))


# --- those who mean harm

def plain_text_is_forgotten(mail):
    s = Smtp(mail.port)
    s.reply()
    s.command("EHLO evil.example")
    s.send("STARTTLS\r\nEHLO injected.example\r\nMAIL FROM:<evil@b.example>"
           "\r\n")
    s.reply()
    wrap(s)
    tap.ok(s.command("RCPT TO:<c@tls.example>") ==
           "503 5.5.1 Error: need MAIL command",
           "commands put before the handshake are not carried out after it")
    s.close()


def timely(mail):
    """Seconds that a good session takes."""
    begin = time.monotonic()
    s = start_tls(mail.port)
    s.command("EHLO me.example")
    s.command("QUIT")
    s.close()
    return time.monotonic() - begin


def hello():
    """A ClientHello of Python's."""
    out = ssl.MemoryBIO()
    o = context().wrap_bio(ssl.MemoryBIO(), out)
    try:
        o.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


def bad_handshakes(mail):
    good = hello()
    rubbish = [b"", b"\x00", b"GET / HTTP/1.0\r\n\r\n", b"\x16" * 40000,
               b"\x16\x03\x01\xff\xff" + b"\x01" * 70000,
               b"\x16\x03\x01\x00\x05\x01\xff\xff\xff\xff",
               b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" * 9,
               good[:20], good[:-1], good + b"\x15\x03\x03\x00\x02\x02\x28",
               good[:43] + b"\xff" * 300]
    rubbish += [good[:i] + struct.pack("B", good[i] ^ 0x81) + good[i + 1:]
                for i in range(0, len(good), 13)]
    for data in rubbish:
        s = Smtp(mail.port)
        s.reply()
        s.command("EHLO evil.example")
        s.command("STARTTLS")
        try:
            s.send(data)
            s.s.shutdown(socket.SHUT_WR)
            s.s.settimeout(20)
            while s.s.recv(4096):
                pass
        except OSError:
            pass
        s.close()
    tap.ok(timely(mail) < 20 * PATIENCE,
           "%d broken handshakes do no harm" % len(rubbish))


def stalled_handshakes(mail, ports):
    hung = []
    for i in range(200):
        s = Smtp(mail.port)
        s.reply()
        s.send("STARTTLS\r\n")
        s.reply()
        s.send(hello()[:i])
        hung.append(s)
    took = timely(mail)
    tap.ok(took < 20 * PATIENCE, "200 handshakes that hang don't hold up "
           "others", took)
    for s in hung:
        s.close()
    s = Smtp(ports["hasty"])
    s.reply()
    s.send("STARTTLS\r\n")
    s.reply()
    s.s.settimeout(60 * PATIENCE)
    tap.ok(s.s.recv(100) == b"", "a handshake has its time limit")
    tap.ok(mail.wait(lambda: "SSL_accept error from unknown[127.0.0.1]: "
                     "Connection timed out" in mail.log()), "and is logged")
    s.close()


def memory(mail, name):
    total = 0
    for pid, program in mail.processes().items():
        if program == name:
            for line in open("/proc/%d/smaps_rollup" % pid):
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total


def idle_sessions_are_small(mail):
    count = 200
    sessions = [start_tls(mail.port) for _ in range(20)]
    time.sleep(0.5)
    before = memory(mail, "smtpd")
    for _ in range(count):
        sessions.append(start_tls(mail.port))
    def cost():
        return (memory(mail, "smtpd") - before) / count
    mail.wait(lambda: cost() < 60)          # what a handshake took is free
    each = cost()
    print("# an idle TLS session: %.1f KB" % each)
    tap.ok(each < 60 or PATIENCE > 1, "an idle TLS session costs less than "
           "60 KB", each)
    for s in sessions:
        s.close()


# --- scanners

def scanners(mail, port):
    if has("nmap"):
        p = subprocess.run(["nmap", "-Pn", "-p", str(port), "--script",
                            "smtp-open-relay,ssl-enum-ciphers",
                            "--script-args", "smtp.domain=me.example",
                            "-sV", "--version-light", "127.0.0.1"],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True, timeout=300)
        tap.ok("doesn't seem to be an open relay" in p.stdout or
               "open relay (" not in p.stdout.lower() and
               "is an open relay" not in p.stdout, "nmap finds no open relay",
               p.stdout)
        tap.ok("least strength: A" in p.stdout,
               "nmap finds no weak cipher", p.stdout)
    if PATIENCE > 1 or not has("testssl"):
        return
    found = os.path.join(mail.dir, "testssl.csv")
    try:
        subprocess.run(["testssl", "--quiet", "--color", "0", "--warnings",
                        "batch", "-p", "-s", "-f", "-P", "-S", "-U",
                        "--starttls", "smtp", "--csvfile", found,
                        "--severity", "MEDIUM", "127.0.0.1:%d" % port],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       timeout=400)
    except subprocess.TimeoutExpired:
        tap.ok(True, "testssl # SKIP too slow on this machine")
        return
    # Its view of the test's own authority is not about the server.
    about_test = ("cert_trust", "cert_chain_of_trust", "cert_notAfter",
                  "cert_revocation", "cert_ocspURL", "cert_crlDistribution",
                  "cert_extlifeSpan", "cert_validityPeriod", "engine_problem",
                  "scanTime", "overall_grade", "grade_cap")
    bad = [line for line in open(found).read().splitlines()[1:]
           if line.split('","')[3] in ("MEDIUM", "HIGH", "CRITICAL") and
           not line.strip('"').startswith(about_test)]
    tap.ok(os.path.getsize(found) > 0 and bad == [],
           "testssl finds nothing above LOW", "\n".join(bad))


def main():
    if not shutil.which("openssl"):
        print("1..0 # SKIP no openssl")
        return 0
    pki = Pki()
    ports = {name: free_port() for name in ("wrapped", "strict", "hasty",
                                              "plain", "balanced", "sink")}
    sink = Sink(pki, ports["sink"])
    mail = Instance(SETTINGS % {"pki": pki.dir, "sink": ports["sink"]},
                    MASTER % ports)
    try:
        mail.start()
        openssl_connects(mail, pki)
        swaks_sends(mail, pki, ports)
        python_sends(mail, pki, ports)
        our_client_resumes(mail, sink)
        behind_a_load_balancer(ports["balanced"])
        plain_text_is_forgotten(mail)
        bad_handshakes(mail)
        stalled_handshakes(mail, ports)
        idle_sessions_are_small(mail)
        new_keys_are_used(mail, pki)
        log = mail.whole_log()
        tap.ok("panic" not in log and "killed by signal" not in log and
               "bad command startup" not in log, "nothing crashed",
               "\n".join(l for l in log.splitlines() if "master" in l))
        scanners(mail, ports["plain"])
    finally:
        mail.destroy()
        shutil.rmtree(pki.dir, ignore_errors=True)
    return tap.end()


sys.exit(main())
