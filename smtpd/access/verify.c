/*
 * Can mail be delivered to the address?  The service verify knows, or finds
 * out by a probe; the client's reply is held up for a moment, and when that
 * is not enough the client is told to come back.
 */

#include <string.h>

#include "conf/param.h"
#include "mail/verify_client.h"
#include "smtpd/access/access.h"
#include "util/log.h"
#include "util/task.h"

/* What differs between senders and recipients. */
struct verify_rule {
	enum access_about	 about;
	const int		*reject_code, *defer_code;
	const char *const	*reason;
	const char *const	*tempfail;
	const char		*dsn_end;	/* without its class */
};

static const struct verify_rule sender_rule = {
	ABOUT_SENDER, &conf_mail.unverified_sender_reject_code,
	&conf_mail.unverified_sender_defer_code,
	&conf_mail.unverified_sender_reject_reason,
	&conf_mail.unverified_sender_tempfail_action, "1.7",
};

static const struct verify_rule recipient_rule = {
	ABOUT_RECIPIENT, &conf_mail.unverified_recipient_reject_code,
	&conf_mail.unverified_recipient_defer_code,
	&conf_mail.unverified_recipient_reject_reason,
	&conf_mail.unverified_recipient_tempfail_action, "1.1",
};

/* Asks until there is an answer, address_verify_poll_count times. */
static bool
poll_verify(const char *address, enum verify_status *status, struct buf *text)
{
	for (int n = 1;; n++) {
		if (!verify_query(address, status, text))
			return false;
		if (*status != VERIFY_TODO ||
		    n >= conf_mail.address_verify_poll_count)
			return true;
		task_sleep_ms(
		    (int64_t)conf_mail.address_verify_poll_delay * 1000);
	}
}

static enum verdict
refuse(struct access *a, const struct verify_rule *rule, const char *address,
    int code, const char *text)
{
	char dsn[] = "4.x.x";

	dsn[0] = (char)('0' + code / 100);
	strcpy(dsn + 2, rule->dsn_end);
	return access_reject(a, rule->about, code, dsn,
	    "<%s>: %s rejected: %s address: %.250s", address,
	    access_about_text(rule->about),
	    code / 100 == 4 ? "unverified" : "undeliverable",
	    **rule->reason != '\0' ? *rule->reason : text);
}

/* There may be a better reason to refuse it yet. */
static enum verdict
put_off(struct access *a, const struct verify_rule *rule, const char *address,
    const char *what, const char *text)
{
	char dsn[] = "4.x.x";

	strcpy(dsn + 2, rule->dsn_end);
	return access_tempfail(a, *rule->tempfail, rule->about,
	    *rule->defer_code, dsn, "<%s>: %s rejected: %s%.250s", address,
	    access_about_text(rule->about), what, text);
}

static enum verdict
check(struct access *a, const struct verify_rule *rule, const char *address)
{
	enum verify_status status;
	struct buf	   text = BUF_INIT;
	enum verdict	   v = VERDICT_NONE;

	if (!poll_verify(address, &status, &text)) {
		log_warn("problem talking to the verify service");
		v = put_off(a, rule, address, "",
		    "address verification problem");
	} else if (status == VERIFY_BOUNCE) {
		v = refuse(a, rule, address, *rule->reject_code, text.data);
	} else if (status != VERIFY_OK) {
		v = put_off(a, rule, address, "unverified address: ",
		    **rule->reason != '\0' ? *rule->reason : text.data);
	}
	buf_done(&text);
	return v;
}

static enum verdict
reject_unverified_sender(struct access *a, const struct access_item *item)
{
	(void)item;
	return a->sender != NULL && *a->sender != '\0' ?
	    check(a, &sender_rule, a->sender) : VERDICT_NONE;
}

static enum verdict
reject_unverified_recipient(struct access *a, const struct access_item *item)
{
	(void)item;
	return a->rcpt != NULL ? check(a, &recipient_rule, a->rcpt) :
	    VERDICT_NONE;
}

bool
access_is_probe_sender(const char *address)
{
	const struct verify_sender v = {
		.address = conf_mail.address_verify_sender,
		.origin = conf_mail.myorigin,
		.ttl = conf_mail.address_verify_sender_ttl,
	};

	return verify_is_sender(address, &v);
}

const struct restriction access_verify_family[] = {
	{ "reject_unverified_sender", reject_unverified_sender, 0 },
	{ "reject_unverified_recipient", reject_unverified_recipient, 0 },
	{ NULL, NULL, 0 }
};
