#!/usr/bin/env python3
"""addresses - probes, waiting mail by site, and explanations"""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import Instance, Smtp, Tap
from sink import Sink


class Server(Sink):
    """Knows who is there; counts RCPT and DATA commands."""

    def __init__(self):
        self.unknown, self.asked, self.data, self.later = {}, [], 0, False
        super().__init__()

    def answer(self, verb, line):
        if verb == "RCPT":
            address = self.address(line)
            self.asked.append(address)
            return self.unknown.get(address, "450 4.2.0 later"
                                    if self.later else "250 2.1.5 ok")
        self.data += verb == "DATA"
        return super().answer(verb, line)


tap = Tap()
far = Server()
mail = Instance("""
relayhost = [127.0.0.1]:%d
relay_transport = smtp:[127.0.0.1]:%d
relay_domains = relay.example, other.example
fast_flush_domains = relay.example
mydestination = home.example
myorigin = home.example
local_recipient_maps = inline:{ { alice = x } }
smtpd_recipient_restrictions = permit_auth_destination,
    reject_unverified_recipient
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
unverified_recipient_reject_code = 550
address_verify_map = btree:$data_directory/verify
address_verify_poll_delay = 1s
address_verify_poll_count = 30
canonical_maps = inline:{ { bob@home.example = alice@home.example } }
virtual_alias_domains = list.example
virtual_alias_maps = inline:{ { team@list.example = bob, x@far.example }
    { nick@far.example = name@far.example } }
transport_maps = inline:{ { closed.example = error:5.7.1 closed }
    { lost.example = nosuch:x } }
""" % (far.port, far.port))


def run(*argv, **kw):
    p = mail.run(*argv, **kw)
    return p.stdout.decode() + p.stderr.decode()


def ask(*recipients):
    s = Smtp(mail.port)
    s.reply()
    s.command("EHLO client.example")
    s.command("MAIL FROM:<sender@far.example>")
    replies = [s.command("RCPT TO:<%s>" % r) for r in recipients]
    s.close()
    return replies


def submit(rcpt):
    s = Smtp(mail.port)
    s.reply()
    s.command("EHLO client.example")
    s.command("MAIL FROM:<sender@far.example>")
    s.command("RCPT TO:<%s>" % rcpt)
    s.command("DATA")
    s.send("Subject: x\r\n\r\nx\r\n")
    id = s.command(".").split()[-1]
    s.close()
    return id


def queued():
    return [json.loads(l)["queue_id"] for l in
            run("postqueue", "-j").splitlines()]


def explain(*argv):
    p = mail.run("postfix", "explain", "--json", *argv)
    return json.loads(p.stdout.decode() or "null")


def probes():
    far.unknown["no@far.example"] = "550 5.1.1 nobody"
    got = ask("no@far.example", "yes@far.example")
    tap.ok(got[0].startswith("550 5.1.1 <no@far.example>: Recipient address "
                             "rejected: undeliverable address: host ") and
           got[1] == "250 2.1.5 Ok", "addresses are probed", got)
    tap.ok(far.data == 0, "a probe has no content")
    asked = len(far.asked)
    tap.ok(ask("yes@far.example", "no@far.example") == got[::-1] and
           len(far.asked) == asked, "and what is known is not asked again")
    mail.reload()
    tap.ok(ask("yes@far.example", "no@far.example") == got[::-1] and
           len(far.asked) == asked, "nor after a reload",
           far.asked[asked:] + [mail.log()])
    far.unknown["later@far.example"] = "450 4.2.0 greylisted"
    got = ask("later@far.example")[0]
    tap.ok(got.startswith("450 4.1.1 <later@far.example>: Recipient address "
                          "rejected: unverified address: "),
           "no answer yet is no refusal for good", got)
    ask("nick@far.example")
    asked = len(far.asked)
    tap.ok(ask("name@far.example") == ["250 2.1.5 Ok"] and
           len(far.asked) == asked and far.asked[-1] == "name@far.example",
           "what an alias stands for is known with it", far.asked)


