/* server_int - what a back-end of sasl/server.h is (private to sasl/) */

#ifndef SASL_SERVER_INT_H
#define SASL_SERVER_INT_H

#include "sasl/options.h"
#include "sasl/server.h"
#include "util/buf.h"

/* begin() and go_on() put challenge or reason into `text`, and the name into
 * `user`, owned by the login. */
struct sasl_login {
	struct sasl_server	 *server;
	const struct sasl_facts	 *facts;
	struct buf		  text;
	char			 *user;
	void			 *state;	/* the back-end's */
};

struct sasl_backend {
	const char	*name;
	/* false with why */
	bool		(*open)(struct sasl_server *, const char **ret_why);
	bool		(*mechanisms)(struct sasl_server *,
			    const struct sasl_facts *, struct buf *ret,
			    const char **ret_why);
	enum sasl_step	(*begin)(struct sasl_login *, const char *mechanism,
			    const char *initial);
	enum sasl_step	(*go_on)(struct sasl_login *, const char *response);
	void		(*end)(struct sasl_login *);
};

struct sasl_server {
	const struct sasl_backend   *backend;
	struct sasl_server_settings  set;
	void			    *state;	/* the back-end's */
};

extern const struct sasl_backend sasl_cyrus, sasl_dovecot;

/* Ends a step with a reason. */
enum sasl_step	sasl_login_fail(struct sasl_login *, enum sasl_step,
		    const char *fmt, ...)
		    __attribute__((format(printf, 3, 4)));

/* Sets the name, with what is not printable shown as '?'. */
void		sasl_login_set_user(struct sasl_login *, const char *);

#endif
