#!/usr/bin/env python3
"""postfix setup, postfix migrate: a first main.cf, and mail of another system"""

import base64
import glob
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ["OWN_PROGRAMS"] = "yes"  # set-permissions changes them
from instance import Instance, Tap

# A deferred message for two recipients, as Postfix 3.7 had it in its queue.
# A message as Exim 4.96 keeps it: of three recipients one is done by the
# header file, one by the journal.
EXIM_ID = "1xV54f-0000An-2u"
EXIM_HEAD = EXIM_ID + """-H
root 0 0
<alice@home.example>
1795344333 0
-received_time_usec .903105
-ident root
-received_protocol local
-body_linecount 2
NN a@x.example
3
a@x.example
b@far.example
c@far.example

065P Received: from root by localhost with local
\tid 1xV54f-0000An-2u
016T To: a@x.example
021* Subject: is replaced
025  Subject: waits at exim's
"""
EXIM_BODY = EXIM_ID + "-D\nbody\n.dot\n"

OLD = base64.b64decode(
    "Q18gICAgICAgICAgICAzMjcgICAgICAgICAgICAgMzQyICAgICAgICAgICAgICAgMiAg"
    "ICAgICAgICAgICAgIDAgICAgICAgICAgICAgMzI3ICAgICAgICAgICAgICAgMFQRMTc5"
    "NTMzNjc3NCA1ODYzMDNBFmNyZWF0ZV90aW1lPTE3OTUzMzY3NzRBFXJld3JpdGVfY29u"
    "dGV4dD1sb2NhbEYFQWxpY2VTEmFsaWNlQGhvbWUuZXhhbXBsZUEkZHNuX29yaWdfcmNw"
    "dD1yZmM4MjI7Ym9iQGZhci5leGFtcGxlTw9ib2JAZmFyLmV4YW1wbGVSD2JvYkBmYXIu"
    "ZXhhbXBsZUEmZHNuX29yaWdfcmNwdD1yZmM4MjI7Y2Fyb2xAZmFyLmV4YW1wbGVPEWNh"
    "cm9sQGZhci5leGFtcGxlUhFjYXJvbEBmYXIuZXhhbXBsZU0ATjhSZWNlaXZlZDogYnkg"
    "bXguaG9tZS5leGFtcGxlIChQb3N0Zml4LCBmcm9tIHVzZXJpZCAyMDAxKU40CWlkIDlG"
    "M0Y3MTAzMDsgU3VuLCAyMiBOb3YgMjAyNiAwODozOTozNCArMDAwMCAoVVRDKU4ZU3Vi"
    "amVjdDogZnJvbSB0aGUgb2xkIG9uZU4TVG86IGJvYkBmYXIuZXhhbXBsZU42TWVzc2Fn"
    "ZS1JZDogPDIwMjYxMTIyMDgzOTM0LjlGM0Y3MTAzMEBteC5ob21lLmV4YW1wbGU+TitE"
    "YXRlOiBTdW4sIDIyIE5vdiAyMDI2IDA4OjM5OjM0ICswMDAwIChVVEMpTiBGcm9tOiBB"
    "bGljZSA8YWxpY2VAaG9tZS5leGFtcGxlPk4ATgxDb250ZW50IGxpbmVOCS5kb3QgbGlu"
    "ZU4DZW5kWABFAA==")

tap = Tap()


def check(name, good, detail=""):
    tap.ok(bool(good), name, detail)


mail = Instance("defer_transports = smtp\n")
ETC = mail.dir + "/etc"


def postfix(*args, **kw):
    return mail.run("postfix", *args, **kw)


def conf(name):
    return mail.run("postconf", "-hx", name).stdout.decode().strip()


def read(path):
    with open(path) as f:
        return f.read()


# --- setup
before = read(ETC + "/main.cf")
p = postfix("setup", "--yes", "--hostname", "nodomain")
check("a name without domain is refused", p.returncode == 1 and
      b"no domain" in p.stderr, p.stderr.decode())
