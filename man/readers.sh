#!/bin/sh
# readers.sh - the parameters that a program reads, found in its sources
#
#	readers.sh PAGE		PAGE is a manual page: "smtpd.8"

name=${1%.*}
case $name in
cleanup) files="cleanup mail/maps.c" ;;
smtpd | qmqpd | tlsrpt | qmgr | bounce | master | smtp) files=$name ;;
trivial-rewrite) files="rewrite mail/resolve.c mail/route.c" ;;
flush) files="services/flush.c mail/flush_client.c" ;;
local | virtual | pipe | spawn) files=local ;;
sendmail | post*) files="commands/$name.c commands/$name" ;;
*) files=services/$name.c ;;
esac
[ "$name" = postlogd ] && files=services/postlogd.c
other=none
[ "$name" = local ] && other='(virtual|pipe|spawn)_'
[ "$name" = virtual ] && other='(alias|command|forward|local_main|user|pass|mailbox|recipient|pipe_.*|spawn_main|command_attr)\.[ch]$'
[ "$name" = pipe ] && files="local/pipe_main.c local/pipe_attr.c local/command_attr.c"
[ "$name" = spawn ] && files="local/spawn_main.c local/command_attr.c"

# smtp_connect_timeout and lmtp_connect_timeout are one setting in the program.
if [ "$name" = smtp ]; then
	sed -n '/^#define SETTINGS_OF_BOTH/,/[^\\]$/p' smtp/settings.h |
	    grep -oE '(INT|BOOL|TEXT)\([a-z0-9_]+\)' |
	    sed 's/.*(\(.*\))/smtp_\1/'
fi

find $files -name '*.[ch]' 2>/dev/null | grep -vE "/$other" |
    xargs -r grep -ohE \
	-e 'conf_(smtpd|smtp|lmtp|postscreen|tls|milter|qmgr|mail)\.[A-Za-z0-9_]+' \
	-e '\<(conf_)?value\("[a-z0-9_]+"' |
    sed 's/.*"\(.*\)"/\1/; s/^[^.]*\.//; s/^n_//' | sort -u
exit 0
