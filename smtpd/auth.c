/*
 * AUTH (RFC 4954)
 *
 *	AUTH mechanism [initial]
 *	  -> [ 334 challenge <- response ]* -> 235, 535, 454 or 501
 *
 * sasl/server.h judges; nothing of what the client says here is shown in logs
 * or transcripts, and it is cleared when it was used.
 */

#include <string.h>

#include "conf/conf.h"
#include "conf/param.h"
#include "net/tls.h"
#include "sasl/options.h"
#include "sasl/server.h"
#include "server/server.h"
#include "smtpd/auth.h"
#include "smtpd/command.h"
#include "smtpd/config.h"
#include "smtpd/facts.h"
#include "smtpd/limits.h"
#include "smtpd/notice.h"
#include "smtpd/reply.h"
#include "smtpd/session.h"
#include "table/match.h"
#include "util/log.h"
#include "util/text.h"

/* Set once, by auth_load(). */
static struct {
	struct sasl_server *server;	/* NULL: AUTH is off */
	unsigned	    options, tls_options;	/* enum sasl_option */
	struct match	   *exceptions;
	struct match	   *offered;	/* NULL: all */
} auth;

/* --- set-up */

static void
warn(const char *text)
{
	log_warn("%s", text);
}

static unsigned
parse_options(const char *parameter, const char *list)
{
	const char *word;
	unsigned    bits;

	if (!sasl_options_parse(list, &bits, &word))
		fatalx("%s: unknown word \"%.*s\"", parameter,
		    (int)strcspn(word, TEXT_LIST_SEP), word);
	return bits;
}

/* Where Debian's users have their smtpd.conf, too. */
static const char *
config_path(void)
{
	if (*conf_mail.cyrus_sasl_config_path != '\0')
		return conf_mail.cyrus_sasl_config_path;
	return mem_printf("%s/sasl:/etc/sasl2:/usr/lib/sasl2",
	    conf_mail.config_directory);
}

void
auth_load(void)
{
	struct sasl_server_settings set = {
		.type = conf_smtpd.smtpd_sasl_type,
		.path = conf_smtpd.smtpd_sasl_path,
		.service = conf_smtpd.smtpd_sasl_service,
		.hostname = conf_mail.myhostname,
		.realm = conf_smtpd.smtpd_sasl_local_domain,
		.warn = warn,
	};
	const char *filter = conf_smtpd.smtpd_sasl_mechanism_filter, *why;

	if (!conf_smtpd.smtpd_sasl_auth_enable || server_is_alone())
		return;
	set.config_path = config_path();
	if ((auth.server = sasl_server_open(&set, &why)) == NULL)
		fatalx("smtpd_sasl_type = %s: %s",
		    conf_smtpd.smtpd_sasl_type, why);
	auth.options = parse_options("smtpd_sasl_security_options",
	    conf_smtpd.smtpd_sasl_security_options);
	auth.tls_options = parse_options("smtpd_sasl_tls_security_options",
	    conf_smtpd.smtpd_sasl_tls_security_options);
	auth.exceptions = match_new("smtpd_sasl_exceptions_networks",
	    conf_smtpd.smtpd_sasl_exceptions_networks, false);
	if (*filter != '\0')
		auth.offered = match_new("smtpd_sasl_mechanism_filter", filter,
		    false);
}

/* --- the client's connection */

static bool
is_on(const struct session *s)
{
	return auth.server != NULL && (facts_is_encrypted(s) ||
	    !conf_smtpd.smtpd_tls_auth_only);
}

static struct sasl_facts
facts_of(const struct session *s)
{
	bool is_encrypted = facts_is_encrypted(s);

	return (struct sasl_facts){
		.client_ip = s->client.ip,
		.client_port = s->client.port,
		.server_ip = s->client.server_ip,
		.server_port = s->client.server_port,
		.encrypted = is_encrypted,
		.options = is_encrypted ? auth.tls_options : auth.options,
		/* EXTERNAL: only a name that an authority vouches for */
		.certificate = facts_ccert_trusted(s) && s->tls->peer_cn !=
		    NULL && *s->tls->peer_cn != '\0' ? s->tls->peer_cn : NULL,
	};
}

/* --- EHLO */

static void
add_offered(struct buf *b, char *names)
{
	char *name;

	while ((name = text_word(&names, " ", false)) != NULL)
		if (auth.offered == NULL ||
		    match_word(auth.offered, name) == MATCH_YES)
			buf_addf(b, " %s", name);
}

void
auth_add_keywords(struct session *s, struct buf *b)
{
	struct sasl_facts f = facts_of(s);
	struct buf	  names = BUF_INIT, list = BUF_INIT;
	const char	 *why;

	if (!is_on(s) || match_client(auth.exceptions, s->client.name,
	    &s->client.addr) == MATCH_YES)
		return;
	if (!sasl_server_mechanisms(auth.server, &f, &names, &why))
		log_warn("%s: AUTH is not offered: %s", s->client.label, why);
	add_offered(&list, names.data);
	if (list.len > 0) {
		buf_addf(b, "AUTH%s\n", list.data);
		if (conf_mail.broken_sasl_auth_clients)
			buf_addf(b, "AUTH=%s\n", list.data + 1);
	}
	buf_done(&names);
	buf_done(&list);
}

/* --- what others want to know */

void
auth_forget(struct session *s)
{
	s->auth = (struct session_auth){ 0 };
}

void
auth_add_log(const struct session *s, struct buf *b, const char *sep)
{
	if (s->auth.method != NULL)
		buf_addf(b, "%ssasl_method=%s", sep, s->auth.method);
	if (s->auth.username != NULL)
		buf_addf(b, "%ssasl_username=%s", sep, s->auth.username);
	if (s->auth.sender != NULL)
		buf_addf(b, "%ssasl_sender=%s", sep, s->auth.sender);
}

