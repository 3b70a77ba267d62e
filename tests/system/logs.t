#!/usr/bin/env python3
"""logs - what others read in our log, and what we find there ourselves

pflogsumm, logwatch, fail2ban and a parser like postfix_exporter's make the same of our
log as of Postfix's for the same traffic (tests/logs/README).  Then JSON,
metrics, posttrace, posttop, qshape.
"""

import glob
import gzip
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [HERE, HERE + "/logs"]
import traffic
from instance import PATIENCE, TOP, Instance, Tap, free_port

tap = Tap()
scratch = tempfile.mkdtemp(prefix="rohrpost-logs-")


# --- other people's readers

def unpack(package):
    """A Debian package that conf/deps.sh fetched, with what it needs."""
    debs = glob.glob("%s/build/peers/%s/*.deb" % (TOP, package))
    for deb in debs:
        subprocess.run(["dpkg-deb", "-x", deb, scratch + "/" + package],
                       check=True)
    return scratch + "/" + package if debs else None


def perl(root, script, log, *argv, **env):
    libs = [root + "/usr/share/perl5"] + \
        glob.glob(root + "/usr/lib/*/perl5/*")
    with open(log) as f:
        p = subprocess.run(["perl", root + script] + list(argv), stdin=f,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           text=True, env=dict(os.environ, TZ="UTC",
                                               PERL5LIB=":".join(libs), **env))
    return p.stdout + p.stderr


def even(text):
    """What differs between two runs anywhere: times, sizes, numbers of
    processes and ports; the release's own lines at start and stop; and
    NOQUEUE in front of lost connections, which Postfix has since 3.11."""
    out = []
    for line in text.splitlines():
        if re.search(r"postfix/(postfix-script|master|postlog|postlogd)\[",
                     line):
            continue
        line = re.sub(r"^(\w+ +\d+) \S+ \S+ ", r"Nov 22 10:00:00 mx ", line)
        line = re.sub(r"\[\d+\]: ", "[1]: ", line, count=1)
        line = re.sub(r"size=\d+", "size=1000", line)
        line = re.sub(r"delay=[\d.]+, delays=[\d./]+",
                      "delay=1, delays=0.2/0.2/0.2/0.4", line)
        line = re.sub(r"127\.0\.0\.1\]:\d{4,5}", "127.0.0.1]:25", line)
        line = re.sub(r"<\d{14}\.[0-9A-F]+@", "<1@", line)
        line = line.replace("NOQUEUE: lost", "lost")
        # Set by other lines than this test is about.
        line = re.sub(r", tls=\S+,", ",", line)
        out.append(line)
    return "\n".join(out) + "\n"


EXPORTER = [
    (r"smtpd: connect from ", "connects"),
    (r"smtpd: disconnect from ", "disconnects"),
    (r"smtpd: lost connection after (\w+) from ", "lost"),
    (r"smtpd: [0-9A-F]+: client=", "smtpd messages"),
    (r"smtpd: NOQUEUE: reject: \S+ from \S+: (\d+) ", "smtpd rejects"),
    (r"cleanup: [0-9A-F]+: message-id=<", "cleanup messages"),
    (r"cleanup: [0-9A-F]+: reject: ", "cleanup rejects"),
    (r"qmgr: [0-9A-F]+: from=<\S*>, size=\d+, nrcpt=(\d+) ", "inserted"),
    (r"qmgr: [0-9A-F]+: removed$", "removed"),
    (r"(\w+): [0-9A-F]+: to=<\S+>, (?:orig_to=<\S+>, )?relay=(\S+), .*"
     r"delays=[\d.]+/[\d.]+/[\d.]+/[\d.]+, (?:tls=\S+, )?dsn=([\d.]+), "
     r"status=(\w+) \(", "deliveries"),
    (r"bounce: [0-9A-F]+: sender non-delivery notification: [0-9A-F]+$",
     "notifications"),
]


def export(text):
    counts = {}
    for line in text.splitlines():
        m = re.match(r"\w{3} [ \d]\d \d\d:\d\d:\d\d (\S+) postfix/(?:\w+/)?"
                     r"(\w+)\[\d+\]: (.*)$", line)
        if not m:
            counts["no line"] = counts.get("no line", 0) + 1
            continue
        for pattern, name in EXPORTER:
            hit = re.match(pattern, m.group(2) + ": " + m.group(3))
            if hit:
                key = " ".join((name,) + hit.groups())
                counts[key] = counts.get(key, 0) + 1
    return counts


def summary(root, log):
    return perl(root, "/usr/sbin/pflogsumm", log)


