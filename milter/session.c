#include <string.h>

#include "milter/session_int.h"
#include "util/frame.h"
#include "util/stream.h"
#include "util/text.h"

struct milters *
milters_new_remote(const struct milter_owner *owner, void *arg)
{
	struct milters *all = NEW(struct milters);

	all->owner = owner;
	all->arg = arg;
	all->out = all->text = all->list = (struct buf)BUF_INIT;
	return all;
}

struct milters *
milters_new(const struct milter_config *c, const struct milter_owner *owner,
    void *arg)
{
	struct milters *all = milters_new_remote(owner, arg);

	all->values = c->values;
	all->count = c->list->count;
	all->items = mem_zalloc(all->count * sizeof *all->items);
	for (size_t i = 0; i < all->count; i++) {
		struct milter *m = &all->items[i];

		m->all = all;
		m->set = c->list->items[i];
		m->macros = c->macros;
		m->stuck_text = m->in = (struct buf)BUF_INIT;
	}
	return all;
}

static void
say_goodbye(struct milter *m)
{
	if (m->s == NULL)
		return;
	milter_put(&m->all->out, MILTER_QUIT, NULL, 0);
	stream_write(m->s, m->all->out.data, m->all->out.len);
	buf_clear(&m->all->out);
	stream_flush(m->s);
	milter_shut(m, MILTER_DONE);
}

void
milters_free(struct milters *all)
{
	if (all == NULL)
		return;
	for (size_t i = 0; i < all->count; i++) {
		say_goodbye(&all->items[i]);
		buf_done(&all->items[i].stuck_text);
		buf_done(&all->items[i].in);
	}
	mem_free(all->items);
	buf_done(&all->out);
	buf_done(&all->text);
	buf_done(&all->list);
	pool_done(&all->pool);
	mem_free(all);
}

/* --- macros */

static const char *
macro_value(struct milters *all, const char *name)
{
	const char *value = all->owner->macro(all->arg, name);

	if (value != NULL || all->values == NULL)
		return value;
	for (const struct milter_value *v = all->values; v->name != NULL; v++)
		if (text_eq(v->name, name))
			return v->value;
	return NULL;
}

void
milter_add_macros(struct milter *m, const struct milter_event *e)
{
	const char *const *names = m->macros.names[e->stage];
	struct buf	  *out = &m->all->out;
	const char	  *value;
	size_t		   at;

	if (names == NULL)
		return;
	at = milter_open(out, MILTER_MACROS);
	buf_addc(out, (char)e->command);
	for (; *names != NULL; names++) {
		if ((value = macro_value(m->all, *names)) == NULL)
			continue;
		buf_add(out, *names, strlen(*names) + 1);
		buf_add(out, value, strlen(value) + 1);
	}
	milter_close(out, at);
}

void
milters_each_macro(struct milters *all,
    void (*give)(void *, const char *, const char *), void *arg)
{
	static const enum milter_stage stages[] = { MILTER_STAGE_EOH,
	    MILTER_STAGE_EOM };
	const char *const *n, *value;

	for (size_t i = 0; i < all->count; i++)
		for (size_t k = 0; k < 2; k++) {
			n = all->items[i].macros.names[stages[k]];
			for (; n != NULL && *n != NULL; n++)
				if ((value = macro_value(all, *n)) != NULL)
					give(arg, *n, value);
		}
}

/* --- one event, one milter */

static bool
is_session_event(const struct milter_event *e)
{
	return e->command == MILTER_CONNECT || e->command == MILTER_HELO;
}

bool
milter_skips(const struct milter *m, const struct milter_event *e)
{
	return strchr(m->skip, (char)e->command) != NULL;
}

static void
skip_from_now(struct milter *m, const struct milter_event *e)
{
	size_t n = strlen(m->skip);

	if (n + 1 < sizeof m->skip)
		m->skip[n] = (char)e->command;
}

/* What was refused before there is a message stays refused. */
static struct milter_verdict
refuse(struct milter *m, const struct milter_event *e, const char *text)
{
	if (is_session_event(e))
		return milter_stick(m, MILTER_REFUSE, text);
	return (struct milter_verdict){ MILTER_REFUSE, text };
}

