#!/bin/sh
# deps.sh - installs the Debian packages that are missing: make deps
#
#	deps.sh build	to build
#	deps.sh test	to build and to run the tests
#
# Other mail systems and mail programs, which tests exchange mail with, and
# database servers are only fetched to build/peers/: installed, they would take
# this machine's mail, or run.
# Tests leave out what can't be had.
#
# Says nothing when all are there.

build="gcc make pkg-config libc6-dev libdb5.3-dev libc-ares-dev libpcre2-dev
	libidn2-dev libseccomp-dev libssl-dev libsasl2-dev
	libsqlite3-dev libmariadb-dev libpq-dev libldap-dev libcdb-dev
	libmongoc-dev libcurl4-openssl-dev zlib1g-dev libncurses-dev"
test="python3 procps strace iproute2 git swaks libnet-ssleay-perl
	libauthen-sasl-perl libdigest-hmac-perl msmtp openssl testssl.sh
	libsasl2-modules libsasl2-modules-db"
peers="postgrey policyd-rate-limit haproxy nmap exim4-daemon-light opensmtpd s-nail bsd-mailx
	redis-server memcached mariadb-server-core postgresql slapd
	dovecot-core dovecot-imapd dovecot-pop3d dovecot-lmtpd dovecot-sieve
	cyrus-imapd mailman3 procmail maildrop mutt sasl2-bin fail2ban opendkim rspamd
	knot unbound
	pflogsumm logwatch prometheus-postfix-exporter"

command -v dpkg-query >/dev/null || {
	# Another system: the compiler will say what it lacks.
	exit 0
}

is_installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = \
	    installed ]
}

install_packages() {
	echo "Missing packages: $*"
	sudo=
	if [ "$(id -u)" != 0 ]; then
		sudo=$(command -v sudo) || {
			echo "Install them as root: apt-get install $*" >&2
			return 1
		}
	fi
	export DEBIAN_FRONTEND=noninteractive
	$sudo apt-get -qq update &&
	    $sudo apt-get -qq -y --no-install-recommends install "$@" >/dev/null
}

# A package and what it needs that is not here.
fetch() {
	into=build/peers/$1
	[ -e "$into/complete" ] && return
	is_installed "$1" && return
	names=$(apt-get -s --no-install-recommends install "$1" 2>/dev/null |
	    sed -n 's/^Inst \([^ ]*\) .*/\1/p')
	[ -n "$names" ] && mkdir -p "$into" &&
	    (cd "$into" && apt-get -qq download $names 2>/dev/null) &&
	    touch "$into/complete"
}

want=$build
[ "${1:-build}" = test ] && want="$want $test"
missing=
for package in $want; do
	is_installed "$package" || missing="$missing $package"
done
if [ -n "$missing" ]; then
	install_packages $missing || exit 1
fi
[ "${1:-build}" = test ] || exit 0
for package in $peers; do
	fetch "$package" ||
	    echo "Tests will do without $package: it can't be fetched" >&2
done
