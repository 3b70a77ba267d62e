#!/usr/bin/env python3
"""tables - types without a database: asked by postmap as an administrator does

Those with servers from Debian's packages are in databases.t.
"""

import os
import socketserver
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import BIN, Tap, free_port

tap = Tap()
place = tempfile.mkdtemp(prefix="tables.t.")
etc = place + "/etc"
os.mkdir(etc)
open(etc + "/main.cf", "w").close()


def postmap(*args, text=None):
    p = subprocess.run([BIN + "/postmap", "-c", etc] + list(args), input=text,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       text=True, timeout=60)
    return p.returncode, p.stdout.strip(), p.stderr


# --- lmdb
source = place + "/list"
with open(source, "w") as f:
    f.write("alice one\nBob two words\n")
made = postmap("lmdb:" + source)
if "unsupported dictionary type" in made[2]:
    tap.ok(True, "lmdb # SKIP it is not there")
else:
    tap.ok(made[0] == 0 and postmap("-q", "BOB", "lmdb:" + source)[1] ==
           "two words" and postmap("-q", "no", "lmdb:" + source)[0] == 1,
           "lmdb: what was built is found", made)

# --- other types behind the names of Berkeley DB's
if os.path.exists(source + ".lmdb"):
    os.unlink(source + ".lmdb")
    with open(etc + "/main.cf", "w") as f:
        f.write("default_database_type = lmdb\n"
                "non_bdb_migration_level = enable-redirect\n")
    made = postmap("hash:" + source)
    tap.ok(made[0] == 0 and os.path.exists(source + ".lmdb") and
           not os.path.exists(source + ".db") and
           "redirecting hash:%s to lmdb:%s" % (source, source) in made[2] and
           postmap("-q", "bob", "hash:" + source)[1] == "two words",
           "enable-redirect: hash means default_database_type", made)
    made = postmap("btree:" + source)
    tap.ok(made[0] == 0 and os.path.exists(source + ".db"),
           "enable-redirect: btree is default_cache_db_type, and may be btree",
           made)
    os.unlink(source + ".db")
    with open(etc + "/main.cf", "a") as f:
        f.write("non_bdb_migration_log_redirect = no\n")
    made = postmap("-q", "bob", "hash:" + source)
    tap.ok(made == (0, "two words", ""), "no line is logged if not wanted",
           made)
    open(etc + "/main.cf", "w").close()

# --- of several values, or through several tables
got = {postmap("-q", "any", "randmap:{a,b,c}")[1] for _ in range(60)}
tap.ok(got == {"a", "b", "c"}, "randmap: each value has its turn", got)
pipe = "pipemap:{inline:{x=y},inline:{y=z}}"
tap.ok(postmap("-q", "x", pipe)[1] == "z" and postmap("-q", "y", pipe)[0] == 1,
       "pipemap: the answer is the next question")
tap.ok(postmap("-q", "x", "unionmap:{inline:{x=a},inline:{x=b}}")[1] == "a,b",
       "unionmap: all that was found")


# --- what has no list of entries, or one that is not its own
tap.ok(postmap("-q", "x", "internal:any")[:2] == (1, "") and
       postmap("-d", "x", "internal:any")[0] == 1 and
       postmap("-s", "internal:any")[1] == "",
       "internal: a process's own memory, empty in another")
made = postmap(text="x y\n", *("-i", "internal:any"))
tap.ok(made[0] == 1 and "map create" in made[2],
       "internal: a command can't fill it", made)
os.environ["TABLES_T"] = "value"
tap.ok(postmap("-fq", "TABLES_T", "environ:")[0] == 1 and
       postmap("-fq", "TABLES_T", "environ:any")[1] == "value",
       "environ: a variable by its name")
root = postmap("-q", "root", "unix:passwd.byname")[1]
tap.ok(root.startswith("root:") and root.split(":")[2] == "0" and
       postmap("-q", "root", "unix:group.byname")[1].startswith("root:"),
       "unix: accounts and groups", root)
made = postmap("-q", "x", "fail:any")
tap.ok(made[0] == 1 and "fatal: table fail:any: query error" in made[2],
       "fail: it always does", made)
