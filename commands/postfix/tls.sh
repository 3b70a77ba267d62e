#!/bin/sh
# postfix-tls-script - keys and certificates of the mail system: postfix tls
#
# Run by postfix(1) as the superuser, with directories in the environment.
# Keys are made by openssl(1); main.cf is changed by postconf(1) alone.  Ends
# with 0, or with 1 and a line in the log.

umask 022
tag=${MAIL_LOGTAG:-postfix}/postfix-tls-script
config=${config_directory:?} bin=${command_directory:?}
openssl=${openssl_path:-openssl}
temp=

note() { "$bin/postlog" -t "$tag" -p info "$@"; }
warn() { "$bin/postlog" -t "$tag" -p warn "$@"; }
die() {
	"$bin/postlog" -t "$tag" -p fatal "$@"
	exit 1
}
value() { "$bin/postconf" -hx "$1"; }

trap '[ -z "$temp" ] || rm -rf "$temp"' EXIT
trap 'exit 1' HUP INT TERM

# full PATH - relative names stand in the configuration directory
full() {
	case $1 in
	/*) echo "$1" ;;
	*) echo "$config/$1" ;;
	esac
}

# --- what is set

# all_default smtp|smtpd
all_default() {
	[ -z "$("$bin/postconf" -n | grep -E "^$1_(tls_|use_tls |enforce_tls )")" ]
}

random_source() {
	[ -z "$1" ] || case $1 in
	dev:?* | egd:?*) ;;
	*) die "random source '$1' is neither dev:/path nor egd:/path" ;;
	esac
	echo "tls_random_source=${1:-$(value tls_random_source)}"
}

reload_hint() {
	note "Run the command:"
	note "  # postfix reload"
	note "if you want the new settings to take effect immediately."
}

# --- keys

# Names of parameters and files for an algorithm, in $part and $prefix.
set_algorithm() {
	case $1 in
	rsa) part='' prefix='' ;;
	ecdsa) part=ec prefix=ec ;;
	*) die "Unsupported public key algorithm: $1" ;;
	esac
}

key_file_of() {
	set_algorithm "$1"
	file=$(value "smtpd_tls_${part}key_file")
	[ "$file" = none ] || echo "$file"
}

# Takes -a, -b, -r into $algorithm, $bits, $random; arguments that are left are
# host names.
take_key_options() {
	algorithm=rsa bits= random=
	usage=$1 allowed=$2
	shift 2
	OPTIND=1
	while getopts "$allowed" option "$@" 2>/dev/null; do
		case $option in
		a) algorithm=$OPTARG ;;
		b) bits=$OPTARG ;;
		r) random=$OPTARG ;;
		*) die "usage: postfix tls $usage" ;;
		esac
	done
	taken=$((OPTIND - 1))
	set_algorithm "$algorithm"
	[ -n "$bits" ] || case $algorithm in
	rsa) bits=2048 ;;
	ecdsa) bits=prime256v1 ;;
	esac
}

# The lines of openssl's complaint into the log.
warn_from() {
	while IFS= read -r line; do
		[ -z "$line" ] || warn "$line"
	done <"$1"
}

# make_key FILE - a new one, readable by the superuser only
make_key() {
	if [ "$algorithm" = rsa ]; then
		set -- "$1" RSA "rsa_keygen_bits:$bits"
	else
		set -- "$1" EC "ec_paramgen_curve:$bits"
	fi
	(umask 077; "$openssl" genpkey -algorithm "$2" -pkeyopt "$3" \
	    -out "$1") 2>"$temp/trouble" && return
	warn_from "$temp/trouble"
	rm -f "$1"
	die "error generating new $algorithm $bits private key"
}

# names HOST... - the extension subjectAltName, in a file for req(1)
request_file() {
	alternatives=
	for name in "$@"; do
		alternatives="$alternatives${alternatives:+,}DNS:$name"
	done
	cat >"$temp/request" <<-END
	[req]
	distinguished_name = name
	prompt = no
	[name]
	CN = $1
	[more]
	subjectAltName = $alternatives
	END
}

# make_pair KEEP HOST... - files into $key and $cert; KEEP: a key to use again
make_pair() {
	keep=$1
	shift
	[ $# -gt 0 ] || set -- "$(value myhostname)"
	key=
	while [ -z "$key" ] || [ -e "$key" ] || [ -e "$cert" ]; do
		[ -z "$key" ] || sleep 1
		now=$(date -u +%Y%m%d-%H%M%S)
		key=$config/${prefix}key-$now.pem
		cert=$config/${prefix}cert-$now.pem
	done
	temp=$(mktemp -d) || die "no temporary directory"
	if [ -n "$keep" ]; then
		(umask 077; "$openssl" pkey -in "$keep" -out "$key") \
		    2>/dev/null || die "no private key found in file: $keep"
	else
		make_key "$key"
	fi
	request_file "$@"
	"$openssl" req -new -x509 -sha256 -days 36500 -key "$key" \
	    -config "$temp/request" -extensions more -out "$cert" \
	    2>"$temp/trouble" && return
	warn_from "$temp/trouble"
	rm -f "$key" "$cert"
	die "error generating self-signed SSL certificate"
}

# --- deployment

check_pair() {
	public=$("$openssl" pkey -in "$2" -pubout 2>/dev/null) ||
	    die "no private key found in file: $2"
	of_cert=$("$openssl" x509 -in "$1" -noout -pubkey 2>/dev/null) ||
	    die "no certificate found in file: $1"
	[ "$public" = "$of_cert" ] ||
	    die "Certificate in $1 does not match key in $2"
}

algorithm_of() {
	case $("$openssl" pkey -in "$1" -noout -text 2>/dev/null) in
	*"ASN1 OID"* | *"NIST CURVE"*) echo ecdsa ;;
	*modulus:*) echo rsa ;;
	*) die "Unsupported public key algorithm in file: $1" ;;
	esac
}

# deploy CERT KEY [NAME=VALUE...]
deploy() {
	d_cert=$1 d_key=$2
	shift 2
	check_pair "$d_cert" "$d_key"
	d_algorithm=$(algorithm_of "$d_key") || exit 1
	set_algorithm "$d_algorithm"
	"$bin/postconf" -e "smtpd_tls_${part}cert_file = $d_cert" \
	    "smtpd_tls_${part}key_file = $d_key" "$@" || exit 1
}

# what to do with a pair besides; $1: ", and deploy as above" or nothing
csr_hint() {
	note "To generate a CSR run:"
	note "  # postfix tls output-server-csr -k $key [<hostname> ...]"
	note "Save the signed certificate chain in $cert$1."
	note "To generate TLSA records run:"
	note "  # postfix tls output-server-tlsa [-h <hostname>] $2"
}

new_pair_hint() {
	note "New private key and self-signed certificate created. To deploy run:"
	note "  # postfix tls deploy-server-cert $cert $key"
	csr_hint ", and deploy as above" "$key"
	note "(deploy after updating the DNS and waiting for stale RRs to expire)."
}

# --- sub-commands

enable_client() {
	take_key_options "enable-client [-r devrandom]" r: "$@"
	[ $# = $taken ] || die "usage: postfix tls enable-client [-r devrandom]"
	database=$(value default_cache_db_type)
	if all_default smtp; then
		"$bin/postconf" -e "$(random_source "$random")" \
		    "smtp_tls_security_level = may" "smtp_tls_loglevel = 1" \
		    "smtp_tls_session_cache_database = $database:$(value \
		    data_directory)/smtp_scache" || exit 1
		note "Enabled opportunistic TLS in the Postfix SMTP client."
		reload_hint
		return
	fi
	note "*** Non-default SMTP client TLS settings detected, no changes made."
	note "For opportunistic TLS in the Postfix SMTP client, the below settings"
	note "are typical:"
	note "  smtp_tls_security_level = may"
	note "  smtp_tls_loglevel = 1"
	note "  smtp_tls_session_cache_database = $database:\${data_directory}/smtp_scache"
}

server_advice() {
	note "*** Non-default SMTP server TLS settings detected, no changes made."
	note "For opportunistic TLS in the Postfix SMTP server, the below settings"
	note "are typical:"
	note "  smtpd_tls_security_level = may"
	note "  smtpd_tls_loglevel = 1"
	note "You can use \"postfix tls new-server-cert\" to create a new certificate."
	note "Or, \"postfix tls new-server-key\" to also force a new private key."
	note "If you publish DANE TLSA records, see:"
	note "  https://tools.ietf.org/html/rfc7671#section-8"
	note "  https://tools.ietf.org/html/rfc7671#section-5.1"
	note "  https://tools.ietf.org/html/rfc7671#section-5.2"
	note "  https://community.letsencrypt.org/t/please-avoid-3-0-1-and-3-0-2-dane-tlsa-records-with-le-certificates/7022"
}

enable_server() {
	take_key_options "enable-server [-a algorithm] [-b bits ] [-r devrandom] [hostname ...]" \
	    a:b:r: "$@"
	shift $taken
	if ! all_default smtpd; then
		server_advice
		return
	fi
	make_pair '' "$@"
	deploy "$cert" "$key" "$(random_source "$random")" \
	    "smtpd_tls_security_level = may" "smtpd_tls_loglevel = 1" \
	    "smtpd_tls_received_header = yes"
	note "Enabled opportunistic TLS in the Postfix SMTP server"
	note "New TLS private key and certificate deployed."
	reload_hint
	csr_hint '' ''
	note "(If you have DANE TLSA RRs, update them as soon as possible to match"
	note "the newly deployed keys)."
}

new_server_key() {
	take_key_options "new-server-key [-a algorithm] [-b bits ] [hostname ...]" \
	    a:b: "$@"
	shift $taken
	make_pair '' "$@"
	new_pair_hint
}

new_server_cert() {
	take_key_options "new-server-cert [-a algorithm] [-b bits ] [hostname ...]" \
	    a:b: "$@"
	shift $taken
	old=$(key_file_of "$algorithm")
	make_pair "${old:+$(full "$old")}" "$@"
	new_pair_hint
}

deploy_server_cert() {
	[ $# = 2 ] || die "usage: postfix tls deploy-server-cert certfile keyfile"
	deploy "$(full "$1")" "$(full "$2")"
	note "New TLS private key and certificate deployed."
	reload_hint
}

# key_named NAME - of a file or an algorithm; nothing if there is none
key_named() {
	case $1 in
	rsa | ecdsa) named=$(key_file_of "$1") ;;
	*) named=$1 ;;
	esac
	[ -z "$named" ] || full "$named"
}

output_csr() {
	which=rsa
	OPTIND=1
	while getopts k: option "$@" 2>/dev/null; do
		case $option in
		k) which=$OPTARG ;;
		*) die "usage: postfix tls output-server-csr [-k keyfile] [hostname ...]" ;;
		esac
	done
	shift $((OPTIND - 1))
	key=$(key_named "$which") || exit 1
	[ -n "$key" ] && "$openssl" pkey -in "$key" -noout 2>/dev/null ||
	    die "No usable keyfile specified or configured"
	[ $# -gt 0 ] || set -- "$(value myhostname)"
	temp=$(mktemp -d) || die "no temporary directory"
	request_file "$@"
	"$openssl" req -new -sha256 -key "$key" -config "$temp/request" \
	    -reqexts more 2>"$temp/trouble" && return
	warn_from "$temp/trouble"
	die "error generating certificate request"
}

output_tlsa() {
	host=$(value myhostname)
	OPTIND=1
	while getopts h: option "$@" 2>/dev/null; do
		case $option in
		h) host=$OPTARG ;;
		*) die "usage: postfix tls output-server-tlsa [-h hostname] [keyfile ...]" ;;
		esac
	done
	shift $((OPTIND - 1))
	[ $# -gt 0 ] || set -- rsa ecdsa
	found=
	for which in "$@"; do
		key=$(key_named "$which") || exit 1
		[ -n "$key" ] || continue
		found=yes
		echo "; $key"
		digest=$("$openssl" pkey -in "$key" -pubout -outform DER \
		    2>/dev/null | "$openssl" dgst -sha256 -r | cut -c1-64)
		"$openssl" pkey -in "$key" -noout 2>/dev/null ||
		    die "no private key found in file: $key"
		echo "_25._tcp.$host. IN TLSA 3 1 1 $digest"
	done
	[ -n "$found" ] || die "No usable keyfiles specified or configured"
}

command -v "$openssl" >/dev/null ||
    die "no openssl command: install it, or set openssl_path"
command=$1
[ $# = 0 ] || shift
case $command in
enable-client) enable_client "$@" ;;
enable-server) enable_server "$@" ;;
new-server-key) new_server_key "$@" ;;
new-server-cert) new_server_cert "$@" ;;
deploy-server-cert) deploy_server_cert "$@" ;;
output-server-csr) output_csr "$@" ;;
output-server-tlsa) output_tlsa "$@" ;;
all-default-client | all-default-server)
	[ $# = 0 ] || die "usage: postfix tls $command"
	side=smtp
	[ "$command" = all-default-client ] || side=smtpd
	all_default $side
	;;
*)
	"$bin/postlog" -t "$tag" -p error "unknown tls command: '$command'"
	die "usage: postfix tls enable-client (or enable-server," \
	    "new-server-key, new-server-cert, deploy-server-cert," \
	    "output-server-csr, output-server-tlsa, all-default-client," \
	    "all-default-server)"
	;;
esac
