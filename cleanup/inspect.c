#include <string.h>

#include "cleanup/inspect.h"
#include "cleanup/message.h"
#include "conf/param.h"
#include "mail/address.h"
#include "mail/checks.h"
#include "mail/header.h"
#include "mail/maps.h"
#include "util/log.h"

enum { TEXT_SHOWN = 200 };	/* bytes of it in the log */

static struct {
	struct checks	*content, *milter;
} inspect;

void
inspect_init(void)
{
	const struct checks_names content[CHECKS_KINDS] = {
		[CHECKS_HEADER] = { "header_checks", conf_mail.header_checks },
		[CHECKS_MIME] = { "mime_header_checks",
		    conf_mail.mime_header_checks },
		[CHECKS_NESTED] = { "nested_header_checks",
		    conf_mail.nested_header_checks },
		[CHECKS_BODY] = { "body_checks", conf_mail.body_checks },
	};
	const char *name = "milter_header_checks";
	const char *tables = conf_milter.milter_header_checks;
	const struct checks_names milter[CHECKS_KINDS] = {
		[CHECKS_HEADER] = { name, tables },
		[CHECKS_MIME] = { name, tables },
	};

	inspect.content = checks_open(CHECKS_CLEANUP, 0, content);
	inspect.milter = checks_open(CHECKS_MILTER, 0, milter);
}

/* --- settings */

static bool
is_strict(void)
{
	return conf_mail.strict_8bitmime || conf_mail.strict_7bit_headers ||
	    conf_mail.strict_8bitmime_body;
}

unsigned
inspect_options(const struct message *m)
{
	unsigned options = 0;

	if (conf_mail.disable_mime_input_processing)
		options |= MIME_NO_STRUCTURE;
	else if (conf_mail.force_mime_input_conversion)
		options |= MIME_TO_7BIT;
	if ((m->flags & CLEANUP_FILTER) != 0 && is_strict())
		options |= MIME_FIND_8BIT;
	return options;
}

bool
inspect_wants_body(const struct message *m)
{
	return conf_mail.force_mime_input_conversion ||
	    ((m->flags & CLEANUP_FILTER) != 0 &&
	    (is_strict() || checks_want(inspect.content, CHECKS_BODY)));
}

/* --- log */

static void
add_attr(struct buf *b, const struct message *m, enum envelope_attr attr,
    const char *format)
{
	const char *value = m->env.attr[attr];

	if (value != NULL && *value != '\0')
		buf_addf(b, format, value);
}

/* " from client[addr]; from=<a> to=<b> proto=ESMTP helo=<c>". */
static void
add_origin(struct buf *b, const struct message *m, bool with_session)
{
	const char *origin = m->env.attr[ATTR_LOG_MESSAGE_ORIGIN];

	buf_addf(b, " from %s; from=<", origin != NULL ? origin : "unknown");
	address_quote(b, m->env.sender);
	buf_addc(b, '>');
	if (m->log_rcpt != NULL) {
		buf_adds(b, " to=<");
		address_quote(b, m->log_rcpt);
		buf_addc(b, '>');
	}
	if (!with_session)
		return;
	add_attr(b, m, ATTR_LOG_PROTOCOL_NAME, " proto=%s");
	add_attr(b, m, ATTR_LOG_HELO_NAME, " helo=<%s>");
}

/* `prefix` tells what a milter has added from what came. */
static void
log_action(const struct message *m, const char *prefix, enum checks_kind kind,
    const struct checked *c, struct str text)
{
	struct buf origin = BUF_INIT, line = BUF_INIT;

	add_origin(&origin, m, true);
	checks_log_line(&line, kind, c, text, origin.data);
	if (line.len > 0)
		log_info("%s: %s%s", m->file.id, prefix, line.data);
	buf_done(&origin);
	buf_done(&line);
}

/* --- actions */

