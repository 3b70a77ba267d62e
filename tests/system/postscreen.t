#!/usr/bin/env python3
"""postscreen - tests before and after the greeting, TLS, a proxy in front"""

import os
import re
import smtplib
import socket
import ssl
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import Instance, Tap, free_port

tap = Tap()
port, proxied, deep = free_port(), free_port(), free_port()
mail = Instance("""
postscreen_greet_wait = 3s
postscreen_upstream_proxy_timeout = 20s
postscreen_access_list = cidr:{ { 127.0.0.9 permit }, { 127.0.0.8 reject as spam }, { 127.0.0.7 huh }, { 127.0.0.6 reject } }, cidr:{ { 127.0.0.7 reject } }
postscreen_command_count_limit = 12
postscreen_greet_action = enforce
postscreen_denylist_action = drop
postscreen_cache_map = btree:$data_directory/postscreen_cache
postscreen_client_connection_count_limit = 3
""", """
127.0.0.1:%d inet n - n - 1 postscreen
127.0.0.1:%d inet n - n - 1 postscreen
  -o postscreen_upstream_proxy_protocol=haproxy
  -o postscreen_access_list=static:permit -o postscreen_cache_map=
127.0.0.1:%d inet n - n - 1 postscreen
  -o postscreen_cache_map=btree:$data_directory/deep
  -o postscreen_pipelining_enable=yes -o postscreen_pipelining_action=drop
  -o postscreen_bare_newline_enable=yes -o postscreen_bare_newline_action=ignore
  -o postscreen_denylist_action=ignore -o postscreen_greet_wait=1s
  -o postscreen_command_time_limit=3s
smtpd pass - - n - - smtpd
dnsblog unix - - n - 0 dnsblog
""" % (port, proxied, deep))
subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
                "-subj", "/CN=mx.example", "-days", "2", "-keyout",
                mail.dir + "/key.pem", "-out", mail.dir + "/cert.pem"],
               stderr=subprocess.DEVNULL, check=True)
with open(mail.dir + "/etc/main.cf", "a") as f:
    f.write("smtpd_tls_security_level = may\n"
            "smtpd_tls_cert_file = %s/cert.pem\n"
            "smtpd_tls_key_file = %s/key.pem\n"
            "postscreen_reject_footer_maps = regexp:%s/footers\n" %
            ((mail.dir,) * 3))
with open(mail.dir + "/footers", "w") as f:
    f.write("/Protocol error/ \\c; see $$client_address\n"
            "/DATA/ ask $$server_name\\nor others\n")
mail.start()


def connect(source, to=port):
    s = socket.create_connection(("127.0.0.1", to), 60, (source, 0))
    return s, s.makefile("rwb")


def lines(f):
    """One reply."""
    got = []
    while True:
        line = f.readline().decode()
        got.append(line.rstrip())
        if len(line) < 4 or line[3] != "-":
            return got


def say(f, text):
    f.write(text.encode() + b"\r\n")
    f.flush()
    return lines(f)


def logged(pattern):
    return mail.wait(lambda: re.search(pattern, mail.log()))


# --- a good client waits once
begin = time.time()
s, f = connect("127.0.0.2")
got = lines(f)
tap.ok(got[0].startswith("220-") and got[-1].startswith("220 ") and
       time.time() - begin >= 2.9, "a new client waits for its greeting", got)
tap.ok(any("PIPELINING" in w for w in say(f, "EHLO client.example")),
       "and talks to smtpd then")
say(f, "QUIT")
tap.ok(logged(r"PASS NEW \[127\.0\.0\.2\]"), "it is remembered")
tap.ok(logged(r"smtpd\[\d+\]: connect from \S*\[127\.0\.0\.2\]"),
       "smtpd sees the client, not postscreen")
s, f = connect("127.0.0.2")
tap.ok(lines(f)[0].startswith("220 "),
       "the second time it does not wait")
tap.ok(logged(r"PASS OLD \[127\.0\.0\.2\]"), "as the log says")
s.close()

# --- lists
s, f = connect("127.0.0.9")
tap.ok(lines(f)[0].startswith("220 "), "who is on the list comes in")
s.close()
s, f = connect("127.0.0.8")
tap.ok(lines(f)[0].startswith("521 5.3.2"), "or is turned away")
s.close()

s, f = connect("127.0.0.7")
tap.ok(lines(f)[0].startswith("220-"),
       "a word that means nothing ends the list")
s.close()
tap.ok(logged("unknown command: huh -- ignoring the remainder"),
       "with a warning")

# --- one that can't wait
s, f = connect("127.0.0.3")
f.write(b"EHLO early.example\r\n")
f.flush()
got = lines(f)
while not got[-1].startswith("250 "):
    got += lines(f)
tap.ok(any("STARTTLS" in g for g in got), "TLS is offered to those under test",
       got)
say(f, "MAIL FROM:<a@far.example>")
tap.ok(say(f, "RCPT TO:<root@localhost>") ==
       ["550 5.5.1 Protocol error; see 127.0.0.3"],
       "who speaks early is refused, with a footer")
