/* postfix-ldap.so: OpenLDAP's client library for table/ldap.c */

#include <ldap.h>
#include <sasl/sasl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/time.h>

#include "table/client.h"

static const char *
get(const struct client_setting *settings, const char *name, const char *def)
{
	for (; settings->name != NULL; settings++)
		if (strcmp(settings->name, name) == 0)
			return settings->value;
	return def;
}

static int
get_int(const struct client_setting *settings, const char *name, int def)
{
	const char *value = get(settings, name, NULL);

	return value == NULL ? def : atoi(value);
}

static bool
is_yes(const char *value)
{
	return strcasecmp(value, "yes") == 0;
}

static bool
fail(struct client_answer *answer, const char *what, int code, LDAP *ld)
{
	char *detail = NULL, text[500];

	ldap_get_option(ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &detail);
	snprintf(text, sizeof text, "%s: %s%s%s%s", what,
	    ldap_err2string(code), detail != NULL && *detail != '\0' ? " (" :
	    "", detail != NULL ? detail : "",
	    detail != NULL && *detail != '\0' ? ")" : "");
	ldap_memfree(detail);
	answer->fail(answer, text);
	return false;
}

/* False if the library refuses one. */
static bool
set_tls(LDAP *ld, const struct client_setting *s, struct client_answer *why)
{
	static const struct {
		const char *name;
		int	    option;
	} files[] = {
		{ "tls_ca_cert_file", LDAP_OPT_X_TLS_CACERTFILE },
		{ "tls_ca_cert_dir", LDAP_OPT_X_TLS_CACERTDIR },
		{ "tls_cert", LDAP_OPT_X_TLS_CERTFILE },
		{ "tls_key", LDAP_OPT_X_TLS_KEYFILE },
		{ "tls_cipher_suite", LDAP_OPT_X_TLS_CIPHER_SUITE },
	};
	int require = is_yes(get(s, "tls_require_cert", "no")) ?
	    LDAP_OPT_X_TLS_DEMAND : LDAP_OPT_X_TLS_NEVER;
	int zero = 0, rc;

	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		const char *value = get(s, files[i].name, "");

		if (*value == '\0')
			continue;
		rc = ldap_set_option(ld, files[i].option, value);
		if (rc != LDAP_OPT_SUCCESS)
			return fail(why, files[i].name, rc, ld);
	}
	ldap_set_option(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &require);
	rc = ldap_set_option(ld, LDAP_OPT_X_TLS_NEWCTX, &zero);
	return rc == LDAP_OPT_SUCCESS ||
	    fail(why, "TLS settings", rc, ld);
}

static bool
set_options(LDAP *ld, const struct client_setting *s,
    struct client_answer *why)
{
	int	       version = get_int(s, "version", 3);
	int	       dereference = get_int(s, "dereference", 0);
	struct timeval wait = { .tv_sec = get_int(s, "timeout", 10) };

	ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version);
	ldap_set_option(ld, LDAP_OPT_DEREF, &dereference);
	ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &wait);
	ldap_set_option(ld, LDAP_OPT_TIMEOUT, &wait);
	ldap_set_option(ld, LDAP_OPT_REFERRALS,
	    get_int(s, "chase_referrals", 0) != 0 ? LDAP_OPT_ON :
	    LDAP_OPT_OFF);
	ldap_set_option(ld, LDAP_OPT_RESTART, LDAP_OPT_ON);
	return set_tls(ld, s, why);
}

/* What SASL asks for. */
static int
interact(LDAP *ld, unsigned flags, void *arg, void *questions)
{
	const struct client_setting *s = arg;

	(void)ld;
	(void)flags;
	for (sasl_interact_t *q = questions; q->id != SASL_CB_LIST_END; q++) {
		const char *text = "";

		switch (q->id) {
		case SASL_CB_GETREALM:
			text = get(s, "sasl_realm", "");
			break;
		case SASL_CB_AUTHNAME:
			text = get(s, "bind_dn", "");
			break;
		case SASL_CB_USER:
			text = get(s, "sasl_authz_id", "");
			break;
		case SASL_CB_PASS:
			text = get(s, "bind_pw", "");
			break;
		}
		q->result = text;
		q->len = (unsigned)strlen(text);
	}
	return LDAP_SUCCESS;
}

static int
bind_to(LDAP *ld, const struct client_setting *s)
{
	const char   *how = get(s, "bind", "yes"), *dn = get(s, "bind_dn", "");
	const char   *password = get(s, "bind_pw", "");
	struct berval secret = { strlen(password), strdup(password) };
	int	      rc = LDAP_SUCCESS;

	if (strcasecmp(how, "sasl") == 0) {
		char minimum[40];

		snprintf(minimum, sizeof minimum, "minssf=%d",
		    get_int(s, "sasl_minssf", 0));
		ldap_set_option(ld, LDAP_OPT_X_SASL_SECPROPS, minimum);
		rc = ldap_sasl_interactive_bind_s(ld, NULL,
		    get(s, "sasl_mechs", NULL), NULL, NULL, LDAP_SASL_QUIET,
		    interact, (void *)s);
	} else if (strcasecmp(how, "no") != 0 &&
	    strcasecmp(how, "none") != 0) {
		rc = ldap_sasl_bind_s(ld, dn, LDAP_SASL_SIMPLE, &secret, NULL,
		    NULL, NULL);
	}
	free(secret.bv_val);
	return rc;
}

