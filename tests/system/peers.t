#!/usr/bin/env python3
"""peers - mail to and from other mail systems and programs

A second instance of ours, Exim and OpenSMTPD each get mail from our instance
and send mail to it; mail that can't be delivered comes back as a
notification.  swaks and mail programs send through ours.
"""

import glob
import os
import shutil
import smtplib
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from guest import PACKAGES, Guest, NoGuest
from instance import BIN, Instance, Tap, free_port

tap = Tap()

# What goes wrong on the way shows here.
BODIES = {
    "dots": b".\r\n..\r\n.one\r\n\r\n.\r\n",
    "8-bit": "Gr\u00fc\u00dfe aus K\u00f6ln\r\n".encode(),
    "long lines": (b"x" * 990 + b"\r\n") * 20,
    "empty lines at the end": b"text\r\n\r\n\r\n\r\n",
    "a megabyte": b"0123456789abcdef" * 4 + b"\r\n",
}
BODIES["a megabyte"] *= 1024 * 1024 // 66


def message(sender, to, name):
    # From: and Message-ID: are there so that nobody need add them.
    head = "From: <%s>\r\nTo: <%s>\r\nMessage-ID: <%s.%s>\r\n" \
           "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n" \
           "Content-Transfer-Encoding: 8bit\r\nSubject: %s\r\n\r\n" % \
           (sender, to, name.replace(" ", "-"), sender, name)
    return head.encode() + BODIES[name]


class Ours:
    """An instance at an address of its own, for one domain."""
    name = "a second instance of ours"

    def __init__(self, domain, address, settings=""):
        self.domain, self.address = domain, address
        self.mail = Instance("myhostname = %s\nmydestination = %s\n"
                             "maximal_backoff_time = 5s\n"
                             "minimal_backoff_time = 2s\n"
                             "transport_maps = texthash:$config_directory"
                             "/transport\n%s" % (domain, domain, settings))
        self.port = self.mail.port
        self.user = "me@" + domain
        self.unknown = "nobody-here@" + domain
        self.routes = ""
        self.route("nowhere.example", "127.0.0.1", 1)
        etc = self.mail.dir + "/etc/"
        for name, old in (("main.cf", "inet_interfaces = 127.0.0.1"),
                          ("master.cf", "127.0.0.1:%d" % self.port)):
            with open(etc + name) as f:
                text = f.read()
            with open(etc + name, "w") as f:
                f.write(text.replace(old, old.replace("127.0.0.1", address)))

    def route(self, domain, address, port):
        self.routes += "%s smtp:[%s]:%d\n" % (domain, address, port)
        with open(self.mail.dir + "/etc/transport", "w") as f:
            f.write(self.routes)

    def messages(self):
        found = []
        for path in glob.glob(self.mail.dir + "/mail/*/new/*"):
            with open(path, "rb") as f:
                found.append(f.read())
        return found

    def log(self):
        return self.mail.log()

    def destroy(self):
        self.mail.destroy()


class Stranger:
    """What the guests have in common."""
    user_name = "box"

    def __init__(self, domain, address, users, start, files, settings):
        self.domain, self.address, self.port = domain, address, free_port()
        self.user = self.user_name + "@" + domain
        self.unknown = "nobody-here@" + domain
        values = dict(settings, domain=domain, address=address, port=self.port)
        files = {name: text % values for name, text in files.items()}
        self.guest = Guest(self.package, users, start, files)
        self.guest.wait_until(self.listens)

    def listens(self):
        try:
            socket.create_connection((self.address, self.port), 1).close()
            return True
        except OSError:
            return False

    def messages(self):
        found = []
        for path in glob.glob(self.guest.dir + "/mail/**/new/*",
                              recursive=True):
            with open(path, "rb") as f:
                found.append(f.read())
        return found

    def log(self):
        return self.guest.said()

    def destroy(self):
        self.guest.destroy()