tap.ok(postmap("-q", "x", "debug:inline:{x=y}")[1] == "y" and
       postmap("-q", "x", "static:{two words}")[1] == "two words",
       "debug: and static: answer")


# --- tcp: a server of our own, by tcp_table(5)
class Answer(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            key = line.decode().split(" ", 1)[1].strip()
            self.wfile.write({
                "a%20b": b"200 x%20y\n", "later": b"400 not%20now\n",
                "nonsense": b"what\n", "short": b"500\n",
                "strange": b"600 what\n"}.get(key, b"500 no\n"))


socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer.daemon_threads = True
port = free_port()
server = socketserver.ThreadingTCPServer(("127.0.0.1", port), Answer)
threading.Thread(target=server.serve_forever, daemon=True).start()
tcp = "tcp:127.0.0.1:%d" % port
tap.ok(postmap("-q", "a b", tcp)[1] == "x y", "tcp: keys and values are quoted")
tap.ok(postmap("-q", "other", tcp)[:2] == (1, ""), "tcp: not there")
reply = "postmap: warning: read TCP map reply from 127.0.0.1:%d: " % port
for key, says in (("later", ""), ("nonsense", "malformed reply: what"),
                  ("short", "malformed reply: 500"),
                  ("strange", "bad status code: 600 what")):
    got = postmap("-q", key, tcp)
    tap.ok(got[0] == 1 and got[2] == (reply + says + "\n" if says else "") +
           "postmap: fatal: table %s: query error: "
           "Operation now in progress\n" % tcp,
           "tcp: \"%s\" is an error, not an absence" % key, got)
server.shutdown()
server.server_close()
got = postmap("-q", "a b", tcp)
tap.ok(got[0] == 1 and "fatal" in got[2] and
       got[2].count("connect to TCP map") == 10,
       "tcp: so is a server that is gone; it is looked for ten times", got)


# --- socketmap: what is wrong with an answer
class Netstring(socketserver.BaseRequestHandler):
    def handle(self):
        while self.request.recv(4096):
            self.request.sendall(self.server.answer)


server = socketserver.ThreadingTCPServer(("127.0.0.1", port), Netstring)
threading.Thread(target=server.serve_forever, daemon=True).start()
socketmap = "socketmap:inet:127.0.0.1:%d:m" % port
with open(etc + "/main.cf", "w") as f:
    f.write("socketmap_max_reply_size = 20\n")
failed = "postmap: fatal: table %s: query error" % socketmap
lookup = "postmap: warning: table %s lookup error: " % socketmap
for answer, value, says in (
        (b"8:OK found,", "found", ""), (b"9:NOTFOUND ,", "", ""),
        (b"20:OK 12345678901234567,", "12345678901234567", ""),
        (b"21:OK 123456789012345678,", "", lookup +
         "input exceeds size limit\n%s: Operation now in progress\n" % failed),
        (b"8:OK foundx", "", lookup +
         "input format error\n%s: Operation now in progress\n" % failed),
        (b"4:TEMP,", "", "postmap: warning: %s socketmap server temporary "
         "error\n%s: Operation now in progress\n" % (socketmap, failed)),
        (b"6:PERM x,", "", "postmap: warning: %s socketmap server permanent "
         "error: x\n%s\n" % (socketmap, failed)),
        (b"5:what ,", "", "postmap: warning: %s socketmap server unknown "
         "error\n%s: Operation now in progress\n" % (socketmap, failed))):
    server.answer = answer
    got = postmap("-q", "x", socketmap)
    tap.ok(got[1:] == (value, says), "socketmap: %r" % answer, got)
server.shutdown()
server.server_close()
open(etc + "/main.cf", "w").close()

for name, says in (
        ("tcp:127.0.0.1", "127.0.0.1: garbage after numerical service"),
        ("socketmap:inet:127.0.0.1:1",
         "127.0.0.1: garbage after numerical service"),
        ("socketmap:unix:/x",
         'need service transport:endpoint instead of "unix"'),
        ("socketmap:x:/y:z", "invalid transport name: x in service: x:/y")):
    got = postmap("-q", "x", name)
    tap.ok(got[:2] == (1, "") and got[2] == "postmap: fatal: %s\n" % says,
           "%s says what is wrong" % name, got)
subprocess.run(["rm", "-rf", place])
sys.exit(tap.end())
