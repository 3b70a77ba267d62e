#!/usr/bin/env python3
"""readers - programs of others read, sort and receive what we deliver

Dovecot serves our mailbox file and our Maildir over IMAP and POP3, takes mail
by LMTP and sorts it with Sieve; Cyrus takes mail by LMTP; Mailman sends a list's
mail to its members; procmail and maildrop deliver for users; mailx and mutt read
a mailbox.  Each from its Debian package, where make deps-test could fetch it.
Needs root and namespaces.
"""

import imaplib
import os
import poplib
import re
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from guest import Guest, NoGuest
from instance import Instance, Tap, free_port
from private import Missing, Place
from users import become

ADDRESS, IMAP, POP3, VMAIL = "127.0.0.31", free_port(), free_port(), 64003
DOVECOT = """
protocols = imap pop3 lmtp
log_path = /guest/dovecot.log
listen = %s
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain
auth_username_format = %%Ln
passdb {
  driver = passwd-file
  args = scheme=PLAIN /guest/users
}
userdb {
  driver = passwd-file
  args = /guest/users
}
first_valid_uid = 1000
mbox_write_locks = fcntl
service imap-login {
  inet_listener imap {
    port = %d
  }
  chroot =
}
service pop3-login {
  inet_listener pop3 {
    port = %d
  }
  chroot =
}
service lmtp {
  unix_listener /guest/lmtp {
    mode = 0666
  }
}
protocol lmtp {
  mail_plugins = sieve
}
plugin {
  sieve = file:/guest/%%n.sieve
}
""" % (ADDRESS, IMAP, POP3)
USERS = "".join("%s:secret:%d:%d::/guest/home/%s::userdb_mail=%s\n" %
                (name, VMAIL, VMAIL, name, where) for name, where in (
                    ("file", "mbox:/guest/home/file:INBOX=/guest/mail/file"),
                    ("dir", "maildir:/guest/mail/dir"),
                    ("lm", "maildir:/guest/mail/lm")))
SIEVE = ('require ["fileinto", "mailbox"];\n'
         'if header :contains "subject" "sort me" '
         '{ fileinto :create "Sorted"; }\n')
START = """
mkdir -p /guest/home /guest/mail /run/dovecot
chown %d:%d /guest/home /guest/mail
chmod 777 /guest/mail
exec dovecot -F -c /guest/dovecot.conf
""" % (VMAIL, VMAIL)
CYRUS_CONF = """
START {
  recover cmd="ctl_cyrusdb -r"
}
SERVICES {
  lmtp cmd="lmtpd" listen="/guest/lmtp" prefork=0 maxchild=5
}
EVENTS {
}
"""
IMAPD_CONF = """
configdirectory: /guest/lib
partition-default: /guest/spool
defaultpartition: default
lmtpsocket: /guest/lmtp
unixhierarchysep: yes
autocreate_post: yes
autocreate_quota: 0
autocreate_users: ann
"""
CYRUS_START = """
cp /guest/imapd.conf /guest/cyrus.conf /etc
mkdir -p /run/cyrus /guest/lib /guest/spool
chown cyrus:mail /guest /run/cyrus /guest/lib /guest/spool
cyrus makedirs
exec cyrmaster -D -C /etc/imapd.conf -M /etc/cyrus.conf
"""
MAILMAN, MAILMAN_LMTP = "127.0.0.33", free_port()
MAILMAN_CFG = """
[mailman]
layout: here
site_owner: postmaster@localhost
[paths.here]
var_dir: /guest/mailman
bin_dir: /usr/lib/mailman3/bin
[mta]
incoming: mailman.mta.null.NullMTA
smtp_host: 127.0.0.1
smtp_port: %%d
lmtp_host: %s
lmtp_port: %d
""" % (MAILMAN, MAILMAN_LMTP) + "".join(
    "[runner.%s]\nstart: no\n" % name for name in
    ("archive", "bounces", "command", "digest", "nntp", "rest", "retry",
     "shunt", "task", "virgin"))
