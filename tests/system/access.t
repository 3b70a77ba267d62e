#!/usr/bin/env python3
"""access - policy servers, a proxy in front, a filter behind, greylisting

Postgrey and policyd-rate-limit decide by way of check_policy_service, HAProxy
tells who the client is, nmap looks for an open relay.
"""

import os
import re
import socket
import socketserver
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from guest import Guest, NoGuest
from instance import BIN, Instance, Smtp, Tap, free_port

tap = Tap()
US = "mx.example.com"
BASE = """
myhostname = mx.example.com
mydestination = $myhostname, example.com
local_recipient_maps =
smtpd_authorized_xclient_hosts = 127.0.0.1
smtpd_authorized_xforward_hosts = 127.0.0.1
smtpd_peername_lookup = no
mynetworks = 192.0.2.0/28
"""


def session(port, xclient="", helo="client.example.net"):
    """A client that XCLIENT makes somebody else."""
    s = Smtp(port)
    s.reply()
    if xclient:
        s.command("EHLO proxy.example.com")
        s.command("XCLIENT " + xclient)
    s.command("EHLO " + helo)
    return s


def rcpt(port, xclient, to="me@example.com", sender="you@example.net"):
    s = session(port, xclient)
    s.command("MAIL FROM:<%s>" % sender)
    answer = s.command("RCPT TO:<%s>" % to)
    s.command("QUIT")
    s.close()
    return answer


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


# --- other people's policy servers

def with_policy(name, package, users, start, files, port, test):
    try:
        guest = Guest(package, users, start, files)
        guest.wait_until(lambda: listens(port), 60)
    except NoGuest as e:
        tap.ok(True, "%s # SKIP %s" % (name, e))
        return
    mail = Instance(BASE + "smtpd_recipient_restrictions = "
                    "reject_unauth_destination, "
                    "check_policy_service inet:127.0.0.1:%d\n" % port)
    mail.start()
    try:
        test(mail)
    finally:
        mail.destroy()
        guest.destroy()


def try_postgrey(mail):
    first = rcpt(mail.port, "ADDR=203.0.113.7")
    tap.ok(first.startswith("450 4.2.0") and "reylist" in first,
           "Postgrey puts a stranger off", first)
    time.sleep(3)
    again = rcpt(mail.port, "ADDR=203.0.113.7")
    tap.ok(again.startswith("250"), "and lets him in when he comes again",
           again)
    s = session(mail.port, "ADDR=203.0.113.7")
    s.command("MAIL FROM:<you@example.net>")
    s.command("RCPT TO:<me@example.com>")
    s.command("DATA")
    s.send("Subject: x\r\n\r\nx\r\n")
    answer = s.command(".")
    tap.ok(answer.startswith("250"), "with his mail", answer)
    s.close()


def postgrey():
    port = free_port()
    with_policy("Postgrey", "postgrey", "postgrey",
                "mkdir -p /var/lib/postgrey; "
                "chown postgrey /var/lib/postgrey; "
                "exec postgrey --inet=127.0.0.1:%d --delay=2 "
                "--auto-whitelist-clients=0" % port, {}, port, try_postgrey)


RATE_LIMIT = """
debug: True
user: "root"
group: "root"
pidfile: "/run/policyd.pid"
sqlite_config:
    database: "/guest/db.sqlite3"
backend: 0
SOCKET: ["127.0.0.1", %d]
socket_permission: 0666
limits:
    - [3, 60]
limits_by_id: {}
limit_by_sasl: True
limit_by_sender: False
limit_by_ip: True
limited_networks: ["203.0.113.0/24"]
success_action: "dunno"
fail_action: "defer_if_permit Rate limit reach, retry later"
db_error_action: "dunno"
report: False
report_from: null
report_to: null
report_subject: "x"
report_limits: [86400]
report_only_if_needed: True
smtp_server: ["localhost", 25]
smtp_starttls: False
smtp_credentials: null
delay_to_close: 300
count_mode: 0
"""


def try_rate_limit(mail):
    answers = [rcpt(mail.port, "ADDR=203.0.113.8") for _ in range(4)]
    tap.ok(all(a.startswith("250") for a in answers[:3]) and
           answers[3].startswith("450 4.7.1") and
           "Rate limit" in answers[3],
           "policyd-rate-limit counts mail", answers)


