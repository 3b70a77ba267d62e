/*
 * AUTH (RFC 4954): after EHLO and STARTTLS, before the first MAIL
 *
 *	C: AUTH mechanism [initial]
 *	S: 334 challenge		any number of times
 *	C: response
 *	S: 235, or a refusal
 *
 * A refusal is the end of this server for the message: mail waits, or with
 * smtp_sasl_auth_soft_bounce = no comes back.
 */

#include "smtp/auth.h"

#include <string.h>

#include "conf/param.h"
#include "mail/deliver.h"
#include "mail/extension.h"
#include "mail/own_domain.h"
#include "net/tls.h"
#include "sasl/client.h"
#include "sasl/options.h"
#include "smtp/failed.h"
#include "smtp/session.h"
#include "smtp/settings.h"
#include "smtp/token.h"
#include "table/match.h"
#include "table/table.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/stream.h"
#include "util/text.h"

enum { STEPS_MAX = 100 };

/* Set once, by auth_start(). */
static struct {
	struct sasl_client *client;	/* NULL: logins are off */
	struct table_list  *passwords, *tokens;
	struct match	   *wanted;	/* mechanisms; NULL: all */
	unsigned	    options, tls_options, verified_options;
} auth;

/* --- set-up */

static void
warn(const char *text)
{
	log_warn("%s", text);
}

/* The log has Postfix's words: they are looked for. */
static unsigned
parse_options(const char *list)
{
	const char *word;
	unsigned    bits;

	if (!sasl_options_parse(list, &bits, &word)) {
		log_warn("unknown SASL security options value \"%.*s\" in "
		    "\"%s\"", (int)strcspn(word, TEXT_LIST_SEP), word, list);
		log_warn("bad per-session SASL security properties");
		fatalx("SASL per-connection initialization failed");
	}
	return bits;
}

static void
open_client(void)
{
	struct sasl_client_settings set = {
		.type = settings.sasl_type,
		.config_path = conf_mail.cyrus_sasl_config_path,
		.send_authzid = conf_mail.send_cyrus_sasl_authzid,
		.warn = warn,
	};
	const char *why;

	if ((auth.client = sasl_client_open(&set, &why)) == NULL) {
		log_warn("%s: %s", why, settings.sasl_type);
		fatalx("SASL library initialization");
	}
}

void
auth_start(void)
{
	if (!settings.sasl_auth_enable)
		return;
	if (*settings.sasl_password_maps == '\0' &&
	    *settings.sasl_token_maps == '\0')
		fatalx("specify a password table via the "
		    "`%s_sasl_password_maps' configuration parameter",
		    settings.prefix);
	own_domain_init(conf_mail.mydestination, conf_mail.myorigin);
	open_client();
	auth.passwords = table_list_open("sasl_password_maps",
	    settings.sasl_password_maps, TABLE_FOLD);
	if (*settings.sasl_token_maps != '\0')
		auth.tokens = table_list_open("sasl_token_maps",
		    settings.sasl_token_maps, TABLE_FOLD);
	if (*settings.sasl_mechanism_filter != '\0')
		auth.wanted = match_new("sasl_mechanism_filter",
		    settings.sasl_mechanism_filter, false);
	auth.options = parse_options(settings.sasl_security_options);
	auth.tls_options = parse_options(settings.sasl_tls_security_options);
	auth.verified_options = parse_options(
	    settings.sasl_tls_verified_security_options);
	failed_open(settings.sasl_auth_cache_name);
}

/* --- who logs in */

static enum table_result
find_sender(struct table_list *list, const char *sender, struct buf *ret)
{
	struct buf	     ext = BUF_INIT;
	enum table_result    r;
	struct table_address query = {
		.address = sender,
		.extension = extension_find,
		.is_local = own_domain_is,
	};

	if (!settings.sender_dependent_authentication || settings.is_lmtp ||
	    *sender == '\0')
		return TABLE_NOT_FOUND;
	r = table_list_find_address(list, &query, ret, &ext);
	buf_done(&ext);
	return r;
}

static enum table_result
find(struct table_list *list, const struct delivery *d, const char *host,
    const char *destination, struct buf *ret)
{
	enum table_result r;

	if (list == NULL)
		return TABLE_NOT_FOUND;
	if ((r = find_sender(list, d->sender, ret)) == TABLE_NOT_FOUND &&
	    (r = table_list_find(list, host, ret)) == TABLE_NOT_FOUND)
		r = table_list_find(list, destination, ret);
	return r;
}