/* Nothing more is looked at, by tables or milters. */
static void
stop_looking(struct message *m)
{
	m->flags &= ~(unsigned)(CLEANUP_FILTER | CLEANUP_MILTER);
}

static void
reject(struct message *m, const char *reason)
{
	struct buf why = BUF_INIT;

	buf_addf(&why, "%s %s", *reason == '4' ? "451" : "550", reason);
	message_fail(m, CLEANUP_REJECTED, why.data);
	buf_done(&why);
	stop_looking(m);
}

void
inspect_refuse(struct message *m, const char *what, struct str text,
    const char *reason)
{
	struct buf origin = BUF_INIT;

	add_origin(&origin, m, true);
	log_info("%s: reject: %s %.*s%s: %s", m->file.id, what,
	    (int)(text.n < TEXT_SHOWN ? text.n : TEXT_SHOWN), text.p,
	    origin.data, reason);
	buf_done(&origin);
	reject(m, reason);
}

static void
redirect(struct message *m, const char *text)
{
	struct buf address = BUF_INIT;

	if (address_unquote(&address, text) && address.len > 0) {
		maps_standard(&address, true);
		envelope_set(&m->env, ATTR_REDIRECT, address.data);
		envelope_set(&m->env, ATTR_CONTENT_FILTER, NULL);
	}
	buf_done(&address);
	stop_looking(m);
}

/* What concerns the whole message. */
static void
act_on_message(struct message *m, const struct checked *c)
{
	switch (c->action) {
	case CHECK_BCC:
		message_copy(m, c->text.data);
		break;
	case CHECK_DISCARD:
		m->flags |= CLEANUP_DISCARD;
		stop_looking(m);
		break;
	case CHECK_FILTER:
		envelope_set(&m->env, ATTR_CONTENT_FILTER, c->text.data);
		break;
	case CHECK_HOLD:
		m->flags |= CLEANUP_HOLD;
		break;
	case CHECK_PASS:
		stop_looking(m);
		break;
	case CHECK_REDIRECT:
		redirect(m, c->text.data);
		break;
	case CHECK_REJECT:
		reject(m, c->text.data);
		break;
	default:
		break;
	}
}

/* The verdict on one field or line.  False: it is to be left out. */
static bool
act(struct message *m, const char *prefix, enum checks_kind kind,
    const struct checked *c, struct str text)
{
	if (c->action == CHECK_FAILED) {
		log_warn("%s: %s -- message not accepted, try again later",
		    m->file.id, c->problem.data);
		message_fail(m, CLEANUP_TABLE_ERROR, NULL);
		return false;
	}
	if (c->problem.len > 0)
		log_warn("%s", c->problem.data);
	if (c->action == CHECK_NONE)
		return true;
	/* on hold it is only once */
	if (c->action != CHECK_HOLD || (m->flags & CLEANUP_HOLD) == 0)
		log_action(m, prefix, kind, c, text);
	act_on_message(m, c);
	return c->action != CHECK_IGNORE && c->action != CHECK_STRIP;
}

/* --- fields */

/* In front of the field that stands there now. */
static void
prepend(struct message *m, enum mime_header where, const struct buf *text)
{
	struct buf lines = BUF_INIT;

	mime_add_lines(&lines, (struct str){ text->data, text->len });
	if (where == MIME_PRIMARY)
		buf_add(&m->header, lines.data, lines.len);
	else
		body_lines(m, lines.data, lines.len);
	buf_done(&lines);
}

/* "Name : value" as the parser gives it: without the space. */
static void
replace(struct mime_field *f, const struct buf *text)
{
	const char *colon;

	f->name_len = header_name_len(text->data, text->len);
	colon = strchr(text->data + f->name_len, ':');
	buf_clear(f->text);
	buf_add(f->text, text->data, f->name_len);
	buf_adds(f->text, colon);
	f->fact = header_find((struct str){ f->text->data, f->name_len });
}

