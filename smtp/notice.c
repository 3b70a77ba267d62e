#include "smtp/notice.h"

#include <string.h>

#include "conf/param.h"
#include "mail/own_mail.h"
#include "smtp/session.h"
#include "smtp/settings.h"
#include "util/mem.h"
#include "util/text.h"

enum {
	TRANSCRIPT_MAX = 64 * 1024,	/* bytes: then nothing is added */
};

static bool wanted;

void
notice_init(void)
{
	wanted = text_has_word(conf_mail.notify_classes, "protocol");
}

/* --- the transcript */

static void
add(struct session *s, const char *label, const char *line, size_t len)
{
	if (s->transcript.len > TRANSCRIPT_MAX)
		return;
	buf_adds(&s->transcript, label);
	text_printable(&s->transcript, line, len, true);
	buf_adds(&s->transcript, "\r\n");
}

void
notice_out(struct session *s, const char *text, size_t len)
{
	const char *end = text + len, *cr;

	for (; wanted && text < end; text = cr + 2) {
		cr = memmem(text, (size_t)(end - text), "\r\n", 2);
		if (cr == NULL)
			return;
		add(s, " Out: ", text, (size_t)(cr - text));
	}
}

void
notice_in(struct session *s, const char *line, size_t len)
{
	if (wanted)
		add(s, " In:  ", line, len);
}

void
notice_error(struct session *s)
{
	s->has_erred = true;
}

/* --- the mail */

void
notice_send(struct session *s)
{
	char *first;

	if (!wanted || !s->has_erred)
		return;
	s->has_erred = false;
	first = mem_printf("Unexpected response from %s.\r\n", s->relay);
	own_mail_notice(&(struct own_mail_notice){
		.who = settings.is_lmtp ? "LMTP client" : "SMTP client",
		.about = s->relay, .first = first,
		.transcript = &s->transcript,
	});
	mem_free(first);
}
