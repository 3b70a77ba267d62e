#include "mail/tlsrpt.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "net/dns.h"
#include "util/buf.h"
#include "util/list.h"
#include "util/text.h"

enum {
	POLICIES_MAX = 20,	/* of a domain in a day */
	DETAILS_MAX = 200,	/* kinds of failures of a policy */
	WORD_MAX = 300,		/* bytes of what is no policy */
};

/* --- the record: RFC 8460 3 */

/* "%40" is '@'; in place, since it only gets shorter. */
static bool
decode(char *s)
{
	struct buf text = BUF_INIT;
	bool	   ok = text_unpercent(&text, s);

	if (ok)
		memcpy(s, text.data, text.len + 1);
	buf_done(&text);
	return ok;
}

/* Simple ones only: others do not stand in such records. */
static bool
is_mail_address(const char *s)
{
	const char *at = strrchr(s, '@');

	if (at == NULL || at == s || strlen(s) > 254)
		return false;
	for (const char *p = s; p < at; p++)
		if (*p <= ' ' || *p > '~' || strchr("<>()[]\\,;:\"@", *p))
			return false;
	return dns_valid_name(at + 1);
}

static bool
is_printable(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s <= ' ' || *s > '~')
			return false;
	return true;
}

static void
take_uri(struct tlsrpt_record *r, char *uri)
{
	if (!is_printable(uri))
		return;
	if (text_starts_nocase(uri, "https://")) {
		if (r->https_count < TLSRPT_RUA_MAX)
			r->https[r->https_count++] = uri;
		return;
	}
	if (!text_starts_nocase(uri, "mailto:"))
		return;
	uri += sizeof "mailto:" - 1;
	uri[strcspn(uri, "?!")] = '\0';
	if (r->mail_count < TLSRPT_RUA_MAX && decode(uri) &&
	    is_mail_address(uri))
		r->mail[r->mail_count++] = uri;
}

bool
tlsrpt_parse_record(struct pool *pool, const char *text, size_t len,
    struct tlsrpt_record *ret)
{
	static const char    tag[] = "v=TLSRPTv1";
	struct tlsrpt_record r = { .mail_count = 0 };
	char		    *next, *name, *value, *uri;

	if (len < sizeof tag - 1 || memcmp(text, tag, sizeof tag - 1) != 0 ||
	    memchr(text, '\0', len) != NULL)
		return false;
	next = pool_strndup(pool, text, len) + sizeof tag - 1;
	next += strspn(next, " \t");
	if (*next++ != ';')
		return false;
	while (next != NULL && *next != '\0') {
		name = next;
		next = strchr(name, ';');
		if (next != NULL)
			*next++ = '\0';
		name = text_trim(name);
		if (!text_starts(name, "rua=")) {
			if (*name != '\0' && strchr(name, '=') == NULL)
				return false;
			continue;
		}
		value = name + 4;
		while ((uri = text_word(&value, ", \t", false)) != NULL)
			take_uri(&r, uri);
	}
	*ret = r;
	return r.mail_count + r.https_count > 0;
}

/* --- counting */

struct detail {
	struct list	 link;
	char		*failure, *reason, *sending_ip, *mx_host, *receiving_ip;
	uint64_t	 count, news;
};

struct policy {
	struct list	 link;
	char		*type, *domain, *text, *mx;
	uint64_t	 good, good_news;
	uint64_t	 bad;
	struct list	 details;
	int		 detail_count;
};

struct tlsrpt_tally {
	struct list	 policies;
	int		 policy_count;
	uint64_t	 total;
};

struct tlsrpt_tally *
tlsrpt_tally_new(void)
{
	struct tlsrpt_tally *t = NEW(struct tlsrpt_tally);

	list_init(&t->policies);
	return t;
}

static void
free_detail(struct detail *d)
{
	mem_free(d->failure);
	mem_free(d->reason);
	mem_free(d->sending_ip);
	mem_free(d->mx_host);
	mem_free(d->receiving_ip);
	mem_free(d);
}