bool
inspect_field(struct message *m, struct mime_field *f)
{
	struct checked	 c = CHECKED_INIT;
	struct str	 text = { f->text->data, f->text->len };
	enum checks_kind kind = checks_kind_of(f);
	bool		 keep = true;

	if ((m->flags & CLEANUP_FILTER) != 0 &&
	    checks_want(inspect.content, kind)) {
		checks_find(inspect.content, kind, text, &c);
		keep = act(m, "", kind, &c, text);
	}
	if (c.action == CHECK_PREPEND)
		prepend(m, f->where, &c.text);
	else if (c.action == CHECK_REPLACE)
		replace(f, &c.text);
	checked_done(&c);
	return keep;
}

bool
inspect_milter_field(struct message *m, struct buf *text)
{
	struct checked c = CHECKED_INIT;
	bool	       keep = true;

	if (checks_want(inspect.milter, CHECKS_HEADER)) {
		struct str s = { text->data, text->len };

		checks_find(inspect.milter, CHECKS_HEADER, s, &c);
		keep = act(m, "milter-header-", CHECKS_HEADER, &c, s);
	}
	if (c.action == CHECK_REPLACE) {
		buf_clear(text);
		buf_add(text, c.text.data, c.text.len);
	}
	checked_done(&c);
	return keep;
}

/* --- bodies */

bool
inspect_body(struct message *m, struct str record, size_t offset,
    bool ends_line)
{
	struct checked c = CHECKED_INIT;
	bool	       keep = true;

	if ((m->flags & CLEANUP_FILTER) == 0 ||
	    !checks_want(inspect.content, CHECKS_BODY) ||
	    offset >= (size_t)conf_mail.body_checks_size_limit)
		return true;
	checks_find(inspect.content, CHECKS_BODY, record, &c);
	keep = act(m, "", CHECKS_BODY, &c, record);
	if (c.action == CHECK_PREPEND) {
		body_record(m, (struct str){ c.text.data, c.text.len }, true);
	} else if (c.action == CHECK_REPLACE) {
		body_record(m, (struct str){ c.text.data, c.text.len },
		    ends_line);
		keep = false;
	}
	checked_done(&c);
	return keep;
}

/* --- structure */

static bool
is_refused(enum mime_error error)
{
	switch (error) {
	case MIME_ERROR_NESTING:
		return is_strict() || conf_mail.strict_mime_encoding_domain ||
		    checks_want(inspect.content, CHECKS_HEADER) ||
		    checks_want(inspect.content, CHECKS_MIME) ||
		    checks_want(inspect.content, CHECKS_NESTED);
	case MIME_ERROR_8BIT_HEADER:
		return conf_mail.strict_8bitmime ||
		    conf_mail.strict_7bit_headers;
	case MIME_ERROR_8BIT_BODY:
		return conf_mail.strict_8bitmime ||
		    conf_mail.strict_8bitmime_body;
	case MIME_ERROR_ENCODING:
		return conf_mail.strict_mime_encoding_domain;
	}
	return false;
}

void
inspect_error(struct message *m, enum mime_error error, struct str where)
{
	struct buf line = BUF_INIT;

	if ((m->flags & CLEANUP_FILTER) == 0 || !is_refused(error) ||
	    !message_goes_on(m))
		return;
	m->mime_errors |= error;
	buf_addf(&line, "reject: mime-error %s: %.*s", mime_error_text(error),
	    (int)where.n, where.p);
	add_origin(&line, m, false);
	log_info("%s: %s", m->file.id, line.data);
	buf_done(&line);
}

void
inspect_end(struct message *m)
{
	unsigned    lowest = m->mime_errors & -m->mime_errors;
	struct buf why = BUF_INIT;

	if (lowest == 0)
		return;
	buf_addf(&why, "550 5.6.0 %s", mime_error_text(lowest));
	message_fail(m, CLEANUP_REJECTED, why.data);
	buf_done(&why);
}
