/*
 * After the handshake the session begins anew: nothing that was said in the
 * clear counts (RFC 3207 4.2), and what the client had sent behind STARTTLS
 * without waiting is thrown away unread, so that nobody in between can put
 * commands into the encrypted session.
 */

#include "smtpd/starttls.h"

#include <string.h>

#include "conf/param.h"
#include "mail/tlsmgr_client.h"
#include "net/tls.h"
#include "server/server.h"
#include "server/tls.h"
#include "smtpd/access/access.h"
#include "smtpd/auth.h"
#include "smtpd/command.h"
#include "smtpd/config.h"
#include "smtpd/limits.h"
#include "smtpd/milter.h"
#include "smtpd/notice.h"
#include "smtpd/reply.h"
#include "smtpd/session.h"
#include "table/table.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/stream.h"
#include "util/text.h"

static struct {
	bool			 on, mandatory, wrapper;
	bool			 ask, require;	/* certificates of clients */
	struct tls_context	*context;	/* NULL: unusable */
	struct tls_strength	 strength;
	const char		*grade;		/* as written */
	struct table_list	*sni, *client_certs;
} tls;

/* --- the configuration */

static enum tls_level
level(void)
{
	const char    *word = conf_smtpd.smtpd_tls_security_level;
	enum tls_level l;

	if (*word == '\0')
		return conf_smtpd.smtpd_enforce_tls ? TLS_LEVEL_ENCRYPT :
		    conf_smtpd.smtpd_use_tls ? TLS_LEVEL_MAY : TLS_LEVEL_NONE;
	l = tls_level_parse(word);
	if (l == TLS_LEVEL_BAD)
		fatalx("Invalid TLS level \"%s\"", word);
	if (l <= TLS_LEVEL_ENCRYPT)
		return l;
	log_warn("smtpd_tls_security_level: unsupported TLS level \"%s\", "
	    "using \"encrypt\"", word);
	return TLS_LEVEL_ENCRYPT;
}

/* Where TLS is mandatory its own parameters count. */
static bool
set_strength(void)
{
	const char *protocols = tls.mandatory ?
	    conf_smtpd.smtpd_tls_mandatory_protocols :
	    conf_smtpd.smtpd_tls_protocols;
	const char *why;

	tls.grade = tls.mandatory ? conf_smtpd.smtpd_tls_mandatory_ciphers :
	    conf_smtpd.smtpd_tls_ciphers;
	tls.strength.grade = tls_grade_parse(tls.grade);
	tls.strength.exclude = tls.mandatory ? mem_printf("%s %s",
	    conf_smtpd.smtpd_tls_exclude_ciphers,
	    conf_smtpd.smtpd_tls_mandatory_exclude_ciphers) :
	    conf_smtpd.smtpd_tls_exclude_ciphers;
	if (tls_protocols_parse(&tls.strength.protocols, protocols, &why))
		return true;
	log_warn("Invalid TLS protocol list \"%s\": disabling TLS support",
	    protocols);
	return false;
}

static bool
has_cert(void)
{
	const struct conf_smtpd *c = &conf_smtpd;

	if (*c->smtpd_tls_chain_files != '\0' ||
	    *c->smtpd_tls_cert_file != '\0' ||
	    *c->smtpd_tls_dcert_file != '\0' ||
	    *c->smtpd_tls_eccert_file != '\0')
		return true;
	log_warn(tls.ask ? "Need a server cert to request client certs" :
	    "No server certs available. TLS won't be enabled");
	return false;
}

/* The value of a key: base64 of a file, made by "postmap -F". */
static bool
decode(const char *name, struct buf *value, struct buf *ret)
{
	buf_clear(ret);
	if (text_unbase64(ret, value->data, value->len))
		return true;
	log_warn("%s: malformed base64 for %s; use \"postmap -F\"",
	    "tls_server_sni_maps", name);
	return false;
}

/* mx.example.com, then .example.com, .com. */
static int
find_sni(const char *name, struct buf *ret)
{
	struct buf	  value = BUF_INIT;
	enum table_result r;
	const char	 *key = name;
	int		  result;

	do {
		r = table_list_find(tls.sni, key, &value);
	} while (r == TABLE_NOT_FOUND && (key = strchr(key + 1, '.')) != NULL);
	if (r == TABLE_NOT_FOUND)
		result = 0;
	else if (r == TABLE_FOUND && decode(name, &value, ret))
		result = 1;
	else {
		if (r == TABLE_ERROR)
			log_warn("tls_server_sni_maps: %s map lookup problem",
			    name);
		result = -1;
	}
	memset(value.data, 0, value.len);
	buf_done(&value);
	return result;
}

