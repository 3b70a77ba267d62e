#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "mail/cleanup_client.h"
#include "mail/cleanup_proto.h"
#include "mail/peer.h"
#include "mail/queue_id.h"
#include "milter/session.h"
#include "util/clock.h"
#include "util/frame.h"
#include "util/mem.h"
#include "util/stream.h"
#include "util/task.h"
#include "util/text.h"

struct cleanup_client {
	struct stream	*s;
	struct frame	 f;		/* scratch */
	struct buf	 line;		/* of cleanup_printf() */
	bool		 trouble;	/* cleanup has said so */
	char		 id[QUEUE_ID_MAX];
};

static void
send_simple(struct cleanup_client *c, enum cleanup_frame type)
{
	frame_begin(&c->f, type);
	frame_send(c->s, &c->f);
}

static void
free_client(struct cleanup_client *c)
{
	frame_done(&c->f);
	buf_done(&c->line);
	mem_free(c);
}

/* One answer into c->f.  TROUBLE is noted and skipped. */
static bool
receive(struct cleanup_client *c)
{
	do {
		if (!frame_receive(c->s, &c->f, CLEANUP_ANSWER_MAX))
			return false;
		if (c->f.type == CLEANUP_TROUBLE)
			c->trouble = true;
	} while (c->f.type == CLEANUP_TROUBLE);
	return true;
}

static enum cleanup_status
status_of(const struct frame *f)
{
	uint64_t n = f->type == CLEANUP_RESULT ?
	    frame_u64(f, CLEANUP_KEY_STATUS, CLEANUP_BAD) : CLEANUP_BAD;

	return n > CLEANUP_CANCELED ? CLEANUP_BAD : (enum cleanup_status)n;
}

/* Sends OPEN on a connection and takes its answer. */
static bool
open_on(struct cleanup_client *c, unsigned flags, enum cleanup_status *status)
{
	const char *id;

	frame_begin(&c->f, CLEANUP_OPEN);
	frame_put_u64(&c->f, CLEANUP_KEY_FLAGS, flags);
	frame_send(c->s, &c->f);
	*status = CLEANUP_BAD;
	if (!receive(c))
		return false;
	if (c->f.type != CLEANUP_QUEUE_ID) {
		*status = status_of(&c->f);
		return false;
	}
	id = frame_str(&c->f, CLEANUP_KEY_ID);
	if (id == NULL || !queue_id_is_valid(id))
		return false;
	strcpy(c->id, id);
	return true;
}

enum {
	OPEN_WITHIN = 2000,	/* ms */
	OPEN_PAUSE = 20,	/* ms */
};

static const struct {
	const char *word;
	unsigned    off;	/* enum cleanup_flag */
} overrides[] = {
	{ "no_unknown_recipient_checks", 0 },	/* smtpd's affair */
	{ "no_address_mappings", CLEANUP_MAP | CLEANUP_BCC },
	{ "no_header_body_checks", CLEANUP_FILTER },
	{ "no_milters", CLEANUP_MILTER },
};

static bool
override(unsigned *flags, const char *word)
{
	for (size_t i = 0; i < sizeof overrides / sizeof *overrides; i++)
		if (text_eq(word, overrides[i].word)) {
			*flags &= ~overrides[i].off;
			return true;
		}
	return false;
}

unsigned
cleanup_input_flags(const char *list, struct buf *unknown)
{
	unsigned flags = CLEANUP_FILTER | CLEANUP_MAP | CLEANUP_BCC |
	    CLEANUP_MILTER;
	char	*text = mem_strdup(list), *next = text, *word;

	while ((word = text_word(&next, TEXT_LIST_SEP, false)) != NULL)
		if (!override(&flags, word) && unknown != NULL)
			buf_set(unknown, word);
	mem_free(text);
	return flags;
}

unsigned
cleanup_autodetect(const char *classes, const char *class)
{
	return text_has_word(classes, class) || text_has_word(classes, "all") ?
	    CLEANUP_SMTPUTF8_AUTODETECT : 0;
}

/*
 * A kept connection may have been closed by the other side, whose process
 * came to its end; then the next one is tried, in the end a new one, to its
 * successor.
 */
