/* DATA (RFC 5321 4.1.1.4) */

#include "mail/content.h"
#include "smtpd/access/access.h"
#include "smtpd/command.h"
#include "smtpd/deadline.h"
#include "smtpd/message.h"
#include "smtpd/milter.h"
#include "smtpd/reply.h"
#include "util/stream.h"

static const char *
refuse(struct session *s, const struct command_line *line)
{
	const char *no;

	if (s->tr.bdat != NULL)
		return "503 5.5.1 Error: DATA after BDAT";
	if (!s->tr.has_sender)
		return "503 5.5.1 Error: need RCPT command";
	if (s->tr.rcpt_count == 0)
		return "554 5.5.1 Error: no valid recipients";
	if (*line->rest != '\0')
		return "501 5.5.4 Syntax: DATA";
	if (!s->standalone && (no = access_data(s)) != NULL)
		return no;
	return milter_data(s);
}

/* False: the client is gone. */
static bool
receive(struct session *s)
{
	struct content	c;
	struct deadline d;
	const char     *p;
	size_t		n;
	bool		end = false;

	content_init(&c, true, !s->loose_newlines, message_content, s);
	deadline_begin(&d, s->stream);
	while (!end) {
		if ((p = deadline_peek(&d, &n)) == NULL) {
			session_lost(s);
			return false;
		}
		stream_skip(s->stream, content_feed(&c, p, n, &end));
	}
	s->tr.got_bare_lf = c.got_bare_lf;
	return true;
}

bool
data_run(struct session *s, struct command_line *line)
{
	const char *no = refuse(s, line);

	if (no != NULL || !message_ask_data(s, &no)) {
		reply_relayed(s, no);
		return false;
	}
	reply(s, "354 End data with <CR><LF>.<CR><LF>");
	message_begin(s);
	return receive(s) && message_end(s, "250 2.0.0 Ok: queued as ");
}
