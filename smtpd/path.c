#include <string.h>

#include "conf/param.h"
#include "mail/address.h"
#include "mail/resolve_client.h"
#include "smtpd/path.h"
#include "smtpd/session.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

/*
 * Address literals are for trivial-rewrite to judge, which says in the log
 * what is wrong with them.  True if there is none.
 */
static bool
literal_is_good(const char *text)
{
	const char     *at = strstr(text, "@["), *end;
	struct pool	pool = POOL_INIT;
	struct resolved r;
	bool		good = true;

	if (at == NULL || (end = strchr(at, ']')) == NULL)
		return true;
	if (resolve_one(&pool, "", pool_printf(&pool, "postmaster%.*s",
	    (int)(end + 1 - at), at), &r))
		good = !(r.flags & RESOLVE_ERROR);
	pool_done(&pool);
	return good;
}

static bool
has_control(const char *p)
{
	for (; *p != '\0'; p++)
		if (((unsigned char)*p < ' ' && *p != '\t') || *p == 0x7f)
			return true;
	return false;
}

static bool
is_sound(const char *text, int flags, struct buf *internal)
{
	const char *rest, *why, *domain;

	if (has_control(text) || !literal_is_good(text) || !address_parse_path(internal, text, &rest,
	    conf_mail.strict_rfc821_envelopes, &why) || *rest != '\0')
		return false;
	if (address_is_null(internal->data))
		return (flags & PATH_NULL_OK) && text_eq(text, "<>");
	domain = address_domain(internal->data);
	if (domain == NULL)
		return true;
	if (*domain == '\0')
		return false;
	return (flags & PATH_UTF8) || text_is_ascii(domain, strlen(domain));
}

bool
path_parse(struct session *s, const char *text, int flags, struct buf *internal)
{
	buf_clear(internal);
	if (is_sound(text, flags, internal))
		return true;
	log_warn("Illegal address syntax from %s in %s command: %s",
	    s->client.label, s->stage, text);
	return false;
}
