#!/bin/sh
# unit: what systemd says about the service files, where it is at hand

cd "$(dirname "$0")/../.." || exit 1
command -v systemd-analyze >/dev/null || {
	echo "1..0 # SKIP needs systemd-analyze"
	exit 0
}
n=0 bad=0

is() {
	n=$((n + 1))
	if [ "$2" = 0 ]; then
		echo "ok $n - $1"
	else
		bad=1
		printf 'not ok %s - %s\n%s\n' "$n" "$1" "$(echo "$3" |
		    sed 's/^/# /')"
	fi
}

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cp conf/etc/postfix.service "$dir/"
cp conf/etc/postfix@.service "$dir/postfix@x.service"

for unit in postfix.service postfix@x.service; do
	said=$(systemd-analyze verify --man=no "$dir/$unit" 2>&1 |
	    grep -v "is not executable")
	[ -z "$said" ]
	is "$unit is understood" $? "$said"
	said=$(systemd-analyze security --offline=yes --no-pager --threshold=30 \
	    "$dir/$unit" 2>&1)
	is "$unit exposes itself to 3.0 at most" $? "$said"
done
echo "1..$n"
exit $bad