void
auth_find(struct delivery *d, const char *host, const char *destination,
    struct login *ret)
{
	struct buf	  value = BUF_INIT;
	enum table_result r;
	const char	 *delimiter = settings.sasl_password_result_delimiter;
	char		 *user, *rest;
	bool		  is_token = true;

	*ret = (struct login){ 0 };
	if (auth.client == NULL)
		return;
	r = find(auth.tokens, d, host, destination, &value);
	if (r == TABLE_NOT_FOUND) {
		is_token = false;
		r = find(auth.passwords, d, host, destination, &value);
	}
	ret->trouble = r == TABLE_ERROR;
	if (ret->trouble)
		log_warn("%s: %s_sasl_%s_maps lookup error", d->id,
		    settings.prefix, is_token ? "token" : "password");
	if (r == TABLE_FOUND) {
		user = pool_strdup(&d->pool, value.data);
		rest = strstr(user, is_token ? ":" : delimiter);
		if (rest != NULL && *rest != '\0') {
			*rest = '\0';
			rest += is_token ? 1 : strlen(delimiter);
		}
		ret->user = user;
		ret->password = is_token || rest == NULL ? "" : rest;
		if (is_token)
			ret->token_at = rest != NULL ? rest : "";
		explicit_bzero(value.data, value.len);
	}
	buf_done(&value);
}

/* --- the exchange */

static unsigned
options_of(const struct session *s)
{
	if (s->tls == NULL)
		return auth.options;
	return s->tls->trust == TLS_VERIFIED ? auth.verified_options :
	    auth.tls_options;
}

/* The server's mechanisms that smtp_sasl_mechanism_filter lets through. */
static bool
choose(const struct session *s, struct buf *ret)
{
	char *copy, *rest, *word;

	if (*s->auth_mechs == '\0') {
		log_warn("%s offered null AUTH mechanism list", s->relay);
		return false;
	}
	rest = copy = mem_strdup(s->auth_mechs);
	while ((word = text_word(&rest, " \t", false)) != NULL)
		if (auth.wanted == NULL ||
		    match_word(auth.wanted, word) == MATCH_YES)
			buf_addf(ret, "%s%s", ret->len > 0 ? " " : "", word);
	mem_free(copy);
	if (ret->len == 0)
		log_warn("%s offered no supported AUTH mechanisms: '%s'",
		    s->relay, s->auth_mechs);
	return ret->len > 0;
}

static void
cannot(const struct session *s, const char *reason, struct why *why)
{
	why_set(why, "4.7.0", "SASL authentication failed; cannot authenticate "
	    "to server %s: %s", s->namaddr, reason);
}

static void
soften(struct why *why)
{
	if (settings.sasl_auth_soft_bounce && why->dsn[0] == '5')
		why->dsn[0] = '4';
}

/* "535-text?535 text": as log readers know the refusals of big providers. */
static void
add_said(struct buf *b, const struct reply *r, const struct buf *lines)
{
	const char *at = lines->data, *lf;

	if (r->lines < 2) {
		buf_adds(b, r->text.data);
		return;
	}
	for (; (lf = strchr(at, '\n')) != NULL; at = lf + 1) {
		buf_addf(b, "%s%d%c", b->len > 0 ? "?" : "", r->code,
		    lf[1] != '\0' ? '-' : ' ');
		text_printable(b, at, (size_t)(lf - at), false);
	}
}

/* Its first line. */
static void
remember(const struct session *s, const struct login *login,
    const struct buf *lines)
{
	const struct reply *r = &s->reply;
	struct buf	    first = BUF_INIT;

	buf_addf(&first, "%d%c", r->code, r->lines > 1 ? '-' : ' ');
	text_printable(&first, lines->data, strcspn(lines->data, "\n"), true);
	failed_add(s->host, login->user, login->password, r->dsn, first.data);
	buf_done(&first);
}

static void
refused(const struct session *s, const struct login *login,
    const struct buf *lines, struct why *why)
{
	const struct reply *r = &s->reply;
	struct buf	    said = BUF_INIT;

	add_said(&said, r, lines);
	if (r->code == 535 && login->token_at == NULL)
		remember(s, login, lines);
	why_set(why, r->code / 100 == 4 || r->code / 100 == 5 ? r->dsn :
	    "4.5.0", "SASL authentication failed; server %s said: %s",
	    s->namaddr, said.data);
	buf_done(&said);
	soften(why);
	buf_set(&why->remote_mta, s->host);
	buf_set(&why->diag_type, "smtp");
	buf_set(&why->diag_text, r->text.data);
}