class Exim(Stranger):
    """Accepts every recipient; sends notifications for those it has not."""
    name = package = "exim4-daemon-light"
    start = """
mkdir -p /etc/exim4 /guest/spool /guest/mail /guest/log /run/exim4
chown Debian-exim:Debian-exim /guest/spool /guest/mail /guest/log /run/exim4
cp /guest/exim4.conf /etc/exim4/exim4.conf
exec /usr/sbin/exim4 -bdf -q30s
"""
    config = """
primary_hostname = mx.%(domain)s
spool_directory = /guest/spool
log_file_path = /guest/log/%%slog
pid_file_path = /guest/exim.pid
local_interfaces = %(address)s
daemon_smtp_ports = %(port)d
disable_ipv6
host_lookup =
rfc1413_query_timeout = 0s
acl_smtp_rcpt = take
acl_smtp_data = take
tls_advertise_hosts =
keep_environment =
begin acl
take:
  accept
begin routers
own:
  driver = accept
  domains = %(domain)s
  local_parts = box
  transport = maildir
  more = false
unknown:
  driver = redirect
  domains = %(domain)s
  allow_fail
  data = :fail: nobody of that name
away:
  driver = manualroute
  route_list = * %(ours)s byname
  self = send
  transport = away
begin transports
away:
  driver = smtp
  port = %(ours_port)d
  allow_localhost
  hosts_try_fastopen =
maildir:
  driver = appendfile
  directory = /guest/mail/box
  maildir_format
  user = Debian-exim
begin retry
* * F,1h,5s
"""

    def __init__(self, domain, address, settings):
        super().__init__(domain, address, "Debian-exim", self.start,
                         {"exim4.conf": self.config}, settings)

    def log(self):
        text = super().log()
        for path in glob.glob(self.guest.dir + "/log/*"):
            with open(path, errors="replace") as f:
                text += f.read()
        return text


class OpenSmtpd(Stranger):
    """Refuses unknown recipients at once."""
    name = package = "opensmtpd"
    start = """
mkdir -p /var/lib/opensmtpd/empty /run/opensmtpd /guest/mail /var/spool/smtpd
chown box:box /guest/mail
chmod 711 /var/spool/smtpd
exec /usr/sbin/smtpd -d -f /guest/smtpd.conf
"""
    config = """
listen on %(address)s port %(port)d hostname mx.%(domain)s
action "own" maildir "/guest/mail/%%{dest.user}" virtual <boxes>
action "away" relay host smtp://%(ours)s:%(ours_port)d
match from any for domain "%(domain)s" action "own"
match from any for any action "away"
"""

    def __init__(self, domain, address, settings):
        super().__init__(domain, address, "opensmtpd opensmtpq box",
                         self.start,
                         {"smtpd.conf": 'table boxes file:/guest/boxes\n' +
                          self.config, "boxes": "box@%(domain)s box\n"},
                         settings)


# --- the exchange

def submit(where, sender, to, data):
    smtp = smtplib.SMTP(where.address, where.port, "client.example", 120)
    try:
        smtp.sendmail(sender, [to], data)
    finally:
        smtp.close()


def body_of(data):
    """The body with LF as line ends, and no more of them at its end than
    there are in what was sent: some mailbox formats add one."""
    return data.replace(b"\r\n", b"\n").partition(b"\n\n")[2]


def find(where, subject, sender):
    """Messages with both in their headers."""
    found = []
    for data in where.messages():
        head = data.replace(b"\r\n", b"\n").partition(b"\n\n")[0] + b"\n"
        if b"\nSubject: %s\n" % subject.encode() in head and \
                sender.encode() in head:
            found.append(data)
    return found


def sends(ours, source, target, title):
    """All of BODIES by way of `source`."""
    for name in BODIES:
        submit(source, source.user, target.user,
               message(source.user, target.user, name))
    ours.mail.wait(lambda: all(find(target, name, source.user)
                               for name in BODIES), 60)
    wrong = []
    for name, body in BODIES.items():
        got = find(target, name, source.user)
        if len(got) != 1:
            wrong.append("%s: %d copies" % (name, len(got)))
        elif body_of(got[0]) != body.replace(b"\r\n", b"\n"):
            wrong.append("%s: changed: %.300s" % (name, body_of(got[0])))
    tap.ok(not wrong, title,
           "\n".join(wrong + [source.log()[-2000:], target.log()[-2000:]]))


def notifies(ours, source, target, title):
    """Mail for someone unknown comes back to who sent it."""
    data = message(source.user, target.unknown, "dots").replace(
        b"Subject: dots", b"Subject: lost on the way to " +
        target.domain.encode())

    def returned():
        return [m for m in source.messages() if b"multipart/report" in m and
                target.unknown.encode() in m]

    submit(source, source.user, target.unknown, data)
    ours.mail.wait(returned, 60)
    got = returned()
    tap.ok(len(got) == 1 and b"\nStatus: 5." in got[0], title,
           "%d\n%s\n%s" % (len(got), source.log()[-2000:],
                           target.log()[-2000:]))


