"""sink - an SMTP server in this process, for mail that goes out

Takes everything, unless a subclass says otherwise: answer() has the reply to
a command, deliver() that to the end of a message.  Each session has a thread.
"""

import re
import socket
import threading

from instance import free_port


class Sink:
    GREETING = "220 sink.example ESMTP"
    REPLIES = {"DATA": "354 go on", "QUIT": "221 2.0.0 bye"}

    def __init__(self, *hosts):
        self.port, self.lock = free_port(), threading.Lock()
        for host in hosts or ("127.0.0.1",):
            listener = socket.create_server((host, self.port), backlog=512)
            threading.Thread(target=self.accept, args=(listener,),
                             daemon=True).start()

    def answer(self, verb, line):
        return self.REPLIES.get(verb, "250 2.0.0 ok")

    def deliver(self, rcpts, content):
        """Of those whose RCPT got a good reply; `content` is bytes."""
        return "250 2.0.0 taken"

    def connected(self):
        pass

    # --- the machinery

    def accept(self, listener):
        while True:
            s, _ = listener.accept()
            self.connected()
            threading.Thread(target=self.session, args=(s,),
                             daemon=True).start()

    def session(self, s):
        try:
            self.serve(s, s.makefile("rb"))
        except OSError:
            pass
        s.close()

    @staticmethod
    def address(line):
        return re.search("<(.*?)>", line)[1]

    @staticmethod
    def content(f):
        """Up to the final dot; None: the client has gone."""
        lines = []
        for line in f:
            if line == b".\r\n":
                return b"".join(lines)
            lines.append(line)
        return None

    def serve(self, s, f):
        def say(text):
            s.sendall(text.encode() + b"\r\n")

        say(self.GREETING)
        rcpts = []
        for line in f:
            line = line.decode(errors="replace")
            verb = line[:4].upper().strip()
            reply = self.answer(verb, line)
            say(reply)
            if verb == "RCPT" and reply.startswith("2"):
                rcpts.append(self.address(line))
            elif reply.startswith("354"):
                content = self.content(f)
                if content is None:
                    return
                say(self.deliver(rcpts, content))
                rcpts = []
            elif verb == "QUIT":
                return
