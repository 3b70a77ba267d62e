#!/bin/sh
# install.sh - puts the programs into their places: make install DESTDIR=
#
# Without DESTDIR, as root, the user and the groups of the mail system are made
# too.  A main.cf, master.cf or aliases that is there is never touched.
# IS_PACKAGE=1: owners are left to the package's postinst.

set -e
cd "$(dirname "$0")/.."
bin=${BUILD:-build}/bin
dest=${DESTDIR:-}
daemon_directory=$dest/usr/lib/postfix/sbin
command_directory=$dest/usr/sbin
commands="postfix postconf postmap postalias postqueue postsuper postcat postlog
	postkick postlimit postlock postdrop postmulti posttls-finger sendmail
	posttrace posttop qshape smtp-source qmqp-source smtp-sink qmqp-sink"

is_root() { [ "$(id -u)" = 0 ]; }

# --- accounts
if [ -z "$dest" ] && is_root; then
	getent group postfix >/dev/null || groupadd --system postfix
	getent group postdrop >/dev/null || groupadd --system postdrop
	getent passwd postfix >/dev/null || useradd --system --gid postfix \
	    --home-dir /var/spool/postfix --no-create-home \
	    --shell /usr/sbin/nologin postfix
fi

# --- programs
install -d "$daemon_directory" "$command_directory" "$dest/usr/bin"
for file in "$bin"/*; do
	name=${file##*/}
	[ -f "$file" ] && [ ! -L "$file" ] || continue
	case " $(echo $commands) " in
	*" $name "*) to=$command_directory ;;
	*) to=$daemon_directory ;;
	esac
	# Beside and renamed: a program that runs can't be overwritten.
	install -m 755 "$file" "$to/.$name.new"
	mv -f "$to/.$name.new" "$to/$name"
done
# Client libraries of tables, loaded when they are used.
for file in "$bin"/../lib/postfix-*.so; do
	[ -e "$file" ] || continue
	to=$dest/usr/lib/postfix
	install -m 644 "$file" "$to/.${file##*/}.new"
	mv -f "$to/.${file##*/}.new" "$to/${file##*/}"
done
# One program under two names.
ln -f "$daemon_directory/smtp" "$daemon_directory/lmtp"
ln -f "$daemon_directory/qmgr" "$daemon_directory/oqmgr"
for name in mailq newaliases; do
	ln -sf ../sbin/sendmail "$dest/usr/bin/$name"
done

# --- configuration
install -d "$dest/etc/postfix"
for file in main.cf master.cf; do
	[ -e "$dest/etc/postfix/$file" ] ||
	    install -m 644 "conf/etc/$file" "$dest/etc/postfix/$file"
done
# What came with this release, to compare with.
install -m 644 conf/etc/master.cf "$dest/etc/postfix/master.cf.proto"
"$bin/postconf" -c conf/etc -C builtin -d |
    grep -vE '^(myhostname|mydomain|mynetworks|process_(id|name)) =' \
    >"$dest/etc/postfix/main.cf.default"
chmod 644 "$dest/etc/postfix/main.cf.default"
[ -e "$dest/etc/aliases" ] || install -m 644 conf/etc/aliases "$dest/etc/aliases"

# --- manuals, unit
for page in man/*.[1-8] "$BUILD"/man/*.[1-8]; do
	[ -e "$page" ] || continue
	section=${page##*.}
	install -d "$dest/usr/share/man/man$section"
	install -m 644 "$page" "$dest/usr/share/man/man$section/"
done
install -d "$dest/usr/share/doc/postfix"
install -m 644 "$BUILD/doc/postconf.html" "$dest/usr/share/doc/postfix/"
install -d "$dest/usr/lib/systemd/system" "$dest/usr/lib/tmpfiles.d" \
    "$dest/etc/logrotate.d" "$dest/usr/share/bash-completion/completions"
install -m 644 conf/etc/postfix.service conf/etc/postfix@.service \
    "$dest/usr/lib/systemd/system/"
install -m 644 conf/etc/postfix.tmpfiles "$dest/usr/lib/tmpfiles.d/postfix.conf"
completions=$dest/usr/share/bash-completion/completions
install -m 644 conf/etc/completion.bash "$completions/postfix"
for name in $commands mailq newaliases; do
	[ "$name" = postfix ] || ln -sf postfix "$completions/$name"
done
install -m 644 conf/etc/postfix.logrotate "$dest/etc/logrotate.d/postfix"

# --- directories, owners, set-gid: the postfix command knows them
if [ -z "$IS_PACKAGE" ] && is_root && getent passwd postfix >/dev/null &&
    getent group postdrop >/dev/null; then
	temp=$(mktemp -d)
	trap 'rm -rf "$temp"' EXIT
	cat >"$temp/main.cf" <<-END
	compatibility_level = 3.11
	queue_directory = $dest/var/spool/postfix
	data_directory = $dest/var/lib/postfix
	command_directory = $command_directory
	daemon_directory = $daemon_directory
	END
	"$bin/postfix" -c "$temp" set-permissions
fi

# Mail to local users waits as long as an alias database is missing.
if [ -z "$dest" ] && is_root && [ ! -e /etc/aliases.db ]; then
	/usr/bin/newaliases || echo "newaliases failed; see alias_database" >&2
fi

if [ -z "$dest" ] && [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
fi
