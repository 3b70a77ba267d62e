#!/usr/bin/env python3
"""hostile - what clients and a damaged system can do, and what must follow"""

import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import PATIENCE, Instance, Smtp, Tap

TIMEOUT = 5 * PATIENCE
tap = Tap()
mail = Instance("smtpd_error_sleep_time = 0s\n"
                "smtpd_timeout = %ds\n"
                "transport_maps = inline:{ { many.example = discard: } }\n"
                "smtpd_recipient_limit = 20000\nheader_size_limit = 20000\n"
                "message_size_limit = 3000000\n" % TIMEOUT)


def session():
    s = Smtp(mail.port)
    s.reply()
    s.command("EHLO client.example")
    return s


def works():
    """A good session is served, whatever happened before."""
    s = session()
    ok = s.command("MAIL FROM:<a@example.com>")[:3] == "250" and \
        s.command("RCPT TO:<me@localhost>")[:3] == "250" and \
        s.command("DATA")[:3] == "354" and \
        s.command("Subject: fine\r\n\r\ntext\r\n.")[:3] == "250"
    s.close()
    return ok


def start_message(s, rcpt="me@localhost"):
    s.command("MAIL FROM:<a@example.com>")
    s.command("RCPT TO:<%s>" % rcpt)
    return s.command("DATA")


def mailbox_text():
    text = []
    for where, _, files in os.walk(mail.dir + "/mail"):
        for f in files:
            text.append(open(os.path.join(where, f), "rb").read())
    return text


def refusal(line):
    return line[:1] in ("4", "5") or line == ""


def over_long_command_line():
    s = session()
    got = s.command("NOOP " + "x" * 1000000)
    s.close()
    tap.ok(got[:3] in ("250", "500") or got == "", "a command of a megabyte "
           "is cut or refused", got)
    s = session()
    got = s.command("MAIL FROM:<" + "a" * 100000 + "@example.com>")
    s.close()
    tap.ok(refusal(got), "an address of 100,000 bytes is refused", got)


def bytes_in_commands():
    s = session()
    got = [s.command("MAIL FROM:<a\0b@example.com>"),
           s.command("RSET"),
           s.command(b"MAIL FROM:<\xff\xfe\xe9@example.com>".decode("latin-1")),
           s.command("NOOP")]
    s.close()
    tap.ok(all(g[:1] in "245" and g for g in got),
           "NULs and 8-bit bytes in commands get replies", got)


def words_of_another_protocol():
    s = Smtp(mail.port)
    s.reply()
    s.send("POST / HTTP/1.1\r\n" + ("Host: %s\r\n" % ("x" * 1000)) * 20)
    try:
        got = [s.reply(), s.reply()]
    except OSError as e:
        got = e
    s.close()
    tap.ok(got == ["221 2.7.0 Error: I can break rules, too. Goodbye.", ""],
           "a client that speaks HTTP is told, and not cut off by a reset", got)


def endless_header():
    s = session()
    start_message(s)
    line = "X-Long: " + "y" * 900 + "\r\n"
    try:
        for _ in range(5000):
            s.send(line)
        got = s.command(".")
    except OSError:
        got = ""
    s.close()
    tap.ok(refusal(got), "a header without end meets the size limit", got)


def long_content_lines():
    s = session()
    start_message(s)
    got = s.command("Subject: long\r\n\r\n" + "z" * 2000000 + "\r\n.")
    s.close()
    tap.ok(got[:3] == "250", "a line of 2,000,000 bytes is accepted", got)


def many_recipients():
    s = session()
    s.command("MAIL FROM:<a@example.com>")
    accepted = 0
    for base in range(0, 10000, 100):
        s.send("".join("RCPT TO:<u%d@many.example>\r\n" % (base + i)
                       for i in range(100)))
        for _ in range(100):
            accepted += s.reply()[:3] == "250"
    s.command("DATA")
    got = s.command("Subject: many\r\n\r\ntext\r\n.")
    s.close()
    tap.ok(accepted == 10000 and got[:3] == "250",
           "10,000 recipients of one message", "%d %s" % (accepted, got))
    tap.ok(mail.wait(lambda: mail.log().count("@many.example>,") == 10000, 60),
           "and they are delivered", mail.log().count("@many.example>,"))


def silence():
    s = session()
    s.send("MAIL FR")
    started = time.monotonic()
    got = s.reply()
    waited = time.monotonic() - started
    s.close()
    tap.ok(got[:3] == "421" or got == "", "half a command and silence end the "
           "session", got)
    tap.ok(TIMEOUT / 2 < waited < 4 * TIMEOUT, "after smtpd_timeout", waited)


