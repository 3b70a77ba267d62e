"""private - database servers of one test: own directory, own port, nobody's user

A server's program comes from the system, or from Debian packages that deps.sh
fetched and that are unpacked here and installed nowhere.
"""

import glob
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time

from instance import PATIENCE, TOP, free_port

PACKAGES = os.path.join(TOP, "build/peers")  # conf/deps.sh fills it
NOBODY = pwd.getpwnam("nobody")


class Missing(Exception):
    pass


def run_as_nobody():
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY.pw_gid)
        os.setuid(NOBODY.pw_uid)


class Place:
    """A directory for servers, and where their programs are."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="rohrpost-db-")
        if os.getuid() == 0:
            os.chown(self.dir, NOBODY.pw_uid, NOBODY.pw_gid)
        os.chmod(self.dir, 0o755)
        self.unpacked = None
        self.running = []

    def unpack(self, package):
        """The root of what a fetched package and its needs consist of."""
        debs = glob.glob("%s/%s/*.deb" % (PACKAGES, package))
        if not debs:
            raise Missing("no %s (make deps-test)" % package)
        into = "%s/%s" % (self.dir, package)
        for deb in debs:
            subprocess.run(["dpkg-deb", "-x", deb, into], check=True)
        return into

    def find(self, program, package, *dirs):
        """(program, root of its package)"""
        for d in ("/usr/sbin", "/usr/bin") + dirs:
            if os.access("%s/%s" % (d, program), os.X_OK):
                return "%s/%s" % (d, program), ""
        root = self.unpack(package)
        for d in ("/usr/sbin", "/usr/bin"):
            if os.access("%s%s/%s" % (root, d, program), os.X_OK):
                return "%s%s/%s" % (root, d, program), root
        raise Missing("no %s in %s" % (program, package))

    def environment(self, root):
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C",
               "HOME": self.dir}
        if root:
            env["LD_LIBRARY_PATH"] = ":".join(
                root + d for d in ("/usr/lib/x86_64-linux-gnu",
                                   "/usr/lib/aarch64-linux-gnu", "/usr/lib",
                                   "/lib/x86_64-linux-gnu",
                                   "/lib/aarch64-linux-gnu"))
        return env

    def call(self, argv, root="", text=None):
        return subprocess.run(argv, input=text, env=self.environment(root),
                              preexec_fn=run_as_nobody, cwd=self.dir,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=None if text is not None else
                              subprocess.DEVNULL, timeout=120 * PATIENCE,
                              text=True)

    def start(self, argv, root, ready):
        """`ready` is called until it is true."""
        log = open("%s/log-%d" % (self.dir, len(self.running)), "w+")
        process = subprocess.Popen(argv, env=self.environment(root),
                                   preexec_fn=run_as_nobody, cwd=self.dir,
                                   stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=subprocess.STDOUT)
        self.running.append(process)
        end = time.monotonic() + 60 * PATIENCE
        while not ready():
            if process.poll() is not None or time.monotonic() > end:
                log.seek(0)
                raise Missing("%s does not start: %s" %
                              (argv[0], log.read()[-400:]))
            time.sleep(0.05)
        return process

    def stop(self, process):
        process.terminate()
        try:
            process.wait(20 * PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self.running = [p for p in self.running if p is not process]

    def destroy(self):
        for process in list(self.running):
            self.stop(process)
        shutil.rmtree(self.dir, ignore_errors=True)


def answers(port):
    """A predicate: someone listens there."""
    def is_up():
        s = socket.socket()
        s.settimeout(1)
        try:
            s.connect(("127.0.0.1", port))
            return True
        except OSError:
            return False
        finally:
            s.close()
    return is_up


def redis(place, port, *options):
    program, root = place.find("redis-server", "redis-server")
    return place.start([program, "--port", str(port), "--bind", "127.0.0.1",
                        "--dir", place.dir, "--save", ""] + list(options),
                       root, answers(port))


def memcached(place, port):
    program, root = place.find("memcached", "memcached")
    return place.start([program, "-l", "127.0.0.1", "-p", str(port), "-U", "0",
                        "-m", "16", "-u", "nobody"], root, answers(port))


class Postgres:
    def __init__(self, place):
        self.root = ""
        bins = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
        if not bins:
            self.root = place.unpack("postgresql")
            bins = sorted(glob.glob(self.root +
                                    "/usr/lib/postgresql/*/bin/initdb"))
        if not bins:
            raise Missing("no PostgreSQL")
        self.place, self.bin = place, os.path.dirname(bins[-1])
        self.port, self.data = free_port(), place.dir + "/pgsql"
        made = place.call([self.bin + "/initdb", "-D", self.data, "-U", "mail",
                           "-A", "trust", "-N", "-E", "UTF8"], self.root)
        if made.returncode != 0:
            raise Missing("initdb: " + made.stdout[-300:])
        self.start()

    def start(self):
        self.process = self.place.start(
            [self.bin + "/postgres", "-D", self.data, "-p", str(self.port),
             "-k", self.place.dir, "-h", "127.0.0.1", "-F"], self.root,
            lambda: self.sql("SELECT 1", "postgres").returncode == 0)

    def sql(self, text, database="mail"):
        return self.place.call([self.bin + "/psql", "-h", self.place.dir, "-p",
                                str(self.port), "-U", "mail", "-qtA", "-v",
                                "ON_ERROR_STOP=1", database], self.root, text)


class MariaDB:
    def __init__(self, place):
        self.place = place
        program, root = place.find("mariadbd", "mariadb-server-core")
        share = root + "/usr/share"
        self.port, self.socket = free_port(), place.dir + "/mysql.sock"
        data = place.dir + "/mysql"
        os.mkdir(data)
        if os.getuid() == 0:
            os.chown(data, NOBODY.pw_uid, NOBODY.pw_gid)
        common = [program, "--no-defaults", "--datadir=" + data,
                  "--lc-messages-dir=%s/mysql" % share,
                  "--plugin-dir=%s/usr/lib/mysql/plugin" % root,
                  "--character-set-server=utf8mb4",
                  "--innodb-buffer-pool-size=8M", "--innodb-log-file-size=4M"]
        text = "create database if not exists mysql;\nuse mysql;\n"
        own = os.path.exists(share + "/mysql/mariadb_system_tables.sql")
        for name in ("system_tables", "system_tables_data"):
            with open("%s/mysql/%s_%s.sql" %
                      (share, "mariadb" if own else "mysql", name)) as f:
                text += f.read() + "\n"
        made = place.call(common + ["--bootstrap", "--skip-grant-tables"],
                          root, text)
        if made.returncode != 0:
            raise Missing("mariadbd: " + made.stdout[-400:])
        # Who may log in, and all else, is written before it is started.
        self.common, self.root = common, root

    def bootstrap(self, text):
        made = self.place.call(self.common + ["--bootstrap",
                                              "--skip-grant-tables"],
                               self.root, text)
        if made.returncode != 0:
            raise Missing("mariadbd: " + made.stdout[-400:])

    def start(self):
        self.process = self.place.start(
            self.common + ["--socket=" + self.socket, "--port=%d" % self.port,
                           "--bind-address=127.0.0.1", "--skip-name-resolve",
                           "--innodb-flush-log-at-trx-commit=0"], self.root,
            answers(self.port))


class Slapd:
    """An OpenLDAP server with dc=example; `ldif` is its content."""

    def __init__(self, place, ldif):
        self.place = place
        program, root = place.find("slapd", "slapd")
        self.program, self.root = program, root
        self.port, data = free_port(), place.dir + "/ldap"
        os.mkdir(data)
        if os.getuid() == 0:
            os.chown(data, NOBODY.pw_uid, NOBODY.pw_gid)
        self.conf = place.dir + "/slapd.conf"
        with open(self.conf, "w") as f:
            f.write("".join("include %s/etc/ldap/schema/%s.schema\n" %
                            (root, s) for s in ("core", "cosine",
                                                "inetorgperson", "dyngroup")))
            f.write("modulepath %s/usr/lib/ldap\nmoduleload back_mdb\n"
                    "allow bind_v2\n"
                    "database mdb\nmaxsize 4194304\nsuffix dc=example\n"
                    "rootdn cn=admin,dc=example\nrootpw geheim\n"
                    "directory %s\n" % (root, data))
        added = place.call([program, "-T", "add", "-f", self.conf], root, ldif)
        if added.returncode != 0:
            raise Missing("slapadd: " + added.stdout[-400:])
        self.start()

    def start(self):
        self.process = self.place.start(
            [self.program, "-f", self.conf, "-d", "0", "-h",
             "ldap://127.0.0.1:%d" % self.port], self.root,
            answers(self.port))
