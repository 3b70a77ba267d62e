/* server - logins of SMTP clients: one interface over Cyrus and Dovecot */

#ifndef SASL_SERVER_H
#define SASL_SERVER_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct sasl_login;
struct sasl_server;

/* A back-end is opened once, before the jail; the strings stay the caller's
 * and must live as long. */
struct sasl_server_settings {
	const char	*type;		/* "cyrus" or "dovecot" */
	const char	*path;		/* Cyrus' application, or Dovecot's
					   socket */
	const char	*config_path;	/* Cyrus: folders of its files, or "" */
	const char	*service;	/* "smtp" */
	const char	*hostname, *realm;
	/* What a library has to say: for the log.  Called by the task that
	 * asked. */
	void		(*warn)(const char *text);
};

/* NULL with why (static, or until the next call). */
struct sasl_server	*sasl_server_open(const struct sasl_server_settings *,
			    const char **ret_why);

/* What is known of a client's connection; must outlive its logins. */
struct sasl_facts {
	const char	*client_ip, *server_ip;	/* "" if not known */
	uint16_t	 client_port, server_port;
	unsigned	 options;	/* enum sasl_option */
	bool		 encrypted;
	const char	*certificate;	/* name in the client's certificate,
					   which was verified; NULL: none */
};

/*
 * Mechanisms for a client, with a space between.  May wait.  False with why
 * when the back-end can't be asked or has none.
 */
bool	sasl_server_mechanisms(struct sasl_server *, const struct sasl_facts *,
	    struct buf *ret, const char **ret_why);

enum sasl_step {
	SASL_STEP_MORE,		/* sasl_login_text() is the challenge, base64 */
	SASL_STEP_DONE,		/* logged in as sasl_login_user() */
	SASL_STEP_REFUSED,	/* the text is the reason, for log and client */
	SASL_STEP_LATER,	/* the same: the back-end is in trouble */
};

/*
 * One login.  `initial` is the client's first response in base64, NULL if
 * there was none; "=" is an empty one (RFC 4954 4).  All but new and free may
 * wait; a login that is given up is just freed.
 */
struct sasl_login *sasl_login_new(struct sasl_server *,
		    const struct sasl_facts *);
enum sasl_step	   sasl_login_begin(struct sasl_login *,
		    const char *mechanism, const char *initial);
enum sasl_step	   sasl_login_go_on(struct sasl_login *, const char *response);
const char	  *sasl_login_text(const struct sasl_login *);

/* NULL: not told.  Printable. */
const char	  *sasl_login_user(const struct sasl_login *);
void		   sasl_login_free(struct sasl_login *);

#endif