/* False: lost or refused, with why. */
static bool
take_reply(struct session *s, const struct login *login, struct why *why)
{
	struct buf lines = BUF_INIT;
	bool	   ok;

	ok = session_reply(s, settings.helo_timeout, settings.is_lmtp ?
	    "performing the LHLO handshake" : "performing the EHLO handshake",
	    &lines, why);
	if (ok && s->reply.code / 100 != 2 && s->reply.code / 100 != 3) {
		refused(s, login, &lines, why);
		ok = false;
	}
	buf_done(&lines);
	return ok;
}

/* The text of "334 text". */
static const char *
challenge_of(const struct session *s)
{
	const char *text = s->reply.text.data;

	return strlen(text) > 4 ? text + 4 : "";
}

static bool
converse(struct session *s, struct sasl_talk *t, const struct login *login,
    struct why *why)
{
	enum sasl_step step;

	for (int i = 0; i < STEPS_MAX; i++) {
		if (!take_reply(s, login, why))
			return false;
		if (s->reply.code / 100 == 2)
			return true;
		step = sasl_talk_go_on(t, challenge_of(s));
		if (step != SASL_STEP_MORE) {
			cannot(s, sasl_talk_text(t), why);
			return false;
		}
		stream_printf(s->stream, "%s\r\n", sasl_talk_text(t));
	}
	why_set(why, "4.7.0", "SASL authentication failed; authentication "
	    "protocol loop with server %s", s->namaddr);
	return false;
}

static bool
talk(struct session *s, const struct sasl_account *account,
    const char *mechanisms, const struct login *login, struct why *why)
{
	struct sasl_talk *t = sasl_talk_new(auth.client, account);
	bool		  ok = false;

	if (sasl_talk_begin(t, mechanisms) != SASL_STEP_MORE) {
		cannot(s, sasl_talk_text(t), why);
	} else {
		stream_printf(s->stream, "AUTH %s", sasl_talk_mechanism(t));
		if (sasl_talk_has_text(t))
			stream_printf(s->stream, " %s",
			    *sasl_talk_text(t) != '\0' ? sasl_talk_text(t) :
			    "=");
		stream_puts(s->stream, "\r\n");
		ok = converse(s, t, login, why);
	}
	sasl_talk_free(t);
	return ok;
}

/* False: the server refused this password a while ago. */
static bool
may_try(struct session *s, const struct login *login, struct why *why)
{
	struct buf text = BUF_INIT;
	char	   dsn[12];
	bool	   found;

	found = login->token_at == NULL && failed_find(s->host, login->user,
	    login->password, dsn, &text);
	if (found) {
		why_set(why, dsn, "SASL [CACHED] authentication failed; "
		    "server %s said: %s", s->host, text.data);
		soften(why);
	}
	buf_done(&text);
	return !found;
}

static bool
log_in(struct session *s, const struct login *login, struct why *why)
{
	struct buf	    mechs = BUF_INIT, token = BUF_INIT;
	struct sasl_account account = {
		.user = login->user, .password = login->password,
		.host = s->host, .port = addr_port(&s->addr),
		.options = options_of(s),
	};
	const char *text;
	bool	    ok = false;

	if (!choose(s, &mechs)) {
		why_set(why, "4.7.0", "SASL authentication failed: server %s "
		    "offered no compatible authentication mechanisms for this "
		    "type of connection security", s->namaddr);
	} else if (login->token_at != NULL && !token_read(login->token_at,
	    login->user, &token, &text)) {
		log_warn("%s: token of %s from %s: %s", s->queue_id,
		    login->user, login->token_at, text);
		cannot(s, "no token", why);
	} else if (may_try(s, login, why)) {
		if (login->token_at != NULL)
			account.token = token.data;
		ok = talk(s, &account, mechs.data, login, why);
	}
	explicit_bzero(token.data, token.len);
	buf_done(&token);
	buf_done(&mechs);
	return ok;
}

bool
auth_log_in(struct session *s, const struct login *login, struct why *why)
{
	if (!(s->features & FEATURE_AUTH) ||
	    (login->user == NULL && !login->trouble))
		return true;
	if (login->trouble) {
		session_local_trouble(s, why);
		return false;
	}
	s->logged_in = log_in(s, login, why);
	return s->logged_in;
}
