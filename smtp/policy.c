#include "smtp/policy.h"

#include <string.h>
#include <strings.h>

#include "conf/param.h"
#include "net/addr.h"
#include "net/dns.h"
#include "smtp/dane.h"
#include "mail/nexthop.h"
#include "smtp/policy_entry.h"
#include "smtp/route.h"
#include "smtp/settings.h"
#include "smtp/sts.h"
#include "smtp/tls.h"
#include "table/table.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/text.h"

enum { MATCH_MAX = 100 };	/* names or fingerprints */

static struct table_list *policy_maps, *per_site;

/* What is being put together. */
struct draft {
	struct pool		*pool;
	const char		*destination;
	const struct nexthop	*hop;
	const struct target	*target;
	struct policy		*p;
	struct why		*why;
	struct policy_entry	 entry;		/* empty: none was found */
	bool			 from_table;
};

/* --- the level */

static enum tls_level
default_level(void)
{
	if (*settings.tls_security_level != '\0')
		return tls_level_parse(settings.tls_security_level);
	if (settings.enforce_tls)
		return settings.tls_enforce_peername ? TLS_LEVEL_VERIFY :
		    TLS_LEVEL_ENCRYPT;
	return settings.use_tls ? TLS_LEVEL_MAY : TLS_LEVEL_NONE;
}

void
policy_init(void)
{
	if (default_level() == TLS_LEVEL_BAD)
		fatalx("Invalid TLS level \"%s\"",
		    settings.tls_security_level);
	policy_maps = table_list_open("tls_policy_maps",
	    settings.tls_policy_maps, TABLE_FOLD);
	per_site = table_list_open("tls_per_site", settings.tls_per_site,
	    TABLE_FOLD);
}

static bool
cannot_be(struct draft *d)
{
	why_set(d->why, "4.7.5", "client TLS configuration problem");
	return false;
}

static bool
cannot_be_called(struct draft *d)
{
	log_warn("\"%s_tls_servername = %s\" specifies an invalid hostname",
	    settings.prefix, d->p->sni);
	return cannot_be(d);
}

static bool
take_entry(struct draft *d, const char *text)
{
	struct policy_entry *e = &d->entry;
	struct policy	    *p = d->p;
	char		    *table = pool_printf(d->pool,
				"%s_tls_policy_maps", settings.prefix);

	d->from_table = true;
	if (!policy_entry_parse(d->pool, table, d->destination, text, e))
		return cannot_be(d);
	p->level = e->level;
	p->anchor_files = e->anchor_files;
	p->sni = e->servername;
	p->policy_domain = e->policy_domain;
	p->failure = e->policy_failure;
	if (e->connection_reuse != NULL)
		p->reuse = text_eq_nocase(e->connection_reuse, "yes");
	if (e->enable_rpk != NULL)
		p->rpk = text_eq_nocase(e->enable_rpk, "yes");
	return true;
}

/* The next hop as written, then ".parent" domains: TLS_README. */
static enum table_result
find_entry(const char *nexthop, struct buf *ret)
{
	enum table_result got;
	const char *dot;

	got = table_list_find(policy_maps, nexthop, ret);
	if (got != TABLE_NOT_FOUND || *nexthop == '[' ||
	    strchr(nexthop, ':') != NULL)
		return got;
	for (dot = strchr(nexthop, '.'); dot != NULL &&
	    got == TABLE_NOT_FOUND; dot = strchr(dot + 1, '.'))
		got = table_list_find(policy_maps, dot, ret);
	return got;
}

static bool
lookup_failed(struct draft *d)
{
	log_warn("%s_tls_policy_maps, next-hop destination \"%s\": policy "
	    "table lookup error", settings.prefix, d->destination);
	return cannot_be(d);
}

/* smtp_tls_per_site, for those who still have it. */
static bool
take_site(struct draft *d, const char *key)
{
	static const struct {
		const char	*word;
		enum tls_level	 level;
	} words[] = {
		{ "NONE", TLS_LEVEL_NONE }, { "MAY", TLS_LEVEL_MAY },
		{ "MUST_NOPEERMATCH", TLS_LEVEL_ENCRYPT },
		{ "MUST", TLS_LEVEL_VERIFY },
	};
	struct buf	  value = BUF_INIT;
	enum table_result got = table_list_find(per_site, key, &value);

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (got == TABLE_FOUND &&
		    strcasecmp(value.data, words[i].word) == 0 &&
		    (words[i].level > d->p->level ||
		    d->p->level == default_level()))
			d->p->level = words[i].level;
	buf_done(&value);
	if (got != TABLE_ERROR)
		return true;
	log_warn("%s_tls_per_site: %s: lookup error", settings.prefix, key);
	return cannot_be(d);
}