static void
close_connection(void *arg)
{
	ldap_unbind_ext_s(arg, NULL, NULL);
}

/* Anything but a URL is a host, with or without a port. */
static void
make_url(char *to, size_t size, const char *host,
    const struct client_setting *s)
{
	const char *colon = strrchr(host, ':'), *end = strrchr(host, ']');

	if (strstr(host, "://") != NULL)
		snprintf(to, size, "%s", host);
	else if (colon != NULL && (end == NULL || colon > end))
		snprintf(to, size, "ldap://%s", host);
	else
		snprintf(to, size, "ldap://%s:%d", host,
		    get_int(s, "server_port", 389));
}

static void *
open_connection(const struct client_setting *s, const char *host,
    struct client_answer *why)
{
	char  url[1000];
	LDAP *ld = NULL;
	int   rc;

	make_url(url, sizeof url, host, s);
	rc = ldap_initialize(&ld, url);
	if (rc != LDAP_SUCCESS) {
		fail(why, url, rc, NULL);
		return NULL;
	}
	if (set_options(ld, s, why)) {
		if (is_yes(get(s, "start_tls", "no")))
			rc = ldap_start_tls_s(ld, NULL, NULL);
		if (rc != LDAP_SUCCESS) {
			fail(why, "STARTTLS", rc, ld);
		} else {
			rc = bind_to(ld, s);
			if (rc == LDAP_SUCCESS)
				return ld;
			fail(why, "bind", rc, ld);
		}
	}
	close_connection(ld);
	return NULL;
}

static bool
add_values(LDAP *ld, LDAPMessage *entry, const char *name, unsigned row,
    const struct client_question *q, struct client_answer *answer)
{
	struct berval **values = ldap_get_values_len(ld, entry, name);
	bool		more = true;

	for (unsigned i = 0; values != NULL && q->columns[i] != NULL; i++) {
		if (strcasecmp(q->columns[i], name) != 0)
			continue;
		for (size_t k = 0; more && values[k] != NULL; k++)
			more = answer->add(answer, row, i, values[k]->bv_val,
			    values[k]->bv_len);
	}
	ldap_value_free_len(values);
	return more;
}

static void
read_entries(LDAP *ld, LDAPMessage *result, const struct client_question *q,
    struct client_answer *answer)
{
	unsigned row = 0;
	bool	 more = true;

	for (LDAPMessage *e = ldap_first_entry(ld, result); more && e != NULL;
	    e = ldap_next_entry(ld, e), row++) {
		BerElement *ber = NULL;
		char	   *name = ldap_first_attribute(ld, e, &ber);

		while (name != NULL) {
			more = more && add_values(ld, e, name, row, q, answer);
			ldap_memfree(name);
			name = ldap_next_attribute(ld, e, ber);
		}
		ber_free(ber, 0);
	}
}

static bool
ask(void *arg, const struct client_question *q, struct client_answer *answer)
{
	LDAP	      *ld = arg;
	LDAPMessage   *result = NULL;
	struct timeval wait = { .tv_sec = q->wait_seconds };
	int	       rc;

	rc = ldap_search_ext_s(ld, q->base, q->scope == 0 ? LDAP_SCOPE_BASE :
	    q->scope == 1 ? LDAP_SCOPE_ONELEVEL : LDAP_SCOPE_SUBTREE, q->text,
	    (char **)(void *)(size_t)q->columns, 0, NULL, NULL, &wait,
	    q->row_limit, &result);
	if (rc == LDAP_SUCCESS) {
		read_entries(ld, result, q, answer);
	} else {
		answer->lost = rc < 0 || rc == LDAP_UNAVAILABLE ||
		    rc == LDAP_BUSY;
		/* The library's own codes are below 0; not a filter's fault. */
		if (rc == LDAP_FILTER_ERROR || rc == LDAP_PARAM_ERROR)
			answer->lost = false;
		answer->none = rc == LDAP_NO_SUCH_OBJECT;
		fail(answer, "search", rc, ld);
	}
	ldap_msgfree(result);
	return rc == LDAP_SUCCESS;
}

static enum client_url
url_parse(const char *text, struct client_url_parts *parts)
{
	LDAPURLDesc *url;

	if (!ldap_is_ldap_url(text))
		return CLIENT_URL_NO;
	if (ldap_url_parse(text, &url) != 0)
		return CLIENT_URL_BAD;
	*parts = (struct client_url_parts){
		.base = url->lud_dn != NULL ? url->lud_dn : "",
		.filter = url->lud_filter != NULL ? url->lud_filter :
		    "(objectClass=*)",
		.columns = (const char *const *)url->lud_attrs,
		.scope = url->lud_scope == LDAP_SCOPE_ONELEVEL ? 1 :
		    url->lud_scope == LDAP_SCOPE_SUBTREE ? 2 : 0,
		.private = url,
	};
	return CLIENT_URL_YES;
}

static void
url_free(struct client_url_parts *parts)
{
	ldap_free_urldesc(parts->private);
}

const struct client_plugin client_plugin = {
	.abi = CLIENT_ABI,
	.open = open_connection,
	.ask = ask,
	.close = close_connection,
	.url_parse = url_parse,
	.url_free = url_free,
};