def watch(root, log):
    return perl(root, "/usr/share/logwatch/scripts/services/postfix", log,
                LOGWATCH_DETAIL_LEVEL="10")


def until(condition):
    end = time.monotonic() + 60 * PATIENCE
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)


def follows(pid, path):
    """It has the file open, is at its end, and waits for more."""
    fds = ["/proc/%d/fd/%s" % (pid, fd) for fd in
           os.listdir("/proc/%d/fd" % pid)]
    try:
        return path in map(os.readlink, fds) and any(
            "inotify wd:" in open(fd.replace("/fd/", "/fdinfo/")).read()
            for fd in fds)
    except OSError:
        return False


def exporter(root, log):
    """What postfix_exporter itself makes of a log: {name: value}."""
    port, live = free_port(), scratch + "/live"
    open(live, "w").close()
    p = subprocess.Popen([root + "/usr/bin/prometheus-postfix-exporter",
                          "--web.listen-address", "127.0.0.1:%d" % port,
                          "--postfix.logfile_path", live,
                          "--postfix.showq_path", "/nonexistent"],
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
    got = {}
    with open(log) as f:
        text = f.read()
    # It has read all when it knows of one thing that nobody else says.
    last = "postfix_cleanup_messages_rejected_total"
    want = export(text)["cleanup rejects"] + 1
    text += "Nov 22 23:59:59 mx postfix/cleanup[1]: 4F1B2C3D5E: reject: x\n"
    try:
        until(lambda: try_http(port) and follows(p.pid, live))
        with open(live, "a") as to:
            to.write(text)
        until(lambda: numbers(try_http(port)).get(last) == want)
        got = numbers(try_http(port))
        got[last] = got.get(last, 0) - 1
    finally:
        p.kill()
        p.wait()
    # Which programs' lines it can't read is not the same in all releases.
    return {k: v for k, v in got.items() if k.startswith("postfix_") and
            not k.startswith(("postfix_up", "postfix_unsupported"))}


def compare_exporter(logs, ours):
    root = unpack("prometheus-postfix-exporter")
    name = "postfix_exporter reads our log as Postfix's"
    if root is None:
        tap.ok(True, name + " # SKIP it was not fetched")
        return
    a, b = exporter(root, logs["ours"]), exporter(root, logs["theirs"])
    tap.ok(a == b and b["postfix_qmgr_messages_removed_total"] > 5, name,
           difference(json.dumps(a, indent=1, sort_keys=True),
                      json.dumps(b, indent=1, sort_keys=True)))
    # It counts no rejections but of recipients, and its Debian release loses
    # the names of stages; sizes and delays were evened out for it.
    wrong = {k: (ours.get(k), v) for k, v in a.items()
             if ours.get(k) != v and "rejected_total{" not in k and
             "stage=" not in k and "_sum" not in k and "size" not in k and
             k != "postfix_smtp_deferred_messages_total"}
    tap.ok(not wrong, "and counts what our metrics count", wrong)


MODES = ("normal", "auth", "rbl", "ddos", "extra", "more", "aggressive")


def banned(root, log):
    """The lines for which fail2ban's filter would lock somebody out."""
    out = []
    for mode in MODES:
        p = subprocess.run(
            ["python3", root + "/usr/bin/fail2ban-regex", "-l", "ERROR",
             "--print-all-matched", "--print-no-missed", log,
             "%s/etc/fail2ban/filter.d/postfix.conf[mode=%s]" % (root, mode)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=dict(os.environ,
                     PYTHONPATH=root + "/usr/lib/python3/dist-packages"))
        out.append(mode)
        out += re.findall(r"^\|  (\w{3} .*)|^Lines: (?:.*, )(\d+ matched)",
                          p.stdout, re.M) or [p.stdout]
    return "\n".join(map(str, out))


def compare_fail2ban(logs, ours):
    root = unpack("fail2ban")
    name = "fail2ban locks out by our log whom it does by Postfix's"
    if root is None:
        tap.ok(True, name + " # SKIP it was not fetched")
        return
    a, b = banned(root, logs["ours"]), banned(root, logs["theirs"])
    tap.ok(a == b and "3 matched" in b, name, difference(a, b))
    # As it is written here, which Debian 12's filter does not know yet.
    with open(scratch + "/raw", "w") as f:
        f.write(ours)
    with open(TOP + "/docs/from-postfix.md") as f:
        line = re.search(r"^ *(prefregex = .*\$)$", f.read(), re.M).group(1)
    with open(root + "/etc/fail2ban/filter.d/postfix.local", "w") as f:
        f.write("[Definition]\n%s\n" % line)
    numbers = [re.findall(r"\d+ matched", text) for text in
               (banned(root, scratch + "/raw"), b)]
    tap.ok(numbers[0] == numbers[1] != [], "and by the words of our release, as "
           "docs/from-postfix.md has it", numbers)


def difference(ours, theirs):
    import difflib
    return "\n".join(difflib.unified_diff(theirs.splitlines(),
                                          ours.splitlines(), "postfix",
                                          "ours", lineterm=""))


def compare_readers(ours, metrics):
    logs = {}
    with open(HERE + "/logs/postfix.log") as f:
        theirs = f.read()
    for name, text in (("ours", ours), ("theirs", theirs)):
        logs[name] = scratch + "/" + name
        with open(logs[name], "w") as f:
            f.write(even(text))
    a, b = export(even(ours)), export(even(theirs))
    tap.ok(a == b, "an exporter's parser reads our log as Postfix's",
           difference(json.dumps(a, indent=1, sort_keys=True),
                      json.dumps(b, indent=1, sort_keys=True)))
    for package, reader in (("pflogsumm", summary), ("logwatch", watch)):
        root = unpack(package)
        name = "%s reads our log as Postfix's" % package
        if root is None:
            tap.ok(True, name + " # SKIP %s was not fetched" % package)
            continue
        a, b = reader(root, logs["ours"]), reader(root, logs["theirs"])
        tap.ok(a == b and len(b) > 500, name, difference(a, b))
    compare_fail2ban(logs, ours)
    compare_exporter(logs, metrics)


# --- our own

def http(port, path="/metrics"):
    s = socket.create_connection(("127.0.0.1", port), 60)
    s.sendall(("GET %s HTTP/1.0\r\nHost: x\r\n"
              "Connection: close\r\n\r\n" % path).encode())
    answer = b""
    while True:
        piece = s.recv(65536)
        if not piece:
            break
        answer += piece
    return answer.decode()


def numbers(answer):
    found = {}
    for line in answer.split("\r\n\r\n", 1)[-1].splitlines():
        if not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            found[name] = float(value)
    return found


def check_metrics(answer, log):
    got, counts = numbers(answer), export(log)
    want = {
        "postfix_smtpd_connects_total": counts["connects"],
        "postfix_smtpd_disconnects_total": counts["disconnects"],
        'postfix_smtpd_connections_lost_total{after_stage="MAIL"}': 1,
        'postfix_smtpd_messages_processed_total{sasl_method=""}':
            counts["smtpd messages"],
        'postfix_smtpd_messages_rejected_total{code="554"}':
            counts["smtpd rejects 554"],
        "postfix_cleanup_messages_processed_total":
            counts["cleanup messages"],
        "postfix_cleanup_messages_rejected_total":
            counts["cleanup rejects"],
        "postfix_qmgr_messages_removed_total": counts["removed"],
        "postfix_qmgr_messages_inserted_receipients_count":
            sum(n for k, n in counts.items() if k.startswith("inserted")),
        'postfix_smtp_messages_processed_total{status="sent"}':
            sum(n for k, n in counts.items()
                if re.match(r"deliveries smtp .* sent", k)),
        'postfix_smtp_delivery_delay_seconds_count{stage="transmission"}':
            sum(n for k, n in counts.items()
                if k.startswith("deliveries smtp ")),
        "postfix_bounce_non_delivery_notification_total":
            counts["notifications"],
        'postfix_queue_messages{queue="deferred"}': 1,
        'postfix_queue_messages{queue="hold"}': 1,
        'postfix_showq_message_age_seconds_count{queue="hold"}': 1,
    }
    wrong = {k: (got.get(k), v) for k, v in want.items() if got.get(k) != v}
    tap.ok(not wrong, "metrics are what the log says", wrong)


def is_format(answer):
    """Each sample belongs to the family that was announced before it."""
    family, bad = None, []
    for line in answer.split("\r\n\r\n", 1)[1].splitlines():
        m = re.match(r"# (HELP|TYPE) (\w+) ", line)
        if m:
            family = m.group(2)
        elif not re.match(r'%s(_bucket|_sum|_count)?(\{(\w+="([^"\\]|\\.)*",?)'
                          r'*\})? [-+.\w]+$' % family, line):
            bad.append(line)
    return bad


def trace(i, *argv):
    p = i.run("posttrace", *argv)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def check_trace(i):
    log = i.log()
    bounced = re.search(r"(\w+): sender non-delivery notification: (\w+)",
                        log)
    code, out, err = trace(i, "--why", bounced.group(1))
    lines = ["connect from localhost", "client=localhost",
             "message-id=<hello-never@out.example>", "status=bounced",
             "No such mailbox there.", bounced.group(2) + ": from=<>",
             bounced.group(2) + ": removed"]
    at = [out.find(text) for text in lines]
    tap.ok(code == 0 and -1 not in at and out.count("connect from") == 2 and
           at[0] < at[1] < at[3] < at[4] < at[6],
           "posttrace follows a message from connect to the bounce's end",
           out + err)
    back = trace(i, bounced.group(2))[1]
    tap.ok(back == trace(i, bounced.group(1))[1],
           "and finds the same from the other end", back)
    code, out, err = trace(i, "--why", "X@FAR.example")
    tap.ok(code == 0 and "no message was taken" in out and
           "Relay access denied" in out and "in mynetworks" in
           " ".join(out.split()) and "disconnect from" in out,
           "a rejection without a queue id has its session", out + err)
    code, out, err = trace(i, "--json", "--why", "later@out.example")
    found = [json.loads(line) for line in out.splitlines()]
    tap.ok(len(found) == 1 and not found[0]["removed"] and
           found[0]["recipients"][0]["status"] == "deferred" and
           any("why" in e for e in found[0]["events"]),
           "as JSON, with reasons", out + err)
    code, out, err = trace(i, "an-odd-one-one@ok.example")
    tap.ok(code == 0 and out.count("Message ") == 1 and
           "status=sent (ok)" in out, "by message id", out + err)
    code, out, err = trace(i, "nobody@nowhere.example")
    tap.ok(code == 1 and out == "" and "nothing about" in err,
           "nothing found is told", out + err)
    check_rotated(i, bounced)


def check_rotated(i, bounced):
    whole = trace(i, bounced.group(1))[1]
    path = i.dir + "/maillog"
    lines = open(path).readlines()
    cut = next(n for n, line in enumerate(lines)
               if bounced.group(1) in line and "from=<" in line)
    with gzip.open(path + ".2.gz", "wt") as f:
        f.writelines(lines[:cut])
    with open(path + ".1", "w") as f:
        f.writelines(lines[cut:cut + 2])
    kept = open(path).read()
    with open(path, "w") as f:
        f.writelines(lines[cut + 2:])
    t = os.stat(path).st_mtime
    os.utime(path + ".2.gz", (t - 2, t - 2))
    os.utime(path + ".1", (t - 1, t - 1))
    again = trace(i, bounced.group(1))[1]
    tap.ok(again == whole, "over rotated and compressed files",
           difference(again, whole))
    piped = subprocess.run(
        [i_bin("posttrace"), "-f", "-", bounced.group(1)],
        input=kept.encode(), stdout=subprocess.PIPE).stdout.decode()
    tap.ok(piped == whole, "from standard input", difference(piped, whole))
    with open(path, "w") as f:
        f.write(kept)
    os.unlink(path + ".1")
    os.unlink(path + ".2.gz")


def i_bin(name):
    from instance import BIN
    return os.path.join(BIN, name)


def check_views(i):
    p = i.run("posttop", "--once")
    out = p.stdout.decode()
    tap.ok(re.search(r"^messages in .* 9$", out, re.M) and
           re.search(r"^rejected .* 7$", out, re.M) and
           " deferred 1 " in out and " hold 1 " in out and
           re.search(r"^127\.0\.0\.1 +\d+ +\d+ ", out, re.M) and
           re.search(r"^out\.example +[\d.]+s", out, re.M),
           "posttop --once shows flow, queue, destinations, clients",
           out + p.stderr.decode())
    p = i.run("qshape", "deferred", "hold")
    want = ["T 5 10 20 40 80 160 320 640 1280 1280+",
            "TOTAL 2 2 0 0 0 0 0 0 0 0 0",
            "ok.example 1 1 0 0 0 0 0 0 0 0 0",
            "out.example 1 1 0 0 0 0 0 0 0 0 0"]
    got = p.stdout.decode().splitlines()
    tap.ok([" ".join(x.split()) for x in got] == want and
           all(len(x) == 80 for x in got), "qshape shows domains and ages",
           p.stdout.decode() + p.stderr.decode())
    p = i.run("qshape", "-s", "-b", "3", "-t", "20", "-l", "hold")
    tap.ok([x.split() for x in p.stdout.decode().splitlines()] ==
           [["T", "20", "40", "40+"], ["TOTAL", "1", "1", "0", "0"],
            ["ok.example", "1", "1", "0", "0"]],
           "by sender, with other ages", p.stdout.decode())
    p = i.run("postqueue", "--summary")
    tap.ok([" ".join(x.split()) for x in p.stdout.decode().splitlines()][:4] ==
           want and "\n2 messages, " in p.stdout.decode(),
           "postqueue --summary shows the same", p.stdout.decode())


def with_instance(settings, run):
    sink, port = free_port(), free_port()
    traffic.Sink(sink)
    i = Instance("metrics_listen = inet:127.0.0.1:%d\n%s" % (port, settings))
    try:
        with open(i.dir + "/etc/header_checks", "w") as f:
            f.write(traffic.HEADER_CHECKS)
        with open(i.dir + "/etc/main.cf", "a") as f:
            f.write(traffic.SETTINGS % {"sink": sink, "dir": i.dir + "/etc"})
        i.start()
        run(i, port)
    finally:
        i.destroy()


def play(i):
    """Returns the log when all is done: one message is held, one waits."""
    traffic.play(i.port, lambda argv, text: i.run("sendmail", *argv,
                                                  input=text))
    i.wait(lambda: i.queue_files() == 2 and
           glob.glob(i.dir + "/spool/deferred/*/*"), 30)
    return i.whole_log()


def classic(i, port):
    log = play(i)
    removed = export(log)["removed"]
    i.wait(lambda: numbers(try_http(port)).get(
        "postfix_qmgr_messages_removed_total") == removed)
    answer = http(port)
    check_metrics(answer, log)
    bad = is_format(answer)
    tap.ok(not bad and "version=0.0.4" in answer and
           answer.startswith("HTTP/1.1 200 "), "in Prometheus' format", bad)
    tap.ok(http(port, "/x").startswith("HTTP/1.1 404 "),
           "nothing else is there")
    i.run("postfix", "reload")
    tap.ok(i.wait(lambda: "postfix_up" in try_http(port)),
           "after a reload it listens again")
    check_trace(i)
    check_views(i)
    compare_readers(log, numbers(answer))   # may take minutes


def try_http(port):
    try:
        return http(port)
    except OSError:
        return ""


def as_json(i, port):
    bad, kinds = [], {}
    for line in play(i).splitlines():
        try:
            entry = json.loads(line)
            kinds.setdefault(entry.get("event"), []).append(entry)
            if not {"time", "host", "program", "pid", "level",
                    "message"} <= set(entry):
                bad.append(line)
        except ValueError:
            bad.append(line)
    tap.ok(not bad, "maillog_format = json: every line is an object", bad)
    sent = [e for e in kinds["delivery"] if e["to"] == "yes@out.example"]
    tap.ok(len(sent) == 2 and sent[0]["status"] == "sent" and
           sent[0]["dsn"] == "2.0.0" and sent[0]["relay"].startswith(
               "127.0.0.1[127.0.0.1]:") and isinstance(sent[0]["delay"],
                                                       (int, float)) and
           sent[0]["reason"] == "250 2.0.0 Ok: queued as 4F1B2C3D5E" and
           re.fullmatch("[0-9A-F]+", sent[0]["queue_id"]),
           "a delivery has its facts as fields", sent)
    no = [e for e in kinds["reject"] if e.get("to") == "x@far.example"]
    tap.ok(len(no) == 1 and no[0]["code"] == 554 and
           no[0]["client"] == "localhost[127.0.0.1]" and
           no[0]["stage"] == "RCPT" and no[0]["helo"] == "client.example",
           "so has a rejection", no)
    code, out, err = trace(i, "never@out.example")
    tap.ok(code == 0 and "status=bounced" in out and
           "sender non-delivery notification" in out and
           out.count("connect from") == 2, "posttrace reads it",
           out + err)
    tap.ok("messages in" in i.run("posttop", "--once").stdout.decode(),
           "so does posttop")


def without_file(i, port):
    """As with syslog, and nobody there who takes it."""
    for _ in range(3):
        traffic.send(i.port, "a@ok.example", "one@ok.example")
    i.wait(lambda: numbers(try_http(port)).get(
        "postfix_smtpd_disconnects_total") == 3 and
        "removed_total 3" in try_http(port))
    got = numbers(http(port))
    tap.ok(got["postfix_qmgr_messages_removed_total"] == 3 and
           got["postfix_smtpd_connects_total"] == 3 and
           got['postfix_deliveries_total{transport="discard",'
               'status="sent"}'] == 3,
           "metrics count what goes to syslog, too", got)


try:
    with_instance("", classic)
    with_instance("maillog_file =\n", without_file)
    with_instance("maillog_format = json\n", as_json)
finally:
    shutil.rmtree(scratch, ignore_errors=True)
sys.exit(tap.end())
