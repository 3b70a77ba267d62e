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

static bool
has_control(const char *p)
{
	for (; *p != '\0'; p++)
		if (((unsigned char)*p < ' ' && *p != '\t') || *p == 0x7f)
			return true;
	return false;
}

/* user@host.domain, with nothing to think about; or user alone. */
static bool
is_ordinary(const char *address, const char *domain)
{
	if (domain == NULL)
		return *address != '-' && strpbrk(address, "@%!") == NULL;
	return resolve_is_plain(address) && strchr(domain, '.') != NULL &&
	    address_is_hostname(domain, strlen(domain)) &&
	    text_is_ascii(domain, strlen(domain));
}

/*
 * The rest is for trivial-rewrite to judge, which knows how it will be
 * rewritten, and says in the log what is wrong with an address literal.
 */
static bool
is_good(const char *address, bool may_ask)
{
	const char     *domain = address_domain(address);
	struct pool	pool = POOL_INIT;
	struct resolved r;
	bool		good = true;

	if (is_ordinary(address, domain))
		return true;
	if (!may_ask)		/* sendmail -bs: the report will tell */
		return true;
	if (resolve_one(&pool, "", address, &r))
		good = !(r.flags & RESOLVE_ERROR);
	pool_done(&pool);
	return good;
}

static bool
is_sound(struct session *s, const char *internal, int flags)
{
	const char *domain = address_domain(internal);

	if (address_is_null(internal))
		return (flags & PATH_NULL_OK) != 0;
	if (domain != NULL && !(flags & PATH_UTF8) &&
	    !text_is_ascii(domain, strlen(domain)))
		return false;
	return is_good(internal, !s->standalone);
}

static bool
report(struct session *s, const char *text, bool ok)
{
	if (!ok)
		log_warn("Illegal address syntax from %s in %s command: %s",
		    s->client.label, s->stage, text);
	return ok;
}

bool
path_parse(struct session *s, const char *text, int flags, struct buf *internal)
{
	const char *rest, *why;

	buf_clear(internal);
	return report(s, text, !has_control(text) &&
	    address_parse_path(internal, text, &rest,
	    conf_mail.strict_rfc821_envelopes, &why) && *rest == '\0' &&
	    is_sound(s, internal->data, flags));
}

bool
path_parse_mailbox(struct session *s, const char *text, int flags,
    struct buf *internal)
{
	struct pool pool = POOL_INIT;
	int	    count = 0;

	buf_clear(internal);
	for (struct token *t = address_parse_header(&pool, str_of(text),
	    SIZE_MAX); t != NULL; t = t->next)
		if (t->type == TOKEN_ADDRESS && count++ == 0)
			address_token_get(internal, t);
	pool_done(&pool);
	return report(s, text, !has_control(text) && count == 1 &&
	    is_sound(s, internal->data, flags));
}

const char *
path_needs_utf8(const struct buf *internal, bool asked)
{
	if (asked || !conf_mail.strict_smtputf8 || !conf_mail.smtputf8_enable ||
	    text_is_ascii(internal->data, internal->len))
		return NULL;
	return "553 5.6.7 Must declare SMTPUTF8 to send unicode address";
}
