#include "smtp/tls.h"

#include <string.h>

#include "conf/param.h"
#include "mail/tlsmgr_client.h"
#include "net/tls.h"
#include "server/server.h"
#include "server/tls.h"
#include "smtp/policy.h"
#include "smtp/session.h"
#include "smtp/settings.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/stream.h"

static struct {
	struct tls_context	*context;
	int64_t			 looked;	/* at the files, clock_ms */
} tls;

/* --- set-up */

static bool
may_want_tls(void)
{
	return (*settings.tls_security_level != '\0' &&
	    tls_level_parse(settings.tls_security_level) != TLS_LEVEL_NONE) ||
	    settings.use_tls || settings.enforce_tls ||
	    settings.tls_wrappermode || *settings.tls_policy_maps != '\0' ||
	    *settings.tls_per_site != '\0';
}

static void
open_context(void)
{
	struct tls_settings set = {
		.chain_files = settings.tls_chain_files,
		.rsa = { settings.tls_cert_file, settings.tls_key_file },
		.dsa = { settings.tls_dcert_file, settings.tls_dkey_file },
		.ecdsa = { settings.tls_eccert_file, settings.tls_eckey_file },
		.ca_file = settings.tls_CAfile,
		.ca_path = settings.tls_CApath,
		.verify_depth = settings.tls_scert_verifydepth,
		.rpk = settings.tls_enable_rpk,
		.digest = settings.tls_fingerprint_digest,
		.log_level = settings.tls_loglevel,
	};
	struct tls_context *new;

	/* MTA-STS without authorities would let no mail out. */
	if (settings.mta_sts && *set.ca_file == '\0' && *set.ca_path == '\0')
		set.ca_file = conf_mail.https_CAfile;
	if (*settings.tls_session_cache_database != '\0') {
		set.session_seconds = settings.tls_session_cache_timeout;
		set.store = tlsmgr_store(settings.prefix);
	}
	new = tls_context_new(&set, NULL);
	if (new == NULL)
		return;
	tls_context_free(tls.context);
	tls.context = new;
}

void
client_tls_init(void)
{
	if (!may_want_tls())
		return;
	if (settings.tls_loglevel >= 2)
		log_info("initializing the client-side TLS engine");
	if (server_tls_start())
		open_context();
}

bool
client_tls_works(void)
{
	return tls.context != NULL;
}

bool
client_tls_has_anchors(const char *files)
{
	return tls.context == NULL || tls_anchors_are_good(files);
}

/* A jail may hide the new files: then the successor reads them. */
static void
look_at_files(void)
{
	int64_t now = clock_ms();

	if (now - tls.looked < 1000)
		return;
	tls.looked = now;
	if (tls_context_is_stale(tls.context))
		server_retire();
}

/* --- what can't be used, in the log */

static void
log_unusable(const struct session *s, const struct tlsa *r)
{
	struct buf text = BUF_INIT;

	tlsa_text(&text, r);
	log_warn("%s: unusable TLSA RR: %s", s->relay, text.data);
	buf_done(&text);
}

static void
log_records(const struct session *s, const struct policy *p)
{
	size_t usable = 0;

	for (size_t i = 0; i < p->tlsa_count; i++)
		if (tlsa_is_usable(&p->tlsa[i]))
			usable++;
		else
			log_unusable(s, &p->tlsa[i]);
	if (p->tlsa_count > 0 && usable == 0)
		log_warn("%s: all TLSA records unusable%s", s->relay,
		    p->effective == TLS_LEVEL_ENCRYPT ? ", fallback to "
		    "unauthenticated TLS" : "");
}

/* Bytes of "AB:CD..."; 0: that is none. */
static size_t
print_bytes(const char *text, uint8_t *ret, size_t max)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = 0;

	for (; *text != '\0' && n < 2 * max; text++) {
		const char *digit = strchr(digits, *text | 0x20);

		if (*text == ':')
			continue;
		if (digit == NULL)
			return 0;
		ret[n / 2] = (uint8_t)((n % 2 == 0 ? 0 : ret[n / 2] << 4) |
		    (digit - digits));
		n++;
	}
	return *text == '\0' && n % 2 == 0 ? n / 2 : 0;
}

static void
log_print(const struct tlsa *r)
{
	struct buf text = BUF_INIT;

	tlsa_text(&text, r);
	log_info("fingerprint: digest as private-use TLSA record: %s",
	    text.data);
	buf_done(&text);
}

/* A fingerprint of another length than the digest's fits nothing; the log
 * shows it as the two records it would be. */
static void
log_prints(const struct session *s, const struct policy *p)
{
	struct buf  sample = BUF_INIT;
	uint8_t	    bytes[128];
	struct tlsa r = { .usage = 3, .matching = 255, .data = bytes };
	size_t	    usable = 0, len;

	tls_fingerprint(&sample, settings.tls_fingerprint_digest, "", 0);
	len = (sample.len + 1) / 3;
	for (size_t i = 0; p->match[i] != NULL; i++) {
		r.len = print_bytes(p->match[i], bytes, sizeof bytes);
		r.selector = 0;
		if (settings.tls_loglevel >= 2)
			log_print(&r);
		if (r.len == len) {
			usable++;
			continue;
		}
		for (; r.selector < 2; r.selector++)
			log_unusable(s, &r);
	}
	if (usable == 0)
		log_warn("%s: all fingerprints unusable", s->relay);
	buf_done(&sample);
}

/* --- a session */

/* What of the configuration can't be understood. */
static bool
is_possible(const struct session *s, const struct policy *p)
{
	if (p->bad_protocols != NULL)
		log_warn("%s: Invalid TLS protocol list \"%s\": aborting TLS "
		    "session", s->relay, p->bad_protocols);
	else if (p->bad_ciphers != NULL)
		log_warn("%s: invalid cipher grade: \"%s\"", s->relay,
		    p->bad_ciphers);
	else
		return true;
	stream_fail(s->stream, "no way to encrypt");
	return false;
}

bool
client_tls_start(struct session *s, const struct policy *p)
{
	struct tls_connect c = {
		.peer = s->relay,
		.level = p->testing ? TLS_LEVEL_SECURE : p->level,
		.strength = p->strength,
		.host = p->tlsa_count > 0 ? p->tlsa_base : s->host,
		.sni = p->sni,
		.match = p->match,
		.tlsa = p->tlsa,
		.tlsa_count = p->tlsa_count,
		.anchor_files = p->anchor_files,
		.rpk = p->rpk,
		.session_key = s->relay,
		.log_level = -1,
		.deadline = clock_in(settings.starttls_timeout),
	};

	look_at_files();
	if (p->level == TLS_LEVEL_FINGERPRINT)
		log_prints(s, p);
	else
		log_records(s, p);
	if (is_possible(s, p))
		s->tls = tls_connect(tls.context, s->stream, &c);
	return s->tls != NULL;
}
