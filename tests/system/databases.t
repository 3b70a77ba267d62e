#!/usr/bin/env python3
"""databases - tables in SQLite, MySQL, PostgreSQL, Redis, memcached

Real servers, started here; one that can't be had is skipped, and said so.
"""

import base64
import os
import shutil
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import mongod
import private
from instance import BIN, PATIENCE, Instance, Smtp, Tap, free_port
from private import Missing, Place

tap = Tap()
place = Place()
os.mkdir(place.dir + "/etc")
with open(place.dir + "/etc/main.cf", "w") as main_cf:
    main_cf.write("compatibility_level = 3.11\nmyhostname = mx.example\n")

# Keys that would be more than keys, if they were not quoted.
HOSTILE = ["it's", "a' OR '1'='1", "x'; DROP TABLE alias; --", "back\\slash",
           "\\' OR 1=1 -- ", 'double"quote', "per%cent%s", "semi;colon",
           "new\nline", "tab\tstop", "*", "(cn=*)", "star*)(cn=*", "k\u00e4se",
           "\u4f60\u597d@example.com", "get x\r\nset y 0 0 1\r\nz",
           "x" * 3000, "`tick`", "$(id)", "${x}", "a,b", "#", "a=b"]


# Where Debian's Postfix is installed, with support for a type, it is asked the
# same: [question, our answer, its answer] where they differ.
PEER = "/usr/sbin/postmap"
peer_kinds = set()
differences = {}
compared = {}


def find_peer():
    try:
        version = subprocess.run(["/usr/sbin/postconf", "-d", "mail_version"],
                                 stdout=subprocess.PIPE, text=True,
                                 stderr=subprocess.DEVNULL).stdout
        types = subprocess.run(["/usr/sbin/postconf", "-m"], text=True,
                               stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL).stdout.split()
    except OSError:
        return
    if "rohrpost" not in version:
        peer_kinds.update(set(types) & {"sqlite", "mysql", "pgsql", "ldap"})


def is_ours_alone(kind, args, ours):
    """Meant to differ: where a key could leave its quotes, and what releases
    after Debian's have (the encoding of pgsql, URIs and paths as hosts)."""
    name = args[-1].rsplit("-", 1)[-1]
    return "single quotes around" in ours or name == "double.cf" or \
        kind == "pgsql" and (name in ("e.cf", "unix.cf", "uri.cf") or
                             not args[1].isascii())


def ask_peer(args, ours):
    kind = args[-1].split(":")[0]
    if kind not in peer_kinds or args[0] != "-q" or \
            is_ours_alone(kind, args, ours):
        return
    try:
        done = subprocess.run([PEER, "-c", place.dir + "/etc"] + list(args),
                              text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=60 * PATIENCE)
    except (OSError, UnicodeDecodeError, subprocess.TimeoutExpired):
        return
    theirs = "fatal: " if "fatal:" in done.stderr else \
        done.stdout.rstrip("\n")
    compared[kind] = compared.get(kind, 0) + 1
    if theirs != (ours if not ours.startswith("fatal: ") else "fatal: "):
        differences.setdefault(kind, []).append(
            [args, ours, theirs or done.stderr])


def postmap(*args, text=None):
    answer = ask_ours(*args, text=text)
    ask_peer(args, answer)
    return answer


def ask_ours(*args, text=None):
    done = subprocess.run([BIN + "/postmap", "-c", place.dir + "/etc"] +
                          list(args), input=text, text=True,
                          stdin=None if text is not None else
                          subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=60 * PATIENCE)
    if done.returncode not in (0, 1):
        return "status %d: %s" % (done.returncode, done.stderr)
    if "fatal:" in done.stderr:
        return "fatal: " + done.stderr.split("fatal: ", 1)[1].rstrip("\n")
    return done.stdout.rstrip("\n")


def table(kind, name, **settings):
    path = "%s/%s-%s.cf" % (place.dir, kind, name)
    with open(path, "w") as f:
        for key, value in settings.items():
            f.write("%s = %s\n" % (key, value))
    return "%s:%s" % (kind, path)


def is_(name, got, want):
    tap.ok(got == want, name)
    if got != want:
        print("# got:  %r\n# want: %r" % (got, want))


def sql_quote(text, backslashes=False):
    if backslashes:
        text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return "'" + text.replace("'", "''") + "'"


def content(backslashes=False):
    """Two tables' rows as SQL."""
    rows = [("info@example.com", "a@one.example"),
            ("info@example.com", "b@two.example"), ("plain", "root"),
            ("empty", ""), ("null", None)]
    rows += [(k.lower(), "hit %d" % i) for i, k in enumerate(HOSTILE)]
    values = ",\n".join("(%s, %s)" % (sql_quote(k, backslashes), "NULL"
                        if v is None else sql_quote(v)) for k, v in rows)
    return "INSERT INTO alias VALUES %s;\n" % values