static const char *
skip(const char *p, const char *end, bool blanks)
{
	while (p < end && *p != '\r' && *p != '\n' &&
	    (*p == ' ' || *p == '\t') == blanks)
		p++;
	return p;
}

size_t
auth_shown(const char *bytes, size_t len)
{
	const char *p = bytes, *end = p + len, *word;

	while (p < end) {
		word = skip(p, end, true);
		p = skip(word, end, false);
		if (str_is_nocase((struct str){ word, (size_t)(p - word) },
		    "AUTH"))
			return (size_t)(skip(skip(p, end, true), end, false) -
			    bytes);
		p = memchr(p, '\n', (size_t)(end - p));
		if (p++ == NULL)
			break;
	}
	return len;
}

/* --- the exchange */

/* The client's response into s->line.  False: the reply was given, or the
 * client is gone. */
static bool
read_response(struct session *s, const char *mechanism)
{
	size_t limit = (size_t)conf_smtpd.smtpd_sasl_response_limit;

	if (!session_read_line(s, limit))
		return false;
	notice_in(s, "(response of AUTH)");
	if (s->line_cut || s->line.len >= limit) {
		log_warn("%s: request longer than %zu: (response of AUTH)",
		    s->client.label, limit);
		reply(s, "500 5.5.6 SASL response limit exceeded");
		return false;
	}
	if (s->line.len > 0 && s->line.data[s->line.len - 1] == '\r')
		buf_cut(&s->line, s->line.len - 1);
	if (!text_eq(s->line.data, "*"))
		return true;
	log_warn("%s: SASL %s authentication aborted", s->client.label,
	    mechanism);
	reply(s, "501 5.7.0 Authentication aborted");
	return false;
}

static void
clear_line(struct session *s)
{
	if (s->line.size > 0)
		explicit_bzero(s->line.data, s->line.size);
	buf_clear(&s->line);
}

/* Log readers that shut out attackers know this line (fail2ban). */
static void
refuse(struct session *s, struct sasl_login *l, const char *mechanism,
    enum sasl_step step)
{
	const char *user = sasl_login_user(l);
	struct buf  shown = BUF_INIT;

	text_printable(&shown, sasl_login_text(l),
	    strlen(sasl_login_text(l)), true);
	log_warn("%s: SASL %s authentication failed: %s, sasl_username=%s",
	    s->client.label, mechanism, shown.data,
	    user != NULL ? user : "(unavailable)");
	if (step == SASL_STEP_LATER)
		reply(s, "454 4.7.0 Temporary authentication failure: %s",
		    shown.data);
	else
		reply(s, "535 5.7.8 Error: authentication failed: %s",
		    shown.data);
	buf_done(&shown);
}

static bool
exchange(struct session *s, struct sasl_login *l, const char *mechanism,
    const char *initial)
{
	enum sasl_step step = sasl_login_begin(l, mechanism, initial);
	bool	       within;

	clear_line(s);
	while (step == SASL_STEP_MORE) {
		reply(s, "334 %s", sasl_login_text(l));
		if (!read_response(s, mechanism)) {
			clear_line(s);
			return false;
		}
		step = sasl_login_go_on(l, s->line.data);
		clear_line(s);
	}
	within = limits_account_auth(s, sasl_login_user(l));
	if (step != SASL_STEP_DONE) {
		refuse(s, l, mechanism, step);
		return false;
	}
	if (!within) {
		reply(s, "450 4.7.1 Error: too many AUTH commands for this "
		    "account");
		return false;
	}
	s->auth.method = pool_strdup(&s->pool, mechanism);
	s->auth.username = pool_strdup(&s->pool, sasl_login_user(l));
	if (!limits_login(s)) {
		reply(s, "421 4.7.0 %s Error: too many connections from %s",
		    conf_mail.myhostname, s->auth.username);
		auth_forget(s);
		return false;
	}
	reply(s, "235 2.7.0 Authentication successful");
	return true;
}

static const char *
refuse_early(const struct session *s)
{
	if (conf_smtpd.smtpd_helo_required && s->helo == NULL)
		return "503 5.5.1 Error: send HELO/EHLO first";
	if (!is_on(s) || (s->ehlo_discard & EHLO_AUTH))
		return "503 5.5.1 Error: authentication not enabled";
	if (s->tr.has_sender)
		return "503 5.5.1 Error: MAIL transaction in progress";
	if (s->auth.username != NULL)
		return "503 5.5.1 Error: already authenticated";
	return NULL;
}

bool
auth_run(struct session *s, struct command_line *line)
{
	const char	  *mechanism, *initial, *no;
	struct sasl_facts  f = facts_of(s);
	struct sasl_login *l;
	struct buf	   shown = BUF_INIT;
	bool		   good;

	if (!limits_auth(s)) {
		reply(s, "450 4.7.1 Error: too many AUTH commands from %s",
		    s->client.ip);
		return false;
	}
	if ((no = refuse_early(s)) != NULL) {
		reply(s, "%s", no);
		return false;
	}
	mechanism = command_word(&line->rest);
	initial = command_word(&line->rest);
	if (mechanism == NULL || command_word(&line->rest) != NULL) {
		reply(s, "501 5.5.4 Syntax: AUTH mechanism");
		return false;
	}
	text_printable(&shown, mechanism, strlen(mechanism), false);
	l = sasl_login_new(auth.server, &f);
	good = exchange(s, l, shown.data, initial);
	sasl_login_free(l);
	buf_done(&shown);
	return good;
}
