/* recipient - what happens to mail for one local name */

#ifndef LOCAL_RECIPIENT_H
#define LOCAL_RECIPIENT_H

#include <stdbool.h>
#include <sys/types.h>

#include "local/address_list.h"
#include "local/user.h"
#include "mail/why.h"

struct delivery;
struct forward;
struct map;
struct recipient;
struct table_list;

enum { NESTING_MAX = 100 };	/* aliases within aliases */

/* One recipient of a request, with all that it expands to. */
struct request {
	struct delivery		*d;
	struct recipient	*top;
	struct map		*seen;		/* what got a copy already */
	struct forward		*forwards;	/* members that are queued anew */
	struct pool		*pool;
	int			 own_count;	/* members that are the user's */
};

/*
 * Where an expansion stands: a chain from the name at hand up to the
 * recipient of the request.
 */
struct context {
	const struct context	*parent;
	const char		*alias;		/* expanded here; NULL at the top
						   and in a .forward */
	const char		*user;		/* whose .forward it is, or one
						   above; NULL */
	const char		*forward_path;	/* of that file */
	int			 level;
	enum { LIST_ALIAS, LIST_FORWARD, LIST_INCLUDE } kind;
	bool			 is_luser;	/* luser_relay once, no circle */
	const char		*unmatched;	/* extension that the list was not
						   found with, its delimiter
						   first; NULL */
	const char		*owner;		/* of the list at hand, or NULL */
	const char		*blamed;	/* told of commands and files that
						   fail: the owner of the nearest
						   alias; NULL: the sender */
	const char		*sender;	/* the owner of this list or of one
						   above; NULL: the message's */
	bool			 gathers;	/* members are queued anew, not
						   delivered at once; so it is,
						   too, with an owner */
	/* as whom commands run and files are written */
	bool			 of_user;	/* by these ids files are read, too;
						   else by root */
	uid_t			 uid;
	gid_t			 gid;
	const char		*home, *shell, *logname;
	const char		*address;	/* for the log: member being done */
	const char		*delivered_to;	/* for Delivered-To: fields */
};

/* The whole recipient: delivered, logged, settled. */
void	recipient_deliver(struct delivery *, struct recipient *);

/* One step down: `address` is user[+ext]@local-domain in `c`. */
enum outcome recipient_name(struct request *, const struct context *c,
	    const char *address);

bool	context_gathers(const struct context *);

/* From here on with the user's rights. */
void	context_act_as(struct context *, const struct user *);

/* alias.c, dot_forward.c: true if an alias or a .forward took the mail; *ret is
 * the worst outcome of its members. */
bool	alias_deliver(struct request *, const struct context *,
	    const char *address, enum outcome *ret);
bool	dot_forward_deliver(struct request *, const struct context *,
	    const char *address, const struct user *, enum outcome *ret);

/* include.c: the members of a file. */
enum outcome include_deliver(struct request *, const struct context *,
	    const char *path);

/* alias.c: every member of a list. */
enum outcome targets_deliver(struct request *, struct context *,
	    const struct target_list *);

/* mailbox.c: the user's mailbox, as the parameters say. */
enum outcome mailbox_deliver(struct request *, const struct context *,
	    const char *address, const struct user *);
/* mailbox_transport and its tables: for any name.  As pass_deliver(). */
bool	mailbox_transport_deliver(struct request *, const struct context *,
	    const char *address, const char *user, enum outcome *ret);
enum outcome file_deliver(struct request *, const struct context *,
	    const char *path);

/* command.c */
enum outcome command_deliver(struct request *, const struct context *,
	    const char *command);

/* pass.c: true if a table or a parameter hands the mail to another transport. */
struct pass_rule {
	struct table_list	*maps;		/* by user name */
	const char		*key;
	const char		*fixed;		/* "transport:nexthop" or "" */
};

bool	pass_deliver(struct request *, const struct context *,
	    const char *address, const struct pass_rule *, enum outcome *ret);

/* Where luser_relay wants mail for an unknown name; NULL: nowhere. */
const char *luser_address(struct request *, const char *address);

/* alias.c: an address in a list, or any other that takes a name's place. */
enum outcome address_deliver(struct request *, struct context *,
	    const char *written);

/*
 * The name is a list now, whose members take over.  Who wanted to know of
 * success is told so; failures are still reported.  `action`: "expanded" for
 * an alias, "delivered" for a mailing list (RFC 3461 5.2.7.3).
 */
void	request_expanded(struct request *, const struct context *,
	    const char *action);

/* A member that will be queued anew with the others. */
void	recipient_gather(struct request *, const struct context *,
	    const char *address);

/* Does the user's .forward name the user itself? */
bool	is_own_mailbox(struct request *, const struct context *,
	    const char *address);

/* Logs and reports a part (see deliver.h): a failure of a command or file that a
 * list names to its owner, others to the sender. */
enum outcome request_part_of_list(struct request *, const struct context *,
	    const struct why *);
enum outcome request_part(struct request *, const struct context *,
	    const struct why *);
enum outcome request_end(struct request *, const struct context *,
	    const char *dsn, const char *text);
/* What is wrong has been logged; the world hears that much. */
enum outcome request_misconfigured(struct request *, const struct context *,
	    const char *dsn);

/* The sender of what is delivered: a list's owner, or the message's. */
const char *request_sender(const struct request *, const struct context *);

/* NULL: not known, or of no concern to a list. */
const char *request_original(const struct request *, const struct context *);

/* True the first time that a key ("user bob") is seen for this request. */
bool	request_first(struct request *, const char *kind, const char *what);

/* FAILED and DONE give way to TRY_LATER: the worst of both. */
enum outcome outcome_worse(enum outcome, enum outcome);

/* Tables and lists, opened once by local_main.c. */
struct local_tables {
	struct table_list	*aliases;
	struct table_list	*mailbox_command_maps;
	struct table_list	*mailbox_quota_maps;
	struct table_list	*mailbox_transport_maps;
	struct table_list	*fallback_transport_maps;
	unsigned		 locks;		/* MBOX_* */
	uid_t			 default_uid;	/* default_privs */
	gid_t			 default_gid;
};

extern struct local_tables local_tables;

#endif
