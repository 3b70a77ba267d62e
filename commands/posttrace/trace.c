/*
 * trace - finding what belongs to a message in the log
 *
 * The log is read several times from its beginning:
 *
 *	1	lines with the key give queue ids and sessions
 *	2...	lines of the new ids; they name other ids, and lines of others
 *		name them; again until no new id is found
 *	last	connect, TLS, disconnect ... of the sessions
 *
 * While there are few things to look for a line is only taken apart when it
 * has one of them; memmem() reads more than a gigabyte a second.
 */

#include "commands/posttrace/trace.h"

#include <stdlib.h>
#include <string.h>

#include "mail/log_files.h"
#include "util/log.h"
#include "util/map.h"
#include "util/mem.h"

enum {
	ROUNDS_MAX = 20,
	FEW = 6,		/* things searched for one by one */
	ENTRIES_MAX = 1000000,
	FILE_SHIFT = 44,	/* of `place`: offsets below */
};

struct search;
typedef void line_fn(struct search *, const char *line, size_t len);

struct search {
	struct trace	*t;
	const struct log_files *files;
	size_t		 file;		/* being read */
	uint64_t	 offset;	/* of the block */
	const char	*block;
	struct log_clock clock;
	struct buf	 scratch;
	/* what is looked for */
	const char	*key;
	bool		 nocase;
	const char	*needles[FEW];
	size_t		 needle_count;	/* 0: every line */
	line_fn		*take;
};

/* --- nodes */

static unsigned
new_node(struct trace *t, const char *id)
{
	t->nodes = mem_realloc(t->nodes,
	    (t->node_count + 1) * sizeof *t->nodes);
	t->nodes[t->node_count] = (struct node){
		.id = id != NULL ? mem_strdup(id) : NULL,
		.parent = (unsigned)t->node_count,
		.state = id != NULL ? NODE_NEW : NODE_DONE };
	return (unsigned)t->node_count++;
}

static unsigned
head(const struct trace *t, unsigned n)
{
	while (t->nodes[n].parent != n)
		n = t->nodes[n].parent;
	return n;
}

static void
join(struct trace *t, unsigned a, unsigned b)
{
	a = head(t, a);
	b = head(t, b);
	if (a < b)
		t->nodes[b].parent = a;
	else
		t->nodes[a].parent = b;
}

unsigned
trace_group(const struct trace *t, const struct entry *e)
{
	return head(t, e->node);
}

static bool
find_id(const struct trace *t, struct str id, unsigned *ret)
{
	void *p = map_find_n(t->by_id, id.p, id.n);

	if (p == NULL)
		return false;
	*ret = (unsigned)((uintptr_t)p - 1);
	return true;
}

static unsigned
add_id(struct trace *t, struct str id)
{
	char	 name[40];
	unsigned n;

	if (find_id(t, id, &n))
		return n;
	memcpy(name, id.p, id.n);	/* the parser bounds ids */
	name[id.n] = '\0';
	n = new_node(t, name);
	map_set(t->by_id, name, (void *)((uintptr_t)n + 1));
	return n;
}

/* --- sessions */

static struct str
client_of(const struct log_line *l)
{
	struct log_field f[LOG_FIELDS_MAX];
	size_t		 n = log_line_fields(l, f);
	struct str	 client = log_field_get(f, n, "client");
	const char	*end = client.n == 0 ? NULL :
	    memchr(client.p, ']', client.n);

	if (end != NULL)
		client.n = (size_t)(end - client.p) + 1;
	return client;
}

/* Program, process and client: a process has many sessions. */
static bool
session_key(const struct log_line *l, struct buf *key)
{
	struct str client = client_of(l);

	buf_clear(key);
	if (client.n == 0 || !l->is_mail)
		return false;
	buf_add(key, l->tag.p, l->tag.n);
	buf_addf(key, "[%ld] ", l->pid);
	buf_add(key, client.p, client.n);
	return true;
}

/* --- entries */