p = postfix("setup", "--yes", "--domains", "a.example$(id)")
check("so is what does not belong into main.cf", p.returncode == 1)
check("and nothing has changed", read(ETC + "/main.cf") == before)
p = postfix("setup", "--yes", "--hostname", "mx.example.com", "--domains",
            "example.com, example.net", "--relay", "[127.0.0.1]:587",
            "--root", "admin")
check("options answer the questions", p.returncode == 0, p.stderr.decode())
check("the old file is kept", read(ETC + "/main.cf.old") == before)
check("the new one says what was asked for", conf("myhostname") ==
      "mx.example.com" and conf("relayhost") == "[127.0.0.1]:587" and
      "example.net" in conf("mydestination") and
      conf("inet_interfaces") == "loopback-only")
check("with comments", read(ETC + "/main.cf").count("#") > 10)
check("root has a reader",
      mail.run("postalias", "-q", "root", "hash:%s/aliases" % ETC).stdout ==
      b"admin\n")
with open(ETC + "/aliases", "w") as f:
    f.write("postmaster: root\nroot: ann,\n# and\n\tbob\nabuse: ann\n")
postfix("setup", "--yes", "--hostname", "mx.example.com", "--root", "admin")
check("of whom all lines of the old entry are gone",
      read(ETC + "/aliases").split() ==
      "postmaster: root # and abuse: ann root: admin".split(),
      read(ETC + "/aliases"))
p = postfix("setup", input=b"h.example.org\n\nall\n\n\n")
check("or it asks", p.returncode == 0 and conf("myhostname") ==
      "h.example.org" and conf("inet_interfaces") == "all" and
      b"5. " in p.stdout, p.stdout.decode() + p.stderr.decode())
p = postfix("setup", input=b"h2.example.org\n")
check("an answer that ends early changes nothing", p.returncode == 1 and
      conf("myhostname") == "h.example.org")

# --- migrate
mail.run("postconf", "-e", "defer_transports = smtp",
         "inet_interfaces = 127.0.0.1")
before = read(ETC + "/main.cf")
postfix("set-permissions")
os.makedirs(mail.dir + "/spool/deferred/2", exist_ok=True)
with open(mail.dir + "/spool/deferred/2/2ABCDEF012", "wb") as f:
    f.write(OLD)
if shutil.which("perl"):
    p = postfix("migrate", "from-postfix")
    text = p.stdout.decode() + p.stderr.decode()
    check("the old queue is taken over", p.returncode == 0 and
          "1 of 1 messages" in text, text)
    kept = glob.glob(mail.dir + "/spool/maildrop/*")
    check("into ours", len(kept) == 1, kept)
    p = mail.run("postcat", *kept)
    text = p.stdout.decode()
    check("with sender, recipients and text",
          "sender: alice@home.example" in text and
          "recipient: bob@far.example" in text and
          "recipient: carol@far.example" in text and
          "\n.dot line\n" in text and
          text.count("Subject: from the old one") == 1, text)
    check("nothing of the old one is left",
          not glob.glob(mail.dir + "/spool/deferred/*/*"))
    check("a second time is refused",
          postfix("migrate", "from-postfix").returncode == 1)
    mail.run("postconf", "-e", "myhostname = other.example")
    p = postfix("migrate", "back")
    check("back to what it was", p.returncode == 0 and
          read(ETC + "/main.cf") == before, p.stderr.decode())
exim = mail.dir + "/update-exim4.conf.conf"
with open(exim, "w") as f:
    f.write("""dc_eximconfig_configtype='smarthost'
dc_other_hostnames='a.example : b.example'
dc_local_interfaces='127.0.0.1 ; ::1'
dc_relay_nets='192.0.2.0/24'
dc_smarthost='smtp.example.net::587'
dc_localdelivery='maildir_home'
""")
os.environ["EXIM_CONF"] = exim
os.environ["EXIM_PID"] = mail.dir + "/exim.pid"
os.environ["EXIM_SPOOL"] = mail.dir + "/exim-spool"
os.environ["EXIM_ADDRESSES"] = mail.dir + "/email-addresses"
with open(mail.dir + "/passwd.client", "w") as f:
    f.write("# a comment\nsmtp.example.net:me:pa:ss#w\\nord \n")
