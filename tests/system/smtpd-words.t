#!/usr/bin/env python3
"""smtpd-words - a setting with a word that means nothing stops the service"""

import os
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import Instance, Tap, free_port

CASES = [
    ("receive_override_options=no_milters,bogus",
     'unknown receive_override_options value "bogus" in "no_milters,bogus"'),
    ("receive_override_options=No_Milters",
     'unknown receive_override_options value "No_Milters" in "No_Milters"'),
    ("smtpd_proxy_options=bogus",
     'unknown smtpd_proxy_options value "bogus" in "bogus"'),
    ("unverified_sender_tempfail_action=permit",
     "bad configuration: unverified_sender_tempfail_action = permit"),
    ("reject_tempfail_action=no",
     "bad configuration: unknown_helo_hostname_tempfail_action = no"),
]

tap = Tap()
ports = [free_port() for _ in CASES]
mail = Instance(master="".join(
    "127.0.0.1:%d inet n - n - - smtpd -o %s\n" % (port, case[0])
    for port, case in zip(ports, CASES)))
try:
    mail.start()
    for port, (setting, text) in zip(ports, CASES):
        c = socket.create_connection(("127.0.0.1", port))
        tap.ok(mail.wait(lambda: "fatal: " + text in mail.log()), setting,
               mail.log())
        c.close()
finally:
    mail.destroy()
sys.exit(tap.end())