static void
add_entry(struct search *s, const char *line, size_t len, unsigned node)
{
	struct trace *t = s->t;
	struct entry *e;

	if (t->entry_count >= ENTRIES_MAX) {
		t->too_many = true;
		return;
	}
	if (t->entry_count % 1024 == 0)
		t->entries = mem_realloc(t->entries,
		    (t->entry_count + 1024) * sizeof *t->entries);
	e = &t->entries[t->entry_count];
	*e = (struct entry){ .scratch = BUF_INIT, .node = node };
	e->place = ((uint64_t)s->file << FILE_SHIFT) + s->offset +
	    (uint64_t)(line - s->block);
	e->bytes = mem_strndup(line, len);
	if (log_line_parse(e->bytes, len, &s->clock, &e->scratch, &e->line))
		t->entry_count++;
	else
		mem_free(e->bytes);
}

static int
by_place(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->place != y->place)
		return x->place < y->place ? -1 : 1;
	/* One that belongs to a message counts before the same of a session. */
	return x->node < y->node ? -1 : x->node > y->node;
}

/* In the order of the log, each line once. */
static void
sort_entries(struct trace *t)
{
	size_t kept = 0;

	if (t->entry_count == 0)
		return;
	qsort(t->entries, t->entry_count, sizeof *t->entries, by_place);
	for (size_t i = 0; i < t->entry_count; i++) {
		struct entry *e = &t->entries[i];

		if (kept > 0 && t->entries[kept - 1].place == e->place) {
			join(t, t->entries[kept - 1].node, e->node);
			mem_free(e->bytes);
			buf_done(&e->scratch);
		} else
			t->entries[kept++] = *e;
	}
	t->entry_count = kept;
}

/* --- finding lines in a block */

static bool
is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z') || c == '_' || c == '-' ||
	    (unsigned char)c >= 0x80;
}

/* Not a piece of a longer word, address or number. */
static bool
is_whole(const char *block, const char *end, const char *at, size_t len)
{
	char before = at > block ? at[-1] : ' ';
	char after = at + len < end ? at[len] : ' ';

	if (*at != '@' && (is_word(before) || before == '.' || before == '+'))
		return false;
	if (after == '.')
		return at + len + 1 >= end || !is_word(at[len + 1]);
	return !is_word(after) && after != '@';
}

/* An address: by its '@', so that case does not matter. */
static const char *
find_nocase(const char *p, const char *end, const char *key)
{
	size_t	    len = strlen(key), before = strcspn(key, "@");
	const char *at;

	for (; (at = memchr(p, '@', (size_t)(end - p))) != NULL; p = at + 1)
		if ((size_t)(at - p) + 1 > 0 && (size_t)(end - at) >=
		    len - before && at >= p + before &&
		    strncasecmp(at - before, key, len) == 0)
			return at - before;
	return NULL;
}

static void
take_lines_with(struct search *s, const char *key, bool nocase,
    const char *block, size_t len)
{
	const char *p = block, *end = block + len, *at, *from, *nl;
	size_t	    key_len = strlen(key);

	while (p < end) {
		at = nocase ? find_nocase(p, end, key) :
		    memmem(p, (size_t)(end - p), key, key_len);
		if (at == NULL)
			return;
		if (!is_whole(block, end, at, key_len)) {
			p = at + 1;
			continue;
		}
		from = at == block ? NULL :
		    memrchr(block, '\n', (size_t)(at - block));
		from = from == NULL ? block : from + 1;
		nl = memchr(at, '\n', (size_t)(end - at));
		if (nl == NULL)
			nl = end;
		s->take(s, from, (size_t)(nl - from));
		p = nl + 1;
	}
}

static bool
take_block(void *arg, const char *block, size_t len)
{
	struct search *s = arg;
	const char    *p = block, *end = block + len, *nl;

	s->block = block;
	for (size_t i = 0; i < s->needle_count; i++)
		take_lines_with(s, s->needles[i], s->nocase, block, len);
	for (; s->needle_count == 0 && p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL)
			nl = end;
		s->take(s, p, (size_t)(nl - p));
	}
	s->offset += len;
	return !s->t->too_many;
}

