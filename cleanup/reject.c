#include <errno.h>
#include <string.h>

#include "cleanup/message.h"
#include "conf/param.h"
#include "mail/address.h"
#include "mail/bounce_client.h"
#include "mail/queue_dir.h"
#include "util/log.h"
#include "util/text.h"

/*
 * Mail of local users that is refused for what it contains: its sender has
 * gone, so cleanup returns it.  The report needs the message in the queue;
 * it goes there with all its recipients done, so that nobody delivers it,
 * and is removed when the report is on its way.
 */

static const char *
reason_dsn(const struct message *m)
{
	switch (m->status) {
	case CLEANUP_TOO_BIG:
		return "5.3.4";
	case CLEANUP_HOPS:
		return "5.4.0";
	default:
		return "5.7.1";
	}
}

/* `why` may begin with an SMTP code and a status code of its own. */
static void
split_why(const struct message *m, struct why *why)
{
	const char *text = m->why.data;
	size_t	    n;
	char	    dsn[12];

	if (strspn(text, "0123456789") == 3 && text[3] == ' ')
		text += 4;
	if ((n = dsn_parse(text, dsn)) > 0)
		text += n + strspn(text + n, " ");
	else
		strcpy(dsn, reason_dsn(m));
	why_set(why, dsn, "%s", *text == '\0' ? "message content rejected" :
	    text);
}

static void
log_rcpt(const struct message *m, const struct recipient *r,
    const struct why *why, bool ok)
{
	struct buf to = BUF_INIT;

	address_quote(&to, r->address);
	if (!text_eq_nocase(r->address, r->original) && *r->original != '\0') {
		buf_adds(&to, ">, orig_to=<");
		address_quote(&to, r->original);
	}
	log_info("%s: to=<%s>, relay=none, delay=0, delays=0/0/0/0, dsn=%s, "
	    "status=%s (%s)", m->file.id, to.data, why->dsn,
	    ok ? "bounced" : "deferred", why->text.data);
	buf_done(&to);
}

static bool
append_all(struct message *m)
{
	struct why why = WHY_INIT;
	bool	   ok = true;

	split_why(m, &why);
	for (uint32_t i = 0; ok && i < m->env.rcpt_count; i++) {
		const struct bounce_rcpt b = {
			.rcpt = &m->env.rcpt[i],
			.relay = "none",
			.arrival_us = m->env.arrival_us,
			.why = &why,
			.action = "failed",
		};

		ok = bounce_append("bounce", m->file.id, &b);
		log_rcpt(m, &m->env.rcpt[i], &why, ok);
	}
	why_done(&why);
	return ok;
}

bool
reject_bounce(struct message *m)
{
	const struct bounce_message b = {
		.queue = QUEUE_INCOMING,
		.id = m->file.id,
		.sender = m->env.sender,
		.envid = envelope_get(&m->env, ATTR_DSN_ENVELOPE_ID),
		/* what was refused is not sent on */
		.ret = m->status == CLEANUP_REJECTED ? RET_HDRS : RET_NONE,
		.encoding = envelope_get(&m->env, ATTR_ENCODING),
		.env_flags = m->env.flags,
	};
	bool ok;

	for (uint32_t i = 0; i < m->env.rcpt_count; i++)
		m->env.rcpt[i].status = RCPT_DONE;
	m->has_file = false;
	m->env.queue_id = m->file.id;
	if (!queue_writer_commit(&m->file, &m->header, &m->env, &m->facts)) {
		log_warn("%s: write queue file: %s", m->file.id,
		    strerror(errno));
		return false;
	}
	ok = append_all(m) && bounce_flush(&b);
	queue_remove(QUEUE_INCOMING, m->file.id);
	return ok;
}
