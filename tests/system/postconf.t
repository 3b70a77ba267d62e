#!/bin/sh
# postconf: what it prints, what it leaves in main.cf and master.cf

. "$(dirname "$0")/../tap.sh"
build=$(cd "${BUILD:-build}" && pwd)
PATH=$build/bin:$PATH
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT INT TERM
cd "$dir" || exit 1
MAIL_CONFIG=$dir
export MAIL_CONFIG

fresh() {
	cat >main.cf <<'END'
# where it is
myhostname = mx.home.example
mynetworks =
    127.0.0.0/8,
  # a comment within
    192.0.2.0/24
my_own = two
relayhost=${my_own?{[$my_own.example]}:{none}}
END
	cat >master.cf <<'END'
# services
smtp      inet  n       -       n       -       -       smtpd
587 inet n - n - 10 smtpd
  -o syslog_name=postfix/submission
  -o { smtpd_banner = $myhostname ready }
slow unix - - n - - smtp
END
}

fresh
chmod 640 main.cf
is "-n shows what main.cf sets" "$(postconf -n 2>&1)" \
"config_directory = $dir
my_own = two
myhostname = mx.home.example
mynetworks = 127.0.0.0/8, 192.0.2.0/24
relayhost = \${my_own?{[\$my_own.example]}:{none}}"
is "-x expands" "$(postconf -hx relayhost)" "[two.example]"
is "-x expands everything but what others expand" \
    "$(postconf -x 2>&1 | grep -c '^postconf:'; postconf -x forward_path)" \
"0
forward_path = \$home/.forward\${recipient_delimiter}\${extension}, \$home/.forward"
is "-o overrides" "$(postconf -o my_own=x -hx relayhost)" "[x.example]"
is "-d shows defaults" "$(postconf -d relayhost maximal_queue_lifetime)" \
"relayhost =
maximal_queue_lifetime = 5d"
is "an unknown name is warned of" "$(postconf nosuch 2>&1)" \
"postconf: warning: nosuch: unknown parameter"
is "a transport has its own parameters" \
    "$(postconf -C service -H | grep -c '^slow_')" 16
is "-f folds long lines" "$(postconf -df smtpd_relay_restrictions)" \
'smtpd_relay_restrictions = ${{$compatibility_level} <level {1} ? {} :
    {permit_mynetworks, permit_sasl_authenticated, defer_unauth_destination}}'
is "-M shows services" "$(postconf -M 587/inet)" \
'587        inet  n       -       n       -       10      smtpd -o syslog_name=postfix/submission -o {smtpd_banner=$myhostname ready}'
is "-P shows and expands service parameters" \
    "$(postconf -Px 587/inet/smtpd_banner)" \
    "587/inet/smtpd_banner = mx.home.example ready"
is "-F shows a field" "$(postconf -F 587/inet/process_limit)" \
    "587/inet/process_limit = 10"
is "-j shows a JSON object a line" "$(postconf -j -n relayhost my_own)" \
'{"relayhost": "${my_own?{[$my_own.example]}:{none}}"}
{"my_own": "two"}'
is "-jM shows the columns of services" "$(postconf -jM 587/inet)" \
'{"service": "587", "type": "inet", "private": "n", "unprivileged": "-", "chroot": "n", "wakeup": "-", "process_limit": "10", "command": "smtpd -o syslog_name=postfix/submission -o {smtpd_banner=$myhostname ready}"}'
is "-jF shows one column" "$(postconf -jF slow/unix/command)" \
'{"slow/unix/command": "smtp"}'
is "-jP shows options of services" "$(postconf -jxP '*/*/smtpd_banner')" \
'{"587/inet/smtpd_banner": "mx.home.example ready"}'
is "-j is for looking" "$(postconf -j x=y 2>&1)" \
"postconf: fatal: specify one of -e -j"

cat >templates <<'END'
failure_template = <<EOF
From: Robot <robot@$myhostname>
Subject: Sorry

This is $myhostname. ${nosuch?never}
EOF
END
is "-t shows the templates of a file" \
    "$(postconf -t templates | sed -n '1,8p')" \
'failure_template = <<EOF
Charset: us-ascii
From: Robot <robot@$myhostname>
Subject: Sorry
Postmaster-Subject: Postmaster Copy: Undelivered Mail

This is $myhostname. ${nosuch?never}
EOF'
is "-b shows what becomes of them" \
    "$(postconf -b templates | sed -n '1,3p')" \
'expanded_failure_text = <<EOF
This is mx.home.example. 
EOF'
is "without a file, those that main.cf names" \
    "$(postconf -e bounce_template_file=templates; postconf -b | sed -n 2p
    postconf -X bounce_template_file)" "This is mx.home.example. "