static bool
choose_level(struct draft *d)
{
	struct buf	  entry = BUF_INIT;
	enum table_result got;
	const char	 *key = d->destination;
	bool		  ok = true;

	if (strncmp(key, "inet:", 5) == 0 || strncmp(key, "unix:", 5) == 0)
		key += 5;
	d->p->level = default_level();
	if (!table_list_is_empty(policy_maps)) {
		got = find_entry(key, &entry);
		if (got == TABLE_ERROR)
			ok = lookup_failed(d);
		else if (got == TABLE_FOUND)
			ok = take_entry(d, entry.data);
	} else if (!table_list_is_empty(per_site)) {
		ok = take_site(d, d->target->name) && take_site(d, key);
	}
	buf_done(&entry);
	return ok;
}

/* --- DANE */

static bool
no_dane(struct draft *d, const char *reason)
{
	d->p->dane_failed = true;
	d->p->failure = "dane-required";
	d->p->failure_reason = reason;
	why_set(d->why, "4.7.5", "%s", reason);
	return false;
}

/* RFC 7672 2: what DNSSEC says of this server. */
static bool
apply_dane(struct draft *d)
{
	struct policy *p = d->p;
	bool	       only = p->level == TLS_LEVEL_DANE_ONLY;
	const char    *insecure = settings.dane_insecure_mx_policy;
	uint16_t       port = addr_port(&d->target->addr);
	enum dane      got;

	if (!settings.dnssec) {
		log_warn("%s: %s configured with dnssec lookups disabled",
		    d->destination, tls_level_name(p->level));
		p->level = TLS_LEVEL_MAY;
		return !only || no_dane(d, "client TLS configuration problem");
	}
	if (!d->target->proven_name && only)
		return no_dane(d, "non DNSSEC destination");
	got = dane_find(d->pool, d->target, port, &p->tlsa, &p->tlsa_count,
	    &p->tlsa_base, d->why);
	if (got == DANE_TROUBLE) {
		p->dane_failed = true;
		p->failure = "dnssec-invalid";
		return false;
	}
	if (got != DANE_FOUND && only)
		return no_dane(d, got == DANE_UNPROVEN ?
		    "non DNSSEC destination" : got == DANE_UNUSABLE ?
		    "TLSA records unusable" : "no TLSA records found");
	if (got == DANE_UNUSABLE) {
		p->failure = "tlsa-invalid";
		p->dane_failed = true;
		p->level = d->target->proven_name ||
		    !text_eq(insecure, "may") ? TLS_LEVEL_ENCRYPT :
		    TLS_LEVEL_MAY;
	} else if (got != DANE_FOUND) {
		p->level = TLS_LEVEL_MAY;
	} else if (!d->target->proven_name) {
		p->level = text_eq(insecure, "may") ? TLS_LEVEL_MAY :
		    text_eq(insecure, "encrypt") ? TLS_LEVEL_ENCRYPT :
		    TLS_LEVEL_HALF_DANE;
	}
	if (p->level == TLS_LEVEL_MAY || p->level == TLS_LEVEL_ENCRYPT)
		p->tlsa_count = 0;
	return true;
}

/* Are there records at all that can be used? */
static void
look_at_records(struct policy *p)
{
	if (p->tlsa_count == 0)
		return;
	for (size_t i = 0; i < p->tlsa_count; i++)
		if (tlsa_is_usable(&p->tlsa[i]))
			return;
	p->failure = "tlsa-invalid";
	p->dane_failed = true;
	if (p->level == TLS_LEVEL_DANE || p->level == TLS_LEVEL_HALF_DANE)
		p->effective = TLS_LEVEL_ENCRYPT;
}

/* --- MTA-STS */

/*
 * The table's word goes before all, and DANE before MTA-STS (RFC 8461 2): where
 * there are records, another way to trust the server must not make good that
 * they do not fit.
 */
