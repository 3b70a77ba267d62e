/*
 * print - a trace as timelines or JSON
 *
 * A group is printed as one: what became of each recipient first, then its
 * lines in the order of time.  All text is a stranger's: nothing of it acts on
 * the terminal.
 */

#include "commands/posttrace/print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "commands/posttrace/trace.h"
#include "commands/posttrace/why.h"
#include "mail/log_json.h"
#include "mail/log_line.h"
#include "util/buf.h"
#include "util/mem.h"
#include "util/text.h"

enum { WIDTH = 78, INDENT = 8 };

/* The entries of one group. */
struct group {
	const struct entry **list;
	size_t		     count;
};

/* The facts of a group that its lines give. */
struct summary {
	struct str	ids[64];
	size_t		id_count;
	struct str	message_id, from, size, client;
	bool		has_from, removed, expired;
	size_t		queued, rejects;
};

/* --- gathering */

static void
note_id(struct summary *s, struct str id)
{
	if (id.n == 0)
		return;
	for (size_t i = 0; i < s->id_count; i++)
		if (s->ids[i].n == id.n &&
		    memcmp(s->ids[i].p, id.p, id.n) == 0)
			return;
	if (s->id_count < sizeof s->ids / sizeof *s->ids)
		s->ids[s->id_count++] = id;
}

static void
note_queued(struct summary *s, const struct log_field *f, size_t n)
{
	if (s->queued++ > 0)
		return;
	s->from = log_field_get(f, n, "from");
	s->size = log_field_get(f, n, "size");
	s->has_from = true;
}

static void
summarize(const struct group *g, struct summary *s)
{
	struct log_field f[LOG_FIELDS_MAX];
	size_t		 n, gone = 0;

	*s = (struct summary){ 0 };
	for (size_t i = 0; i < g->count; i++) {
		const struct log_line *l = &g->list[i]->line;

		note_id(s, l->id);
		n = log_line_fields(l, f);
		switch (l->kind) {
		case LOGGED_MESSAGE_ID:
			if (s->message_id.n == 0)
				s->message_id = log_field_get(f, n,
				    "message_id");
			break;
		case LOGGED_QUEUED:
			note_queued(s, f, n);
			break;
		case LOGGED_CLIENT:
		case LOGGED_CONNECT:
			if (s->client.n == 0)
				s->client = log_field_get(f, n, "client");
			break;
		case LOGGED_REMOVED:
			gone++;
			break;
		case LOGGED_RETURNED:
			s->expired = true;
			break;
		case LOGGED_REJECT:
			s->rejects++;
			break;
		default:
			break;
		}
	}
	s->removed = gone >= s->id_count;
}

/* --- text */

static void
add_clean(struct buf *b, struct str s)
{
	text_printable(b, s.p, s.n, true);
}

/* Wrapped at words, behind an indentation. */
static void
add_wrapped(struct buf *b, const char *text, size_t indent)
{
	size_t column = WIDTH + 1, len;

	while (*text != '\0') {
		len = strcspn(text, " ");
		if (column + 1 + len > WIDTH) {
			if (column <= WIDTH)
				buf_addc(b, '\n');
			buf_addf(b, "%*s", (int)indent, "");
			column = indent;
		} else {
			buf_addc(b, ' ');
			column++;
		}
		buf_add(b, text, len);
		column += len;
		text += len + (text[len] == ' ');
	}
	buf_addc(b, '\n');
}

static bool
explain(const struct log_line *l, struct buf *out)
{
	struct log_field f[LOG_FIELDS_MAX];
	size_t		 n = log_line_fields(l, f);
	struct str	 dsn = log_field_get(f, n, "dsn");
	struct str	 code = log_field_get(f, n, "code");

	if (l->kind == LOGGED_RETURNED) {
		buf_adds(out, "It could not be delivered within "
		    "maximal_queue_lifetime (bounce_queue_lifetime for "
		    "notifications), and went back to the sender.");
		return true;
	}
	if (l->kind == LOGGED_AUTH_FAILED) {
		buf_adds(out, "Log-in failed: wrong name or password.");
		return true;
	}
	if (l->kind != LOGGED_DELIVERY && l->kind != LOGGED_REJECT)
		return false;
	return why_explain(out, dsn.n > 0 ? dsn : code,
	    log_field_get(f, n, "reason"));
}

