/* Mail that another transport delivers, or that nobody here is named for:
 * mailbox_transport, fallback_transport, luser_relay. */

#include <string.h>

#include "conf/conf.h"
#include "conf/param.h"
#include "local/recipient.h"
#include "local/user_names.h"
#include "mail/deliver.h"
#include "server/server.h"
#include "table/table.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

static enum outcome
pass_to(struct request *r, const struct context *c, const char *address,
    const char *target)
{
	const char	*colon = strchr(target, ':');
	char		*transport = pool_strndup(r->pool, target,
	    colon != NULL ? (size_t)(colon - target) : strlen(target));
	const char	*nexthop = colon != NULL && colon[1] != '\0' ?
	    colon + 1 : r->d->nexthop;
	struct recipient rcpt = *r->top;
	struct why	 why = WHY_INIT;
	enum outcome	 got;

	if (text_eq(transport, server_service())) {
		log_warn("%s: <%s> would come back to transport %s for ever",
		    r->d->id, address, transport);
		return request_misconfigured(r, c, "4.3.5");
	}
	rcpt.address = address;
	log_info("%s: passing <%s> to transport=%s", r->d->id, address,
	    transport);
	got = delivery_pass(r->d, &rcpt, transport, nexthop, &why);
	if (why.dsn[0] != '\0')
		got = request_part(r, c, &why);
	why_done(&why);
	return got;
}

bool
pass_deliver(struct request *r, const struct context *c, const char *address,
    const struct pass_rule *rule, enum outcome *ret)
{
	struct buf	 target = BUF_INIT;
	bool		 took = true;

	switch (table_list_find(rule->maps, rule->key, &target)) {
	case TABLE_FOUND:
		*ret = pass_to(r, c, address, target.data);
		break;
	case TABLE_ERROR:
		*ret = request_end(r, c, "4.3.0", "table lookup failure");
		break;
	case TABLE_NOT_FOUND:
		took = *rule->fixed != '\0';
		if (took)
			*ret = pass_to(r, c, address, rule->fixed);
		break;
	}
	buf_done(&target);
	return took;
}

/* --- luser_relay */

const char *
luser_address(struct request *r, const char *address)
{
	struct user_names n;
	const char	*text = conf_text("luser_relay"), *why, *result = NULL;
	struct buf	 out = BUF_INIT;

	if (text == NULL || *text == '\0')
		return NULL;
	user_names_init(&n, r->pool, address);
	if (user_names_expand(&n, &out, text, NULL, &why))
		result = pool_strdup(r->pool, text_trim(out.data));
	else
		log_warn("luser_relay: %s", why);
	buf_done(&out);
	return result;
}
