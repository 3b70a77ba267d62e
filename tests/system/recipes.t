#!/usr/bin/env python3
"""recipes - the boxes of docs/*.md do what the text around them says

A box goes where its first line says: to main.cf or master.cf of a private
instance, into a file, or to a shell, in the order of the page.  Paths and ports
become the instance's.  Dovecot comes from its Debian package, if make deps-test
could fetch it and this is root.
"""

import base64
import imaplib
import json
import os
import re
import shutil
import signal
import smtplib
import ssl
import subprocess
import sys
import time
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from guest import Guest, NoGuest
from instance import BIN, PATIENCE, TOP, Instance, Smtp, Tap, free_port

tap = Tap()
ADDRESS = "127.0.0.36"
FENCE = re.compile(r"^```(\S+)( background)?\n(.*?)^```$", re.M | re.S)


def boxes(page):
    """[(where, background, text)] of a page."""
    with open("%s/docs/%s.md" % (TOP, page)) as f:
        return [(m[1], bool(m[2]), m[3]) for m in FENCE.finditer(f.read())]


class Recipe:
    """A page carried out; `change` is [(regular expression, replacement)]."""

    def __init__(self, page, change=(), settings="", without=""):
        self.page, self.failed, self.background = page, [], None
        self.mail = Instance(settings)
        d = self.mail.dir
        self.change = list(change) + [
            (r"/etc/postfix", d + "/etc"),
            (r"^(alias_maps|alias_database) .*", r"\1 = hash:%s/etc/aliases" % d),
            (r"^inet_interfaces .*", "inet_interfaces = 127.0.0.1")]
        if without:
            self.drop(without)

    def drop(self, service):
        path = self.mail.dir + "/etc/master.cf"
        with open(path) as f:
            text = f.read()
        with open(path, "w") as f:
            f.write(re.sub("(?m)^%s .*\n(\\s.*\n)*" % service, "", text))

    def fit(self, text):
        for pattern, to in self.change:
            text = re.sub(pattern, to, text, flags=re.M)
        return text

    def shell(self, text, background):
        env = dict(os.environ, MAIL_CONFIG=self.mail.dir + "/etc",
                   PATH="%s:/usr/bin:/bin:/usr/sbin:/sbin" % self.mail.dir)
        if background:
            self.output = open(self.mail.dir + "/output", "w")
            self.background = subprocess.Popen(
                ["bash", "-c", text], env=env, stdout=self.output,
                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
            return self.mail.wait(lambda: self.mail.run(
                "postfix", "status").returncode == 0, 60)
        p = subprocess.run(["bash", "-ec", text], env=env, text=True,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, timeout=60 * PATIENCE)
        self.said += p.stdout
        self.settle()
        return p.returncode == 0

    def settle(self):
        """What was sent has arrived before the next box."""
        self.mail.wait(lambda: self.mail.queue_files() == 0, 30)
        if self.background is None:     # it has the log on its output
            self.mail.whole_log()

    def run(self, start=True, skip=()):
        """False: a box with commands fails."""
        self.said = ""
        # Commands by all their names, as an installed system has them.
        for name in os.listdir(BIN):
            os.symlink(BIN + "/" + name, self.mail.dir + "/" + name)
        for name in ("mailq", "newaliases"):
            os.symlink(BIN + "/sendmail", self.mail.dir + "/" + name)
        if start:
            self.mail.start()
        for where, background, text in boxes(self.page):
            if where in skip:
                continue
            text = self.fit(text)
            if where == "sh":
                if not self.shell(text, background):
                    self.failed.append(text)
            else:
                self.write(where, text)
        tap.ok(not self.failed, "%s: every command succeeds" % self.page,
               "%s\n%s\n%s" % (self.failed, self.said, self.mail.log()[-1500:]))
        return not self.failed

    def write(self, where, text):
        if where == "master.cf":
            for name in re.findall(r"^(\S+)\s+(?:inet|unix|pass)", text, re.M):
                self.drop(re.escape(name) + r" +" +
                          re.search(r"^%s +(\w+)" % re.escape(name), text,
                                    re.M)[1])
        path = "%s/etc/%s" % (self.mail.dir, where) if "/" not in where \
            else self.fit(where)
        mode = "a" if where in ("main.cf", "master.cf") else "w"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, mode) as f:
            f.write(text)
        # What the page says last counts; a second value is no mistake here.
        if where == "main.cf":
            self.unique(path)

    def unique(self, path):
        entries = re.findall(r"^(?:[#\n].*|\S.*\n(?:[ \t].*\n)*)", open(path)
                             .read(), re.M)
        last = {}
        for e in entries:
            if not e.startswith(("#", "\n")):
                last[e.split("=")[0].strip()] = e
        with open(path, "w") as f:
            f.write("".join(last.values()))

    def mailbox(self, user):
        found = []
        for top in ("mail/%s/new" % user, "mail/%s" % user):
            path = "%s/%s" % (self.mail.dir, top)
            if os.path.isdir(path):
                found += [open(path + "/" + n).read()
                          for n in os.listdir(path)
                          if os.path.isfile(path + "/" + n)]
            elif os.path.exists(path):
                found.append(open(path).read())
        return "".join(found)

    def end(self):
        if self.background is not None and self.background.poll() is None:
            self.background.terminate()
            self.background.wait()
        self.mail.destroy()


