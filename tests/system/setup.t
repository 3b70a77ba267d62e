#!/usr/bin/env python3
"""postfix setup, postfix migrate: a first main.cf, and mail of another system"""

import base64
import glob
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import Instance, Tap

# A deferred message for two recipients, as Postfix 3.7 had it in its queue.
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
p = postfix("migrate", "from-exim")
check("Exim's settings become ours", p.returncode == 0 and
      conf("relayhost") == "[smtp.example.net]:587" and
      "b.example" in conf("mydestination") and
      conf("home_mailbox") == "Maildir/" and
      conf("mynetworks").endswith("192.0.2.0/24"),
      p.stdout.decode() + p.stderr.decode())
mail.destroy()
sys.exit(tap.end())
