#include "table/secure.h"

#include <string.h>

#include "net/addr.h"
#include "net/tls.h"
#include "table/table.h"
#include "util/buf.h"
#include "util/mem.h"
#include "util/stream.h"
#include "util/text.h"

#define SYSTEM_CA "/etc/ssl/certs"

struct secure {
	struct tls_context *context;
	const char	   *name;	/* or NULL: the host's */
	bool		    verifies;
};

static bool (*start_tls)(void);

void
table_start_tls_with(bool (*fn)(void))
{
	start_tls = fn;
}

/* As the program does it, or with what OpenSSL thinks is right. */
static bool
start(const char **ret_why)
{
	static const struct tls_library plain;

	if (start_tls != NULL && start_tls())
		return true;
	return tls_start(&plain, ret_why);
}

struct secure *
secure_new(struct settings *set)
{
	struct tls_settings s = { .verify_depth = 9 };
	struct secure	   *secure;
	const char	   *why = "the log knows more";

	s.ca_file = settings_text(set, "tls_CAfile", NULL);
	s.ca_path = settings_text(set, "tls_CApath",
	    s.ca_file == NULL ? SYSTEM_CA : NULL);
	s.rsa.cert = settings_text(set, "tls_cert_file", NULL);
	s.rsa.key = settings_text(set, "tls_key_file", s.rsa.cert);
	secure = NEW(struct secure);
	secure->verifies = settings_bool(set, "tls_verify_cert", true);
	secure->name = settings_text(set, "tls_name", NULL);
	if (!settings_bool(set, "tls", false) || set->failed) {
		mem_free(secure);
		return NULL;
	}
	if (start(&why))
		secure->context = tls_context_new(&s, &why);
	if (secure->context != NULL)
		return secure;
	settings_fail(set, "tls = yes: %s", why);
	mem_free(secure);
	return NULL;
}

void
secure_free(struct secure *secure)
{
	if (secure == NULL)
		return;
	tls_context_free(secure->context);
	mem_free(secure);
}

/* "inet:[::1]:6379" -> "::1" */
static char *
host_of(const char *where)
{
	char	   *copy = mem_strdup(text_starts(where, "inet:") ?
			where + 5 : where);
	char	   *host, *port, *found = NULL;
	const char *why;

	if (addr_split_host_port(copy, &host, &port, &why) && host != NULL)
		found = mem_strdup(host);
	mem_free(copy);
	return found != NULL ? found : mem_strdup("localhost");
}

bool
secure_begin(struct secure *secure, struct stream *s, const char *where,
    int64_t deadline, struct buf *why)
{
	char		   *host = host_of(where);
	const char	   *match[] = {
		secure->name != NULL ? secure->name : host, NULL
	};
	struct addr	    address;
	struct tls_connect  c = {
		.peer = where, .host = match[0], .match = match,
		.level = secure->verifies ? TLS_LEVEL_SECURE :
		    TLS_LEVEL_ENCRYPT,
		.strength = { .protocols = { .min = 0x0303 },
		    .grade = TLS_GRADE_MEDIUM },
		.log_level = -1, .deadline = deadline,
	};
	const struct tls_info *info;
	bool		       ok;

	if (!addr_parse(&address, match[0], 0))
		c.sni = match[0];
	info = tls_connect(secure->context, s, &c);
	ok = info != NULL && tls_info_is_enough(info);
	if (info == NULL)
		buf_addf(why, "TLS: %s", stream_failed(s) != NULL ?
		    stream_failed(s) : "no handshake");
	else if (!ok)
		buf_addf(why, "TLS: the server's certificate is not that of "
		    "%s: %s", match[0], info->verify_error != 0 ?
		    info->verify_text : "another name");
	mem_free(host);
	return ok;
}
