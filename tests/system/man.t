#!/bin/sh
# manuals: every parameter is described, in postconf.5 and on the page

. "$(dirname "$0")/../tap.sh"
build=$(cd "${BUILD:-build}" && pwd)
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT INT TERM
cd "$(dirname "$0")/../.." || exit 1

cat conf/*.def | awk -f man/params.awk | LC_ALL=C sort >"$dir/params"
awk -f man/postconf5.awk "$dir/params" >"$dir/page"
echo "smtpd smtpd_banner" | awk -f man/html.awk - "$dir/params" >"$dir/page.html"
"$build/bin/postconf" -c conf/etc -C builtin -dH | LC_ALL=C sort >"$dir/listed"

is "every parameter that is listed has an entry" \
    "$(cut -f1 "$dir/params" | LC_ALL=C sort | LC_ALL=C comm -13 - "$dir/listed")" ""
is "every entry is a sentence" \
    "$(awk -F'\t' '$7 !~ /\.([ \001\002)"]|$)/ { print $1 }' "$dir/params")" ""
is "every entry says since when" \
    "$(awk -F'\t' '$5 == "" { print $1 }' "$dir/params")" ""
is "postconf.5 has them all" "$(grep -c '^\.It Ic' "$dir/page")" \
    "$(grep -c . "$dir/params")"
is "so has the page to search in" "$(grep -c '^<section' "$dir/page.html")" \
    "$(grep -c . "$dir/params")"
is "which says who reads one" \
    "$(grep -A9 '<section id="smtpd_banner">' "$dir/page.html" |
    grep -o 'read by [a-z]*')" "read by smtpd"
is "and closes what it opens" \
    "$(for tag in section h2 p pre span a i; do
	[ "$(grep -oE "<$tag[ >]" "$dir/page.html" | wc -l)" = \
	    "$(grep -o "</$tag>" "$dir/page.html" | wc -l)" ] || echo $tag
    done)" ""
# A name that is no parameter any more, or was misspelt, in a text.
is "texts refer to parameters that exist" \
    "$(awk -F'\t' '{ print $1 }
    END { print "check_recipient_access\nvirtual_mailbox" }' "$dir/params" \
    >"$dir/known"
    cut -f7 "$dir/params" | tr '\001\002' '\n\n' | grep -v '=' |
    grep -oE '\b(smtpd|smtp|postscreen|virtual|milter|address_verify)_[a-z0-9_]+\b' |
    sort -u | grep -vxF -f "$dir/known" |
    grep -vE '_(access|checks)$|_$')" ""

# All pages as they are installed.
if command -v mandoc >/dev/null; then
	awk -f man/same.awk "$dir/params" >"$dir/same"
	for page in man/*.[1-8]; do
		man/readers.sh "${page#man/}" >"$dir/names"
		awk -f man/page.awk "$dir/names" "$dir/same" "$page" \
		    >"$dir/${page#man/}"
	done
	(cat man/postconf.5.head; awk -f man/postconf5.awk "$dir/same"
	    cat man/postconf.5.tail) >"$dir/postconf.5"
	is "mandoc has nothing to say against them" "$(cd "$dir" &&
	    mandoc -Tlint -Wwarning ./*.[1-8] 2>&1 | head -20)" ""
fi
names=$(sed -n 's|^\$(MAN_DIR)/\(.*\):; ln -sf.*|\1|p' Makefile | tr ' ' '\n' |
    sed 's|.*/||')
is "every program has a page" \
    "$(for program in "$build"/bin/*; do
	program=${program##*/}
	case $program in *-script) continue ;; esac
	ls man/"$program".[18] >/dev/null 2>&1 ||
	    echo "$names" | grep -qE "^$program\.[18]$" || echo "$program"
    done)" ""
is "and no page speaks of what is to come" \
    "$(grep -nE '[Nn]ot there yet|not supported yet' \
	man/*.[1-8] conf/*.def)" ""

tap_end
