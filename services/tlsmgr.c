/*
 * tlsmgr - what the processes that speak TLS share
 *
 * One process for the whole mail system, as mail_owner in the jail, started
 * when a server or client first asks.  It makes the keys of session tickets
 * and keeps sessions in *_tls_session_cache_database
 * (mail/tlsmgr_client.h).  Random numbers everybody has from the kernel.
 *
 * Both are secrets by which recorded traffic could be read: keys are in memory
 * only and live for an hour or what smtpd_tls_session_cache_timeout says, the
 * sessions' files belong to mail_owner.  Trusts its callers, who are of the
 * mail system, to be right and not to be well formed.  Ends when master says
 * so.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "conf/param.h"
#include "mail/cache.h"
#include "mail/tlsmgr_client.h"
#include "server/requests.h"
#include "server/server.h"
#include "util/buf.h"
#include "util/frame.h"
#include "util/log.h"
#include "util/proc.h"
#include "util/text.h"

enum {
	KEYS = 4,		/* the newest, and older ones */
	LIFE_MIN = 60,		/* seconds */
	KEY_MAX = 512,		/* bytes of a session's key */
	SESSION_MAX = 32 * 1024,
};

/* A session cache and for how many seconds its entries are good. */
static struct session_cache {
	const char	*name;
	struct cache	*cache;		/* NULL: none is configured */
	int		 seconds;
} caches[] = {
	{ "smtpd", NULL, 0 },
	{ "smtp", NULL, 0 },
	{ "lmtp", NULL, 0 },
};

enum { CACHES = sizeof caches / sizeof *caches };

/* The newest first.  A key makes tickets until it expires, and opens them for
 * twice its life more: as long as the last of them is good. */
static struct {
	struct tls_ticket_key	keys[KEYS];
	int			count;
	int			life;	/* seconds */
} tickets;

/* --- keys of tickets */

static bool
make_key(int64_t now)
{
	struct tls_ticket_key k;

	memset(&k, 0, sizeof k);
	if (getrandom(k.name, sizeof k.name, 0) != (ssize_t)sizeof k.name ||
	    getrandom(k.cipher_key, sizeof k.cipher_key, 0) !=
	    (ssize_t)sizeof k.cipher_key ||
	    getrandom(k.mac_key, sizeof k.mac_key, 0) !=
	    (ssize_t)sizeof k.mac_key)
		return false;
	k.expires = now + tickets.life;
	if (tickets.count < KEYS)
		tickets.count++;
	memmove(tickets.keys + 1, tickets.keys,
	    (size_t)(tickets.count - 1) * sizeof *tickets.keys);
	tickets.keys[0] = k;
	return true;
}

/* NULL: there is none, or none any more. */
static const struct tls_ticket_key *
find_key(const struct str *name)
{
	int64_t now = time(NULL);

	for (int i = 0; i < tickets.count; i++) {
		const struct tls_ticket_key *k = &tickets.keys[i];

		if (name->n == sizeof k->name &&
		    memcmp(k->name, name->p, name->n) == 0)
			return now < k->expires + 2 * tickets.life ? k : NULL;
	}
	return NULL;
}

static const struct tls_ticket_key *
newest_key(void)
{
	int64_t now = time(NULL);

	if ((tickets.count == 0 || tickets.keys[0].expires <= now) &&
	    !make_key(now)) {
		log_warn("random numbers for a ticket key: %m");
		return NULL;
	}
	return &tickets.keys[0];
}

static void
answer_ticket(const struct frame *request, struct frame *f)
{
	const struct tls_ticket_key *k;
	struct str		     name;

	frame_begin(f, TLSMGR_TICKET_KEY);
	k = frame_bytes(request, TLSMGR_KEY_NAME, &name) ? find_key(&name) :
	    newest_key();
	if (k == NULL)
		return;
	frame_put(f, TLSMGR_KEY_NAME, k->name, sizeof k->name);
	frame_put(f, TLSMGR_KEY_CIPHER, k->cipher_key, sizeof k->cipher_key);
	frame_put(f, TLSMGR_KEY_MAC, k->mac_key, sizeof k->mac_key);
	frame_put_u64(f, TLSMGR_KEY_EXPIRES, (uint64_t)k->expires);
}

/* --- sessions: "time base64" */

static struct session_cache *
find_cache(const struct frame *request)
{
	const char *name = frame_str(request, TLSMGR_KEY_CACHE);

	for (int i = 0; name != NULL && i < CACHES; i++)
		if (text_eq(caches[i].name, name))
			return &caches[i];
	return NULL;
}

