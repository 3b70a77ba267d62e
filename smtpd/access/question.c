/*
 * A question ("may this recipient have mail from this client?") runs one or
 * more lists.  Each entry permits, rejects, or has no opinion; the first
 * opinion ends its list.  A permit ends its list only: the next list is still
 * asked.  A reject ends all.
 *
 * Deferrals: defer_if_permit turns a mail that would be accepted into a 4xx,
 * defer_if_reject does that to a 5xx of the same list, or of the second of the
 * two about a recipient.  The former last from the list where they were set to
 * the end of the question; with smtpd_delay_reject = no those of the connection,
 * of HELO and of MAIL are kept in the session.
 */

#include "conf/param.h"
#include "smtpd/access/access.h"
#include "util/log.h"
#include "util/text.h"

/* --- routes */

static struct resolved *
route(struct access *a, const char *address)
{
	struct resolved *r = pool_zalloc(&a->pool, sizeof *r);

	if (resolve_one(&a->pool, a->sender != NULL ? a->sender : "", address,
	    r))
		return r;
	log_warn("problem talking to the rewrite service");
	r->transport = r->nexthop = "";
	r->recipient = address;
	r->flags = RESOLVE_FAIL;
	return r;
}

const struct resolved *
access_rcpt_route(struct access *a)
{
	if (a->rcpt_route == NULL)
		a->rcpt_route = route(a, a->rcpt);
	return a->rcpt_route;
}

const struct resolved *
access_sender_route(struct access *a)
{
	if (a->sender_route == NULL)
		a->sender_route = route(a, a->sender);
	return a->sender_route;
}

/* --- the questions */

static enum verdict
run_list(struct access *a, enum access_stage stage)
{
	if (a->s->tr.discard)
		return VERDICT_PERMIT;
	a->stage = stage;
	return access_run(a, smtpd_config.access[stage]);
}

static enum verdict
run_stage(struct access *a, enum access_stage stage)
{
	a->deferred.if_reject.text = NULL;
	return run_list(a, stage);
}

static void
begin(struct access *a, struct session *s)
{
	*a = (struct access){
		.s = s, .helo = s->helo,
		.sender = s->tr.has_sender ? s->tr.sender : NULL,
	};
}

static const char *
end(struct access *a, enum verdict v)
{
	const char *no = access_settle(a, v);

	pool_done(&a->pool);
	return no;
}

/* Deferrals of a stage before RCPT wait in the session. */
static const char *
end_early(struct access *a, enum verdict v, struct deferrals *keep)
{
	*keep = a->deferred;
	pool_done(&a->pool);
	return v == VERDICT_REJECT ? a->reply : NULL;
}

const char *
access_client(struct session *s)
{
	struct access a;
	const char   *no;

	begin(&a, s);
	no = end_early(&a, run_stage(&a, ACCESS_CLIENT), &s->defer_client);
	s->defer_helo = s->defer_client;
	return no;
}

const char *
access_helo(struct session *s, const char *helo)
{
	struct access a;

	begin(&a, s);
	a.helo = helo;
	a.deferred = s->defer_client;
	return end_early(&a, run_stage(&a, ACCESS_HELO), &s->defer_helo);
}

const char *
access_mail(struct session *s, const char *sender)
{
	struct access a;
	enum verdict  v;

	if (conf_smtpd.smtpd_delay_reject)
		return NULL;
	begin(&a, s);
	a.sender = sender;
	a.deferred = s->defer_helo;
	v = run_stage(&a, ACCESS_SENDER);
	if (v != VERDICT_REJECT && conf_smtpd.smtpd_reject_unlisted_sender)
		v = access_unlisted_sender(&a);
	return end_early(&a, v, &s->defer_sender);
}

/* Unknown senders are refused also where the list does not say so. */
static enum verdict
sender_stage(struct access *a)
{
	enum verdict v = run_stage(a, ACCESS_SENDER);

	if (v == VERDICT_REJECT || a->sender_known ||
	    a->deferred.if_permit.text != NULL ||
	    !conf_smtpd.smtpd_reject_unlisted_sender)
		return v;
	return access_unlisted_sender(a);
}

/* The lists of earlier stages, when they were put off; false: rejected. */
static bool
delayed_stages(struct access *a)
{
	struct session *s = a->s;

	if (!conf_smtpd.smtpd_delay_reject) {
		a->deferred = s->tr.has_sender ? s->defer_sender :
		    s->defer_helo;
		return true;
	}
	if (run_stage(a, ACCESS_CLIENT) == VERDICT_REJECT)
		return false;
	if (s->helo != NULL && run_stage(a, ACCESS_HELO) == VERDICT_REJECT)
		return false;
	return a->sender == NULL || sender_stage(a) != VERDICT_REJECT;
}

static enum verdict
recipient_stages(struct access *a)
{
	static const enum access_stage order[2][2] = {
		{ ACCESS_RECIPIENT, ACCESS_RELAY },
		{ ACCESS_RELAY, ACCESS_RECIPIENT },
	};
	const enum access_stage *stage =
	    order[conf_smtpd.smtpd_relay_before_recipient_restrictions];

	if (run_stage(a, stage[0]) == VERDICT_REJECT)
		return VERDICT_REJECT;
	return run_list(a, stage[1]);
}

/* So are unknown recipients. */
static enum verdict
unlisted_rcpt(struct access *a)
{
	if (a->deferred.if_permit.text != NULL || a->rcpt_known ||
	    a->s->tr.discard || !conf_smtpd.smtpd_reject_unlisted_recipient)
		return VERDICT_NONE;
	return access_unlisted_rcpt(a);
}

const char *
access_rcpt(struct session *s, const char *rcpt)
{
	struct access a;
	enum verdict  v = VERDICT_REJECT;

	if (access_is_probe_sender(rcpt))
		return NULL;
	/* without a domain it must be taken (RFC 5321 4.5.1) */
	if (text_eq_nocase(rcpt, "postmaster"))
		return NULL;
	begin(&a, s);
	a.rcpt = rcpt;
	if (delayed_stages(&a)) {
		v = recipient_stages(&a);
		if (v != VERDICT_REJECT)
			v = unlisted_rcpt(&a);
	}
	return end(&a, v);
}

static const char *
at_data(struct session *s, enum access_stage stage)
{
	struct access a;

	begin(&a, s);
	if (s->tr.rcpt_count == 1)
		a.rcpt = s->tr.first_rcpt;
	return end(&a, run_stage(&a, stage));
}

const char *
access_data(struct session *s)
{
	return at_data(s, ACCESS_DATA);
}

const char *
access_end_of_data(struct session *s)
{
	return at_data(s, ACCESS_END_OF_DATA);
}

const char *
access_etrn(struct session *s, const char *domain)
{
	struct access a;
	enum verdict  v = VERDICT_REJECT;

	begin(&a, s);
	a.etrn = domain;
	if (delayed_stages(&a))
		v = run_stage(&a, ACCESS_ETRN);
	return end(&a, v);
}

bool
access_permits_client(struct session *s, const struct access_list *l)
{
	struct access a;
	enum verdict  v;

	begin(&a, s);
	a.silent = true;
	v = access_run(&a, l);
	pool_done(&a.pool);
	return v == VERDICT_PERMIT;
}
