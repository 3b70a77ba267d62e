#!/usr/bin/env python3
"""known-configs - configurations as people have them load and start

What postconf says of each is compared with what Debian's Postfix says, where
that is installed: no warning that it would not give.
"""

import glob
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import BIN, TOP, Instance, Smtp, Tap, free_port

HERE = os.path.join(TOP, "tests/system/known-configs")
PEER = "/usr/sbin/postconf"

COMPLAINT = re.compile(r"\b(warning|error|fatal|panic): ")

tap = Tap()


def stock():
    text = open(os.path.join(TOP, "conf/etc/master.cf")).read()
    return re.sub(r"^smtp +inet.*\n(?:\s.*\n)*", "", text, flags=re.M)


def install(name, mail):
    """The configuration in place of the instance's own; its other port."""
    etc, other = mail.dir + "/etc", free_port()
    own = mail.run("postconf", "-n").stdout.decode()
    for f in os.listdir(etc):
        os.unlink(os.path.join(etc, f))
    for f in glob.glob(os.path.join(HERE, name, "*")):
        text = open(f).read().replace("@DIR@", etc)
        text = text.replace("127.0.0.1:@PORT2@", "127.0.0.1:%d" % other)
        text = text.replace("@PORT@", "127.0.0.1:%d" % mail.port)
        text = re.sub(r"^stock\n", lambda m: stock(), text, flags=re.M)
        with open(os.path.join(etc, os.path.basename(f)), "w") as out:
            out.write(text)
    if shutil.which("openssl"):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-subj",
                        "/CN=mx.example.com", "-addext", "subjectAltName="
                        "DNS:mx.example.com,DNS:mail.example.com,"
                        "DNS:webmail.example.org,DNS:mx.example.net",
                        "-keyout", etc + "/key.pem",
                        "-out", etc + "/cert.pem"], stderr=subprocess.DEVNULL)
        os.chmod(etc + "/key.pem", 0o600)
    return own


def warnings(program, etc, *args):
    p = subprocess.run([program, "-c", etc] + list(args), text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return [line for line in p.stderr.splitlines()], p.stdout


def peer_is_here():
    if not os.path.exists(PEER) or os.path.samefile(PEER, BIN + "/postconf"):
        return False
    p = subprocess.run([PEER, "-dh", "mail_name"], stdout=subprocess.PIPE)
    return p.stdout == b"Postfix\n"


def loads(name, etc):
    for args in (["-n"], ["-nx"], ["-M"], ["-P"], ["-F"]):
        ours, text = warnings(BIN + "/postconf", etc, *args)
        theirs = text
        theirs_said = []
        if peer_is_here():
            theirs_said, theirs = warnings(PEER, etc, *args)
        extra = [w for w in ours
                 if not any(w.startswith(t) for t in theirs_said)]
        tap.ok(not extra, "%s: postconf %s has no warning of its own" %
               (name, args[0]), "\n".join(extra))
        if args[0] != "-nx":    # $mail_version and other defaults
            tap.ok(text == theirs, "%s: postconf %s prints the same" %
                   (name, args[0]), text)


def settings_of_instance(own, mail):
    """So that it can run here: paths, accounts, and what is not ours."""
    keep = ("queue_directory", "data_directory", "daemon_directory",
            "command_directory", "sendmail_path", "mailq_path",
            "newaliases_path", "mail_owner", "setgid_group", "default_privs",
            "maillog_file", "maillog_file_prefixes", "import_environment")
    lines = [line for line in own.splitlines()
             if line.partition(" =")[0] in keep]
    mail.run("postconf", "-e", "mail_spool_directory = %s/mail/" % mail.dir,
             "inet_interfaces = loopback-only",
             # No milter runs here, and by default that shuts sessions down.
             "milter_default_action = accept", *lines)
    etc = mail.dir + "/etc"
    for f in set(re.findall(r"hash:(%s/[a-z_]+)" % re.escape(etc),
                            open(etc + "/main.cf").read())):
        tool = "postalias" if f.endswith("aliases") else "postmap"
        if not os.path.exists(f + ".db") and "texthash:" + f not in \
                open(etc + "/main.cf").read():
            mail.run(tool, "hash:" + f)
    for f in os.listdir(etc):
        os.chmod(os.path.join(etc, f), 0o600 if f == "key.pem" else 0o644)


def complaints(mail):
    found = []
    for line in mail.log().splitlines():
        if not COMPLAINT.search(line):
            continue
        if "is not supported by this release" in line:
            continue            # honest, and a matter of other tests
        if "connect to Milter service" in line:
            continue            # none runs here
        program = re.search(r"(?:program|%s/)\s*\"?([a-z-]+)" %
                            re.escape(BIN), line)
        if program and not os.path.exists(BIN + "/" + program.group(1)):
            continue            # it is not built
        found.append(line)
    return found


def starts(name, own, mail):
    settings_of_instance(own, mail)
    p = mail.run("postfix", "check")
    # The instance's programs are not installed.
    said = [line for line in p.stderr.decode().splitlines()
            if COMPLAINT.search(line) and "not owned by group" not in line
            and "not set-gid" not in line
            and not line.endswith("/sql: No such file or directory")]
    tap.ok(p.returncode == 0 and not said, name + ": postfix check is content",
           p.stderr.decode())
    mail.start()
    serves = re.search(r"^127.0.0.1:%d\s+inet.*\bsmtpd$" % mail.port,
                       open(mail.dir + "/etc/master.cf").read(), re.M)
    if serves:
        s = Smtp(mail.port)
        banner = s.reply()
        tap.ok(banner[:4] == "220 " and
               s.command("EHLO client.example")[:3] == "250",
               name + ": smtpd answers", banner + "\n" + mail.log())
        s.close()
    mail.stop()
    tap.ok(not complaints(mail), name + ": the log has no complaint",
           "\n".join(complaints(mail)))


for directory in sorted(glob.glob(HERE + "/*/")):
    name = os.path.basename(os.path.dirname(directory))
    mail = Instance()
    try:
        own = install(name, mail)
        loads(name, mail.dir + "/etc")
        starts(name, own, mail)
    finally:
        mail.destroy()
sys.exit(tap.end())