sed 's/nosuch?never/nosuch/' templates >wrong
is "a name that nothing defines is an error" "$(postconf -b wrong 2>&1)" \
'postfix/bounce: fatal: wrong: undefined $name in failure template: This is $myhostname. ${nosuch}'
sed 's/^Subject/Sobject/' templates >wrong
is "a wrong template is left out" "$(postconf -b wrong 2>&1 | sed -n '1,3p')" \
'postfix/bounce: warning: wrong: unknown "Sobject" header label in failure template -- ignoring this template
expanded_failure_text = <<EOF
This is the mail system at host mx.home.example.'
is "a missing template file" "$(postconf -t none 2>&1; echo $?)" \
"postfix/bounce: fatal: open none: No such file or directory
1"
is "an unknown mode of -T" "$(postconf -T x 2>&1; echo $?)" \
"postconf: warning: unknown 'postconf -T' mode: x
1"

postconf -e 'mynetworks = 10.0.0.0/8' new=1
is "-e keeps order, comments and other lines" "$(cat main.cf)" \
'# where it is
myhostname = mx.home.example
mynetworks = 10.0.0.0/8
  # a comment within
my_own = two
relayhost=${my_own?{[$my_own.example]}:{none}}
new = 1'
is "and the mode of the file" "$(stat -c %a main.cf)" 640
postconf -X new mynetworks
postconf -# my_own
is "-X removes, -# comments out" "$(cat main.cf)" \
'# where it is
myhostname = mx.home.example
  # a comment within
#my_own = two
relayhost=${my_own?{[$my_own.example]}:{none}}'

fresh
ln -s main.cf link.cf
mkdir other && mv main.cf other/real.cf && ln -s other/real.cf main.cf
postconf relayhost=
is "a symbolic link stays one" "$(readlink main.cf; grep relayhost main.cf)" \
"other/real.cf
relayhost = "

fresh
postconf -Fe slow/unix/process_limit=7
postconf -Pe 587/inet/smtpd_tls_auth_only=yes
postconf -PX 587/inet/syslog_name
postconf -M# smtp/inet
postconf -Me 'new/unix=new unix - - n - 3 smtp -o x=y'
is "edits of master.cf" "$(cat master.cf)" \
'# services
#smtp      inet  n       -       n       -       -       smtpd
587        inet  n       -       n       -       10      smtpd
    -o {smtpd_banner=$myhostname ready}
    -o smtpd_tls_auth_only=yes
slow       unix  -       -       n       -       7       smtp
new        unix  -       -       n       -       3       smtp
    -o x=y'
is "a wrong field changes nothing" \
    "$(postconf -Fe slow/unix/chroot=maybe 2>&1; grep -c maybe master.cf)" \
'postconf: fatal: invalid chroot field "maybe" in "maybe"
0'

# --- names that nothing reads

cat >main.cf <<END
myhostname = mx.home.example
compatibility_level = 3.11
smtpd_baner = x
quite_unlike_anything = y
smtpd_restriction_classes = greet, gone
greet = permit
slow_destination_recipient_limt = 1
nosuch_destination_recipient_limit = 1
virtual_maps = ldap:$dir/users.cf, proxy:mysql:box
box_hosts = db.example
box_pasword = secret
relayhost = \$smart_hots
smart_host = [smart.example]
transport_maps = pgsql:$dir/none.cf
END
cat >master.cf <<'END'
slow unix - - n - - smtp
  -o smtp_helo_nam=x -o mine=1 -o smtp_bind_address=$mine
END
cat >users.cf <<'END'
# users
server_host = ldap.example
search_bas = dc=example
 ,dc=org
stray
END
warnings() {
	postconf "$@" 2>&1 >/dev/null | sed "s|$dir/||g; s/^postconf: warning: //"
}
is "warnings name file, line and the nearest name" "$(warnings -n | sort)" \
"$(sort <<'END'
main.cf: unused parameter: smtpd_baner=x (line 3: did you mean "smtpd_banner"?)
main.cf: unused parameter: quite_unlike_anything=y
main.cf: undefined parameter: gone
main.cf: unused parameter: slow_destination_recipient_limt=1 (line 7: did you mean "slow_destination_recipient_limit"?)
main.cf: unused parameter: nosuch_destination_recipient_limit=1
main.cf: support for parameter "virtual_maps" will be removed; instead, specify "virtual_alias_maps"
main.cf: unused parameter: box_pasword=secret (line 11: did you mean "box_password"?)
main.cf: undefined parameter: smart_hots (line 12: did you mean "smart_host"?)
main.cf: unused parameter: smart_host=[smart.example]
master.cf: unused parameter: smtp_helo_nam=x (line 1: did you mean "smtp_helo_name"?)
ldap:users.cf: unused parameter: search_bas=dc=example ,dc=org (line 3: did you mean "search_base"?)
ldap:users.cf, line 5: missing '=' after attribute name: "stray"
open "pgsql" configuration "none.cf": No such file or directory
END
)"
is "-q is quiet about names that nothing reads" "$(warnings -qn | sort)" \
"$(sort <<'END'
main.cf: undefined parameter: gone
main.cf: undefined parameter: smart_hots (line 12: did you mean "smart_host"?)
ldap:users.cf, line 5: missing '=' after attribute name: "stray"
open "pgsql" configuration "none.cf": No such file or directory
END
)"
is "settings of a table in main.cf are shown" "$(postconf -qn box_hosts \
    box_pasword 2>/dev/null)" "box_hosts = db.example"