static bool
apply_sts(struct draft *d)
{
	struct policy *p = d->p;

	if (d->from_table) {
		p->sts_text = d->entry.policy_lines;
		if (d->entry.patterns == NULL ||
		    d->entry.policy_type == NULL ||
		    !text_eq_nocase(d->entry.policy_type, "sts"))
			return true;
		if (p->policy_domain == NULL)
			p->policy_domain = d->hop->host;
		if (p->level == TLS_LEVEL_SECURE &&
		    settings.tls_enforce_sts_mx_patterns) {
			d->entry.match = p->sni = "hostname";
			return sts_apply_patterns(d->pool,
			    d->entry.patterns, d->target, p, d->why);
		}
		return true;
	}
	if (!settings.mta_sts || !sts_is_eligible(d->hop) ||
	    (p->level != TLS_LEVEL_MAY && p->level != TLS_LEVEL_ENCRYPT))
		return true;
	if (!sts_apply(d->pool, d->hop, d->target, p, d->why))
		return false;
	if (p->level == TLS_LEVEL_SECURE)
		d->entry.match = p->sni = "hostname";
	return true;
}

/* --- names, strength */

static const char *
nexthop_domain(const struct draft *d)
{
	return d->hop->path != NULL ? conf_mail.myhostname : d->hop->host;
}

static const char *
expand_match(struct draft *d, const char *word)
{
	if (strcasecmp(word, "hostname") == 0)
		return d->target->name;
	if (strcasecmp(word, "nexthop") == 0)
		return nexthop_domain(d);
	if (strcasecmp(word, "dot-nexthop") == 0)
		return pool_printf(d->pool, ".%s", nexthop_domain(d));
	return word;
}

static void
make_match(struct draft *d, const char *list, const char *separators)
{
	const char **match = pool_alloc(d->pool,
	    (MATCH_MAX + 1) * sizeof *match);
	char  *next = pool_strdup(d->pool, list), *word;
	size_t n = 0;

	while (n < MATCH_MAX &&
	    (word = text_word(&next, separators, false)) != NULL)
		match[n++] = d->p->level == TLS_LEVEL_FINGERPRINT ? word :
		    expand_match(d, word);
	match[n] = NULL;
	d->p->match = match;
}

static bool
choose_names(struct draft *d)
{
	const char *list = d->entry.match;

	switch (d->p->level) {
	case TLS_LEVEL_FINGERPRINT:
		if (list == NULL)
			list = settings.tls_fingerprint_cert_match;
		make_match(d, list, TEXT_LIST_SEP "|");
		if (d->p->match[0] == NULL) {
			log_warn("nexthop domain %s: configured at fingerprint "
			    "security level, but with no fingerprints to "
			    "match.", d->destination);
			return cannot_be(d);
		}
		break;
	case TLS_LEVEL_VERIFY:
		make_match(d, list != NULL ? list :
		    settings.tls_verify_cert_match, TEXT_LIST_SEP ":|");
		break;
	case TLS_LEVEL_SECURE:
		make_match(d, list != NULL ? list :
		    settings.tls_secure_cert_match, TEXT_LIST_SEP ":|");
		break;
	case TLS_LEVEL_DANE:
	case TLS_LEVEL_DANE_ONLY:
		make_match(d, pool_printf(d->pool, "%s %s",
		    d->target->name, nexthop_domain(d)), " ");
		break;
	default:
		if (d->p->testing) {
			make_match(d, "hostname", " ");
			d->p->sni = "hostname";
		}
		break;
	}
	return true;
}

/* What can't be understood ends a session when it wants to encrypt: a server
 * without TLS is none the worse for it. */
static void
choose_strength(struct draft *d)
{
	struct tls_strength *s = &d->p->strength;
	bool	    must = d->p->level > TLS_LEVEL_MAY;
	const char *protocols = d->entry.protocols, *grade = d->entry.ciphers, *why;

	if (protocols == NULL)
		protocols = must ? settings.tls_mandatory_protocols :
		    settings.tls_protocols;
	if (grade == NULL)
		grade = must ? settings.tls_mandatory_ciphers :
		    settings.tls_ciphers;
	s->grade = tls_grade_parse(grade);
	if (s->grade == TLS_GRADE_BAD)
		d->p->bad_ciphers = grade;
	if (!tls_protocols_parse(&s->protocols, protocols, &why))
		d->p->bad_protocols = protocols;
	s->exclude = settings.tls_exclude_ciphers;
	if (d->entry.exclude != NULL)
		s->exclude = d->entry.exclude;
	else if (must && *settings.tls_mandatory_exclude_ciphers != '\0')
		s->exclude = pool_printf(d->pool, "%s %s", s->exclude,
		    settings.tls_mandatory_exclude_ciphers);
}

