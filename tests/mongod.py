"""mongod - as much of a MongoDB server as one search needs

Debian has the client's library but no server.  This one answers hello and
find, with equality, $or and lists in filters, and remembers what was asked.
"""

import socketserver
import struct
import threading


def decode(data, at=0, as_list=False):
    end = at + struct.unpack_from("<i", data, at)[0] - 1
    at += 4
    out = {}
    while at < end:
        kind = data[at]
        stop = data.index(0, at + 1)
        name = data[at + 1:stop].decode()
        at = stop + 1
        if kind == 0x01:
            value, at = struct.unpack_from("<d", data, at)[0], at + 8
        elif kind == 0x02:
            n = struct.unpack_from("<i", data, at)[0]
            value, at = data[at + 4:at + 3 + n].decode(), at + 4 + n
        elif kind in (0x03, 0x04):
            n = struct.unpack_from("<i", data, at)[0]
            value, at = decode(data, at, kind == 0x04), at + n
        elif kind == 0x05:
            n = struct.unpack_from("<i", data, at)[0]
            value, at = data[at + 5:at + 5 + n], at + 5 + n
        elif kind == 0x07:
            value, at = data[at:at + 12], at + 12
        elif kind == 0x08:
            value, at = data[at] != 0, at + 1
        elif kind == 0x0a:
            value = None
        elif kind == 0x10:
            value, at = struct.unpack_from("<i", data, at)[0], at + 4
        elif kind in (0x09, 0x11, 0x12):
            value, at = struct.unpack_from("<q", data, at)[0], at + 8
        else:
            raise ValueError("type %#x" % kind)
        out[name] = value
    return list(out.values()) if as_list else out


def encode(document):
    pairs = document.items() if isinstance(document, dict) else \
        ((str(i), v) for i, v in enumerate(document))
    body = b""
    for name, v in pairs:
        name = name.encode() + b"\0"
        if isinstance(v, bool):
            body += b"\x08" + name + bytes([v])
        elif isinstance(v, int):
            # A cursor's number is a long one.
            body += b"\x12" + name + struct.pack("<q", v) \
                if name == b"id\0" else b"\x10" + name + struct.pack("<i", v)
        elif isinstance(v, float):
            body += b"\x01" + name + struct.pack("<d", v)
        elif isinstance(v, str):
            text = v.encode() + b"\0"
            body += b"\x02" + name + struct.pack("<i", len(text)) + text
        elif isinstance(v, bytes):
            body += b"\x07" + name + v
        elif v is None:
            body += b"\x0a" + name
        else:
            body += (b"\x03" if isinstance(v, dict) else b"\x04") + name + \
                encode(v)
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def fits(document, wanted):
    for name, value in wanted.items():
        if name == "$or":
            if not any(fits(document, w) for w in value):
                return False
            continue
        if isinstance(value, dict) and "$eq" in value:
            value = value["$eq"]
        have = document.get(name)
        if have != value and not (isinstance(have, list) and value in have):
            return False
    return True


class Mongod:
    """documents: of every collection.  `refuse`: the error of a find;
    `lies`: what it says of itself makes no sense."""

    def __init__(self, port, documents):
        self.documents = documents
        self.asked = []
        self.refuse = None
        self.lies = False
        outer = self

        class Session(socketserver.BaseRequestHandler):
            def handle(self):
                try:
                    while outer.answer(self.request):
                        pass
                except (OSError, ValueError, struct.error):
                    pass

        socketserver.ThreadingTCPServer.allow_reuse_address = True
        socketserver.ThreadingTCPServer.daemon_threads = True
        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", port),
                                                      Session)
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def run(self, command):
        name = next(iter(command)).lower()
        if name in ("hello", "ismaster") and self.lies:
            return {"ismaster": "maybe", "minWireVersion": 99, "ok": 1.0}
        if name in ("hello", "ismaster"):
            return {"ismaster": True, "isWritablePrimary": True,
                    "helloOk": True, "maxBsonObjectSize": 16777216,
                    "maxMessageSizeBytes": 48000000, "minWireVersion": 0,
                    "maxWireVersion": 17, "ok": 1.0}
        if name != "find":
            return {"ok": 1.0}
        self.asked.append(command)
        if self.refuse is not None:
            return {"ok": 0.0, "errmsg": self.refuse, "code": 13}
        found = [d for d in self.documents if fits(d, command["filter"])]
        limit = command.get("limit", 0)
        fields = [n for n, on in command.get("projection", {}).items() if on]
        batch = [{n: d[n] for n in d if not fields or n in fields}
                 for d in (found[:limit] if limit else found)]
        return {"cursor": {"firstBatch": batch, "id": 0, "ns": "m.c"},
                "ok": 1.0}

    def answer(self, connection):
        head = self.read(connection, 16)
        size, request, _, code = struct.unpack("<iiii", head)
        body = self.read(connection, size - 16)
        if code == 2004:
            command = decode(body, body.index(0, 4) + 9)
            text = struct.pack("<iqii", 8, 0, 0, 1) + \
                encode(self.run(command))
            code = 1
        else:
            text = struct.pack("<i", 0) + b"\0" + \
                encode(self.run(decode(body, 5)))
        connection.sendall(struct.pack("<iiii", len(text) + 16, 1, request,
                                       code) + text)
        return True

    @staticmethod
    def read(connection, n):
        data = b""
        while len(data) < n:
            more = connection.recv(n - len(data))
            if not more:
                raise OSError("end")
            data += more
        return data