def common_sql(kind, **where):
    """What is the same for every SQL server."""
    simple = table(kind, "simple", query="SELECT goto FROM alias WHERE "
                   "address = '%s' ORDER BY goto", **where)
    first = "a@one.example,b@two.example"
    is_(kind + ": rows are joined with commas",
        postmap("-q", "Info@Example.com", simple), first)
    is_(kind + ": a key that is not there", postmap("-q", "nobody", simple),
        "")
    is_(kind + ": empty values and nulls are not found",
        postmap("-q", "empty", simple) + postmap("-q", "null", simple), "")
    is_(kind + ": no key gets out of its quotes",
        [postmap("-q", k, simple) for k in HOSTILE],
        ["hit %d" % i for i in range(len(HOSTILE))])
    is_(kind + ": the table has survived them", postmap("-q", "plain", simple),
        "root")
    is_(kind + ": parts of the address",
        postmap("-q", "u@mail.example.com",
                table(kind, "parts", query="SELECT '%u|%d|%1|%2|%3|%S'",
                      **where)), "u|mail.example.com|com|example|mail|"
        "u@mail.example.com")
    is_(kind + ": no query without the parts that it wants",
        [postmap("-q", k, table(kind, "wants", query="SELECT '%u-%d'",
                                **where)) for k in
         ("plain", "@example.com", "a@", "a@b")], ["", "", "", "a-b"])
    is_(kind + ": result_format",
        postmap("-q", "info@example.com",
                table(kind, "format", query="SELECT goto FROM alias WHERE "
                      "address = '%s' ORDER BY goto",
                      result_format="%u at %d for %U %%", **where)),
        "a at one.example for info %,b at two.example for info %")
    limited = table(kind, "limit", query="SELECT goto FROM alias WHERE "
                    "address = '%s'", expansion_limit="1", **where)
    is_(kind + ": expansion_limit is an error",
        "limit exceeded" in postmap("-q", "info@example.com", limited)
        and postmap("-q", "plain", limited) == "root", True)
    domain = table(kind, "domain", query="SELECT 'yes'",
                   domain="example.com, example.net", **where)
    is_(kind + ": domain", [postmap("-q", k, domain) for k in
                            ("a@example.com", "a@other.example", "a",
                             "@example.com", "example.net", "b@example.net")],
        ["yes", "", "", "", "", "yes"])
    plain = table(kind, "plain", query="SELECT %s", **where)
    is_(kind + ": a place without quotes takes a word only",
        [postmap("-q", "42", plain), "single quotes" in
         postmap("-q", "1 OR 1", plain)], ["42", True])
    is_(kind + ": older settings",
        postmap("-q", "plain", table(kind, "old", select_field="goto",
                                     table="alias", where_field="address",
                                     additional_conditions="AND 1 = 1",
                                     **where)), "root")
    is_(kind + ": a bad statement is an error, not \"not found\"",
        postmap("-q", "x", table(kind, "bad", query="SELEC '%s'", **where))
        .startswith("fatal: "), True)
    is_(kind + ": a bad template",
        "Invalid query template" in
        postmap("-q", "x", table(kind, "bad", query="SELECT '%z'", **where)),
        True)
    return simple


def check_sqlite():
    path = place.dir + "/sqlite.db"

    def fill(text):
        db = sqlite3.connect(path + ".new")
        db.executescript("CREATE TABLE alias (address TEXT, goto TEXT);" +
                         text)
        db.close()
        os.rename(path + ".new", path)

    fill(content())
    simple = common_sql("sqlite", dbpath=path)
    is_("sqlite: names in double quotes can't be left either",
        postmap("-q", 'x" UNION SELECT "y',
                table("sqlite", "double", dbpath=path,
                      query='SELECT goto FROM alias WHERE address = "%s"')),
        "")
    # One process, a new file: it must be seen.
    asker = subprocess.Popen([BIN + "/postmap", "-c", place.dir + "/etc",
                              "-q", "-", simple], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)
    has_answered(asker)
    fill("INSERT INTO alias VALUES ('plain', 'changed');")
    asker.stdin.write("plain\n")
    is_("sqlite: a file that was replaced is opened anew",
        asker.communicate(timeout=60 * PATIENCE)[0], "plain\tchanged\n")
    with open(path, "w") as f:
        f.write("not a database, but long enough to be read as one\n" * 40)
    is_("sqlite: a file that is none", "file is not a database" in
        postmap("-q", "plain", simple), True)
    os.unlink(path)
    is_("sqlite: no file", "unable to open" in
        postmap("-q", "plain", simple), True)