def got(recipe, text, seconds=30):
    return recipe.mail.wait(lambda: text in recipe.mail.log(), seconds)


USER = "nobody" if os.getuid() == 0 else os.environ.get("USER", "nobody")
MINE = [(r"\bme$", USER), (r"\bme@mail.localdomain", USER + "@mail.localdomain"),
        (r"sendmail (.*)\bme\b", r"sendmail \1" + USER)]


def first_steps():
    r = Recipe("first-steps", MINE + [(r"me@example.com", USER + "@example.com")])
    try:
        r.run(start=False)
        tap.ok(r.mail.wait(lambda: "It works." in r.mailbox(USER)),
               "first-steps: the mail for root is in the mailbox",
               r.mail.log()[-1500:])
        s = Smtp(r.mail.port)
        tap.ok(s.reply().startswith("220 mail.example.com"),
               "first-steps: the server says its name")
        s.close()
    finally:
        r.end()


def from_postfix():
    r = Recipe("from-postfix", [(r"me@example.com", USER + "@localhost")])
    try:
        r.write("/etc/postfix/transport", "example.com  local:\n")
        r.run(start=False)
        tap.ok("local:" in r.said, "from-postfix: the table answers", r.said)
    finally:
        r.end()


def certificate(path):
    subprocess.run(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
        "-keyout key -out cert -days 30 -subj /CN=smtp.example.net -addext "
        "subjectAltName=DNS:smtp.example.net && cat key cert >mail.pem && "
        "cp cert ca.pem", shell=True, check=True, cwd=path,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def dovecot(imap):
    """A guest with the configuration of the page."""
    files = {w: t for w, _, t in boxes("virtual-dovecot") if "dovecot" in w}
    text = files["/etc/dovecot/local.conf"]
    for pattern, to in (
            (r"/var/spool/postfix/private/", "/guest/"),
            (r"/etc/dovecot/", "/guest/"), (r"/var/vmail", "/guest/vmail"),
            (r"mode = 0600", "mode = 0666"), (r"mode = 0660", "mode = 0666"),
            (r"^ *(user|group) = postfix\n", "")):
        text = re.sub(pattern, to, text, flags=re.M)
    text += ("log_path = /guest/log\nlisten = %s\nssl = no\n"
             "disable_plaintext_auth = no\n"
             "service imap-login {\n  chroot =\n  inet_listener imap {\n"
             "    port = %d\n  }\n  inet_listener imaps {\n    port = 0\n  }\n"
             "}\n" % (ADDRESS, imap))
    start = ("mkdir -p /guest/vmail /run/dovecot\nchown vmail:vmail "
             "/guest/vmail\nexec dovecot -F -c /guest/dovecot.conf\n")
    guest = Guest("dovecot-*", "dovecot dovenull vmail", start,
                  {"dovecot.conf": text,
                   "users": files["/etc/dovecot/users"]})
    os.chmod(guest.dir, 0o755)
    guest.wait_until(lambda: os.path.exists(guest.dir + "/dovecot-lmtp") and
                     os.path.exists(guest.dir + "/auth"))
    return guest


def read_by_imap(port, user):
    box = imaplib.IMAP4(ADDRESS, port)
    box.login(user, "secret")
    box.select("INBOX")
    found = [box.fetch(n, "(RFC822)")[1][0][1] for n in
             box.search(None, "ALL")[1][0].split()]
    box.logout()
    return b"".join(found)


def virtual_dovecot(guest, imap):
    r = Recipe("virtual-dovecot",
               [(r"private/dovecot-lmtp", guest.dir + "/dovecot-lmtp")])
    try:
        r.run(skip=[w for w, _, _ in boxes(r.page) if "dovecot" in w])
        ok = r.mail.wait(lambda: r.mail.log().count("status=sent") >= 2)
        for user in ("ann", "bob"):
            tap.ok(ok and b"to both" in read_by_imap(imap,
                                                     user + "@example.org"),
                   "virtual-dovecot: %s reads it by IMAP" % user,
                   r.mail.log()[-1500:] + open(guest.dir + "/log").read())
        s = Smtp(r.mail.port)
        s.reply()
        for line in ("EHLO me", "MAIL FROM:<>"):
            s.command(line)
        tap.ok(s.command("RCPT TO:<none@example.org>").startswith("550 5.1.1"),
               "virtual-dovecot: who does not exist is refused at once")
        s.close()
    finally:
        r.end()


def submission(guest):
    """Returns the recipe, running: the smarthost of another."""
    ports = free_port(), free_port()
    r = Recipe("submission",
               [(r"private/auth", guest.dir + "/auth"),
                (r"^submission inet", "127.0.0.1:%d inet" % ports[0]),
                (r"^submissions inet", "127.0.0.1:%d inet" % ports[1])],
               "default_transport = discard:\nrelay_transport = discard:\n"
               "virtual_mailbox_domains = example.org\n"
               "virtual_transport = discard:\n"
               "virtual_mailbox_maps = static:x\n")
    certificate(r.mail.dir + "/etc")
    r.run()
    context = ssl.create_default_context(cafile=r.mail.dir + "/etc/ca.pem")
    context.check_hostname = False
    for port, name in zip(ports, ("STARTTLS", "TLS at once")):
        if port == ports[0]:
            c = smtplib.SMTP("127.0.0.1", port)
            tap.ok(c.docmd("EHLO x")[0] == 250 and
                   c.docmd("MAIL FROM:<ann@example.org>")[0] == 530,
                   "submission: nothing goes without TLS")
            c.starttls(context=context)
        else:
            c = smtplib.SMTP_SSL("127.0.0.1", port, context=context)
        c.ehlo()
        c.mail("ann@example.org")
        tap.ok(c.rcpt("x@example.com")[0] in (553, 554),
               "submission: %s, nothing without a login" % name)
        c.rset()
        c.login("ann@example.org", "secret")
        tap.ok(c.sendmail("ann@example.org", ["x@example.com"],
                          "Subject: sub\n\nx\n") == {},
               "submission: %s and a login send mail" % name)
        c.mail("bob@example.org")
        tap.ok(c.rcpt("x@example.com")[0] == 553,
               "submission: %s, nobody is somebody else" % name)
        c.quit()
    tap.ok(r.mail.logged("sasl_username=ann@example.org"),
           "submission: the log has the login")
    return r, ports[0]


def smarthost(provider, port):
    r = Recipe("smarthost",
               [(r"/etc/ssl/certs/ca-certificates.crt",
                 provider.mail.dir + "/etc/ca.pem"),
                (r"\[smtp.example.net\]:587", "[127.0.0.1]:%d" % port),
                (r"= verify", "= verify\nsmtp_tls_verify_cert_match = "
                 "smtp.example.net")])
    logins = provider.mail.log().count("sasl_username=ann@example.org")
    try:
        r.run()
        tap.ok(got(r, "to=<friend@example.com>") and got(r, "status=sent"),
               "smarthost: the mail goes there", r.mail.log()[-2000:])
        tap.ok(provider.mail.logged("to=<friend@example.com>") and
               provider.mail.wait(lambda: provider.mail.log().count(
                   "sasl_username=ann@example.org") > logins),
               "smarthost: with a login, over TLS that was verified",
               provider.mail.log()[-1500:])
    finally:
        r.end()


def spam():
    port = free_port()
    r = Recipe("spam", [(r"permit_mynetworks, reject_unauth",
                         "reject_unauth"),
                        (r"^postscreen_access_list .*",
                         "postscreen_access_list ="),
                        (r"^smtp inet", "127.0.0.1:%d inet" % port),
                        (r"^smtpd_client_event.*",
                         "smtpd_client_event_limit_exceptions ="),
                        (r", reject_unknown_sender_domain", "")],
               "postscreen_greet_wait = 2s\npostscreen_dnsbl_timeout = 2s\n"
               "mynetworks =\nmilter_connect_timeout = 2s\n")
    r.drop(r"127.0.0.1:%d" % r.mail.port)
    try:
        r.run()
        s = Smtp(port)
        s.send("EHLO early\r\n")
        said = s.reply() + s.command("MAIL FROM:<a@example.net>") + \
            s.command("RCPT TO:<%s@localhost>" % USER)
        tap.ok(got(r, "PREGREET") and "550 5.5.1" in said,
               "spam: who speaks first gets nowhere",
               said + r.mail.log()[-1500:])
        s.close()
        time.sleep(1)
        answer = ""
        for _ in range(3):
            s = Smtp(port)
            for line in ("", "EHLO polite.example.net",
                         "MAIL FROM:<a@example.net>",
                         "RCPT TO:<%s@localhost>" % USER):
                answer = s.command(line) if line else s.reply()
            s.close()
            if "reylist" in answer:
                break
        tap.ok(answer.startswith("450") and "reylist" in answer,
               "spam: what comes for the first time is put off",
               answer + "\n" + r.mail.log()[-2500:])
    finally:
        r.end()


def tracing():
    r = Recipe("tracing", MINE)
    try:
        r.run()
        tap.ok("status=sent" in r.said and '"recipients"' in r.said,
               "tracing: posttrace shows where the mail went", r.said[-2000:])
        r.mail.run("sendmail", USER, input=b"Subject: json\n\nx\n")
        r.mail.wait(lambda: '"status":"sent"' in
                    r.mail.log().replace(" ", ""))
        last = r.mail.whole_log().splitlines()[-1]
        try:
            line = json.loads(last)
        except ValueError:
            line = {}
        tap.ok("program" in line, "tracing: lines are objects", last)
    finally:
        r.end()


def containers():
    r = Recipe("containers", MINE, "maillog_file_prefixes = /\n")
    try:
        r.run(start=False)
        tap.ok(r.mail.wait(lambda: "hello" in r.mailbox(USER)),
               "containers: mail is delivered")
        output = r.mail.dir + "/output"
        r.mail.wait(lambda: "status=sent" in open(output).read())
        r.background.send_signal(signal.SIGTERM)
        try:
            status = r.background.wait(60 * PATIENCE)
        except subprocess.TimeoutExpired:
            status = None
        said = open(output).read()
        tap.ok(status == 0 and r.mail.wait(lambda: not r.mail.processes()),
               "containers: SIGTERM ends all of it, with status 0",
               "%s\n%s" % (status, said[-1500:]))
        tap.ok("status=sent" in said, "containers: the log is on stdout",
               said[-1500:])
    finally:
        r.end()


def tuning():
    ports = free_port(), free_port(), free_port()
    r = Recipe("tuning", [(r"^smtp inet", "127.0.0.1:%d inet" % ports[0]),
                          (r"^submission inet",
                           "127.0.0.1:%d inet" % ports[1]),
                          (r":9154", ":%d" % ports[2])])
    try:
        r.run()
        for port in ports[:2]:
            s = Smtp(port)
            tap.ok(s.reply().startswith("220 "), "tuning: a server answers",
                   r.mail.log()[-1500:])
            s.close()

        def fetch():
            try:
                return b"postfix_" in urllib.request.urlopen(
                    "http://127.0.0.1:%d/metrics" % ports[2], timeout=30).read()
            except OSError:
                return False
        tap.ok(r.mail.wait(fetch), "tuning: there are numbers to fetch",
               r.mail.log()[-1500:])
    finally:
        r.end()


def with_dovecot():
    imap = free_port()
    try:
        guest = dovecot(imap)
    except NoGuest as e:
        for page in ("virtual-dovecot", "submission", "smarthost"):
            tap.ok(True, "%s # SKIP %s" % (page, e))
        return
    try:
        virtual_dovecot(guest, imap)
        provider, port = submission(guest)
        try:
            smarthost(provider, port)
        finally:
            provider.end()
    finally:
        guest.destroy()


for step in (first_steps, from_postfix, with_dovecot, spam, tracing, containers,
             tuning):
    try:
        step()
    except (OSError, RuntimeError, smtplib.SMTPException,
            subprocess.SubprocessError) as trouble:
        tap.ok(False, "%s: goes through" % step.__name__, repr(trouble))
sys.exit(tap.end())
