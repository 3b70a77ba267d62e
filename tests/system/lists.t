#!/usr/bin/env python3
"""lists - aliases and .forward files with several members

Who gets a copy and how many, as whom commands run, who is told of a failure.
Run as root; ann and bea are users, cat lists what each message was.
"""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import Instance, Tap
from users import become

users = become(["ann", "bea"])
if users is None:
    print("ok 1 - lists # SKIP needs root and namespaces")
    print("1..1")
    sys.exit(0)
tap = Tap()
mail = Instance("minimal_backoff_time = 1s\nmaximal_backoff_time = 1s\n"
                "queue_run_delay = 1s\nnotify_classes =\n"
                "allow_mail_to_files = alias,forward,include\n"
                "allow_mail_to_commands = alias,forward,include\n")
out = mail.dir + "/out"


def write(path, text, owner=0, mode=0o644):
    with open(path, "w") as f:
        f.write(text)
    os.chown(path, owner, owner)
    os.chmod(path, mode)


def aliases(text):
    write(mail.dir + "/etc/aliases", text)
    mail.run("postalias", "hash:%s/etc/aliases" % mail.dir)
    if mail.master_pid():
        mail.reload()


def fresh_boxes():
    subprocess.run("rm -rf %s/mail/* %s/*" % (mail.dir, out), shell=True)


def fresh():
    mail.run("postsuper", "-d", "ALL")
    mail.wait(lambda: mail.queue_files() == 0, 60)
    fresh_boxes()
    for _, home in users.values():
        subprocess.run("rm -f %s/.forward" % home, shell=True)


def send(to, sender="ann"):
    p = mail.run("sendmail", "-f", sender, to,
                 input=b"Subject: to the list\n\ntext\n")
    assert p.returncode == 0, p.stderr


def delivered(to, sender="ann"):
    send(to, sender)
    return mail.wait(lambda: mail.queue_files() == 0, 60)


def box(name):
    try:
        return open("%s/mail/%s" % (mail.dir, name)).read()
    except OSError:
        return ""


def copies(name):
    return box(name).count("\nSubject: to the list\n")


def said(name):
    try:
        return open(out + "/" + name).read()
    except OSError:
        return ""


def forward_to_own_list():
    aliases("team: ann, bea\n")
    write(users["ann"][1] + "/.forward", "\\ann, team\n", users["ann"][0])
    for to in "team", "ann":
        mark = len(mail.log())
        ok = delivered(to, "<>")
        tap.ok(ok and copies("ann") == 1 and copies("bea") >= 1 and
               "loop" not in mail.log()[mark:],
               "a user forwards to a list with the user in it: to " + to,
               mail.log()[mark:])
        for name in "ann", "bea":
            os.unlink("%s/mail/%s" % (mail.dir, name))
    fresh()


def lower_case():
    write(users["ann"][1] + "/.forward", "bea\n", users["ann"][0])
    ok = delivered("ANN")
    tap.ok(ok and re.search("^Delivered-To: ann@", box("bea"), re.M),
           "what is forwarded was delivered to the address in lower case",
           box("bea"))
    fresh()


def owner():
    aliases("owner-news: bea\n"
            "news: \"|env >%s/news\", %s/file, \"|exit 67\"\n" % (out, out))
    ok = delivered("news")
    tap.ok(ok and "SENDER=owner-news@" in said("news") and
           "ORIGINAL_RECIPIENT" not in said("news"),
           "a list's owner is the sender that commands see", said("news"))
    tap.ok("Return-Path: <owner-news@" in said("file"),
           "and that files get", said("file"))
    tap.ok("Undelivered" in box("bea") and "Undelivered" not in box("ann"),
           "the owner is told of a failure, not the sender", mail.log()[-900:])
    tap.ok("-Sender: rfc822; ann@" in box("bea") and
           "Original-Recipient" not in box("bea"),
           "of the message as it came", box("bea"))
    fresh()
    delivered("news@localhost")
    tap.ok("SENDER=owner-news@" in said("news") and
           "SENDER=owner-news@localhost\n" not in said("news"),
           "owners are of myorigin", said("news"))
    fresh()


def no_copy_twice():
    aliases("owner-late: ann\n"
            "late: bea, \"|test -e %s/go || exit 75\"\n" % out)
    send("late")
    mail.wait(lambda: mail.log().count("temporary failure") >= 2, 60)
    early = copies("bea")
    write(out + "/go", "")
    ok = mail.wait(lambda: mail.queue_files() == 0, 60)
    tap.ok(early == 0 and ok and copies("bea") == 1,
           "members of a list wait for the one that must be tried again",
           "%d, then %d copies" % (early, copies("bea")))
    fresh()


def all_failures():
    aliases("bad: /nonexistent/file, \"|exit 66\"\n"
            "half: \"|exit 67\", \"|exit 75\"\n")
    delivered("bad")
    tap.ok("file exclusively" in " ".join(box("ann").split()) and
           "cannot open input" in box("ann"),
           "a report has all failures of an alias", box("ann"))
    fresh()
    send("half")
    tap.ok(mail.wait(lambda: "user unknown" in box("ann"), 30),
           "a failure is reported while another member waits",
           mail.log()[-900:])
    fresh()


