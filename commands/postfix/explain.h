/* explain - what would happen to mail for an address, and why */

#ifndef COMMANDS_POSTFIX_EXPLAIN_H
#define COMMANDS_POSTFIX_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"
#include "util/mem.h"

/* "postfix explain ...": the exit status. */
int	explain_main(int argc, char **argv);

/*
 * Why something is as it is: a parameter with its value, or an entry that was
 * found in one of its tables (`where` is the table) or lists (`where` is the
 * pattern, `value` NULL).
 */
struct reason {
	struct reason	*next;
	const char	*parameter;
	const char	*value;
	const char	*where, *key;	/* NULL: the parameter itself */
	int		 line;		/* of main.cf; 0: the default */
};

struct reasons {
	struct reason	 *first;
	struct reason	**tail;
};

/* One address became others. */
struct step {
	struct step	*next;
	const char	*what;		/* "rewrite", "canonical" ... */
	const char	*from;
	const char	**to;
	size_t		 to_count;
	struct reasons	 why;
};

struct host {
	struct host	*next;
	int		 preference;	/* -1: not by MX */
	const char	*name;
	const char	*addresses;	/* "192.0.2.1, 2001:db8::1" or why */
};

/* Where one address goes in the end. */
struct way {
	struct way	*next;
	const char	*address;
	const char	*class;
	const char	*transport, *nexthop;
	struct reasons	 why;
	const char	*service;	/* its line of master.cf, or NULL */
	int		 service_line;
	bool		 has_hosts;
	struct host	*hosts;
	const char	*trouble;	/* no such service, no such host ... */
};

/* All that is known of a recipient. */
struct explanation {
	struct pool	*pool;
	const char	*sender, *recipient, *client;	/* as asked, internal */
	struct step	*steps, **steps_tail;
	struct way	*ways, **ways_tail;
	const char	*trouble;	/* mail would not get into the queue */
	const char	*reply;		/* of smtpd, or NULL */
	const char	*no_reply;	/* why there is none */
};

/* --- explain_why.c: collecting reasons */

void	why_start(struct pool *, struct reasons *);	/* entries go there */
void	why_stop(void);
void	why_parameter(struct pool *, struct reasons *, const char *name);

/* --- explain_steps.c, explain_way.c, explain_smtpd.c */

void	explain_steps(struct explanation *, const char ***ret,
	    size_t *ret_count);
void	explain_way(struct explanation *, const char *address);
void	explain_smtpd(struct explanation *);

/* --- explain_print.c */

void	explain_text(struct buf *, const struct explanation *);
void	explain_json(struct buf *, const struct explanation *);

#endif