static struct milter_verdict
refuse_as_told(struct milter *m, const struct milter_event *e,
    const char *text)
{
	if (milter_reply_text(text, &m->all->text))
		return refuse(m, e, m->all->text.data);
	buf_clear(&m->all->text);
	text_printable(&m->all->text, text, strlen(text), true);
	return milter_confused(m, "malformed reply: %.200s",
	    m->all->text.data);
}

static struct milter_verdict
throw_away(struct milter *m, const struct milter_event *e)
{
	if (is_session_event(e)) {
		milter_note(m, "DISCARD action is not allowed for connect or "
		    "helo");
		return milter_go_on;
	}
	m->state = MILTER_PASSED;
	return (struct milter_verdict){ MILTER_THROW_AWAY, "" };
}

struct milter_verdict
milter_unexpected(struct milter *m, const struct milter_event *e, int type)
{
	const char *name = milter_reply_name(type);

	return milter_fail(m, "unexpected filter response %s after event %s",
	    name != NULL ? name : "(unknown filter reply)",
	    milter_command_name(e->command));
}

bool
milter_judge(struct milter *m, const struct milter_event *e,
    const struct milter_answer *a, struct milter_verdict *ret)
{
	*ret = milter_go_on;
	switch (a->type) {
	case MILTER_CONTINUE:
		return true;
	case MILTER_ACCEPT:
		if (is_session_event(e))
			milter_shut(m, MILTER_DONE);
		else
			m->state = MILTER_PASSED;
		return true;
	case MILTER_SKIP:
		skip_from_now(m, e);
		return true;
	case MILTER_REJECT:
		*ret = refuse(m, e, "550 5.7.1 Command rejected");
		return true;
	case MILTER_TEMPFAIL:
		*ret = refuse(m, e, "451 4.7.1 Service unavailable - try "
		    "again later");
		return true;
	case MILTER_REPLY_CODE:
		*ret = refuse_as_told(m, e, a->name);
		return true;
	case MILTER_DISCARD:
		*ret = throw_away(m, e);
		return true;
	case MILTER_SHUT_DOWN:
		*ret = milter_stick(m, MILTER_HANG_UP, milter_hang_up_text);
		return true;
	}
	return false;
}

struct milter_verdict
milter_ask(struct milter *m, const struct milter_event *e, int timeout)
{
	struct milter_answer  a;
	struct milter_verdict v;
	bool		      hold = false;

	milter_deadline(m, timeout);
	if (!milter_send(m, e))
		return m->verdict;
	if (m->protocol & e->nr_bit)
		return milter_go_on;
	do {
		milter_deadline(m, timeout);
		if (!milter_receive(m, e, &a))
			return m->verdict;
		/* has its place at the end, but the wish is clear */
		hold |= a.type == MILTER_QUARANTINE;
	} while (a.type == MILTER_PROGRESS || a.type == MILTER_QUARANTINE);
	if (!milter_judge(m, e, &a, &v))
		return milter_unexpected(m, e, a.type);
	if (hold && v.action == MILTER_GO_ON)
		v = (struct milter_verdict){ MILTER_HOLD, "" };
	return v;
}

/* --- events */

static const struct milter_event
    connect_event = { MILTER_CONNECT, MILTER_STAGE_CONNECT, MILTER_NO_CONNECT,
	MILTER_NR_CONNECT },
    helo_event = { MILTER_HELO, MILTER_STAGE_HELO, MILTER_NO_HELO,
	MILTER_NR_HELO },
    mail_event = { MILTER_MAIL, MILTER_STAGE_MAIL, MILTER_NO_MAIL,
	MILTER_NR_MAIL },
    rcpt_event = { MILTER_RCPT, MILTER_STAGE_RCPT, MILTER_NO_RCPT,
	MILTER_NR_RCPT },
    data_event = { MILTER_DATA, MILTER_STAGE_DATA, MILTER_NO_DATA,
	MILTER_NR_DATA },
    unknown_event = { MILTER_UNKNOWN, MILTER_STAGE_UNKNOWN, MILTER_NO_UNKNOWN,
	MILTER_NR_UNKNOWN };

