# page.awk - fill in what a manual page takes from the code
#
#	awk -f page.awk NAMES PARAMS PAGE
#
# NAMES has the parameters that the program reads, one a line; PARAMS is the
# output of params.awk.  The line ".\" PARAMETERS" in the page becomes a list
# of them with defaults and the first sentence of each description.

BEGIN { FS = "\t" }

FILENAME == ARGV[1] { wanted[$1] = 1; next }
FILENAME == ARGV[2] {
	if ($1 in wanted) {
		names[++count] = $1
		def[$1] = $6 ~ /c/ ? "computed" : $3 == "" ? "empty" : $3
		match($7, /\.( |\001|\002|$)/)
		line[$1] = substr($7, 1, RSTART)
	}
	next
}

function quote(s) {
	gsub(/\\/, "\\e", s)
	gsub(/"/, "\\(dq", s)
	return s
}

/^\.\\" PARAMETERS/ {
	if (count == 0) {
		print "none of its own."
		next
	}
	print ".Bl -tag -width indent"
	for (i = 1; i <= count; i++)
		printf ".It Ic \"%s\" Pq \"%s\"\n%s\n", names[i], \
		    quote(def[names[i]]), quote(line[names[i]])
	print ".El"
	next
}
{ print }
