#!/bin/sh
# deps.sh - installs the Debian packages that are missing: make deps
#
#	deps.sh build	to build
#	deps.sh test	to build and to run the tests
#
# Says nothing when all are there.

build="gcc make pkg-config libc6-dev libdb5.3-dev libc-ares-dev libpcre2-dev
	libidn2-dev libseccomp-dev libssl-dev libsasl2-dev"
test="python3 procps strace iproute2 git"

command -v dpkg-query >/dev/null || {
	# Another system: the compiler will say what it lacks.
	exit 0
}
want=$build
[ "${1:-build}" = test ] && want="$want $test"
missing=
for package in $want; do
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = \
	    installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

echo "Missing packages:$missing"
sudo=
if [ "$(id -u)" != 0 ]; then
	sudo=$(command -v sudo) || {
		echo "Install them as root: apt-get install$missing" >&2
		exit 1
	}
fi
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get -qq update &&
    $sudo apt-get -qq -y --no-install-recommends install $missing >/dev/null
