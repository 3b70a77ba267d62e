#!/usr/bin/env python3
"""qmqpd - mail by QMQP: what is taken, what is refused, and who lies"""

import os
import re
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import BIN, PATIENCE, Instance, Tap, free_port

TIMEOUT = 6 * PATIENCE
LIMIT = 8000000
QMQP_SOURCE = "/usr/sbin/qmqp-source"
tap = Tap()
OPEN, CLOSED, HASTY, SOFT, SLOW = (free_port() for _ in range(5))
mail = Instance(
    "qmqpd_authorized_clients = 127.0.0.1\nqmqpd_error_delay = 0s\n"
    "transport_maps = inline:{ { many.example = discard: } }\n"
    "header_checks = regexp:$config_directory/checks\n"
    "message_size_limit = %d\n" % LIMIT,
    "127.0.0.1:%d inet n - n - - qmqpd\n"
    "127.0.0.1:%d inet n - n - - qmqpd -o qmqpd_authorized_clients=\n"
    "127.0.0.1:%d inet n - n - - qmqpd -o qmqpd_timeout=%ds\n"
    "127.0.0.1:%d inet n - n - - qmqpd -o soft_bounce=yes\n"
    "  -o qmqpd_client_port_logging=yes\n"
    "127.0.0.1:%d inet n - n - - qmqpd -o qmqpd_error_delay=2s\n"
    % (OPEN, CLOSED, HASTY, TIMEOUT, SOFT, SLOW))


def ns(data):
    return b"%d:%s," % (len(data), data)


def packet(content, sender=b"a@example.com", rcpts=(b"me@localhost",)):
    return ns(ns(content) + ns(sender) + b"".join(map(ns, rcpts)))


def talk(data, port=OPEN, more_to_come=False):
    """The answer without its netstring; '' if there was none."""
    with socket.create_connection(("127.0.0.1", port), 60 * PATIENCE) as s:
        got = b""
        try:
            s.sendall(data)
            if not more_to_come:
                s.shutdown(socket.SHUT_WR)
            while chunk := s.recv(4096):
                got += chunk
        except OSError:         # reset, perhaps before shutdown()
            pass
    if not got:
        return ""
    m = re.fullmatch(rb"(\d+):(.*),", got, re.S)
    assert m and int(m[1]) == len(m[2]), got
    return m[2].decode()


def good(answer):
    return re.fullmatch("KOk: queued as [0-9A-Za-z]+", answer)


def queue_id(answer):
    return answer.split()[-1]


def delivered(sign):
    """The message in the mailbox with these bytes, when it has come."""
    found = []

    def look():
        for where, _, files in os.walk(mail.dir + "/mail"):
            if os.path.basename(where) == "tmp":
                continue
            for f in files:
                text = open(os.path.join(where, f), "rb").read()
                if sign in text:
                    found.append(text)
        return found
    mail.wait(look)
    return found[0] if found else b""


# --- what is taken

def a_message_is_delivered():
    a = talk(packet(b"Subject: one\n\nline\n.\n..dots\nno newline"))
    text = delivered(b"Subject: one\n")
    qid = queue_id(a)
    return good(a) and text.endswith(b"\n\nline\n.\n..dots\nno newline\n") \
        and (" with QMQP id %s\n\tfor <me@localhost>; " % qid).encode() in \
        text and b"Return-Path: <a@example.com>" in text and \
        mail.logged("connect from localhost[127.0.0.1]",
                    qid + ": client=localhost[127.0.0.1]",
                    "disconnect from localhost[127.0.0.1]"), a


def the_client_may_be_told_with_its_port():
    a = talk(packet(b"\n"), SOFT)
    return good(a) and mail.wait(lambda: re.search(
        queue_id(a) + r": client=localhost\[127.0.0.1\]:\d+\n",
        mail.log())), a


def crlf_ends_lines_as_well():
    a = talk(packet(b"Subject: two\r\n\r\nline\r\nstray\rone\r\n"))
    return good(a) and b"\n\nline\nstray one\n" in \
        delivered(b"Subject: two\n"), a


def nul_is_content_like_any_other():
    a = talk(packet(b"Subject: three\n\na\0b\n"))
    return good(a) and b"\n\na\0b\n" in delivered(b"Subject: three\n"), a


