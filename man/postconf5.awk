# postconf5.awk - the sorted output of params.awk as items of an mdoc list

BEGIN { FS = "\t" }

function quote(s) {
	gsub(/\\/, "\\e", s)
	gsub(/"/, "\\(dq", s)
	return s
}

# A line of text must not begin with a control character.
function prose(s) {
	gsub(/\. /, ".\n", s)
	gsub(/\n[.']/, "\n\\\\\\&", s)
	return s
}

function shown(s) {
	return s ~ /^[.']/ ? "\\&" s : s
}

# Paragraphs (\001) and lines of examples (\002), see params.awk.
function text(s, more,   n, part, out, i, kind, literal) {
	s = quote(s)
	gsub(/\001/, "\003\001", s)
	gsub(/\002/, "\003\002", s)
	n = split(s, part, "\003")
	out = prose(part[1])
	for (i = 2; i <= n; i++) {
		kind = substr(part[i], 1, 1)
		if (kind == "\002" && !literal)
			out = out "\n.Bd -literal -offset indent"
		if (kind == "\001" && literal)
			out = out "\n.Ed"
		literal = kind == "\002"
		if (!literal)
			out = out "\n.Pp"
		out = out "\n" (literal ? shown(substr(part[i], 2)) : \
		    prose(substr(part[i], 2)))
	}
	return out (literal ? "\n.Ed" (more ? "\n.Pp" : "") : "")
}

{
	def = $6 ~ /c/ ? "computed" : $3 == "" ? "empty" : $3
	printf ".It Ic \"%s\" Pq \"%s\"\n%s\n", $1, quote(def), \
	    text($7, $2 == "TIME" || $2 == "RAW" || $5 + 0 >= 2)
	if ($2 == "TIME")
		printf "A time; without a unit in %s.\n", unit[$4]
	if ($2 == "RAW")
		print "Other parameters are not expanded in it."
	if ($5 ~ /3\.12/)
		print "From Postfix 3.12."
	else if ($5 + 0 >= 2)
		printf "Since Postfix %s.\n", $5
}

BEGIN {
	unit["s"] = "seconds"
	unit["m"] = "minutes"
	unit["h"] = "hours"
	unit["d"] = "days"
	unit["w"] = "weeks"
}
