# same.awk - the texts of parameters that say "As NAME, ..." with what NAME's
# says behind them: nobody should have to look in two places, and nobody should
# have to write it twice.  Reads and writes what params.awk makes.

BEGIN { FS = OFS = "\t" }

function base(text,   n) {
	if (!match(text, /^As [a-zA-Z0-9_]+[,.:]/))
		return ""
	n = substr(text, 4, RLENGTH - 4)
	return n in texts ? n : ""
}

# `text` as if it had been written for the LMTP client.
function for_lmtp(text,   out, name) {
	gsub(/SMTP client/, "LMTP client", text)
	out = ""
	while (match(text, /smtp_[a-z0-9_]+/)) {
		name = "lmtp" substr(text, RSTART + 4, RLENGTH - 4)
		out = out substr(text, 1, RSTART - 1)
		if (substr(out, length(out)) !~ /[a-z_]/ && name in texts)
			out = out name
		else
			out = out substr(text, RSTART, RLENGTH)
		text = substr(text, RSTART + RLENGTH)
	}
	return out text
}

{
	line[NR] = $0
	texts[$1] = $7
}

END {
	for (i = 1; i <= NR; i++) {
		$0 = line[i]
		text = $7
		more = ""
		for (depth = 0; depth < 3 && (name = base(text)) != ""; depth++)
			text = more = texts[name]
		if (more != "" && $1 ~ /^lmtp_/)
			more = for_lmtp(more)
		if (more != "")
			$7 = $7 "\001" more
		print
	}
}
