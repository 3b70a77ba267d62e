/*
 * anvil - count connections and requests of clients
 *
 * One process for the whole mail system, as mail_owner in the jail, started
 * when a server first asks.  Its counts decide who is turned away, but it
 * decides nothing itself: it counts and tells (mail/anvil_client.h).  Trusts
 * its callers to name clients truthfully, and nothing to be well formed.
 *
 * The state is in memory only.  A caller that ends takes its connections with
 * it, so a crashed server leaves no client locked out.  Ends when idle, or
 * when master says so, with a last line of statistics.
 */

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "conf/param.h"
#include "mail/anvil_client.h"
#include "server/server.h"
#include "util/clock.h"
#include "util/frame.h"
#include "util/log.h"
#include "util/map.h"
#include "util/mem.h"

enum {
	IDENT_MAX = 200,	/* bytes: service and address */
};

/* One client of one service. */
struct client {
	unsigned	connections;
	int64_t		until;		/* clock_ms: then rates begin anew */
	unsigned	rates[ANVIL_DISCONNECT];
};

/* The most of something since the last report. */
struct maximum {
	unsigned	value;
	time_t		at;
	char		ident[IDENT_MAX];
};

static struct {
	struct map	*clients;
	int64_t		 sweep_at, report_at;	/* clock_ms */
	struct maximum	 rates[ANVIL_DISCONNECT], count, size;
} state;

/* --- statistics */

static void
note(struct maximum *m, unsigned value, const char *ident)
{
	if (value <= m->value)
		return;
	m->value = value;
	m->at = time(NULL);
	snprintf(m->ident, sizeof m->ident, "%s", ident);
}

static const char *
when(time_t t)
{
	static char text[32];
	struct tm   tm;

	localtime_r(&t, &tm);
	strftime(text, sizeof text, "%b %e %H:%M:%S", &tm);
	return text;
}

static void
report(void)
{
	static const char *const names[ANVIL_DISCONNECT] = {
		[ANVIL_CONNECT] = "connection", [ANVIL_MAIL] = "message",
		[ANVIL_RCPT] = "recipient", [ANVIL_NEWTLS] = "newtls",
		[ANVIL_AUTH] = "auth",
	};

	for (int i = 0; i < ANVIL_DISCONNECT; i++) {
		struct maximum *m = &state.rates[i];

		if (m->value > 0)
			log_info("statistics: max %s rate %u/%ds for (%s)"
			    " at %s",
			    names[i], m->value, conf_mail.anvil_rate_time_unit,
			    m->ident, when(m->at));
		if (i == ANVIL_CONNECT && state.count.value > 0)
			log_info("statistics: max connection count %u for (%s) "
			    "at %s", state.count.value, state.count.ident,
			    when(state.count.at));
	}
	if (state.size.value > 0)
		log_info("statistics: max cache size %u at %s",
		    state.size.value, when(state.size.at));
	memset(state.rates, 0, sizeof state.rates);
	memset(&state.count, 0, sizeof state.count);
	memset(&state.size, 0, sizeof state.size);
}

/* --- counting */

static int64_t
unit_ms(void)
{
	return (int64_t)conf_mail.anvil_rate_time_unit * 1000;
}

/* Forgets who is not connected and was not seen for a time unit. */
static void
sweep(int64_t now)
{
	struct map_entry *e;

	for (size_t i = map_count(state.clients); i-- > 0; ) {
		struct client *c;

		e = map_at(state.clients, i);
		c = e->value;
		if (c->connections > 0 || now < c->until)
			continue;
		map_remove_n(state.clients, e->key, e->key_len);
		mem_free(c);
	}
}

static void
housekeeping(int64_t now)
{
	if (now >= state.sweep_at) {
		sweep(now);
		state.sweep_at = now + unit_ms();
	}
	if (now >= state.report_at) {
		if (state.report_at != 0)
			report();
		state.report_at = now +
		    (int64_t)conf_mail.anvil_status_update_time * 1000;
	}
}

static struct client *
get_client(const char *ident, int64_t now)
{
	struct map_entry *e = map_slot(state.clients, ident, strlen(ident));
	struct client	 *c = e->value;

	if (c == NULL) {
		e->value = c = NEW(struct client);
		note(&state.size, (unsigned)map_count(state.clients), "");
	}
	if (now >= c->until) {
		memset(c->rates, 0, sizeof c->rates);
		c->until = now + unit_ms();
	}
	return c;
}

/* `mine` has what this caller has open: ident -> count in the pointer. */
static void
count_open(struct map *mine, const char *ident, struct client *c, int change)
{
	struct map_entry *e = map_slot(mine, ident, strlen(ident));
	uintptr_t	  open = (uintptr_t)e->value;

	if (change < 0 && open == 0)
		return;
	open += (uintptr_t)(intptr_t)change;
	c->connections += (unsigned)change;
	if (open == 0)
		map_remove(mine, ident);
	else
		e->value = (void *)open;
}

