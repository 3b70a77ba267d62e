#include "commands/postqueue/orders.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "mail/peer.h"
#include "util/buf.h"
#include "util/frame.h"
#include "util/log.h"
#include "util/text.h"

enum { ANSWER_MAX = 16 * 1024 * 1024 };	/* bytes */

struct order {
	const char	*kind, *object, *target, *reason;
	uint64_t	 since, uid;
};

static bool
read_order(const struct frame_attr *group, struct order *o)
{
	struct frame_attr a;
	size_t		  pos = 0;

	*o = (struct order){ .target = "", .reason = "" };
	while (frame_group_next(group, &pos, &a)) {
		const char *text = frame_attr_str(&a);

		if (a.key == QMGR_KEY_SINCE)
			o->since = frame_attr_u64(&a, 0);
		else if (a.key == QMGR_KEY_UID)
			o->uid = frame_attr_u64(&a, 0);
		else if (text == NULL)
			return false;
		else if (a.key == QMGR_KEY_ORDER_KIND)
			o->kind = text;
		else if (a.key == QMGR_KEY_OBJECT)
			o->object = text;
		else if (a.key == QMGR_KEY_TARGET)
			o->target = text;
		else if (a.key == QMGR_KEY_REASON)
			o->reason = text;
	}
	return o->kind != NULL && o->object != NULL;
}

static void
add_text(struct buf *out, const char *key, const char *value)
{
	buf_addf(out, ", \"%s\": ", key);
	text_json(out, value, strlen(value));
}

static void
print_json(const struct order *o)
{
	struct buf out = BUF_INIT;

	buf_addf(&out, "{\"order\": \"%s\"", o->kind);
	add_text(&out, "object", o->object);
	if (*o->target != '\0')
		add_text(&out, "target", o->target);
	if (*o->reason != '\0')
		add_text(&out, "reason", o->reason);
	printf("%s, \"since\": %llu, \"uid\": %llu}\n", out.data,
	    (unsigned long long)o->since, (unsigned long long)o->uid);
	buf_done(&out);
}

static void
print_line(const struct order *o)
{
	time_t	  since = (time_t)o->since;
	struct tm tm;
	char	  date[32];

	localtime_r(&since, &tm);
	strftime(date, sizeof date, "%Y-%m-%d %H:%M", &tm);
	printf("%s  %-7s  %s%s%s%s%s%s\n", date, o->kind, o->object,
	    *o->target != '\0' ? " -> " : "", o->target,
	    *o->reason != '\0' ? " (" : "", o->reason,
	    *o->reason != '\0' ? ")" : "");
}

static void
print_all(const struct frame *answer, bool json)
{
	struct frame_attr a;
	struct order	  o;
	size_t		  pos = 0;

	while (frame_next(answer, &pos, &a)) {
		if (a.key != QMGR_KEY_ORDER || !read_order(&a, &o))
			continue;
		if (json)
			print_json(&o);
		else
			print_line(&o);
	}
}

void
orders_run(enum qmgr_frame request, const char *object, const char *target,
    const char *reason, bool json)
{
	struct frame f = FRAME_INIT, answer = FRAME_INIT;
	const char  *why;

	frame_begin(&f, (uint16_t)request);
	frame_put_str(&f, QMGR_KEY_OBJECT, object);
	frame_put_str(&f, QMGR_KEY_TARGET, target);
	frame_put_str(&f, QMGR_KEY_REASON, reason);
	if (!peer_call(QMGR_SERVICE, &f, &answer, ANSWER_MAX) ||
	    answer.type != QMGR_ANSWER)
		fatal_exit(EX_UNAVAILABLE, "no answer from " QMGR_SERVICE
		    ": %s; is the mail system running?", strerror(errno));
	if ((why = frame_str(&answer, QMGR_KEY_WHY)) != NULL)
		fatal_exit(EX_DATAERR, "%s", why);
	if (request == QMGR_ORDERS)
		print_all(&answer, json);
	frame_done(&f);
	frame_done(&answer);
}
