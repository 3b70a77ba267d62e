/* client_int - what ways of logging in have in common (private to sasl/) */

#ifndef SASL_CLIENT_INT_H
#define SASL_CLIENT_INT_H

#include "sasl/client.h"
#include "sasl/options.h"
#include "util/buf.h"

struct sasl_way {
	enum sasl_step	(*begin)(struct sasl_talk *, const char *mechanisms);
	/* `challenge` is decoded */
	enum sasl_step	(*go_on)(struct sasl_talk *,
			    const struct buf *challenge);
	void		(*end)(struct sasl_talk *);
};

struct sasl_client {
	struct sasl_client_settings set;
	const struct cyrus	   *api;
};

struct sasl_talk {
	struct sasl_client	  *client;
	const struct sasl_account *account;
	const struct sasl_way	  *way;
	struct buf		   mechanism;
	struct buf		   text;
	bool			   has_text;
	void			  *state;	/* the way's */
};

extern const struct sasl_way sasl_way_cyrus, sasl_way_token;

/* Loads the library.  False with why. */
bool		sasl_client_start_cyrus(struct sasl_client *,
		    const char **ret_why);

/* Ends a step with a reason. */
enum sasl_step	sasl_talk_fail(struct sasl_talk *, const char *why);

/* Ends a step with what is to be sent: text = base64. */
enum sasl_step	sasl_talk_say(struct sasl_talk *, const void *, size_t len);

#endif