/* Very short and very long times make no sense; 0 is no resumption. */
static int
session_seconds(void)
{
	enum { MIN = 120, MAX = 100 * 24 * 60 * 60 };
	int n = conf_smtpd.smtpd_tls_session_cache_timeout;

	return n <= 0 ? 0 : n < MIN ? MIN : n > MAX ? MAX : n;
}

static void
open_context(void)
{
	const struct conf_smtpd *c = &conf_smtpd;
	struct tls_settings	 s = {
		.server = true,
		.chain_files = c->smtpd_tls_chain_files,
		.rsa = { c->smtpd_tls_cert_file, c->smtpd_tls_key_file },
		.dsa = { c->smtpd_tls_dcert_file, c->smtpd_tls_dkey_file },
		.ecdsa = { c->smtpd_tls_eccert_file, c->smtpd_tls_eckey_file },
		.ca_file = c->smtpd_tls_CAfile,
		.ca_path = c->smtpd_tls_CApath,
		.verify_depth = c->smtpd_tls_ccert_verifydepth,
		.eecdh_grade = c->smtpd_tls_eecdh_grade,
		.dh_file = c->smtpd_tls_dh1024_param_file,
		.ask_cert = tls.ask,
		.rpk = c->smtpd_tls_enable_rpk,
		.always_session_ids = c->smtpd_tls_always_issue_session_ids,
		.id_context = server_service(),
		.digest = c->smtpd_tls_fingerprint_digest,
		.session_seconds = session_seconds(),
		.log_level = c->smtpd_tls_loglevel,
	};

	if (tls.sni != NULL)
		s.sni = find_sni;
	if (*conf_tls.tls_session_ticket_cipher != '\0') {
		s.tickets.find = tlsmgr_ticket_key;
		s.tickets.cipher = conf_tls.tls_session_ticket_cipher;
	}
	if (*c->smtpd_tls_session_cache_database != '\0')
		s.store = tlsmgr_store("smtpd");
	if (s.log_level >= 2)
		log_info("initializing the server-side TLS engine");
	tls.context = tls_context_new(&s, NULL);
	if (tls.context != NULL)
		server_tls_watch(tls.context);
}

void
starttls_load(void)
{
	enum tls_level l = level();

	tls.wrapper = conf_smtpd.smtpd_tls_wrappermode;
	tls.on = l > TLS_LEVEL_NONE || tls.wrapper;
	tls.mandatory = l >= TLS_LEVEL_ENCRYPT || tls.wrapper;
	if (!tls.on || server_is_alone())
		return;
	tls.require = tls.mandatory && conf_smtpd.smtpd_tls_req_ccert;
	tls.ask = tls.require || conf_smtpd.smtpd_tls_ask_ccert;
	if (conf_smtpd.smtpd_tls_req_ccert && !tls.mandatory)
		log_warn("Can't require client certs unless TLS is required");
	if (*conf_mail.relay_clientcerts != '\0')
		tls.client_certs = table_list_open("relay_clientcerts",
		    conf_mail.relay_clientcerts, TABLE_FOLD);
	if (*conf_tls.tls_server_sni_maps != '\0')
		tls.sni = table_list_open("tls_server_sni_maps",
		    conf_tls.tls_server_sni_maps, TABLE_FOLD |
		    TABLE_SRC_IS_FILE);
	if (!has_cert() || !server_tls_start())
		return;
	if (set_strength())
		open_context();
}

void
starttls_watch(void)
{
	if (tls.on)
		server_tls_watch_start();
}

bool
starttls_is_mandatory(void)
{
	return tls.mandatory && !server_is_alone();
}

/* --- what a session may use */

bool
starttls_is_offered(const struct session *s)
{
	return tls.on && !s->standalone && s->tls == NULL &&
	    !(s->ehlo_discard & EHLO_STARTTLS);
}

bool
starttls_may_require(const struct session *s)
{
	return s->tls != NULL && conf_mail.requiretls_enable &&
	    !(s->ehlo_discard & EHLO_REQUIRETLS);
}

/* --- the handshake */

/* A client without a certificate that we demand. */
static bool
lacks_cert(struct session *s)
{
	const char *why;

	if (!tls.require || s->tls->trust >= TLS_TRUSTED)
		return false;
	why = s->tls->has_cert ? "Client certificate not trusted" :
	    "No client certificate presented";
	log_info("%s: abort: TLS from %s: %s", session_id(s), s->client.label,
	    why);
	reply(s, "421 4.7.1 %s Error: %s", conf_mail.myhostname, why);
	s->hanging_up = true;
	return true;
}

