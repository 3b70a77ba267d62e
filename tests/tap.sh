# tap.sh - TAP of a test in sh: source it, then is ... and at the end tap_end

n=0 bad=0

# is NAME GOT WANT
is() {
	n=$((n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $n - $1"
	else
		bad=1
		printf 'not ok %s - %s\n# got:\n%s\n# want:\n%s\n' \
		    "$n" "$1" "$2" "$3" | sed '2,$s/^/# /'
	fi
}

tap_end() {
	echo "1..$n"
	exit $bad
}
