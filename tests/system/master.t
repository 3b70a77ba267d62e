#!/usr/bin/env python3
"""master and the server skeleton: start, stop, reload, crashes, limits.

A private instance whose services are all tests/server/echo; as root its
workers run jailed as another user, otherwise everything runs as the caller.
"""

import os
import pwd
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from instance import PATIENCE, free_port

BUILD = os.environ.get('BUILD', 'build')
BIN = os.path.abspath(BUILD + '/bin')
ECHO = os.path.abspath(BUILD + '/tests/server/echo')
ROOT = os.geteuid() == 0
OWNER = 'daemon' if ROOT else pwd.getpwuid(os.geteuid()).pw_name

MASTER_CF = '''\
127.0.0.1:%(port)d inet n - n - - echo
127.0.0.1:%(two)d inet n - n - 2 echo
127.0.0.1:%(single)d inet n - n - 2 spawn
alone unix n - n 1 1 anvil
asleep unix n - n 1? 1 anvil
postlog unix-dgram n - n - 1 postlogd
'''


# Seconds for what an idle machine does in less than one: not as long as
# master lets a program rest that fails.
SOON = 10 * PATIENCE


class Failure(Exception):
    pass


def check(ok, what):
    if not ok:
        raise Failure(what)


def wait_for(test, what, seconds=20):
    end = time.monotonic() + seconds * PATIENCE
    while time.monotonic() < end:
        value = test()
        if value:
            return value
        time.sleep(0.02)
    raise Failure('waited in vain: ' + what)


def free_ports(n):
    return [free_port() for _ in range(n)]


class Session:
    def __init__(self, port, timeout=20 * PATIENCE):
        self.sock = socket.create_connection(('127.0.0.1', port))
        self.sock.settimeout(timeout)
        self.file = self.sock.makefile('rb')
        word = self.line().split()
        self.pid, self.uid = (int(word[1]), int(word[2])) if word else (0, 0)

    def line(self):
        try:
            return self.file.readline().decode().rstrip('\r\n')
        except (socket.timeout, ConnectionResetError):
            return ''

    def ask(self, text):
        try:
            self.sock.sendall(text.encode() + b'\r\n')
        except OSError:
            return ''
        return self.line()

    def close(self):
        self.file.close()
        self.sock.close()


class Instance:
    def __init__(self, master_cf=MASTER_CF, more=''):
        self.dir = tempfile.mkdtemp(prefix='master.t.')
        os.chmod(self.dir, 0o755)
        self.port, self.two, self.single = free_ports(3)
        for name in ('etc', 'spool', 'data', 'bin'):
            os.mkdir(self.path(name))
        if ROOT:
            shutil.chown(self.path('data'), 'daemon', 'daemon')
        # Copies of links would lose the names that the programs go by.
        for name, what in (('master', BIN + '/master'),
                           ('postlogd', BIN + '/postlogd'),
                           ('echo', ECHO), ('spawn', ECHO), ('anvil', ECHO)):
            os.symlink(what, self.path('bin/' + name))
        self.write('etc/main.cf', '''\
compatibility_level = 3.11
queue_directory = %(dir)s/spool
data_directory = %(dir)s/data
daemon_directory = %(dir)s/bin
command_directory = %(bin)s
mail_owner = %(owner)s
setgid_group = %(group)s
maillog_file = %(dir)s/log
maillog_file_prefixes = %(dir)s
inet_protocols = ipv4
myhostname = mail.test.example
import_environment = MAIL_CONFIG TZ ASAN_OPTIONS UBSAN_OPTIONS
''' % {'dir': self.dir, 'bin': BIN, 'owner': OWNER,
       'group': 'daemon' if ROOT else subprocess.getoutput('id -gn')} + more)
        self.set_master_cf(master_cf)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pid = self.master_pid()
        self.postfix('abort')
        if pid:
            wait_for(lambda: not alive(pid), 'end of master')
        if exc[0] is not None:
            for line in self.log().splitlines()[-30:]:
                print('#   ' + line)
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, name):
        return self.dir + '/' + name

    def write(self, name, text):
        with open(self.path(name), 'w') as f:
            f.write(text)

    def set_master_cf(self, text):
        self.write('etc/master.cf', text % vars(self))

    def postfix(self, *args, **kwargs):
        return subprocess.run([BIN + '/postfix', '-c', self.path('etc')] + list(args),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=60 * PATIENCE,
                              universal_newlines=True, **kwargs)

    def start(self):
        done = self.postfix('start')
        check(done.returncode == 0, 'start: ' + done.stdout)

    def master_pid(self):
        try:
            with open(self.path('spool/pid/master.pid')) as f:
                return int(f.read())
        except (OSError, ValueError):
            return 0

    def log(self):
        try:
            with open(self.path('log')) as f:
                return f.read()
        except OSError:
            return ''

    def logged(self, pattern, seconds=20):
        return wait_for(lambda: re.search(pattern, self.log()),
                        'log line ' + pattern, seconds)

    def workers(self, name=None):
        """Pids of master's children."""
        found, master = [], self.master_pid()
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                with open('/proc/%s/stat' % pid) as f:
                    comm, rest = re.match(r'\d+ \((.*)\) (.*)', f.read()).groups()
            except OSError:
                continue
            if int(rest.split()[1]) == master and name in (None, comm):
                found.append(int(pid))
        return found


