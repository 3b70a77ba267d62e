#include <string.h>
#include <strings.h>

#include "smtp/policy.h"
#include "smtp/settings.h"
#include "table/table.h"
#include "util/buf.h"
#include "util/text.h"

/* In order of strength; the log fields of each (see policy_log_field). */
static const struct level {
	const char	*name;
	bool		 required;
	const char	*open, *closed, *failed;
} levels[] = {
	{ "none", false, "none", "none", "none" },
	{ "may", false, "may:none", "may?", "may?" },
	{ "encrypt", true, "encrypt", "encrypt?", "!encrypt" },
	{ "dane", true, "dane", "dane?", "!dane" },
	{ "half-dane", true, "half-dane", "half-dane?", "!half-dane" },
	{ "dane-only", true, "dane-only", "dane-only?", "!dane-only" },
	{ "fingerprint", true, "fingerprint", "fingerprint?", "!fingerprint" },
	{ "verify", true, "verify", "verify?", "!verify" },
	{ "secure", true, "secure", "secure?", "!secure" },
};

static const struct level *
find_level(const char *text)
{
	size_t n = strcspn(text, " \t,");

	for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
		if (strlen(levels[i].name) == n &&
		    strncasecmp(text, levels[i].name, n) == 0)
			return &levels[i];
	return NULL;
}

static struct table_list *policy_maps;

/* The next hop as written, then ".parent" domains: TLS_README. */
static enum table_result
find_policy(const char *nexthop, struct buf *ret)
{
	enum table_result got;
	const char *dot;

	if (policy_maps == NULL)
		policy_maps = table_list_open("tls_policy_maps",
		    settings.tls_policy_maps, TABLE_FOLD);
	got = table_list_find(policy_maps, nexthop, ret);
	if (got != TABLE_NOT_FOUND || *nexthop == '[')
		return got;
	for (dot = strchr(nexthop + 1, '.'); dot != NULL &&
	    got == TABLE_NOT_FOUND; dot = strchr(dot + 1, '.'))
		got = table_list_find(policy_maps, dot, ret);
	return got;
}

static const char *
default_level(void)
{
	if (*settings.tls_security_level != '\0')
		return settings.tls_security_level;
	return settings.enforce_tls ? "encrypt" : settings.use_tls ? "may" :
	    "none";
}

bool
policy_find(const char *nexthop, bool requiretls, struct policy *ret,
    const char **ret_why)
{
	const struct level *level = find_level(default_level());
	enum table_result got = TABLE_NOT_FOUND;
	struct buf found = BUF_INIT;

	if (*settings.tls_policy_maps != '\0')
		got = find_policy(nexthop, &found);
	if (got == TABLE_FOUND)
		level = find_level(found.data);
	buf_done(&found);
	if (got == TABLE_ERROR) {
		*ret_why = "TLS policy table lookup error";
		return false;
	}
	if (level == NULL) {
		*ret_why = "client TLS configuration problem";
		return false;
	}
	/* Legacy per-site tables might ask for it; nobody reads them here. */
	ret->level = level->name;
	ret->tls_required = level->required || requiretls ||
	    settings.tls_wrappermode || *settings.tls_per_site != '\0';
	return true;
}

const char *
policy_log_field(const struct policy *p, bool is_open, bool failed)
{
	const struct level *level;

	if (!settings.log_tls_feature_status || p->level == NULL)
		return NULL;
	level = find_level(p->level);
	return failed ? level->failed : is_open ? level->open : level->closed;
}
