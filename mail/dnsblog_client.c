#include "mail/dnsblog_client.h"

#include "mail/peer.h"
#include "util/frame.h"
#include "util/mem.h"

enum { ANSWER_MAX = 64 * 1024 };	/* bytes */

static void
take(const struct frame *f, struct addr_list *ret)
{
	struct frame_attr a;
	struct addr	  addr;
	size_t		  pos = 0;

	while (frame_next(f, &pos, &a)) {
		const char *text = a.key == DNSBLOG_KEY_ADDRESS ?
		    frame_attr_str(&a) : NULL;

		if (text != NULL && addr_parse(&addr, text, 0))
			addr_list_add(ret, &addr);
	}
}

bool
dnsblog_ask(const char *service, const char *domain, const struct addr *about,
    struct addr_list *ret, int *ret_ttl)
{
	struct frame ask = FRAME_INIT, answer = FRAME_INIT;
	char	     text[ADDR_TEXT];
	char	    *path = mem_printf("private/%s", service);
	bool	     ok;

	addr_text(about, text);
	frame_begin(&ask, DNSBLOG_ASK);
	frame_put_str(&ask, DNSBLOG_KEY_DOMAIN, domain);
	frame_put_str(&ask, DNSBLOG_KEY_ADDRESS, text);
	ok = peer_call(path, &ask, &answer, ANSWER_MAX) &&
	    answer.type == DNSBLOG_ANSWER &&
	    frame_u64(&answer, DNSBLOG_KEY_FAILED, 0) == 0;
	if (ok) {
		take(&answer, ret);
		*ret_ttl = (int)frame_u64(&answer, DNSBLOG_KEY_TTL, 0);
	}
	frame_done(&ask);
	frame_done(&answer);
	mem_free(path);
	return ok;
}