def who_is_told():
    aliases("owner-news: bea\nnews: inner\ninner: \"|exit 67\"\n"
            "owner-odd: bea\nodd: -x, :include:/nonexistent/list, ~x/file\n"
            "owner-file: bea\nfile: /nonexistent/file\n")
    for to, who in ("news", "ann"), ("odd", "ann"), ("file", "bea"):
        delivered(to)
        tap.ok("Undelivered" in box(who) and
               "Undelivered" not in box("ann" if who == "bea" else "bea"),
               "of a failure in %s hears %s" % (to, who), mail.log()[-900:])
        fresh()
    aliases("nobody: <>\n")
    mark = len(mail.log())
    send("nobody")
    tap.ok(mail.wait(lambda: "(alias database unavailable)" in
                     mail.log()[mark:], 60) and
           "no recipient in alias lookup result for nobody" in
           mail.log()[mark:], "an alias for nobody is put right first",
           mail.log()[mark:])
    fresh()


def own_names():
    mail.run("postconf", "-e", "recipient_delimiter=+")
    aliases("")
    write(users["bea"][1] + "/.forward", "bea+a, bea+b, BEA+A, \\bea+c\n",
          users["bea"][0])
    mark = len(mail.log())
    delivered("bea", "<>")
    tap.ok(copies("bea") == 3 and "forwarded as" not in mail.log()[mark:],
           "a user's names with extensions are the mailbox, each once",
           mail.log()[mark:])
    fresh()
    write(users["bea"][1] + "/.forward", "\\bea, %s/base\n" % out,
          users["bea"][0])
    write(users["bea"][1] + "/.forward+x", "bea\n", users["bea"][0])
    delivered("bea+x", "<>")
    tap.ok(copies("bea") == 1 and said("base") != "",
           "the name without one means that name's file", mail.log()[-900:])
    os.unlink(users["bea"][1] + "/.forward+x")
    fresh()


def setting(*settings):
    mail.run("postconf", "-e", *settings)
    mail.run("postfix", "reload")


def tables_that_fail():
    aliases("")
    for name in ("mailbox_command_maps", "mailbox_transport_maps",
                 "fallback_transport_maps"):
        to = "nosuch" if name[0] == "f" else "bea"
        setting(name + "=fail:now")
        mark = len(mail.log())
        send(to, "<>")
        tap.ok(mail.wait(lambda: "dsn=4.3.0, status=deferred (table lookup "
                         "failure)" in mail.log()[mark:], 20) and
               copies("bea") == 0, "mail waits for " + name,
               mail.log()[mark:])
        setting(name + "=")
        fresh()
    for name, kept in (("allow_mail_to_files", "alias,forward,include"),
                       ("prepend_delivered_header", "command,file,forward")):
        setting(name + "=alias, odd")
        mark = len(mail.log())
        send("bea", "<>")
        tap.ok(mail.wait(lambda: "fatal: unknown %s value " % name in
                         mail.log()[mark:], 20), "a word that means nothing "
               "in %s is told" % name, mail.log()[mark:])
        setting(name + "=" + kept)
        fresh()


def extensions():
    mail.run("postconf", "-e", "recipient_delimiter=+",
             "propagate_unmatched_extensions=alias,forward")
    aliases("news: bea\nnews+known: bea\n")
    write(users["bea"][1] + "/.forward", "\\bea\n", users["bea"][0])
    for to, wanted in ("news+rest", "bea+rest"), ("news+known", "bea"):
        # a process that began before the reload may serve one more
        def goes_on():
            fresh_boxes()
            mark = len(mail.whole_log())
            return delivered(to, "<>") and copies("bea") == 1 and \
                "to=<%s@" % wanted in mail.whole_log()[mark:]
        tap.ok(mail.wait(goes_on),
               "what an alias was not found with goes on: " + to,
               mail.log()[-600:])
    fresh()


def rights():
    uid = users["bea"][0]
    with open(mail.dir + "/etc/hers", "w") as f:
        f.write("hers: \"|id -un >%s/hers\"\n" % out)
    mail.run("postalias", "hash:%s/etc/hers" % mail.dir)
    os.chown(mail.dir + "/etc/hers.db", uid, uid)
    write(mail.dir + "/etc/members", "\"|id -un >%s/inc; echo $HOME "
          ">>%s/inc\"\n" % (out, out), uid)
    write(mail.dir + "/etc/open", "bea\n", 0, 0o666)
    aliases("inc: :include:%s/etc/members\nopen: :include:%s/etc/open\n" %
            (mail.dir, mail.dir))
    mail.run("postconf", "-e", "alias_maps=hash:%s/etc/aliases, "
             "hash:%s/etc/hers" % (mail.dir, mail.dir))
    mail.reload()
    delivered("hers")
    tap.ok(said("hers") == "bea\n", "aliases of a user's table run as the "
           "user", said("hers") + mail.log()[-600:])
    delivered("inc")
    tap.ok(said("inc") == "bea\n%s\n" % users["bea"][1],
           "an :include: file runs as its owner", said("inc"))
    delivered("open")
    tap.ok(copies("bea") == 0 and mail.logged("is world writable"),
           "but is not read if all may write to it")
    fresh()


try:
    os.mkdir(out)
    os.chmod(out, 0o1777)
    with open(mail.dir + "/etc/main.cf", "a") as f:
        f.write("mail_spool_directory = %s/mail\n"
                "alias_maps = hash:%s/etc/aliases\n" % (mail.dir, mail.dir))
    os.makedirs(mail.dir + "/mail", exist_ok=True)
    os.chmod(mail.dir + "/mail", 0o1777)
    aliases("")
    mail.start()
    forward_to_own_list()
    lower_case()
    owner()
    no_copy_twice()
    all_failures()
    who_is_told()
    own_names()
    tables_that_fail()
    extensions()
    rights()
finally:
    mail.destroy()
sys.exit(tap.end())
