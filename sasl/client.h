/* client - logging in to a server: mechanisms of Cyrus SASL, and tokens */

#ifndef SASL_CLIENT_H
#define SASL_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "sasl/server.h"

struct sasl_talk;

/* Opened once, before the jail, as sasl_server_open(); "cyrus" is the one
 * type.  The strings must live as long. */
struct sasl_client_settings {
	const char	*type;
	const char	*config_path;	/* "": the library's own */
	bool		 send_authzid;
	void		(*warn)(const char *text);
};

struct sasl_client	*sasl_client_open(const struct sasl_client_settings *,
			    const char **ret_why);

/* Who logs in where; must outlive the talk. */
struct sasl_account {
	const char	*user, *password;
	const char	*token;		/* not NULL: XOAUTH2 or OAUTHBEARER
					   with this token, and no password */
	const char	*host;		/* the server's name */
	uint16_t	 port;
	unsigned	 options;	/* enum sasl_option */
};

/*
 * A login, the other side of struct sasl_login.  begin: the best of the
 * mechanisms (words) that the server offers; sasl_talk_mechanism() is the one,
 * and MORE with a text is the initial response, which is left out while
 * sasl_talk_has_text() is false.  go_on: the answer to a challenge.  All in
 * base64.  REFUSED with a reason: no mechanism fits, or a bad challenge;
 * whether the login was good is for the server to say.
 */
struct sasl_talk *sasl_talk_new(struct sasl_client *,
		    const struct sasl_account *);
enum sasl_step	  sasl_talk_begin(struct sasl_talk *, const char *mechanisms);
enum sasl_step	  sasl_talk_go_on(struct sasl_talk *, const char *challenge);
const char	 *sasl_talk_mechanism(const struct sasl_talk *);
bool		  sasl_talk_has_text(const struct sasl_talk *);
const char	 *sasl_talk_text(const struct sasl_talk *);
void		  sasl_talk_free(struct sasl_talk *);

#endif
