#!/usr/bin/env python3
"""non-bdb - from hash to lmdb without a change of what main.cf says"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import Instance, Smtp, Tap

tap = Tap()
mail = Instance()
etc = mail.dir + "/etc"
PLACES = ("non_bdb_migration_allow_root_prefixes = %s\n"
          "non_bdb_migration_allow_user_prefixes = %s\n")


def non_bdb(*command):
    p = mail.run("postfix", "non-bdb", *command)
    return p.returncode, p.stdout.decode().strip(), p.stderr.decode()


def send(rcpt):
    s = Smtp(mail.port)
    s.reply()
    s.command("EHLO me")
    s.command("MAIL FROM:<a@example.com>")
    said = s.command("RCPT TO:<%s>" % rcpt)
    s.close()
    return said


def table(name, text):
    """As it was left: built as a Berkeley DB."""
    mail.write(name, text)
    made = mail.run("postmap", "hash:%s/%s" % (etc, name))
    assert made.returncode == 0, made.stderr


def main():
    tap.ok(non_bdb("status")[:2] == (0, "disable"), "status: the level")
    got = non_bdb("enable-redirect")
    tap.ok(got[0] == 1 and "default_database_type is hash" in got[2] and
           non_bdb("status")[1] == "disable",
           "no change is made while hash is the default type", got)

    table("good", "x@good.example REJECT by good\n")
    table("foreign", "x@foreign.example REJECT by foreign\n")
    table("open", "x@open.example REJECT by open\n")
    os.chmod(etc + "/open", 0o666)
    os.mkdir(etc + "/elsewhere", 0o755)
    table("elsewhere/far", "x@far.example REJECT by far\n")
    mail.run("postconf", "-e", "default_database_type=lmdb",
             "default_cache_db_type=lmdb")
    got = non_bdb("enable-reindex")
    if not tap.ok(got[0] == 0 and non_bdb("status")[1] == "enable-reindex" and
                  b"nbdb_reindexd" in mail.run("postconf", "-M").stdout,
                  "enable-reindex: level and service", got):
        return
    with open(etc + "/main.cf", "a") as f:
        f.write(PLACES % (etc + "/elsewhere", etc + "/elsewhere"))
    use("elsewhere/far")
    mail.start()

    tap.ok("by far" in send("x@far.example") and mail.logged(
        "redirecting hash:%s/elsewhere/far to lmdb:" % etc,
        "nbdb_reindex", "successfully executed 'postmap lmdb:%s/elsewhere/far"
        "' as uid %d" % (etc, os.getuid())) and
        os.path.exists(etc + "/elsewhere/far.lmdb"),
        "a table that is missing is built", mail.log())

    use("good")
    mail.reload()
    tap.ok(send("x@good.example").startswith("4") and mail.logged(
        "table %s/good has an unexpected pathname" % etc,
        "_prefixes setting") and not os.path.exists(etc + "/good.lmdb"),
        "but not anywhere", mail.log()[-2000:])

    with open(etc + "/main.cf", "a") as f:
        f.write(PLACES % (etc, etc))
    mail.reload()
    tap.ok("by good" in send("x@good.example"),
           "where the administrator allows it", mail.log()[-2000:])
    use("open")
    mail.reload()
    tap.ok(send("x@open.example").startswith("4") and mail.logged(
        "file '%s/open' is owned or writable by other user" % etc) and
        not os.path.exists(etc + "/open.lmdb"),
        "not from what others may write", mail.log()[-2000:])
    os.unlink(etc + "/foreign.db")
    use("foreign")
    mail.reload()
    tap.ok(send("x@foreign.example").startswith("4") and mail.logged(
        "no legacy indexed file '%s/foreign.db'" % etc),
        "not where there was no table before", mail.log()[-2000:])

    got = non_bdb("disable")
    tap.ok(got[0] == 0 and non_bdb("status")[1] == "disable" and
           b"nbdb_reindexd" not in mail.run("postconf", "-M").stdout,
           "disable: all is as before", got)


def use(name):
    mail.run("postconf", "-e", "smtpd_recipient_restrictions="
             "check_recipient_access hash:%s/%s, permit_mynetworks, reject"
             % (etc, name))


try:
    main()
finally:
    mail.destroy()
sys.exit(tap.end())
