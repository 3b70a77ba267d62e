#include "table/cidr.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "table/rhs_file.h"
#include "table/table_type.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

enum { PATTERN_MAX = 128 };	/* bytes of an address with its length */

/* Text to bytes; 0 if it is no address, otherwise the family. */
static int
parse_address(const char *text, unsigned char ret[16])
{
	int family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;

	return inet_pton(family, text, ret) == 1 ? family : 0;
}

/* Clears the bits after the first `bits`; true if one was set. */
static bool
clear_host_bits(unsigned char *bytes, int bits, int all)
{
	bool any = false;

	for (int i = bits / 8; i < all / 8; i++) {
		unsigned char keep = i > bits / 8 ? 0 :
		    (unsigned char)(0xff00 >> bits % 8);

		if ((bytes[i] & ~keep) != 0)
			any = true;
		bytes[i] &= keep;
	}
	return any;
}

/*
 * Removes the brackets of "[address]/bits" and "[address/bits]" in place, and
 * finds the slash.  False after the reason.
 */
static bool
unbracket(char *text, char **ret_slash, struct buf *why)
{
	char *end;

	*ret_slash = strchr(text, '/');
	if (*text != '[')
		return true;
	end = strchr(text, ']');
	if (end == NULL) {
		buf_addf(why, "missing ']' character after \"%s\"", text);
		return false;
	}
	if (end[1] != '\0' && end[1] != '/') {
		buf_addf(why, "garbage after \"%.*s\"",
		    (int)(end + 1 - text), text);
		return false;
	}
	if (end[1] == '/')
		*ret_slash = end + 1;
	memmove(end, end + 1, strlen(end));
	memmove(text, text + 1, strlen(text));
	if (*ret_slash != NULL)
		*ret_slash -= *ret_slash < end ? 1 : 2;
	return true;
}

bool
cidr_parse(struct cidr *c, const char *pattern, struct buf *why)
{
	char  copy[PATTERN_MAX], net[INET6_ADDRSTRLEN], *slash;
	struct cidr got = { 0 };
	const char *bad = NULL;
	long  bits;
	int   all;

	if (strlen(pattern) >= sizeof copy) {
		buf_addf(why, "bad address pattern: \"%.60s...\"", pattern);
		return false;
	}
	strcpy(copy, pattern);
	if (!unbracket(copy, &slash, why))
		return false;
	if (slash != NULL)
		*slash = '\0';
	got.family = parse_address(copy, got.bytes);
	bits = all = got.family == AF_INET ? 32 : 128;
	if (slash != NULL && !text_is_digits(slash + 1))
		bad = "bad mask value in";
	else if (got.family == 0)
		bad = slash != NULL ? "bad network value in" :
		    "bad address pattern:";
	else if (slash != NULL && !text_to_long(slash + 1, 0, all, &bits))
		bad = "bad mask length in";
	if (slash != NULL)
		*slash = '/';
	if (bad != NULL) {
		buf_addf(why, "%s \"%s\"", bad, copy);
		return false;
	}
	got.bits = (int)bits;
	if (clear_host_bits(got.bytes, got.bits, all)) {
		inet_ntop(got.family, got.bytes, net, sizeof net);
		buf_addf(why, "non-null host address bits in \"%s\", perhaps "
		    "you should use \"%s/%d\" instead", copy, net, got.bits);
		return false;
	}
	*c = got;
	return true;
}

bool
cidr_has(const struct cidr *c, int family, const unsigned char *bytes)
{
	int whole = c->bits / 8, rest = c->bits % 8;

	if (family != c->family || memcmp(c->bytes, bytes, (size_t)whole) != 0)
		return false;
	return rest == 0 ||
	    ((c->bytes[whole] ^ bytes[whole]) & (0xff00 >> rest) & 0xff) == 0;
}

/* --- the table */

enum rule_kind { RULE_MATCH, RULE_IF, RULE_ENDIF };

struct rule {
	enum rule_kind	 kind;
	bool		 negated;
	struct cidr	 net;
	int		 line;
	size_t		 next;		/* RULE_IF: where to go on if it does
					   not match */
	char		*value;		/* RULE_MATCH */
};

struct cidr_table {
	struct rule	*rules;
	size_t		 count, size;
	size_t		*open;		/* stack of IFs without ENDIF */
	size_t		 depth;
};

static struct rule *
add_rule(struct cidr_table *c, enum rule_kind kind, int line)
{
	struct rule *r;

	if (c->count == c->size) {
		c->size = c->size == 0 ? 64 : c->size * 2;
		c->rules = mem_realloc(c->rules, c->size * sizeof *c->rules);
		c->open = mem_realloc(c->open, c->size * sizeof *c->open);
	}
	r = &c->rules[c->count++];
	memset(r, 0, sizeof *r);
	r->kind = kind;
	r->line = line;
	return r;
}