struct cleanup_client *
cleanup_open(unsigned flags, enum cleanup_status *ret_status)
{
	struct cleanup_client *c = NEW(struct cleanup_client);
	int64_t		       until = clock_ms() + OPEN_WITHIN;

	c->f = (struct frame)FRAME_INIT;
	c->line = (struct buf)BUF_INIT;
	*ret_status = CLEANUP_BAD;
	for (int i = 0; i < 2 || clock_ms() < until; i++) {
		if ((c->s = peer_connect(CLEANUP_SERVICE)) == NULL)
			break;
		if (open_on(c, flags, ret_status))
			return c;
		stream_abort(c->s);
		if (*ret_status != CLEANUP_BAD)
			break;
		if (i > 0)
			task_sleep_ms(OPEN_PAUSE);
	}
	free_client(c);
	return NULL;
}

const char *
cleanup_queue_id(const struct cleanup_client *c)
{
	return c->id;
}

void
cleanup_envelope(struct cleanup_client *c, const struct envelope *e)
{
	struct envelope facts = *e;

	facts.rcpt_count = 0;
	frame_begin(&c->f, CLEANUP_ENVELOPE);
	envelope_write(&c->f, &facts);
	frame_send(c->s, &c->f);
}

void
cleanup_rcpt(struct cleanup_client *c, const struct recipient *r)
{
	frame_begin(&c->f, CLEANUP_RCPT);
	envelope_write_rcpt(&c->f, r);
	frame_send(c->s, &c->f);
}

void
cleanup_content(struct cleanup_client *c, const void *bytes, size_t len)
{
	const char *p = bytes;

	while (len > 0) {
		size_t n = len > CLEANUP_CONTENT_MAX ? CLEANUP_CONTENT_MAX : len;

		frame_send_bytes(c->s, CLEANUP_CONTENT, CLEANUP_KEY_BYTES,
		    p, n);
		p += n;
		len -= n;
	}
}

void
cleanup_put(void *client, const char *bytes, size_t len)
{
	cleanup_content(client, bytes, len);
}

static void
add_macro(void *arg, const char *name, const char *value)
{
	struct frame *f = arg;

	frame_put_str(f, CLEANUP_KEY_NAME, name);
	frame_put_str(f, CLEANUP_KEY_VALUE, value);
}

/* A frame a milter, since a descriptor goes with each. */
void
cleanup_milters(struct cleanup_client *c, struct milters *m)
{
	int fd;

	for (size_t i = 0;; i++) {
		frame_begin(&c->f, CLEANUP_MILTER_ONE);
		if (!milters_pack(m, i, &c->f, &fd))
			break;
		if (fd >= 0)
			stream_send_fd(c->s, fd);
		frame_send(c->s, &c->f);
		if (fd >= 0)
			stream_flush(c->s);
	}
	frame_begin(&c->f, CLEANUP_MACROS);
	milters_each_macro(m, add_macro, &c->f);
	frame_send(c->s, &c->f);
}

enum cleanup_status
cleanup_end(struct cleanup_client *c, struct buf *why)
{
	enum cleanup_status status = CLEANUP_BAD;
	const char	   *text;

	buf_clear(why);
	send_simple(c, CLEANUP_END);
	if (receive(c) && c->f.type == CLEANUP_RESULT) {
		status = status_of(&c->f);
		text = frame_str(&c->f, CLEANUP_KEY_WHY);
		if (text != NULL)
			buf_adds(why, text);
	}
	if (status == CLEANUP_BAD)
		stream_abort(c->s);
	else
		peer_keep(CLEANUP_SERVICE, c->s);
	free_client(c);
	return status;
}

void
cleanup_abort(struct cleanup_client *c)
{
	if (c == NULL)
		return;
	send_simple(c, CLEANUP_ABORT);
	if (receive(c) && c->f.type == CLEANUP_RESULT)
		peer_keep(CLEANUP_SERVICE, c->s);
	else
		stream_abort(c->s);
	free_client(c);
}

bool
cleanup_has_failed(struct cleanup_client *c)
{
	/* between QUEUE_ID and END only TROUBLE can come */
	if (stream_pending(c->s) > 0)
		c->trouble = true;
	return c->trouble || stream_failed(c->s) != NULL;
}

void
cleanup_printf(struct cleanup_client *c, const char *fmt, ...)
{
	va_list ap;

	buf_clear(&c->line);
	va_start(ap, fmt);
	buf_addv(&c->line, fmt, ap);
	va_end(ap);
	buf_adds(&c->line, "\r\n");
	cleanup_content(c, c->line.data, c->line.len);
}