static void
free_policy(struct policy *p)
{
	struct list *it;

	while ((it = list_take(&p->details)) != NULL)
		free_detail(LIST_ENTRY(it, struct detail, link));
	mem_free(p->type);
	mem_free(p->domain);
	mem_free(p->text);
	mem_free(p->mx);
	mem_free(p);
}

void
tlsrpt_tally_free(struct tlsrpt_tally *t)
{
	struct list *it;

	if (t == NULL)
		return;
	while ((it = list_take(&t->policies)) != NULL)
		free_policy(LIST_ENTRY(it, struct policy, link));
	mem_free(t);
}

bool
tlsrpt_tally_is_empty(const struct tlsrpt_tally *t)
{
	return t->total == 0;
}

uint64_t
tlsrpt_tally_total(const struct tlsrpt_tally *t)
{
	return t->total;
}

/* NULL and "" are the same here. */
static const char *
text_of(const char *s)
{
	return s != NULL ? s : "";
}

static bool
same(const char *a, const char *b)
{
	return strcmp(text_of(a), text_of(b)) == 0;
}

static char *
copy(const char *s, size_t max)
{
	return mem_strndup(text_of(s), strnlen(text_of(s), max));
}

static struct policy *
find_policy(struct tlsrpt_tally *t, const struct tlsrpt_result *r)
{
	struct policy *p;

	for (struct list *it = t->policies.next; it != &t->policies;
	    it = it->next) {
		p = LIST_ENTRY(it, struct policy, link);
		if (same(p->type, r->policy_type) &&
		    same(p->domain, r->policy_domain) &&
		    same(p->text, r->policy))
			return p;
	}
	if (t->policy_count >= POLICIES_MAX)
		return NULL;
	p = NEW(struct policy);
	list_init(&p->details);
	p->type = copy(r->policy_type, WORD_MAX);
	p->domain = copy(r->policy_domain, WORD_MAX);
	p->text = copy(r->policy, TLSRPT_TEXT_MAX);
	p->mx = copy(r->mx_patterns, TLSRPT_TEXT_MAX);
	list_append(&t->policies, &p->link);
	t->policy_count++;
	return p;
}

static struct detail *
find_detail(struct policy *p, const struct tlsrpt_result *r)
{
	struct detail *d;

	for (struct list *it = p->details.next; it != &p->details;
	    it = it->next) {
		d = LIST_ENTRY(it, struct detail, link);
		if (same(d->failure, r->failure) &&
		    same(d->reason, r->reason) &&
		    same(d->sending_ip, r->sending_ip) &&
		    same(d->mx_host, r->mx_host) &&
		    same(d->receiving_ip, r->receiving_ip))
			return d;
	}
	if (p->detail_count >= DETAILS_MAX)
		return NULL;
	d = NEW(struct detail);
	d->failure = copy(r->failure, WORD_MAX);
	d->reason = copy(r->reason, WORD_MAX);
	d->sending_ip = copy(r->sending_ip, WORD_MAX);
	d->mx_host = copy(r->mx_host, WORD_MAX);
	d->receiving_ip = copy(r->receiving_ip, WORD_MAX);
	list_append(&p->details, &d->link);
	p->detail_count++;
	return d;
}

static bool
is_sound(const struct tlsrpt_result *r)
{
	static const char *const types[] = {
		"sts", "tlsa", "no-policy-found",
	};
	const char *const words[] = {
		r->policy_domain, r->failure, r->reason, r->sending_ip,
		r->mx_host, r->receiving_ip,
	};

	if (strlen(text_of(r->policy)) > TLSRPT_TEXT_MAX ||
	    strlen(text_of(r->mx_patterns)) > TLSRPT_TEXT_MAX)
		return false;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strlen(text_of(words[i])) > WORD_MAX)
			return false;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (same(r->policy_type, types[i]))
			return true;
	return false;
}

