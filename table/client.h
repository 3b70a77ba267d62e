/* client - what a plug-in gives: a database's client library in plain calls */

#ifndef TABLE_CLIENT_H
#define TABLE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The one header that a plug-in and the programs share.  A plug-in calls
 * nothing of a program, but for the two functions of an answer; what it is
 * called with stays the caller's.  Its calls may block: they run in helper
 * threads, one at a time for a connection.
 */
enum { CLIENT_ABI = 1 };

/* A list ends with a NULL name. */
struct client_setting {
	const char	*name;
	const char	*value;
};

struct client_answer {
	/* A value: rows and columns count from 0; a null value is left out.
	 * False: that is enough, stop. */
	bool	(*add)(struct client_answer *, unsigned row, unsigned column,
		    const char *bytes, size_t len);
	/* Why there is no answer. */
	void	(*fail)(struct client_answer *, const char *text);
	bool	 lost;		/* set: the connection is of no use any more */
	bool	 busy;		/* set: ask again with wait_seconds */
	bool	 none;		/* set: what was asked is not there at all */
};

struct client_question {
	const char	*text;		/* a statement or a filter */
	const char	*base;		/* LDAP: where; may be NULL */
	int		 scope;		/* LDAP: 0 base, 1 one, 2 subtree */
	const char *const *columns;	/* LDAP: attributes; ends with NULL */
	int		 row_limit;	/* 0: none */
	int		 wait_seconds;	/* 0: does not wait for locks */
};

enum client_url {
	CLIENT_URL_NO, CLIENT_URL_YES, CLIENT_URL_BAD,
};

/* A search that a value asks for, to be freed with url_free(). */
struct client_url_parts {
	const char		*base, *filter;
	const char *const	*columns;	/* or NULL */
	int			 scope;
	void			*private;
};

struct client_plugin {
	int	 abi;		/* CLIENT_ABI */

	/* NULL after why->fail(). */
	void	*(*open)(const struct client_setting *, const char *host,
		    struct client_answer *why);

	/* False after answer->fail(). */
	bool	 (*ask)(void *connection, const struct client_question *,
		    struct client_answer *);

	/* For use within single quotes: `to` has room for 2 * len + 1 bytes.
	 * The length, or (size_t)-1 if that can't be quoted.  Does not block.
	 * NULL: not a matter of the library. */
	size_t	 (*quote)(void *connection, char *to, const char *from,
		    size_t len);

	void	 (*close)(void *connection);

	/* LDAP alone. */
	enum client_url (*url_parse)(const char *,
		    struct client_url_parts *);
	void	 (*url_free)(struct client_url_parts *);
};

/* What a plug-in exports, by this name. */
extern const struct client_plugin client_plugin
    __attribute__((visibility("default")));

#endif
