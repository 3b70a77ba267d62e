#!/usr/bin/env python3
"""set-gid - what a user may do with postdrop, postqueue and postlog

Run as root, in a mount namespace where /etc/postfix is the test's.  The three
commands are set-gid here, as postlog is where an administrator made it so; eve
calls them with an environment, descriptors, limits and names of her choice.
"""

import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import BIN, Instance, Tap
from users import as_user, become

COMMANDS = ("postdrop", "postqueue", "postlog")

# LeakSanitizer can't look into a set-id program, and ends it.
users = become(["eve"]) if os.environ.get("SAN") != "1" else None
if users is None:
    print("ok 1 - set-gid commands # SKIP needs root, namespaces, no sanitizer")
    print("1..1")
    sys.exit(0)
eve = users["eve"]
tap = Tap()
mail = Instance("defer_transports = local\n")
MAILDROP = mail.dir + "/spool/maildrop"
HERE = mail.dir + "/commands"


def install():
    """The commands, and the instance's configuration as the standard one."""
    os.mkdir(HERE)
    for name in COMMANDS + ("sendmail",):
        shutil.copy(BIN + "/" + name, HERE)
        if name != "sendmail":
            shutil.chown(HERE + "/" + name, "root", "daemon")
            os.chmod(HERE + "/" + name, 0o2755)
    with open(mail.dir + "/etc/main.cf", "a") as f:
        f.write("command_directory = %s\n" % HERE)
    etc = mail.dir + "/whole-etc"
    subprocess.run(["cp", "-a", "/etc", etc], check=True)
    os.makedirs(etc + "/postfix", exist_ok=True)
    subprocess.run(["mount", "--bind", etc, "/etc"], check=True)
    subprocess.run(["mount", "--bind", mail.dir + "/etc", "/etc/postfix"],
                   check=True)


def run(script):
    return as_user(eve, "PATH=%s:$PATH; " % HERE + script)


def dropped():
    return os.listdir(MAILDROP)


def other_configuration():
    evil = eve[1] + "/etc"
    run("mkdir etc spool log; cat >etc/main.cf <<-END\n"
        "queue_directory = %s/spool\nmaillog_file = %s/log/x\n"
        "maillog_file_prefixes = /\nsetgid_group = eve\nEND\n" %
        (eve[1], eve[1]))
    for name, args, status in (("postdrop", "", 1),
                               ("postqueue", "-p", 69),
                               ("postlog", "text", 1)):
        for how in ("MAIL_CONFIG=%s %s %s", ": %s; %s -c $HOME/etc %s"):
            p = run(how % (evil, name, args) + " </dev/null")
            tap.ok(p.returncode == status and "unauthorized configuration "
                   "directory name: " + evil in p.stdout,
                   "%s believes no configuration of hers" % name, p.stdout)
    tap.ok(not os.listdir(eve[1] + "/log"), "and makes no file for her")
    quiet, verbose = run("postqueue -p"), run("postqueue -v -v -v -p")
    tap.ok(quiet.stdout == verbose.stdout, "-v is not for her",
           verbose.stdout)


def closed_descriptors():
    text = "printf 'Subject: x\\n\\ntext\\n' >text; "
    p = run(text + "sendmail root <text >&- 2>&-")
    tap.ok(p.returncode == 0 and len(dropped()) == 1,
           "a message is taken although output is closed", p.stdout)
    p = run("echo 'open maildrop' | timeout 20 postdrop 2>&- >&-; "
            "timeout 20 postdrop <&- >&- 2>&-; timeout 20 postdrop <&-")
    tap.ok(p.returncode not in (0, 124) and len(dropped()) == 1,
           "postdrop without input or output ends, and leaves nothing",
           p.stdout)
    p = run("timeout 20 postqueue -p <&- >&-; timeout 20 postlog x 2>&-")
    tap.ok(p.returncode != 124, "so do the others", p.stdout)


def limits():
    # blocks of 512 or 1024 bytes: less than the message
    p = run("ulimit -f 4; (echo; yes | head -n 20000) | sendmail root")
    tap.ok(p.returncode != 0 and len(dropped()) == 1,
           "a limit of file size leaves no piece of a message", p.stdout)
    p = run("ulimit -n 4; echo | sendmail root")
    tap.ok(p.returncode != 0 and len(dropped()) == 1,
           "nor does one of descriptors", p.stdout)
    p = run("umask 777; echo | sendmail root")
    tap.ok(p.returncode == 0 and len(dropped()) == 2,
           "a umask does not make a message unreadable", p.stdout)
    p = run("timeout -s INT 1 sh -c '(echo; sleep 9) | sendmail root'")
    tap.ok(mail.wait(lambda: len(dropped()) == 2),
           "a message that is broken off leaves nothing")


def false_names():
    for command in ("postdrop", "postqueue -i '!'", "postlog text",
                    "postlog $'text\\nFeb 30 forged'",
                    "postlog -t $'x\\nFeb 30 forged' text"):
        name = "" if "forged" in command else "-a $'x\\nFeb 30 forged' "
        run("exec bash -c \"exec %s%s\" </dev/null" % (name, command))
    mail.wait(lambda: mail.log().count("forged") >= 4)
    tap.ok("forged" in mail.log() and "\nFeb 30" not in mail.log(),
           "no name and no text makes a line of the log", mail.log()[-800:])


def environment():
    p = run("mkdir -p lib; DB_HOME=$PWD/lib LD_PRELOAD=/x LC_ALL=/../x "
            "POSIXLY_CORRECT=1 postqueue -p")
    tap.ok("queue" in p.stdout.lower() and p.returncode == 0,
           "her environment changes nothing", p.stdout)


try:
    install()
    mail.start()                            # makes the folders
    mail.stop()
    other_configuration()
    closed_descriptors()
    limits()
    mail.start()
    tap.ok(mail.wait(lambda: not dropped()), "pickup takes what was dropped",
           mail.log())
    false_names()
    environment()
    tap.ok("panic" not in mail.log() and "signal" not in mail.log(),
           "no program died", mail.log()[-1000:])
finally:
    mail.destroy()
sys.exit(tap.end())