static void
read_all(struct search *s, line_fn *take)
{
	const char *why;

	s->take = take;
	for (s->file = 0; s->file < s->files->count; s->file++) {
		s->offset = 0;
		s->clock = (struct log_clock){
			.latest = s->files->items[s->file].changed };
		if (!log_file_read(&s->files->items[s->file], take_block, s,
		    &why))
			log_warn("%s: %s", s->files->items[s->file].path, why);
	}
}

/* --- the rounds */

static void
take_seed(struct search *s, const char *line, size_t len)
{
	struct trace   *t = s->t;
	struct log_line l;
	struct buf	key = BUF_INIT;
	void	       *known;
	unsigned	n;

	if (!log_line_parse(line, len, &s->clock, &s->scratch, &l))
		return;
	if (l.id.n > 0) {
		add_id(t, l.id);
	} else if (l.kind == LOGGED_OTHER && !l.is_mail) {
		;	/* another program that tells no queue id */
	} else if (session_key(&l, &key)) {
		known = map_find(t->by_session, key.data);
		n = known != NULL ? (unsigned)((uintptr_t)known - 1) :
		    new_node(t, NULL);
		map_set(t->by_session, key.data, (void *)((uintptr_t)n + 1));
		add_entry(s, line, len, n);
		/* The next session of such a name is another one. */
		if (l.kind == LOGGED_DISCONNECT)
			map_remove(t->by_session, key.data);
	} else
		add_entry(s, line, len, new_node(t, NULL));
	buf_done(&key);
}

/* Of too many messages the last are those that one asks for.  True if some
 * were left out. */
static bool
keep_last(struct trace *t, size_t limit)
{
	size_t cut, kept = 0;

	if (t->node_count <= limit)
		return false;
	cut = t->node_count - limit;
	for (size_t n = 0; n < cut; n++)
		t->nodes[n].state = NODE_LEFT_OUT;
	for (size_t i = 0; i < t->entry_count; i++) {
		struct entry *e = &t->entries[i];

		if (e->node >= cut) {
			t->entries[kept++] = *e;
			continue;
		}
		mem_free(e->bytes);
		buf_done(&e->scratch);
	}
	t->entry_count = kept;
	return true;
}

/* May the line be about a queue id that is looked for?  A cheap look for
 * passes over everything. */
static bool
may_matter(struct search *s, const char *line, size_t len)
{
	static const char *const links[] = { "ed as ", "ification: ", "orig_",
		"queued_as" };
	const char *p = memmem(line, len < 200 ? len : 200, "]: ", 3), *end;
	unsigned    n;

	if (p == NULL)
		return true;	/* JSON, or another program */
	p += 3;
	end = memchr(p, ':', len - (size_t)(p - line));
	if (end != NULL && find_id(s->t, (struct str){ p, (size_t)(end - p) },
	    &n))
		return true;
	for (size_t i = 0; i < sizeof links / sizeof *links; i++)
		if (memmem(p, len - (size_t)(p - line), links[i],
		    strlen(links[i])) != NULL)
			return true;
	return false;
}

/* The message belongs to what is looked for, whatever the limit says. */
static unsigned
add_related(struct trace *t, struct str id)
{
	unsigned n = add_id(t, id);

	if (t->nodes[n].state == NODE_LEFT_OUT)
		t->nodes[n].state = NODE_NEW;
	return n;
}

