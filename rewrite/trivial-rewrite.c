/*
 * trivial-rewrite - tells transport and next hop of recipients
 *
 * Service private/rewrite, asked by smtpd, qmgr and others in batches; see
 * mail/resolve_proto.h.  Runs as mail_owner, in a jail; many sessions at once,
 * each a task, as a table may be on the other side of a network.  Addresses
 * come from outside; callers are trusted no more than their frames add up.
 * Ends when master retires it or when it has been idle.
 */

#include <string.h>

#include "mail/own_addr.h"
#include "mail/resolve_proto.h"
#include "mail/resolve.h"
#include "net/idna.h"
#include "server/requests.h"
#include "server/server.h"
#include "util/frame.h"
#include "util/log.h"
#include "util/proc.h"

static void
put_answer(struct frame *reply, const char *asked, const struct answer *a)
{
	size_t group = frame_open(reply, RESOLVE_KEY_ANSWER);

	frame_put_str(reply, RESOLVE_KEY_TRANSPORT, a->route.transport.data);
	frame_put_str(reply, RESOLVE_KEY_NEXTHOP, a->route.nexthop.data);
	if (strcmp(asked, a->recipient.data) != 0)
		frame_put_str(reply, RESOLVE_KEY_RECIPIENT, a->recipient.data);
	frame_put_u64(reply, RESOLVE_KEY_FLAGS, a->flags);
	frame_close(reply, group);
}

static bool
do_resolve(const struct frame *request, struct frame *reply)
{
	const char	 *sender = NULL;
	enum route_set	  set = ROUTE_MAIL;
	struct answer	  answer = ANSWER_INIT;
	struct frame_attr a;
	size_t		  pos = 0;
	bool		  ok = true;

	frame_begin(reply, RESOLVE_REPLY);
	while (ok && frame_next(request, &pos, &a)) {
		if (a.key == RESOLVE_KEY_SENDER)
			sender = frame_attr_str(&a);
		if (a.key == RESOLVE_KEY_VERIFY)
			set = frame_attr_u64(&a, 0) != 0 ? ROUTE_VERIFY :
			    ROUTE_MAIL;
		if (a.key != RESOLVE_KEY_ADDRESS)
			continue;
		ok = sender != NULL && frame_attr_str(&a) != NULL;
		if (ok) {
			resolve(set, sender, frame_attr_str(&a), &answer);
			put_answer(reply, frame_attr_str(&a), &answer);
		}
	}
	resolve_answer_done(&answer);
	return ok;
}

static bool
do_rewrite(const struct frame *request, struct frame *reply)
{
	const char	 *context = frame_str(request, RESOLVE_KEY_CONTEXT);
	struct buf	  out = BUF_INIT;
	struct frame_attr a;
	size_t		  pos = 0;
	bool		  ok = context != NULL;

	frame_begin(reply, REWRITE_REPLY);
	while (ok && frame_next(request, &pos, &a)) {
		if (a.key != RESOLVE_KEY_ADDRESS)
			continue;
		ok = frame_attr_str(&a) != NULL;
		if (ok) {
			buf_clear(&out);
			resolve_rewrite(context, frame_attr_str(&a), &out);
			frame_put_str(reply, RESOLVE_KEY_ADDRESS, out.data);
		}
	}
	buf_done(&out);
	return ok;
}

static bool
answer(const struct frame *request, struct frame *reply)
{
	switch (request->type) {
	case RESOLVE_REQUEST:
		return do_resolve(request, reply);
	case REWRITE_REQUEST:
		return do_rewrite(request, reply);
	}
	return false;
}

static void
serve(struct stream *client)
{
	requests_serve(client, RESOLVE_FRAME_MAX, answer);
}

static void
before_jail(void)
{
	const char *why;

	if (!own_addr_init(conf_mail.inet_interfaces,
	    conf_mail.proxy_interfaces, conf_mail.inet_protocols, &why))
		fatalx("inet_interfaces or proxy_interfaces: %s", why);
	/* Tables may stand where the jailed process sees nothing. */
	route_init();
	resolve_init();
	if (conf_mail.smtputf8_enable)
		idna_load();
}

int
main(int argc, char **argv)
{
	static const struct param_area *const areas[] = { NULL };
	static const struct server	      rewrite = {
		.name = "trivial-rewrite",
		.jail = PROC_JAIL_NET | PROC_JAIL_FILES,
		.areas = areas,
		.before_jail = before_jail,
		.serve = serve,
	};

	server_main(argc, argv, &rewrite);
}