def check_pgsql():
    pg = private.Postgres(place)
    pg.sql("CREATE DATABASE mail", "postgres")
    made = pg.sql("CREATE TABLE alias (address TEXT, goto TEXT);" + content() +
                  "CREATE FUNCTION look(TEXT) RETURNS SETOF TEXT AS "
                  "'SELECT goto FROM alias WHERE address = $1' LANGUAGE sql;")
    if made.returncode != 0:
        raise Missing(made.stdout)
    where = {"hosts": "127.0.0.1:%d" % pg.port, "user": "mail",
             "dbname": "mail"}
    simple = common_sql("pgsql", **where)
    is_("pgsql: strings with backslashes",
        [postmap("-q", k, table("pgsql", "e", query="SELECT goto FROM alias "
                                "WHERE address = E'%s'", **where))
         for k in HOSTILE], ["hit %d" % i for i in range(len(HOSTILE))])
    is_("pgsql: select_function",
        postmap("-q", "plain", table("pgsql", "function",
                                     select_function="look", **where)), "root")
    query = "SELECT goto FROM alias WHERE address = '%s'"
    is_("pgsql: a Unix socket",
        postmap("-q", "plain", table("pgsql", "unix", query=query,
                hosts="unix:%s/.s.PGSQL.%d" % (place.dir, pg.port),
                user="mail", dbname="mail")), "root")
    is_("pgsql: an address as URI",
        postmap("-q", "plain", table("pgsql", "uri", query=query, hosts=
                "postgresql://mail@127.0.0.1:%d/mail?sslmode=disable" %
                pg.port)), "root")
    is_("pgsql: a host that is down is passed over",
        postmap("-q", "plain", table("pgsql", "over", query=query, user="mail",
                dbname="mail", hosts="unix:%s/nowhere 127.0.0.1:%d" %
                (place.dir, pg.port))), "root")
    restarts("pgsql", simple, pg)


def has_answered(asker):
    """It has asked once, so that it has a connection."""
    asker.stdin.write("plain\n")
    asker.stdin.flush()
    asker.stdout.readline()


def restarts(kind, simple, server):
    """A server that goes and comes."""
    asker = subprocess.Popen([BIN + "/postmap", "-c", place.dir + "/etc",
                              "-q", "-", simple], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)
    has_answered(asker)
    place.stop(server.process)
    is_(kind + ": a server that is down is an error",
        postmap("-q", "plain", simple).startswith("fatal: "), True)
    server.start()
    asker.stdin.write("plain\n")
    is_(kind + ": a connection that is lost is made again",
        asker.communicate(timeout=60 * PATIENCE)[0], "plain\troot\n")
    place.stop(server.process)


def check_mysql():
    db = private.MariaDB(place)
    db.bootstrap(
        "create database mail default character set utf8mb4 collate "
        "utf8mb4_bin;\nuse mail;\n"
        "CREATE TABLE alias (address VARCHAR(4000), goto TEXT);\n" +
        content(True).replace("\n", " ") + "\n"
        "FLUSH PRIVILEGES;\n"
        "CREATE USER mail@'127.0.0.1' IDENTIFIED BY 'geheim';\n"
        "GRANT ALL ON mail.* TO mail@'127.0.0.1';\n"
        "CREATE USER mail@localhost IDENTIFIED BY 'geheim';\n"
        "GRANT ALL ON mail.* TO mail@localhost;\n"
        "CREATE DEFINER=mail@localhost PROCEDURE look(IN a VARCHAR(99)) SELECT goto FROM alias "
        "WHERE address = a;\n"
        "CREATE DEFINER=mail@localhost PROCEDURE nothing(IN a VARCHAR(99)) SET @x = a;\n")
    db.start()
    where = {"hosts": "inet:127.0.0.1:%d" % db.port, "user": "mail",
             "password": "geheim", "dbname": "mail"}
    simple = common_sql("mysql", **where)
    is_("mysql: strings in double quotes",
        [postmap("-q", k, table("mysql", "double", query="SELECT goto FROM "
                                'alias WHERE address = "%s"', **where))
         for k in HOSTILE], ["hit %d" % i for i in range(len(HOSTILE))])
    is_("mysql: a stored procedure",
        postmap("-q", "plain", table("mysql", "call", query="CALL look('%s')",
                                     **where)), "root")
    is_("mysql: one without a result set",
        ["no result set" in postmap("-q", "plain", table(
            "mysql", "nothing", query="CALL nothing('%s')", **where)),
         postmap("-q", "plain", table(
             "mysql", "nothing", query="CALL nothing('%s')",
             require_result_set="no", **where))], [True, ""])
    is_("mysql: a Unix socket",
        postmap("-q", "plain", table("mysql", "unix", query="SELECT goto FROM "
                "alias WHERE address = '%s'", **dict(
                    where, hosts="unix:" + db.socket))), "root")
    is_("mysql: a wrong password is an error",
        "Access denied" in postmap("-q", "plain", table(
            "mysql", "denied", query="SELECT 1", **dict(
                where, password="falsch"))), True)
    restarts("mysql", simple, db)