def what_is_no_header_gets_one_in_front():
    a = talk(packet(b"From me Mon Jan  1\nSubject: four\n\nx\n"))
    return good(a) and b"\nX-Mailbox-Line: From me Mon" in \
        delivered(b"Subject: four\n"), a


def a_recipient_that_is_one_of_many_is_not_named():
    a = talk(packet(b"Subject: five\n\n",
                    rcpts=(b"me@localhost", b"x@many.example")))
    return good(a) and b" with QMQP\n\tid %s; " % queue_id(a).encode() in \
        delivered(b"Subject: five\n"), a


def a_list_manager_asks_for_verp():
    a = talk(packet(b"Subject: six\n\n", b"list-@example.com-@[]"))
    return good(a) and b"Return-Path: <list-me=localhost@example.com>" in \
        delivered(b"Subject: six\n"), a


def addresses_are_completed():
    a = talk(packet(b"\n", b"me", (b"x y@many.example", b"")))
    return good(a) and mail.logged(
        queue_id(a) + ": from=<me@", queue_id(a) +
        ': to=<"x y"@many.example>', queue_id(a) + ": to=<MAILER-DAEMON@"), a


def fifty_thousand_recipients():
    a = talk(packet(b"Subject: many\n\n", rcpts=[
        b"r%d@many.example" % i for i in range(50000)]))
    return good(a) and mail.logged("nrcpt=50000 (queue active)") and \
        mail.wait(lambda: mail.queue_files() == 0, 120), a


def a_large_message():
    body = b"Subject: large\n\n" + b"0123456789012345678\n" * 140000
    a = talk(packet(body))
    return good(a) and delivered(b"Subject: large\n").count(
        b"0123456789012345678\n") == 140000, a


