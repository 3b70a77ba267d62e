"""listmail - mail to 1,000 recipients that everything is done with

Each recipient is found in recipient_canonical_maps and in virtual_alias_maps
(two addresses, a tenth of which are the same as others), every tenth has a
copy by recipient_bcc_maps; the header has 200 addresses to be completed and
looked up, and header_checks and body_checks have 40 patterns each.
"""

import os
import socket
import subprocess

MESSAGES = int(os.environ.get("BENCH_LISTS", "20"))
RECIPIENTS = 1000


def table(server, name, lines):
    path = "%s/etc/%s" % (server.dir, name)
    with open(path, "w") as f:
        f.writelines(line + "\n" for line in lines)
    return path


def hashed(server, name, lines):
    path = table(server, name, lines)
    subprocess.run([server.postmap, "-c", server.dir + "/etc",
                    "hash:" + path], check=True, stdin=subprocess.DEVNULL)
    return "hash:" + path


def write_tables(server):
    """The settings that use them."""
    server.configure("")
    canonical = ["u%d@old.example u%d@list.example" % (n, n)
                 for n in range(RECIPIENTS)]
    virtual = ["u%d@list.example p%d@people.example, q%d@people.example" %
               (n, n, n // 10 if n % 10 == 0 else n)
               for n in range(RECIPIENTS)]
    bcc = ["u%d@list.example copy%d@people.example" % (n, n)
           for n in range(0, RECIPIENTS, 10)]
    header = [r"/^Subject:.*pattern number %d (and|or) more/ REJECT no" % n
              for n in range(40)]
    body = [r"/^(begin|end) of pattern number %d$/ REJECT no" % n
            for n in range(40)]
    return ("recipient_canonical_maps = %s\n"
            "canonical_maps = %s\n"
            "virtual_alias_maps = %s\n"
            "recipient_bcc_maps = %s\n"
            "sender_bcc_maps = static:sent@people.example\n"
            "always_bcc = archive@people.example\n"
            "header_checks = regexp:%s\n"
            "body_checks = regexp:%s\n"
            "local_header_rewrite_clients = permit_mynetworks\n"
            "relay_transport = discard:\n"
            "relay_domains = old.example, people.example\n" %
            (hashed(server, "recipient_canonical", canonical),
             hashed(server, "canonical", ["name%d@bench.example first.last%d"
                                          "@bench.example" % (n, n)
                                          for n in range(200)]),
             hashed(server, "virtual", virtual),
             hashed(server, "recipient_bcc", bcc),
             table(server, "header_checks", header),
             table(server, "body_checks", body)))


def message():
    lines = ["From: Somebody <somebody@bench.example>",
             "Subject: the list of this week",
             "MIME-Version: 1.0",
             'Content-Type: multipart/mixed; boundary="=part="',
             "To: " + ",\r\n\t".join("Name %d <name%d>" % (n, n)
                                     for n in range(200)), ""]
    for part in range(4):
        lines += ["--=part=", "Content-Type: text/plain; charset=utf-8",
                  "Content-Transfer-Encoding: 7bit", ""]
        lines += ["Line %d of part %d, as long as lines of mail often are." %
                  (n, part) for n in range(150)]
    return "\r\n".join(lines + ["--=part=--", ".", ""]).encode()


def expect(replies, code, count=1):
    for _ in range(count):
        line = replies.readline()
        while line[3:4] == b"-":
            line = replies.readline()
        if not line.startswith(code):
            raise RuntimeError("reply %r" % line)


def send(port):
    """One connection; the commands of a message in one piece."""
    text = message()
    rcpts = "".join("RCPT TO:<u%d@old.example>\r\n" % n
                    for n in range(RECIPIENTS))
    commands = ("MAIL FROM:<somebody@bench.example>\r\n%sDATA\r\n" %
                rcpts).encode()
    with socket.create_connection(("127.0.0.1", port)) as s:
        replies = s.makefile("rb")
        expect(replies, b"220")
        s.sendall(b"EHLO client.example\r\n")
        expect(replies, b"250")
        for _ in range(MESSAGES):
            s.sendall(commands)
            expect(replies, b"250", 1 + RECIPIENTS)
            expect(replies, b"354")
            s.sendall(text)
            expect(replies, b"250")
        s.sendall(b"QUIT\r\n")
        expect(replies, b"221")