def disconnect_everywhere():
    steps = ["EHLO client.example", "MAIL FROM:<a@example.com>",
             "RCPT TO:<me@localhost>", "DATA", "Subject: gone", "", "text"]
    for n in range(len(steps) + 1):
        s = Smtp(mail.port)
        s.reply()
        for line in steps[:n]:
            s.send(line + "\r\n")
            if not line.startswith(("Subject", "text")) and line:
                s.reply()
        s.close()
    ok = works() and mail.wait(lambda: mail.queue_files() == 0, 60)
    tap.ok(not any(b"Subject: gone" in m for m in mailbox_text()),
           "a client that leaves at any step leaves no mail behind")
    tap.ok(ok, "nor a file", mail.run("postqueue", "-p").stdout)


def damaged_queue_file():
    spool = mail.dir + "/spool/"
    mail.stop()
    with open(spool + "incoming/ABCDE12345", "wb") as f:
        f.write(b"this is no message\n" * 20)
    os.chmod(spool + "incoming/ABCDE12345", 0o700)
    if os.getuid() == 0:
        subprocess.run(["chown", "daemon", spool + "incoming/ABCDE12345"])
    mail.start()
    tap.ok(works(), "mail goes on beside a damaged queue file")
    tap.ok(mail.wait(lambda: os.path.exists(spool + "corrupt/ABCDE12345"), 30),
           "which is moved to corrupt/", mail.log()[-1500:])
    tap.ok(mail.logged("ABCDE12345"), "and logged")


def wrong_configuration():
    main = mail.dir + "/etc/main.cf"
    good = open(main).read()

    def check(text, *words):
        mail.write("main.cf", good + text)
        p = mail.run("postconf", "-n")
        q = mail.run("postfix", "check")
        out = (p.stderr + q.stderr).decode()
        mail.write("main.cf", good)
        return all(w in out for w in words), out

    ok, out = check("smtpd_timout = 5s\n", "smtpd_timout", "smtpd_timeout")
    tap.ok(ok, "an unknown parameter is named with its nearest neighbour", out)
    ok, out = check("this line has no equals sign\n", "main.cf")
    tap.ok(ok, "a line without = is named by file and line", out)
    mail.write("main.cf", good + "smtpd_timeout = soon\n")
    p = mail.run("smtpd", "-S", input=b"QUIT\r\n")
    mail.write("main.cf", good)
    tap.ok(p.returncode != 0 and (b"smtpd_timeout" in p.stderr or
                                  mail.logged("smtpd_timeout")),
           "a bad value stops the program and names the parameter",
           p.stderr.decode())


def unreadable_configuration():
    if os.getuid() == 0:
        os.rename(mail.dir + "/etc/main.cf", mail.dir + "/etc/main.hidden")
        p = mail.run("postconf", "-n")
        os.rename(mail.dir + "/etc/main.hidden", mail.dir + "/etc/main.cf")
    else:
        os.chmod(mail.dir + "/etc/main.cf", 0)
        p = mail.run("postconf", "-n")
        os.chmod(mail.dir + "/etc/main.cf", 0o644)
    tap.ok(p.returncode != 0 and b"main.cf" in p.stderr,
           "a main.cf that can't be read is an error that names it",
           p.stderr.decode())


def full_disk():
    """A spool of two megabytes (needs root for the mount)."""
    if os.getuid() != 0:
        return
    spool = mail.dir + "/spool"
    mail.stop()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", spool],
                      stderr=subprocess.DEVNULL).returncode:
        mail.start()
        return
    main = mail.dir + "/etc/main.cf"
    good = open(main).read()
    try:
        mail.start()
        s = session()
        got = s.command("MAIL FROM:<a@example.com>")
        s.close()
        tap.ok(got[:3] == "452", "too little space for a message is 452", got)
        mail.stop()
        open(main, "w").write(good + "message_size_limit = 0\n"
                              "mailbox_size_limit = 0\n")
        mail.start()
        s = session()
        start_message(s)
        got = s.command("Subject: big\r\n\r\n" +
                        ("w" * 70 + "\r\n") * 36000 + ".")
        s.close()
        tap.ok(got[:3] == "452", "a disk that fills up is 452", got)
        tap.ok(works(), "small mail goes on")
        tap.ok(mail.wait(lambda: mail.queue_files() == 0, 60),
               "nothing half-written stays", mail.run("postqueue", "-p").stdout)
        mail.stop()
    finally:
        open(main, "w").write(good)
        subprocess.run(["umount", "-l", spool])
    mail.start()


try:
    mail.start()
    tap.ok(works(), "mail is accepted")
    over_long_command_line()
    bytes_in_commands()
    words_of_another_protocol()
    endless_header()
    long_content_lines()
    many_recipients()
    silence()
    disconnect_everywhere()
    damaged_queue_file()
    wrong_configuration()
    unreadable_configuration()
    full_disk()
    tap.ok(works(), "and mail is still accepted")
    tap.ok("panic" not in mail.log() and "signal 11" not in mail.log(),
           "no program died", mail.log()[-1000:])
finally:
    mail.destroy()
sys.exit(tap.end())
