/* A message shown to the milters, and what they make of it. */

#include <string.h>

#include "milter/session_int.h"
#include "util/stream.h"

static const struct milter_event
    header_event = { MILTER_HEADER, MILTER_STAGE_EOH, MILTER_NO_HEADERS,
	MILTER_NR_HEADER },
    eoh_event = { MILTER_END_OF_HEADER, MILTER_STAGE_EOH, MILTER_NO_EOH,
	MILTER_NR_EOH },
    body_event = { MILTER_BODY, MILTER_STAGE_EOM, MILTER_NO_BODY,
	MILTER_NR_BODY },
    eom_event = { MILTER_END_OF_BODY, MILTER_STAGE_EOM, 0, 0 };

static struct milter_verdict
show_header(struct milter *m, const struct milter_content *c, void *arg)
{
	struct milter_verdict v = milter_go_on;
	struct str	      name, value;

	if (m->protocol & MILTER_NO_HEADERS)
		return v;
	for (size_t i = 0; v.action == MILTER_GO_ON &&
	    m->state == MILTER_OPEN && !milter_skips(m, &header_event) &&
	    c->header(arg, i, &name, &value); i++) {
		milter_add_macros(m, &header_event);
		milter_put_header(&m->all->out, name, value,
		    (m->protocol & MILTER_LEADING_SPACE) != 0);
		v = milter_ask(m, &header_event, m->set.content_timeout);
	}
	return v;
}

static struct milter_verdict
show_end_of_header(struct milter *m)
{
	if (m->protocol & MILTER_NO_EOH)
		return milter_go_on;
	milter_add_macros(m, &eoh_event);
	milter_put(&m->all->out, MILTER_END_OF_HEADER, NULL, 0);
	return milter_ask(m, &eoh_event, m->set.content_timeout);
}

static struct milter_verdict
show_body(struct milter *m, const struct milter_content *c, void *arg)
{
	struct milter_verdict v = milter_go_on;
	struct str	      piece = { "", 0 };

	if (m->protocol & MILTER_NO_BODY)
		return v;
	for (uint64_t at = 0; v.action == MILTER_GO_ON &&
	    m->state == MILTER_OPEN && !milter_skips(m, &body_event);
	    at += piece.n) {
		if (!c->body(arg, at, &piece))
			return (struct milter_verdict){ MILTER_REFUSE,
			    "451 4.3.0 Error: queue file read error" };
		if (piece.n == 0)
			break;
		milter_add_macros(m, &body_event);
		milter_put(&m->all->out, MILTER_BODY, piece.p, piece.n);
		v = milter_ask(m, &body_event, m->set.content_timeout);
	}
	return v;
}

static bool
is_edit(int type)
{
	static const char edits[] = { MILTER_ADD_HEADER, MILTER_INSERT_HEADER,
	    MILTER_CHANGE_HEADER, MILTER_ADD_RCPT, MILTER_ADD_RCPT_PAR,
	    MILTER_DELETE_RCPT, MILTER_REPLACE_BODY, MILTER_CHANGE_FROM,
	    MILTER_QUARANTINE };

	return memchr(edits, type, sizeof edits) != NULL;
}

/*
 * End of message: changes in any number, then the verdict.  Changes count
 * only when that has come (a milter that dies in the middle leaves none).
 */
static struct milter_verdict
show_end(struct milter *m, const struct milter_content *c, void *arg)
{
	struct milter_answer  a;
	struct milter_verdict v;

	milter_add_macros(m, &eom_event);
	milter_put(&m->all->out, MILTER_END_OF_BODY, NULL, 0);
	milter_deadline(m, m->set.content_timeout);
	if (!milter_send(m, &eom_event))
		return m->verdict;
	for (;;) {
		milter_deadline(m, m->set.content_timeout);
		if (!milter_receive(m, &eom_event, &a))
			return m->verdict;
		if (a.type == MILTER_PROGRESS)
			continue;
		if (milter_judge(m, &eom_event, &a, &v))
			return v;
		if (!is_edit(a.type))
			return milter_unexpected(m, &eom_event, a.type);
		a.leading_space = (m->protocol & MILTER_LEADING_SPACE) != 0;
		c->edit(arg, &a);
	}
}

static struct milter_verdict
show(struct milter *m, const struct milter_content *c, void *arg)
{
	struct milter_verdict v = show_header(m, c, arg);

	if (v.action == MILTER_GO_ON && m->state == MILTER_OPEN)
		v = show_end_of_header(m);
	if (v.action == MILTER_GO_ON && m->state == MILTER_OPEN)
		v = show_body(m, c, arg);
	if (v.action != MILTER_GO_ON || m->state != MILTER_OPEN)
		return v;
	v = show_end(m, c, arg);
	if (v.action == MILTER_GO_ON && m->state != MILTER_STUCK)
		return c->apply(arg);
	c->drop(arg);
	return v;
}

struct milter_verdict
milters_message(struct milters *all, const struct milter_content *c, void *arg)
{
	struct milter_verdict v = milter_go_on;

	for (size_t i = 0; i < all->count && v.action == MILTER_GO_ON; i++) {
		struct milter *m = &all->items[i];

		if (m->state == MILTER_STUCK)
			v = m->verdict;
		else if (m->state == MILTER_OPEN)
			v = show(m, c, arg);
	}
	return v;
}