/* DATA came with version 4, unknown commands with version 3. */
static bool
knows(const struct milter *m, const struct milter_event *e)
{
	return e->command == MILTER_DATA ? m->version >= 4 :
	    e->command == MILTER_UNKNOWN ? m->version >= 3 : true;
}

/*
 * Macros go out even when the command itself is not wanted: a later event may
 * make use of them.
 */
static struct milter_verdict
tell(struct milter *m, const struct milter_event *e, const char *const *words,
    size_t count)
{
	if (m->state == MILTER_STUCK)
		return m->verdict;
	if (m->state != MILTER_OPEN || !knows(m, e) || milter_skips(m, e))
		return milter_go_on;
	milter_add_macros(m, e);
	if (m->protocol & e->no_bit) {
		milter_send(m, e);
		return m->state == MILTER_STUCK ? m->verdict : milter_go_on;
	}
	milter_put_strings(&m->all->out, e->command, words, count);
	return milter_ask(m, e, m->set.command_timeout);
}

static struct milter_verdict
tell_all(struct milters *all, const struct milter_event *e,
    const char *const *words, size_t count)
{
	struct milter_verdict v = milter_go_on;

	for (size_t i = 0; i < all->count && v.action == MILTER_GO_ON; i++)
		v = tell(&all->items[i], e, words, count);
	return v;
}

struct milter_verdict
milters_connect(struct milters *all, const char *name, char family,
    uint16_t port, const char *address)
{
	struct milter_verdict v = milter_go_on;

	for (size_t i = 0; i < all->count && v.action == MILTER_GO_ON; i++) {
		struct milter *m = &all->items[i];

		if (m->state == MILTER_NEW && !milter_link(m)) {
			v = m->verdict;
			continue;
		}
		if (m->state != MILTER_OPEN)
			continue;
		milter_add_macros(m, &connect_event);
		if (m->protocol & MILTER_NO_CONNECT) {
			milter_send(m, &connect_event);
			continue;
		}
		milter_put_connect(&all->out, name, family, port, address);
		v = milter_ask(m, &connect_event, m->set.connect_timeout);
	}
	return v;
}

struct milter_verdict
milters_helo(struct milters *all, const char *name)
{
	return tell_all(all, &helo_event, &name, 1);
}

struct milter_verdict
milters_mail(struct milters *all, const char *const *words, size_t count)
{
	return tell_all(all, &mail_event, words, count);
}

struct milter_verdict
milters_rcpt(struct milters *all, const char *const *words, size_t count,
    bool refused)
{
	struct milter_verdict v = milter_go_on;

	for (size_t i = 0; i < all->count && v.action == MILTER_GO_ON; i++) {
		struct milter *m = &all->items[i];

		if (!refused || (m->state == MILTER_OPEN &&
		    (m->protocol & MILTER_REJECTED_RCPT)))
			v = tell(m, &rcpt_event, words, count);
	}
	return v;
}

struct milter_verdict
milters_data(struct milters *all)
{
	return tell_all(all, &data_event, NULL, 0);
}

struct milter_verdict
milters_unknown(struct milters *all, const char *command)
{
	return tell_all(all, &unknown_event, &command, 1);
}

struct milter_verdict
milters_other(struct milters *all)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->items[i].state == MILTER_STUCK &&
		    all->items[i].verdict.action != MILTER_GO_ON)
			return all->items[i].verdict;
	return milter_go_on;
}

/* Sent together with what comes next: nobody waits for it. */
void
milters_abort(struct milters *all)
{
	for (size_t i = 0; i < all->count; i++) {
		struct milter *m = &all->items[i];

		memset(m->skip, 0, sizeof m->skip);
		if (m->s == NULL)
			continue;
		m->state = MILTER_OPEN;
		milter_put(&all->out, MILTER_ABORT, NULL, 0);
		milter_deadline(m, m->set.command_timeout);
		stream_write(m->s, all->out.data, all->out.len);
		buf_clear(&all->out);
	}
}

void
milters_lost(struct milters *all)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->items[i].s != NULL)
			milter_fail(&all->items[i], "lost by cleanup");
}

