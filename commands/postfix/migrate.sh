#!/bin/sh
# postfix-migrate-script - from another mail system to this one, and back
#
# Run by postfix(1) as the superuser:
#
#	postfix migrate check		what would be done
#	postfix migrate from-postfix	configuration is ours already: keeps a
#					copy, says what is known to differ,
#					drains the old queue
#	postfix migrate from-exim	main.cf from Exim's Debian settings;
#					aliases stay; drains the old queue
#	postfix migrate back		restores the copy
#
# Exim's queue can't be read by us: its mail is delivered by its own programs,
# run once more, while ours do not listen yet.  Postfix's is read here.

umask 022
config=${config_directory:?} bin=${command_directory:?}
queue=${queue_directory:?}
copy=$config/before-migration
exim_conf=${EXIM_CONF:-/etc/exim4/update-exim4.conf.conf}

die() {
	echo "postfix migrate: $*" >&2
	exit 1
}
note() { echo "postfix migrate: $*"; }

need_stopped() {
	! "$bin/postfix" -c "$config" status >/dev/null 2>&1 ||
	    die "the mail system runs; \"postfix stop\" first"
}

# --- the copy

keep_copy() {
	[ ! -e "$copy" ] || die "$copy is there from an earlier migration:" \
	    "\"postfix migrate back\", or remove it"
	mkdir -m 700 "$copy" || exit 1
	for file in "$config"/* /etc/aliases; do
		[ -f "$file" ] || continue
		cp -p "$file" "$copy/" || exit 1
	done
	note "a copy of the configuration is in $copy"
}

go_back() {
	[ -e "$copy" ] || die "there is nothing to go back to"
	need_stopped
	for file in "$copy"/*; do
		case ${file##*/} in
		aliases) cp -p "$file" /etc/aliases ;;
		*) cp -p "$file" "$config/" ;;
		esac || exit 1
	done
	rm -rf "$copy"
	note "the configuration is as it was.  Mail in our queue: \"postqueue -p\";"
	note "deliver it with \"postfix start; postfix flush\" before the other" \
	    "mail system is installed again."
}

# --- the old queue

# A file of Postfix's begins with a record "C"; ours, which postcat knows by
# their end, may begin with anything.
old_files() {
	for dir in maildrop incoming active deferred hold; do
		find "$queue/$dir" -type f 2>/dev/null
	done | while read -r file; do
		case $(head -c 1 "$file")$("$bin/postcat" -c "$config" -e \
		    "$file" 2>&1 | head -c 200) in
		*"not a valid queue file"*) echo "$file" ;;
		esac
	done
}

# Records of Postfix's: type, length in groups of seven bits, data.  What is
# left to do of the message goes to sendmail, as a new one.
resubmit() {
	perl -e '
		use strict;
		my ($file, $sendmail) = @ARGV;
		open(my $f, "<:raw", $file) or exit 1;
		my ($sender, $text, $within, $jumps, @to) = ("", "", 0, 0);
		sub piece {
			my $n = shift;
			read($f, my $data, $n) == $n or exit 2;
			return $data;
		}
		while (read($f, my $type, 1) == 1) {
			my ($len, $shift, $b) = (0, 0);
			do {
				$b = ord(piece(1));
				$len |= ($b & 127) << $shift;
				($shift += 7) < 35 or exit 2;
			} while ($b > 127);
			my $data = $len > 0 ? piece($len) : "";
			if ($type eq "S") { $sender = $data }
			elsif ($type eq "R") { push @to, $data }
			elsif ($type eq "M") { $within = 1 }
			elsif ($type eq "X") { $within = 0 }
			elsif ($type eq "N" && $within) { $text .= "$data\n" }
			elsif ($type eq "L" && $within) { $text .= $data }
			elsif ($type eq "p" && $data > 0) {
				$jumps++ < 10000 && seek($f, $data, 0) or exit 2;
			}
			elsif ($type eq "E") { last }
		}
		@to > 0 or exit 0;
		open(my $out, "|-", $sendmail, "-oi", "-G", "-f", $sender,
		    "--", @to) or exit 1;
		print $out $text;
		close($out) or exit 1;
	' "$1" "$("$bin/postconf" -c "$config" -hx sendmail_path)"
}

