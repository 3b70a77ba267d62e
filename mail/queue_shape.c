/* queue_shape - messages in the queue by domain and age, as a table */

#include "mail/queue_shape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/queue_list.h"
#include "util/buf.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/text.h"

enum {
	COLUMN_MIN = 2,
	NAME_TAIL = 17,		/* bytes of a name that is too long */
	DEPTH_MAX = 20,		/* parent domains of a name */
};

struct row {
	unsigned long	total;
	unsigned long	bucket[QUEUE_SHAPE_BUCKETS_MAX];
	unsigned	children;	/* of a parent domain */
};

struct queue_shape {
	struct queue_shape_options opt;
	struct row	 all;
	struct map	*domains;	/* struct row */
	struct map	*parents;	/* by ".example.com" */
};

struct queue_shape *
queue_shape_new(const struct queue_shape_options *opt)
{
	struct queue_shape *q = NEW(struct queue_shape);

	q->opt = *opt;
	if (q->opt.buckets <= 0)
		q->opt.buckets = 10;
	if (q->opt.buckets > QUEUE_SHAPE_BUCKETS_MAX)
		q->opt.buckets = QUEUE_SHAPE_BUCKETS_MAX;
	if (q->opt.first_minutes <= 0)
		q->opt.first_minutes = 5;
	if (q->opt.width <= 0)
		q->opt.width = 80;
	if (q->opt.parents_min <= 0)
		q->opt.parents_min = 5;
	q->domains = map_new();
	q->parents = map_new();
	return q;
}

void
queue_shape_free(struct queue_shape *q)
{
	if (q == NULL)
		return;
	map_free(q->domains, mem_free);
	map_free(q->parents, mem_free);
	mem_free(q);
}

/* --- counting */

/* The age, in minutes, below which a message is in bucket i. */
static double
bound(const struct queue_shape *q, int i)
{
	double minutes = q->opt.first_minutes;

	if (q->opt.linear)
		return minutes * (i + 1);
	while (i-- > 0)
		minutes *= 2;
	return minutes;
}

static int
bucket_of(const struct queue_shape *q, int64_t age)
{
	int i = 0;

	while (i < q->opt.buckets - 1 && (double)age >= bound(q, i) * 60)
		i++;
	return i;
}

static struct row *
row_of(struct map *map, const char *name, bool *ret_is_new)
{
	struct map_entry *e = map_slot(map, name, strlen(name));

	*ret_is_new = e->value == NULL;
	if (e->value == NULL)
		e->value = NEW(struct row);
	return e->value;
}

static void
count(struct row *r, int bucket)
{
	r->total++;
	r->bucket[bucket]++;
}

static void
count_parents(struct queue_shape *q, const char *domain, int bucket,
    bool is_new)
{
	const char *dot = strchr(domain, '.');
	struct row *r;
	bool	    unused;

	/* Not for the top-level domain: ".com" says nothing. */
	for (int i = 0; i < DEPTH_MAX && dot != NULL &&
	    strchr(dot + 1, '.') != NULL; i++) {
		r = row_of(q->parents, dot, &unused);
		r->children += is_new;
		count(r, bucket);
		dot = strchr(dot + 1, '.');
	}
}

static void
count_address(struct queue_shape *q, const char *address, int bucket)
{
	const char *at = strrchr(address, '@');
	char	   *domain;
	struct row *r;
	bool	    is_new;

	if (*address == '\0')
		domain = mem_strdup("MAILER-DAEMON");
	else
		domain = text_lower(mem_strdup(at != NULL ? at + 1 : address));
	r = row_of(q->domains, domain, &is_new);
	count(r, bucket);
	count(&q->all, bucket);
	if (q->opt.parents)
		count_parents(q, domain, bucket, is_new);
	mem_free(domain);
}

void
queue_shape_add(struct queue_shape *q, const struct queue_list_entry *e,
    int64_t now)
{
	int bucket = bucket_of(q, now - e->arrival);

	if (q->opt.by_sender) {
		count_address(q, e->sender, bucket);
		return;
	}
	for (size_t i = 0; i < e->rcpt_count; i++)
		count_address(q, e->rcpt[i].address, bucket);
}