MAILMAN_START = """
cd /guest && mkdir mailman && chown list:list mailman
mm() {
	setpriv --reuid list --regid list --clear-groups env HOME=/guest/mailman \
	    mailman -C /guest/mailman.cfg "$@"
}
mm create pond@lists.example
printf 'frog@v.example\\ntoad@v.example\\n' >members
mm addmembers members pond@lists.example
mm start
exec sleep 1000
"""

users = become(["ann", "bea"])
if users is None:
    print("ok 1 - readers # SKIP needs root and namespaces")
    print("1..1")
    sys.exit(0)
tap = Tap()
place = Place()
os.chmod(place.dir, 0o755)


def wrapper(name, package):
    """A script that runs the program with the libraries beside it."""
    program, root = place.find(name, package)
    if root:
        os.chmod(program, 0o755)        # set-id would not see the libraries
    path = "%s/run-%s" % (place.dir, name)
    env = place.environment(root)
    with open(path, "w") as f:
        f.write("#!/bin/sh\n")
        if "LD_LIBRARY_PATH" in env:
            f.write("LD_LIBRARY_PATH=%s; export LD_LIBRARY_PATH\n" %
                    env["LD_LIBRARY_PATH"])
        f.write('exec %s "$@"\n' % program)
    os.chmod(path, 0o755)
    return path


def send(mail, to, subject):
    mail.run("sendmail", "-f", "sender@example.com", to,
             input=("Subject: %s\nTo: someone\n\nline one\nFrom here\n"
                    "\n.dot\n" % subject).encode())
    return mail.wait(lambda: mail.queue_files() == 0, 60)


def with_imap(name, folder="INBOX"):
    box = imaplib.IMAP4(ADDRESS, IMAP)
    box.login(name, "secret")
    if box.select(folder)[0] != "OK":
        box.logout()
        return []
    found = [box.fetch(n, "(RFC822)")[1][0][1] for n in
             box.search(None, "ALL")[1][0].split()]
    box.logout()
    return found


def with_pop3(name):
    box = poplib.POP3(ADDRESS, POP3)
    box.user(name)
    box.pass_("secret")
    found = [b"\r\n".join(box.retr(i + 1)[1])
             for i in range(len(box.list()[1]))]
    box.quit()
    return found


def is_whole(messages, count, subject):
    return len(messages) == count and all(
        b"Subject: " + subject in m and b"line one" in m and b".dot" in m
        for m in messages)


def dovecot():
    try:
        guest = Guest("dovecot-*", "dovecot dovenull vmail", START,
                      {"dovecot.conf": DOVECOT, "users": USERS,
                       "lm.sieve": SIEVE})
        os.chmod(guest.dir, 0o755)
        guest.wait_until(lambda: os.path.exists(guest.dir + "/lmtp"))
    except NoGuest as e:
        return tap.ok(True, "Dovecot # SKIP %s" % e)
    mail = Instance(
        "virtual_mailbox_domains = v.example\n"
        "virtual_mailbox_base = %s/mail\n"
        "virtual_mailbox_maps = inline:{ {file@v.example=file}, "
        "{dir@v.example=dir/}, {lm@v.example=x} }\n"
        "mailbox_quota_maps = inline:{dir@v.example=1M}\n"
        "virtual_uid_maps = static:%d\nvirtual_gid_maps = static:%d\n"
        "transport_maps = inline:{lm@v.example=lmtp:unix:%s/lmtp}\n" %
        (guest.dir, VMAIL, VMAIL, guest.dir))
    try:
        mail.start()
        for name in ("file", "dir"):
            ok = [send(mail, name + "@v.example", "for " + name)
                  for _ in range(3)]
            for how, read in (("IMAP", with_imap), ("POP3", with_pop3)):
                found = read(name)
                tap.ok(all(ok) and is_whole(found, 3, b"for "),
                       "Dovecot reads our mail%s over %s" %
                       ({"file": "box file", "dir": "dir"}[name], how),
                       "%s\n%s" % (found, mail.log()[-1500:]))
        ok = send(mail, "file@v.example", "for more")
        tap.ok(ok and len(with_imap("file")) == 4,
               "and again what comes after it has changed the file")
        ok = send(mail, "lm@v.example", "sort me") and \
            send(mail, "lm@v.example", "plain")
        tap.ok(ok and is_whole(with_imap("lm", "Sorted"), 1, b"sort me") and
               is_whole(with_imap("lm"), 1, b"plain"),
               "Dovecot takes mail by LMTP and sorts it with Sieve",
               mail.log()[-1500:] + open(guest.dir + "/dovecot.log").read())
    finally:
        mail.destroy()
        guest.destroy()


