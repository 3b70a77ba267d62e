#!/bin/bash
# package: the Debian packages on a fresh system, from installation to purge
#
# As root, in an overlay over a minimal Debian: that in FRESH, or one that
# debootstrap makes in /var/tmp/fresh.  Nothing of this host changes.

name=$(readlink -f "$0")
cd "$(dirname "$0")/../.." || exit 1
build=$(cd "${BUILD:-build}" && pwd)
image=${FRESH:-/var/tmp/fresh}
. tests/tap.sh

skip() { echo "1..0 # SKIP $*"; exit 0; }

# --- outside: the packages, and a machine of our own
if [ "$1" != inside ]; then
	[ "$(id -u)" = 0 ] || skip "needs root"
	[ "$SAN" != 1 ] || skip "a package is built without sanitizers"
	for command in dpkg-deb unshare ip python3; do
		command -v $command >/dev/null || skip "needs $command"
	done
	if [ ! -e $image/usr/bin/dpkg ]; then
		command -v debootstrap >/dev/null || skip "needs debootstrap"
		debootstrap --variant=minbase bookworm $image \
		    >/dev/null 2>&1 || skip "debootstrap failed"
	fi
	dir=$(mktemp -d /var/tmp/rohrpost-package.XXXXXX)
	trap 'rm -rf --one-file-system "$dir"' EXIT
	BUILD=$build conf/deb.sh "$dir" >/dev/null || exit 1
	unshare -mpfu --mount-proc --kill-child "$name" inside "$dir"
	exit
fi

# --- inside
dir=$2
root=$dir/root
mount --make-rprivate /
mkdir "$dir/up" "$dir/work" "$root"
mount -t tmpfs none "$dir/up" &&
    mkdir "$dir/up/up" "$dir/up/work" &&
    mount -t overlay overlay \
    -o "lowerdir=$image,upperdir=$dir/up/up,workdir=$dir/up/work" "$root" ||
    skip "no overlay"
rm -f "$root/etc/apt/sources.list"
cp -a /etc/apt/sources.list* /etc/apt/apt.conf.d "$root/etc/apt/" 2>/dev/null
cp /etc/resolv.conf "$root/etc/"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs none "$root/run"
mount -t tmpfs none "$root/tmp"
hostname fresh.example.com
echo "127.0.0.1 fresh.example.com fresh localhost" >"$root/etc/hosts"
cp "$dir"/*.deb "$root/tmp/"

in_root() {
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive \
	    HOME=/root chroot "$root" "$@"
}
# In a network of its own, where port 25 is free.
alone() { unshare -n sh -c 'ip link set lo up; exec "$@"' x "$@"; }

needed=$(for package in rohrpost rohrpost-sqlite; do
	dpkg-deb -f "$dir/${package}"_*.deb Depends
done | tr ',' '\n' | sed 's/(.*//' | grep -v rohrpost | sort -u | tr '\n' ' ')
in_root sh -c "apt-get -qq update && apt-get -qq -y --no-install-recommends \
    install $needed" >/dev/null 2>&1 ||
    skip "packages can't be fetched"
find "$root" -xdev \( -type f -o -type l \) -printf '%P\n' |
    sort >"$dir/before"

in_root sh -c 'apt-get -qq -y --no-install-recommends install \
    /tmp/rohrpost_*.deb /tmp/rohrpost-sqlite_*.deb' >"$dir/log" 2>&1
is "apt installs it" $? 0
[ "$bad" = 0 ] || sed 's/^/# /' "$dir/log"
is "it asks nothing" \
    "$(in_root sh -c 'ls /var/lib/dpkg/info/rohrpost*.templates' 2>/dev/null)" ""
is "it is the mail transport agent" \
    "$(in_root dpkg-query -W -f '${Status}' rohrpost)" "install ok installed"
is "postdrop and postqueue are set-gid" \
    "$(in_root stat -c '%A %G' /usr/sbin/postdrop /usr/sbin/postqueue)" \
    "-rwxr-sr-x postdrop
-rwxr-sr-x postdrop"
is "postfix check finds nothing" "$(in_root postfix check 2>&1)" ""
is "the plug-in is found" "$(in_root postconf -m | grep -x sqlite)" sqlite

# Mail: from the network to a mailbox, from a user to the network.
cat >"$dir/mail.py" <<'END'
import os, smtplib, socket, subprocess, sys, threading, time
root = sys.argv[1]

def run(*argv, **kw):
    return subprocess.run(["chroot", root] + list(argv), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, **kw)

got = []
def sink():
    s = socket.create_server(("127.0.0.1", 2525))
    c, _ = s.accept()
    f = c.makefile("rwb")
    def say(text):
        f.write(text.encode() + b"\r\n"); f.flush()
    say("220 sink")
    for line in f:
        verb = line[:4].upper()
        if verb == b"DATA":
            say("354 go on")
            for line in f:
                if line == b".\r\n":
                    break
                got.append(line.decode())
            say("250 taken")
        elif verb == b"QUIT":
            say("221 bye")
            return
        else:
            say("250 ok")
threading.Thread(target=sink, daemon=True).start()

def until(what):
    end = time.time() + 60
    while time.time() < end and not what():
        time.sleep(0.1)
    return what()

log = root + "/var/log/postfix.log"
run("postconf", "-e", "relayhost=[127.0.0.1]:2525", "myhostname=fresh.example.com",
    "maillog_file=/var/log/postfix.log", "inet_interfaces=127.0.0.1",
    "smtp_tls_security_level=none")
