# html.awk - all parameters on one page that can be searched
#
#	awk -f html.awk READERS PARAMS
#
# READERS has lines "program parameter"; PARAMS is the sorted output of
# params.awk.  The page needs nothing but itself.

BEGIN {
	FS = "\t"
	unit["s"] = "seconds"; unit["m"] = "minutes"; unit["h"] = "hours"
	unit["d"] = "days"; unit["w"] = "weeks"
	type["BOOL"] = "yes or no"
	type["INT"] = type["LONG"] = "number"
	type["STR"] = "text"
	type["RAW"] = "text, not expanded"
}

FILENAME == ARGV[1] {
	split($0, pair, " ")
	readers[pair[2]] = readers[pair[2]] \
	    (readers[pair[2]] == "" ? "" : ", ") pair[1]
	next
}
{
	line[++count] = $0
	known[$1] = 1
}

function escape(s) {
	gsub(/&/, "\\&amp;", s)
	gsub(/</, "\\&lt;", s)
	gsub(/>/, "\\&gt;", s)
	gsub(/"/, "\\&quot;", s)
	return s
}

# Other parameters' names become links to them.
function links(s, self,   out, word) {
	while (match(s, /[a-z0-9]+_[A-Za-z0-9_]+/)) {
		word = substr(s, RSTART, RLENGTH)
		out = out substr(s, 1, RSTART - 1)
		if (word in known && word != self)
			word = "<a href=\"#" word "\">" word "</a>"
		out = out word
		s = substr(s, RSTART + RLENGTH)
	}
	return out s
}

# Paragraphs (\001) and lines of examples (\002), see params.awk.
function body(s, self,   n, part, out, i, kind, literal) {
	s = links(escape(s), self)
	gsub(/\001/, "\003\001", s)
	gsub(/\002/, "\003\002", s)
	n = split(s, part, "\003")
	out = "<p>" part[1]
	for (i = 2; i <= n; i++) {
		kind = substr(part[i], 1, 1)
		if (kind == "\002")
			out = out (literal ? "\n" : "</p>\n<pre>")
		else
			out = out (literal ? "</pre>" : "</p>") "\n<p>"
		literal = kind == "\002"
		out = out substr(part[i], 2)
	}
	return out (literal ? "</pre>" : "</p>")
}

function facts(   s) {
	s = $2 == "TIME" ? "time, in " unit[$4] " without a unit" : type[$2]
	if ($5 ~ /^[0-9]/)
		s = s "; since Postfix " $5
	else
		s = s "; " $5 " only"
	if (readers[$1] != "")
		s = s "; read by " readers[$1]
	return s
}

function head() {
	print "<!DOCTYPE html>\n<html lang=\"en\">\n<head>"
	print "<meta charset=\"utf-8\">"
	print "<meta name=\"viewport\" content=\"width=device-width\">"
	print "<title>Parameters of main.cf</title>\n<style>"
	print "body { font: 16px/1.45 sans-serif; max-width: 50em; " \
	    "margin: 0 auto; padding: 0 1em 4em; }"
	print "header { position: sticky; top: 0; background: #fff; " \
	    "padding: .5em 0; border-bottom: 1px solid #ccc; }"
	print "h1 { font-size: 1.3em; margin: .3em 0; }"
	print "input { font: inherit; width: 60%; padding: .3em; }"
	print "h2 { font: bold 1em monospace; margin: 1.6em 0 0; }"
	print "h2 span { font-weight: normal; overflow-wrap: anywhere; }"
	print "section { scroll-margin-top: 6.5em; }"
	print "p { margin: .3em 0; } pre { margin: .5em 2em; }"
	print ".facts { color: #555; font-size: .85em; }"
	print "[hidden] { display: none; }\n</style>\n</head>\n<body>"
	print "<header>\n<h1>Parameters of main.cf</h1>"
	print "<input id=\"q\" type=\"search\" autofocus " \
	    "placeholder=\"words in names, defaults and texts\">"
	print "<span id=\"n\"></span>\n</header>"
	print "<p>What is set in <code>/etc/postfix/main.cf</code> takes the " \
	    "place of the default shown. <code>postconf NAME</code> shows a " \
	    "value, <code>postconf NAME=VALUE</code> changes it, " \
	    "<code>postfix reload</code> puts it in force. The grammar of " \
	    "values is in <code>man 5 postconf</code>.</p>"
}

function foot() {
	print "<script>"
	print "const q = document.getElementById('q'), " \
	    "n = document.getElementById('n');"
	print "const all = [...document.querySelectorAll('section')]"
	print "\t.map(s => [s, s.textContent.toLowerCase()]);"
	print "function search() {"
	print "\tconst words = q.value.toLowerCase().split(/\\s+/)" \
	    ".filter(w => w);"
	print "\tlet shown = 0;"
	print "\tfor (const [s, text] of all) {"
	print "\t\ts.hidden = !words.every(w => text.includes(w));"
	print "\t\tshown += !s.hidden;"
	print "\t}"
	print "\tn.textContent = shown + ' of ' + all.length;"
	print "}"
	print "q.addEventListener('input', search);"
	print "addEventListener('hashchange', () => {"
	print "\tconst s = document.getElementById(location.hash.slice(1));"
	print "\tif (s && s.hidden) { q.value = ''; search(); " \
	    "s.scrollIntoView(); }"
	print "});"
	print "search();\n</script>\n</body>\n</html>"
}

END {
	head()
	for (i = 1; i <= count; i++) {
		$0 = line[i]
		def = $6 ~ /c/ ? "<i>computed</i>" : escape($3)
		printf "<section id=\"%s\">\n<h2>%s <span>= %s</span></h2>\n", \
		    $1, $1, def
		print body($7, $1)
		printf "<p class=\"facts\">%s</p>\n</section>\n", facts()
	}
	foot()
}