static void
count(struct tlsrpt_tally *t, const struct tlsrpt_result *r, uint64_t n,
    bool is_new)
{
	struct policy *p = is_sound(r) ? find_policy(t, r) : NULL;
	struct detail *d;

	if (p == NULL || n == 0)
		return;
	t->total += n;
	if (r->failure == NULL || *r->failure == '\0') {
		p->good += n;
		p->good_news += is_new ? n : 0;
		return;
	}
	p->bad += n;
	d = find_detail(p, r);
	if (d != NULL) {
		d->count += n;
		d->news += is_new ? n : 0;
	}
}

void
tlsrpt_count(struct tlsrpt_tally *t, const struct tlsrpt_result *r, uint64_t n)
{
	count(t, r, n, true);
}

void
tlsrpt_count_old(struct tlsrpt_tally *t, const struct tlsrpt_result *r,
    uint64_t n)
{
	count(t, r, n, false);
}

static void
merge_policy(struct tlsrpt_tally *t, const struct policy *p)
{
	struct tlsrpt_result r = {
		.policy_type = p->type, .policy_domain = p->domain,
		.policy = p->text, .mx_patterns = p->mx,
	};

	count(t, &r, p->good, true);
	for (struct list *it = p->details.next; it != &p->details;
	    it = it->next) {
		struct detail *d = LIST_ENTRY(it, struct detail, link);

		r.failure = d->failure;
		r.reason = d->reason;
		r.sending_ip = d->sending_ip;
		r.mx_host = d->mx_host;
		r.receiving_ip = d->receiving_ip;
		count(t, &r, d->count, true);
	}
}

void
tlsrpt_tally_merge(struct tlsrpt_tally *t, const struct tlsrpt_tally *from)
{
	for (struct list *it = from->policies.next; it != &from->policies;
	    it = it->next)
		merge_policy(t, LIST_ENTRY(it, struct policy, link));
}

/* --- the journal: "N domain field ...", fields in xtext, "+" if empty */

static void
add_field(struct buf *b, const char *s)
{
	buf_addc(b, ' ');
	if (*s == '\0')
		buf_addc(b, '+');
	else
		text_xtext(b, s, strlen(s));
}

static void
add_news(struct buf *b, const char *domain, const struct policy *p,
    const struct detail *d, uint64_t n)
{
	buf_addf(b, "%llu", (unsigned long long)n);
	add_field(b, domain);
	add_field(b, p->type);
	add_field(b, p->domain);
	add_field(b, p->text);
	add_field(b, p->mx);
	add_field(b, d != NULL ? d->failure : "");
	add_field(b, d != NULL ? d->reason : "");
	add_field(b, d != NULL ? d->sending_ip : "");
	add_field(b, d != NULL ? d->mx_host : "");
	add_field(b, d != NULL ? d->receiving_ip : "");
	buf_addc(b, '\n');
}

void
tlsrpt_write_news(struct buf *b, struct tlsrpt_tally *t, const char *domain)
{
	for (struct list *it = t->policies.next; it != &t->policies;
	    it = it->next) {
		struct policy *p = LIST_ENTRY(it, struct policy, link);

		if (p->good_news > 0)
			add_news(b, domain, p, NULL, p->good_news);
		p->good_news = 0;
		for (struct list *i = p->details.next; i != &p->details;
		    i = i->next) {
			struct detail *d = LIST_ENTRY(i, struct detail, link);

			if (d->news > 0)
				add_news(b, domain, p, d, d->news);
			d->news = 0;
		}
	}
}

static bool
take_field(struct pool *pool, char **next, const char **ret)
{
	struct buf  b = BUF_INIT;
	char	   *word = text_word(next, " ", false);
	bool	    ok = word != NULL;

	if (ok && !text_eq(word, "+"))
		ok = text_unxtext(&b, word, strlen(word)) &&
		    memchr(b.data, '\0', b.len) == NULL;
	if (ok)
		*ret = b.len > 0 ? pool_strdup(pool, b.data) : NULL;
	buf_done(&b);
	return ok;
}

