"""servers - the mail systems that are measured: ours, and Debian's Postfix

Both are private instances on a port of 127.0.0.1, with their files below one
directory; a mail system that runs on this machine is not touched.
"""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import BUILD, Instance, free_port

# The disk matters: BENCH_DIR says where queue and mailboxes are.
DIR = os.environ.get("BENCH_DIR", "/var/tmp")
TICK = os.sysconf("SC_CLK_TCK")
QUEUES = ("maildrop", "incoming", "active", "deferred")

# Both get the same; what is not here has each one's own default.
SETTINGS = """
compatibility_level = 3.6
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = bench.example
mydestination = bench.example, localhost
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
smtp_host_lookup = native
biff = no
"""


def processes():
    """{pid: (parent, CPU ticks of it and of its children that ended)}"""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % pid) as f:
                fields = f.read().rpartition(")")[2].split()
        except OSError:
            continue
        found[int(pid)] = (int(fields[1]), sum(map(int, fields[11:15])))
    return found


class Server:
    """What both have in common; self.dir has etc/, spool/, maillog."""

    def master_pid(self):
        with open(self.dir + "/spool/pid/master.pid") as f:
            return int(f.read())

    def cpu(self):
        """CPU seconds of master and all that descends from it, ended
        processes included: their parents have waited for them."""
        all_of_them = processes()
        ours = {self.master_pid()}
        grown = True
        while grown:
            more = {pid for pid, (parent, _) in all_of_them.items()
                    if parent in ours and pid not in ours}
            grown = bool(more)
            ours |= more
        return sum(all_of_them[pid][1] for pid in ours
                   if pid in all_of_them) / TICK

    def queued(self):
        n = 0
        for queue in QUEUES:
            for _, _, files in os.walk(self.dir + "/spool/" + queue):
                n += len(files)
        return n

    def wait_empty(self, seconds):
        end = time.monotonic() + seconds
        while self.queued() > 0:
            if time.monotonic() > end:
                raise RuntimeError("%s: %d messages are in the queue after"
                                   " %d s" % (self.name, self.queued(),
                                              seconds))
            time.sleep(0.02)

    def settle(self):
        """Until it has nothing to do any more."""
        for _ in range(25):
            before = self.cpu()
            time.sleep(0.2)
            if self.cpu() == before:
                return

    def configure(self, settings):
        with open(self.dir + "/etc/main.cf", "w") as f:
            f.write(self.main_cf + SETTINGS + settings)


class Ours(Server):
    name = "ours"

    def __init__(self):
        tempfile.tempdir = DIR
        self.instance = Instance()
        self.dir, self.port = self.instance.dir, self.instance.port
        with open(self.dir + "/etc/main.cf") as f:
            self.main_cf = "".join(l for l in f if l.split(" ")[0] + " " not in
                                   SETTINGS)
        self.postmap = BUILD + "/bin/postmap"
        self.start, self.stop = self.instance.start, self.instance.stop
        self.destroy = self.instance.destroy


class Postfix(Server):
    """Needs root: master does."""
    name = "Postfix"
    postmap = "/usr/sbin/postmap"

    @staticmethod
    def why_not():
        if os.getuid() != 0:
            return "only root can start it"
        if not os.path.exists("/usr/share/postfix/master.cf.dist") or \
                not os.path.exists("/usr/lib/postfix/sbin/master"):
            return "it is not installed"
        version = subprocess.run(["/usr/sbin/postconf", "-dh", "mail_version"],
                                 stdout=subprocess.PIPE, text=True).stdout
        if "rohrpost" in version:
            return "this mail system is installed in its place"
        return None

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="rohrpost-bench-", dir=DIR)
        os.chmod(self.dir, 0o755)
        for name in ("etc", "spool", "data", "mail"):
            os.mkdir("%s/%s" % (self.dir, name))
        shutil.chown(self.dir + "/data", "postfix", "postfix")
        os.chmod(self.dir + "/mail", 0o1777)
        self.port = free_port()
        self.main_cf = ("queue_directory = %s/spool\n"
                        "data_directory = %s/data\n"
                        "maillog_file = %s/maillog\n"
                        "maillog_file_prefixes = %s\n"
                        "mail_spool_directory = %s/mail/\n"
                        "alias_maps =\nalias_database =\n" %
                        ((self.dir,) * 5))
        self.write_master_cf()

    def write_master_cf(self):
        """Debian's, without chroot, on our port."""
        lines = []
        with open("/usr/share/postfix/master.cf.dist") as f:
            for line in f:
                column = line.split()
                if len(column) >= 8 and line[0] not in "# \t":
                    column[4] = "n"
                    if column[:2] == ["smtp", "inet"]:
                        column[0] = "127.0.0.1:%d" % self.port
                    line = " ".join(column) + "\n"
                lines.append(line)
        with open(self.dir + "/etc/master.cf", "w") as f:
            f.writelines(lines)
            if not any(line.startswith("postlog ") for line in lines):
                f.write("postlog unix-dgram n - n - 1 postlogd\n")

    def command(self, *argv):
        p = subprocess.run(["/usr/sbin/postfix", "-c", self.dir + "/etc"] +
                           list(argv), stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True)
        return p.returncode, p.stdout

    def start(self):
        status, output = self.command("start")
        if status != 0:
            raise RuntimeError("postfix start: " + output)

    def stop(self):
        self.command("stop")

    def destroy(self):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)