def cyrus():
    try:
        guest = Guest("cyrus-imapd", "cyrus", CYRUS_START,
                      {"imapd.conf": IMAPD_CONF, "cyrus.conf": CYRUS_CONF})
        os.chmod(guest.dir, 0o755)
        guest.wait_until(lambda: os.path.exists(guest.dir + "/lmtp"))
    except NoGuest as e:
        return tap.ok(True, "Cyrus # SKIP %s" % e)
    mail = Instance(
        "virtual_mailbox_domains = v.example\n"
        "virtual_mailbox_maps = inline:{ {ann@v.example=x}, {eve@v.example=x} }\n"
        "virtual_transport = lmtp:unix:%s/lmtp\n" % guest.dir)
    try:
        mail.start()
        ok = send(mail, "ann@v.example", "for Cyrus") and \
            send(mail, "ann@v.example", "once more")
        found = []
        for where, _, names in os.walk(guest.dir + "/spool"):
            found += [open("%s/%s" % (where, n), "rb").read().replace(
                b"\r", b"") for n in names if re.match(r"\d+\.$", n)]
        text = b"\n\nline one\nFrom here\n\n.dot\n"
        tap.ok(ok and len(found) == 2 and all(m.endswith(text) for m in found),
               "Cyrus takes mail by LMTP", "%s\n%s" % (found, mail.log()[-1500:]))
        send(mail, "eve@v.example", "for nobody")
        tap.ok(mail.wait(lambda: re.search(
            r"to=<eve@v.example>.*status=bounced.*said: 550", mail.log())),
               "and refuses it for users that it has not",
               mail.log()[-1500:])
    finally:
        mail.destroy()
        guest.destroy()


def mailman():
    mail = Instance(
        "virtual_mailbox_domains = v.example\n"
        "virtual_mailbox_maps = inline:{ {frog@v.example=frog}, "
        "{toad@v.example=toad} }\n"
        "virtual_uid_maps = static:%d\nvirtual_gid_maps = static:%d\n"
        "relay_domains = lists.example\nmynetworks = 127.0.0.0/8\n"
        "transport_maps = inline:{lists.example=lmtp:[%s]:%d}\n" %
        (VMAIL, VMAIL, MAILMAN, MAILMAN_LMTP))
    try:
        guest = Guest("mailman3", "list", MAILMAN_START,
                      {"mailman.cfg": MAILMAN_CFG % mail.port})
        os.chmod(guest.dir, 0o755)
        guest.wait_until(lambda: socket.socket().connect_ex(
            (MAILMAN, MAILMAN_LMTP)) == 0, 180)
    except NoGuest as e:
        mail.destroy()
        return tap.ok(True, "Mailman # SKIP %s" % e)
    boxes = tempfile.mkdtemp(prefix="rohrpost-list-")
    os.chmod(boxes, 0o777)
    with open(mail.dir + "/etc/main.cf", "a") as f:
        f.write("virtual_mailbox_base = %s\n" % boxes)
    try:
        mail.start()
        mail.run("sendmail", "-f", "frog@v.example", "pond@lists.example",
                 input=b"From: frog@v.example\nTo: pond@lists.example\n"
                 b"Subject: croak\nMessage-ID: <1@v.example>\n\nribbit\n")
        got = lambda n: os.path.exists(boxes + "/" + n) and \
            "[Pond] croak" in open(boxes + "/" + n).read()
        ok = mail.wait(lambda: got("frog") and got("toad"), 120)
        text = open(boxes + "/toad").read() if ok else ""
        tap.ok(ok and "Return-Path: <pond-bounces" in text and
               "ribbit" in text, "Mailman takes mail for a list by LMTP and "
               "we deliver it to the members",
               text + mail.log()[-1500:] + guest.said()[-1500:])
    finally:
        mail.destroy()
        guest.destroy()
        subprocess.run(["rm", "-rf", boxes])