def alive(pid):
    try:
        with open('/proc/%d/stat' % pid) as f:
            return ') Z ' not in f.read()
    except OSError:
        return False


# --- tests: the name is a sentence

def start_status_and_second_start():
    with Instance() as i:
        check(i.postfix('status').returncode == 1, 'status before start')
        i.start()
        done = i.postfix('status')
        check(done.returncode == 0 and
              'is running: PID: %d' % i.master_pid() in done.stdout, done.stdout)
        done = i.postfix('start')
        check(done.returncode == 1 and 'already running' in done.stdout, done.stdout)
        i.logged(r'postfix/master\[\d+\]: daemon started -- version \S+, configuration ')


def sessions_share_a_worker_that_runs_as_mail_owner():
    with Instance() as i:
        i.start()
        began = time.monotonic()
        a = Session(i.port)
        check(time.monotonic() - began < SOON, 'the first session took long')
        b = Session(i.port)
        check(a.pid == b.pid, 'two workers for two sessions')
        check(a.uid == pwd.getpwnam(OWNER).pw_uid, 'uid %d' % a.uid)
        check(a.ask('x') == '250 x' and b.ask('y') == '250 y', 'no answer')


def jail_kills_a_worker_that_starts_a_program():
    if 'san' in BUILD:
        return
    with Instance() as i:
        i.start()
        s = Session(i.port)
        if ROOT:
            check(s.ask('WRITE') == '250 refused', 'wrote outside')
        check(s.ask('JAIL') == '', 'it lives')
        i.logged(r'process \S+/echo pid %d killed by signal 31' % s.pid)


def reload_keeps_sessions_and_starts_new_workers():
    with Instance() as i:
        i.start()
        old = Session(i.port)
        check(i.postfix('reload').returncode == 0, 'reload')
        i.logged(r'master\[\d+\]: reload -- version ')
        new = wait_for(lambda: (lambda s: s if s.pid != old.pid else None)(Session(i.port)),
                       'new worker')
        check(old.ask('still there') == '250 still there', 'old session is gone')
        check(alive(old.pid), 'old worker is gone')
        old.ask('QUIT')
        wait_for(lambda: not alive(old.pid), 'end of the old worker')
        check(new.ask('x') == '250 x', 'new session')
        i.logged(r'echo\[%d\]: worker ends' % old.pid)


def killed_worker_is_replaced_at_once():
    with Instance() as i:
        i.start()
        for _ in range(5):
            s = Session(i.port)
            os.kill(s.pid, signal.SIGKILL)
            began = time.monotonic()
            wait_for(lambda: Session(i.port).pid not in (0, s.pid), 'next worker')
            check(time.monotonic() - began < SOON, 'took long')
            i.logged(r'warning: process \S+/echo pid %d killed by signal 9' % s.pid)


def crashing_service_is_throttled_and_comes_back():
    with Instance() as i:
        i.start()
        spans = []
        for _ in range(4):
            began = time.monotonic()
            s = Session(i.port)
            spans.append(time.monotonic() - began)
            s.ask('CRASH')
            s.close()
        i.logged(r'warning: \S+/echo: bad command startup -- throttling')
        check(spans[3] > 0.3, 'spans %s' % spans)
        s = Session(i.port)
        s.ask('QUIT')
        time.sleep(0.1)
        s = Session(i.port)
        check(s.ask('fine') == '250 fine', 'does not come back')


