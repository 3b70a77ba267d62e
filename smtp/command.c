#include "smtp/command.h"

#include <string.h>

#include "conf/param.h"
#include "mail/address.h"
#include "mail/deliver.h"
#include "mail/dsn_notify.h"
#include "smtp/attempt.h"
#include "smtp/session.h"
#include "smtp/settings.h"
#include "util/buf.h"
#include "util/text.h"

static bool
has_encoding(const struct delivery *d, const char *encoding)
{
	return d->encoding != NULL && strcmp(d->encoding, encoding) == 0;
}

/* Unless it is known to be 7-bit: parts within may be 8-bit. */
bool
command_is_downgraded(const struct attempt *a)
{
	return !(a->session->features & FEATURE_8BITMIME) &&
	    !conf_mail.disable_mime_output_conversion &&
	    !has_encoding(a->d, "7bit");
}

static void
add_address(struct buf *line, const char *address)
{
	if (settings.quote_rfc821_envelope)
		address_quote(line, address);
	else
		buf_adds(line, address);
	buf_addc(line, '>');
}

static void
end_line(struct buf *line, size_t start)
{
	for (size_t i = start; i < line->len; i++)
		if (line->data[i] == '\r' || line->data[i] == '\n')
			line->data[i] = '?';
	buf_adds(line, "\r\n");
}

void
command_mail(struct buf *line, const struct attempt *a, const char *sender)
{
	const struct session *s = a->session;
	const struct delivery *d = a->d;
	size_t start = line->len;

	buf_adds(line, "MAIL FROM:<");
	add_address(line, sender);
	/* What is converted has another size. */
	if ((s->features & FEATURE_SIZE) && !command_is_downgraded(a))
		buf_addf(line, " SIZE=%llu",
		    (unsigned long long)d->file.t.size);
	if ((s->features & FEATURE_8BITMIME) && has_encoding(d, "8bit"))
		buf_adds(line, " BODY=8BITMIME");
	else if ((s->features & FEATURE_8BITMIME) && has_encoding(d, "7bit"))
		buf_adds(line, " BODY=7BIT");
	if ((s->features & FEATURE_DSN) && d->envid != NULL &&
	    *d->envid != '\0') {
		buf_adds(line, " ENVID=");
		text_xtext(line, d->envid, strlen(d->envid));
	}
	if ((s->features & FEATURE_DSN) && d->ret != RET_NONE)
		buf_adds(line, d->ret == RET_FULL ? " RET=FULL" :
		    " RET=HDRS");
	if ((s->features & FEATURE_SMTPUTF8) &&
	    (d->env_flags & (ENV_SMTPUTF8 | ENV_SMTPUTF8_NEEDED)))
		buf_adds(line, " SMTPUTF8");
	if (a->say_requiretls)
		buf_adds(line, " REQUIRETLS");
	if (s->logged_in && settings.send_dummy_mail_auth)
		buf_adds(line, " AUTH=<>");
	end_line(line, start);
}

static void
add_notify(struct buf *line, unsigned notify)
{
	if (notify == 0)
		return;
	buf_adds(line, " NOTIFY=");
	dsn_notify_add(line, notify & NOTIFY_NEVER ? NOTIFY_NEVER : notify);
}

/* A character of UTF-8 at p as "\\x{HEX}"; bytes taken, 0 if it is none. */
static size_t
add_escaped(struct buf *line, const char *p)
{
	unsigned char first = (unsigned char)*p;
	size_t	      n = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
	unsigned      c = first & (0xffu >> (n + 1));

	for (size_t i = 1; i < n; i++) {
		if (((unsigned char)p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | ((unsigned char)p[i] & 0x3f);
	}
	buf_addf(line, "\\x{%X}", c);
	return n;
}

/* RFC 6533 3, utf-8-addr-xtext */
static void
add_utf8_xtext(struct buf *line, const char *p)
{
	size_t n;

	for (; *p != '\0'; p += n) {
		n = (unsigned char)*p >= 0xc2 ? add_escaped(line, p) : 0;
		if (n > 0)
			continue;
		n = 1;
		if (*p > ' ' && *p < 0x7f && strchr("+=\\", *p) == NULL)
			buf_addc(line, *p);
		else
			buf_addf(line, "\\x{%02X}", (unsigned char)*p);
	}
}

/* RFC 3461 4.2: "type;xtext". */
static void
add_orcpt(struct buf *line, const struct recipient *r)
{
	const char *semicolon;

	if (r->orcpt != NULL && *r->orcpt != '\0' &&
	    (semicolon = strchr(r->orcpt, ';')) != NULL) {
		buf_addf(line, " ORCPT=%.*s;", (int)(semicolon - r->orcpt),
		    r->orcpt);
		if (text_starts_nocase(r->orcpt, "utf-8;"))
			add_utf8_xtext(line, semicolon + 1);
		else
			text_xtext(line, semicolon + 1, strlen(semicolon + 1));
	} else if (r->original != NULL && *r->original != '\0') {
		struct buf quoted = BUF_INIT;

		address_quote(&quoted, r->original);
		buf_adds(line, " ORCPT=rfc822;");
		text_xtext(line, quoted.data, quoted.len);
		buf_done(&quoted);
	}
}

void
command_rcpt(struct buf *line, const struct attempt *a,
    const struct recipient *r, const char *address)
{
	size_t start = line->len;

	buf_adds(line, "RCPT TO:<");
	add_address(line, address);
	if (a->session->features & FEATURE_DSN) {
		add_orcpt(line, r);
		add_notify(line, r->notify);
	}
	end_line(line, start);
}