def check_redis():
    port, second = free_port(), free_port()
    server = private.redis(place, port, "--requirepass", "geheim")
    where = {"hosts": "127.0.0.1:%d" % port, "password": "geheim"}
    rw = table("redis", "rw", key_format="alias:%s", **where)
    feed = "".join("%s %s\n" % p for p in (("one", "first"), ("two", "b,c"),
                                           ("u@example.com", "mailbox")))
    is_("redis: entries are added",
        [postmap("-i", rw, text=feed)] +
        [postmap("-q", k, rw) for k in ("one", "TWO", "u@example.com",
                                        "three")],
        ["", "first", "b,c", "mailbox", ""])
    is_("redis: not over what is there",
        [postmap("-i", rw, text="one other\n"), postmap("-q", "one", rw)],
        ["", "first"])
    is_("redis: but with -r", [postmap("-ri", rw, text="one other\n"),
                               postmap("-q", "one", rw)], ["", "other"])
    is_("redis: key_format and result_format",
        postmap("-q", "u@example.com",
                table("redis", "parts", key_format="alias:%u@%2.%1",
                      result_format="%s of %D", **where)),
        "mailbox of example.com")
    hashed = table("redis", "hash", hash_format="h:%d", key_format="%u",
                   **where)
    is_("redis: fields of a hash",
        [postmap("-i", hashed, text="x@a.example ax\nx@b.example bx\n")] +
        [postmap("-q", k, hashed) for k in ("x@a.example", "x@b.example",
                                            "x@c.example", "x")],
        ["", "ax", "bx", "", ""])
    is_("redis: every entry", sorted(postmap("-s", rw).split("\n")),
        ["one\tother", "two\tb,c", "u@example.com\tmailbox"])
    hashed = table("redis", "all", hash_format="h:a.example", **where)
    is_("redis: every field", postmap("-s", hashed), "x\tax")
    is_("redis: an entry is removed",
        [postmap("-d", "two", rw), postmap("-q", "two", rw)], ["", ""])
    short = table("redis", "short", key_format="short:%s", ttl="99s", **where)
    postmap("-i", short, text="now here\n")
    left = redis_say(port, "AUTH geheim", "TTL short:now")
    is_("redis: entries expire", [postmap("-q", "now", short),
                                  0 < int(left[1:]) <= 99], ["here", True])
    # By the protocol any byte may be in a key.
    raw = table("redis", "raw", **where)
    is_("redis: hostile keys are keys", {postmap("-q", k, raw)
                                         for k in HOSTILE}, {""})
    is_("redis: a wrong password is an error",
        "WRONGPASS" in postmap("-q", "x", table("redis", "denied", hosts=where[
            "hosts"], password="falsch")), True)
    postmap("-i", table("redis", "list", **where), text="plain text\n")
    other = private.redis(place, second)
    both = table("redis", "both", hosts="127.0.0.1:%d, 127.0.0.1:%d" %
                 (second, port), key_format="alias:%s", password="geheim")
    # The second takes no password: that is an error there, and the first
    # knows the answer.
    is_("redis: another host is asked when one refuses",
        [postmap("-q", "one", both) for _ in range(4)], ["other"] * 4)
    place.stop(other)
    is_("redis: and when one is down",
        [postmap("-q", "one", both) for _ in range(4)], ["other"] * 4)
    place.stop(server)
    is_("redis: no host left is an error",
        "Connection refused" in postmap("-q", "one", both), True)


def make_certificates():
    """An authority, and a server's certificate for redis.example."""
    openssl = shutil.which("openssl")
    if openssl is None:
        raise Missing("no openssl")
    for argv in (
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
            "-days 2 -subj /CN=authority -keyout ca.key -out ca.pem",
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "
            "/CN=redis.example -addext subjectAltName=DNS:redis.example "
            "-keyout redis.key -out redis.csr",
            "x509 -req -in redis.csr -CA ca.pem -CAkey ca.key -days 2 "
            "-CAcreateserial -copy_extensions copy -out redis.pem"):
        place.call([openssl] + argv.split())


def check_redis_tls():
    make_certificates()
    port = free_port()
    server = private.redis(place, port, "--port", "0", "--tls-port",
                           str(port), "--tls-cert-file", "redis.pem",
                           "--tls-key-file", "redis.key",
                           "--tls-ca-cert-file", "ca.pem",
                           "--tls-auth-clients", "yes",
                           "--requirepass", "geheim")
    where = {"hosts": "127.0.0.1:%d" % port, "password": "geheim",
             "tls_cert_file": place.dir + "/redis.pem",
             "tls_key_file": place.dir + "/redis.key"}
    ca = {"tls_CAfile": place.dir + "/ca.pem"}
    good = table("redis", "tls", tls="yes", tls_name="redis.example",
                 **where, **ca)
    postmap("-i", good, text="one first\n")
    is_("redis: over TLS, both sides with certificates",
        postmap("-q", "one", good), "first")
    is_("redis: TLS to a server of another name is an error",
        "certificate is not that of other.example" in
        postmap("-q", "one", table("redis", "tls-name", tls="yes",
                                   tls_name="other.example", **where, **ca)),
        True)
    is_("redis: nor of somebody whom we don't trust",
        "certificate is not that of redis.example" in
        postmap("-q", "one", table("redis", "tls-ca", tls="yes",
                                   tls_name="redis.example", **where)), True)
    is_("redis: unless told not to look",
        postmap("-q", "one", table("redis", "tls-any", tls="yes",
                                   tls_verify_cert="no", **where)), "first")
    is_("redis: a missing file is an error",
        "tls = yes" in
        postmap("-q", "one", table("redis", "tls-none", tls="yes",
                                   tls_CAfile="/nonexistent.pem", **where)),
        True)
    is_("redis: no TLS where it is wanted is an error",
        postmap("-q", "one", table("redis", "tls-not", **where))
        .startswith("fatal: "), True)
    place.stop(server)


