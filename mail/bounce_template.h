/* bounce_template - the wording of notifications, built in or from a file */

#ifndef MAIL_BOUNCE_TEMPLATE_H
#define MAIL_BOUNCE_TEMPLATE_H

#include <stdbool.h>

struct buf;

enum bounce_template_type {
	TEMPLATE_FAILURE, TEMPLATE_DELAY, TEMPLATE_SUCCESS, TEMPLATE_VERIFY,
	TEMPLATE_COUNT
};

/* `text` has $name in it; lines end with LF. */
struct bounce_template {
	const char	*name;			/* "failure" */
	const char	*origin;		/* file, or "[built-in]" */
	const char	*charset;
	const char	*from;			/* NULL: as header_from_format
						   says */
	const char	*subject;
	const char	*postmaster_subject;
	const char	*text;
};

typedef void bounce_template_warn_fn(const char *text);

struct bounce_templates {
	struct bounce_template	 t[TEMPLATE_COUNT];
	char			*blocks[TEMPLATE_COUNT]; /* of the file, not
							    yet looked into */
	bounce_template_warn_fn	*warn;		/* or NULL */
	const char		*origin;
	char			*file;		/* its bytes, or NULL */
};

void	bounce_templates_init(struct bounce_templates *,	/* built in */
	    bounce_template_warn_fn *);
void	bounce_templates_done(struct bounce_templates *);

/*
 * What the file does not have stays as it was.  False with why, and all
 * templates as they were, if the file can't be read or is no such file.
 */
bool	bounce_templates_read(struct bounce_templates *, const char *path,
	    struct buf *why);

/* The same for text at hand, which is changed and must live as long. */
bool	bounce_templates_parse(struct bounce_templates *, char *text,
	    const char *origin, struct buf *why);

/* Of the file, or the built-in one with a warning if that can't be used: a
 * service speaks of those alone that it needs. */
const struct bounce_template *bounce_template_get(struct bounce_templates *,
	    enum bounce_template_type);

/*
 * Adds the text with its $names.  `value` gives a parameter's text (it may be
 * asked for names that don't exist: NULL); the two times are in seconds.
 * `warn` is told of units that give zero, or a large number.
 */
struct bounce_template_values {
	const char		*(*value)(const char *name);
	int			 delay_warning_seconds, queue_lifetime_seconds;
	bool			 utf8;		/* for domains of our own */
	bounce_template_warn_fn	*warn;
};

bool	bounce_template_expand(struct buf *, const struct bounce_template *,
	    const struct bounce_template_values *, const char **ret_why);

#endif