def killed_master_can_be_started_again_at_once():
    with Instance() as i:
        i.start()
        s = Session(i.port)
        first = i.master_pid()
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: i.postfix('status').returncode == 1, 'end of master')
        began = time.monotonic()
        i.start()
        t = Session(i.port)
        check(time.monotonic() - began < SOON, 'took long')
        check(t.pid != s.pid, 'the same worker')
        check(s.ask('x') == '250 x', 'the session was cut')
        s.ask('QUIT')
        wait_for(lambda: not alive(s.pid), 'end of the orphan')


def maxproc_bounds_sessions_and_is_logged():
    with Instance() as i:
        i.start()
        a, b = Session(i.two), Session(i.two)
        check(a.ask('STRESS') == '250 no', 'stress too early')
        c = socket.create_connection(('127.0.0.1', i.two))
        c.settimeout(0.5)
        try:
            check(c.recv(100) == b'', 'a third session')
        except socket.timeout:
            pass
        i.logged(r'warning: service "127.0.0.1:%d" \(%d\) has reached its '
                 r'process limit "2": new clients may experience' % (i.two, i.two))
        a.ask('QUIT')
        c.settimeout(20 * PATIENCE)
        check(c.recv(100).startswith(b'220'), 'the third never served')
        check(b.ask('x') == '250 x', 'b')


def service_at_its_limit_is_told_to_hurry():
    with Instance('%(port)d inet n - n - 2 echo\n%(two)d inet n - n - 2 echo\n'
                  '\t-o stress=\npostlog unix-dgram n - n - 1 postlogd\n') as i:
        i.start()
        for port, answer in ((i.port, '250 yes'), (i.two, '250 no')):
            a = Session(port)
            check(a.ask('STRESS') == '250 no', 'stress too early')
            b = Session(port)
            i.logged(r'service "%d" \(%d\) has reached its process limit "2"' %
                     (port, port))
            for s in a, b:
                wait_for(lambda: s.ask('STRESS') == answer, 'stress')
            b.ask('QUIT')
            check(Session(port).ask('STRESS') == answer, 'stress later')


def process_session_limit_spreads_sessions():
    with Instance('127.0.0.1:%(port)d inet n - n - 3 echo\n'
                  '\t-o process_session_limit=1\n'
                  'postlog unix-dgram n - n - 1 postlogd\n') as i:
        i.start()
        s = [Session(i.port) for _ in range(3)]
        check(len({x.pid for x in s}) == 3, 'pids')
        s[1].ask('QUIT')
        check(Session(i.port).pid in [x.pid for x in s], 'a fourth process')


def chroot_column_is_honoured():
    if not ROOT:
        return
    with Instance('127.0.0.1:%(port)d inet n - y - 3 echo\n'
                  'postlog unix-dgram n - n - 1 postlogd\n') as i:
        i.start()
        s = Session(i.port)
        check(s.uid == pwd.getpwnam(OWNER).pw_uid, 'uid')
        check(os.readlink('/proc/%d/root' % s.pid) == i.path('spool'), 'root')
        s.ask('QUIT')
        i.logged('session ends')


def session_on_standard_input_needs_no_master():
    # There are no set-gid commands, so those of the build stay as they are.
    with Instance(more='command_directory = $daemon_directory\n') as i:
        env = dict(os.environ, MAIL_CONFIG=i.path('etc'))
        # Its own user's rights only, and a queue that is there.
        i.postfix('set-permissions')
        done = subprocess.run([i.path('bin/echo'), '-S'], input=b'a\nb\nQUIT\n',
                              env=env, stdout=subprocess.PIPE,
                              timeout=60 * PATIENCE)
        lines = done.stdout.decode().split('\r\n')
        check(done.returncode == 0 and lines[0].startswith('220 ') and
              lines[1:] == ['250 a', '250 b', ''], repr(lines))


