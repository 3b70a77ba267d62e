#include "local/forward.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "conf/param.h"
#include "local/content.h"
#include "mail/address.h"
#include "mail/cleanup_client.h"
#include "mail/deliver.h"
#include "mail/envelope.h"
#include "mail/queue_file.h"
#include "util/clock.h"
#include "util/mem.h"
#include "util/text.h"

struct forward {
	struct forward	*next;
	struct envelope	 env;
	const char	*delivered_to;
};

struct forward *
forward_for(struct forward **list, const char *sender,
    const char *delivered_to)
{
	struct forward *f;

	for (; (f = *list) != NULL; list = &f->next)
		if (strcmp(f->env.sender, sender) == 0 &&
		    strcmp(f->delivered_to, delivered_to) == 0)
			return f;
	f = NEW(struct forward);
	envelope_init(&f->env);
	f->env.sender = pool_strdup(&f->env.pool, sender);
	f->delivered_to = pool_strdup(&f->env.pool, delivered_to);
	*list = f;
	return f;
}

struct forward *
forward_next(struct forward *f)
{
	return f->next;
}

void
forward_free_all(struct forward *f)
{
	struct forward *next;

	for (; f != NULL; f = next) {
		next = f->next;
		envelope_done(&f->env);
		mem_free(f);
	}
}

void
forward_add(struct forward *f, const char *address, const struct recipient *of,
    bool of_list)
{
	if (of_list)
		envelope_add_rcpt(&f->env, address, address, "", of->notify);
	else
		envelope_add_rcpt(&f->env, address, of->original, of->orcpt,
		    of->notify);
}

/* What the copy keeps of the original's envelope. */
static void
fill_envelope(struct forward *f, struct delivery *d)
{
	static const enum envelope_attr kept[] = {
		ATTR_ENCODING, ATTR_DSN_ENVELOPE_ID, ATTR_DSN_RET,
		ATTR_LOG_CLIENT_NAME, ATTR_LOG_CLIENT_ADDRESS,
		ATTR_LOG_CLIENT_PORT, ATTR_LOG_HELO_NAME,
		ATTR_LOG_PROTOCOL_NAME, ATTR_LOG_IDENT,
	};
	const struct envelope *old = delivery_envelope(d);

	f->env.arrival_us = clock_wall_us();
	f->env.flags = d->env_flags & (ENV_SMTPUTF8 | ENV_SMTPUTF8_NEEDED |
	    ENV_REQUIRETLS);
	f->env.flags |= ENV_LOCAL_ORIGIN;
	envelope_set(&f->env, ATTR_LOG_MESSAGE_ORIGIN, "local");
	for (size_t i = 0; old != NULL && i < sizeof kept / sizeof *kept; i++)
		if (old->attr[kept[i]] != NULL)
			envelope_set(&f->env, kept[i], old->attr[kept[i]]);
}

static bool
send_content(struct cleanup_client *c, struct forward *f, struct delivery *d)
{
	const struct queue_file	*file = &d->file;
	struct buf		 date = BUF_INIT, to = BUF_INIT;
	struct buf		 folded = BUF_INIT;

	clock_rfc_date(&date, time(NULL));
	cleanup_printf(c, "Received: by %s (%s)", conf_mail.myhostname,
	    conf_mail.mail_name);
	cleanup_printf(c, "\tid %s; %s", cleanup_queue_id(c), date.data);
	buf_done(&date);
	if (content_wants_delivered_to("forward")) {
		address_quote(&to, f->delivered_to);
		text_fold(&folded, to.data, conf_mail.smtputf8_enable);
		cleanup_printf(c, "Delivered-To: %s", folded.data);
		buf_done(&to);
		buf_done(&folded);
	}
	return queue_file_copy(file, queue_file_header_at(file),
	    file->t.header_len, cleanup_put, c) &&
	    queue_file_copy(file, queue_file_body_at(file), file->t.body_len,
	    cleanup_put, c);
}

/* Headers are completed for mail that came from our own. */
static unsigned
rewriting(struct delivery *d)
{
	const struct envelope *e = delivery_envelope(d);

	return e != NULL && strcmp(envelope_get(e, ATTR_REWRITE_CONTEXT),
	    "local") == 0 ? CLEANUP_REWRITE_LOCAL : 0;
}

enum outcome
forward_finish(struct forward *f, struct delivery *d, struct why *why)
{
	enum cleanup_status	 status;
	struct cleanup_client	*c = cleanup_open(CLEANUP_BOUNCE | CLEANUP_MAP |
	    CLEANUP_FILTER | CLEANUP_INTERNAL | rewriting(d), &status);
	struct buf		 text = BUF_INIT;
	char			 id[QUEUE_ID_MAX];

	why_set(why, "4.3.0", "unable to forward message");
	if (c == NULL)
		return TRY_LATER;
	snprintf(id, sizeof id, "%s", cleanup_queue_id(c));
	fill_envelope(f, d);
	cleanup_envelope(c, &f->env);
	for (uint32_t i = 0; i < f->env.rcpt_count; i++)
		cleanup_rcpt(c, &f->env.rcpt[i]);
	if (!send_content(c, f, d)) {
		cleanup_abort(c);
		return TRY_LATER;
	}
	status = cleanup_end(c, &text);
	if (status == CLEANUP_OK)
		why_set(why, "2.0.0", "forwarded as %s", id);
	else if (text.len > 0)
		why_set(why, "4.3.0", "unable to forward message: %s", text.data);
	buf_done(&text);
	return status == CLEANUP_OK ? DONE : TRY_LATER;
}