say(f, "RSET")
tap.ok(say(f, "MAIL")[0] == "501 5.5.4 Syntax: MAIL FROM:<address>",
       "an address is wanted")
tap.ok(say(f, "MAIL FROM:<half")[0].startswith("250 "),
       "whatever it looks like")
for _ in range(6):
    say(f, "NOOP")
tap.ok(say(f, "QUIT")[0].startswith("221 "),
       "QUIT is never a command too many")
s.close()
tap.ok(logged(r"PREGREET 20 after [\d.]+ from \[127\.0\.0\.3\]:\d+: EHLO "
              r"early\.example\\r\\n"), "and logged")

s, f = connect("127.0.0.3")
f.write(b"NOOP\r\n")
f.flush()
lines(f)
say(f, "EHLO x.example")
tap.ok(say(f, "STARTTLS")[0].startswith("220 "), "STARTTLS begins")
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
t = context.wrap_socket(s)
f = t.makefile("rwb")
got = say(f, "EHLO x.example")
tap.ok(got[0].startswith("250-") and not any("STARTTLS" in g for g in got),
       "the conversation goes on encrypted", got)
got = say(f, "DATA now")
tap.ok(got[0] == "501-5.5.4 Syntax: DATA" and len(got) == 3 and
       got[2] == "501 5.5.4 or others", "DATA stands alone", got)
t.close()

# --- after the greeting
s, f = connect("127.0.0.11", deep)
lines(f)
say(f, "EHLO x.example")
say(f, "QUIT")
s, f = connect("127.0.0.11", deep)
tap.ok(len(lines(f)) == 1, "what was passed need not be done again")
f.write(b"NOOP\r\nNOOP\r\n")
f.flush()
got = lines(f)
tap.ok(got == ["521 5.5.1 Protocol error; see 127.0.0.11"],
       "who does not wait for a reply is dropped without it", got)
s, f = connect("127.0.0.12", deep)
lines(f)
f.write(b"NOOP\n")
f.flush()
lines(f)
say(f, "MAIL FROM:<a@far.example>")
tap.ok(say(f, "RCPT TO:<root@localhost>")[0].startswith("450 "),
       "a fault that is ignored does not count")
got = lines(f)
tap.ok(re.match(r"421 4\.4\.2 \S+ Error: timeout exceeded$", got[0]),
       "a client that says nothing more is told so", got)
tap.ok(logged(r"PASS NEW \[127\.0\.0\.12\]"), "and has passed")
s, f = connect("127.0.0.8", deep)
lines(f)
say(f, "MAIL FROM:<a@far.example>")
tap.ok(say(f, "RCPT TO:<root@localhost>")[0].startswith("450 "),
       "nor does a denial that is ignored")
s.close()
tap.ok(logged(r"PASS NEW \[127\.0\.0\.8\]"), "the client passes, too")

# --- how many
conns = [connect("127.0.0.5") for _ in range(4)]
tap.ok(any(c[1].readline().startswith(b"421 ") for c in conns),
       "a client may have so many connections")
for s, _ in conns:
    s.close()
tap.ok(logged(r"reject: CONNECT from \[127\.0\.0\.5\]:\d+: too many conn"),
       "the log says who had more")
mail.wait(lambda: len(re.findall(r"(HANGUP|PASS).*\[127\.0\.0\.5\]",
                                 mail.log())) == 3)
s, f = connect("127.0.0.5")
got = lines(f)
tap.ok(got[0].startswith("220"), "and has room again later",
       mail.log()[-1500:])
s.close()

# --- behind a proxy
s, f = connect("127.0.0.2", proxied)
f.write(b"PROXY TCP4 192.0.2.77 192.0.2.1 7777 25\r\n")
f.flush()
tap.ok(lines(f)[0].startswith("220 "), "a proxy's header is understood")
tap.ok(logged(r"CONNECT from \[192\.0\.2\.77\]:7777 to \[192\.0\.2\.1\]:25"),
       "the client is the one it names")
tap.ok(logged(r"smtpd\[\d+\]: connect from \S*\[192\.0\.2\.77\]"),
       "smtpd hears of it")
s.close()

s, f = connect("127.0.0.2", proxied)
f.write(b"EHLO early.example\r\n")
f.flush()
tap.ok(lines(f) == ["421 4.3.2 No system resources"],
       "a proxy must say who it speaks for")
tap.ok(logged(r"haproxy read: missing protocol header: EHLO early\.example"),
       "the log has what it said instead", mail.log()[-1500:])
s.close()

# --- mail goes through
with smtplib.SMTP("127.0.0.1", port, source_address=("127.0.0.2", 0)) as c:
    c.sendmail("root@localhost", ["root@localhost"], "Subject: x\r\n\r\ny\r\n")
tap.ok(logged(r"status=sent \(delivered"), "mail arrives")
tap.ok(not re.search(r"killed by signal|panic|exit status", mail.whole_log()),
       "nobody died")
mail.stop()
mail.destroy()
sys.exit(tap.end())
