/* HELO and EHLO (RFC 5321 4.1.1.1) */

#include <string.h>

#include "conf/param.h"
#include "smtpd/access/access.h"
#include "smtpd/auth.h"
#include "smtpd/command.h"
#include "smtpd/config.h"
#include "smtpd/milter.h"
#include "smtpd/notice.h"
#include "smtpd/reply.h"
#include "smtpd/session.h"
#include "smtpd/starttls.h"
#include "util/log.h"
#include "util/text.h"

static char *
given_name(char *rest)
{
	struct buf b = BUF_INIT;
	char	  *word;

	while ((word = command_word(&rest)) != NULL) {
		if (b.len > 0)
			buf_addc(&b, ' ');
		text_printable(&b, word, strlen(word), true);
	}
	return buf_take(&b);
}

/*
 * The name goes into Received:, into logs and reports: what could end a
 * comment or an address there becomes '?'.
 */
static void
clean_name(char *name)
{
	for (; *name != '\0'; name++)
		if (strchr(" <>()\\\";@", *name) != NULL)
			*name = '?';
}

/*
 * The name is in s->helo while restrictions look at it, so that a refusal is
 * logged with the name it is about; then the old one is put back.
 */
static bool
take_name(struct session *s, const char *protocol, char *name)
{
	char	   *old_name = s->helo;
	const char *old_protocol = s->protocol, *no;

	s->helo = name;
	no = milter_helo(s, old_name == NULL);
	session_reset(s);
	notice_trim(s);
	if (no == NULL && !s->standalone && !conf_smtpd.smtpd_delay_reject)
		no = access_helo(s, name);
	if (no != NULL) {
		s->helo = old_name;
		s->protocol = old_protocol;
		mem_free(name);
		reply_relayed(s, no);
		return false;
	}
	clean_name(name);
	mem_free(old_name);
	s->protocol = protocol;
	s->esmtp = text_eq(protocol, "ESMTP");
	return true;
}

bool
helo_run(struct session *s, struct command_line *line)
{
	if (*line->rest == '\0') {
		reply(s, "501 Syntax: HELO hostname");
		return false;
	}
	if (!take_name(s, s->protocol, given_name(line->rest)))
		return false;
	reply(s, "250 %s", conf_mail.myhostname);
	return true;
}

/* The order is what clients have seen for decades. */
static const struct {
	enum ehlo_keyword bit;
	const char	 *text;
} keywords[] = {
	{ EHLO_PIPELINING, "PIPELINING" },
	{ EHLO_SIZE, "SIZE" },
	{ EHLO_VRFY, "VRFY" },
	{ EHLO_ETRN, "ETRN" },
	{ EHLO_STARTTLS, "STARTTLS" },
	{ EHLO_AUTH, "" },
	{ EHLO_XVERP, "XVERP" },
	{ EHLO_XCLIENT, "XCLIENT NAME ADDR PROTO HELO REVERSE_NAME PORT LOGIN "
	    "DESTADDR DESTPORT" },
	{ EHLO_XFORWARD, "XFORWARD NAME ADDR PROTO HELO SOURCE PORT IDENT" },
	{ EHLO_ENHANCEDSTATUSCODES, "ENHANCEDSTATUSCODES" },
	{ EHLO_8BITMIME, "8BITMIME" },
	{ EHLO_DSN, "DSN" },
	{ EHLO_SMTPUTF8, "SMTPUTF8" },
	{ EHLO_CHUNKING, "CHUNKING" },
	{ EHLO_REQUIRETLS, "REQUIRETLS" },
};

static unsigned
not_offered(struct session *s)
{
	unsigned off = s->ehlo_discard;

	if (conf_mail.disable_vrfy_command)
		off |= EHLO_VRFY;
	if (!conf_mail.smtputf8_enable)
		off |= EHLO_SMTPUTF8;
	if (!s->verp_allowed)
		off |= EHLO_XVERP;
	if (!starttls_is_offered(s))
		off |= EHLO_STARTTLS;
	if (!starttls_may_require(s))
		off |= EHLO_REQUIRETLS;
	if (!s->xclient_allowed)
		off |= EHLO_XCLIENT;
	if (!s->xforward_allowed)
		off |= EHLO_XFORWARD;
	if (milter_has_refused(s))
		off = ~(unsigned)EHLO_ENHANCEDSTATUSCODES;
	return off;
}

/* Only what is named in smtpd_discard_ehlo_keywords, and not silently. */
static void
log_discarded(unsigned off)
{
	struct buf  b = BUF_INIT;
	const char *name;

	for (unsigned bit = 1; bit < EHLO_SILENT; bit <<= 1)
		if ((off & bit) && (name = config_ehlo_name(bit)) != NULL)
			buf_addf(&b, "%s%s", b.len > 0 ? ", " : "", name);
	log_info("discarding EHLO keywords: %s", b.data);
	buf_done(&b);
}

/* RFC 9422: clients need not find out by being refused. */
static void
add_limits(struct buf *b)
{
	buf_addf(b, "LIMITS RCPTMAX=%d\n", conf_smtpd.smtpd_recipient_limit);
}

/* smtpd_discard_ehlo_keyword_address_maps can't be asked now. */
static bool
refuse_unknown(struct session *s)
{
	char *text = mem_printf("421 4.3.0 %s Server local data error",
	    conf_mail.myhostname);

	log_warn("don't know what EHLO features to announce to %s",
	    s->client.label);
	log_info("%s: reject: EHLO from %s: %s", session_id(s),
	    s->client.label, text);
	reply(s, "%s", text);
	mem_free(text);
	return false;
}

bool
ehlo_run(struct session *s, struct command_line *line)
{
	struct buf b = BUF_INIT;
	unsigned   off;

	if (*line->rest == '\0') {
		reply(s, "501 Syntax: EHLO hostname");
		return false;
	}
	if (s->ehlo_unknown)
		return refuse_unknown(s);
	if (!take_name(s, "ESMTP", given_name(line->rest)))
		return false;
	off = not_offered(s);
	if ((s->ehlo_discard & ~EHLO_SILENT) &&
	    !(s->ehlo_discard & EHLO_SILENT))
		log_discarded(s->ehlo_discard);

	buf_addf(&b, "%s\n", conf_mail.myhostname);
	for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++) {
		if (off & keywords[i].bit)
			continue;
		if (keywords[i].bit == EHLO_SIZE &&
		    conf_mail.message_size_limit > 0)
			buf_addf(&b, "SIZE %ld\n",
			    conf_mail.message_size_limit);
		else if (keywords[i].bit == EHLO_AUTH)
			auth_add_keywords(s, &b);
		else
			buf_addf(&b, "%s\n", keywords[i].text);
	}
	if (conf_smtpd.smtpd_limits_keyword_enable)
		add_limits(&b);
	reply_lines(s, "250", b.data);
	buf_done(&b);
	return true;
}
