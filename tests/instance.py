"""instance - a private mail system for tests that need a program, not a shell"""

import atexit
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(TOP, os.environ.get("BUILD", "build"))


def is_closed(build):
    """For the users that root's tests run programs as: in /root, say."""
    return os.geteuid() == 0 and subprocess.run(
        ["setpriv", "--reuid", "nobody", "--clear-groups", "test", "-x",
         build + "/bin/sendmail"]).returncode != 0


def within_reach(build):
    """A copy of the programs where it must be, or where a test changes them
    (OWN_PROGRAMS): others run those of the build."""
    if not os.environ.get("OWN_PROGRAMS") and not is_closed(build):
        return build
    copy = tempfile.mkdtemp(prefix="rohrpost-build-")
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    os.chmod(copy, 0o755)
    for name in ("bin", "lib"):
        if os.path.isdir(build + "/" + name):
            shutil.copytree(build + "/" + name, copy + "/" + name)
    return copy


BUILD = within_reach(BUILD)
BIN = os.path.join(BUILD, "bin")
# With sanitizers all takes its time; waits are as many times as long.
PATIENCE = 5 if os.environ.get("SAN") == "1" else 1


# A test that takes too long is ended, and cleans up all the same.
signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))

given_ports = {}


def claim(port):
    """No other test of this network gets it while we run: a socket of that
    name, which is in no file system, is ours."""
    s = socket.socket(socket.AF_UNIX)
    try:
        s.bind("\0rohrpost-test-port-%d" % port)
    except OSError:
        return False
    given_ports[port] = s
    return True


def free_port():
    """Below the range from which the kernel takes ports for clients: one of
    those may be gone before our server is up.  Never one twice."""
    while True:
        port = random.randrange(10000, 32000)
        if not claim(port):
            continue
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class Instance:
    """Made from conf/instance.sh; `settings` are added to main.cf."""

    def __init__(self, settings="", master=""):
        self.dir = tempfile.mkdtemp(prefix="rohrpost-test-")
        atexit.register(self.destroy)
        os.chmod(self.dir, 0o755)
        self.port, self.marks = free_port(), 0
        self.shell("instance_make %s %d" % (self.dir, self.port))
        with open(self.dir + "/etc/main.cf", "a") as f:
            f.write(settings)
        with open(self.dir + "/etc/master.cf", "a") as f:
            f.write(master)

    def shell(self, command):
        env = dict(os.environ, BUILD=BUILD)
        p = subprocess.run(["bash", "-c", ". conf/instance.sh; " + command],
                           cwd=TOP, env=env, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True)
        if p.returncode:
            raise RuntimeError("%s: %d\n%s" % (command, p.returncode, p.stdout))
        return p.stdout

    def start(self):
        self.shell("instance_start " + self.dir)

    def stop(self):
        self.shell("instance_stop " + self.dir)

    def reload(self):
        """Returns when new processes take what comes."""
        line = "reload -- version"
        before = self.log().count(line)
        self.run("postfix", "reload")
        return self.wait(lambda: self.log().count(line) > before)

    def write(self, name, text):
        """A file in etc/ that no program finds half written."""
        path = self.dir + "/etc/" + name
        with open(path + ".new", "w") as f:
            f.write(text)
        os.chmod(path + ".new", 0o644)
        os.rename(path + ".new", path)

    def run(self, *argv, **kw):
        """A command of ours; returns the CompletedProcess."""
        env = dict(os.environ, MAIL_CONFIG=self.dir + "/etc")
        return subprocess.run([os.path.join(BIN, argv[0])] + list(argv[1:]),
                              env=env, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, **kw)

    def master_pid(self):
        try:
            return int(open(self.dir + "/spool/pid/master.pid").read())
        except (OSError, ValueError):
            return None

    def processes(self):
        """{pid: program} of this instance: master and what descends from it."""
        found = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                exe = os.readlink("/proc/%s/exe" % pid)
                cwd = os.readlink("/proc/%s/cwd" % pid)
            except OSError:
                continue
            if os.path.dirname(exe) == BIN and cwd.startswith(self.dir):
                found[int(pid)] = os.path.basename(exe)
        return found

    def log(self):
        try:
            return open(self.dir + "/maillog", errors="replace").read()
        except OSError:
            return ""

    def wait(self, condition, seconds=10):
        end = time.monotonic() + seconds * PATIENCE
        while time.monotonic() < end:
            if condition():
                return True
            time.sleep(0.05)
        return bool(condition())

    def logged(self, *texts):
        """All are in the log, or soon: lines come a moment after replies."""
        return self.wait(lambda: all(t in self.log() for t in texts))

    def whole_log(self):
        """For what must not be there: all that was said until now.  Programs
        gather lines for some milliseconds; then ours comes behind theirs."""
        time.sleep(0.05)
        self.marks += 1
        mark = "mark %d of the test" % self.marks
        self.run("postlog", "-t", "test", mark)
        self.logged(mark)
        return "".join(line for line in self.log().splitlines(True)
                       if "of the test" not in line)

    def queue_files(self):
        """In the order in which files go, and twice: one may go back."""
        return self.count_files() or self.count_files()

    def count_files(self):
        n = 0
        for q in ("maildrop", "incoming", "active", "deferred", "hold"):
            for _, _, files in os.walk(os.path.join(self.dir, "spool", q)):
                n += len(files)
        return n

    def destroy(self):
        """At the end of the test if not before."""
        atexit.unregister(self.destroy)
        try:
            self.stop()
        except RuntimeError:
            pass
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        shutil.rmtree(self.dir, ignore_errors=True)


class Smtp:
    """A raw SMTP conversation."""

    def __init__(self, port, timeout=60):
        self.s = socket.create_connection(("127.0.0.1", port), timeout)
        self.f = self.s.makefile("rb")

    def reply(self):
        """The last line of a reply, or "" when the connection ended."""
        while True:
            line = self.f.readline().decode("latin-1")
            if line == "" or line[3:4] != "-":
                return line.rstrip("\r\n")

    def send(self, data):
        self.s.sendall(data if isinstance(data, bytes) else data.encode())

    def command(self, line):
        self.send(line + "\r\n")
        return self.reply()

    def close(self):
        self.s.close()


class Tap:
    """TAP output."""

    def __init__(self):
        self.n = self.failed = 0

    def ok(self, good, name, detail=""):
        self.n += 1
        if not good:
            self.failed += 1
            for line in str(detail).splitlines()[-40:]:
                print("# " + line)
        print("%sok %d - %s" % ("" if good else "not ", self.n, name),
              flush=True)
        return good

    def end(self):
        print("1..%d" % self.n)
        return 1 if self.failed else 0