def redis_say(port, *words):
    """What the server answers, as text."""
    import socket
    with socket.create_connection(("127.0.0.1", port), 60) as s:
        for command in words:
            parts = command.split(" ")
            s.sendall(("*%d\r\n" % len(parts) + "".join(
                "$%d\r\n%s\r\n" % (len(p), p) for p in parts)).encode())
            got = s.recv(65536).decode()
            while got.startswith("$") and got.count("\r\n") < 2:
                got += s.recv(65536).decode()
    return got


def check_redis_cluster():
    ports = [free_port() for _ in range(2)]
    servers = []
    for port in ports:
        servers.append(private.redis(
            place, port, "--cluster-enabled", "yes", "--cluster-config-file",
            "nodes-%d.conf" % port, "--cluster-port", str(free_port())))
    ids = [redis_say(p, "CLUSTER MYID").split("\r\n")[1] for p in ports]
    redis_say(ports[0], "CLUSTER ADDSLOTSRANGE 0 8191")
    redis_say(ports[1], "CLUSTER ADDSLOTSRANGE 8192 16383")
    bus = redis_say(ports[1], "CLUSTER NODES").split("@")[1].split(" ")[0]
    redis_say(ports[0], "CLUSTER MEET 127.0.0.1 %d %s" %
              (ports[1], bus.split(",")[0]))
    deadline = time.time() + 30 * PATIENCE
    while time.time() < deadline and not all(
            "cluster_state:ok" in redis_say(p, "CLUSTER INFO")
            for p in ports):
        time.sleep(0.1)
    hosts = "127.0.0.1:%d" % ports[0]
    maps = table("redis", "cluster", hosts=hosts, cluster="yes")
    keys = ["key%d" % i for i in range(40)]
    postmap("-i", maps, text="".join("%s v-%s\n" % (k, k) for k in keys))
    sizes = [redis_say(p, "DBSIZE") for p in ports]
    is_("redis cluster: both nodes have keys",
        ":0\r\n" not in sizes and len(sizes) == 2, True)
    is_("redis cluster: each key is found where it is",
        postmap("-q", "-", maps, text="\n".join(keys) + "\n"),
        "\n".join("%s\tv-%s" % (k, k) for k in keys))
    # The slot of "foo" moves from the second node to the first.
    redis_say(ports[0], "CLUSTER SETSLOT 12182 IMPORTING " + ids[1])
    redis_say(ports[1], "CLUSTER SETSLOT 12182 MIGRATING " + ids[0])
    redis_say(ports[0], "ASKING", "SET foo moving")
    is_("redis cluster: a key that is moving is found",
        postmap("-q", "foo", maps), "moving")
    is_("redis cluster: it is an error without the setting",
        "cluster = yes" in postmap("-q", "bar", table(
            "redis", "no-cluster", hosts="127.0.0.1:%d" % ports[1])), True)
    is_("redis cluster: its keys can't be listed",
        "can't be listed" in postmap("-s", maps), True)
    for server in servers:
        place.stop(server)


