/* checks - header_checks, body_checks and their relatives */

#ifndef MAIL_CHECKS_H
#define MAIL_CHECKS_H

#include <stdbool.h>
#include <stddef.h>

#include "mail/mime.h"
#include "util/buf.h"

/* Who asks decides what can be done: a client can't change where mail goes,
 * and a header that a milter adds has nothing in front of it. */
enum checks_user { CHECKS_CLEANUP, CHECKS_SMTP, CHECKS_MILTER };

enum checks_kind {
	CHECKS_HEADER, CHECKS_MIME, CHECKS_NESTED, CHECKS_BODY, CHECKS_KINDS
};

enum check_action {
	CHECK_NONE,		/* no entry, DUNNO, OK, or one that can't be
				   understood: see `problem` */
	CHECK_BCC,		/* text: user@domain */
	CHECK_DISCARD,		/* text may be empty, here and where no other
				   is named */
	CHECK_FILTER,		/* text: transport:nexthop */
	CHECK_HOLD,
	CHECK_IGNORE,
	CHECK_INFO,
	CHECK_PASS,
	CHECK_PREPEND,		/* text: a line; of a header, a field */
	CHECK_REDIRECT,		/* text: user@domain */
	CHECK_REJECT,		/* text: "5.7.1 reason" */
	CHECK_REPLACE,		/* text: as CHECK_PREPEND */
	CHECK_STRIP,
	CHECK_WARN,
	CHECK_FAILED,		/* a table could not be asked: try later;
				   `problem` says which */
};

/* Start with CHECKED_INIT; every call sets it anew. */
struct checked {
	enum check_action	 action;
	struct buf		 text;
	struct buf		 problem;	/* a warning to log, or empty */
};

#define CHECKED_INIT { .text = BUF_INIT, .problem = BUF_INIT }

void	checked_done(struct checked *);

/* "header_checks" and the tables it names. */
struct checks_names {
	const char	*parameter, *tables;
};

struct checks;

/* Kinds that have no entry are not checked. */
struct checks	*checks_open(enum checks_user, int table_flags,
		    const struct checks_names names[CHECKS_KINDS]);
void		 checks_close(struct checks *);
bool		 checks_want(const struct checks *, enum checks_kind);
bool		 checks_want_any(const struct checks *);

/* MIME fields have their own tables, wherever they stand; all fields of a
 * part are such. */
enum checks_kind checks_kind_of(const struct mime_field *);

/* A field (its lines separated by '\n') or a record of the body. */
void		 checks_find(struct checks *, enum checks_kind,
		    struct str text, struct checked *ret);

/* What the value of an entry means; `parameter` is for `problem`. */
void		 checks_parse(enum checks_user, enum checks_kind,
		    const char *parameter, const char *value,
		    struct checked *ret);

/*
 * The log line behind "ID: ", as far as an action has one: "warning: header
 * Subject: x" + `origin` (" from client[addr]; from=<...", or empty) +
 * ": text".
 */
void		 checks_log_line(struct buf *, enum checks_kind,
		    const struct checked *, struct str text,
		    const char *origin);

#endif
