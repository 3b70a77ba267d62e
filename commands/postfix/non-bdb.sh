#!/bin/sh
# postfix-non-bdb-script - moving away from Berkeley DB: postfix non-bdb
#
# Run by postfix(1).  Tables of the types hash and btree are supported here, so
# nothing has to be moved; status says what uses them, and how to change that.

bin=${command_directory:?}
tag=${MAIL_LOGTAG:-postfix}/postfix-non-bdb-script

die() {
	"$bin/postlog" -t "$tag" -p fatal "$@"
	exit 1
}

case $1 in
status)
	used=$("$bin/postconf" -n | grep -E '(hash|btree):')
	if [ -z "$used" ]; then
		echo "No parameter uses Berkeley DB."
	else
		echo "Berkeley DB is supported here; these parameters use it:"
		echo "$used"
		echo "To move one: write lmdb: or cdb: for hash: or btree:," \
		    "then run postmap (postalias) on its file."
	fi
	;;
disable) ;;
enable-redirect | enable-reindex)
	die "$1: hash and btree tables are not redirected here, because they" \
	    "are supported; see \"postfix non-bdb status\""
	;;
*)
	"$bin/postlog" -t "$tag" -p error "unknown non-bdb command: '$1'"
	die "usage: postfix non-bdb disable (or enable-redirect," \
	    "enable-reindex, status)"
	;;
esac