def single_programs_serve_one_session_a_process():
    with Instance() as i:
        i.start()
        a, b = Session(i.single), Session(i.single)
        check(a.pid != b.pid, 'one process for two sessions')
        a.ask('QUIT')
        c = wait_for(lambda: Session(i.single), 'c')
        check(c.pid in (a.pid, b.pid), 'a third process')
        check(b.ask('x') == '250 x' and c.ask('x') == '250 x', 'answers')


def idle_workers_end_quietly():
    with Instance(more='max_idle = 1s\n') as i:
        i.start()
        s, t = Session(i.port), Session(i.single)
        s.ask('QUIT')
        t.ask('QUIT')
        wait_for(lambda: not alive(s.pid) and not alive(t.pid), 'idle end')
        i.logged(r'echo\[%d\]: worker ends' % s.pid)
        check('warning' not in i.log(), 'warnings')
        check(Session(i.port).pid not in (0, s.pid), 'next session')
        check(Session(i.single).pid not in (0, t.pid), 'next single')


def unix_sockets_are_bound_with_the_rights_of_mail_owner():
    # The folder is mail_owner's, who might put links there in the meantime.
    with Instance() as i:
        i.start()
        for path in 'public/alone', 'public/postlog':
            owner = os.stat(i.path('spool/' + path)).st_uid
            check(owner == pwd.getpwnam(OWNER).pw_uid, path)
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(i.path('spool/public/alone'))
            uid = struct.unpack('3i', s.getsockopt(
                socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1]
        check(uid == pwd.getpwnam(OWNER).pw_uid, 'bound by %d' % uid)


def wakeups_trigger_services_that_are_used():
    with Instance() as i:
        i.start()
        wait_for(lambda: i.log().count('anvil') and
                 len(re.findall('triggered by W', i.log())) >= 2, 'two wake-ups')
        check(not os.listdir(i.path('spool/private')) and
              len(re.findall('anvil.*worker starts', i.log())) == 1,
              'an unused service was woken')
        done = subprocess.run([BIN + '/postkick', '-c', i.path('etc'), 'public',
                               'asleep', 'XY'])
        check(done.returncode == 0, 'postkick')
        i.logged('triggered by XY')
        wait_for(lambda: len(re.findall('anvil.*worker starts', i.log())) == 2, 'asleep')


def service_with_state_is_never_there_twice():
    with Instance() as i:
        i.start()
        i.logged('triggered by W')
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(20 * PATIENCE)
        s.connect(i.path('spool/public/alone'))
        s.sendall(b'BUSY\r\n')
        lines = s.makefile('rb')
        pid = int(lines.readline().split()[1])
        check(lines.readline() == b'250 BUSY\r\n', 'no answer')
        i.postfix('reload')
        check(lines.readline() == b'', 'its session is not closed')
        time.sleep(1.5)
        check(alive(pid) and i.log().count('worker starts') == 1, 'a second one')
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: i.log().count('worker starts') == 2, 'successor')


def missing_program_is_named_and_the_rest_works():
    with Instance(MASTER_CF + 'nothing unix - - n - 1 tlsmgr\n') as i:
        i.start()
        i.logged(r'etc/master.cf: line 7: service "nothing": there is no program \S+/tlsmgr')
        check(Session(i.port).ask('x') == '250 x', 'echo')
        check(not os.path.exists(i.path('spool/private/nothing')), 'its socket is there')


def wrong_configuration_is_told_with_file_and_line():
    with Instance('\nsmtp inet n - n - x echo\n') as i:
        done = i.postfix('start')
        check(done.returncode == 1 and 'in "smtp inet n - n - x echo"' in done.stdout,
              done.stdout)
        # Who sits at a terminal hears where it is, and what to write.
        text = subprocess.run(['script', '-qec', BIN + '/postfix -c %s start' %
                               i.path('etc'), '/dev/null'], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, universal_newlines=True).stdout
        check(re.search(r'master.cf.*line 2', text), text)
    with Instance() as i:
        with open(i.path('etc/main.cf'), 'a') as f:
            f.write('no equals sign\n')
        done = i.postfix('start')
        check(done.returncode == 1 and re.search(r'main.cf.*line \d+', done.stdout),
              done.stdout)
    with Instance(more='inet_interfaces = nosuchhost.invalid\n') as i:
        done = i.postfix('start')
        check(done.returncode == 1 and 'host not found: nosuchhost.invalid' in done.stdout,
              done.stdout)