def commands():
    maps, checks = [], []
    for user, program, rules, option in (
            ("ann", "procmail", ".procmailrc", "-t -a \"$EXTENSION\""),
            ("bea", "maildrop", ".mailfilter", "-V 1")):
        uid, home = users[user]
        try:
            path = wrapper(program, program)
        except Missing as e:
            tap.ok(True, "%s # SKIP %s" % (program, e))
            continue
        with open("%s/%s" % (home, rules), "w") as f:
            f.write("DEFAULT=$HOME/inbox\n:0:\n* ^Subject:.*sort\nsorted\n"
                    "MAILDIR=$HOME\n" if program == "procmail" else
                    'if (/^Subject:.*sort/)\n{\n  to "$HOME/sorted"\n}\n'
                    'to "$HOME/inbox"\n')
        os.chown("%s/%s" % (home, rules), uid, uid)
        os.chmod("%s/%s" % (home, rules), 0o600)
        maps.append("{ %s = cd %s && %s %s }" % (user, home, path, option))
        checks.append((user, program, home))
    mail = Instance("mailbox_command_maps = inline:{ %s }\n" %
                    ", ".join(maps) if maps else "")
    with open(mail.dir + "/etc/main.cf", "a") as f:
        f.write("mail_spool_directory = %s/mail\n" % mail.dir)
    try:
        mail.start()
        for user, program, home in checks:
            ok = send(mail, user, "sort this") and send(mail, user, "other")
            got = {}
            for name in ("sorted", "inbox"):
                try:
                    got[name] = open("%s/%s" % (home, name)).read()
                except OSError:
                    got[name] = ""
            tap.ok(ok and "sort this" in got["sorted"] and
                   "Subject: other" in got["inbox"] and
                   got["inbox"].startswith("From "),
                   "%s sorts and delivers" % program,
                   "%s\n%s" % (got, mail.log()[-1500:]))
        mail.run("postconf", "-e", "mailbox_command_maps=")
        mail.reload()
        send(mail, "ann", "first")
        send(mail, "ann", "second")
        try:
            mailx = wrapper("bsd-mailx", "bsd-mailx")
            p = subprocess.run([mailx, "-f", mail.dir + "/mail/ann"],
                               input="from *\nexit\n",
                               stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
            tap.ok("first" in p.stdout and "second" in p.stdout and
                   "sender@example" in p.stdout,
                   "mailx lists our mailbox", p.stdout)
        except Missing as e:
            tap.ok(True, "mailx # SKIP %s" % e)
        read_with_mutt(mail)
    finally:
        mail.destroy()


def read_with_mutt(mail):
    """It wants a terminal, and hands a message to a command."""
    try:
        mutt, seen = wrapper("mutt", "mutt"), place.dir + "/mutt-saw"
    except Missing as e:
        tap.ok(True, "mutt # SKIP %s" % e)
        return
    pipe = "<pipe-message>cat>>%s<enter>" % seen
    subprocess.run(["script", "-qec", "%s -n -F /dev/null -R -f %s/mail/ann "
                    "-e 'set wait_key=no auto_tag=yes pipe_split=yes' "
                    "-e 'push <tag-pattern>~A<enter>%s<exit>'" %
                    (mutt, mail.dir, pipe),
                    "/dev/null"], stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, timeout=120,
                   env=dict(os.environ, TERM="xterm", HOME=place.dir))
    text = open(seen).read() if os.path.exists(seen) else ""
    tap.ok(re.search("^Subject: (first|second)$", text, re.M) and
           "\n>From here\n\n.dot" in text, "mutt shows a message", text)



try:
    dovecot()
    cyrus()
    mailman()
    commands()
finally:
    subprocess.run(["rm", "-rf", place.dir])
sys.exit(tap.end())
