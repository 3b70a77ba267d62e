#include "postscreen/tests.h"

#include <stdlib.h>
#include <string.h>

#include "net/dns.h"
#include "util/mem.h"
#include "util/text.h"

bool
record_parse(struct record *r, const char *text)
{
	char *end;

	memset(r, 0, sizeof *r);
	for (int i = 0; i < TEST_COUNT; i++) {
		if (*text < '0' || *text > '9')
			return i > 0 && *text == '\0';
		r->until[i] = strtoll(text, &end, 10);
		text = *end == ';' ? end + 1 : end;
	}
	return *text == '\0';
}

void
record_print(struct buf *b, const struct record *r)
{
	for (int i = 0; i < TEST_COUNT; i++)
		buf_addf(b, "%s%lld", i > 0 ? ";" : "",
		    (long long)r->until[i]);
}

unsigned
record_due(const struct record *r, unsigned wanted, int64_t now)
{
	unsigned due = 0;

	for (int i = 0; i < TEST_COUNT; i++)
		if ((wanted & 1u << i) && r->until[i] < now)
			due |= 1u << i;
	return due;
}

bool
record_lacks(const struct record *r, unsigned wanted)
{
	for (int i = 0; i < TEST_COUNT; i++)
		if ((wanted & 1u << i) && r->until[i] == 0)
			return true;
	return false;
}

bool
action_parse(const char *text, enum action *ret)
{
	static const char *const words[] = { "ignore", "enforce", "drop" };

	/* an old name */
	if (text_eq_nocase(text, "continue"))
		text = "ignore";
	for (int i = 0; i < 3; i++)
		if (text_eq_nocase(text, words[i])) {
			*ret = (enum action)i;
			return true;
		}
	return false;
}

bool
site_parse(struct site *s, const char *text, const char **ret_why)
{
	char *copy = mem_strdup(text);
	char *star = strrchr(copy, '*'), *eq;
	long  weight = 1;
	bool  ok;

	*s = (struct site){ .weight = 1 };
	if (star != NULL)
		*star++ = '\0';
	if ((eq = strchr(copy, '=')) != NULL)
		*eq++ = '\0';
	*ret_why = "bad weight";
	ok = star == NULL || text_to_long(star, -10000, 10000, &weight);
	if (ok && !dns_valid_name(copy)) {
		*ret_why = "bad domain name";
		ok = false;
	}
	if (ok) {
		s->domain = mem_strdup(copy);
		s->filter = eq != NULL ? mem_strdup(eq) : NULL;
		s->weight = (int)weight;
	}
	mem_free(copy);
	return ok;
}
