#!/bin/sh
# postmap and postalias: what they print and end with

. "$(dirname "$0")/../tap.sh"
build=$(cd "${BUILD:-build}" && pwd)
PATH=$build/bin:$PATH
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT INT TERM
cd "$dir" || exit 1
printf 'compatibility_level = 3.11\nmyhostname = mx.home.example\n' >main.cf
export MAIL_CONFIG="$dir"

cat >table <<'END'
# comment
one     first value
Two     second Value
three
        continued
"five six"  quoted
one     duplicate
seven
END
is "a bad line and a duplicate are warned of" "$(postmap hash:table 2>&1)" \
'postmap: warning: table.db: duplicate entry: "one"
postmap: warning: table, line 8: expected format: key whitespace value'
is "keys are folded" "$(postmap -q TWO hash:table)" "second Value"
is "-f leaves them alone" "$(postmap -fq Two hash:table; echo $?)" "1"
is "a key that is not there gives status 1" \
    "$(postmap -q nope hash:table; echo $?)" "1"
is "-q - reads keys" "$(printf 'three\nnope\nTWO\n' | postmap -q - hash:table)" \
"three	continued
TWO	second Value"
is "-s lists" "$(postmap -s hash:table | sort)" \
'"five six"	quoted
one	first value
three	continued
two	second Value'
is "-d deletes once" \
    "$(postmap -d one hash:table; echo $?; postmap -d one hash:table; echo $?)" \
"0
1"
is "-i adds" "$(echo 'new entry' | postmap -i hash:table
postmap -q new hash:table)" "entry"
is "-i -r replaces" "$(echo 'new other' | postmap -i -r hash:table 2>&1
postmap -q new hash:table)" "other"
is "-i does not replace" "$(echo 'new third' | postmap -i hash:table 2>&1
postmap -q new hash:table)" \
'postmap: warning: table.db: duplicate entry: "new"
other'
is "-i makes a table" "$(echo 'k v' | postmap -i btree:fresh
postmap -s btree:fresh)" "k	v"
printf 'z 1\nb 1\na 1\nz 2\nb 2\n' >many
is "a btree's duplicates are told of in order" "$(postmap btree:many 2>&1
postmap -s btree:many)" \
'postmap: warning: many.db: duplicate entry: "z"
postmap: warning: many.db: duplicate entry: "b"
a	1
b	1
z	1'
is "or replace what was there" "$(postmap -r btree:many; postmap -s btree:many
rm many*)" \
'a	1
b	2
z	2'
is "the mode is the source's" "$(chmod 600 table; rm table.db
postmap -w hash:table 2>/dev/null; stat -c %a table.db)" "600"
is "a file that is missing is named" "$(postmap hash:missing 2>&1; echo $?)" \
"postmap: fatal: open missing: No such file or directory
1"
is "a database that is missing too" "$(postmap -q x hash:missing 2>&1; echo $?)" \
"postmap: fatal: open database missing.db: No such file or directory
1"
is "types that can't be made are refused" "$(postmap cidr:table 2>&1)" \
"postmap: fatal: no 'map create' support for this type: cidr"
is "nothing is left behind" "$(ls | tr '\n' ' ')" \
"fresh.db main.cf table table.db "
is "-h and -b look at a message" "$(printf '/^Subj/ head\n/^first/ body\n' >re
printf 'Subject: a\n b\n\nfirst line\nSubject: x\n' | postmap -hbq - regexp:re)" \
"Subject: a
 b	head
first line	body
Subject: x	head"
cat >mime <<'END'
A: 1
Content-Type: multipart/mixed; boundary="b (1)"

--b (1)
B: 2
Content-Type: message/rfc822

C: 3
content-type: multipart/digest;
 boundary=in

--in

D: 4

five
--in--
--b (1)
E: 6

F: 7
--b (1)--
--b (1)
G: 8
END
printf '/^[A-Z]:/ x\n' >caps
is "-m finds the headers of parts and messages in them" \
    "$(postmap -mhq - regexp:caps <mime | cut -c1 | tr -d '\n')" "ABCDE"
is "the rest is body" "$(postmap -mbq - regexp:caps <mime | cut -c1 |
tr -d '\n')" "FG"
is "without -m all of it is" "$(postmap -hq - regexp:caps <mime | cut -c1)$(
postmap -bq - regexp:caps <mime | cut -c1 | tr -d '\n')" "ABCDEFG"
is "-j writes JSON" "$(postmap -jq two hash:table)" '{"two": "second Value"}'

printf '  no\n# c\n\tkey\nk1 v\0rest\n  of it\nk\0k v\nk2 v2\r\n' >odd
is "lines that continue nothing are one, and a NUL ends a line" \
    "$(postmap btree:odd 2>&1; postmap -s btree:odd)" \