with open(ETC + "/sasl_passwd", "w") as f:
    f.write("smtp.example.org she:her\n")   # of an earlier attempt
os.chmod(ETC + "/sasl_passwd", 0o644)
with open(mail.dir + "/email-addresses", "w") as f:
    f.write("# a comment\nalice: alice@example.org\n")
with open(mail.dir + "/exim4.conf.localmacros", "w") as f:
    f.write("MESSAGE_SIZE_LIMIT = 20M\nMAIN_TLS_ENABLE = true\n")
os.makedirs(mail.dir + "/exim-spool/input/4")
for end, text in (("H", EXIM_HEAD), ("D", EXIM_BODY),
                  ("J", "Xc@far.example\n")):
    with open("%s/exim-spool/input/4/%s-%s" % (mail.dir, EXIM_ID, end),
              "w") as f:
        f.write(text)
before = read(ETC + "/main.cf")
for name in glob.glob(mail.dir + "/spool/maildrop/*"):
    os.unlink(name)
p = postfix("migrate", "from-exim")
text = p.stdout.decode() + p.stderr.decode()
check("Exim's settings become ours", p.returncode == 0 and
      conf("relayhost") == "[smtp.example.net]:587" and
      "b.example" in conf("mydestination") and
      conf("inet_interfaces") == "loopback-only" and
      conf("home_mailbox") == "Maildir/" and
      conf("mynetworks").endswith("192.0.2.0/24"), text)
check("its macros too", conf("message_size_limit") == "20971520" and
      conf("smtpd_tls_cert_file") == mail.dir + "/exim.crt", text)
check("its logins, for nobody else to see",
      read(ETC + "/sasl_passwd") == "smtp.example.net me:pa:ss#w\\nord\n"
      "[smtp.example.net]:587 me:pa:ss#w\\nord\n" and
      os.stat(ETC + "/sasl_passwd").st_mode & 0o77 == 0, text)
check("its rewriting of senders",
      read(ETC + "/generic") == "alice alice@example.org\n" and
      conf("smtp_generic_maps") == "texthash:" + ETC + "/generic", text)
if shutil.which("perl"):
    kept = glob.glob(mail.dir + "/spool/maildrop/*")
    check("its queue", "1 of 1 messages of exim's" in text and
          len(kept) == 1, text)
    shown = mail.run("postcat", *kept).stdout.decode()
    check("what is left to do of it", "sender: alice@home.example" in shown
          and re.findall("recipient: (.*)", shown) == ["b@far.example"] and
          "Subject: waits at exim's\n\nbody\n.dot\n" in shown and
          "replaced" not in shown, shown)
    check("and nothing twice",
          not glob.glob(mail.dir + "/exim-spool/input/*/*"))
p = postfix("migrate", "back")
check("back to Exim", p.returncode == 0 and
      read(ETC + "/main.cf") == before and
      read(ETC + "/sasl_passwd") == "smtp.example.org she:her\n" and
      not os.path.exists(ETC + "/generic"), p.stderr.decode())
text = read(exim).replace("127.0.0.1 ; ::1", "127.0.0.1 ; 192.0.2.1.587")
with open(exim, "w") as f:
    f.write(text)
p = postfix("migrate", "from-exim")
check("addresses that it listens on", conf("inet_interfaces") ==
      "127.0.0.1 192.0.2.1" and b"192.0.2.1.587: it takes a line" in p.stdout,
      p.stdout.decode())
mail.destroy()
sys.exit(tap.end())
