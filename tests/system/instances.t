#!/usr/bin/env python3
"""postfix check, postmulti: what bites is found, instances come and go"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ["OWN_PROGRAMS"] = "yes"  # postmulti sets their permissions
from instance import Instance, Tap

tap = Tap()
mail = Instance("meta_directory = /nonexistent\n")
ETC = mail.dir + "/etc"


def check(name, good, detail=""):
    tap.ok(bool(good), name, detail)


def warnings(*settings):
    """What postfix check says with these settings added."""
    with open(ETC + "/main.cf") as f:
        before = f.read()
    with open(ETC + "/main.cf", "a") as f:
        f.write("\n".join(settings) + "\n")
    p = mail.run("postfix", "check")
    with open(ETC + "/main.cf", "w") as f:
        f.write(before)
    return p.stderr.decode()


os.chmod(mail.dir + "/etc", 0o755)
check("a private instance is in order", "open relay" not in warnings(),
      warnings())
check("an open relay", "open relay" in warnings(
    "smtpd_relay_restrictions = permit_mynetworks",
    "smtpd_recipient_restrictions = permit"))
check("a network that is everybody", "mynetworks has" in warnings(
    "mynetworks = 0.0.0.0/0"))
out = warnings("virtual_alias_maps = hash:%s/none, cidr:%s/nocidr" % (ETC, ETC))
check("a table that was never indexed",
      'none.db: No such file or directory; run "postmap' in out, out)
check("and one that is not there", "nocidr: No such file" in out, out)
check("a misspelt name", "smtpd_baner" in warnings("smtpd_baner = x"))
check("a certificate that is not there", "smtpd_tls_cert_file: /none" in
      warnings("smtpd_tls_cert_file = /none"))

# --- instances
meta = mail.dir + "/meta"
os.mkdir(meta)
for name in ("main.cf", "master.cf"):
    with open("conf/etc/" + name) as f, \
            open("%s/%s.proto" % (meta, name), "w") as g:
        g.write(f.read())
mail.run("postconf", "-e", "meta_directory = " + meta,
         "maillog_file_prefixes = " + mail.dir)


def multi(*args):
    return mail.run("postmulti", *args)


def listing(*args):
    return [line.split() for line in multi("-l", *args).stdout.decode()
            .splitlines()]


two = mail.dir + "/postfix-two"
places = ["config_directory=" + two, "queue_directory=" + two + "-spool",
          "data_directory=" + two + "-data"]
check("nothing is made before init", multi(
    "-e", "create", "-I", "postfix-two", *places).returncode == 1)
check("init", multi("-e", "init").returncode == 0)
p = multi("-e", "create", "-I", "postfix-two", "-G", "out", *places)
check("create", p.returncode == 0, p.stderr.decode() + mail.log())
check("it is listed and not enabled",
      listing()[-1] == ["postfix-two", "out", "n", two], listing())
check("by its group", len(listing("-g", "out")) == 1)
check("it listens nowhere until told to", mail.run(
    "postconf", "-c", two, "-h", "master_service_disable").stdout == b"inet\n")
check("a name is used once", multi(
    "-e", "create", "-I", "postfix-two", *places).returncode == 1)
p = multi("-i", "postfix-two", "-x", "sh", "-c",
          'echo "$multi_instance_name $MAIL_CONFIG"')
check("commands are run for it",
      p.stdout.decode().split() == ["postfix-two", two])
mail.run("postconf", "-c", two, "-e", "maillog_file = " + mail.dir + "/log2")
check("enable, assign", multi("-i", "postfix-two", "-e", "enable")
      .returncode == 0 and multi("-i", "postfix-two", "-I", "postfix-three",
                                 "-e", "assign").returncode == 0)
check("it starts", multi("-i", "postfix-three", "-p", "start").returncode == 0)
check("and runs", multi("-i", "postfix-three", "-p", "status")
      .returncode == 0)
check("an enabled one is not destroyed",
      multi("-i", "postfix-three", "-e", "destroy").returncode == 1)
check("stop", multi("-i", "postfix-three", "-p", "stop").returncode == 0)
check("disable, destroy", multi("-i", "postfix-three", "-e", "disable")
      .returncode == 0 and
      multi("-i", "postfix-three", "-e", "destroy").returncode == 0)
check("nothing is left of it", not os.path.exists(two) and
      not os.path.exists(two + "-spool") and len(listing()) == 1)
mail.destroy()
sys.exit(tap.end())
