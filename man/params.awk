# params.awk - the parameters of conf/*.def, one a line:
#
#	name TAB type TAB default TAB unit TAB since TAB flags TAB text
#
# The comment above an entry is its text; its last line says which release
# brought the parameter.  In the text \001 begins a paragraph (an empty line
# in the comment) and \002 a line of an example (one that begins with a tab).  The first comment of a file is about the file, and
# has no entry behind it before the next comment begins.

function finish(   d, rest, n, field, i) {
	match(entry, /\(/)
	type = substr(entry, 7, RSTART - 7)
	rest = substr(entry, RSTART + 1)
	d = ""
	name = ""
	if (type == "STR_AS") {		# the field, then "name"
		type = "STR"
		match(rest, /"[^"]*"/)
		name = substr(rest, RSTART + 1, RLENGTH - 2)
		rest = substr(rest, RSTART + RLENGTH)
	} else {
		match(rest, /^[A-Za-z0-9_]+/)
		name = substr(rest, 1, RLENGTH)
	}
	while (match(rest, /"([^"\\]|\\.)*"/)) {
		d = d substr(rest, RSTART + 1, RLENGTH - 2)
		rest = substr(rest, RSTART + RLENGTH)
	}
	gsub(/\\"/, "\"", d)
	gsub(/\\\\/, "\\", d)
	unit = match(rest, /'.'/) ? substr(rest, RSTART + 1, 1) : "-"
	flags = ""
	if (rest ~ /UNLISTED/)
		flags = flags "u"
	if (rest ~ /COMPUTED/)
		flags = flags "c"
	if (doc == "") {
		print name ": no description" >"/dev/stderr"
		exit 1
	}
	printf "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", name, type, d, unit, since, \
	    flags == "" ? "-" : flags, doc
}

/^\/\*/		{ doc = since = ""; inside = 1; next }
/^ \*\//	{ inside = 0; next }
inside && /^ \* Since: / {
	since = $3
	next
}
inside && /^ \*\t/ { doc = doc "\002" substr($0, 4); glue = "\001"; next }
inside && /^ \*$/ { glue = "\001"; next }
inside {
	doc = doc (doc == "" ? "" : glue) substr($0, 4)
	glue = " "
	next
}
/^PARAM_/	{ entry = ""; open = 1 }
open		{ entry = entry $0 }
open && /\)$/	{ finish(); open = 0 }