static void
add_head(struct buf *b, const struct summary *s)
{
	if (s->id_count == 0) {
		buf_adds(b, "Session of ");
		add_clean(b, s->client.n > 0 ? s->client : STR("a client"));
		buf_adds(b, s->rejects > 0 ? ": no message was taken\n" : "\n");
		return;
	}
	buf_adds(b, "Message ");
	for (size_t i = 0; i < s->id_count; i++) {
		buf_adds(b, i > 0 ? ", " : "");
		add_clean(b, s->ids[i]);
	}
	if (s->has_from) {
		buf_adds(b, " from <");
		add_clean(b, s->from);
		buf_adds(b, ">, ");
		add_clean(b, s->size);
		buf_adds(b, " bytes");
	}
	if (s->message_id.n > 0) {
		buf_adds(b, ", message-id <");
		add_clean(b, s->message_id);
		buf_addc(b, '>');
	}
	buf_addc(b, '\n');
}

/* The last that was heard of a recipient is what counts. */
static bool
is_last_of(const struct group *g, size_t at, struct str to)
{
	struct log_field f[LOG_FIELDS_MAX];
	struct str	 other;
	size_t		 n;

	for (size_t i = at + 1; i < g->count; i++) {
		const struct log_line *l = &g->list[i]->line;

		if (l->kind != LOGGED_DELIVERY ||
		    l->id.n != g->list[at]->line.id.n ||
		    memcmp(l->id.p, g->list[at]->line.id.p, l->id.n) != 0)
			continue;
		n = log_line_fields(l, f);
		other = log_field_get(f, n, "to");
		if (other.n == to.n && memcmp(other.p, to.p, to.n) == 0)
			return false;
	}
	return true;
}

static void
add_recipients(struct buf *b, const struct group *g)
{
	struct log_field f[LOG_FIELDS_MAX];
	struct str	 to;
	size_t		 n;

	for (size_t i = 0; i < g->count; i++) {
		if (g->list[i]->line.kind != LOGGED_DELIVERY)
			continue;
		n = log_line_fields(&g->list[i]->line, f);
		to = log_field_get(f, n, "to");
		if (!is_last_of(g, i, to))
			continue;
		buf_adds(b, "  to <");
		add_clean(b, to);
		buf_adds(b, ">: ");
		add_clean(b, log_field_get(f, n, "status"));
		buf_adds(b, " after ");
		add_clean(b, log_field_get(f, n, "delay"));
		buf_adds(b, " s");
		to = log_field_get(f, n, "relay");
		if (to.n > 0 && !str_is(to, "none")) {
			buf_adds(b, " by ");
			add_clean(b, to);
		}
		buf_addc(b, '\n');
	}
}

static void
add_time(struct buf *b, const struct log_line *l)
{
	time_t	  t = (time_t)(l->time_us / 1000000);
	struct tm tm;
	char	  text[40];

	strftime(text, sizeof text, "%b %e %H:%M:%S", localtime_r(&t, &tm));
	buf_adds(b, text);
	if (l->has_fraction)
		buf_addf(b, ".%03d", (int)(l->time_us / 1000 % 1000));
}

/* Since the line before: what took long is seen at once. */
static void
add_step(struct buf *b, const struct log_line *l, const struct log_line *last)
{
	double seconds = last == NULL ? 0 :
	    (double)(l->time_us - last->time_us) / 1e6;

	if (seconds <= 0)
		buf_adds(b, "         ");
	else if (seconds >= 3600)
		buf_addf(b, " %+6.1fh ", seconds / 3600);
	else if (seconds >= 60)
		buf_addf(b, " %+6.1fm ", seconds / 60);
	else
		buf_addf(b, l->has_fraction ? " %+6.3fs " : " %+6.0fs ",
		    seconds);
}

static void
add_lines(struct buf *b, const struct group *g, bool why)
{
	const struct log_line *last = NULL;
	struct buf	       text = BUF_INIT;

	for (size_t i = 0; i < g->count; i++) {
		const struct log_line *l = &g->list[i]->line;

		buf_adds(b, "    ");
		add_time(b, l);
		add_step(b, l, last);
		buf_clear(&text);
		add_clean(&text, l->is_mail ? l->program : l->tag);
		buf_addf(b, "%-9s ", text.data);
		add_clean(b, l->message);
		buf_addc(b, '\n');
		buf_clear(&text);
		if (why && explain(l, &text))
			add_wrapped(b, text.data, INDENT);
		last = l;
	}
	buf_done(&text);
}

static void
print_text(const struct group *g, bool why, size_t number)
{
	struct summary s;
	struct buf     b = BUF_INIT;

	summarize(g, &s);
	if (number > 0)
		buf_addc(&b, '\n');
	add_head(&b, &s);
	add_recipients(&b, g);
	if (s.id_count > 0 && !s.removed)
		buf_adds(&b, "  not removed: still in the queue, or its end is"
		    " not in these logs\n");
	add_lines(&b, g, why);
	fwrite(b.data, 1, b.len, stdout);
	buf_done(&b);
}

/* --- JSON */