def check_mongodb():
    port = free_port()
    rows = [{"_id": b"x" * 12, "name": "plain", "goto": "root"},
            {"_id": b"y" * 12, "name": "info@example.com",
             "goto": ["a@one.example", "b@two.example"], "quota": 5},
            {"_id": b"z" * 12, "name": "deep", "goto": {"a": 1}},
            {"_id": b"w" * 12, "name": "null", "goto": None}]
    rows += [{"name": k.lower(), "goto": "hit %d" % i}
             for i, k in enumerate(HOSTILE)]
    server = mongod.Mongod(port, rows)
    uri = "mongodb://127.0.0.1:%d/?serverSelectionTimeoutMS=%%d" % port
    where = {"uri": uri % 60000, "dbname": "mail", "collection": "alias"}
    hasty = table("mongodb", "hasty", query_filter='{"name": "%s"}',
                  result_attribute="goto", **dict(where, uri=uri % 2000))
    simple = table("mongodb", "simple", query_filter='{"name": "%s"}',
                   result_attribute="goto", **where)
    is_("mongodb: a field", postmap("-q", "Plain", simple), "root")
    is_("mongodb: a list of values", postmap("-q", "info@example.com", simple),
        "a@one.example,b@two.example")
    is_("mongodb: what is not there, or null",
        [postmap("-q", k, simple) for k in ("nobody", "null")], ["", ""])
    is_("mongodb: only the field is asked for",
        server.asked[-1]["projection"], {"_id": 0, "goto": 1})
    is_("mongodb: no key gets out of its quotes",
        [postmap("-q", k, simple) for k in HOSTILE],
        ["hit %d" % i for i in range(len(HOSTILE))])
    is_("mongodb: a filter with alternatives, several fields",
        postmap("-q", "info@example.com", table(
            "mongodb", "or", query_filter='{"$or": [{"name": "%u"}, {"name":'
            ' {"$eq": "%u@%d"}}]}', result_attribute="quota, goto",
            result_format="<%s>", **where)),
        "<5>,<a@one.example>,<b@two.example>")
    is_("mongodb: a projection instead",
        postmap("-q", "plain", table(
            "mongodb", "projection", query_filter='{"name": "%s"}',
            projection='{"_id": 0, "goto": 1}', **where)), "root")
    is_("mongodb: expansion_limit is an error",
        "limit exceeded" in postmap("-q", "info@example.com", table(
            "mongodb", "limit", query_filter='{"name": "%s"}',
            result_attribute="goto", expansion_limit="1", **where)), True)
    is_("mongodb: a document is no value",
        "neither text nor number" in postmap("-q", "deep", simple), True)
    bare = table("mongodb", "bare", query_filter='{"quota": %s}',
                 result_attribute="name", **where)
    is_("mongodb: a place without quotes takes a number only",
        [postmap("-q", "5", bare),
         "double quotes" in postmap("-q", '{"$gt": 0}', bare)],
        ["info@example.com", True])
    is_("mongodb: a bad filter is an error",
        "query_filter: " in postmap("-q", "x", table(
            "mongodb", "bad", query_filter='{"name": "%s"',
            result_attribute="goto", **where)), True)
    server.refuse = "not authorized"
    is_("mongodb: a refusal is an error",
        "not authorized" in postmap("-q", "plain", simple), True)
    server.refuse, server.lies = None, True
    is_("mongodb: a server that talks nonsense is an error",
        postmap("-q", "plain", hasty).startswith("fatal: "), True)
    server.stop()
    is_("mongodb: no server is an error",
        postmap("-q", "plain", hasty).startswith("fatal: "), True)


def check_memcache():
    port = free_port()
    server = private.memcached(place, port)
    where = {"memcache": "inet:127.0.0.1:%d" % port}
    cache = table("memcache", "cache", key_format="k:%s", **where)
    is_("memcache: what was added is found",
        [postmap("-ri", cache, text="one first value\ntwo x\n"),
         postmap("-q", "One", cache), postmap("-q", "none", cache)],
        ["", "first value", ""])
    is_("memcache: what was removed is not",
        [postmap("-d", "one", cache), postmap("-q", "one", cache)], ["", ""])
    is_("memcache: hostile keys are keys", {postmap("-q", k, cache)
                                            for k in HOSTILE}, {""})
    is_("memcache: also a long one",
        [postmap("-ri", cache, text="%s long\n" % ("x" * 400)),
         postmap("-q", "x" * 400, cache)], ["", "long"])
    is_("memcache: a value over the limit is an error",
        [postmap("-ri", cache, text="large %s\n" % ("y" * 500)),
         "data_size_limit" in postmap("-q", "large", table(
             "memcache", "small", key_format="k:%s", data_size_limit="100",
             max_try="1", **where))], ["", True])
    with open(place.dir + "/backup", "w") as f:
        f.write("one kept\n")
    postmap("hash:" + place.dir + "/backup")
    backed = table("memcache", "backed", key_format="b:%s",
                   backup="hash:%s/backup" % place.dir, **where)
    got = postmap("-q", "one", backed)
    postmap("-d", "one", "hash:" + place.dir + "/backup")
    is_("memcache: the backup fills the cache",
        [got, postmap("-q", "one", backed)], ["kept", "kept"])
    postmap("-ri", backed, text="two both\n")
    is_("memcache: writing goes to both",
        [postmap("-q", "two", backed),
         postmap("-q", "two", "hash:%s/backup" % place.dir)],
        ["both", "both"])
    is_("memcache: entries are those of the backup", postmap("-s", backed),
        "two\tboth")
    place.stop(server)
    is_("memcache: without a server the backup answers",
        postmap("-q", "two", backed), "both")
    is_("memcache: without either it is an error",
        postmap("-q", "two", cache).startswith("fatal: "), True)


