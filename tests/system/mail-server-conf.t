#!/bin/sh
# The configuration of a mail server as projects ship them, with SQL and LDAP
# tables, a filter, postscreen and restriction classes, loads without warnings
# but for its own mistakes.

. "$(dirname "$0")/../tap.sh"
build=$(cd "${BUILD:-build}" && pwd)
PATH=$build/bin:$PATH
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT INT TERM
cd "$dir" || exit 1
MAIL_CONFIG=$dir
export MAIL_CONFIG

cat >main.cf <<END
smtpd_banner = \$myhostname ESMTP
biff = no
append_dot_mydomain = no
readme_directory = no
compatibility_level = 3.6
smtpd_tls_chain_files = /etc/ssl/mail/mx-key.pem, /etc/ssl/mail/mx-cert.pem
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_tls_mandatory_protocols = >=TLSv1.2
tls_preempt_cipherlist = yes
smtp_tls_security_level = dane
smtp_dns_support_level = dnssec
smtp_tls_CApath = /etc/ssl/certs
smtpd_tls_session_cache_database = btree:\${data_directory}/smtpd_scache
smtp_tls_session_cache_database = btree:\${data_directory}/smtp_scache
myhostname = mx.home.example
mydestination = localhost.\$mydomain, localhost
alias_maps = hash:/etc/aliases
alias_database = hash:/etc/aliases
relayhost =
mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128 172.22.1.0/24
mailbox_size_limit = 0
recipient_delimiter = +
inet_interfaces = all
virtual_transport = lmtp:unix:private/dovecot-lmtp
virtual_mailbox_domains = proxy:mysql:$dir/sql/domains.cf
virtual_mailbox_maps = proxy:mysql:$dir/sql/mailboxes.cf
virtual_alias_maps = proxy:mysql:$dir/sql/aliases.cf,
    proxy:ldap:$dir/ldap/groups.cf
smtpd_sender_login_maps = unionmap:{ proxy:mysql:$dir/sql/aliases.cf, static:x }
sender_dependent_default_transport_maps = proxy:pgsql:$dir/sql/pg.cf
proxy_read_maps = \$virtual_mailbox_domains \$virtual_mailbox_maps \$virtual_alias_maps \$smtpd_sender_login_maps
submission_client_restrictions = permit_sasl_authenticated, reject
mua_helo_restrictions = permit
smtpd_restriction_classes = greylist, policy_spf
greylist = check_policy_service inet:127.0.0.1:10023
policy_spf = check_policy_service unix:private/policy-spf
smtpd_recipient_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination,
    check_recipient_access { inline:{ {a@b=greylist} } , search_order=address }, greylist
policy-spf_time_limit = 3600
policyd-spf_time_limit = 3600s
spf_policy = unix:private/spf
dovecot_destination_recipient_limit = 1
slow_destination_concurrency_limit = 2
smtp-amavis_destination_recipient_limit = 20
smtpd_milters = inet:rspamd:9900
non_smtpd_milters = \$smtpd_milters
milter_protocol = 6
milter_mail_macros =  i {mail_addr} {client_addr} {client_name} {auth_authen}
postscreen_access_list = permit_mynetworks, cidr:$dir/psa.cidr
postscreen_dnsbl_sites = zen.spamhaus.org=127.0.0.[10;11]*8 list.dnswl.org=127.0.[0..255].0*-2
postscreen_greet_action = enforce
dms_smtpd_sender_restrictions = permit_sasl_authenticated
parent_domain_matches_subdomains = debug_peer_list,smtpd_access_maps
smtp_header_checks = pcre:$dir/anon
html_directory = /usr/share/doc/postfix/html
plaintext_reject_code = 550
delay_warning_time = 4h
smtpd_hard_error_limit = \${stress?1}\${stress:5}
smtp_tls_policy_maps = socketmap:inet:127.0.0.1:8461:postfix, proxy:memcache:$dir/mc.cf
maillog_file = /var/log/mail.log
END
cat >master.cf <<'END'
smtp       inet  n       -       n       -       1       postscreen
smtpd      pass  -       -       n       -       -       smtpd
  -o smtpd_helo_restrictions=permit_mynetworks,reject_non_fqdn_helo_hostname
  -o smtpd_client_restrictions=$mua_client_restrictions
dnsblog    unix  -       -       n       -       0       dnsblog
tlsproxy   unix  -       -       n       -       0       tlsproxy
submission inet n       -       n       -       -       smtpd
  -o syslog_name=postfix/submission
  -o smtpd_tls_security_level=encrypt
  -o smtpd_client_restrictions=$submission_client_restrictions
  -o smtpd_sender_restrictions=$dms_smtpd_sender_restrictions
  -o cleanup_service_name=sender-cleanup
  -o { smtpd_relay_restrictions = permit_sasl_authenticated, reject }
smtps inet n       -       n       -       -       smtpd
  -o smtpd_tls_wrappermode=yes
  -o smtpd_helo_restrictions=$mua_helo_restrictions
