"""milter - a scripted milter in a thread

Rules are [(stage, pattern, action, ...)], the first that fits is used; stages
are connect helo mail rcpt data unknown header eoh body eom.  What a milter was
told is in `seen`, one list a connection.
"""

import re
import socket
import struct
import threading
import time

STAGES = {b"C": "connect", b"H": "helo", b"M": "mail", b"R": "rcpt",
          b"T": "data", b"U": "unknown", b"L": "header", b"N": "eoh",
          b"B": "body", b"E": "eom"}
NO_REPLY = {b"C": 0x1000, b"H": 0x2000, b"M": 0x4000, b"R": 0x8000,
            b"T": 0x10000, b"U": 0x20000, b"L": 0x80, b"N": 0x40000,
            b"B": 0x80000}
VERDICTS = {"continue": b"c", "accept": b"a", "reject": b"r",
            "tempfail": b"t", "discard": b"d", "skip": b"s",
            "shutdown": b"4"}


def strings(*words):
    return b"".join(w if isinstance(w, bytes) else w.encode("latin-1")
                    for word in words for w in (word, b"\0"))


class Milter:
    def __init__(self, *rules, version=6, protocol=0, options=None):
        self.rules, self.version = rules, version
        self.protocol, self.options = protocol, options
        self.seen, self.macros, self.body = [], [], []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                conn = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(conn,),
                             daemon=True).start()

    def close(self):
        # shutdown() wakes the thread that waits in accept().
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def serve(self, conn):
        seen = []
        self.seen.append(seen)
        try:
            self.talk(conn, conn.makefile("rb"), seen)
        except (OSError, struct.error):
            pass
        conn.close()

    def talk(self, conn, stream, seen):
        def send(kind, data=b""):
            conn.sendall(struct.pack("!I", len(data) + 1) + kind + data)

        while True:
            packet = stream.read(struct.unpack("!I", stream.read(4))[0])
            kind, data = packet[:1], packet[1:]
            if kind == b"O":
                if self.options is not None:
                    conn.sendall(self.options)
                    continue
                version, actions, offered = struct.unpack("!III", data[:12])
                send(b"O", struct.pack("!III", min(version, self.version),
                                       actions, offered & self.protocol))
            elif kind == b"D":
                words = data[1:].split(b"\0")[:-1]
                self.macros.append((STAGES.get(data[:1]), dict(
                    zip([w.decode() for w in words[::2]],
                        [w.decode("latin-1") for w in words[1::2]]))))
            elif kind == b"A":
                seen.append("abort")
            elif kind == b"Q":
                seen.append("quit")
                return
            else:
                stage = STAGES[kind]
                text = " ".join(w.decode("latin-1")
                                for w in data.split(b"\0")[:-1])
                if kind == b"B":
                    text = "%d bytes" % len(data)
                    self.body.append(data)
                seen.append((stage, text))
                if not self.protocol & NO_REPLY.get(kind, 0) and \
                        not self.answer(conn, stage, text, send):
                    return

    def answer(self, conn, stage, text, send):
        actions = ("continue",)
        for where, pattern, *wanted in self.rules:
            if where == stage and re.search(pattern, text):
                actions = wanted
                break
        last = b"c"
        for action in actions:
            if callable(action):
                action(self, conn, send)
                continue
            word, *args = action if isinstance(action, tuple) else (action,)
            if word in VERDICTS:
                last = VERDICTS[word]
            elif word == "close":
                return False
            elif word == "sleep":
                time.sleep(args[0])
            elif word == "progress":
                send(b"p")
            elif word == "raw":
                conn.sendall(args[0])
                last = b""
            elif word == "reply":
                send(b"y", strings(args[0]))
                last = b""
            elif word == "replbody":
                for at in range(0, len(args[0]), 65000):
                    send(b"b", args[0][at:at + 65000])
            elif word in ("insheader", "chgheader"):
                send(b"i" if word == "insheader" else b"m",
                     struct.pack("!I", args[0]) + strings(*args[1:]))
            else:
                send({"addheader": b"h", "addrcpt": b"+", "delrcpt": b"-",
                      "addrcptpar": b"2", "chgfrom": b"e",
                      "quarantine": b"q"}[word], strings(*args))
        if last:
            send(last)
        return True
