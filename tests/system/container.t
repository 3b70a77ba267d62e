#!/bin/bash
# container: in the foreground as process 1, log on standard output, read-only
#
# In namespaces of its own, as root: the programs' directory is read-only,
# spool and data are the only places to write.

cd "$(dirname "$0")/../.." || exit 1
n=0 bad=0
check() {
	n=$((n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $n - $1"
	else
		bad=1
		printf 'not ok %s - %s\n# got %s, want %s\n' "$n" "$1" "$2" "$3"
	fi
}
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
command -v unshare >/dev/null || { echo "1..0 # SKIP needs unshare"; exit 0; }

. conf/instance.sh
dir=$(mktemp -d /tmp/rohrpost-container.XXXXXX)
outer=
trap 'kill -9 $outer 2>/dev/null; rm -rf "$dir" "$dir.log"' EXIT
chmod 755 "$dir"
instance_make "$dir" 25 || exit 1
bin=$(cd "${BUILD:-build}/bin" && pwd)
sed -i '/^maillog_file/d' "$dir/etc/main.cf"
echo "maillog_file = /dev/stdout" >>"$dir/etc/main.cf"

# All is read-only but for spool, data, mail and /tmp.
unshare -mpfn --mount-proc --kill-child bash -c '
	dir=$1 bin=$2
	ip link set lo up
	mount --make-rprivate /
	for place in "$dir/spool" "$dir/data" "$dir/mail" /dev; do
		mount --bind "$place" "$place"
	done
	mount -o remount,bind,ro / || exit 3
	mount -o remount,bind,ro "$dir" 2>/dev/null
	MAIL_CONFIG=$dir/etc exec "$bin/postfix" start-fg
' x "$dir" "$bin" >"$dir.log" 2>/dev/null &
outer=$!	# which ends its child with itself
inner=
for _ in $(seq 600); do
	inner=$(pgrep -P $outer 2>/dev/null | head -n 1)
	[ -n "$inner" ] && nsenter -a -r -t "$inner" env MAIL_CONFIG="$dir/etc" \
	    "$bin/postfix" status 2>/dev/null && break
	inner=
	sleep 0.1
done
check "the health command says that it runs" "${inner:+yes}" yes
check "it is process 1 and nothing is around it" \
    "$(awk '/^NSpid:/ { print $3 }' "/proc/$inner/status" 2>/dev/null)" 1
check "the root is read-only" \
    "$(nsenter -a -r -t "$inner" touch /var/x 2>&1 | grep -c 'Read-only')" 1
printf 'Subject: x\n\ntext\n' | nsenter -a -r -t "$inner" env \
    MAIL_CONFIG="$dir/etc" "$bin/sendmail" daemon@localdomain
for _ in $(seq 600); do
	grep -q 'status=sent' "$dir.log" && break
	sleep 0.1
done
check "mail is delivered, and the log is on standard output" \
    "$(grep -c 'status=sent' "$dir.log")" 1
kill -TERM "$inner"
for _ in $(seq 600); do
	kill -0 $outer 2>/dev/null || break
	sleep 0.1
done
check "SIGTERM ends it in order" "$(kill -0 $outer 2>/dev/null; echo $?)" 1
check "and it says so" "$(grep -c 'terminating on signal 15' "$dir.log")" 1
[ $bad = 0 ] || sed 's/^/# /' "$dir.log"
echo "1..$n"
exit $bad