static struct client *
count_event(struct map *mine, const char *ident, enum anvil_event event)
{
	int64_t	       now = clock_ms();
	struct client *c;

	housekeeping(now);
	c = get_client(ident, now);
	if (event == ANVIL_CONNECT) {
		count_open(mine, ident, c, 1);
		note(&state.count, c->connections, ident);
	}
	if (event == ANVIL_DISCONNECT)
		count_open(mine, ident, c, -1);
	else
		note(&state.rates[event], ++c->rates[event], ident);
	return c;
}

/* --- sessions */

/* Rates of a time unit that is over are nothing any more. */
static bool
has_counts(const struct client *c, int64_t now)
{
	return c->connections > 0 || now < c->until;
}

static void
send_end(struct stream *stream, size_t count)
{
	struct frame f = FRAME_INIT;

	frame_begin(&f, ANVIL_END);
	frame_put_u64(&f, ANVIL_KEY_COUNT, count);
	frame_send(stream, &f);
	frame_done(&f);
}

static void
list(struct stream *stream)
{
	struct frame f = FRAME_INIT;
	int64_t	     now = clock_ms();
	size_t	     count = 0;

	/* sending may wait, and the map change meanwhile: an entry may be
	 * missed then, never a bad one read */
	for (size_t i = 0; i < map_count(state.clients); i++) {
		struct map_entry *e = map_at(state.clients, i);
		struct client	 *c = e->value;

		if (!has_counts(c, now))
			continue;
		frame_begin(&f, ANVIL_ENTRY);
		frame_put_str(&f, ANVIL_KEY_IDENT, e->key);
		frame_put_u64(&f, ANVIL_KEY_CONNECTIONS, c->connections);
		for (int n = 0; n < ANVIL_DISCONNECT; n++)
			frame_put_u64(&f, ANVIL_KEY_RATE,
			    now < c->until ? c->rates[n] : 0);
		frame_send(stream, &f);
		count++;
	}
	send_end(stream, count);
	frame_done(&f);
}

static void
reset(struct stream *stream, const char *ident)
{
	int64_t now = clock_ms();
	size_t	count = 0;

	for (size_t i = 0; i < map_count(state.clients); i++) {
		struct map_entry *e = map_at(state.clients, i);
		struct client	 *c = e->value;

		if (!has_counts(c, now) ||
		    (*ident != '\0' && strcmp(e->key, ident) != 0))
			continue;
		memset(c->rates, 0, sizeof c->rates);
		c->until = 0;
		log_info("%s: counts reset", e->key);
		count++;
	}
	send_end(stream, count);
}

/* What administrators ask; false: something else. */
static bool
answer_admin(struct stream *stream, const struct frame *request)
{
	const char *ident = frame_str(request, ANVIL_KEY_IDENT);

	if (request->type == ANVIL_LIST)
		list(stream);
	else if (request->type == ANVIL_RESET && ident != NULL)
		reset(stream, ident);
	else
		return false;
	return true;
}

/* False: not a request of this protocol. */
static bool
answer(struct stream *stream, const struct frame *request, struct map *mine)
{
	struct frame   f = FRAME_INIT;
	const char    *ident = frame_str(request, ANVIL_KEY_IDENT);
	uint64_t       event = frame_u64(request, ANVIL_KEY_EVENT, UINT64_MAX);
	struct client *c;

	if (answer_admin(stream, request))
		return true;
	if (request->type != ANVIL_EVENT || ident == NULL ||
	    strlen(ident) >= IDENT_MAX || event >= ANVIL_EVENTS)
		return false;
	c = frame_u64(request, ANVIL_KEY_LOOK, 0) != 0 ?
	    get_client(ident, clock_ms()) :
	    count_event(mine, ident, (enum anvil_event)event);
	frame_begin(&f, ANVIL_COUNTS);
	frame_put_u64(&f, ANVIL_KEY_RATE, event == ANVIL_DISCONNECT ? 0 :
	    c->rates[event]);
	frame_put_u64(&f, ANVIL_KEY_CONNECTIONS, c->connections);
	frame_send(stream, &f);
	frame_done(&f);
	return true;
}

/* What a caller left open is closed with it. */
static void
give_back(struct map *mine)
{
	for (size_t i = 0; i < map_count(mine); i++) {
		struct map_entry *e = map_at(mine, i);
		struct client	 *c = map_find_n(state.clients, e->key,
		    e->key_len);

		if (c != NULL)
			c->connections -= (unsigned)(uintptr_t)e->value;
	}
	map_free(mine, NULL);
}

static void
serve(struct stream *stream)
{
	struct frame f = FRAME_INIT;
	struct map  *mine = map_new();

	while (frame_receive(stream, &f, ANVIL_FRAME_MAX))
		if (!answer(stream, &f, mine)) {
			log_warn("bad request from a client of anvil");
			break;
		}
	give_back(mine);
	frame_done(&f);
}

static void
after_jail(void)
{
	state.clients = map_new();
}

int
main(int argc, char **argv)
{
	static const struct param_area *const areas[] = { &param_mail, NULL };
	static const struct server anvil = {
		.name = "anvil",
		.kind = SERVER_MULTI,
		.one_process = true,
		.areas = areas,
		.after_jail = after_jail,
		.serve = serve,
		.before_exit = report,
	};

	server_main(argc, argv, &anvil);
}