pickup    unix  n       -       n       60      1       pickup
  -o content_filter=
cleanup   unix  n       -       n       -       0       cleanup
sender-cleanup unix n   -       n       -       0       cleanup
  -o header_checks=pcre:/etc/postfix/x
qmgr      unix  n       -       n       300     1       qmgr
tlsmgr    unix  -       -       n       1000?   1       tlsmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       bounce
defer     unix  -       -       n       -       0       bounce
trace     unix  -       -       n       -       0       bounce
verify    unix  -       -       n       -       1       verify
flush     unix  n       -       n       1000?   0       flush
proxymap  unix  -       -       n       -       -       proxymap
proxywrite unix -       -       n       -       1       proxymap
smtp      unix  -       -       n       -       -       smtp
relay     unix  -       -       n       -       -       smtp
        -o syslog_name=postfix/$service_name
slow      unix  -       -       n       -       5       smtp
  -o smtp_connect_timeout=1
  -o smtp_initial_destination_concurrency=1
showq     unix  n       -       n       -       -       showq
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
discard   unix  -       -       n       -       -       discard
local     unix  -       n       n       -       -       local
virtual   unix  -       n       n       -       -       virtual
lmtp      unix  -       -       n       -       -       lmtp
anvil     unix  -       -       n       -       1       anvil
scache    unix  -       -       n       -       1       scache
postlog   unix-dgram n  -       n       -       1       postlogd
dovecot   unix  -       n       n       -       -       pipe
  flags=DRhu user=vmail:vmail argv=/usr/lib/dovecot/deliver -f ${sender} -d ${recipient}
policy-spf unix -       n       n       -       0       spawn
  user=nobody argv=/usr/bin/policyd-spf
smtp-amavis unix -      -       n       -       2       smtp
    -o smtp_data_done_timeout=1200
    -o smtp_send_xforward_command=yes
    -o disable_dns_lookups=yes
127.0.0.1:10025 inet n  -       n       -       -       smtpd
    -o content_filter=
    -o local_recipient_maps=
    -o smtpd_restriction_classes=
    -o smtpd_delay_reject=no
    -o receive_override_options=no_header_body_checks,no_unknown_recipient_checks
END
mkdir sql ldap
cat >sql/domains.cf <<'END'
user = mail
password = x
hosts = unix:/var/run/mysqld/mysqld.sock
dbname = mail
query = SELECT domain FROM domain WHERE domain='%s'
END
cat >sql/mailboxes.cf <<'END'
user = mail
password = x
hosts = 127.0.0.1
dbname = mail
table = mailbox
select_field = maildir
where_field = username
additional_conditions = and active = '1'
END
cat >sql/aliases.cf <<'END'
user = mail
password = x
hosts = 127.0.0.1
dbname = mail
query = SELECT goto FROM alias WHERE address='%s'
result_format = %s
expansion_limit = 100
END
cat >sql/pg.cf <<'END'
user = mail
password = x
hosts = 127.0.0.1
dbname = mail
query = SELECT 1
END
cat >ldap/groups.cf <<'END'
bind = yes
bind_dn = cn=admin,dc=example
bind_pw = admin
query_filter = (&(mail=%s)(mailEnabled=TRUE))
result_attribute = mail
search_base = ou=people,dc=example
server_host = mail.example
start_tls = no
version = 3
leaf_result_attribute = mail
special_result_attribute = member
tls_require_cert = yes
END
cat >mc.cf <<'END'
memcache = inet:127.0.0.1:11211
backup = btree:/var/lib/postfix/x
key_format = pol:%s
ttl = 100
END

warnings() {
	postconf "$@" 2>&1 >/dev/null | sed "s|$dir/||g; s/^postconf: warning: //"
}
is "no warning but for what is wrong" "$(warnings -n)" \
'master.cf: undefined parameter: mua_client_restrictions
main.cf: unused parameter: policyd-spf_time_limit=3600s (line 41: did you mean "policy-spf_time_limit"?)
main.cf: unused parameter: spf_policy=unix:private/spf
master.cf: support for parameter "disable_dns_lookups" will be removed; instead, specify "smtp_dns_support_level"'
is "every value can be expanded" "$(warnings -qx)" \
"master.cf: undefined parameter: mua_client_restrictions"
is "and printed as JSON" "$(postconf -qj 2>/dev/null | grep -vc '^{".*": ".*"}$')" 0
is "services are as they were written" "$(postconf -qM 2>/dev/null | wc -l)" \
    "$(grep -c '^[a-z0-9]' master.cf)"
is "what is printed means the same" "$(postconf -qMf 2>/dev/null >again
    mv again master.cf; warnings -qn; postconf -qM smtp-amavis/unix 2>/dev/null)" \
"master.cf: undefined parameter: mua_client_restrictions
smtp-amavis unix -       -       n       -       2       smtp -o smtp_data_done_timeout=1200 -o smtp_send_xforward_command=yes -o disable_dns_lookups=yes"
tap_end
