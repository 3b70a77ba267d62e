/*
 * The right-hand sides of access tables (access(5)).
 *
 * HOLD, DISCARD, FILTER, REDIRECT, BCC and PREPEND are about a message: at
 * connect and HELO time there is none, unless smtpd_delay_reject has put the
 * question off.
 */

#include <string.h>

#include "conf/param.h"
#include "mail/why.h"
#include "smtpd/access/access.h"
#include "smtpd/prefilter.h"
#include "smtpd/reply.h"
#include "util/log.h"
#include "util/text.h"

/* An action with all that its function may need. */
struct action {
	struct access	 *a;
	enum access_about about;
	const char	 *name;		/* what was looked up, for "<%s>" */
	const char	 *origin;	/* the table */
	const char	 *word;
	const char	 *text;		/* the rest, "" if nothing */
};

typedef enum verdict action_fn(const struct action *);

/* "<NAME>: CLASS rejected: TEXT", with a status code in front of the text. */
static enum verdict
reject_with(const struct action *x, int code, const char *none)
{
	char   dsn[12];
	size_t n = dsn_parse(x->text, dsn);

	if (n == 0)
		strcpy(dsn, code / 100 == 4 ? "4.7.1" : "5.7.1");
	while (x->text[n] == ' ' || x->text[n] == '\t')
		n++;
	return access_reject(x->a, x->about, code, dsn, "<%s>: %s rejected: %s",
	    x->name, access_about_text(x->about),
	    x->text[n] != '\0' ? x->text + n : none);
}

static enum verdict
do_reject(const struct action *x)
{
	return reject_with(x, conf_mail.access_map_reject_code,
	    "Access denied");
}

static enum verdict
do_defer(const struct action *x)
{
	return reject_with(x, conf_mail.access_map_defer_code,
	    "Access denied");
}

/* The code and text of a deferral that waits. */
static const char *
deferral(const struct action *x, char dsn[12])
{
	size_t n = dsn_parse(x->text, dsn);

	if (n == 0)
		strcpy(dsn, "4.7.1");
	while (x->text[n] == ' ' || x->text[n] == '\t')
		n++;
	return x->text[n] != '\0' ? x->text + n : "Service unavailable";
}

static enum verdict
do_defer_if_permit(const struct action *x)
{
	char	    dsn[12];
	const char *text = deferral(x, dsn);

	return access_defer_if_permit(x->a, x->about,
	    conf_mail.access_map_defer_code, dsn, "<%s>: %s rejected: %s",
	    x->name, access_about_text(x->about), text);
}

static enum verdict
do_defer_if_reject(const struct action *x)
{
	char	    dsn[12];
	const char *text = deferral(x, dsn);

	return access_defer_if_reject(x->a, x->about,
	    conf_mail.access_map_defer_code, dsn, "<%s>: %s rejected: %s", x->name,
	    access_about_text(x->about), text);
}

static enum verdict
do_ok(const struct action *x)
{
	return access_permit(x->a, x->word, access_about_text(x->about),
	    x->name, x->origin);
}

static enum verdict
do_dunno(const struct action *x)
{
	(void)x;
	return VERDICT_NONE;
}

static enum verdict
do_warn(const struct action *x)
{
	log_verdict(x->a->s, "warn", x->a->rcpt, x->text);
	return VERDICT_NONE;
}

static enum verdict
do_info(const struct action *x)
{
	log_verdict(x->a->s, "info", x->a->rcpt, x->text);
	return VERDICT_NONE;
}

static enum verdict
do_hangup(const struct action *x)
{
	log_verdict(x->a->s, "hangup", x->a->rcpt, x->text);
	x->a->s->hanging_up = true;
	x->a->reply = "";	/* nothing is said */
	return VERDICT_REJECT;
}

/* --- actions on the message */

static void
log_trigger(const struct action *x, const char *label, const char *text)
{
	struct buf b = BUF_INIT;

	buf_addf(&b, "<%s>: %s %s", x->name, access_about_text(x->about),
	    text);
	log_verdict(x->a->s, label, x->a->rcpt, b.data);
	buf_done(&b);
}

