#!/usr/bin/env python3
"""sasl - logins: clients at our server, our client at servers

Our server with Dovecot's auth service, and by Cyrus SASL with sasldb and
saslauthd; swaks, msmtp and Python's smtplib log in, fail2ban reads the log of
those that fail.  Our client logs in at our server.
"""

import os
import re
import shutil
import smtplib
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from guest import Guest, NoGuest
from instance import PATIENCE, Instance, Smtp, Tap, free_port

tap = Tap()

DOVECOT_CONF = """
protocols =
ssl = no
base_dir = /run/dovecot
state_dir = /run/dovecot
log_path = /guest/log
auth_mechanisms = plain login cram-md5 digest-md5 scram-sha-1 scram-sha-256
auth_failure_delay = 0
disable_plaintext_auth = no
auth_verbose = yes
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%s /guest/users
}
userdb {
  driver = static
  args = uid=65534 gid=65534 home=/
}
service auth {
  client_limit = 500
  unix_listener /guest/auth {
    mode = 0666
  }
  inet_listener {
    address = 127.0.99.1
    port = %d
  }
}
service anvil {
  client_limit = 600
}
"""
TCP = free_port()

SASL_START = """
umask 077
echo secret | saslpasswd2 -p -c -f /guest/sasldb2 -u sasl.example alice
echo hush | saslpasswd2 -p -c -f /guest/sasldb2 -u sasl.example bob
echo secret | saslpasswd2 -p -c -u "$(uname -n)" alice
chmod 644 /guest/sasldb2
mkdir -p /guest/mux
chmod 755 /guest/mux
touch /guest/ready
exec saslauthd -d -n 2 -a sasldb -m /guest/mux
"""

BASE = """myhostname = sasl.example
mydestination =
smtpd_sasl_auth_enable = yes
smtpd_sasl_authenticated_header = yes
smtpd_relay_restrictions = permit_sasl_authenticated, reject
default_transport = discard:
mynetworks =
smtpd_error_sleep_time = 0s
smtpd_client_connection_count_limit = 0
"""


def is_socket(path):
    return os.path.exists(path) and stat.S_ISSOCK(os.stat(path).st_mode)