static void
skip_rule(const struct table *t, int line, const char *why)
{
	log_warn("cidr map %s, line %d: %s: skipping this rule", t->name,
	    line, why);
}

/* Any number of '!'; the text after them. */
static char *
take_negation(char *p, bool *ret_negated)
{
	*ret_negated = false;
	for (;; p++) {
		if (*p == '!')
			*ret_negated = !*ret_negated;
		else if (*p != ' ' && *p != '\t')
			return p;
	}
}

/* The pattern of a match or an IF; NULL after a warning. */
static struct rule *
add_pattern(struct table *t, enum rule_kind kind, const char *pattern,
    bool negated, int line)
{
	struct cidr  net;
	struct buf   why = BUF_INIT;
	struct rule *r = NULL;

	if (*pattern == '\0') {
		skip_rule(t, line, "no address pattern");
	} else if (!cidr_parse(&net, pattern, &why)) {
		skip_rule(t, line, why.data);
	} else {
		r = add_rule(t->state, kind, line);
		r->net = net;
		r->negated = negated;
	}
	buf_done(&why);
	return r;
}

static void
add_endif(struct table *t, const char *rest, int line)
{
	struct cidr_table *c = t->state;

	if (*rest != '\0') {
		skip_rule(t, line, "garbage after ENDIF");
		return;
	}
	if (c->depth == 0) {
		skip_rule(t, line, "ENDIF without IF");
		return;
	}
	add_rule(c, RULE_ENDIF, line);
	c->rules[c->open[--c->depth]].next = c->count;
}

static void
parse_rule(struct table *t, char *line, int number)
{
	struct cidr_table *c = t->state;
	struct buf	   room = BUF_INIT, why = BUF_INIT;
	struct rule	  *r;
	char		  *pattern, *value;
	bool		   negated;

	if (strncasecmp(line, "IF", 2) == 0 && strchr(" \t!", line[2])) {
		pattern = text_trim(take_negation(line + 2, &negated));
		r = add_pattern(t, RULE_IF, pattern, negated, number);
		if (r != NULL)
			c->open[c->depth++] = c->count - 1;
		return;
	}
	if (strncasecmp(line, "ENDIF", 5) == 0 && strchr(" \t", line[5])) {
		add_endif(t, text_trim(line + 5), number);
		return;
	}
	pattern = take_negation(line, &negated);
	value = pattern + strcspn(pattern, " \t");
	if (*value != '\0') {
		*value++ = '\0';
		value = text_trim(value);
	}
	r = add_pattern(t, RULE_MATCH, pattern, negated, number);
	if (r == NULL)
		return;
	if (*value == '\0')
		buf_adds(&why, "no lookup result");
	else if ((value = rhs_file_value(t, value, &room, &why)) != NULL)
		r->value = mem_strdup(value);
	if (r->value == NULL) {
		skip_rule(t, number, why.data);
		c->count--;
	}
	buf_done(&room);
	buf_done(&why);
}

static bool
close_cidr(struct table *t, bool publish)
{
	struct cidr_table *c = t->state;

	(void)publish;
	for (size_t i = 0; i < c->count; i++)
		mem_free(c->rules[i].value);
	mem_free(c->rules);
	mem_free(c->open);
	mem_free(c);
	return true;
}

static bool
open_cidr(struct table *t)
{
	struct cidr_table *c = NEW(struct cidr_table);

	t->state = c;
	if (!table_read_rules(t, parse_rule)) {
		close_cidr(t, false);
		return false;
	}
	while (c->depth > 0) {
		struct rule *r = &c->rules[c->open[--c->depth]];

		log_warn("cidr map %s, line %d: IF has no matching ENDIF",
		    t->name, r->line);
		r->next = c->count;
	}
	return true;
}

static enum table_result
find_cidr(struct table *t, const char *key, struct buf *ret)
{
	struct cidr_table *c = t->state;
	unsigned char	   bytes[16];
	int		   family = parse_address(key, bytes);

	if (family == 0)
		return TABLE_NOT_FOUND;
	for (size_t i = 0; i < c->count; i++) {
		struct rule *r = &c->rules[i];
		bool	     hit;

		if (r->kind == RULE_ENDIF || r->net.family != family) {
			if (r->kind == RULE_IF)
				i = r->next - 1;
			continue;
		}
		hit = cidr_has(&r->net, family, bytes) != r->negated;
		if (r->kind == RULE_IF) {
			if (!hit)
				i = r->next - 1;
		} else if (hit) {
			buf_adds(ret, r->value);
			return TABLE_FOUND;
		}
	}
	return TABLE_NOT_FOUND;
}

const struct table_type table_type_cidr = {
	.name = "cidr",
	.traits = TYPE_PATTERN,
	.open = open_cidr,
	.close = close_cidr,
	.find = find_cidr,
};