static bool
choose_sni(struct draft *d)
{
	struct policy *p = d->p;

	if (p->sni == NULL)
		p->sni = settings.tls_servername;
	if (p->tlsa_count > 0)
		p->sni = p->tlsa_base;
	else if (*p->sni == '\0')
		p->sni = NULL;
	else if (strcasecmp(p->sni, "hostname") == 0)
		p->sni = d->target->name;
	else if (strcasecmp(p->sni, "nexthop") == 0)
		p->sni = nexthop_domain(d);
	if (p->sni != NULL && p->tlsa_count == 0 && !dns_valid_name(p->sni)) {
		if (dns_valid_address(p->sni))
			p->sni = NULL;
		else
			return cannot_be_called(d);
	}
	return true;
}

/* --- all of it */

static const char *
make_key(struct draft *d)
{
	const struct policy *p = d->p;
	struct buf	     b = BUF_INIT;
	const char	    *key;

	buf_addf(&b, "%s %d %x %x %x %s %s %s %d", tls_level_name(p->effective),
	    (int)p->strength.grade, (unsigned)p->strength.protocols.min,
	    (unsigned)p->strength.protocols.max, p->strength.protocols.off,
	    p->strength.exclude, p->sni != NULL ? p->sni : "",
	    p->anchor_files != NULL ? p->anchor_files : "", p->rpk);
	for (size_t i = 0; p->match != NULL && p->match[i] != NULL; i++)
		buf_addf(&b, " %s", p->match[i]);
	for (size_t i = 0; i < p->tlsa_count; i++) {
		buf_addf(&b, " %d%d%d", p->tlsa[i].usage, p->tlsa[i].selector,
		    p->tlsa[i].matching);
		for (size_t n = 0; n < p->tlsa[i].len; n++)
			buf_addf(&b, "%02x", p->tlsa[i].data[n]);
	}
	key = pool_strdup(d->pool, b.data);
	buf_done(&b);
	return key;
}

static bool
put_together(struct draft *d)
{
	struct policy *p = d->p;

	if (!choose_level(d))
		return false;
	if (p->wish == WISH_LESS && p->level > TLS_LEVEL_MAY)
		p->level = TLS_LEVEL_MAY;
	if (d->hop->path == NULL && (p->level == TLS_LEVEL_DANE ||
	    p->level == TLS_LEVEL_DANE_ONLY) && !apply_dane(d))
		return false;
	if (p->wish >= WISH_STARTTLS && p->level < TLS_LEVEL_ENCRYPT)
		p->level = TLS_LEVEL_ENCRYPT;
	if (p->wish != WISH_LESS && !apply_sts(d))
		return false;
	p->effective = p->level;
	look_at_records(p);
	if (p->anchor_files == NULL && *settings.tls_trust_anchor_file != '\0')
		p->anchor_files = settings.tls_trust_anchor_file;
	if (p->level == TLS_LEVEL_NONE)
		return true;
	if (p->anchor_files != NULL && !client_tls_has_anchors(p->anchor_files))
		return cannot_be(d);
	choose_strength(d);
	return choose_names(d) && choose_sni(d);
}

bool
policy_find(struct pool *pool, const char *destination,
    const struct nexthop *hop, const struct target *t, enum wish wish,
    struct policy *ret, struct why *why)
{
	struct draft d = { .pool = pool, .destination = destination,
	    .hop = hop, .target = t, .p = ret, .why = why };

	*ret = (struct policy){ .wish = wish,
	    .reuse = settings.tls_connection_reuse,
	    .rpk = settings.tls_enable_rpk, .strength = { .exclude = "" } };
	if (!put_together(&d)) {
		log_warn("TLS policy lookup for %s/%s: %s", destination,
		    t->name, why->text.data);
		return false;
	}
	ret->known = true;
	ret->key = make_key(&d);
	return true;
}

bool
policy_needs_tls(const struct policy *p)
{
	return p->level > TLS_LEVEL_MAY;
}

const char *
policy_log_field(struct pool *pool, const struct policy *p,
    enum policy_stage stage)
{
	const char *name = p->known ? tls_level_name(p->level) : "unknown";
	const char *tail = requiretls_log_field(p);

	if (!settings.log_tls_feature_status)
		return NULL;
	if (p->known && p->level == TLS_LEVEL_NONE)
		return pool_printf(pool, "none%s", tail);
	switch (stage) {
	case POLICY_UNDECIDED:
		return pool_printf(pool, "%s?%s", name, tail);
	case POLICY_FAILED:
		return pool_printf(pool, "!%s%s", name, tail);
	case POLICY_PLAIN:
		return pool_printf(pool, "%s:none%s", name, tail);
	case POLICY_TLS:
		break;
	}
	if (p->effective != p->level)
		return pool_printf(pool, "%s:%s%s", name,
		    tls_level_name(p->effective), tail);
	return pool_printf(pool, "%s%s", name, tail);
}
