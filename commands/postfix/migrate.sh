#!/bin/sh
# postfix-migrate-script - from another mail system to this one, and back
#
# Run by postfix(1) as the superuser:
#
#	postfix migrate check		what would be done
#	postfix migrate from-postfix	configuration is ours already: keeps a
#					copy, says what is known to differ,
#					drains the old queue
#	postfix migrate from-exim	main.cf from Exim's Debian settings,
#					logins, rewriting; aliases stay; takes
#					over the old queue
#	postfix migrate back		restores the copy
#
# While Exim is installed it delivers its queue itself, once more, before ours
# listens; what stays, or what it left behind when it was removed, is read here,
# as Postfix's queue is.

umask 022
config=${config_directory:?} bin=${command_directory:?}
queue=${queue_directory:?}
copy=$config/before-migration
exim_conf=${EXIM_CONF:-/etc/exim4/update-exim4.conf.conf}
exim_dir=$(dirname "$exim_conf")
exim_spool=${EXIM_SPOOL:-/var/spool/exim4}
exim_addresses=${EXIM_ADDRESSES:-/etc/email-addresses}

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
	for file in sasl_passwd generic; do
		[ -e "$copy/$file" ] || rm -f "$config/$file"
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

# Exim's last run.
flush_exim() {
	[ -z "$EXIM_CONF" ] && command -v exim4 >/dev/null || return 0
	n=$(exim4 -bpc 2>/dev/null) && [ "${n:-0}" -gt 0 ] || return 0
	note "exim delivers $n messages"
	exim4 -qff
}

exim_files() {
	find "$exim_spool/input" -name '*-H' -type f 2>/dev/null
}

# A message is two files, ID-D with the body and ID-H with all else: sender,
# addresses that are done (a tree), a count and so many recipients, and after an
# empty line each header field behind its length and a letter; "*" is of a
# field that was replaced.  ID-J has what was delivered since.
resubmit_exim() {
	perl -e '
		use strict;
		my ($head, $sendmail) = @ARGV;
		my ($body, $journal) = map { $head =~ s/-H$/$_/r } "-D", "-J";
		my (%done, @to, $fields);
		open(my $h, "<:raw", $head) or exit 1;
		<$h>, <$h>;
		my ($sender) = <$h> =~ /^<(.*)>$/ or exit 2;
		while (<$h>) {
			last if /^\d+$/;
			$done{lc $1} = 1 if /^[YN][YN] (.*)/;
		}
		while (<$h>) {
			last if /^$/;
			push @to, $1 if /^(\S+)/;
		}
		if (open(my $j, "<", $journal)) {
			while (<$j>) {
				chomp;
				$done{lc $_} = 1;
				$done{lc $1} = 1 if /^X(.*)/;
			}
		}
		@to = grep { !$done{lc $_} } @to;
		@to > 0 or exit 0;
		my $rest = do { local $/; <$h> };
		while ($rest =~ /\G(\d+)(.) /gc) {
			my $text = substr($rest, pos $rest, $1);
			$fields .= $text if $2 ne "*";
			pos($rest) += $1;
		}
		open(my $d, "<:raw", $body) or exit 1;
		<$d>;
		open(my $out, "|-", $sendmail, "-oi", "-G", "-f", $sender,
		    "--", @to) or exit 1;
		print $out $fields, "\n";
		print $out $_ while <$d>;
		close($out) or exit 1;
	' "$1" "$("$bin/postconf" -c "$config" -hx sendmail_path)"
}

exim_runs() {
	read -r pid <"${EXIM_PID:-/run/exim4/exim.pid}" && kill -0 "$pid"
} 2>/dev/null

drain_exim() {
	flush_exim
	n=$(exim_files | wc -l)
	[ "$n" -gt 0 ] || return 0
	command -v perl >/dev/null ||
	    die "$n messages wait in exim's queue, and it takes perl to move" \
	    "them"
	! exim_runs ||
	    die "exim runs, and $n messages wait in its queue: stop it first"
	exim_files | {
		good=0
		while read -r file; do
			if MAIL_CONFIG=$config resubmit_exim "$file"; then
				rm -f "$file" "${file%-H}-D" "${file%-H}-J"
				good=$((good + 1))
			else
				note "$file can't be moved; it stays there"
			fi
		done
		note "$good of $n messages of exim's queue are in ours"
	}
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

# Colons separate Exim's lists, but for those in IPv6 addresses, doubled; in
# newer files semicolons do.
exim_list() {
	case $1 in
	*';'*) echo "${1#<}" | tr ';' ' ' | tr -s ' ' ;;
	*) echo "$1" | sed 's/::/\n/g; s/[ :]*:[ :]*/ /g; s/\n/:/g' ;;
	esac
}

set_conf() { "$bin/postconf" -c "$config" -e "$@" || exit 1; }

# exim_macro NAME - of the local macros, whether one file or many is used
exim_macro() {
	cat "$exim_dir"/conf.d/main/*localmacros* \
	    "$exim_dir/exim4.conf.localmacros" 2>/dev/null |
	    sed -n "s/^$1[ \t]*=[ \t]*//p" | tail -n 1
}

# What mail comes here for, and from whom.
exim_domains() {
	name=$(cat /etc/mailname 2>/dev/null || hostname -f)
	[ "$(exim hide_mailname)" != true ] || [ -z "$(exim readhost)" ] ||
	    name=$(exim readhost)
	set_conf "myorigin = $name"
	set_conf "mydestination = \$myhostname, $(exim_list \
	    "$(exim other_hostnames)") localhost"
	[ -z "$(exim relay_domains)" ] ||
	    set_conf "relay_domains = $(exim_list "$(exim relay_domains)")"
	[ -z "$(exim relay_nets)" ] ||
	    set_conf "mynetworks = 127.0.0.0/8 [::1]/128 $(exim_list \
	    "$(exim relay_nets)")"
}