static enum verdict
do_hold(const struct action *x)
{
	if (!x->a->s->tr.hold)
		log_trigger(x, "hold", *x->text != '\0' ? x->text :
		    "triggers HOLD action");
	x->a->s->tr.hold = true;
	return VERDICT_NONE;
}

static enum verdict
do_discard(const struct action *x)
{
	log_trigger(x, "discard", *x->text != '\0' ? x->text :
	    "triggers DISCARD action");
	x->a->s->tr.discard = true;
	return do_ok(x);
}

/* "triggers FILTER smtp:[127.0.0.1]:10025", and the argument kept. */
static const char *
triggered(const struct action *x, const char *label)
{
	struct buf b = BUF_INIT;

	buf_addf(&b, "triggers %s %s", x->word, x->text);
	log_trigger(x, label, b.data);
	buf_done(&b);
	return pool_strdup(&x->a->s->tr.pool, x->text);
}

/* An action that lacks what it needs does nothing. */
static bool
has_argument(const struct action *x, char need, const char *what)
{
	if (strchr(x->text, need) != NULL)
		return true;
	log_warn("access table %s entry \"%s\" requires %s", x->origin,
	    x->a->by_policy ? "policy query" : x->name, what);
	return false;
}

static enum verdict
do_filter(const struct action *x)
{
	if (*x->text == '\0')
		log_warn("access table %s entry \"%s\" has FILTER entry "
		    "without value", x->origin,
		    x->a->by_policy ? "policy query" : x->name);
	else if (has_argument(x, ':', "transport:destination"))
		x->a->s->tr.filter = triggered(x, "filter");
	return VERDICT_NONE;
}

static enum verdict
do_redirect(const struct action *x)
{
	if (has_argument(x, '@', "user@domain target"))
		x->a->s->tr.redirect = triggered(x, "redirect");
	return VERDICT_NONE;
}

enum { ADDED_MAX = 10000 };	/* of a message: each recipient asks again */

static void
add(struct pool *pool, const char ***list, uint32_t *count, const char *text)
{
	const char **more;

	if (*count >= ADDED_MAX)
		return;
	more = pool_alloc(pool, (*count + 1) * sizeof *more);
	if (*count > 0)
		memcpy(more, *list, *count * sizeof *more);
	more[*count] = pool_strdup(pool, text);
	*list = more;
	++*count;
}

static enum verdict
do_bcc(const struct action *x)
{
	struct transaction *t = &x->a->s->tr;

	if (has_argument(x, '@', "user@domain target"))
		add(&t->pool, &t->bcc, &t->bcc_count, triggered(x, "bcc"));
	return VERDICT_NONE;
}

static enum verdict
do_prepend(const struct action *x)
{
	struct transaction *t = &x->a->s->tr;

	if (x->a->stage == ACCESS_END_OF_DATA)
		log_warn("access table %s: action PREPEND must be used before "
		    "smtpd_end_of_data_restrictions", x->origin);
	else if (has_argument(x, ':', "header: text"))
		add(&t->pool, &t->prepend, &t->prepend_count, x->text);
	return VERDICT_NONE;
}

enum {
	NEEDS_MESSAGE = 1,
	NEEDS_QUEUE = 2,	/* ours: not with a filter before it */
};

static const struct {
	const char *name;
	int	    flags;
	action_fn  *run;
} actions[] = {
	{ "OK", 0, do_ok },
	{ "RELAY", 0, do_ok },
	{ "DUNNO", 0, do_dunno },
	{ "REJECT", 0, do_reject },
	{ "DEFER", 0, do_defer },
	{ "DEFER_IF_PERMIT", 0, do_defer_if_permit },
	{ "DEFER_IF_REJECT", 0, do_defer_if_reject },
	{ "WARN", 0, do_warn },
	{ "INFO", 0, do_info },
	{ "HANGUP", 0, do_hangup },
	{ "HOLD", NEEDS_MESSAGE | NEEDS_QUEUE, do_hold },
	{ "DISCARD", NEEDS_MESSAGE | NEEDS_QUEUE, do_discard },
	{ "FILTER", NEEDS_MESSAGE | NEEDS_QUEUE, do_filter },
	{ "REDIRECT", NEEDS_MESSAGE | NEEDS_QUEUE, do_redirect },
	{ "BCC", NEEDS_MESSAGE | NEEDS_QUEUE, do_bcc },
	{ "PREPEND", NEEDS_MESSAGE, do_prepend },
};

