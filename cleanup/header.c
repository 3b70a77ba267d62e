#include <string.h>

#include "cleanup/inspect.h"
#include "cleanup/message.h"
#include "conf/param.h"

/*
 * What the parser hands over (mail/mime.h): fields of the primary header are
 * collected in m->header, in steps (fields.c); those of parts and messages
 * within are content that is written where it stands.
 *
 * A header block that ends in a line which is no field gets the empty line
 * that was left out.
 */

/* detect_8bit_encoding_header: in any header, by the bare word. */
static void
note_encoding(struct message *m, const struct mime_field *f)
{
	struct str value = { f->text->data + f->name_len + 1,
	    f->text->len - f->name_len - 1 };

	if (!conf_mail.detect_8bit_encoding_header || f->fact == NULL ||
	    f->fact->id != HEADER_CONTENT_TRANSFER_ENCODING)
		return;
	while (value.n > 0 && strchr(" \t\n", value.p[0]) != NULL)
		value.p++, value.n--;
	while (value.n > 0 && strchr(" \t\n", value.p[value.n - 1]) != NULL)
		value.n--;
	if (str_is_nocase(value, "8bit") || str_is_nocase(value, "binary"))
		envelope_set(&m->env, ATTR_ENCODING, "8bit");
}

static void
take_field(void *arg, struct mime_field *f)
{
	struct message *m = arg;
	struct buf	lines = BUF_INIT;

	if (!message_goes_on(m) || !inspect_field(m, f))
		return;
	note_encoding(m, f);
	message_note_utf8(m, f->text->data, f->text->len);
	/* what is over the limit has been looked at, and goes */
	fields_cut(f->text, true);
	if (f->where == MIME_PRIMARY) {
		fields_apply(m, f);
		return;
	}
	mime_add_lines(&lines, (struct str){ f->text->data, f->text->len });
	body_lines(m, lines.data, lines.len);
	buf_done(&lines);
}

/* non_empty_end_of_header_action. */
static void
end_without_empty_line(struct message *m)
{
	const char *action = conf_mail.non_empty_end_of_header_action;

	if (strcmp(action, "add_header") == 0) {
		buf_adds(&m->header, "MIME-Error: message header ends in a "
		    "line that is no header\r\n");
	} else if (strcmp(action, "reject") == 0) {
		inspect_refuse(m, "header", STR("(end)"),
		    "5.6.0 message header ends in a line that is no header");
	}
}

/* Fields that we add come last, when all that is there has been seen. */
static void
take_header_end(void *arg, enum mime_header where, enum mime_header_end how)
{
	struct message *m = arg;

	if (!message_goes_on(m))
		return;
	if (where == MIME_PRIMARY) {
		m->in_header = false;
		if (how == MIME_OTHER_LINE)
			end_without_empty_line(m);
		missing_add(m);
	}
	if (how == MIME_EMPTY_LINE ||
	    (how == MIME_OTHER_LINE && where == MIME_PRIMARY))
		body_record(m, STR(""), true);
}

static void
take_body(void *arg, struct str record, bool ends_line, size_t offset)
{
	struct message *m = arg;

	if (message_goes_on(m) &&
	    inspect_body(m, record, offset, ends_line))
		body_record(m, record, ends_line);
}

static void
take_error(void *arg, enum mime_error error, struct str where)
{
	inspect_error(arg, error, where);
}

static const struct mime_handler handler = {
	.field = take_field,
	.header_end = take_header_end,
	.body = take_body,
	.error = take_error,
};

void
header_begin(struct message *m)
{
	const struct mime_rules rules = {
		.options = inspect_options(m),
		.header_limit = (size_t)conf_mail.header_size_limit,
		.boundary_limit = (size_t)conf_mail.mime_boundary_length_limit,
		.nesting_limit = conf_mail.mime_nesting_limit,
	};

	m->mime = mime_new(&rules, &handler, m);
	m->in_header = true;
}

/*
 * A line that a mailbox puts in front of a message is no header, but it is
 * not the end of one either: it comes right after the Received: field that
 * our client put in front.
 */
static bool
is_mailbox_line(const struct message *m, const char *p, size_t n)
{
	while (n > 0 && *p == '>')
		p++, n--;
	return n >= 5 && memcmp(p, "From ", 5) == 0 && m->header.len == 0 &&
	    strncmp(mime_open_field(m->mime)->data, "Received:", 9) == 0;
}

void
header_record(struct message *m, struct str record, bool ends_line)
{
	struct buf line = BUF_INIT;

	if (!is_mailbox_line(m, record.p, record.n)) {
		mime_record(m->mime, record.p, record.n, ends_line);
		return;
	}
	buf_adds(&line, "X-Mailbox-Line: ");
	buf_add(&line, record.p, record.n);
	mime_record(m->mime, line.data, line.len, ends_line);
	buf_done(&line);
}