def accounts_are_kept_apart():
    if not ROOT:
        return
    for line, words in (
            ('mail_owner = root', 'parameter mail_owner: user root has privileged user ID'),
            ('mail_owner = nosuch', 'parameter mail_owner: unknown user name value: nosuch'),
            ('setgid_group = root', 'parameter setgid_group: group root has privileged'),
            ('setgid_group = nosuch', 'parameter setgid_group: unknown group name: nosuch'),
            ('default_privs = daemon', 'specify the same user daemon')):
        with Instance(more=line + '\n') as i:
            for verb in ('start', 'check', 'status'):
                done = i.postfix(verb)
                check(done.returncode == 1 and words in done.stdout, done.stdout)


def missing_services_are_added():
    with Instance() as i:
        i.write('etc/master.cf', 'smtp inet n - n - - echo\n')
        done = i.postfix('start')
        check(done.returncode == 1 and "missing 'postlog' service" in done.stdout, done.stdout)
        done = i.postfix('upgrade-configuration')
        check('adding missing entry for postlog unix-domain datagram service' in done.stdout,
              done.stdout)
        check(len(open(i.path('etc/master.cf')).read().split('\n')) == 15, 'entries')
        done = i.postfix('upgrade-configuration')
        check(done.returncode == 0 and done.stdout == '', 'again: ' + done.stdout)


def port_in_use_is_told():
    with Instance() as i, socket.socket() as s:
        s.bind(('127.0.0.1', i.port))
        s.listen()
        done = i.postfix('start')
        check(done.returncode == 1 and 'fatal: bind 127.0.0.1 port %d: Address '
              'already in use' % i.port in done.stdout, done.stdout)
        i.logged('fatal: bind 127.0.0.1 port')


def a_log_that_cannot_be_is_a_reason_not_to_start():
    with Instance() as i:
        main = open(i.path('etc/main.cf')).read()
        i.write('etc/main.cf', main + 'maillog_file = %s\n' %
                i.path('no/such/log'))
        done = i.postfix('start')
        check(done.returncode == 1 and "fatal: open logfile '%s': cannot "
              'create file exclusively: No such file' % i.path('no/such/log')
              in done.stdout, done.stdout)


def reload_of_a_wrong_configuration_changes_nothing():
    with Instance() as i:
        i.start()
        s = Session(i.port)
        good = open(i.path('etc/master.cf')).read()
        i.write('etc/master.cf', good + 'rubbish\n')
        done = i.postfix('reload')
        check(done.returncode == 1 and 'master.cf: line 7: bad field count' in
              done.stdout, done.stdout)
        os.kill(i.master_pid(), signal.SIGHUP)
        i.logged(r'error: reload: .*master.cf.*line 7')
        check(s.ask('x') == '250 x' and Session(i.port).ask('y') == '250 y', 'sessions')
        i.write('etc/master.cf', good +
                'nosuchport inet n - n - - skeleton\n')
        os.kill(i.master_pid(), signal.SIGHUP)
        i.logged(r'error: .*master.cf: line 7: "nosuchport": not a port')
        check(Session(i.port).ask('y') == '250 y', 'sessions')
        i.write('etc/master.cf', good)
        main = open(i.path('etc/main.cf')).read()
        i.write('etc/main.cf', main + 'rubbish\n')
        os.kill(i.master_pid(), signal.SIGHUP)
        i.logged(r'error: reload: .*main.cf.*line')
        i.write('etc/main.cf', main)
        check(Session(i.port).ask('y') == '250 y', 'sessions')
        i.postfix('reload')
        wait_for(lambda: Session(i.port).pid != s.pid, 'new worker')


def reload_adds_and_removes_services():
    with Instance() as i:
        i.start()
        extra = free_ports(1)[0]
        cf = MASTER_CF.replace('127.0.0.1:%(two)d', '127.0.0.1:' + str(extra))
        held = Session(i.two)
        i.set_master_cf(cf)
        i.postfix('reload')
        i.logged('reload -- version')
        check(wait_for(lambda: try_session(extra), 'new service').ask('x') == '250 x', 'x')
        wait_for(lambda: try_session(i.two) is None, 'end of the old service')
        check(held.ask('x') == '250 x', 'its session was cut')