/* The base64 of a value that is not too old; NULL: it is. */
static const char *
fresh(const struct session_cache *c, const char *value)
{
	long long made = 0;
	int	  at = 0;

	if (sscanf(value, "%lld %n", &made, &at) != 1 || at == 0)
		return NULL;
	return made + c->seconds > time(NULL) ? value + at : NULL;
}

static bool
keep(void *arg, const char *key, const char *value)
{
	(void)key;
	return fresh(arg, value) != NULL;
}

static void
answer_find(struct session_cache *c, const char *key, struct frame *f)
{
	struct buf  value = BUF_INIT, bytes = BUF_INIT;
	const char *text;

	frame_begin(f, TLSMGR_FOUND);
	if (c->cache != NULL && cache_find(c->cache, key, &value) &&
	    (text = fresh(c, value.data)) != NULL &&
	    text_unbase64(&bytes, text, strlen(text)))
		frame_put(f, TLSMGR_KEY_VALUE, bytes.data, bytes.len);
	buf_done(&value);
	buf_done(&bytes);
}

static void
save(struct session_cache *c, const char *key, const struct str *bytes)
{
	struct buf value = BUF_INIT;

	if (c->cache == NULL)
		return;
	buf_addf(&value, "%lld ", (long long)time(NULL));
	text_base64(&value, bytes->p, bytes->n);
	cache_put(c->cache, key, value.data);
	buf_done(&value);
}

/* False: not a request of this protocol. */
static bool
answer_session(const struct frame *request, struct frame *f)
{
	struct session_cache *c = find_cache(request);
	const char	     *key = frame_str(request, TLSMGR_KEY_KEY);
	struct str	      value;

	if (c == NULL || key == NULL || *key == '\0' || strlen(key) > KEY_MAX)
		return false;
	switch (request->type) {
	case TLSMGR_FIND:
		answer_find(c, key, f);
		return true;
	case TLSMGR_SAVE:
		if (!frame_bytes(request, TLSMGR_KEY_VALUE, &value) ||
		    value.n > SESSION_MAX)
			return false;
		save(c, key, &value);
		break;
	case TLSMGR_FORGET:
		if (c->cache != NULL)
			cache_remove(c->cache, key);
		break;
	default:
		return false;
	}
	frame_begin(f, TLSMGR_DONE);
	return true;
}

static bool
answer(const struct frame *request, struct frame *reply)
{
	if (request->type != TLSMGR_TICKET)
		return answer_session(request, reply);
	answer_ticket(request, reply);
	return true;
}

static void
serve(struct stream *client)
{
	requests_serve(client, TLSMGR_FRAME_MAX, answer);
}

/* --- start */

static void
before_jail(void)
{
	const char *const names[CACHES] = {
		conf_smtpd.smtpd_tls_session_cache_database,
		conf_smtp.smtp_tls_session_cache_database,
		conf_lmtp.lmtp_tls_session_cache_database,
	};
	const int seconds[CACHES] = {
		conf_smtpd.smtpd_tls_session_cache_timeout,
		conf_smtp.smtp_tls_session_cache_timeout,
		conf_lmtp.lmtp_tls_session_cache_timeout,
	};

	for (int i = 0; i < CACHES; i++) {
		caches[i].seconds = seconds[i];
		if (*names[i] != '\0')
			caches[i].cache = cache_open(caches[i].name, names[i],
			    conf_mail.mail_owner);
	}
	tickets.life = seconds[0] < 2 * LIFE_MIN ? LIFE_MIN : seconds[0] / 2;
}

static void
after_jail(void)
{
	for (int i = 0; i < CACHES; i++)
		if (caches[i].cache != NULL)
			cache_clean_every(caches[i].cache, caches[i].seconds,
			    keep, &caches[i]);
}

/* The wake-up of master.cf: there is nothing to be woken for. */
static void
triggered(const char *requests)
{
	(void)requests;
}

int
main(int argc, char **argv)
{
	static const struct param_area *const areas[] = {
		&param_mail, &param_smtpd, &param_smtp, &param_lmtp, NULL
	};
	static const struct server tlsmgr = {
		.name = "tlsmgr",
		.kind = SERVER_MULTI,
		.one_process = true,
		.jail = PROC_JAIL_FILES,
		.areas = areas,
		.before_jail = before_jail,
		.after_jail = after_jail,
		.serve = serve,
		.triggered = triggered,
	};

	server_main(argc, argv, &tlsmgr);
}
