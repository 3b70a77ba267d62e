#include "smtpd/footer.h"

#include <string.h>

#include "conf/param.h"
#include "smtpd/config.h"
#include "smtpd/macros.h"
#include "smtpd/session.h"
#include "table/table.h"
#include "util/buf.h"
#include "util/log.h"

static bool
is_refusal(const char *reply)
{
	return (*reply == '4' || *reply == '5') && strlen(reply) > 4 &&
	    reply[1] >= '0' && reply[1] <= '5' &&
	    reply[2] >= '0' && reply[2] <= '9' &&
	    (reply[3] == ' ' || reply[3] == '-');
}

void
footer_filter(struct buf *reply)
{
	struct buf other = BUF_INIT;

	if (smtpd_config.reject_filters == NULL)
		return;
	switch (table_list_find(smtpd_config.reject_filters, reply->data,
	    &other)) {
	case TABLE_FOUND:
		if (is_refusal(other.data))
			buf_set(reply, other.data);
		else
			log_warn("smtpd_reject_filter_maps: \"%s\" is no reply "
			    "of 4xx or 5xx; ignored", other.data);
		break;
	case TABLE_NOT_FOUND:
		break;
	default:
		log_warn("smtpd_reject_filter_maps: lookup error");
	}
	buf_done(&other);
}

struct facts {
	struct session *s;
	struct pool	pool;
};

/* Not the recipient, though: it may be one of several. */
static const char *
other_fact(void *arg, const char *name)
{
	struct facts *f = arg;
	const char   *value = macros_fact(f->s, name, &f->pool);

	if (value == NULL)
		log_warn("unknown macro name \"%s\" in expansion request",
		    name);
	return value != NULL ? value : "";
}

void
footer_add(struct session *s, struct buf *reply)
{
	struct facts	    f = { s, POOL_INIT };
	struct reject_facts facts = { s->client.ip, conf_mail.myhostname,
	    s->client.port, other_fact, &f };
	const char	   *why;

	if (reject_footer_is_used(&smtpd_config.reject_footer) &&
	    !reject_footer_add(&smtpd_config.reject_footer, reply, &facts,
	    &why))
		log_warn("smtpd_reject_footer: %s", why);
	pool_done(&f.pool);
}