exim_interfaces() {
	listed=$(exim_list "$(exim local_interfaces)")
	outside=
	for address in $listed; do
		case $address in
		127.*.*.*.* | *.*.*.*.*)
			note "a port in dc_local_interfaces, $address: it" \
			    "takes a line in $config/master.cf"
			address=${address%.*} ;;
		esac
		case $address in
		127.* | ::1) ;;
		*) outside=yes ;;
		esac
		addresses="$addresses $address"
	done
	if [ -z "$listed" ]; then
		set_conf "inet_interfaces = all"
	elif [ -z "$outside" ]; then
		set_conf "inet_interfaces = loopback-only"
	else
		set_conf "inet_interfaces =$addresses"
	fi
}

exim_ways() {
	case $(exim localdelivery) in
	maildir_home) set_conf "home_mailbox = Maildir/" ;;
	'' | mail_spool) ;;
	*) note "dc_localdelivery='$(exim localdelivery)': see" \
	    "mailbox_command and mailbox_transport" ;;
	esac
	case $(exim eximconfig_configtype) in
	smarthost | satellite)
		host=$(exim smarthost)
		case $host in
		*::*) set_conf "relayhost = [${host%%::*}]:${host##*::}" ;;
		?*) set_conf "relayhost = [$host]" ;;
		esac
		;;
	local) set_conf "default_transport = error:mail leaves this host not" ;;
	esac
}

# "server:login:password", where the server may be "*".
exim_logins() {
	[ -r "$exim_dir/passwd.client" ] || return 0
	port=$("$bin/postconf" -c "$config" -hx relayhost)
	# one that is there may be open to all
	rm -f "$config/sasl_passwd"
	(umask 077
	sed '/^[ \t]*#/d; s/[ \t]*$//; /^$/d' "$exim_dir/passwd.client" |
	while IFS=: read -r server login; do
		case $server in
		'*') [ -z "$port" ] || printf '%s %s\n' "$port" "$login" ;;
		*)
			printf '%s %s\n' "$server" "$login"
			case $port in
			"[$server]"*) printf '%s %s\n' "$port" "$login" ;;
			esac ;;
		esac
	done >"$config/sasl_passwd") || exit 1
	set_conf "smtp_sasl_auth_enable = yes" \
	    "smtp_sasl_password_maps = texthash:$config/sasl_passwd" \
	    "smtp_sasl_security_options = noanonymous"
	note "logins for servers are in $config/sasl_passwd"
}

# "user: address", for mail that leaves this host.
exim_rewriting() {
	[ -s "$exim_addresses" ] &&
	    grep -q '^[^# \t]*:' "$exim_addresses" || return 0
	sed -n 's/^\([^# \t:]*\)[ \t]*:[ \t]*/\1 /p' "$exim_addresses" \
	    >"$config/generic" || exit 1
	set_conf "smtp_generic_maps = texthash:$config/generic"
	note "$exim_addresses is $config/generic now"
}

exim_tls() {
	[ -n "$(exim_macro MAIN_TLS_ENABLE)" ] || return 0
	cert=$(exim_macro MAIN_TLS_CERTIFICATE)
	key=$(exim_macro MAIN_TLS_PRIVATEKEY)
	set_conf "smtpd_tls_security_level = may" \
	    "smtpd_tls_cert_file = ${cert:-$exim_dir/exim.crt}" \
	    "smtpd_tls_key_file = ${key:-$exim_dir/exim.key}"
}

# Exim takes 50 MB where nothing else is said.
exim_size() {
	size=$(exim_macro MESSAGE_SIZE_LIMIT)
	size=${size:-50M}
	case $size in
	*[!0-9KMG]*) return 0 ;;
	*K) size=$((${size%K} * 1024)) ;;
	*G) size=$((${size%G} * 1073741824)) ;;
	*M) size=$((${size%M} * 1048576)) ;;
	esac
	set_conf "message_size_limit = $size" \
	    "mailbox_size_limit = $((size > 51200000 ? size : 51200000))"
}

# What has no counterpart, or one that takes a decision.
exim_leftovers() {
	if [ -e "$exim_dir/exim4.conf" ]; then
		note "$exim_dir/exim4.conf is a configuration of its own: none" \
		    "of it was taken over"
	fi
	for file in "$exim_dir"/local_* "$exim_dir/hubbed_hosts" \
	    "$exim_dir/passwd"; do
		[ ! -s "$file" ] || note "not taken over: $file"
	done
	grep -nE ':(fail|defer|blackhole|unknown):' "${1:-/etc/aliases}" \
	    2>/dev/null | while read -r line; do
		note "aliases, line ${line%%:*}: \":fail:\" and the like" \
		    "are Exim's; /dev/null and error: are ours"
	done
	for file in /root/.forward /home/*/.forward; do
		[ ! -f "$file" ] || ! head -n 1 "$file" |
		    grep -qi '^# *\(exim\|sieve\) filter' ||
		    note "a filter of Exim's, which nobody runs here: $file"
	done
}

from_exim() {
	[ -r "$exim_conf" ] || die "no $exim_conf: only Exim as Debian" \
	    "configures it can be taken over"
	need_stopped
	keep_copy
	exim_domains
	exim_interfaces
	exim_ways
	exim_logins
	exim_rewriting
	exim_tls
	exim_size
	exim_leftovers
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
