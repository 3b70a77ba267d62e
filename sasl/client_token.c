/*
 * client_token - XOAUTH2 (of Google and Microsoft) and OAUTHBEARER (RFC 7628)
 *
 * One message with the token.  A server that does not like it sends a
 * challenge with the reason, and its refusal after an empty answer.
 */

#include <string.h>

#include "sasl/client_int.h"
#include "util/text.h"

static bool
offers(const char *mechanisms, const char *name)
{
	size_t n;

	for (; *mechanisms != '\0'; mechanisms += n) {
		mechanisms += strspn(mechanisms, " \t");
		n = strcspn(mechanisms, " \t");
		if (str_is_nocase((struct str){ mechanisms, n }, name))
			return true;
	}
	return false;
}

/* RFC 7628 3.1: "," and "=" of a name are written otherwise (RFC 5801 4). */
static void
add_name(struct buf *b, const char *name)
{
	for (; *name != '\0'; name++) {
		if (*name == ',')
			buf_adds(b, "=2C");
		else if (*name == '=')
			buf_adds(b, "=3D");
		else
			buf_addc(b, *name);
	}
}

static enum sasl_step
say(struct sasl_talk *t, struct buf *message)
{
	enum sasl_step step = sasl_talk_say(t, message->data, message->len);

	explicit_bzero(message->data, message->len);
	buf_done(message);
	return step;
}

static enum sasl_step
begin(struct sasl_talk *t, const char *mechanisms)
{
	const struct sasl_account *a = t->account;
	struct buf		   b = BUF_INIT;

	/* as with a password, who listens has it */
	if (a->options & SASL_NO_PLAINTEXT)
		return sasl_talk_fail(t, "no mechanism available");
	if (offers(mechanisms, "OAUTHBEARER")) {
		buf_set(&t->mechanism, "OAUTHBEARER");
		buf_adds(&b, "n,a=");
		add_name(&b, a->user);
		buf_addf(&b, ",\001host=%s\001port=%u\001", a->host,
		    (unsigned)a->port);
		buf_addf(&b, "auth=Bearer %s\001\001", a->token);
		return say(t, &b);
	}
	if (offers(mechanisms, "XOAUTH2")) {
		buf_set(&t->mechanism, "XOAUTH2");
		buf_addf(&b, "user=%s\001auth=Bearer %s\001\001", a->user,
		    a->token);
		return say(t, &b);
	}
	return sasl_talk_fail(t, "no mechanism available");
}

static enum sasl_step
go_on(struct sasl_talk *t, const struct buf *challenge)
{
	(void)challenge;
	if (text_eq(t->mechanism.data, "OAUTHBEARER"))
		return sasl_talk_say(t, "\001", 1);
	return sasl_talk_say(t, "", 0);
}

static void
end(struct sasl_talk *t)
{
	(void)t;
}

const struct sasl_way sasl_way_token = { begin, go_on, end };
