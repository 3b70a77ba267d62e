#!/bin/sh
# Manual pages: every parameter is described, every program has a page

build=$(cd "${BUILD:-build}" && pwd)
cd "$(dirname "$0")/../.." || exit 1
temp=$(mktemp -d) || exit 1
trap 'rm -rf "$temp"' EXIT INT TERM
n=0 bad=0

# nothing NAME TEXT: the text must be empty
nothing() {
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
	else
		bad=1
		echo "not ok $n - $1"
		echo "$2" | sed 's/^/# /'
	fi
}

cat conf/*.def | awk -f man/params.awk 2>&1 | LC_ALL=C sort >"$temp/params"
cut -f1 "$temp/params" >"$temp/described"
mkdir "$temp/conf"
: >"$temp/conf/master.cf"
"$build/bin/postconf" -c "$temp/conf" -C builtin -dH | LC_ALL=C sort \
    >"$temp/listed"
nothing "every parameter is described" \
    "$(LC_ALL=C comm -13 "$temp/described" "$temp/listed")"
nothing "every description has its parts" \
    "$(awk -F'\t' 'NF != 7 || $5 == "" || $7 == ""' "$temp/params")"
missing=
for program in "$build"/bin/*; do
	name=${program##*/}
	[ -e "man/$name.1" ] || [ -e "man/$name.8" ] || missing="$missing$name
"
done
nothing "every program has a page" "$missing"
if command -v groff >/dev/null; then
	wrong=
	for page in man/*.[1-8]; do
		[ "$(head -c 3 "$page")" = .so ] && continue
		wrong=$wrong$(groff -mdoc -Tutf8 "$page" 2>&1 >/dev/null)
	done
	nothing "pages have no mistakes" "$wrong"
fi
echo "1..$n"
exit $bad