# --- bad input

rm -f users.cf
rm -f main.cf
printf 'a = 1\nstray line\n' >main.cf
is "a line that is none is named" "$(postconf -n 2>&1)" \
"postconf: fatal: $dir/main.cf, line 2: missing '=' after attribute name: \"stray line\""
is "and not edited away" "$(postconf -e a=2 2>&1; cat main.cf)" \
"postconf: fatal: $dir/main.cf, line 2: missing '=' after attribute name: \"stray line\"
a = 1
stray line"

# says TEXT: -n ends with this message about main.cf, and nothing is printed
says() {
	is "$1" "$(postconf -n 2>&1; echo $?)" "postconf: fatal: $2
1"
}
printf 'a = 1\nb\0 = 2\n' >main.cf
says "NUL bytes" "$dir/main.cf: the file has NUL bytes in it"
echo 'myhostname = $mydomain
mydomain = $myhostname' >main.cf
is "a loop ends" "$(postconf -x myhostname 2>&1 | tail -1)" \
"postconf: fatal: dictionary mail_dict: macro processing error"
awk 'BEGIN { for (i = 1; i <= 40; i++)
    printf "x%d = $x%d$x%d$x%d\n", i, i + 1, i + 1, i + 1
    print "x41 = boom\nrelayhost = $x1" }' >main.cf
is "a value that explodes ends" "$(timeout 10 postconf -hx relayhost \
    2>&1 | tail -1 | cut -c1-16)" "postconf: fatal:"
mkdir dir.cf
rm main.cf && ln -s dir.cf main.cf
is "a directory in its place" "$(postconf -n 2>&1; echo $?)" \
"postconf: fatal: open $dir/main.cf: Is a directory
1"
rm main.cf
head -c 100000 /dev/zero | tr '\0' x >main.cf
is "a line without an end" "$(postconf -n 2>&1 | cut -c1-60 | wc -l)" 1
fresh
while IFS='|' read -r args want; do
	is "postconf $args" "$(eval "postconf $args" 2>&1 >/dev/null)" \
	    "postconf: fatal: $want"
done <<'END'
-e '# x=y'|-e, -X, or -# accepts no comment input
-e =x|missing attribute name: "=x"
-M 'smtp/inet/x'|-M option requires service_name[/type]
-Me 'smtp/inet/x'|missing '=' after attribute name: "smtp/inet/x"
-Fe smtp/inet=x|-Fe or -FX requires service_name/type/field_name
-F smtp/inet/foo|invalid service attribute name: "foo"
-o a -n|invalid parameter override: a: missing '=' after attribute name
-dn|specify one of -d -n
-b -n|with option -b, do not specify -n
-C foo|unknown -C option value "foo" in "foo"
END
is "an edit with a newline is refused" "$(postconf "a=1
b=2" 2>&1; grep -c b=2 main.cf)" \
"postconf: fatal: -e, -X, or -# accepts no multi-line input
0"
echo 'smtp inet n - n - - ' >master.cf
postconf -M >/dev/null 2>out && echo no >>out
is "a service without a command" "$(cut -d: -f1-2 out)" "postconf: fatal"
is "is an error where main.cf is shown, too" \
    "$(postconf -n 2>&1; postconf mydomain 2>&1)" \
"postconf: fatal: file $MAIL_CONFIG/master.cf: line 1: bad field count
postconf: fatal: file $MAIL_CONFIG/master.cf: line 1: bad field count"
is "but can be removed" "$(postconf -M# smtp/inet; cat master.cf)" \
    "#smtp inet n - n - - "
echo 'a unix - - n - - smtpd -o x=$y -o mydomain=${x' >master.cf
is "an option's value that can't be expanded is one" \
    "$(postconf -n 2>&1)" \
"postconf: warning: $MAIL_CONFIG/master.cf: undefined parameter: y
postconf: warning: truncated macro reference: \"\${x\"
postconf: warning: truncated macro reference: \"\${x\"
postconf: fatal: macro processing error"
echo 'a unix - - n - - smtpd -o x=1 -o x=2 -o =3 -o nothing' >master.cf
is "the last of two options counts; warnings follow the list" \
    "$(postconf -P 2>&1)" \
"a/unix/x = 2
postconf: warning: $MAIL_CONFIG/master.cf: unused parameter: x=2"
tap_end
