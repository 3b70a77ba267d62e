/* access - restriction lists: who may do what */

#ifndef SMTPD_ACCESS_ACCESS_H
#define SMTPD_ACCESS_ACCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "mail/resolve_client.h"
#include "smtpd/config.h"
#include "smtpd/session.h"
#include "util/mem.h"

/*
 * What sessions ask.  NULL: go on.  Otherwise the reply, "554 5.7.1 ...",
 * already logged; it lives until the next question of the session.
 *
 * With smtpd_delay_reject the questions of connect, HELO and MAIL are
 * asked again and decided at RCPT (or VRFY, ETRN).
 */
const char	*access_client(struct session *);
const char	*access_helo(struct session *, const char *helo);
const char	*access_mail(struct session *, const char *sender);
const char	*access_rcpt(struct session *, const char *rcpt);
const char	*access_data(struct session *);
const char	*access_end_of_data(struct session *);
const char	*access_etrn(struct session *, const char *domain);

/* Does the client fit a list of permit_* (local_header_rewrite_clients)? */
bool		 access_permits_client(struct session *,
		    const struct access_list *);

/* --- lists, compiled at start-up and for the right-hand sides of tables */

struct access_list;
struct access;

enum verdict { VERDICT_NONE, VERDICT_PERMIT, VERDICT_REJECT };

/* One entry of a list: a restriction with its argument, opened if it is a
 * table. */
struct access_item;

/* Bad names are found when the list is used: 451 4.3.5 for the client. */
struct access_list *access_compile(const char *title, const char *text);
/* The same for a list that a client fits or not: a table stands for
 * check_address_map. */
struct access_list *access_compile_clients(const char *title,
		    const char *text);
/* At start-up: ends the process if a class of smtpd_restriction_classes has
 * no definition. */
void		 access_check_classes(void);

void		 access_list_free(struct access_list *);

/* Has it one of the restrictions without which a host relays for all? */
bool		 access_restricts_relay(const struct access_list *);

/* --- for the families of restrictions */

/* What a verdict is about: the words in replies. */
enum access_about {
	ABOUT_CLIENT, ABOUT_REVERSE_CLIENT, ABOUT_HELO, ABOUT_SENDER,
	ABOUT_RECIPIENT, ABOUT_DATA, ABOUT_END_OF_DATA, ABOUT_ETRN,
	ABOUT_LOGIN,		/* who has logged in */
	ABOUT_CCERT,		/* the client's certificate */
	ABOUT_NOTHING,		/* a status code that fits already */
};

/* The table entry that named a list: refusals of the list tell of it. */
struct entry {
	const char	*name;		/* NULL: no entry */
	enum access_about about;
};

/* One question under way. */
struct access {
	struct session	*s;
	enum access_stage stage;	/* of the list that runs */
	const char	*helo, *sender, *rcpt, *etrn;	/* NULL: not known */
	struct deferrals deferred;
	bool		 silent;	/* a permit is no news */
	bool		 warn;		/* warn_if_reject is in force */
	unsigned	 depth;		/* lists within lists */
	struct entry	 entry;		/* while its list runs */
	unsigned	 in_default_action; /* of a policy server that failed */
	bool		 by_policy;	/* an action comes from a policy server */
	bool		 rcpt_known, sender_known; /* already checked */
	struct resolved	*rcpt_route, *sender_route; /* NULL until asked */
	struct pool	 pool;		/* lives as long as the question */
	const char	*reply;		/* set with VERDICT_REJECT */
};

struct access_item {
	const struct restriction *what;	/* NULL: unknown name */
	const char	*name;		/* as written */
	const char	*arg;		/* NULL: none */
	struct table	*table;
	struct access_list *list;	/* a restriction class */
};

typedef enum verdict access_fn(struct access *, const struct access_item *);

enum restriction_flag {
	TAKES_TABLE = 1,	/* the next word is type:table */
	TAKES_WORD = 2,		/* the next word is anything */
	STOPS_RELAY = 4,	/* counts for the start-up check */
	OPENS_GREYLIST = 8,	/* its table is opened before the jail */
	IS_PREFIX = 16,		/* is about the entry that follows */
};

/* A restriction is one row and one function. */
struct restriction {
	const char	*name;
	access_fn	*run;
	int		 flags;
};

/* Tables of the families, each ending with a NULL name. */
extern const struct restriction access_generic[], access_client_family[],
    access_helo_family[], access_sender_family[], access_recipient_family[],
    access_table_family[], access_dnsbl_family[], access_servers_family[],
    access_policy_family[], access_backup_family[], access_verify_family[],
    access_login_family[], access_ccert_family[], access_greylist_family[];

/*
 * "CODE DSN TEXT".  With warn_if_reject it is logged as reject_warning and
 * the list goes on; a 5xx after a defer_if_reject becomes that deferral.
 */
enum verdict	 access_reject(struct access *, enum access_about, int code,
		    const char *dsn, const char *fmt, ...)
		    __attribute__((format(printf, 5, 6)));
enum verdict	 access_defer_if_permit(struct access *, enum access_about,
		    int code, const char *dsn, const char *fmt, ...)
		    __attribute__((format(printf, 5, 6)));


/*
 * A check that failed for now: `action` is a *_tempfail_action, "defer" or
 * "defer_if_permit".
 */
enum verdict	 access_tempfail(struct access *, const char *action,
		    enum access_about, int code, const char *dsn,
		    const char *fmt, ...)
		    __attribute__((format(printf, 6, 7)));

enum verdict	 access_defer_if_reject(struct access *, enum access_about,
		    int code, const char *dsn, const char *fmt, ...)
		    __attribute__((format(printf, 5, 6)));

/* The reply of a question's end, or NULL: a permit may be a deferral yet. */
const char	*access_settle(struct access *, enum verdict);

/* 451 4.3.5 Server configuration error. */
enum verdict	 access_broken(struct access *);

/* Permits, with a line in the log if smtpd_log_access_permit_actions asks for
 * it: "action=ACTION for WHAT=NAME from ORIGIN". */
enum verdict	 access_permit(struct access *, const char *action,
		    const char *what, const char *name, const char *origin);

/* What the list at hand is about: in main.cf; and for restrictions that fit in
 * any, which may stand in a table's entry. */
enum access_about access_stage_about(const struct access *);
enum access_about access_about(const struct access *);

/* "Client host", "Sender address" ...; and what stands in "<>". */
const char	*access_about_text(enum access_about);
const char	*access_about_name(const struct access *, enum access_about);

/* Runs a list; VERDICT_NONE if nothing decided. */
enum verdict	 access_run(struct access *, const struct access_list *);

/* Where an address goes: asked once a question.  NULL: can't be known now. */
const struct resolved *access_rcpt_route(struct access *);
const struct resolved *access_sender_route(struct access *);

/* Does the recipient's mail end here, or do we relay for its domain?
 * (recipient.c) */
bool		 access_is_auth_destination(struct access *);

/* Opens smtpd_greylist_map, once. */
void		 access_greylist_open(void);

/* Is the address known in its class?  (unlisted.c) */
enum verdict	 access_unlisted_rcpt(struct access *);
enum verdict	 access_unlisted_sender(struct access *);

/* address_verify_sender: who answers our probes must not be probed, nor
 * refused.  (verify.c) */
bool		 access_is_probe_sender(const char *address);

/*
 * Carries out the right-hand side of an access table (table.c): `about` and
 * `name` say what was looked up, `origin` is the table's name.
 */
enum verdict	 access_action(struct access *, enum access_about,
		    const char *name, const char *origin, const char *action);

#endif
