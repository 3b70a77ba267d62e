#!/bin/sh
# postfix-setup-script - a main.cf for a new site: postfix setup
#
# Run by postfix(1) as the superuser.  Asks five things, or takes them as
# options; writes main.cf with comments, and tries it before it takes the
# place of the old one, which stays as main.cf.old.  Ends with 0, or with 1
# and nothing changed.

umask 022
config=${config_directory:?} bin=${command_directory:?}
hostname= domains= listen= relay= root= yes= aliases=
temp=

usage() {
	cat >&2 <<-'END'
	usage: postfix setup [options]
	  --hostname NAME     full name of this host
	  --domains LIST      domains whose mail is delivered here
	  --listen all|local  mail from the network, or from this host only
	  --relay HOST|none   all mail for elsewhere goes through this host
	  --root ADDRESS|none who reads the mail of root and postmaster
	  --yes               asks nothing: the default for what is not given
	END
	exit 1
}

die() {
	echo "postfix setup: $*" >&2
	exit 1
}

trap '[ -z "$temp" ] || rm -rf "$temp"' EXIT
trap 'exit 1' HUP INT TERM

while [ $# -gt 0 ]; do
	[ "$1" = --yes ] || [ $# -ge 2 ] || usage
	case $1 in
	--hostname) hostname=$2; shift ;;
	--domains) domains=$2; shift ;;
	--listen) listen=$2; shift ;;
	--relay) relay=$2; shift ;;
	--root) root=$2; shift ;;
	--yes) yes=1 ;;
	*) usage ;;
	esac
	shift
done

# ask VALUE DEFAULT QUESTION... - the answer in $answer
ask() {
	answer=$1 default=$2
	shift 2
	[ -z "$answer" ] || return 0
	if [ -z "$yes" ]; then
		printf '\n'
		printf '%s\n' "$@"
		printf '[%s] ' "$default"
		read -r answer || die "no answer; nothing has changed"
	fi
	answer=${answer:-$default}
}

# What would end in main.cf as something else.
check() {
	case $2 in
	*[!A-Za-z0-9._:@,\ \[\]/+-]*) die "$1: \"$2\" has a character that does not belong there" ;;
	esac
}

# --- the five questions
default=$(hostname -f 2>/dev/null || hostname)
ask "$hostname" "$default" "1. The full name of this host, as the DNS has it:"
hostname=$answer
check --hostname "$hostname"
case $hostname in
*[!A-Za-z0-9.-]* | .* | *. | '') die "\"$hostname\" is no host name" ;;
*.*) ;;
*) die "\"$hostname\" has no domain: other servers would refuse it" ;;
esac

ask "$domains" "$hostname, ${hostname#*.}" \
    "2. Domains whose mail is delivered on this host, to its users:"
domains=$answer
check --domains "$domains"

ask "$listen" local \
    "3. \"all\" to take mail from the network, \"local\" for this host's own:"
listen=$answer
case $listen in
all | local) ;;
*) die "--listen is \"all\" or \"local\"" ;;
esac

ask "$relay" none \
    "4. A host that takes all mail for elsewhere, such as" \
    "   [smtp.example.com]:587, or \"none\":"
relay=$answer
[ "$relay" != none ] || relay=
check --relay "$relay"

ask "$root" none \
    "5. Who reads the mail of root and postmaster: a user, an address, or" \
    "   \"none\" for root's own mailbox:"
root=$answer
[ "$root" != none ] || root=
check --root "$root"

# --- what comes of them
temp=$(mktemp -d) || exit 1
database=$("$bin/postconf" -h default_database_type)
aliases=$("$bin/postconf" -hx alias_database)
case $aliases in
*:/*) ;;
*) aliases=$database:/etc/aliases ;;
esac
case $listen in
all) interfaces=all ;;
local) interfaces=loopback-only ;;
esac
# An instance in a place of its own keeps its places.
places=$("$bin/postconf" -n | grep -E '^(queue_directory|data_directory|daemon_directory|command_directory|sendmail_path|mailq_path|newaliases_path|mail_owner|setgid_group|default_privs|meta_directory|maillog_file|maillog_file_prefixes|import_environment|multi_instance_[a-z]+) =')

cat >"$temp/main.cf" <<END
# main.cf - written by "postfix setup"; postconf(5) explains all names.
# After a change: "postfix reload".  "postfix check" finds mistakes.

# Defaults are those of this release.
compatibility_level = 3.11

# The name of this host on the internet: greeting, EHLO, Received:.
myhostname = $hostname

# Mail that is sent from here without a domain is from this one.
myorigin = ${hostname#*.}

# Mail for these is delivered here, to users of this host and aliases.
mydestination = $domains, localhost

# Where mail is taken: all addresses, or only those of this host itself.
inet_interfaces = $interfaces
inet_protocols = all

# Who may send mail to anywhere through this host without a login.
mynetworks_style = host
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated,
	reject_unauth_destination

# Where mail for elsewhere goes; empty: to the servers of its domain.
relayhost = $relay

# TLS to servers that offer it.
smtp_tls_security_level = may

# Other names for users of this host; after a change: "newaliases".
alias_maps = $aliases
alias_database = $aliases

# user+anything is delivered to user.
recipient_delimiter = +
END
[ -z "$places" ] ||
    printf '\n# Places and accounts, as they were.\n%s\n' "$places" \
    >>"$temp/main.cf"
cp "$config/master.cf" "$temp/" || exit 1
chmod 755 "$temp"

# --- the test: does everything parse, and does the name exist?
"$bin/postconf" -c "$temp" -n >/dev/null || die "nothing has changed"
"$bin/postfix" -c "$temp" check || die "nothing has changed"

# --- into its place
if [ -e "$config/main.cf" ]; then
	cp -p "$config/main.cf" "$config/main.cf.old" || exit 1
fi
cp "$temp/main.cf" "$config/.main.cf.new" &&
    mv "$config/.main.cf.new" "$config/main.cf" || exit 1
file=${aliases#*:}
if [ -n "$root" ]; then
	[ -e "$file" ] || printf 'postmaster: root\n' >"$file"
	# an entry goes on in lines that begin with white space
	awk '/^root[ \t]*:/ { drop = 1; next }
	    /^[ \t]*(#|$)/ { print; next }
	    drop && /^[ \t]/ { next }
	    { drop = 0; print }' "$file" >"$temp/aliases" &&
	    echo "root: $root" >>"$temp/aliases" &&
	    cat "$temp/aliases" >"$file" || exit 1
fi
if [ -e "$file" ]; then
	"$bin/postalias" -c "$config" "$aliases" || exit 1
fi
echo "$config/main.cf is written; the old one is main.cf.old."
if "$bin/postfix" -c "$config" status >/dev/null 2>&1; then
	echo "The mail system runs: \"postfix reload\" (or stop and start, if"
	echo "inet_interfaces is another) makes it known."
else
	echo "\"postfix start\" starts the mail system."
fi
if [ "$listen" = all ]; then
	echo "For TLS: \"postfix tls enable-server\".  In the DNS: an MX record for"
	echo "the domains, and an address whose reverse name is $hostname."
fi
