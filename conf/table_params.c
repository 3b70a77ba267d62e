#include "conf/table_params.h"

#include <string.h>

#include "conf/names.h"
#include "util/text.h"

#define EVERY_TYPE "domain", "expansion_limit", "result_format"
/* From before there was `query`. */
#define OLD_SQL "additional_conditions", "select_field", "table", "where_field"

static const char *const ldap[] = {
	EVERY_TYPE, "bind", "bind_dn", "bind_pw", "cache", "cache_expiry",
	"cache_size", "chase_referrals", "debuglevel", "dereference",
	"leaf_result_attribute", "query_filter", "recursion_limit",
	"result_attribute", "result_filter", "sasl_authz_id", "sasl_mechs",
	"sasl_minssf", "sasl_realm", "scope", "search_base", "server_host",
	"server_port", "size_limit", "special_result_attribute", "start_tls",
	"terminal_result_attribute", "timeout", "tls_ca_cert_dir",
	"tls_ca_cert_file", "tls_cert", "tls_cipher_suite", "tls_key",
	"tls_random_file", "tls_require_cert", "version", NULL
};

static const char *const mysql[] = {
	EVERY_TYPE, OLD_SQL, "charset", "dbname", "hosts", "idle_interval",
	"option_file", "option_group", "password", "query",
	"require_result_set", "retry_interval", "tls_CAfile", "tls_CApath",
	"tls_cert_file", "tls_ciphers", "tls_key_file", "tls_verify_cert",
	"user", NULL
};

static const char *const pgsql[] = {
	EVERY_TYPE, OLD_SQL, "dbname", "encoding", "hosts", "idle_interval",
	"password", "query", "retry_interval", "select_function", "user", NULL
};

static const char *const sqlite[] = {
	EVERY_TYPE, OLD_SQL, "dbpath", "query", NULL
};

static const char *const memcache[] = {
	EVERY_TYPE, "backup", "data_size_limit", "flags", "key_digest",
	"key_format", "line_size_limit", "max_try", "memcache", "retry_pause",
	"timeout", "ttl", NULL
};

static const char *const mongodb[] = {
	EVERY_TYPE, "collection", "dbname", "projection", "query_filter",
	"result_attribute", "uri", NULL
};

static const char *const redis[] = {
	EVERY_TYPE, "cluster", "database", "hash_format", "hosts",
	"idle_interval", "key_format", "password", "retry_interval",
	"timeout", "tls", "tls_CAfile", "tls_CApath", "tls_cert_file",
	"tls_key_file", "tls_name", "tls_verify_cert", "ttl", "user", NULL
};

const struct table_params table_params[] = {
	{ "ldap", ldap }, { "mysql", mysql }, { "pgsql", pgsql },
	{ "sqlite", sqlite }, { "memcache", memcache },
	{ "mongodb", mongodb }, { "redis", redis }, { NULL, NULL }
};

bool
table_params_has(const struct table_params *t, const char *name)
{
	for (int i = 0; t->names[i] != NULL; i++)
		if (text_eq(t->names[i], name))
			return true;
	return false;
}

const char *
table_params_nearest(const struct table_params *t, const char *name)
{
	const char *best = NULL;
	int	    limit = names_slack(name), distance;

	for (int i = 0; limit >= 0 && t->names[i] != NULL; i++) {
		distance = text_distance(name, t->names[i], limit);
		if (distance > limit)
			continue;
		best = t->names[i];
		limit = distance - 1;
	}
	return best;
}

static const struct table_params *
type_at(const char *p, size_t len)
{
	const struct table_params *t;

	for (t = table_params; t->type != NULL; t++)
		if (strlen(t->type) == len && memcmp(p, t->type, len) == 0)
			return t;
	return NULL;
}

const char *
table_params_scan(const char *p, const struct table_params **ret_type,
    const char **ret_name, size_t *ret_len)
{
	static const char  between[] = ", \t\r\n{}()";
	const char	  *colon, *equals;
	size_t		   n;

	while (*(p += strspn(p, between)) != '\0') {
		n = strcspn(p, ", \t\r\n{}():");
		equals = memrchr(p, '=', n);	/* of -o name=value */
		if (equals != NULL) {
			n -= (size_t)(equals + 1 - p);
			p = equals + 1;
		}
		if (p[n] != ':') {
			p += n;
			continue;
		}
		colon = p + n;
		*ret_type = type_at(p, n);
		p = colon + 1;
		if (*ret_type == NULL)	/* "proxy:" may be before another */
			continue;
		*ret_name = p;
		*ret_len = strcspn(p, between);
		p += *ret_len;
		if (*ret_len > 0)
			return p;
	}
	return NULL;
}