def swaks(mail, mechanism, user, password):
    p = subprocess.run(
        ["swaks", "--server", "127.0.0.1:%d" % mail.port, "--ehlo", "me.example",
         "--auth", mechanism, "--auth-user", user, "--auth-password", password,
         "--from", "a@b.example", "--to", "c@d.example", "--timeout", "60"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return p.returncode == 0 and "<-  235 " in p.stdout, p.stdout


def lacks(what):
    """swaks and Perl's Authen::SASL may be without a mechanism."""
    return "requires" in what or "not supported" in what or \
        "Can't locate" in what or "not available" in what


def try_mechanisms(mail, with_what, mechanisms, user):
    for mechanism in mechanisms:
        good, said = swaks(mail, mechanism, user, "secret")
        if not good and lacks(said):
            tap.ok(True, "%s with %s # SKIP swaks has it not" %
                   (mechanism, with_what))
            continue
        tap.ok(good, "swaks logs in by %s with %s" % (mechanism, with_what),
               said)
        good, said = swaks(mail, mechanism, user, "wrong")
        tap.ok(not good and "535 5.7.8" in said,
               "%s with a wrong password is refused" % mechanism, said)


def msmtp(mail, mechanism):
    p = subprocess.run(
        ["msmtp", "--host=127.0.0.1", "--port=%d" % mail.port, "--tls=off",
         "--auth=" + mechanism, "--user=alice", "--passwordeval=echo secret",
         "--from=a@b.example", "c@d.example"], input="Subject: x\n\ny\n",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if "not supported" in p.stdout and "compiled" in p.stdout:
        tap.ok(True, "msmtp by %s # SKIP not in this msmtp" % mechanism)
        return
    tap.ok(p.returncode == 0, "msmtp logs in by " + mechanism, p.stdout)


def python_logs_in(mail):
    for mechanism in ("auth_plain", "auth_login", "auth_cram_md5"):
        c = smtplib.SMTP("127.0.0.1", mail.port, "me.example")
        c.ehlo()
        c.user, c.password = "alice", "secret"
        try:
            code, _ = c.auth(mechanism[5:].replace("_", "-").upper(),
                             getattr(c, mechanism))
            c.sendmail("a@b.example", ["c@d.example"], b"Subject: x\r\n\r\n")
            c.quit()
        except smtplib.SMTPException as e:
            code = e
        tap.ok(code == 235, "Python logs in by " + mechanism[5:], code)


def fail2ban(log):
    """What fail2ban's filter sees of failures."""
    try:
        guest = Guest("fail2ban", "", """
            for mode in normal auth aggressive; do
                echo "== $mode"
                fail2ban-regex /guest/maillog "/etc/fail2ban/filter.d/postfix.conf[mode=$mode]"
            done >/guest/result 2>&1
            touch /guest/done
            exec sleep 60
            """, {"maillog": log})
    except NoGuest as e:
        tap.ok(True, "fail2ban # SKIP %s" % e)
        return
    try:
        guest.wait_until(lambda: os.path.exists(guest.dir + "/done"), 60)
        result = open(guest.dir + "/result").read()
        failures = log.count("authentication failed")
        part = result.split("== auth")[-1].split("== aggressive")[0]
        tap.ok("%d matched" % failures in part,
               "fail2ban counts all %d failures" % failures, part)
    finally:
        guest.destroy()


def many_at_once(mail, count):
    """Sessions that log in at the same time, half of them wrongly."""
    codes = []

    def one(i):
        c = Smtp(mail.port)
        c.reply()
        c.command("EHLO me.example")
        # \0alice\0secret, \0alice\0wrong
        codes.append((i, c.command("AUTH PLAIN " + (
            "AGFsaWNlAHNlY3JldA==" if i % 2 else "AGFsaWNlAHdyb25n"))[:3]))
        c.close()

    threads = [threading.Thread(target=one, args=(i,)) for i in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return all(code == ("235" if i % 2 else "535") for i, code in codes) and \
        len(codes) == count, codes


def with_dovecot():
    try:
        guest = Guest("dovecot-core", "dovecot dovenull",
                      "exec dovecot -F -c /guest/dovecot.conf",
                      {"dovecot.conf": DOVECOT_CONF % ("%u", TCP),
                       "users": "alice:{PLAIN}secret\n"})
        guest.wait_until(lambda: is_socket(guest.dir + "/auth"))
    except NoGuest as e:
        tap.ok(True, "Dovecot # SKIP %s" % e)
        return
    mail = Instance(BASE + "smtpd_sasl_type = dovecot\n"
                    "smtpd_sasl_path = %s/auth\n" % guest.dir)
    mail.start()
    try:
        try_mechanisms(mail, "Dovecot", ("PLAIN", "LOGIN", "CRAM-MD5",
                                         "DIGEST-MD5"), "alice")
        for mechanism in ("plain", "login", "cram-md5", "scram-sha-1",
                          "scram-sha-256"):
            msmtp(mail, mechanism)
        python_logs_in(mail)
        good, codes = many_at_once(mail, 40)
        tap.ok(good, "40 log in at once, each gets its own answer", codes)
        tap.ok(mail.logged("sasl_method=PLAIN, sasl_username=alice"),
               "the log tells who sent a message", mail.log())
        log = mail.whole_log()
        tap.ok("secret" not in log and "AGFsaWNl" not in log,
               "no password is in the log")
        fail2ban(log)
    finally:
        mail.destroy()
    mail = Instance(BASE + "smtpd_sasl_type = dovecot\n"
                    "smtpd_sasl_path = inet:127.0.99.1:%d\n" % TCP)
    mail.start()
    try:
        good, said = swaks(mail, "PLAIN", "alice", "secret")
        tap.ok(good, "Dovecot's service is found by TCP, too", said)
        guest.destroy()
        c = Smtp(mail.port)
        c.reply()
        c.command("EHLO me.example")
        tap.ok(c.command("AUTH PLAIN AGFsaWNlAHNlY3JldA==").startswith("454"),
               "when Dovecot is gone who logs in shall come back", mail.log())
        c.close()
    finally:
        mail.destroy()


def with_cyrus():
    try:
        guest = Guest("sasl2-bin", "", SASL_START, {})
        guest.wait_until(lambda: is_socket(guest.dir + "/mux/mux"))
    except NoGuest as e:
        tap.ok(True, "Cyrus SASL # SKIP %s" % e)
        return
    os.chmod(guest.dir, 0o755)
    conf = tempfile.mkdtemp(prefix="rohrpost-sasl-")
    os.chmod(conf, 0o755)
    with open(conf + "/db.conf", "w") as f:
        f.write("pwcheck_method: auxprop\nauxprop_plugin: sasldb\n"
                "sasldb_path: %s/sasldb2\n"
                "mech_list: PLAIN LOGIN CRAM-MD5 DIGEST-MD5 SCRAM-SHA-256 "
                "SCRAM-SHA-1\n" % guest.dir)
    with open(conf + "/daemon.conf", "w") as f:
        f.write("pwcheck_method: saslauthd\nsaslauthd_path: %s/mux/mux\n"
                "mech_list: PLAIN LOGIN\n" % guest.dir)
    try:
        mail = Instance(BASE + "cyrus_sasl_config_path = %s\n"
                        "smtpd_sasl_path = db\n" % conf)
        mail.start()
        try:
            try_mechanisms(mail, "sasldb", ("PLAIN", "LOGIN", "CRAM-MD5",
                                            "DIGEST-MD5"), "alice")
            for mechanism in ("scram-sha-1", "scram-sha-256"):
                msmtp(mail, mechanism)
            python_logs_in(mail)
            good, codes = many_at_once(mail, 40)
            tap.ok(good, "40 log in at once", codes)
            with_client(mail)
            two_users(mail)
        finally:
            mail.destroy()
        mail = Instance(BASE + "cyrus_sasl_config_path = %s\n"
                        "smtpd_sasl_path = daemon\n" % conf)
        mail.start()
        try:
            try_mechanisms(mail, "saslauthd", ("PLAIN", "LOGIN"), "alice")
        finally:
            mail.destroy()
    finally:
        guest.destroy()
        shutil.rmtree(conf)


def hung_saslauthd():
    """A saslauthd that never answers holds those who log in, nobody else."""
    conf = tempfile.mkdtemp(prefix="rohrpost-sasl-")
    os.chmod(conf, 0o755)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(conf + "/mux")
    os.chmod(conf + "/mux", 0o666)
    listener.listen(100)
    with open(conf + "/hung.conf", "w") as f:
        f.write("pwcheck_method: saslauthd\nsaslauthd_path: %s/mux\n"
                "mech_list: PLAIN\n" % conf)
    mail = Instance(BASE + "cyrus_sasl_config_path = %s\n"
                    "smtpd_sasl_path = hung\n" % conf)
    mail.start()
    try:
        waiting = []
        for i in range(20):
            c = Smtp(mail.port)
            c.reply()
            c.command("EHLO me.example")
            c.send("AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n")
            waiting.append(c)
        begin = time.monotonic()
        c = Smtp(mail.port, 20 * PATIENCE)
        c.reply()
        c.command("EHLO me.example")
        good = c.command("MAIL FROM:<a@b.example>").startswith("250")
        took = time.monotonic() - begin
        tap.ok(good and took < 20 * PATIENCE,
               "a saslauthd that hangs holds nobody else", took)
        listener.close()
        # those it had taken on are told at once, the others' turn comes
        codes = [c.reply()[:3] for c in waiting]
        tap.ok(codes == ["454"] * 20, "who waited shall come back", codes)
    finally:
        listener.close()
        mail.destroy()
        shutil.rmtree(conf)


def with_client(server):
    """Our client logs in at our server, by whatever is best."""
    mail = Instance("""myhostname = client.example
relayhost = [127.0.0.1]:%d
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = inline:{{[127.0.0.1]:%d = alice:secret}}
smtp_sasl_security_options = noanonymous
""" % (server.port, server.port))
    mail.start()
    try:
        for mechanism in ("PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5",
                          "SCRAM-SHA-256"):
            mail.run("postconf", "-e",
                     "smtp_sasl_mechanism_filter = " + mechanism)
            mail.reload()
            before = server.log().count("sasl_method=" + mechanism + ",")
            c = smtplib.SMTP("127.0.0.1", mail.port, "me.example")
            c.sendmail("a@b.example", ["c@d.example"], b"Subject: x\r\n\r\n")
            c.quit()
            good = server.wait(lambda: server.log().count(
                "sasl_method=" + mechanism + ",") > before)
            tap.ok(good, "our client logs in by " + mechanism,
                   mail.log()[-2000:] + server.log()[-2000:])
    finally:
        mail.destroy()


def two_users(server):
    """Kept connections are not used for somebody else's mail."""
    mail = Instance("""relayhost = [127.0.0.1]:%d
smtp_sasl_auth_enable = yes
smtp_sender_dependent_authentication = yes
smtp_sasl_password_maps = inline:{{alice@b.example = alice:secret}, {bob@b.example = bob:hush}}
smtp_sasl_security_options = noanonymous
smtp_connection_cache_destinations = static:all
""" % server.port)
    mail.start()
    try:
        c = smtplib.SMTP("127.0.0.1", mail.port, "me.example")
        for i in range(12):
            c.sendmail(("alice", "bob")[i % 2] + "@b.example",
                       ["c@d.example"], b"Subject: x\r\n\r\n")
        c.quit()
        good = mail.wait(lambda: mail.log().count("status=sent") == 12)
        server.wait(lambda: len(re.findall(
            r": from=<(?:alice|bob)@b\.example>", server.log())) >= 12)
        log = server.whole_log()
        logins = dict(re.findall(r"(\w+): client=.*sasl_username=(\w+)", log))
        senders = re.findall(r"(\w+): from=<(alice|bob)@b.example>", log)
        wrong = [s for s in senders if logins.get(s[0]) != s[1]]
        tap.ok(good and len(senders) >= 12 and not wrong,
               "each user's mail goes with his login", wrong or mail.log())
        tap.ok(mail.logged("conn_use=2"), "and connections are kept")
    finally:
        mail.destroy()


class Bearer(threading.Thread):
    """A server that takes the token "good-token", by XOAUTH2."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.heard = []

    def run(self):
        while True:
            c, _ = self.socket.accept()
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    def serve(self, c):
        f = c.makefile("rwb", buffering=0)

        def say(text):
            f.write(text.encode() + b"\r\n")
        say("220 x ESMTP")
        data = False
        for line in f:
            line = line.decode("latin-1").rstrip("\r\n")
            if data:
                data = line != "."
                if not data:
                    say("250 2.0.0 ok")
                continue
            self.heard.append(line)
            if line.startswith("EHLO"):
                say("250-x\r\n250 AUTH XOAUTH2")
            elif line.startswith("AUTH"):
                # user=me^Aauth=Bearer good-token^A^A
                if line == "AUTH XOAUTH2 dXNlcj1tZQFhdXRoPUJlYXJlciBnb29kLX" \
                           "Rva2VuAQE=":
                    say("235 2.7.0 ok")
                else:
                    say("334 e30=")
            elif line == "":
                say("535 5.7.8 token expired")
            elif line == "DATA":
                say("354 go on")
                data = True
            elif line == "QUIT":
                say("221 bye")
                break
            else:
                say("250 2.0.0 ok")
        c.close()


def with_token():
    server = Bearer()
    server.start()
    mail = Instance("""relayhost = [127.0.0.1]:%d
smtp_sasl_auth_enable = yes
smtp_sasl_token_maps = inline:{{[127.0.0.1]:%d = me:file:$config_directory/token}}
smtp_sasl_security_options = noanonymous
minimal_backoff_time = 1s
maximal_backoff_time = 1s
queue_run_delay = 1s
""" % (server.port, server.port))
    with open(mail.dir + "/etc/token", "w") as f:
        f.write("old-token\n")
    os.chmod(mail.dir + "/etc/token", 0o644)
    mail.start()
    try:
        c = smtplib.SMTP("127.0.0.1", mail.port, "me.example")
        c.sendmail("a@b.example", ["c@d.example"], b"Subject: x\r\n\r\n")
        c.quit()
        tap.ok(mail.wait(lambda: "535 5.7.8 token expired" in mail.log()),
               "mail waits while a token is not taken", mail.log())
        with open(mail.dir + "/etc/token", "w") as f:
            f.write("good-token\n")
        tap.ok(mail.wait(lambda: "status=sent" in mail.log()),
               "and goes with the new one", mail.log())
        tap.ok("-token\"" not in mail.log() and "good-token" not in mail.whole_log(),
               "no token is in the log")
    finally:
        mail.destroy()


if os.getuid() != 0:
    print("1..0 # SKIP needs root")
    sys.exit(0)
with_dovecot()
with_cyrus()
hung_saslauthd()
with_token()
sys.exit(tap.end())