static void
add_member(struct buf *b, const char *key, struct str value)
{
	buf_addf(b, ",\"%s\":", key);
	text_json(b, value.p, value.n);
}

static void
add_json_recipients(struct buf *b, const struct group *g)
{
	static const char *const keys[] = { "to", "orig_to", "status", "dsn",
		"relay", "delay", "reason" };
	struct log_field f[LOG_FIELDS_MAX];
	struct str	 value;
	size_t		 n;
	bool		 comma = false;

	buf_adds(b, ",\"recipients\":[");
	for (size_t i = 0; i < g->count; i++) {
		if (g->list[i]->line.kind != LOGGED_DELIVERY)
			continue;
		n = log_line_fields(&g->list[i]->line, f);
		if (!is_last_of(g, i, log_field_get(f, n, "to")))
			continue;
		buf_adds(b, comma ? ",{\"queue_id\":" : "{\"queue_id\":");
		comma = true;
		text_json(b, g->list[i]->line.id.p, g->list[i]->line.id.n);
		for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
			value = log_field_get(f, n, keys[k]);
			if (value.n > 0)
				add_member(b, keys[k], value);
		}
		buf_addc(b, '}');
	}
	buf_addc(b, ']');
}

static void
add_json_events(struct buf *b, const struct group *g, bool why)
{
	struct buf text = BUF_INIT;

	buf_adds(b, ",\"events\":[");
	for (size_t i = 0; i < g->count; i++) {
		const struct log_line *l = &g->list[i]->line;

		buf_adds(b, i > 0 ? "," : "");
		log_json_add(b, l);
		buf_clear(&text);
		if (why && explain(l, &text)) {
			buf_cut(b, b->len - 1);
			add_member(b, "why", (struct str){ text.data,
			    text.len });
			buf_addc(b, '}');
		}
	}
	buf_addc(b, ']');
	buf_done(&text);
}

static void
print_json(const struct group *g, bool why)
{
	struct summary s;
	struct buf     b = BUF_INIT;

	summarize(g, &s);
	buf_adds(&b, "{\"queue_ids\":[");
	for (size_t i = 0; i < s.id_count; i++) {
		buf_adds(&b, i > 0 ? "," : "");
		text_json(&b, s.ids[i].p, s.ids[i].n);
	}
	buf_addc(&b, ']');
	if (s.client.n > 0)
		add_member(&b, "client", s.client);
	if (s.message_id.n > 0)
		add_member(&b, "message_id", s.message_id);
	if (s.has_from)
		add_member(&b, "from", s.from);
	if (s.size.n > 0) {
		buf_adds(&b, ",\"size\":");
		buf_addf(&b, "%lld", strtoll(s.size.p, NULL, 10));
	}
	buf_addf(&b, ",\"removed\":%s", s.id_count > 0 && s.removed ? "true" :
	    "false");
	add_json_recipients(&b, g);
	add_json_events(&b, g, why);
	buf_adds(&b, "}\n");
	fwrite(b.data, 1, b.len, stdout);
	buf_done(&b);
}

/* --- groups */

struct member {
	const struct entry *entry;
	unsigned	    group;
	size_t		    order;	/* of the group: its first line */
};

static int
by_group(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	if (x->entry->line.time_us != y->entry->line.time_us)
		return x->entry->line.time_us < y->entry->line.time_us ? -1 : 1;
	return x->entry->place < y->entry->place ? -1 :
	    x->entry->place > y->entry->place;
}

static struct member *
make_members(const struct trace *t)
{
	struct member *m = mem_zalloc((t->entry_count + 1) * sizeof *m);
	size_t	      *first = mem_zalloc((t->node_count + 1) * sizeof *first);

	for (size_t i = 0; i < t->entry_count; i++) {
		m[i].entry = &t->entries[i];
		m[i].group = trace_group(t, &t->entries[i]);
		if (first[m[i].group] == 0)
			first[m[i].group] = i + 1;
		m[i].order = first[m[i].group];
	}
	mem_free(first);
	qsort(m, t->entry_count, sizeof *m, by_group);
	return m;
}

size_t
print_trace(const struct trace *t, bool json, bool why)
{
	struct member *m = make_members(t);
	struct group   g = { mem_zalloc((t->entry_count + 1) *
	    sizeof *g.list), 0 };
	size_t	       groups = 0;

	for (size_t i = 0; i < t->entry_count; i++) {
		g.list[g.count++] = m[i].entry;
		if (i + 1 < t->entry_count && m[i + 1].group == m[i].group)
			continue;
		if (json)
			print_json(&g, why);
		else
			print_text(&g, why, groups);
		groups++;
		g.count = 0;
	}
	mem_free(g.list);
	mem_free(m);
	return groups;
}
