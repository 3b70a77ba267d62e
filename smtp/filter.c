#include <stdint.h>
#include <string.h>

#include "conf/param.h"
#include "mail/checks.h"
#include "mail/mime.h"
#include "smtp/filter.h"
#include "smtp/generic.h"
#include "smtp/settings.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"

/*
 * Pieces of text become records (lines of at most line_length_limit bytes)
 * for the parser of mail/mime.h; what that hands over is checked and written.
 */
struct filter {
	const char	*queue_id;
	struct mime	*mime;
	struct buf	 line;		/* what came of the current one */
	struct buf	*out;		/* of the call at hand */
	bool		 generic;	/* smtp_generic_maps are ours to do */
	bool		 has_failed;
};

static struct checks *checks;

void
filter_init(void)
{
	struct checks_names names[CHECKS_KINDS] = {
		[CHECKS_HEADER] = { "header_checks", settings.header_checks },
		[CHECKS_MIME] = { "mime_header_checks",
		    settings.mime_header_checks },
		[CHECKS_NESTED] = { "nested_header_checks",
		    settings.nested_header_checks },
		[CHECKS_BODY] = { "body_checks", settings.body_checks },
	};

	/* kept for as long as we live */
	for (int i = 0; i < CHECKS_KINDS; i++)
		if (*names[i].tables != '\0')
			names[i].parameter = mem_printf("%s_%s",
			    settings.prefix, names[i].parameter);
	checks = checks_open(CHECKS_SMTP, 0, names);
}

bool
filter_is_set(void)
{
	return checks_want_any(checks);
}

enum { SHOWN = 60 };	/* bytes of a field or line in the log */

/* The verdict on a field or line is in `c`.  False: it is left out. */
static bool
ask(struct filter *f, enum checks_kind kind, struct str text,
    struct checked *c)
{
	struct buf line = BUF_INIT;

	checks_find(checks, kind, text, c);
	if (c->action == CHECK_FAILED) {
		log_warn("%s: smtp %s checks lookup error", f->queue_id,
		    kind == CHECKS_BODY ? "body" : "header");
		f->has_failed = true;
		return false;
	}
	if (c->problem.len > 0)
		log_warn("%s", c->problem.data);
	if (text.n > SHOWN)
		text.n = SHOWN;
	checks_log_line(&line, kind, c, text, "");
	if (line.len > 0)
		log_info("%s: %s", f->queue_id, line.data);
	buf_done(&line);
	return c->action != CHECK_IGNORE && c->action != CHECK_STRIP;
}

/* --- what the parser hands over */

/*
 * A field as it goes out: checked before smtp_generic_maps changes its
 * addresses.  What a field was decides if it has any.
 */
static void
put_text(struct filter *f, const struct mime_field *field, struct str text)
{
	struct buf lines = BUF_INIT;

	mime_add_lines(&lines, text);
	if (!f->generic || field->where != MIME_PRIMARY || field->fact == NULL)
		buf_add(f->out, lines.data, lines.len);
	else if (!generic_header(f->out, lines.data, lines.len))
		f->has_failed = true;
	buf_done(&lines);
}

static void
put_field(void *arg, struct mime_field *field)
{
	struct filter	*f = arg;
	struct checked	 c = CHECKED_INIT;
	struct str	 text = { field->text->data, field->text->len };
	enum checks_kind kind = checks_kind_of(field);

	if (f->has_failed)
		return;
	if (!checks_want(checks, kind) || ask(f, kind, text, &c)) {
		struct str given = { c.text.data, c.text.len };

		if (c.action == CHECK_PREPEND)
			mime_add_lines(f->out, given);
		put_text(f, field, c.action == CHECK_REPLACE ? given : text);
	}
	checked_done(&c);
}

static void
put_header_end(void *arg, enum mime_header where, enum mime_header_end how)
{
	struct filter *f = arg;

	(void)where;
	if (how == MIME_EMPTY_LINE && !f->has_failed)
		buf_adds(f->out, "\r\n");
}

static void
put_line(struct filter *f, struct str text, bool ends_line)
{
	buf_add(f->out, text.p, text.n);
	if (ends_line)
		buf_adds(f->out, "\r\n");
}

static void
put_body(void *arg, struct str record, bool ends_line, size_t offset)
{
	struct filter *f = arg;
	struct checked c = CHECKED_INIT;

	(void)offset;
	if (f->has_failed)
		return;
	if (!checks_want(checks, CHECKS_BODY)) {
		put_line(f, record, ends_line);
		return;
	}
	if (ask(f, CHECKS_BODY, record, &c)) {
		struct str text = { c.text.data, c.text.len };

		if (c.action == CHECK_PREPEND)
			put_line(f, text, true);
		put_line(f, c.action == CHECK_REPLACE ? text : record,
		    ends_line);
	}
	checked_done(&c);
}

static const struct mime_handler handler = {
	.field = put_field,
	.header_end = put_header_end,
	.body = put_body,
};

/* --- records */

struct filter *
filter_new(const char *queue_id, bool to_7bit, bool generic)
{
	const struct mime_rules rules = {
		.options = to_7bit ? MIME_TO_7BIT : 0,
		.header_limit = (size_t)conf_mail.header_size_limit,
		.boundary_limit = (size_t)conf_mail.mime_boundary_length_limit,
		.nesting_limit = conf_mail.mime_nesting_limit,
	};
	struct filter *f = NEW(struct filter);

	f->queue_id = queue_id;
	f->generic = generic;
	f->line = (struct buf)BUF_INIT;
	f->mime = mime_new(&rules, &handler, f);
	return f;
}

void
filter_free(struct filter *f)
{
	if (f == NULL)
		return;
	mime_free(f->mime);
	buf_done(&f->line);
	mem_free(f);
}

/* Hands f->line over, in pieces if it is long. */
static void
put_records(struct filter *f, bool ends_line)
{
	size_t limit = conf_mail.line_length_limit > 0 ?
	    (size_t)conf_mail.line_length_limit : SIZE_MAX;
	size_t at = 0;

	while (f->line.len - at > limit) {
		mime_record(f->mime, f->line.data + at, limit, false);
		at += limit;
	}
	if (!ends_line) {
		buf_skip(&f->line, at);
		return;
	}
	mime_record(f->mime, f->line.data + at, f->line.len - at, true);
	buf_clear(&f->line);
}

void
filter_feed(struct filter *f, const char *text, size_t len, struct buf *out)
{
	const char *end = text + len, *lf;

	f->out = out;
	while (text < end && !f->has_failed) {
		lf = memchr(text, '\n', (size_t)(end - text));
		buf_add(&f->line, text,
		    (size_t)((lf == NULL ? end : lf) - text));
		text = lf == NULL ? end : lf + 1;
		if (lf == NULL) {
			put_records(f, false);
		} else if (f->line.len > 0 &&
		    f->line.data[f->line.len - 1] == '\r') {
			buf_cut(&f->line, f->line.len - 1);
			put_records(f, true);
		} else {
			buf_addc(&f->line, '\n');
		}
	}
}

void
filter_end(struct filter *f, struct buf *out)
{
	f->out = out;
	put_records(f, false);
	if (f->line.len > 0)
		mime_record(f->mime, f->line.data, f->line.len, false);
	mime_end(f->mime);
}

bool
filter_has_failed(const struct filter *f)
{
	return f->has_failed;
}