def nothing_kept():
    """Each question about a bad address is a probe of its own."""
    run("postconf", "-e", "address_verify_negative_cache = no",
        "address_verify_poll_count = 1")
    mail.reload()
    far.unknown["gone@far.example"] = "550 5.1.1 gone"
    for n in (1, 2):
        got = ask("gone@far.example")[0]
        tap.ok(got.endswith("unverified address: Address verification in "
                            "progress") and
               mail.wait(lambda: mail.log().count(
                   "status=undeliverable-but-not-cached") == n),
               "a bad result is not kept (%d)" % n, [got, mail.log()])
    run("postconf", "-X", "address_verify_negative_cache",
        "address_verify_poll_count")
    mail.reload()


def waiting_mail():
    far.later = True
    first, second = submit("a@relay.example"), submit("b@other.example")
    mail.wait(lambda: sorted(queued()) == sorted([first, second]) and
              mail.log().count("status=deferred") >= 2)
    far.later = False
    out = run("postqueue", "-s", "other.example")
    tap.ok("not configured for destination \"other.example\"" in out,
           "a site without a list is refused", out)
    tap.ok(run("postqueue", "-s", "relay.example") == "" and
           mail.wait(lambda: queued() == [second]),
           "postqueue -s sends a site's mail", mail.log())
    s = Smtp(mail.port)
    s.reply()
    s.command("EHLO client.example")
    got = [s.command("ETRN relay.example"), s.command("ETRN other.example"),
           s.command("ETRN"), s.command("ETRN bad!name")]
    tap.ok([g[:3] for g in got] == ["250", "459", "500", "501"],
           "ETRN is answered", got)
    tap.ok(queued() == [second], "the other site's mail waits")
    run("postqueue", "-i", second)
    tap.ok(mail.wait(lambda: queued() == []), "postqueue -i sends it")


def explanations():
    e = explain("--from", "s@far.example", "team@list.example")[0]
    tap.ok(e["reply"] == "250 2.1.5 Ok", "explain asks smtpd", e)
    tap.ok([s["step"] for s in e["steps"]] == ["alias"] and
           e["steps"][0]["to"] == ["bob@home.example", "x@far.example"] and
           e["steps"][0]["because"][0]["key"] == "team@list.example" and
           e["steps"][0]["because"][0]["line"] > 0,
           "an alias is shown with its entry", e["steps"])
    tap.ok([(r["class"], r["transport"]) for r in e["routes"]] ==
           [("local", "local"), ("default", "smtp")] and
           e["routes"][1]["nexthop"] == "[127.0.0.1]:%d" % far.port,
           "and where its addresses go", e["routes"])
    e = explain("bob")[0]
    tap.ok([s["step"] for s in e["steps"]] == ["rewrite", "canonical"] and
           e["routes"][0]["address"] == "alice@home.example",
           "canonical maps", e)
    e = explain("--client", "203.0.113.9", "x@far.example")[0]
    tap.ok("Relay access denied" in e["reply"], "strangers may not relay", e)
    e = explain("x@closed.example", "x@lost.example", "nobody@home.example")
    tap.ok(e[0]["routes"][0]["nexthop"] == "5.7.1 closed" and
           "closed" in e[0]["reply"] and
           "no service" in e[1]["routes"][0]["trouble"] and
           "User unknown" in e[2]["reply"], "what is wrong is said", e)
    before = mail.whole_log()
    text = run("postfix", "explain", "alice")
    tap.ok("class local, transport local" in text and
           "(main.cf, line " in text and "(master.cf, line " in text,
           "for people, with lines of main.cf and master.cf", text)
    after = mail.whole_log()
    tap.ok(after == before, "the mail log does not know of it",
           after[len(before):])
    p = mail.run("postfix", "explain")
    tap.ok(p.returncode == 64 and b"usage" in p.stderr, "no address: usage")
    odd = ["", "@", "<>", '"', 'a"b', "a" * 5000, "x@" + "y." * 200, "\\",
           "-x", "x@[", "\xff@x", "@a:b", "a%b%c", '"a@b"@c@d', "x@\x01y"]
    codes = [mail.run("postfix", "explain", "--json", "--", o).returncode
             for o in odd]
    tap.ok(set(codes) <= {0, 64}, "odd addresses do no harm", codes)


try:
    mail.start()
    probes()
    nothing_kept()
    waiting_mail()
    explanations()
finally:
    mail.destroy()
sys.exit(tap.end())
