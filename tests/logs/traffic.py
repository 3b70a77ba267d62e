"""traffic - a little of everything that shows in the mail log

The same for any mail system: play() speaks to an SMTP server with SETTINGS in
its main.cf and to `sendmail`; Sink is the other host that some mail goes to.
"""

import socket
import threading
import time

SETTINGS = """
myhostname = mx.home.example
mydomain = home.example
myorigin = home.example
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
relay_domains = ok.example, bad.example, later.example, out.example
relay_recipient_maps =
local_recipient_maps =
transport_maps = inline:{{ok.example=discard:ok}, {home.example=discard:home},
    {bad.example=error:5.1.1 User unknown},
    {later.example=retry:4.3.0 come back later},
    {out.example=smtp:[127.0.0.1]:%(sink)d}}
smtpd_relay_restrictions = reject_unauth_destination
smtpd_helo_required = yes
smtpd_helo_restrictions = reject_invalid_helo_hostname
smtpd_sender_restrictions = check_sender_access inline:{
    {spam@bad-sender.example=REJECT we know you},
    {slow@bad-sender.example=DEFER not now}}
smtpd_recipient_restrictions = check_recipient_access inline:{
    {hold@ok.example=HOLD look at it}}
smtpd_delay_reject = no
header_checks = regexp:%(dir)s/header_checks
smtp_tls_security_level = none
smtpd_tls_security_level = none
smtp_host_lookup = native
disable_dns_lookups = yes
smtpd_peername_lookup = yes
notify_classes =
enable_long_queue_ids = no
"""

HEADER_CHECKS = "/^Subject: .*casino/ REJECT no games\n" \
                "/^Subject: .*odd/ WARN\n"


class Sink:
    """Says yes, try later or no to a recipient, by its name."""

    def __init__(self, port):
        self.s = socket.socket()
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.s.bind(("127.0.0.1", port))
        self.s.listen(20)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                c, _ = self.s.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(c,),
                             daemon=True).start()

    def serve(self, c):
        c.sendall(b"220 sink.example ESMTP\r\n")
        data = False
        for line in c.makefile("rb"):
            word = line[:4].upper()
            if data:
                if line == b".\r\n":
                    data = False
                    c.sendall(b"250 2.0.0 Ok: queued as 4F1B2C3D5E\r\n")
            elif word == b"EHLO":
                c.sendall(b"250-sink.example\r\n250 8BITMIME\r\n")
            elif word == b"RCPT" and b"later" in line:
                c.sendall(b"450 4.2.1 <later@out.example>: mailbox busy\r\n")
            elif word == b"RCPT" and b"never" in line:
                c.sendall(b"550 5.1.1 <never@out.example>: User unknown\r\n")
            elif word == b"DATA":
                data = True
                c.sendall(b"354 go on\r\n")
            elif word == b"QUIT":
                c.sendall(b"221 2.0.0 Bye\r\n")
                c.close()
                return
            else:
                c.sendall(b"250 2.0.0 Ok\r\n")


class Client:
    def __init__(self, port):
        self.s = socket.create_connection(("127.0.0.1", port), 20)
        self.f = self.s.makefile("rb")
        self.reply()

    def reply(self):
        while True:
            line = self.f.readline().decode()
            if line[3:4] != "-":
                return line

    def say(self, *lines):
        """A message whose recipients were all refused is taken for commands,
        and we for what speaks no SMTP: the end may come at any time."""
        try:
            for line in lines:
                self.s.sendall(line.encode() + b"\r\n")
                self.reply()
        except ConnectionError:
            pass

    def close(self):
        self.s.close()
        time.sleep(0.2)


def send(port, sender, *rcpts, subject="hello"):
    c = Client(port)
    c.say("EHLO client.example", "MAIL FROM:<%s>" % sender,
          *["RCPT TO:<%s>" % r for r in rcpts])
    c.say("DATA", "From: <%s>\r\nTo: <%s>\r\nSubject: %s\r\n"
          "Date: Sun, 22 Nov 2026 01:00:00 +0000\r\n"
          "Message-ID: <%s-%s>\r\n\r\ntext\r\n." %
          (sender, rcpts[0], subject, subject.replace(" ", "-"), rcpts[0]))
    c.say("QUIT")
    c.close()
    time.sleep(0.3)


def play(port, sendmail):
    """`sendmail`: a function that takes arguments and input."""
    send(port, "a@ok.example", "one@ok.example")
    send(port, "a@ok.example", "one@ok.example", "two@ok.example",
         "yes@out.example", subject="three")
    send(port, "a@ok.example", "x@bad.example")
    send(port, "a@ok.example", "x@later.example")
    send(port, "b@ok.example", "later@out.example")
    send(port, "b@ok.example", "never@out.example")
    send(port, "", "yes@out.example", subject="null sender")
    send(port, "a@ok.example", "hold@ok.example", subject="held")
    send(port, "a@ok.example", "one@ok.example", subject="an odd one")
    send(port, "a@ok.example", "one@ok.example", subject="casino")
    for lines in (["EHLO client.example", "MAIL FROM:<a@ok.example>",
                   "RCPT TO:<x@far.example>", "QUIT"],
                  ["HELO -bad-", "QUIT"],
                  ["EHLO client.example",
                   "MAIL FROM:<spam@bad-sender.example>",
                   "MAIL FROM:<slow@bad-sender.example>", "QUIT"],
                  ["EHLO client.example", "MAIL FROM:<a@ok.example>"],
                  ["MAIL FROM:<a@ok.example>", "NONSENSE", "QUIT"]):
        c = Client(port)
        c.say(*lines)
        c.close()
    sendmail(["-f", "user@ok.example", "one@ok.example"],
             b"Subject: from here\n\ntext\n")
    time.sleep(2)
