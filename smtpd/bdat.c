/*
 * BDAT (RFC 3030 2)
 *
 * The bytes of a chunk follow the command whatever we think of it: a chunk
 * that is refused must be read and thrown away, or its bytes would be taken
 * for commands.  Only a chunk of unknown length ends the session.
 *
 * tr.bdat stands from the first BDAT on, even one outside of a transaction,
 * and no other command of a transaction is taken any more.  After an error
 * there are no recipients, and later chunks are thrown away until RSET or the
 * last of them, with which all of it ends.
 */

#include <stdio.h>

#include "conf/param.h"
#include "mail/cleanup_client.h"
#include "mail/content.h"
#include "smtpd/access/access.h"
#include "smtpd/command.h"
#include "smtpd/config.h"
#include "smtpd/deadline.h"
#include "smtpd/message.h"
#include "smtpd/milter.h"
#include "smtpd/options.h"
#include "smtpd/reply.h"
#include "util/log.h"
#include "util/stream.h"

struct bdat {
	struct content	content;
	bool		failed;		/* one was refused */
};

/* Reads a chunk, handing its bytes to `content` if there is one. */
static bool
read_chunk(struct session *s, uint64_t size, struct content *content)
{
	struct deadline d;
	const char     *p;
	size_t		n;
	bool		end;

	deadline_begin(&d, s->stream);
	for (; size > 0; size -= n) {
		if ((p = deadline_peek(&d, &n)) == NULL) {
			session_lost(s);
			return false;
		}
		if (n > size)
			n = (size_t)size;
		if (content != NULL)
			content_feed(content, p, n, &end);
		stream_skip(s->stream, n);
	}
	return true;
}

/* The transaction can't become a message any more. */
static void
spoil(struct session *s)
{
	struct transaction *t = &s->tr;

	if (t->cleanup != NULL)
		cleanup_abort(t->cleanup);
	t->cleanup = NULL;
	t->rcpt_count = 0;
	t->bdat->failed = true;
}

static bool
is_too_large(uint64_t chunk)
{
	uint64_t limit = (uint64_t)conf_mail.message_size_limit;

	return limit > 0 && chunk > limit;
}

/* Restrictions apply as at DATA, once, before the first chunk. */
static const char *
refuse_first(struct session *s)
{
	const char *no;

	if (s->tr.bdat != NULL || s->standalone)
		return NULL;
	no = access_data(s);
	if (no == NULL && (no = milter_data(s)) == NULL)
		message_ask_data(s, &no);
	return no;
}

static const char *
refuse(struct session *s, uint64_t size, bool last)
{
	const struct bdat *b = s->tr.bdat;

	if (size == 0 && !last) {
		log_warn("%s: null BDAT request from %s", session_id(s),
		    s->client.label);
		return "551 5.7.1 Null BDAT request";
	}
	if (b != NULL && b->failed)
		return pool_printf(&s->tr.pool, "551 5.0.0 Discarded %llu "
		    "bytes after earlier error", (unsigned long long)size);
	if (!s->tr.has_sender)
		return "503 5.5.1 Error: need RCPT command";
	if (s->tr.rcpt_count == 0)
		return "554 5.5.1 Error: no valid recipients";
	if (is_too_large(size)) {
		log_warn("%s: BDAT request from %s exceeds message size limit",
		    session_id(s), s->client.label);
		return "552 5.3.4 Chunk exceeds message size limit";
	}
	return refuse_first(s);
}

static bool
receive(struct session *s, uint64_t size, bool last)
{
	struct bdat *b = s->tr.bdat;
	char	     ok[80];

	if (b->content.put == NULL) {
		content_init(&b->content, false, !s->loose_newlines,
		    message_content, s);
		message_begin(s);
	}
	if (!read_chunk(s, size, &b->content))
		return false;
	if (!last) {
		reply(s, "250 2.0.0 Ok: %llu bytes", (unsigned long long)size);
		return true;
	}
	content_finish(&b->content);
	s->tr.got_bare_lf = b->content.got_bare_lf;
	snprintf(ok, sizeof ok, "250 2.0.0 Ok: %llu bytes queued as ",
	    (unsigned long long)s->tr.size);
	return message_end(s, ok);
}

static bool
malformed(struct session *s, const char *rest)
{
	log_warn("%s: malformed BDAT command syntax from %s: BDAT%s%.100s",
	    session_id(s), s->client.label, *rest != '\0' ? " " : "", rest);
	reply(s, "521 5.5.4 Syntax: BDAT count [LAST]");
	return false;
}

bool
bdat_run(struct session *s, struct command_line *line)
{
	char	   *copy;
	const char *no;
	uint64_t    size = 0;
	bool	    last = false;

	if (s->ehlo_discard & EHLO_CHUNKING) {
		reply(s, "521 5.5.1 Error: command not implemented");
		return false;
	}
	copy = mem_strdup(line->rest);
	if (!options_bdat(copy, &size, &last)) {
		mem_free(copy);
		return malformed(s, line->rest);
	}
	mem_free(copy);
	no = refuse(s, size, last);
	if (s->tr.bdat == NULL)
		s->tr.bdat = pool_zalloc(&s->tr.pool, sizeof *s->tr.bdat);
	if (no == NULL)
		return receive(s, size, last);
	spoil(s);
	if (read_chunk(s, size, NULL))
		reply_relayed(s, no);
	if (last)
		session_reset(s);
	return false;
}
