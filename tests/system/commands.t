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


def odd_files(queue):
    """What is no message; returns a name for each kind."""
    names = {"link": "ABCDEF0004", "fifo": "ABCDEF0005",
             "folder": "ABCDEF0007", "part": "ABCDEF0003"}
    os.symlink("/etc/passwd", queue + "/" + names["link"])
    os.mkfifo(queue + "/" + names["fifo"])
    os.mkdir(queue + "/" + names["folder"])
    for name, mode in ("ABCDEF0003", 0o600), ("not.an.id", 0o700):
        with open(queue + "/" + name, "w") as f:
            f.write("garbage\n")
        os.chmod(queue + "/" + name, mode)
        os.chown(queue + "/" + name, os.stat(queue).st_uid, -1)
    return names


def test_odd_files():
    hold = mail.dir + "/spool/hold"
    names = odd_files(hold)
    for kind in "link", "fifo", "folder":
        check(run("postsuper", "-d", names[kind]), 0,
              "hold/%s: uid %d: not a regular file" %
              (names[kind], os.lstat(hold + "/" + names[kind]).st_uid),
              "a %s is no message to delete" % kind)
    check(run("postsuper", "-r", names["part"]), 0,
          "Requeued: 0 messages", "nor is what is not complete")
    for option in "-r", "-H", "-e":
        before = sorted(os.listdir(hold))
        os.rename(hold + "/ABCDEF0003", mail.dir + "/aside")
        check(run("postsuper", option, "ALL", "hold"), 0, ": 0 messages",
              "postsuper %s ALL does nothing to them" % option)
        os.rename(mail.dir + "/aside", hold + "/ABCDEF0003")
        tap.ok(sorted(os.listdir(hold)) == before, "they stay",
               os.listdir(hold))
    check(run("postsuper"), 0, "bogus file name: hold/not.an.id",
          "without an option it looks at the structure")
    left = os.listdir(hold)
    tap.ok(len(left) == 2 and "not.an.id" in left,
           "what is no file is gone", left)
    for name in left:
        os.unlink(hold + "/" + name)
    check(run("postsuper", "-s"), 0, "", "and all is well")


def test_renamed():
    hold = mail.dir + "/spool/hold"
    wrong = hold + "/ABCDEFABCDEF0"
    with open(wrong, "w") as f:
        f.write("restored\n")
    os.chmod(wrong, 0o700)
    os.chown(wrong, os.stat(hold).st_uid, -1)
    got = run("postsuper", "-s", "hold")
    check(got, 0, "Renamed to match inode number: 1 message\n",
          "a restored file gets a name of its own")
    check(got, 0, "QUEUE FILE NAMES WERE CHANGED TO MATCH INODE NUMBERS",
          "which is told")
    for name in os.listdir(hold):
        os.unlink(hold + "/" + name)


def test_check():
    folder = mail.dir + "/spool"
    copy = folder + "/etc"
    os.mkdir(copy)
    with open(copy + "/hosts", "w") as f:
        f.write("old\n")
    with open(folder + "/corrupt/x", "w") as f:
        f.write("garbage\n")
    os.chmod(mail.dir + "/etc/main.cf", 0o666)
    got = run("postfix", "check")
    for words in ("group or other writable: %s/etc/./main.cf" % mail.dir,
                  "%s/hosts and /etc/hosts differ" % copy,
                  "damaged message: corrupt/x"):
        check(got, 0, "warning: " + words, "check finds " + words[:30])
    os.chmod(mail.dir + "/etc/main.cf", 0o644)
    os.unlink(copy + "/hosts")
    os.rmdir(copy)
    os.unlink(folder + "/corrupt/x")


def test_maillog_file():
    set_parameter("maillog_file_prefixes=/nowhere")
    words = "fatal: maillog_file value '%s/maillog' does not match any " \
        "prefix in maillog_file_prefixes" % mail.dir
    for status, command in ((1, ["postlog", "x"]), (1, ["postfix", "status"]),
                            (75, ["sendmail", "me"]), (75, ["sendmail", "-bp"]),
                            (1, ["postsuper", "-p"]), (69, ["postqueue", "-f"])):
        check(run(*command), status, words,
              command[0] + " writes no log where it may not be")
    set_parameter("maillog_file_prefixes=" + mail.dir)


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
    check(run("postfix", "logrotate", "x"), 1,
          "fatal: usage postfix logrotate (no arguments)", "of one file")
    set_parameter("maillog_file=%s/no/log" % mail.dir)
    check(run("postfix", "logrotate"), 1,
          "rotation failed: mv: cannot stat '%s/no/log': No such" % mail.dir,
          "a file that there must be")
    set_parameter("maillog_file=")
    check(run("postfix", "logrotate"), 1,
          "fatal: empty 'maillog_file' parameter value - logfile rotation",
          "and have a name")
    set_parameter("maillog_file=" + log)


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
    test_odd_files()
    test_renamed()
    test_check()
    test_maillog_file()
    test_logrotate()
    run("postsuper", "-d", "ALL")
    test_stopped()
finally:
    mail.destroy()
sys.exit(tap.end())
