#!/bin/sh
# layers.sh - a folder includes only what stands below it (DESIGN: floors)
#
# Also: headers compile alone, no function over 80 lines, no file over 1,000
# unless its first comment says why ("Long because").

cd "$(dirname "$0")/.." || exit 1
fail=0 n=0

say() {
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
	else
		fail=1
		echo "$2" | sed 's/^/# /'
		echo "not ok $n - $1"
	fi
}

# What each folder may use besides itself.
below() {
	case $1 in
	util) echo "" ;;
	conf) echo "util" ;;
	net) echo "util" ;;
	table) echo "util net conf" ;;
	sasl | milter) echo "util net conf table" ;;
	mail) echo "util net conf table sasl milter" ;;
	server) echo "util net conf table sasl milter mail" ;;
	*) echo "util net conf table sasl milter mail server" ;;
	esac
}

bad=
for f in $(git ls-files '*.c' '*.h' | grep -v ^tests/); do
	dir=${f%%/*}
	for inc in $(sed -n 's/^#[ 	]*include "\([a-z]*\)\/.*/\1/p' "$f" | sort -u); do
		case " $dir $(below "$dir") " in
		*" $inc "*) ;;
		*) bad="$bad$f includes $inc/
" ;;
		esac
	done
done
say "every folder includes only floors below" "$bad"

bad=
for h in $(git ls-files '*.h' | grep -v ^tests/); do
	echo "#include \"$h\"" | ${CC:-cc} -std=gnu17 -D_GNU_SOURCE -I. \
	    -I"${BUILD:-build}/gen" -fsyntax-only -x c - 2>/dev/null ||
	    bad="$bad$h
"
done
say "every header compiles alone" "$bad"

bad=$(git ls-files '*.c' | xargs awk '
	FNR == 1 { start = 0; why = 0 }
	/Long because/ { why = 1 }
	/^\{/ { start = FNR }
	/^\}/ {
		if (start && FNR - start > 80 && !why)
			printf "%s:%d: %d lines\n", FILENAME, start, FNR - start
		start = 0; why = 0
	}')
say "no function is over 80 lines without a reason" "$bad"

bad=$(for f in $(git ls-files '*.c' '*.h'); do
	lines=$(wc -l <"$f")
	[ "$lines" -le 1000 ] || head -20 "$f" | grep -q 'Long because' ||
	    echo "$f: $lines lines"
done)
say "no file is over 1,000 lines without a reason" "$bad"
# A command that loads what is CORE (conf/conf.h) reads nothing else.
core=$(awk '/^PARAM/ { on = 1 } on { printf "%s ", $0 }
	on && /\)$/ { print ""; on = 0 }' conf/*.def |
    sed -n 's/^PARAM_[A-Z]*(\([a-z0-9_]*\),.*CORE) $/\1/p')
bad=
for f in $(git grep -lE 'command_(configure|start)\(|conf_load_core\(|table_command\(' \
    commands server) server/redirect.c server/accounts.c; do
	for name in $(cat "$f" "${f%.c}"/*.c 2>/dev/null |
	    grep -oE 'conf_(mail|smtpd|smtp|qmgr|tls|milter)\.[a-z_0-9]+' |
	    sed 's/.*\.//' | sort -u); do
		echo "$core" | grep -qx "$name" || bad="$bad$f reads $name
"
	done
done
say "a command reads only parameters that it loaded" "$bad"
echo "1..$n"
exit $fail