def many_messages(program):
    p = subprocess.run([program, "-4", "-s", "10", "-m", "200", "-r", "3",
                        "-l", "20000", "-f", "a@many.example", "-t",
                        "b@many.example", "127.0.0.1:%d" % OPEN],
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return p.returncode == 0 and mail.logged("nrcpt=3 (queue active)") and \
        mail.wait(lambda: mail.queue_files() == 0, 60), p.stdout


# --- what is refused

def refused(data, answer, port=OPEN, log=None, **kw):
    def run():
        a = talk(data, port, **kw)
        return a == answer and (log is None or mail.logged(log)), a
    return run


def lost(data, part):
    return refused(data, "", log="lost connection while receiving " + part)


def timed_out(data, part):
    return refused(data, "", HASTY, more_to_come=True,
                   log="read/write timeout while receiving " + part)


def bad(data, part, what="netstring format error"):
    text = what + " while receiving " + part
    return refused(data, "D" + text, more_to_come=True, log=text)


TOO_LONG = "netstring length exceeds storage limit"
HEADER, CONTENT = "QMQP packet header", "message content"
SENDER, RCPT = "sender address", "recipient address"
WHOLE = packet(b"x\n")


def a_slow_client_is_slow_alone():
    """It sends a byte now and then; each comes within the time limit."""
    data = packet(b"Subject: slow\n\n")
    with socket.create_connection(("127.0.0.1", HASTY), 60 * PATIENCE) as s:
        for i in range(0, len(data), 7):
            s.sendall(data[i:i + 7])
            if not good(talk(packet(b"\n", rcpts=(b"q@many.example",)),
                             HASTY)):
                return False, "others have to wait"
        got = s.recv(4096).decode()
    return re.match(r"\d+:KOk: queued as", got), got


def idle_clients_do_not_keep_others_out():
    idle = [socket.create_connection(("127.0.0.1", OPEN)) for _ in range(80)]
    for s in idle:
        s.sendall(b"999999:999990:")
    a = talk(packet(b"\n", rcpts=(b"q@many.example",)))
    for s in idle:
        s.close()
    return good(a), a


def who_is_wrong_waits():
    begin = time.monotonic()
    a = talk(b"x", SLOW)
    return a.startswith("Dnetstring") and time.monotonic() - begin >= 2, a


def nothing_is_left_behind():
    return mail.wait(lambda: mail.queue_files() == 0, 30), \
        mail.run("postqueue", "-p").stdout.decode()


def no_program_died():
    log = mail.whole_log()
    return not re.search("panic|fatal|killed by signal|malformed", log), log


TESTS = [
    ("a message is delivered", a_message_is_delivered),
    ("the client may be told with its port",
     the_client_may_be_told_with_its_port),
    ("CRLF ends lines as well, a stray CR becomes a space",
     crlf_ends_lines_as_well),
    ("NUL is content like any other", nul_is_content_like_any_other),
    ("a line that is no header becomes one",
     what_is_no_header_gets_one_in_front),
    ("one recipient of many is not named",
     a_recipient_that_is_one_of_many_is_not_named),
    ("a list manager asks for VERP", a_list_manager_asks_for_verp),
    ("addresses are completed and quoted", addresses_are_completed),
    ("50,000 recipients", fifty_thousand_recipients),
    ("a large message", a_large_message),
    ("who is not authorized hears so at once", refused(
        b"", "DError: localhost[127.0.0.1] is not authorized to use this "
        "service", CLOSED, more_to_come=True)),
    ("no recipients", refused(
        packet(b"x\n", rcpts=()), "DError: no recipients specified",
        log="Error: no recipients specified")),
    ("a header that is not wanted", refused(
        packet(b"X-Bad: 1\n\n"), "DError: 5.7.1 no such thing",
        log="]: Error: 5.7.1 no such thing")),
    ("soft_bounce makes it temporary", refused(
        packet(b"X-Bad: 1\n\n"), "ZError: 5.7.1 no such thing", SOFT)),
    ("delimiters of VERP that are not allowed", refused(
        packet(b"\n", b"list%@example.com-@[]"),
        'DError: Invalid VERP delimiters: "%=". Need two characters from '
        '"-=+"')),
    ("content over the limit is refused by its length", bad(
        b"1:%d:" % (LIMIT + 1), CONTENT, TOO_LONG)),
    ("recipients over the limit", refused(
        packet(b"\n", rcpts=[b"r" * 100 + b"@many.example"] * 80000),
        "DError: message too large")),
    ("a length that is no number of ours", bad(b"9" * 30, HEADER, TOO_LONG)),
    ("zeros without end", bad(b"0" * 100000, HEADER, TOO_LONG)),
    ("an address that is too long", bad(
        b"9:0:,2049:", SENDER, TOO_LONG)),
    ("a recipient that is too long", bad(
        b"9:0:,0:,999999999:", RCPT, TOO_LONG)),
    ("an SMTP client", bad(b"EHLO client.example\r\n", HEADER)),
    ("a TLS client", bad(b"\x16\x03\x01\x02\x00\x01", HEADER)),
    ("no digits", bad(b":", HEADER)),
    ("no comma behind the content", bad(b"9:1:xx", CONTENT)),
    ("no comma behind the sender", bad(b"9:1:x,1:ax", SENDER)),
    ("no comma behind a recipient", bad(b"9:1:x,1:a,1:bx", RCPT)),
    ("no comma at the end", bad(WHOLE[:-1] + b"x", RCPT)),
    ("NUL in an address", bad(packet(b"\n", rcpts=(b"me\0@x",)), RCPT)),
    ("a client that says nothing", timed_out(b"", HEADER)),
    ("a client that stops in the content", timed_out(b"9:9:abc", CONTENT)),
    ("a client that stops before the last comma", timed_out(
        WHOLE[:-1], RCPT)),
    ("a connection cut before the first byte", lost(b"", HEADER)),
    ("a connection cut in the content", lost(WHOLE[:5], CONTENT)),
    ("a connection cut in the sender", lost(b"9:1:x,9:abc", SENDER)),
    ("a connection cut before the last comma", lost(WHOLE[:-1], RCPT)),
    ("a slow client is slow alone", a_slow_client_is_slow_alone),
    ("idle clients do not keep others out",
     idle_clients_do_not_keep_others_out),
    ("who is wrong waits for the answer", who_is_wrong_waits),
    ("nothing is left behind", nothing_is_left_behind),
    ("no program died of it", no_program_died),
]

TESTS.insert(0, ("200 messages from qmqp-source, 10 at a time",
                 lambda: many_messages(BIN + "/qmqp-source")))
if os.path.exists(QMQP_SOURCE):
    TESTS.insert(1, ("and from Postfix's",
                     lambda: many_messages(QMQP_SOURCE)))

try:
    mail.write("checks", "/^X-Bad:/ REJECT no such thing\n")
    mail.start()
    for name, test in TESTS:
        ok, detail = test()
        tap.ok(ok, name, "%s\n%s" % (detail, mail.log()[-1500:]))
finally:
    mail.destroy()
sys.exit(tap.end())