/* --- the table */

struct line {
	const char	 *name;
	const struct row *row;
};

static int
largest_first(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	if (x->row->total != y->row->total)
		return x->row->total > y->row->total ? -1 : 1;
	return strcmp(x->name, y->name);
}

static size_t
collect(const struct queue_shape *q, struct line *lines)
{
	size_t n = 0;

	for (size_t i = 0; i < map_count(q->domains); i++)
		lines[n++] = (struct line){ map_at(q->domains, i)->key,
		    map_at(q->domains, i)->value };
	for (size_t i = 0; i < map_count(q->parents); i++) {
		const struct row *r = map_at(q->parents, i)->value;

		if (r->children >= (unsigned)q->opt.parents_min)
			lines[n++] = (struct line){ map_at(q->parents, i)->key,
			    r };
	}
	qsort(lines, n, sizeof *lines, largest_first);
	return n;
}

/* The heading of column i: 0 is the total. */
static void
heading(const struct queue_shape *q, int i, char text[24])
{
	if (i == 0)
		strcpy(text, "T");
	else if (i < q->opt.buckets || q->opt.buckets == 1)
		snprintf(text, 24, "%.0f", bound(q, i - 1));
	else
		snprintf(text, 24, "%.0f+", bound(q, i - 2));
}

static unsigned long
cell(const struct row *r, int i)
{
	return i == 0 ? r->total : r->bucket[i - 1];
}

/* All rows are at most the row of all. */
static int
column_width(const struct queue_shape *q, int i)
{
	char head[24], number[24];
	int  width = COLUMN_MIN;

	heading(q, i, head);
	snprintf(number, sizeof number, "%lu", cell(&q->all, i));
	if ((int)strlen(head) > width)
		width = (int)strlen(head);
	if ((int)strlen(number) > width)
		width = (int)strlen(number);
	return width;
}

static void
add_name(struct buf *b, const char *name, int width)
{
	size_t	   n = strlen(name);
	char	   shown[NAME_TAIL + 3];
	struct buf clean = BUF_INIT;

	if ((int)n > width && n > NAME_TAIL) {
		if (*name == '.')
			snprintf(shown, sizeof shown, ".+%s",
			    name + n - (NAME_TAIL - 1));
		else
			snprintf(shown, sizeof shown, "+%s",
			    name + n - NAME_TAIL);
		name = shown;
	}
	text_printable(&clean, name, strlen(name), true);
	buf_addf(b, "%*s", width, clean.data);
	buf_done(&clean);
}

static void
add_row(const struct queue_shape *q, struct buf *b, const char *name,
    const struct row *r, const int *widths, int name_width)
{
	add_name(b, name, name_width);
	for (int i = 0; i <= q->opt.buckets; i++)
		buf_addf(b, " %*lu", widths[i], cell(r, i));
	buf_addc(b, '\n');
}

void
queue_shape_print(struct queue_shape *q, struct buf *b)
{
	struct line *lines = mem_alloc((map_count(q->domains) +
	    map_count(q->parents) + 1) * sizeof *lines);
	size_t	     n = collect(q, lines);
	int	     widths[QUEUE_SHAPE_BUCKETS_MAX + 1];
	int	     name_width = q->opt.width;
	char	     head[24];

	for (int i = 0; i <= q->opt.buckets; i++) {
		widths[i] = column_width(q, i);
		name_width -= widths[i] + 1;
	}
	if (name_width < NAME_TAIL + 1)
		name_width = NAME_TAIL + 1;
	buf_addf(b, "%*s", name_width, "");
	for (int i = 0; i <= q->opt.buckets; i++) {
		heading(q, i, head);
		buf_addf(b, " %*s", widths[i], head);
	}
	buf_addc(b, '\n');
	add_row(q, b, "TOTAL", &q->all, widths, name_width);
	if (q->opt.top > 0 && n > (size_t)q->opt.top)
		n = (size_t)q->opt.top;
	for (size_t i = 0; i < n; i++)
		add_row(q, b, lines[i].name, lines[i].row, widths, name_width);
	mem_free(lines);
}