run("useradd", "-m", "alice")
fg = subprocess.Popen(["chroot", root, "postfix", "start-fg"],
                      stdin=subprocess.DEVNULL,
                      stderr=subprocess.DEVNULL)
print("start-fg runs:", until(lambda: run("postfix", "status").returncode == 0))
c = smtplib.SMTP("127.0.0.1", 25)
c.sendmail("far@example.net", "alice@fresh.example.com", "Subject: in\n\ntext\n")
c.quit()
box = root + "/var/mail/alice"
print("mail in:", until(lambda: os.path.exists(box) and "Subject: in" in open(box).read()))
run("sendmail", "-t", input="To: far@example.net\nSubject: out\n\ntext\n")
print("mail out:", until(lambda: any("Subject: out" in l for l in got)))
master = open(root + "/var/spool/postfix/pid/master.pid").read().strip()
r = run("sh", "-c", "dpkg -i --force-confold /tmp/rohrpost_*.deb /tmp/rohrpost-sqlite_*.deb")
print("upgrade:", r.returncode)
print("runs again:", until(lambda: run("postfix", "status").returncode == 0))
print("as a new process:", open(root + "/var/spool/postfix/pid/master.pid").read().strip() != master)
print("configuration is kept:", run("postconf", "-h", "relayhost").stdout.strip())
r = run("sh", "-c", "apt-get -qq -y purge rohrpost rohrpost-sqlite </dev/null")
print("purge:", r.returncode)
if r.returncode:
    print(r.stdout)
fg.wait(60)
left = [p for p in os.listdir("/proc") if p.isdigit() and
        "/lib/postfix/" in open("/proc/%s/cmdline" % p).read()]
print("processes left:", len(left))
END
is "mail in and out, upgrade, purge" "$(alone python3 "$dir/mail.py" "$root" 2>&1)" \
"start-fg runs: True
mail in: True
mail out: True
upgrade: 0
runs again: True
as a new process: True
configuration is kept: [127.0.0.1]:2525
purge: 0
processes left: 0"

# Accounts, apt's own books, what the test itself made.
is "what stays is configuration and mail" \
    "$(find "$root" -xdev \( -type f -o -type l \) -printf '%P\n' | sort |
    comm -13 "$dir/before" - | grep -vE '^(var/(cache|lib/(apt|dpkg))/|home/alice/|var/log/(apt|dpkg|alternatives|faillog|lastlog))|^etc/(passwd|group|g?shadow|sub.id)-?$')" \
"etc/aliases
etc/mailname
etc/postfix/main.cf
etc/postfix/master.cf
var/log/postfix.log
var/mail/alice"

# --- programs that send mail by the sendmail command, as users have them
cat >"$dir/senders.py" <<'END'
import os, re, subprocess, sys, time
root = sys.argv[1]
env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/home/alice",
       "EMAIL": "alice@fresh.example.com", "LOGNAME": "alice", "TERM": "dumb"}

def alice(command, text=""):
    p = subprocess.run(["chroot", "--userspec=alice:alice", root, "sh", "-c",
                        "cd; " + command], input=text, text=True, env=env,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if p.returncode:
        print(command, p.returncode, p.stdout)

def run(*argv):
    return subprocess.run(["chroot", root] + list(argv), env=env,
                          stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode

box = root + "/var/mail/alice"
def arrived(subject):
    end = time.time() + (120 if subject.startswith("Cron") else 60)
    while time.time() < end:
        if os.path.exists(box) and "Subject: " + subject in open(box).read():
            return True
        time.sleep(0.2)
    return False

open(root + "/etc/cron.d/test", "w").write(
    "MAILTO=alice\n* * * * * alice echo from cron\n")
fg = subprocess.Popen(["chroot", root, "postfix", "start-fg"], env=env,
                      stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
cron = subprocess.Popen(["chroot", root, "cron", "-f"], env=env,
                        stderr=subprocess.DEVNULL)
while run("postfix", "status"):
    time.sleep(0.1)
alice("mutt -n -s mutt alice", "text\n")
alice("mailx -s mailx alice", "text\n")
alice("php -r 'exit(mail(\"alice\", \"php\", \"text\") ? 0 : 1);'")
alice("git init -q t && cd t && git config user.name A &&"
      " git config user.email alice@fresh.example.com &&"
      " git commit -q --allow-empty -m none && echo a >a && git add a &&"
      " git commit -q -m git && git send-email --quiet --confirm=never"
      " --to=alice@fresh.example.com -1")
for name, subject in (("mutt", "mutt"), ("mailx", "mailx"), ("PHP", "php"),
                      ("git send-email", "[PATCH] git"), ("cron", "Cron <alice")):
    print(name + ":", arrived(subject))
cron.terminate()
run("postfix", "stop")
fg.wait(60)
END
if in_root sh -c 'apt-get -qq -y --no-install-recommends install \
    /tmp/rohrpost_*.deb mutt bsd-mailx php-cli git-email \
    libmailtools-perl cron' \
    >"$dir/log" 2>&1; then
	is "programs send through sendmail" \
	    "$(alone python3 "$dir/senders.py" "$root" 2>&1)" "mutt: True
mailx: True
PHP: True
git send-email: True
cron: True"
else
	echo "# programs that send mail can't be fetched"
fi

tap_end
