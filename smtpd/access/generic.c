/* Restrictions that fit in every list. */

#include <stdlib.h>

#include "conf/param.h"
#include "mail/own_addr.h"
#include "smtpd/access/access.h"
#include "smtpd/facts.h"
#include "util/log.h"
#include "util/task.h"
#include "util/text.h"

static enum verdict
permit(struct access *a, const struct access_item *item)
{
	enum access_about about = access_about(a);

	return access_permit(a, item->name, access_about_text(about),
	    access_about_name(a, about), NULL);
}

static enum verdict
reject(struct access *a, const struct access_item *item)
{
	enum access_about about = access_about(a);

	(void)item;
	return access_reject(a, about, conf_mail.reject_code, "5.7.1",
	    "<%s>: %s rejected: Access denied", access_about_name(a, about),
	    access_about_text(about));
}

static enum verdict
defer(struct access *a, const struct access_item *item)
{
	enum access_about about = access_about(a);

	(void)item;
	return access_reject(a, about, conf_mail.defer_code, "4.3.2",
	    "<%s>: %s rejected: Try again later", access_about_name(a, about),
	    access_about_text(about));
}

static enum verdict
defer_if_permit(struct access *a, const struct access_item *item)
{
	enum access_about about = access_about(a);

	(void)item;
	return access_defer_if_permit(a, about, 450, "4.7.0",
	    "<%s>: %s rejected: defer_if_permit requested",
	    access_about_name(a, about), access_about_text(about));
}

static enum verdict
defer_if_reject(struct access *a, const struct access_item *item)
{
	enum access_about about = access_about(a);

	(void)item;
	return access_defer_if_reject(a, about, 450, "4.7.0",
	    "<%s>: %s rejected: defer_if_reject requested",
	    access_about_name(a, about), access_about_text(about));
}

static enum verdict
warn_if_reject(struct access *a, const struct access_item *item)
{
	(void)item;
	a->warn = true;
	return VERDICT_NONE;
}

static enum verdict
sleep_seconds(struct access *a, const struct access_item *item)
{
	long n;

	(void)a;
	if (item->arg == NULL || !text_to_long(item->arg, 0, 3600, &n)) {
		log_warn("restriction sleep must be followed by number");
		return access_broken(a);
	}
	task_sleep_ms(n * 1000);
	return VERDICT_NONE;
}

/* For what the client is, whatever the list is about. */
static enum verdict
permit_client(struct access *a, const struct access_item *item)
{
	return access_permit(a, item->name, access_about_text(ABOUT_CLIENT),
	    a->s->client.label, NULL);
}

/* One of our own clients may be asking: it must come again. */
static enum verdict
trust_unknown(struct access *a)
{
	bool by_rcpt = a->rcpt != NULL;

	return access_reject(a, by_rcpt ? ABOUT_RECIPIENT : ABOUT_CLIENT, 451,
	    "4.3.0", "<%s>: Temporary lookup failure",
	    by_rcpt ? a->rcpt : a->s->client.label);
}

static enum verdict
permit_mynetworks(struct access *a, const struct access_item *item)
{
	if (a->s->client.trust_unknown)
		return trust_unknown(a);
	return a->s->client.trusted ? permit_client(a, item) : VERDICT_NONE;
}

static enum verdict
permit_inet_interfaces(struct access *a, const struct access_item *item)
{
	return own_addr_has(&a->s->client.addr) ? permit_client(a, item) :
	    VERDICT_NONE;
}

static enum verdict
reject_plaintext_session(struct access *a, const struct access_item *item)
{
	(void)item;
	if (facts_is_encrypted(a->s))
		return VERDICT_NONE;
	return access_reject(a, ABOUT_CLIENT, conf_mail.plaintext_reject_code,
	    "4.7.1", "Session encryption is required");
}

static enum verdict
reject_unauth_pipelining(struct access *a, const struct access_item *item)
{
	enum access_about about = access_about(a);

	(void)item;
	if (!a->s->bad_pipelining)
		return VERDICT_NONE;
	return access_reject(a, about, 503, "5.5.0",
	    "<%s>: %s rejected: Improper use of SMTP command pipelining",
	    access_about_name(a, about), access_about_text(about));
}

/* A bounce answers one message, so it has one recipient. */
static enum verdict
reject_multi_recipient_bounce(struct access *a, const struct access_item *item)
{
	enum access_about about = access_about(a);

	(void)item;
	/* at RCPT the recipient at hand comes on top */
	if (a->sender == NULL || *a->sender != '\0' ||
	    a->s->tr.rcpt_count + text_eq(a->s->stage, "RCPT") < 2)
		return VERDICT_NONE;
	return access_reject(a, about,
	    conf_mail.multi_recipient_bounce_reject_code, "5.5.3",
	    "<%s>: %s rejected: Multi-recipient bounce",
	    access_about_name(a, about), access_about_text(about));
}

static enum verdict
gone(struct access *a, const struct access_item *item)
{
	static const struct {
		const char *name, *instead;
	} rows[] = {
		{ "check_relay_domains", "reject_unauth_destination" },
		{ "reject_maps_rbl", "reject_rbl_client domain-name" },
		{ "permit_naked_ip_address",
		    "permit_mynetworks\" or \"permit_sasl_authenticated" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (text_eq_nocase(item->name, rows[i].name))
			log_warn("support for restriction \"%s\" has been "
			    "removed in %s 3.9; instead, specify \"%s\"",
			    rows[i].name, conf_mail.mail_name,
			    rows[i].instead);
	return access_broken(a);
}

const struct restriction access_generic[] = {
	{ "permit", permit, 0 },
	{ "reject", reject, STOPS_RELAY },
	{ "defer", defer, STOPS_RELAY },
	{ "defer_if_permit", defer_if_permit, STOPS_RELAY },
	{ "defer_if_reject", defer_if_reject, 0 },
	{ "warn_if_reject", warn_if_reject, IS_PREFIX },
	{ "sleep", sleep_seconds, TAKES_WORD },
	{ "permit_mynetworks", permit_mynetworks, 0 },
	{ "permit_inet_interfaces", permit_inet_interfaces, 0 },
	{ "reject_plaintext_session", reject_plaintext_session, 0 },
	{ "reject_unauth_pipelining", reject_unauth_pipelining, 0 },
	{ "reject_multi_recipient_bounce", reject_multi_recipient_bounce, 0 },
	{ "check_relay_domains", gone, 0 },
	{ "reject_maps_rbl", gone, 0 },
	{ "permit_naked_ip_address", gone, 0 },
	{ NULL, NULL, 0 }
};
