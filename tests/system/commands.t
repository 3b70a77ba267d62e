#!/usr/bin/env python3
"""Small commands: postlock, postsuper, postdrop by hand, logrotate, stop

What they say and how they end, as scripts rely on it.
"""

import glob
import os
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import BIN, PATIENCE, Instance, Tap

tap = Tap()
mail = Instance("defer_transports = local, smtp\n"
                "deliver_lock_attempts = 2\n"
                "deliver_lock_delay = 5s\n")
ENV = dict(os.environ, MAIL_CONFIG=mail.dir + "/etc")


def run(*args, text=""):
    p = subprocess.run([BIN + "/" + args[0]] + list(args[1:]), env=ENV,
                       input=text, universal_newlines=True,
                       timeout=60 * PATIENCE,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return p.returncode, p.stdout, p.stderr


def check(got, status, words, what):
    tap.ok(got[0] == status and words in got[1] + got[2], what, repr(got))


def test_postlock():
    folder = mail.dir + "/folder"
    check(run("postlock", folder, "ls", mail.dir), 0, "folder.lock\n",
          "postlock has a lock file while the command runs")
    tap.ok(not os.path.exists(folder + ".lock"), "and none afterwards")
    check(run("postlock", folder, "sh", "-c", "exit 42"), 42, "",
          "the command's status is postlock's")
    check(run("postlock", folder, "sh", "-c", "kill -9 $$"), 1, "",
          "a signal's is 1")
    check(run("postlock", "-l", "flock", folder, "ls", mail.dir), 0,
          "folder\n", "-l flock makes no lock file")
    check(run("postlock", "-l", "bogus", folder, "true"), 75,
          'unknown mailbox_delivery_lock value "bogus" in "bogus"',
          "a style that there is not")
    check(run("postlock", mail.dir + "/no/folder", "true"), 75,
          "unable to create lock file", "no such directory")
    open(folder + ".lock", "w").close()
    begin = time.monotonic()
    check(run("postlock", folder, "true"), 75, "File exists",
          "a lock of somebody else's")
    tap.ok(time.monotonic() - begin < 9.9, "no wait after the last attempt")
    os.unlink(folder + ".lock")


def test_postdrop():
    check(run("postdrop"), 0, "", "postdrop with nothing to do")
    code, out, err = run("postdrop", text="garbage\n")
    tap.ok(code == 1 and "malformed input" in err and out == "",
           "postdrop says in words that it does not understand", err)


def test_postsuper():
    check(run("postsuper", "-d", "-", text="\n x\nABCDEF\nall\n"), 0,
          "invalid mail queue id: \n", "an empty id is told")
    check(run("postsuper", "-d", "all"), 0, "postsuper: Deleted: 0 messages\n",
          "what might be an id is just not there")
    check(run("postsuper", "-d", "bad/id", "nosuch"), 1,
          "postsuper: fatal: invalid directory name: nosuch",
          "directories are looked at first")


def set_parameter(line):
    run("postconf", line)


def test_submitters():
    set_parameter("authorized_submit_users=nobody-at-all")
    check(run("sendmail", "me", text="x\n"), 75, "is not allowed to submit",
          "who may submit is known without a reload")
    set_parameter("authorized_submit_users=static:all")
    check(run("sendmail", "me", text="x\n"), 0, "", "and who may again")


def test_queue_ids():
    check(run("postqueue", "-i", ""), 69, 'invalid name: ""',
          "no id is no queue id")
    check(run("postqueue", "-i", "0" * 300), 69, "0...",
          "nor is one of 300 characters")
    set_parameter("enable_long_queue_ids=yes")
    run("postfix", "reload")

    def long_id():
        run("sendmail", "me", text="x\n")
        return "message-id=<4" in mail.log()
    tap.ok(mail.wait(long_id), "a long id is a Message-Id by itself",
           mail.log())


def test_wrong_parameter():
    set_parameter("smtpd_timeout=5x")
    run("postfix", "reload")

    def told():
        try:
            socket.create_connection(("127.0.0.1", mail.port), 10).close()
        except OSError:
            pass
        return "fatal: parameter smtpd_timeout: bad time value or unit: 5x" \
            in mail.log()
    tap.ok(mail.wait(told), "a daemon's reason to end is in the log",
           mail.log())
    run("postconf", "-X", "smtpd_timeout")
    run("postfix", "reload")


def test_logrotate():
    log = mail.dir + "/maillog"
    with open(mail.dir + "/etc/main.cf", "a") as f:
        f.write("maillog_file_compressor = /bin/true\n")
    code, out, err = run("postfix", "logrotate")
    old = glob.glob(log + ".*")
    tap.ok(code == 0 and len(old) == 1, "logrotate renames the file", err)
    run("postlog", "after", "the", "change")
    tap.ok(mail.wait(lambda: "after the change" in mail.log()),
           "and lines go to a new one", mail.log())
    tap.ok("refreshing" not in mail.whole_log() + err,
           "without a word: cron would mail it", err)


def test_stopped():
    check(run("postfix", "abort"), 0, "aborting", "abort")
    check(run("sendmail", "me", text="x\n"), 0, "",
          "sendmail keeps mail while the system is stopped")
    tap.ok(len(os.listdir(mail.dir + "/spool/maildrop")) == 1, "in maildrop")
    code, out, err = run("sendmail", "me", text="x\n")
    tap.ok(err == "", "without a word: the socket is there", err)
    check(run("postqueue", "-i", "ABCDEF0123"), 69, "mail system is down",
          "postqueue -i says that it is down")


try:
    mail.start()
    test_postlock()
    test_postdrop()
    test_postsuper()
    test_submitters()
    test_queue_ids()
    test_wrong_parameter()
    test_logrotate()
    run("postsuper", "-d", "ALL")
    test_stopped()
finally:
    mail.destroy()
sys.exit(tap.end())