/* False: the session ends, with its reason told. */
static bool
handshake(struct session *s)
{
	struct tls_accept a = {
		.peer = s->client.label,
		.strength = tls.strength,
		.ask_cert = tls.ask,
		.require_cert = tls.require,
		.deadline = clock_in(conf_smtpd.smtpd_starttls_timeout),
	};

	if (tls.strength.grade == TLS_GRADE_BAD) {
		log_warn("%s: invalid cipher grade: \"%s\"", s->client.label,
		    tls.grade);
		stream_fail(s->stream, "invalid cipher grade");
	} else {
		s->tls = tls_accept(tls.context, s->stream, &a);
	}
	/* One that fails costs as much. */
	if ((s->tls == NULL || !s->tls->reused) && !limits_newtls(s)) {
		reply(s, "421 4.7.0 %s Error: too many new TLS sessions from "
		    "%s", conf_mail.myhostname, s->client.label);
		s->hanging_up = true;
		return false;
	}
	if (s->tls == NULL) {
		session_lost(s);
		return false;
	}
	/* permit_tls_clientcerts may stand there */
	s->local_headers = access_permits_client(s,
	    smtpd_config.local_header_clients);
	return true;
}

/* What was said in the clear does not count any more. */
static void
begin_anew(struct session *s)
{
	stream_skip(s->stream, stream_buffered(s->stream));
	session_reset(s);
	if (s->helo != NULL)
		milter_abort(s);
	mem_free(s->helo);
	s->helo = NULL;
	auth_forget(s);
}

static const char *
refuse(const struct session *s, const char *rest)
{
	if (*rest != '\0')
		return "501 5.5.4 Syntax: STARTTLS";
	if (s->tls != NULL)
		return "554 5.5.1 Error: TLS already active";
	if (!starttls_is_offered(s))
		return "502 5.5.1 Error: command not implemented";
	if (tls.context == NULL)
		return "454 4.7.0 TLS not available due to local problem";
	return NULL;
}

bool
starttls_run(struct session *s, struct command_line *line)
{
	const char *no = refuse(s, line->rest);

	if (no == NULL && !limits_allow_tls(s, "STARTTLS")) {
		notice_policy(s);
		reply(s, "454 4.7.0 Error: too many new TLS sessions from %s",
		    s->client.label);
		return false;
	}
	if (no != NULL) {
		reply(s, "%s", no);
		return false;
	}
	reply(s, "220 2.0.0 Ready to start TLS");
	stream_set_deadline(s->stream, conf_smtpd.smtpd_starttls_timeout);
	if (!stream_flush(s->stream)) {
		session_lost(s);
		return false;
	}
	begin_anew(s);
	notice_trim(s);
	if (!handshake(s))
		return false;
	lacks_cert(s);
	return true;
}

bool
starttls_wrap(struct session *s)
{
	if (!tls.wrapper || s->standalone)
		return true;
	if (tls.context != NULL)
		return limits_allow_tls(s, "TLS service") && handshake(s) &&
		    !lacks_cert(s);
	log_warn("Wrapper-mode request dropped from %s for service %s. TLS "
	    "context initialization failed. For details see earlier warnings "
	    "in your logs.", s->client.label, server_service());
	return false;
}

/* --- what others want to know */

void
starttls_received(const struct session *s, struct buf *b)
{
	if (s->tls != NULL && conf_smtpd.smtpd_tls_received_header)
		tls_info_received(b, s->tls, tls.ask);
}

static int
is_listed(const char *print)
{
	struct buf	  value = BUF_INIT;
	enum table_result r;

	if (*print == '\0' || tls.client_certs == NULL)
		return 0;
	r = table_list_find(tls.client_certs, print, &value);
	buf_done(&value);
	return r == TABLE_FOUND ? 1 : r == TABLE_NOT_FOUND ? 0 : -1;
}

int
starttls_permits(const struct session *s, bool all)
{
	const struct tls_info *i = s->tls;
	int		       r;

	if (i == NULL)
		return 0;
	if (all && i->trust >= TLS_TRUSTED)
		return 1;
	if (all || !(i->has_cert || i->has_rpk))
		return 0;
	r = is_listed(i->cert_print);
	if (r == 0)
		r = is_listed(i->key_print);
	if (r < 0)
		log_warn("relay_clientcerts: lookup error for fingerprint "
		    "'%s', pkey fingerprint %s", i->cert_print, i->key_print);
	return r;
}