def rate_limit():
    port = free_port()
    with_policy("policyd-rate-limit", "policyd-rate-limit", "",
                "exec policyd-rate-limit --file /guest/conf.yaml",
                {"conf.yaml": RATE_LIMIT % port}, port, try_rate_limit)


# --- a policy server of our own, which is slow

class Policy(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    request_queue_size = 100
    waiting, go_on = 0, threading.Event()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            request = {}
            for line in self.rfile:
                name, _, value = line.decode().rstrip("\n").partition("=")
                if name:
                    request[name] = value
                    continue
                if request["sender"] == "slow@example.net":
                    self.server.waiting += 1
                    self.server.go_on.wait(120)
                self.wfile.write(b"action=DUNNO\n\n")
                request = {}


def slow_policy():
    server = Policy(("127.0.0.1", 0), Policy.Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    mail = Instance(BASE + "process_session_limit = 1000\n"
                    "smtpd_recipient_restrictions = reject_unauth_destination,"
                    " check_policy_service inet:127.0.0.1:%d\n" %
                    server.server_address[1])
    mail.start()
    waiting = [threading.Thread(target=rcpt, args=(
        mail.port, "", "me@example.com", "slow@example.net"))
        for _ in range(20)]
    for t in waiting:
        t.start()
    mail.wait(lambda: server.waiting == 20, 30)
    answer = rcpt(mail.port, "")
    tap.ok(answer.startswith("250") and server.waiting == 20,
           "A slow policy server stalls only who waits for it",
           "%s, %d" % (answer, server.waiting))
    server.go_on.set()
    for t in waiting:
        t.join()
    mail.destroy()
    server.shutdown()


# --- greylisting inside

def greylisting():
    mail = Instance(BASE + "smtpd_greylist_delay = 2s\n"
                    "smtpd_greylist_allow_after = 2\n"
                    "smtpd_recipient_restrictions = permit_mynetworks, "
                    "reject_unauth_destination, reject_greylisted\n")
    mail.start()
    port = mail.port
    first = rcpt(port, "ADDR=203.0.113.9")
    tap.ok(re.match(r"450 4\.7\.1 .*Greylisted, try again in \d seconds",
                    first), "A stranger is put off", first)
    tap.ok(rcpt(port, "ADDR=192.0.2.5").startswith("250"),
           "who is in mynetworks is not")
    tap.ok(rcpt(port, "ADDR=203.0.113.9 LOGIN=joe").startswith("250"),
           "nor who has logged in")
    rcpt(port, "ADDR=203.0.113.9", "b@example.com")
    time.sleep(2.5)
    tap.ok(rcpt(port, "ADDR=203.0.113.99").startswith("250"),
           "He passes later, from his network")
    tap.ok(rcpt(port, "ADDR=203.0.113.99",
                sender="you+5@example.net").startswith("250"),
           "whatever the extension of his address")
    tap.ok(rcpt(port, "ADDR=203.0.113.9", "b@example.com").startswith("250")
           and mail.logged("the client is put off no more"),
           "and is known in the end", mail.log())
    tap.ok(rcpt(port, "ADDR=203.0.113.9", "c@example.com").startswith("250"),
           "so that others hear from him at once")
    mail.destroy()


# --- limits of accounts

def accounts():
    mail = Instance(BASE + "smtpd_account_message_rate_limit = 2\n")
    mail.start()
    answers = []
    for i in range(3):
        s = session(mail.port, "ADDR=203.0.113.%d LOGIN=joe" % (10 + i))
        answers.append(s.command("MAIL FROM:<joe@example.com>"))
        s.close()
    tap.ok([a[:3] for a in answers] == ["250", "250", "450"],
           "An account has a limit, whatever the addresses", answers)

    def postlimit(*args):
        return subprocess.run([BIN + "/postlimit", "-c", mail.dir + "/etc",
                               *args], capture_output=True, text=True).stdout
    tap.ok("account:joe connections=" in postlimit() and
           "message=3/" in postlimit(), "which postlimit shows", postlimit())
    postlimit("-r", "account:joe")
    s = session(mail.port, "ADDR=203.0.113.10 LOGIN=joe")
    answer = s.command("MAIL FROM:<joe@example.com>")
    tap.ok(answer.startswith("250"), "and resets", answer)
    s.close()
    mail.destroy()


# --- a proxy in front

HAPROXY = """
global
    maxconn 100
defaults
    mode tcp
    timeout connect 30s
    timeout client 30s
    timeout server 30s
listen one
    bind 127.0.0.1:%d
    server smtp 127.0.0.1:%d %s source 127.0.0.1
"""


def haproxy(option):
    behind, front = free_port(), free_port()
    mail = Instance(BASE, "127.0.0.1:%d inet n - n - - smtpd\n"
                    "  -o smtpd_upstream_proxy_protocol=haproxy\n" % behind)
    mail.start()
    try:
        guest = Guest("haproxy", "haproxy",
                      "exec haproxy -db -f /guest/haproxy.cfg",
                      {"haproxy.cfg": HAPROXY % (front, behind, option)})
        guest.wait_until(lambda: listens(front), 60)
    except NoGuest as e:
        tap.ok(True, "HAProxy # SKIP %s" % e)
        mail.destroy()
        return
    c = socket.create_connection(("127.0.0.1", front), 30,
                                 ("127.0.0.77", 0))
    f = c.makefile("rb")
    banner = f.readline().decode()
    c.sendall(b"QUIT\r\n")
    f.readline()
    c.close()
    mail.wait(lambda: "disconnect from unknown[127.0.0.77]" in mail.log())
    tap.ok(banner.startswith("220 ") and
           mail.logged("connect from unknown[127.0.0.77]"),
           "HAProxy (%s) tells who the client is" % option,
           banner + mail.log())
    guest.destroy()
    mail.destroy()


# --- open relay

def open_relay():
    mail = Instance(BASE + "mynetworks =\n")
    mail.start()
    try:
        done = subprocess.run(
            ["nmap", "-Pn", "-n", "-p%d" % mail.port, "--script",
             "+smtp-open-relay", "--script-args",
             "smtp-open-relay.domain=elsewhere.example", "127.0.0.1"],
            capture_output=True, text=True, timeout=300)
    except FileNotFoundError:
        tap.ok(True, "nmap # SKIP it is not installed")
        mail.destroy()
        return
    tap.ok("smtp-open-relay" in done.stdout and
           "doesn't seem to be an open relay" in done.stdout,
           "nmap finds no open relay", done.stdout)
    mail.destroy()


# --- a filter before the queue

def prefilter(options):
    inside, outside = free_port(), free_port()
    mail = Instance(
        BASE + "default_transport = discard\nlocal_transport = discard\n",
        "127.0.0.1:%d inet n - n - - smtpd\n"
        "  -o smtpd_authorized_xclient_hosts=127.0.0.1\n"
        "  -o smtpd_proxy_filter=127.0.0.1:%d\n"
        "  -o smtpd_proxy_options=%s\n"
        "127.0.0.1:%d inet n - n - - smtpd\n"
        "  -o smtpd_relay_restrictions=permit_inet_interfaces,reject\n"
        "  -o smtpd_recipient_restrictions=\n" %
        (outside, inside, options, inside))
    mail.start()
    s = session(outside, "ADDR=203.0.113.5")
    s.command("MAIL FROM:<you@example.net>")
    s.command("RCPT TO:<me@example.com>")
    s.command("DATA")
    s.send("Subject: x\r\n\r\n..stuffed\r\n" + "x" * 70000 + "\r\n")
    answer = s.command(".")
    mail.wait(lambda: "proxy-accept" in mail.log())
    tap.ok(answer.startswith("250 2.0.0 Ok: queued as ") and
           mail.logged("orig_client=unknown[203.0.113.5]") and
           mail.logged("proxy-accept: END-OF-MESSAGE: 250 2.0.0 Ok"),
           "Mail goes through a filter before the queue (%s)" %
           (options or "in step"), answer + mail.log())
    s.close()
    mail.destroy()


slow_policy()
greylisting()
accounts()
prefilter("")
prefilter("speed_adjust")
haproxy("send-proxy")
haproxy("send-proxy-v2")
postgrey()
rate_limit()
open_relay()
sys.exit(tap.end())
