#!/bin/sh
# postfix-non-bdb-script - moving away from Berkeley DB: postfix non-bdb
#
# Run by postfix(1) as the superuser, with directories in the environment.
# Tables of the types hash and btree work here; who moves to a system without
# them can have lmdb or cdb behind these names.  main.cf and master.cf are
# changed by postconf(1) alone.  Ends with 0, or with 1 and a line in the log.

bin=${command_directory:?}
tag=${MAIL_LOGTAG:-postfix}/postfix-non-bdb-script

note() { "$bin/postlog" -t "$tag" -p info "$@"; }
die() {
	"$bin/postlog" -t "$tag" -p fatal "$@"
	exit 1
}
value() { "$bin/postconf" -hx "$1"; }

service=$(value non_bdb_migration_service_name)

# There must be something else to go to.
check_types() {
	for name in default_database_type default_cache_db_type; do
		case $(value $name) in
		hash | btree)
			die "no change was made: $name is" \
			    "$(value $name); set it to lmdb (or cdb) first"
			;;
		esac
	done
}

set_level() {
	"$bin/postconf" -e "non_bdb_migration_level = $1" ||
	    die "main.cf could not be changed"
}

remove_service() {
	[ -z "$("$bin/postconf" -M "$service/unix" 2>/dev/null)" ] ||
	    "$bin/postconf" -MX "$service/unix" ||
	    die "master.cf could not be changed"
}

add_service() {
	"$bin/postconf" -Me \
	    "$service/unix=$service unix - n n - 1 nbdb_reindexd" ||
	    die "master.cf could not be changed"
}

# Users' commands can't ask the service for these.
build_for_commands() {
	for name in authorized_flush_users authorized_mailq_users \
	    authorized_submit_users local_login_sender_maps; do
		value $name | tr ',\t' '  ' | tr ' ' '\n' |
		    grep -E '^!?(hash|btree):/' | sed 's/^!//'
	done | sort -u | while read -r table; do
		[ -f "${table#*:}" ] || continue
		"$bin/postmap" "$table" ||
		    note "postmap $table failed: run it by hand"
	done
}

case $1 in
status)
	value non_bdb_migration_level
	;;
disable)
	"$bin/postconf" -X non_bdb_migration_level ||
	    die "main.cf could not be changed"
	remove_service
	;;
enable-redirect)
	check_types
	set_level enable-redirect
	remove_service
	;;
enable-reindex)
	check_types
	set_level enable-reindex
	add_service
	build_for_commands
	;;
*)
	"$bin/postlog" -t "$tag" -p error "unknown non-bdb command: '$1'"
	die "usage: postfix non-bdb disable (or enable-redirect," \
	    "enable-reindex, status)"
	;;
esac