def try_session(port):
    try:
        return Session(port)
    except OSError:
        return None


def stop_leaves_nothing_behind():
    with Instance() as i:
        i.start()
        s, t = Session(i.port), Session(i.single)
        t.ask('QUIT')
        workers = wait_for(lambda: (lambda w: w if len(w) >= 3 else None)(i.workers()), 'workers')
        began = time.monotonic()
        done = i.postfix('stop')
        check(done.returncode == 0, done.stdout)
        check(time.monotonic() - began < SOON, 'took long')
        check(s.ask('x') == '', 'the session goes on')
        check(not any(map(alive, workers)), 'workers are left')
        i.logged('stopping the Postfix mail system')
        check('killed by' not in i.log() and 'warning' not in i.log(), 'warnings')
        check(i.postfix('stop').returncode == 1, 'stop when stopped')


def lost_logger_does_not_stop_mail():
    with Instance() as i:
        i.start()
        s = Session(i.port)
        os.kill(wait_for(lambda: i.workers('postlogd'), 'postlogd')[0], signal.SIGKILL)
        check(s.ask('x') == '250 x' and Session(i.port).ask('y') == '250 y', 'sessions')
        s.ask('QUIT')
        i.logged(r'echo\[%d\]: session ends' % s.pid)
        i.logged(r'process \S+/postlogd pid \d+ killed by signal 9')


def logrotate_compresses_the_old_log_and_goes_on_with_a_new_one():
    with Instance() as i:
        i.start()
        Session(i.port).ask('QUIT')
        i.logged('session ends')
        done = i.postfix('logrotate')
        check(done.returncode == 0, done.stdout)
        old = [f for f in os.listdir(i.dir) if f.startswith('log.')]
        check(len(old) == 1 and old[0].endswith('.gz'), 'files: %s' % old)
        Session(i.port).ask('QUIT')
        i.logged('session ends')
        text = subprocess.getoutput('zcat ' + i.path(old[0]))
        check('daemon started' in text and 'daemon started' not in i.log(), 'content')


def foreground_logs_to_standard_output_and_ends_on_sigterm():
    with Instance(more='maillog_file = /dev/stdout\n'
                  'maillog_file_prefixes = /var, /dev/stdout\n') as i:
        with open(i.path('out'), 'w') as out:
            fg = subprocess.Popen([BIN + '/postfix', '-c', i.path('etc'), 'start-fg'],
                                  stdin=subprocess.DEVNULL, stdout=out,
                                  stderr=subprocess.DEVNULL)
        s = wait_for(lambda: try_session(i.port), 'session')
        s.ask('QUIT')
        check(i.master_pid() == fg.pid, 'master has another pid')
        fg.send_signal(signal.SIGTERM)
        check(fg.wait(30 * PATIENCE) == 0, 'exit status')
        text = open(i.path('out')).read()
        for part in ('daemon started', 'session ends', 'terminating on signal 15'):
            check(part in text, 'no "%s" in: %s' % (part, text))


def systemd_is_told_when_all_sockets_are_bound():
    with Instance() as i:
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        s.bind(i.path('notify'))
        s.settimeout(20 * PATIENCE)
        fg = subprocess.Popen([BIN + '/postfix', '-c', i.path('etc'), 'start-fg'],
                              env=dict(os.environ, NOTIFY_SOCKET=i.path('notify')),
                              stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        check(b'READY=1' in s.recv(200), 'no READY')
        Session(i.port).ask('QUIT')
        fg.terminate()
        check(fg.wait(30 * PATIENCE) == 0, 'exit status')


def main():
    tests = [f for name, f in globals().items()
             if '_' in name and callable(f) and f.__module__ == '__main__' and
             name not in ('wait_for', 'free_ports', 'try_session')]
    wanted = sys.argv[1:]
    failed = 0
    tests = [t for t in tests if not wanted or t.__name__ in wanted]
    for n, test in enumerate(tests, 1):
        try:
            test()
            result = 'ok'
        except Exception as e:
            print('# %s: %s' % (type(e).__name__, e))
            result, failed = 'not ok', failed + 1
        print('%s %d - %s' % (result, n, test.__name__.replace('_', ' ')), flush=True)
    print('1..%d' % len(tests))
    sys.exit(failed != 0)


main()