def exchange(ours, peer):
    sends(ours, ours, peer, "%s gets mail from us" % peer.name)
    sends(ours, peer, ours, "%s sends mail to us" % peer.name)
    notifies(ours, ours, peer,
             "our sender learns of an unknown recipient of %s" % peer.name)
    notifies(ours, peer, ours,
             "a sender of %s learns of our unknown recipient" % peer.name)


# --- programs that send

def runs(title, argv, environment, text, subject, peer, ours):
    p = subprocess.run(argv, input=text, env=dict(os.environ, **environment),
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    ours.mail.wait(lambda: find(peer, subject, ours.user), 60)
    got = find(peer, subject, ours.user)
    tap.ok(p.returncode == 0 and len(got) == 1 and b"unharmed" in got[0],
           title, "status %d\n%s\n%d copies\n%s" %
           (p.returncode, p.stdout.decode(errors="replace")[-2000:], len(got),
            ours.log()[-1500:]))
    return got


def skip(title, why):
    tap.ok(True, "%s # SKIP %s" % (title, str(why).replace("\n", " ")))


def unpack(package, program, where):
    """The program of a fetched package, with the libraries beside it."""
    for deb in glob.glob("%s/%s/*.deb" % (PACKAGES, package)):
        subprocess.run(["dpkg", "-x", deb, where], check=True)
    path = where + "/usr/bin/" + program
    if os.path.exists(path):
        # Nothing set-id is left lying around.
        subprocess.run(["chmod", "-R", "u-s,g-s", where], check=True)
        return path
    return shutil.which(program)


def programs(ours, peer, temp):
    to = peer.user
    environment = {"MAIL_CONFIG": ours.mail.dir + "/etc"}
    sendmail = BIN + "/sendmail"

    title = "swaks sends by SMTP"
    swaks = shutil.which("swaks")
    if swaks:
        common = [swaks, "--from", ours.user, "--to", to, "--ehlo",
                  "client.example", "--body", "unharmed"]
        runs(title, common + ["--pipeline", "--server", "%s:%d" %
                              (ours.address, ours.port), "--header",
                              "Subject: swaks 1"], environment, b"",
             "swaks 1", peer, ours)
        runs("swaks talks to sendmail -bs", common + [
            "--pipe", sendmail + " -bs", "--header", "Subject: swaks 2"],
            environment, b"", "swaks 2", peer, ours)
    else:
        skip(title, "it is not installed")

    libraries = glob.glob(temp + "/usr/lib/*-linux-gnu") or \
        [temp + "/usr/lib/%s-linux-gnu" % os.uname().machine]
    environment["LD_LIBRARY_PATH"] = libraries[0]
    for package, program, options in (
            ("s-nail", "s-nail", ["-n", "-S", "v15-compat", "-S",
                                  "mta=file://" + sendmail, "-S", "sendwait",
                                  "-r", ours.user, "-a", __file__]),
            ("bsd-mailx", "bsd-mailx", ["-n", "-r", ours.user])):
        title = "%s sends by our sendmail" % program
        path = unpack(package, program, temp)
        if not path:
            skip(title, "it was not fetched (make deps-test)")
            continue
        with open(temp + "/mailrc", "w") as f:
            if program == "bsd-mailx":
                f.write("set sendmail=%s\n" % sendmail)
        environment["MAILRC"] = temp + "/mailrc"
        runs(title, [path] + options + ["-s", "from " + program, to],
             environment, b"unharmed\n.\nend\n", "from " + program, peer, ours)


# --- all of it

def main():
    ours = Ours("a.example", "127.0.0.1")
    settings = {"ours": ours.address, "ours_port": ours.port}
    peers = [Ours("b.example", "127.0.0.2")]
    absent = []
    temp = tempfile.mkdtemp(prefix="rohrpost-peers-")
    try:
        peers[0].route(ours.domain, ours.address, ours.port)
        for kind, domain, address in ((Exim, "exim.example", "127.0.0.3"),
                                      (OpenSmtpd, "open.example",
                                       "127.0.0.4")):
            try:
                peers.append(kind(domain, address, settings))
            except NoGuest as why:
                absent.append((kind.name, why))
        for peer in peers:
            ours.route(peer.domain, peer.address, peer.port)
        peers[0].mail.start()
        ours.mail.start()
        for peer in peers:
            exchange(ours, peer)
        for name, why in absent:
            skip("mail to and from " + name, why)
        programs(ours, peers[0], temp)
        tap.ok(ours.mail.wait(lambda: ours.mail.queue_files() == 0, 30),
               "nothing is left in our queue")
    finally:
        for system in peers + [ours]:
            system.destroy()
        shutil.rmtree(temp, ignore_errors=True)
    return tap.end()


sys.exit(main())
