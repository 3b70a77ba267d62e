/* RSET NOOP VRFY ETRN HELP QUIT, and what is not enabled */

#include <string.h>

#include "conf/param.h"
#include "mail/address.h"
#include "mail/flush_client.h"
#include "smtpd/access/access.h"
#include "smtpd/command.h"
#include "smtpd/notice.h"
#include "smtpd/path.h"
#include "smtpd/reply.h"
#include "util/log.h"
#include "util/text.h"

bool
rset_run(struct session *s, struct command_line *line)
{
	if (*line->rest != '\0') {
		reply(s, "501 5.5.4 Syntax: RSET");
		return false;
	}
	session_reset(s);
	notice_trim(s);
	reply(s, "250 2.0.0 Ok");
	return true;
}

bool
noop_run(struct session *s, struct command_line *line)
{
	(void)line;
	reply(s, "250 2.0.0 Ok");
	return true;
}

bool
quit_run(struct session *s, struct command_line *line)
{
	(void)line;
	session_reset(s);
	reply(s, "221 2.0.0 Bye");
	s->hanging_up = true;
	return true;
}

bool
help_run(struct session *s, struct command_line *line)
{
	(void)line;
	reply(s, "214 2.0.0 Commands: AUTH BDAT DATA EHLO ETRN HELO HELP MAIL "
	    "NOOP QUIT RCPT RSET STARTTLS VRFY XCLIENT XFORWARD");
	return true;
}

/* --- VRFY (RFC 5321 3.5): is the address good, never whose it is */

/* Cuts a last word "SMTPUTF8" off. */
static bool
take_smtputf8(char *text)
{
	char *space = strrchr(text, ' ');

	if (space == NULL || !text_eq_nocase(space + 1, "SMTPUTF8"))
		return false;
	*space = '\0';
	return true;
}

bool
vrfy_run(struct session *s, struct command_line *line)
{
	struct buf  rcpt = BUF_INIT;
	const char *no = NULL;
	bool	    utf8;

	if (conf_mail.disable_vrfy_command)
		no = "502 5.5.1 VRFY command is disabled";
	else if (*line->rest == '\0' || (conf_mail.smtputf8_enable &&
	    text_eq_nocase(line->rest, "SMTPUTF8")))
		no = "501 5.5.4 Syntax: VRFY address [SMTPUTF8]";
	if (no != NULL) {
		reply(s, "%s", no);
		return false;
	}
	utf8 = conf_mail.smtputf8_enable && take_smtputf8(line->rest);
	if (!path_parse_mailbox(s, line->rest, utf8 ? PATH_UTF8 : 0, &rcpt))
		no = "501 5.1.3 Bad recipient address syntax";
	else if ((no = path_needs_utf8(&rcpt, utf8)) == NULL && !s->standalone)
		no = access_rcpt(s, rcpt.data);
	if (no != NULL)
		reply(s, "%s", no);
	else
		reply(s, "252 2.0.0 %s", line->rest);
	buf_done(&rcpt);
	return no == NULL;
}

/* --- ETRN (RFC 1985) */

static bool
start_flush(struct session *s, const char *domain)
{
	enum flush_status got = s->standalone ? FLUSH_FAIL :
	    flush_site(domain);

	if (got == FLUSH_OK) {
		reply(s, "250 Queuing started");
		return true;
	}
	if (got == FLUSH_DENIED) {
		log_warn("reject: ETRN %.100s... from %s", domain,
		    s->client.label);
		reply(s, "459 <%s>: service unavailable", domain);
		return false;
	}
	if (got == FLUSH_BAD)
		log_warn("bad ETRN %.100s... from %s", domain,
		    s->client.label);
	reply(s, "458 Unable to queue messages");
	return false;
}

/* The lists of waiting mail go by names as DNS has them. */
static bool
is_site(const char *domain)
{
	size_t n = strlen(domain);

	return text_is_ascii(domain, n) && address_is_domain(domain) &&
	    domain[n - 1] != '.';
}

/* "@domain" and "#queue" name the same as the domain here. */
bool
etrn_run(struct session *s, struct command_line *line)
{
	char	   *domain = line->rest;
	const char *no;

	if (conf_smtpd.smtpd_helo_required && s->helo == NULL) {
		reply(s, "503 Error: send HELO/EHLO first");
		return false;
	}
	if (s->tr.has_sender) {
		reply(s, "503 Error: MAIL transaction in progress");
		return false;
	}
	if (*domain == '\0' || strpbrk(domain, " \t") != NULL) {
		reply(s, "500 Syntax: ETRN domain");
		return false;
	}
	if (*domain == '@' || *domain == '#')
		domain++;
	if (!is_site(domain)) {
		reply(s, "501 Error: invalid parameter syntax");
		return false;
	}
	if (!s->standalone && (no = access_etrn(s, domain)) != NULL) {
		reply(s, "%s", no);
		return false;
	}
	return start_flush(s, domain);
}

/* --- extensions that this configuration does not have */