static void
take_related(struct search *s, const char *line, size_t len)
{
	struct trace   *t = s->t;
	struct str	links[LOG_LINKS_MAX];
	struct log_line l;
	unsigned	own, other;
	size_t		n;

	if (s->needle_count == 0 && !may_matter(s, line, len))
		return;
	if (!log_line_parse(line, len, &s->clock, &s->scratch, &l) ||
	    l.id.n == 0)
		return;
	n = log_line_links(&l, links);
	if (find_id(t, l.id, &own) && t->nodes[own].state == NODE_NOW) {
		add_entry(s, line, len, own);
		for (size_t i = 0; i < n; i++)
			join(t, own, add_related(t, links[i]));
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (find_id(t, links[i], &other) &&
		    t->nodes[other].state == NODE_NOW)
			join(t, add_related(t, l.id), other);
}

static bool
begin_round(struct search *s)
{
	struct trace *t = s->t;
	size_t	      count = 0;

	for (size_t i = 0; i < t->node_count; i++) {
		if (t->nodes[i].state != NODE_NEW)
			continue;
		t->nodes[i].state = NODE_NOW;
		if (count < FEW)
			s->needles[count] = t->nodes[i].id;
		count++;
	}
	s->needle_count = count <= FEW ? count : 0;
	return count > 0;
}

static void
follow(struct search *s)
{
	s->nocase = false;
	for (int i = 0; i < ROUNDS_MAX && begin_round(s); i++) {
		read_all(s, take_related);
		for (size_t n = 0; n < s->t->node_count; n++)
			if (s->t->nodes[n].state == NODE_NOW)
				s->t->nodes[n].state = NODE_DONE;
	}
}

/* --- sessions */

enum { NO_NODE = -1, NO_RUN = -1 };

/* Where a session has one of our lines. */
struct anchor {
	uint64_t	 place;
	unsigned	 node;
};

/* The lines of one program, process and client. */
struct session {
	struct anchor	*anchors;
	size_t		 anchor_count;
	size_t		 passed;	/* anchors */
	long		 run;		/* that is open, or NO_RUN */
	char		*client;
};

static struct map *sessions;

static void
take_session_line(struct search *s, const char *line, size_t len)
{
	struct log_line l;
	struct buf	key = BUF_INIT;
	struct session *of;

	if (memmem(line, len, "connect", 7) == NULL &&
	    memmem(line, len, "timeout after", 13) == NULL &&
	    memmem(line, len, "too many errors", 15) == NULL &&
	    memmem(line, len, "authentication failed", 21) == NULL)
		return;
	if (!log_line_parse(line, len, &s->clock, &s->scratch, &l))
		return;
	if (l.id.n == 0 && l.kind != LOGGED_OTHER &&
	    l.kind != LOGGED_REJECT && session_key(&l, &key) &&
	    (of = map_find(sessions, key.data)) != NULL)
		add_entry(s, line, len, of->anchors[0].node);
	buf_done(&key);
}

static void
add_anchor(const struct entry *e)
{
	struct buf	key = BUF_INIT;
	struct session *of;

	if (session_key(&e->line, &key)) {
		of = map_find(sessions, key.data);
		if (of == NULL) {
			of = NEW(struct session);
			of->run = NO_RUN;
			of->client = mem_strdup(strchr(key.data, ' ') + 1);
			map_set(sessions, key.data, of);
		}
		of->anchors = mem_realloc(of->anchors,
		    (of->anchor_count + 1) * sizeof *of->anchors);
		of->anchors[of->anchor_count++] = (struct anchor){ e->place,
		    e->node };
	}
	buf_done(&key);
}

static int
compare_anchors(const void *a, const void *b)
{
	const struct anchor *x = a, *y = b;

	return x->place < y->place ? -1 : x->place > y->place;
}

/*
 * The lines of a session from connect to disconnect are a run.  Where a client
 * has several sessions at once in one process, which the log does not tell
 * apart, a line goes with the one that began last.
 */
static struct {
	long	*node;		/* of each run: the message it brought */
	size_t	 count;
} runs;

static long
new_run(long node)
{
	runs.node = mem_realloc(runs.node,
	    (runs.count + 1) * sizeof *runs.node);
	runs.node[runs.count] = node;
	return (long)runs.count++;
}

/* Our lines up to `place` belong to the run that is open. */
static void
pass_anchors(struct session *of, uint64_t place)
{
	for (; of->passed < of->anchor_count &&
	    of->anchors[of->passed].place < place; of->passed++) {
		long node = of->anchors[of->passed].node;

		if (of->run == NO_RUN)
			of->run = new_run(node);
		else if (runs.node[of->run] == NO_NODE)
			runs.node[of->run] = node;
	}
}

static long
take_into_run(const struct entry *e, struct session *of)
{
	long run;

	pass_anchors(of, e->place);
	if (e->line.kind == LOGGED_CONNECT || of->run == NO_RUN)
		of->run = new_run(NO_NODE);
	run = of->run;
	if (e->line.kind == LOGGED_DISCONNECT)
		of->run = NO_RUN;
	return run;
}

static struct session *
session_of(const struct entry *e)
{
	struct buf	key = BUF_INIT;
	struct session *of = NULL;

	if (session_key(&e->line, &key))
		of = map_find(sessions, key.data);
	buf_done(&key);
	return of;
}

/* Entries from `from` on, in the order of the log, get the node of their
 * run; those of runs that brought nothing of ours go. */
static void
assign_lines(struct trace *t, size_t from)
{
	size_t n = t->entry_count - from, kept = from;
	long  *run_of = mem_alloc((n + 1) * sizeof *run_of);

	for (size_t i = 0; i < n; i++)
		run_of[i] = take_into_run(&t->entries[from + i],
		    session_of(&t->entries[from + i]));
	for (size_t i = 0; i < map_count(sessions); i++)
		pass_anchors(map_at(sessions, i)->value, UINT64_MAX);
	for (size_t i = 0; i < n; i++) {
		struct entry *e = &t->entries[from + i];

		if (runs.node[run_of[i]] == NO_NODE) {
			mem_free(e->bytes);
			buf_done(&e->scratch);
			continue;
		}
		e->node = (unsigned)runs.node[run_of[i]];
		t->entries[kept++] = *e;
	}
	t->entry_count = kept;
	mem_free(run_of);
	mem_free(runs.node);
	runs.node = NULL;
	runs.count = 0;
}

static void
free_session(void *value)
{
	struct session *s = value;

	mem_free(s->anchors);
	mem_free(s->client);
	mem_free(s);
}

static void
add_sessions(struct search *s)
{
	struct trace *t = s->t;
	size_t	      before = t->entry_count;

	sessions = map_new();
	for (size_t i = 0; i < before; i++)
		if (t->entries[i].line.kind == LOGGED_CLIENT ||
		    t->entries[i].line.kind == LOGGED_REJECT)
			add_anchor(&t->entries[i]);
	s->needle_count = 0;
	for (size_t i = 0; i < map_count(sessions); i++) {
		struct session *of = map_at(sessions, i)->value;

		qsort(of->anchors, of->anchor_count, sizeof *of->anchors,
		    compare_anchors);
		if (map_count(sessions) <= FEW)
			s->needles[s->needle_count++] = of->client;
	}
	if (map_count(sessions) > 0) {
		read_all(s, take_session_line);
		qsort(t->entries + before, t->entry_count - before,
		    sizeof *t->entries, by_place);
		assign_lines(t, before);
	}
	map_free(sessions, free_session);
}

void
trace_run(struct trace *t, const struct log_files *files, const char *key,
    size_t limit)
{
	struct search s = { .t = t, .files = files, .key = key,
	    .scratch = BUF_INIT };
	bool	      too_many;

	*t = (struct trace){ .by_id = map_new(), .by_session = map_new() };
	s.nocase = strchr(key, '@') != NULL;
	s.needles[0] = key;
	s.needle_count = 1;
	read_all(&s, take_seed);
	too_many = keep_last(t, limit) || t->too_many;
	t->too_many = false;
	follow(&s);
	sort_entries(t);
	add_sessions(&s);
	sort_entries(t);
	t->too_many = t->too_many || too_many;
	buf_done(&s.scratch);
}

void
trace_done(struct trace *t)
{
	for (size_t i = 0; i < t->entry_count; i++) {
		mem_free(t->entries[i].bytes);
		buf_done(&t->entries[i].scratch);
	}
	for (size_t i = 0; i < t->node_count; i++)
		mem_free(t->nodes[i].id);
	mem_free(t->entries);
	mem_free(t->nodes);
	map_free(t->by_id, NULL);
	map_free(t->by_session, NULL);
}