def check_cdb():
    source = place.dir + "/cdb"
    name = "cdb:" + source
    with open(source, "w") as f:
        f.write("one first\nTwo second value\none again\n")
    is_("cdb: made and asked",
        [postmap(name)] + [postmap("-q", k, name) for k in
                           ("one", "two", "three")],
        ["", "first", "second value", ""])
    is_("cdb: every entry", postmap("-s", name),
        "one\tfirst\ntwo\tsecond value")
    is_("cdb: the last of several", [postmap("-r", name),
                                     postmap("-q", "one", name)],
        ["", "again"])
    is_("cdb: without NUL", [postmap("-n", name), postmap("-q", "one", name)],
        ["", "first"])
    is_("cdb: it can't be changed",
        "made anew" in postmap("-i", name, text="x y\n"), True)
    with open(source + ".cdb", "rb") as f:
        whole = f.read()
    damaged = set()
    for size in range(0, len(whole), 37):
        with open(place.dir + "/half.cdb", "wb") as f:
            f.write(whole[:size])
        damaged.add(postmap("-q", "one", "cdb:%s/half" % place.dir)
                    .split(":")[0])
    is_("cdb: half a file is an error", damaged - {"first"}, {"fatal"})


LDIF = """\
dn: dc=example
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: ou=people,dc=example
objectClass: organizationalUnit
ou: people

dn: uid=ann,ou=people,dc=example
objectClass: inetOrgPerson
uid: ann
cn: Ann
sn: A
mail: ann@one.example
description: ann@alias.example

dn: uid=bob,ou=people,dc=example
objectClass: inetOrgPerson
uid: bob
cn: Bob
sn: B
mail: bob@two.example
description: bob@alias.example

dn: cn=team,dc=example
objectClass: groupOfNames
cn: team
description: team@alias.example
member: uid=ann,ou=people,dc=example
member: cn=inner,dc=example
member: uid=gone,ou=people,dc=example

dn: cn=inner,dc=example
objectClass: groupOfNames
cn: inner
member: uid=bob,ou=people,dc=example

dn: cn=loop,dc=example
objectClass: groupOfNames
cn: loop
description: loop@alias.example
member: cn=loop,dc=example

dn: cn=search,dc=example
objectClass: groupOfURLs
cn: search
description: search@alias.example
memberURL: ldap:///ou=people,dc=example?mail?one?(objectClass=inetOrgPerson)
"""


def check_ldap():
    def entry(i, key):
        value = base64.b64encode(key.encode()).decode()
        return ("\ndn: cn=h%d,dc=example\nobjectClass: person\ncn: h%d\n"
                "sn: hit %d\ndescription:: %s\n" % (i, i, i, value))

    hostile = [k for k in HOSTILE if len(k) < 1000]
    ldap = private.Slapd(place, LDIF + "".join(
        entry(i, k) for i, k in enumerate(hostile)))
    where = {"server_host": "127.0.0.1:%d" % ldap.port, "version": "3",
             "search_base": "dc=example"}
    simple = table("ldap", "simple", query_filter="(description=%s)",
                   result_attribute="mail", **where)
    is_("ldap: an attribute", postmap("-q", "ann@alias.example", simple),
        "ann@one.example")
    is_("ldap: a key that is not there", postmap("-q", "nobody", simple), "")
    keys = table("ldap", "keys", query_filter="(description=%s)",
                 result_attribute="sn", **where)
    is_("ldap: no key gets out of its place in a filter",
        [postmap("-q", k, keys) for k in hostile],
        ["hit %d" % i for i in range(len(hostile))])
    based = table("ldap", "base", query_filter="(objectClass=*)",
                  result_attribute="mail", scope="base", **dict(
                      where, search_base="uid=%u,ou=people,dc=%d"))
    is_("ldap: nor of a name",
        [postmap("-q", k, based) for k in
         ("bob@example", "nobody@example", "bob,ou=people@example",
          "ann,ou=people,dc=example+cn=x@example", "bob")],
        ["bob@two.example", "", "", "", ""])
    group = dict(where, query_filter="(description=%s)",
                 special_result_attribute="member memberURL",
                 result_attribute="")
    is_("ldap: members of groups, those that are gone left out",
        postmap("-q", "team@alias.example", table(
            "ldap", "group", leaf_result_attribute="mail", **group)),
        "ann@one.example,bob@two.example")
    is_("ldap: the entries of a URL",
        postmap("-q", "search@alias.example", table(
            "ldap", "url", leaf_result_attribute="mail", **group)),
        "ann@one.example,bob@two.example")
    is_("ldap: a group within itself is an error",
        "recursion_limit" in postmap("-q", "loop@alias.example", table(
            "ldap", "loop", leaf_result_attribute="mail",
            recursion_limit="50", **group)), True)
    is_("ldap: a terminal attribute hides the others",
        postmap("-q", "team@alias.example", table(
            "ldap", "terminal", leaf_result_attribute="mail",
            terminal_result_attribute="cn", **group)), "team")
    is_("ldap: limits are errors",
        ["Size limit" in postmap("-q", "x", table(
            "ldap", "size", query_filter="(mail=*)", size_limit="1",
            result_attribute="mail", **where)),
         "limit exceeded" in postmap("-q", "x", table(
             "ldap", "expansion", query_filter="(mail=*)", size_limit="0",
             expansion_limit="1", result_attribute="mail", **where))],
        [True, True])
    is_("ldap: with name and password",
        [postmap("-q", "ann@alias.example", table(
            "ldap", "bind", query_filter="(description=%s)",
            result_attribute="mail", bind_dn="cn=admin,dc=example",
            bind_pw=secret, **where))[:20] for secret in ("geheim", "falsch")],
        ["ann@one.example", "fatal: table ldap:/t"])
    is_("ldap: a wrong search_base is an error", "No such object" in
        postmap("-q", "ann@alias.example", table(
            "ldap", "wrong", query_filter="(description=%s)",
            result_attribute="mail", **dict(where, search_base="dc=x"))),
        True)
    is_("ldap: a bad filter is an error", "filter" in
        postmap("-q", "ann@alias.example", table(
            "ldap", "bad", query_filter="((description=%s)",
            result_attribute="mail", **where)), True)
    restarts("ldap", table("ldap", "restarts", query_filter="(cn=team)",
                           result_attribute="cn", result_format="root",
                           **where), ldap)