'postmap: warning: odd: logical line must not start with whitespace: "  no?key"
postmap: warning: odd, line 6: expected format: key whitespace value
k1	v
k2	v2'
octets=$(printf 'x\377')
printf 'straße yes\n%s 1\nkey %s\n' "$octets" "$octets" >latin
is "lines that are not UTF-8 are left out" "$(postmap hash:latin 2>&1
postmap -s hash:latin)" \
'postmap: warning: latin, line 2: non-UTF-8 input "x? 1" -- ignoring this line
postmap: warning: latin, line 3: non-UTF-8 input "key x?" -- ignoring this line
strasse	yes'
is "keys are folded as Unicode wants it" "$(postmap -q STRASSE hash:latin)" yes
is "a key that is not UTF-8 is not found" \
    "$(postmap -q "$octets" hash:latin 2>&1; echo $?)" \
'postmap: warning: hash:latin.db: non-UTF-8 key "x?": malformed UTF-8 or invalid codepoint
1'
is "a value that is not UTF-8 is an error" "$(postmap -u hash:latin
postmap -q key hash:latin 2>&1)" \
'postmap: warning: hash:latin.db: key "key": non-UTF-8 value "x?": malformed UTF-8 or invalid codepoint
postmap: fatal: table hash:latin.db: query error: non-UTF-8 value'
is "a message's body may have any bytes" \
    "$(printf 'a: b\n\n%s\n' "$octets" | postmap -bq - static:found | wc -l)" 2

printf '/^ok$/ fine\n/^flag$/Q flag\n/(/ open\n/^d$/ $$ and $\n/$9/ $9\nnothing\nif /^x/\n' >bad
long=$(head -c 9000 /dev/zero | tr '\0' a)
printf '/^(a)\\1/ twice\n/a/ once\n' >back
is "a long text is kept from an expression that could take for ever" \
    "$(postmap -q aa regexp:back; postmap -q "$long" regexp:back 2>&1)" \
'twice
postmap: warning: regexp map back, line 1: no match tried: a text of 9000 bytes is too long for this expression (limit: 8192); use a pcre: table
once'

is "wrong rules are left out, by line" "$(postmap -q ok regexp:bad 2>&1)" \
'postmap: warning: regexp map bad, line 2: unknown regexp option "Q": skipping this rule
postmap: warning: regexp map bad, line 3: Unmatched ( or \(
postmap: warning: empty macro name: "$$ and $"
postmap: warning: regexp map bad, line 4: bad replacement syntax: skipping this rule
postmap: warning: regexp map bad, line 5: out of range replacement index "9": skipping this rule
postmap: warning: regexp map bad, line 6: ignoring unrecognized request
postmap: warning: regexp map bad, line 7: IF has no matching ENDIF
fine'

printf '%s x\n' '[10.0.0.1]' '[IPv6:1:2:3]' '[10.0.0.1]y' '[10.0.0.1/33]' \
    '[10.0.0.1' >nets
is "brackets do not count in cidr:, and must be a pair" \
    "$(postmap -q 10.0.0.1 cidr:nets 2>&1)" \
'postmap: warning: cidr map nets, line 2: bad address pattern: "IPv6:1:2:3": skipping this rule
postmap: warning: cidr map nets, line 3: garbage after "[10.0.0.1]": skipping this rule
postmap: warning: cidr map nets, line 4: bad mask length in "10.0.0.1/33": skipping this rule
postmap: warning: cidr map nets, line 5: missing '"']'"' character after "[10.0.0.1": skipping this rule
x'

echo 'myhostname = a-.example' >>main.cf
is "a host name that is none is an error for every command" \
    "$(postmap -q x static:y 2>&1 | grep -v overriding)" \
"postmap: warning: valid_hostname: misplaced hyphen: a-.example
postmap: fatal: file $dir/main.cf: parameter myhostname: bad parameter value: a-.example"
printf 'myhostname = mx.home.example\nverp_delimiter_filter = +\n' >main.cf
is "so are delimiters that are not allowed" \
    "$(postmap -q x static:y 2>&1)" \
"postmap: fatal: file $dir/main.cf: parameters default_verp_delimiters and verp_delimiter_filter: bad second VERP delimiter character"
printf 'compatibility_level = 3.11\nmyhostname = mx.home.example\n' >main.cf

printf '# aliases\nList: one, two,\n  three\nnocolon\nx@y: z\n"a b": c\n' >aliases
is "postalias warns by line" "$(postalias hash:aliases 2>&1)" \
'postalias: warning: aliases, line 4: need name:value pair
postalias: warning: aliases, line 5: name must be local and have no domain'
is "postalias -q" "$(postalias -q list hash:aliases)" "one, two, three"
is "postalias -s has the signatures" \
    "$(postalias -s hash:aliases | sed 's/[0-9]\{10\}$/TIME/' | LC_ALL=C sort)" \
"@:	@
YP_LAST_MODIFIED:	TIME
YP_MASTER_NAME:	mx.home.example
a b:	c
list:	one, two, three"
is "only one action" "$(postalias -q a -q b 2>&1)" \
"postalias: fatal: specify only one of -d -i -q or -s"
tap_end
