#!/bin/bash
# demo.sh - make run and make demo: a private mail system on loopback
#
#	demo.sh run	until Ctrl-C, showing the log
#	demo.sh demo	sends itself two messages, shows them, ends

cd "$(dirname "$0")/.." || exit 1
. conf/instance.sh
mode=${1:-run}
BUILD=${BUILD:-build}
port=${PORT:-2525}
dir=$(pwd)/$BUILD/run
bin=$(pwd)/$BUILD/bin
user=$(id -un)

if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
	echo "Port $port is in use; try: make $mode PORT=2526" >&2
	exit 1
fi
# For root the workers are another user: build/run is a link to a place that
# they can reach when this folder (/root, say) is closed to others.
place=$dir
if [ "$(id -u)" = 0 ] && ! setpriv --reuid daemon --clear-groups \
    test -x "$(pwd)" 2>/dev/null; then
	place=/var/tmp/rohrpost-run
	mkdir -p "$place"
	[ -O "$place" ] || exit 1
	[ -L "$dir" ] || rm -rf "$dir"
	ln -sfn "$place" "$dir"
fi
instance_make "$place" "$port" || exit 1
dir=$place
: >>"$dir/maillog"
trap 'instance_stop "$dir"; [ -n "${tail:-}" ] && kill "$tail" 2>/dev/null' EXIT
trap 'exit 0' INT TERM
instance_start "$dir" || { tail -20 "$dir/maillog"; exit 1; }

explain() {
	cat <<-EOF

	A private mail system is running, as $(id -un), on 127.0.0.1 port $port.

	    configuration   $dir/etc/main.cf
	    your mailbox    $dir/mail/$user/new/
	    log             $dir/maillog (below)

	In another terminal, in this folder:

	    export MAIL_CONFIG=$dir/etc
	    echo "Subject: hello" | $BUILD/bin/sendmail me
	    swaks --server 127.0.0.1:$port --to $user@localhost
	    $BUILD/bin/mailq
	    $BUILD/bin/postconf -n

	Ctrl-C stops it.

	EOF
}

# One message over SMTP, waiting for every reply.
send_smtp() {
	exec 3<>"/dev/tcp/127.0.0.1/$port" || return 1
	read -r line <&3
	for command in "EHLO localhost" "MAIL FROM:<$user@localhost>" \
	    "RCPT TO:<$user@localhost>" DATA; do
		printf '%s\r\n' "$command" >&3
		while read -r line <&3 && [ "${line:3:1}" = "-" ]; do :; done
		case $line in [45]*) echo "$line" >&2; return 1 ;; esac
	done
	printf 'Subject: by SMTP\r\n\r\nHello from port %s.\r\n.\r\n' "$port" >&3
	read -r line <&3
	echo "SMTP: $line"
	printf 'QUIT\r\n' >&3
	exec 3>&-
	[ "${line:0:3}" = 250 ]
}

wait_for() {
	for _ in $(seq 100); do
		[ "$(ls "$dir/mail/$user/new" 2>/dev/null | wc -l)" -ge "$1" ] &&
		    return 0
		sleep 0.1
	done
	return 1
}

if [ "$mode" = run ]; then
	explain
	tail -n 0 -f "$dir/maillog" &
	tail=$!
	wait "$tail"
	exit 0
fi

before=$(ls "$dir/mail/$user/new" 2>/dev/null | wc -l)
lines=$(wc -l <"$dir/maillog")
status=0
send_smtp || status=1
printf 'Subject: by sendmail\n\nHello from the command.\n' |
    MAIL_CONFIG=$dir/etc "$bin/sendmail" me || status=1
wait_for $((before + 2)) || status=1
for f in $(ls -t "$dir/mail/$user/new" | head -2); do
	echo
	echo "== $dir/mail/$user/new/$f"
	cat "$dir/mail/$user/new/$f"
done
echo
echo "== log"
tail -n +$((lines + 1)) "$dir/maillog"
[ $status = 0 ] && echo "Both messages arrived."
exit $status