bool
tlsrpt_parse_news(struct pool *pool, char *line, struct tlsrpt_result *ret,
    uint64_t *ret_n)
{
	struct tlsrpt_result r = { .domain = NULL };
	const char **const fields[] = {
		&r.domain, &r.policy_type, &r.policy_domain, &r.policy,
		&r.mx_patterns, &r.failure, &r.reason, &r.sending_ip,
		&r.mx_host, &r.receiving_ip,
	};
	char	*word = text_word(&line, " ", false);
	uint64_t n;

	if (word == NULL || !text_to_u64(word, UINT32_MAX, &n))
		return false;
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (!take_field(pool, &line, fields[i]))
			return false;
	if (r.domain == NULL || text_word(&line, " ", false) != NULL)
		return false;
	*ret = r;
	*ret_n = n;
	return true;
}

/* --- the report */

static void
add_string(struct buf *b, const char *name, const char *value)
{
	buf_addf(b, "\"%s\":", name);
	text_json(b, value, strlen(value));
}

/* One of a list, with what separates it; nothing if it is empty. */
static void
add_part(struct buf *b, const char *name, const char *value)
{
	if (*value == '\0')
		return;
	buf_addc(b, ',');
	add_string(b, name, value);
}

static void
add_lines(struct buf *b, const char *name, const char *lines)
{
	const char *end, *between = "";

	if (*lines == '\0')
		return;
	buf_addf(b, ",\"%s\":[", name);
	for (; *lines != '\0'; lines = *end == '\0' ? end : end + 1) {
		end = strchrnul(lines, '\n');
		if (end == lines)
			continue;
		buf_adds(b, between);
		text_json(b, lines, (size_t)(end - lines));
		between = ",";
	}
	buf_addc(b, ']');
}

static void
add_detail(struct buf *b, const struct detail *d)
{
	buf_addc(b, '{');
	add_string(b, "result-type", d->failure);
	add_part(b, "sending-mta-ip", d->sending_ip);
	add_part(b, "receiving-mx-hostname", d->mx_host);
	add_part(b, "receiving-ip", d->receiving_ip);
	buf_addf(b, ",\"failed-session-count\":%llu",
	    (unsigned long long)d->count);
	add_part(b, "failure-reason-code", d->reason);
	buf_addc(b, '}');
}

static void
add_policy(struct buf *b, const struct policy *p)
{
	const char *between = "";

	buf_adds(b, "{\"policy\":{");
	add_string(b, "policy-type", p->type);
	add_lines(b, "policy-string", p->text);
	add_part(b, "policy-domain", p->domain);
	add_lines(b, "mx-host", p->mx);
	buf_addf(b, "},\"summary\":{\"total-successful-session-count\":%llu,"
	    "\"total-failure-session-count\":%llu}",
	    (unsigned long long)p->good, (unsigned long long)p->bad);
	if (!list_is_empty(&p->details)) {
		buf_adds(b, ",\"failure-details\":[");
		for (struct list *it = p->details.next; it != &p->details;
		    it = it->next, between = ",") {
			buf_adds(b, between);
			add_detail(b, LIST_ENTRY(it, struct detail, link));
		}
		buf_addc(b, ']');
	}
	buf_addc(b, '}');
}

static void
add_time(struct buf *b, const char *name, int64_t t)
{
	time_t	  when = (time_t)t;
	struct tm tm;
	char	  text[32];

	gmtime_r(&when, &tm);
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	add_string(b, name, text);
}

void
tlsrpt_write_report(struct buf *b, const struct tlsrpt_report *r,
    const struct tlsrpt_tally *t)
{
	const char *between = "";

	buf_addc(b, '{');
	add_string(b, "organization-name", r->organization);
	buf_adds(b, ",\"date-range\":{");
	add_time(b, "start-datetime", r->start);
	buf_addc(b, ',');
	add_time(b, "end-datetime", r->end);
	buf_adds(b, "},");
	add_string(b, "contact-info", r->contact);
	buf_addc(b, ',');
	add_string(b, "report-id", r->id);
	buf_adds(b, ",\"policies\":[");
	for (struct list *it = t->policies.next; it != &t->policies;
	    it = it->next, between = ",") {
		buf_adds(b, between);
		add_policy(b, LIST_ENTRY(it, struct policy, link));
	}
	buf_adds(b, "]}\n");
}