def check_mail():
    """Services in their jails ask, and mail waits for what is down."""
    port = free_port()
    server = private.redis(place, port)
    redis = table("redis", "mail", hosts="127.0.0.1:%d" % port,
                  retry_interval="0", timeout="20")
    postmap("-ri", redis, text="re@v.example me@localhost\n")
    maps = [redis]
    if has_plugin("sqlite"):
        path = place.dir + "/mail.db"
        db = sqlite3.connect(path)
        db.executescript("CREATE TABLE alias (address, goto); INSERT INTO "
                         "alias VALUES ('lite@v.example', 'me@localhost');")
        db.close()
        maps.insert(0, table("sqlite", "mail", dbpath=path, query="SELECT "
                             "goto FROM alias WHERE address = '%s'"))
    mail = Instance("virtual_alias_domains = v.example\n"
                    "virtual_alias_maps = %s\n" % ", ".join(maps))
    try:
        mail.start()
        client = Smtp(mail.port)
        client.reply()
        client.command("EHLO client.example")
        for name in ("re", "lite")[:len(maps)]:
            client.command("MAIL FROM:<a@example.com>")
            client.command("RCPT TO:<%s@v.example>" % name)
            client.command("DATA")
            client.command("Subject: %s\r\n\r\ntext\r\n." % name)
        is_("mail: aliases from databases are used",
            mail.wait(lambda: mail.log().count("status=sent") == len(maps)),
            True)
        client.command("MAIL FROM:<a@example.com>")
        is_("mail: an unknown user is refused",
            client.command("RCPT TO:<no@v.example>")[:9], "550 5.1.1")
        place.stop(server)
        is_("mail: but not while a server is down",
            client.command("RCPT TO:<down@v.example>")[:9], "451 4.3.0")
        is_("mail: and the log names table, key and reason",
            mail.wait(lambda: redis + ': GET of "down@v.example" failed: '
                      "Connection refused" in mail.log()), True)
    finally:
        mail.destroy()


def has_plugin(name):
    return os.path.exists("%s/../lib/postfix-%s.so" % (BIN, name))


def check_missing():
    """A program that is far from its plug-ins."""
    alone = place.dir + "/alone/far"
    os.makedirs(alone)
    shutil.copy(BIN + "/postmap", alone)
    if os.path.exists("/usr/lib/postfix/postfix-mysql.so"):
        return
    done = subprocess.run([alone + "/postmap", "-c", place.dir + "/etc", "-q",
                           "x", table("mysql", "x", query="SELECT 1")],
                          stderr=subprocess.PIPE, text=True)
    is_("a plug-in that is missing is an error that names it",
        [done.returncode, "/usr/lib/postfix/postfix-mysql.so, which is not "
         "installed" in done.stderr], [1, True])


def check_peer():
    for kind in sorted(compared):
        found = differences.get(kind, [])
        is_("%s: Debian's Postfix answers the same, %d times" %
            (kind, compared[kind]), found, [])


def main():
    find_peer()
    try:
        for check in (check_sqlite, check_redis, check_redis_tls,
                      check_redis_cluster, check_mongodb, check_memcache,
                      check_pgsql, check_mysql, check_ldap, check_cdb,
                      check_mail):
            name = check.__name__.split("_")[1]
            plugin = name in ("sqlite", "mysql", "pgsql", "ldap", "cdb",
                               "mongodb")
            try:
                if plugin and not has_plugin(name):
                    raise Missing("its plug-in is not built")
                check()
            except Missing as why:
                print("# skipped %s: %s" % (name, str(why).replace("\n",
                                                                   " ")))
        check_peer()
        check_missing()
    finally:
        place.destroy()
    sys.exit(tap.end())


main()