/* --- finding the action */

static bool
is_early(const struct action *x)
{
	return !conf_smtpd.smtpd_delay_reject &&
	    (x->a->stage == ACCESS_CLIENT || x->a->stage == ACCESS_HELO);
}

static enum verdict
skip_early(const struct action *x)
{
	log_warn("access table %s: with smtpd_delay_reject=no, action %s is "
	    "always skipped in Client host or Helo command restrictions",
	    x->origin, x->word);
	return VERDICT_NONE;
}

/* ETRN has no message either. */
static enum verdict
skip_etrn(const struct action *x)
{
	log_warn("access table %s: action %s is unavailable in "
	    "smtpd_etrn_restrictions", x->origin, x->word);
	return VERDICT_NONE;
}

static enum verdict
skip_filtered(const struct action *x)
{
	log_warn("access table %s: with smtpd_proxy_filter specified, action "
	    "%s is unavailable", x->origin, x->word);
	return VERDICT_NONE;
}

/* "4NN text" and "5NN text".  Without text it is a number, which permits. */
static bool
is_refusal(const struct action *x)
{
	return strlen(x->word) == 3 && text_is_digits(x->word) &&
	    (*x->word == '4' || *x->word == '5') && *x->text != '\0';
}

/* A table within a table would be opened for every message. */
static bool
names_table(const struct action *x, const char *text)
{
	if (strchr(text, ':') == NULL)
		return false;
	log_warn("access table %s has entry with lookup table: %s", x->origin,
	    text);
	log_warn("do not specify lookup tables inside SMTPD access maps");
	log_warn("define a restriction class and specify its name instead.");
	return true;
}

/* Anything else is a list of restrictions. */
static enum verdict
run_list(const struct action *x, const char *text)
{
	struct entry	    outer = x->a->entry;
	struct access_list *l;
	enum verdict	    v;

	if (names_table(x, text))
		return access_broken(x->a);
	l = access_compile(x->origin, text);
	x->a->entry = (struct entry){ x->name, x->about };
	v = access_run(x->a, l);
	x->a->entry = outer;
	access_list_free(l);
	return v;
}

enum verdict
access_action(struct access *a, enum access_about about, const char *name,
    const char *origin, const char *text)
{
	char	     *copy = pool_strdup(&a->pool, text), *rest = copy;
	struct action x = { a, about, name, origin, NULL, NULL };
	long	      code;

	x.word = text_word(&rest, " \t", false);
	if (x.word == NULL) {	/* of a policy server: tables have none */
		log_warn("access table %s entry  has empty value", origin);
		return VERDICT_NONE;
	}
	x.text = rest != NULL ? text_trim(rest) : "";
	if (is_refusal(&x) && text_to_long(x.word, 400, 599, &code))
		return reject_with(&x, (int)code, "Access denied");
	if (text_is_digits(x.word) && *x.text == '\0')
		return do_ok(&x);
	for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
		if (!text_eq_nocase(x.word, actions[i].name))
			continue;
		if ((actions[i].flags & NEEDS_MESSAGE) && is_early(&x))
			return skip_early(&x);
		if ((actions[i].flags & NEEDS_MESSAGE) &&
		    a->stage == ACCESS_ETRN)
			return skip_etrn(&x);
		if ((actions[i].flags & NEEDS_QUEUE) &&
		    prefilter_is_used(a->s))
			return skip_filtered(&x);
		return actions[i].run(&x);
	}
	return run_list(&x, text);
}
