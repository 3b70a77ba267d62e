# completion.bash - bash completion for the commands of the mail system

_rohrpost_ids() {
	postqueue -j 2>/dev/null | sed -n 's/.*"queue_id": "\([^"]*\)".*/\1/p'
}

_rohrpost() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local words= files=

	case $1:$prev in
	*:-c) files=-d ;;
	postconf:-C) words="builtin service user all" ;;
	postconf:-T) words="compile-version run-version public-key-algorithms" ;;
	postlog:-p) words="info warn error fatal panic" ;;
	postlock:-l) words="fcntl flock dotlock" ;;
	postqueue:-i) words=$(_rohrpost_ids) ;;
	postsuper:-[deHhfr]) words="ALL - $(_rohrpost_ids)" ;;
	postcat:-q) words=$(_rohrpost_ids) ;;
	postmulti:-e) words="init create import destroy deport enable disable assign" ;;
	postmulti:-[iI]) words="- $(postmulti -l 2>/dev/null | awk '{ print $1 }')" ;;
	postmulti:-[gG]) words="- $(postmulti -l 2>/dev/null | awk '{ print $2 }' | sort -u)" ;;
	postmulti:-p) words="start stop reload status flush check abort" ;;
	posttls-finger:-l) words="none may encrypt fingerprint dane dane-only verify secure" ;;
	posttls-finger:-g) words="medium high null" ;;
	posttls-finger:-a) words="any ipv4 ipv6" ;;
	posttls-finger:-[AFHkK]) files=-f ;;
	posttls-finger:-P) files=-d ;;
	smtp-source:-F) files=-f ;;
	smtp-sink:-[dD]) files=-f ;;
	smtp-sink:-R) files=-d ;;
	smtp-sink:-u) words=$(compgen -u) ;;
	smtp-sink:-[fqQrsW]) words="CONNECT HELO EHLO LHLO XCLIENT XFORWARD AUTH MAIL RCPT VRFY DATA . RSET NOOP QUIT" ;;
	postkick:postkick) words="public private" ;;
	postkick:public) words="pickup qmgr cleanup flush postlog showq" ;;
	sendmail:-B) words="7BIT 8BITMIME" ;;
	sendmail:-N) words="never success failure delay failure,delay" ;;
	sendmail:-R) words="full hdrs" ;;
	sendmail:-O) words="requiretls=yes smtputf8=yes" ;;
	postfix:tls) words="enable-client enable-server new-server-key
		new-server-cert deploy-server-cert output-server-csr
		output-server-tlsa all-default-client all-default-server" ;;
	postfix:non-bdb) words="status disable" ;;
	postfix:migrate) words="check from-postfix from-exim back" ;;
	postfix:*)
		case " ${COMP_WORDS[*]} " in
		*" setup "*) words="--hostname --domains --listen --relay --root --yes" ;;
		*" explain "*) words="--json --from --client" ;;
		*) words="start start-fg stop abort reload flush check status
			set-permissions upgrade-configuration logrotate explain
			tls non-bdb setup migrate" ;;
		esac
		;;
	esac
	if [[ -z $words && -z $files ]]; then
		case $1:$cur in
		postconf:-*) words="-a -A -b -C -c -d -e -f -F -h -H -j -l -m -M -n -o -p -P -q -t -T -v -x -X -#" ;;
		postconf:*) words=$(postconf -H 2>/dev/null) ;;
		postmap:-* | postalias:-*) words="-c -d -f -F -h -i -j -n -N -o -p -q -r -s -u -v -w" ;;
		postmap:* | postalias:*) files=-f ;;
		postqueue:-*) words="-f -i -j -p -s -c -v --suspend --resume --reroute --orders" ;;
		postsuper:-*) words="-c -d -e -f -h -H -p -r -s -S -v" ;;
		postsuper:*) words="maildrop incoming active deferred hold" ;;
		postcat:-*) words="-b -c -d -e -h -o -q -r -v" ;;
		postdrop:*) words="-c -r -v" ;;
		postlog:-*) words="-c -i -p -t -v" ;;
		postlock:-*) words="-c -l -v" ;;
		postmulti:-*) words="-a -e -g -G -i -I -j -l -p -R -v -x" ;;
		posttls-finger:-*) words="-a -A -c -C -d -f -F -g -h -H -k -K -l -L -m -M -o -p -P -r -s -S -t -T -v -w" ;;
		sendmail:-*) words="-B -bd -bi -bm -bp -bs -bv -C -F -f -i -N -oi -q -qI -qR -R -t -V -v -XV" ;;
		sendmail:*) words=$(compgen -u) ;;
		posttrace:-*) words="--why --json" ;;
		posttrace:*) words=$(_rohrpost_ids) ;;
		qshape:*) words="maildrop incoming active deferred hold" ;;
		smtp-source:-*) words="-4 -6 -A -c -C -d -f -F -l -L -m -M -N -o -r -R -s -S -t -T -v -w" ;;
		qmqp-source:-*) words="-4 -6 -c -C -f -l -m -M -r -R -s -t -v -w" ;;
		smtp-sink:-*) words="-4 -6 -8 -a -A -b -B -c -C -d -D -e -E -f -F -h -H -L -m -M -n -N -p -P -q -Q -r -R -s -S -t -T -u -v -w -W" ;;
		qmqp-sink:-*) words="-4 -6 -c -v -x" ;;
		smtp-sink:* | qmqp-sink:*) words="127.0.0.1: inet: unix:" ;;
		smtp-source:* | qmqp-source:*) words="localhost inet: unix:" ;;
		*) files=-f ;;
		esac
	fi
	COMPREPLY=($(compgen $files -W "$words" -- "$cur"))
}

complete -F _rohrpost postfix postconf postmap postalias postqueue postsuper \
	postcat postdrop postlog postlock postkick postmulti posttls-finger \
	sendmail mailq newaliases posttrace posttop qshape postlimit \
	smtp-source qmqp-source smtp-sink qmqp-sink
