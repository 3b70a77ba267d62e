# instance.sh - a private mail system in a directory, for make run and tests
#
#	. conf/instance.sh
#	instance_make DIR PORT		directories, main.cf, master.cf, aliases
#	instance_start DIR		in the background; waits until it answers
#	instance_stop DIR
#
# BUILD names the folder with bin/.  For an ordinary user everything runs as
# that user.  For root the workers run as the system's user "daemon", so the
# same jail is in force as in an installed system.

instance_make() {
	dir=$1 port=$2
	bin=$(cd "${BUILD:-build}/bin" && pwd) || return 1
	user=$(id -un)
	owner=$user group=$(id -gn)
	[ "$(id -u)" = 0 ] && owner=daemon group=daemon

	mkdir -p "$dir/etc" "$dir/spool" "$dir/data" "$dir/mail"
	[ "$(id -u)" = 0 ] && chown daemon:daemon "$dir/data"
	chmod 1777 "$dir/mail" 2>/dev/null
	cat >"$dir/etc/main.cf" <<-EOF
	# A private instance; see conf/instance.sh.
	compatibility_level = 3.11
	queue_directory = $dir/spool
	data_directory = $dir/data
	daemon_directory = $bin
	command_directory = $bin
	sendmail_path = $bin/sendmail
	mailq_path = $bin/mailq
	newaliases_path = $bin/newaliases
	mail_owner = $owner
	setgid_group = $group
	default_privs = nobody
	maillog_file = $dir/maillog
	maillog_file_prefixes = $dir
	inet_interfaces = 127.0.0.1
	inet_protocols = ipv4
	myhostname = mail.localdomain
	mydestination = \$myhostname, localdomain, localhost
	mynetworks = 127.0.0.0/8
	alias_maps = hash:$dir/etc/aliases
	alias_database = hash:$dir/etc/aliases
	local_recipient_maps =
	mail_spool_directory = $dir/mail/
	recipient_delimiter = +
	import_environment = MAIL_CONFIG MAIL_DEBUG TZ LANG=C ASAN_OPTIONS UBSAN_OPTIONS
	EOF
	sed -e "s/^smtp  *inet/127.0.0.1:$port inet/" \
	    -e 's/^#\(mtasts\|tlsrpt\) /\1  /' conf/etc/master.cf \
	    >"$dir/etc/master.cf"
	cat >"$dir/etc/aliases" <<-EOF
	postmaster: $user
	me: $user
	EOF
	MAIL_CONFIG=$dir/etc "$bin/postalias" "hash:$dir/etc/aliases"
}

instance_start() {
	dir=$1
	bin=$(cd "${BUILD:-build}/bin" && pwd)
	"$bin/postfix" -c "$dir/etc" start || return 1
	for _ in $(seq 600); do
		"$bin/postfix" -c "$dir/etc" status 2>/dev/null && return 0
		sleep 0.05
	done
	return 1
}

instance_stop() {
	bin=$(cd "${BUILD:-build}/bin" && pwd)
	"$bin/postfix" -c "$1/etc" stop
}
