/* address - mail addresses: RFC 5321 paths and RFC 5322 header fields */

#ifndef MAIL_ADDRESS_H
#define MAIL_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"

/*
 * Two forms.  External: as on the wire, local part quoted where it must be:
 * "john doe"@example.com.  Internal: without quotes: john doe@example.com;
 * the last '@' separates the domain.  Tables, queue files and log
 * fields of recipients hold the internal form unless a header says otherwise;
 * logs print the external.
 */

/* Domain after the last '@', or NULL. */
const char	*address_domain(const char *internal);
size_t		 address_local_len(const char *internal);

/* Internal to external and back; the result is appended. */
void		 address_quote(struct buf *, const char *internal);

/* The same if both differ; false, with nothing added, if they do not.  For
 * keys of tables, see struct table_address. */
bool		 address_quote_odd(struct buf *, const char *internal);
bool		 address_unquote(struct buf *, const char *external);

/* Local parts that have extensions, and those that only look so. */
struct address_names {
	const char	*delimiters;	/* recipient_delimiter */
	const char	*double_bounce;	/* double_bounce_sender: is whole */
	bool		 owner_request;	/* so are owner-x and x-request */
};

/*
 * The extension of a local part: points at the delimiter within `local`, or
 * NULL.  It does not begin at position 0; mailer-daemon has none.
 */
const char	*address_extension(const char *local, size_t len,
		    const struct address_names *);

/*
 * SMTP path of MAIL FROM and RCPT TO: "<...>" or, when not strict, without
 * brackets, with white space and source route as Postfix takes them.  Text
 * after the path starts at *ret_rest.  Internal form is appended; it may be
 * empty; whether its domain can be one is for the resolver to say.  False
 * with why (static text): "Bad sender address syntax" ... is the caller's.
 */
bool		 address_parse_path(struct buf *internal, const char *text,
		    const char **ret_rest, bool strict, const char **ret_why);

/* Is it empty ("<>")? */
bool		 address_is_null(const char *);

/* The shape of a host name (not all digits; a final dot is allowed; UTF-8
 * passes); the same or a well-formed literal. */
bool		 address_is_hostname(const char *, size_t len);
bool		 address_is_domain(const char *domain);

/* --- header fields: token trees of RFC 5322 with obsolete syntax
 * (mail/address_header.c) */

enum token_type {
	TOKEN_ATOM, TOKEN_QUOTED, TOKEN_COMMENT, TOKEN_LITERAL,
	TOKEN_SPECIAL,		/* one byte in `text` */
	TOKEN_ADDRESS,		/* an addr-spec: its tokens are children */
};

/* White space is not kept: writing puts it where Postfix does. */

struct token {
	enum token_type	 type;
	struct str	 text;		/* as written, quotes and all; of a
					   TOKEN_ADDRESS: empty until set */
	struct token	*next;
	struct token	*children;	/* TOKEN_ADDRESS */
};

struct pool;

/* Parses the value of an address header.  After `limit` tokens
 * (header_address_token_limit) the rest is left out.  Tokens point into
 * `text`, which must live as long as they do. */
struct token	*address_parse_header(struct pool *, struct str text,
		    size_t limit);

/* Writes a list back after the field name that `buf` ends with, a new line
 * (CRLF, tab) before an entry that would make a line of 70 bytes or more. */
void		 address_write_header(struct buf *, const struct token *);

/* A TOKEN_ADDRESS as it is written, without comments (never empty: "\"\"");
 * its internal form; and setting that anew. */
void		 address_token_text(struct buf *, const struct token *);
void		 address_token_get(struct buf *, const struct token *);
void		 address_token_set(struct pool *, struct token *,
		    const char *internal);

#endif
