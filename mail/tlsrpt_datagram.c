#include "mail/tlsrpt_datagram.h"

#include <stddef.h>
#include <string.h>

#include "mail/tlsrpt_client.h"
#include "util/buf.h"
#include "util/text.h"

struct code {
	const char	*word;
	int		 code;
};

static const struct code policy_types[] = {
	{ "tlsa", 1 },
	{ "sts", 2 },
	{ "no-policy-found", 9 },
	{ NULL, 0 }
};

/* RFC 8460 4.3 */
static const struct code failures[] = {
	{ "starttls-not-supported", 201 },
	{ "certificate-host-mismatch", 202 },
	{ "certificate-not-trusted", 203 },
	{ "certificate-expired", 204 },
	{ "validation-failure", 205 },
	{ "sts-policy-fetch-error", 301 },
	{ "sts-policy-invalid", 302 },
	{ "sts-webpki-invalid", 303 },
	{ "tlsa-invalid", 304 },
	{ "dnssec-invalid", 305 },
	{ "dane-required", 306 },
	{ NULL, 0 }
};

static int
find(const struct code *c, const char *word)
{
	while (c->word != NULL && !text_eq(c->word, word))
		c++;
	return c->code;
}

static void
add_text(struct buf *b, const char *key, const char *text)
{
	if (text == NULL || *text == '\0')
		return;
	buf_addf(b, ",\"%s\":", key);
	text_json(b, text, strlen(text));
}

static void
add_lines(struct buf *b, const char *key, const char *lines)
{
	size_t n;

	if (lines == NULL || *lines == '\0')
		return;
	buf_addf(b, ",\"%s\":", key);
	for (char before = '['; *lines != '\0'; before = ',') {
		n = strcspn(lines, "\n");
		buf_addc(b, before);
		text_json(b, lines, n);
		lines += n + (lines[n] == '\n');
	}
	buf_addc(b, ']');
}

static void
add_failure(struct buf *b, const struct tlsrpt_result *r, int code)
{
	buf_addf(b, ",\"failure-details\":[{\"c\":%d", code);
	add_text(b, "s", r->sending_ip);
	add_text(b, "n", r->mx_host);
	add_text(b, "r", r->receiving_ip);
	add_text(b, "f", r->reason);
	buf_adds(b, "}]");
}

bool
tlsrpt_write_datagram(struct buf *b, const struct tlsrpt_result *r,
    const char *record)
{
	int code = r->failure != NULL ? find(failures, r->failure) : 0;
	int type = find(policy_types, r->policy_type);

	if (type == 0 || (r->failure != NULL && code == 0))
		return false;
	buf_adds(b, "{\"dpv\":\"1\"");
	add_text(b, "d", r->domain);
	add_text(b, "pr", record);
	buf_addf(b, ",\"policies\":[{\"policy-type\":%d", type);
	add_text(b, "policy-domain", r->policy_domain);
	add_lines(b, "policy-string", r->policy);
	add_lines(b, "mx-host", r->mx_patterns);
	if (code != 0)
		add_failure(b, r, code);
	buf_addf(b, ",\"t\":%d,\"f\":%d}]}", code != 0, code != 0);
	return true;
}