# Their files are kept until the messages are in our queue.
drain_postfix() {
	n=$(old_files | wc -l)
	[ "$n" -gt 0 ] || {
		note "the old queue is empty"
		return
	}
	command -v perl >/dev/null ||
	    die "$n messages wait in the old queue, and it takes perl to move" \
	    "them"
	move=$queue/saved/from-postfix
	mkdir -p "$move" || exit 1
	old_files | while read -r file; do
		mv "$file" "$move/" || exit 1
	done
	good=0
	for file in "$move"/*; do
		[ -f "$file" ] || continue
		if MAIL_CONFIG=$config resubmit "$file"; then
			rm -f "$file"
			good=$((good + 1))
		else
			note "$file can't be moved; it stays there"
		fi
	done
	rmdir "$move" 2>/dev/null
	note "$good of $n messages of the old queue are in ours"
}

drain_exim() {
	[ -z "$EXIM_CONF" ] && command -v exim4 >/dev/null || return 0
	exim4 -bpc >/dev/null 2>&1 || return 0
	n=$(exim4 -bpc)
	[ "$n" -gt 0 ] || return 0
	note "exim delivers $n messages"
	exim4 -qff
	n=$(exim4 -bpc)
	[ "$n" -eq 0 ] || note "$n messages stay in exim's queue: run" \
	    "\"exim4 -qff\" again before you remove it"
}

# --- Postfix

differences() {
	note "what this release says about the configuration:"
	"$bin/postconf" -c "$config" -n 2>&1 >/dev/null
	"$bin/postfix" -c "$config" check
	for service in $("$bin/postconf" -c "$config" -Mh 2>/dev/null |
	    awk '$8 != "" { print $8 }' | sort -u); do
		[ -x "${daemon_directory:?}/$service" ] ||
		    note "master.cf: there is no program \"$service\" here"
	done
	n=$(old_files | wc -l)
	[ "$n" -eq 0 ] || note "$n messages of the old mail system wait in the queue"
}

from_postfix() {
	need_stopped
	keep_copy
	"$bin/postfix" -c "$config" set-permissions || exit 1
	drain_postfix
	differences
	note "done; \"postfix start\""
}

# --- Exim, as Debian configures it

# exim NAME - of the settings that its package asked for
exim() { sed -n "s/^dc_$1='\(.*\)'.*/\1/p" "$exim_conf"; }

# Colons separate Exim's lists, but for those in IPv6 addresses, doubled or
# after "<;".
exim_list() {
	case $1 in
	'<;'*) echo "${1#<;}" | tr ';' ' ' ;;
	*) echo "$1" | sed 's/::/\n/g; s/[ :]*:[ :]*/ /g; s/\n/:/g' ;;
	esac
}

set_conf() { "$bin/postconf" -c "$config" -e "$@" || exit 1; }

from_exim() {
	[ -r "$exim_conf" ] || die "no $exim_conf: only Exim as Debian" \
	    "configures it can be taken over"
	need_stopped
	type=$(exim eximconfig_configtype)
	keep_copy
	name=$(cat /etc/mailname 2>/dev/null || hostname -f)
	set_conf "myorigin = $name"
	set_conf "mydestination = \$myhostname, $(exim_list \
	    "$(exim other_hostnames)") localhost"
	[ -z "$(exim relay_domains)" ] ||
	    set_conf "relay_domains = $(exim_list "$(exim relay_domains)")"
	[ -z "$(exim relay_nets)" ] ||
	    set_conf "mynetworks = 127.0.0.0/8 [::1]/128 $(exim_list \
	    "$(exim relay_nets)")"
	case $(exim local_interfaces) in
	*127.0.0.1*) set_conf "inet_interfaces = loopback-only" ;;
	*) set_conf "inet_interfaces = all" ;;
	esac
	case $(exim localdelivery) in
	maildir_home) set_conf "home_mailbox = Maildir/" ;;
	esac
	case $type in
	smarthost | satellite)
		host=$(exim smarthost)
		case $host in
		*::*) set_conf "relayhost = [${host%%::*}]:${host##*::}" ;;
		?*) set_conf "relayhost = [$host]" ;;
		esac
		;;
	local) set_conf "default_transport = error:mail leaves this host not" ;;
	esac
	[ ! -e /etc/exim4/passwd.client ] ||
	    note "logins for servers are in /etc/exim4/passwd.client: see" \
	    "smtp_sasl_password_maps"
	[ ! -e /etc/aliases ] || "$bin/postalias" -c "$config" \
	    "$("$bin/postconf" -c "$config" -hx alias_database)" || exit 1
	drain_exim
	"$bin/postfix" -c "$config" check
	note "done; look at $config/main.cf, then \"postfix start\""
}

case $1 in
check) differences ;;
from-postfix) from_postfix ;;
from-exim) from_exim ;;
back) go_back ;;
*)
	die "usage: postfix migrate check (or from-postfix, from-exim, back)"
	;;
esac
