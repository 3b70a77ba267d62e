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

struct bounce_templates {
	struct bounce_template	 t[TEMPLATE_COUNT];
	char			*file;		/* its bytes, or NULL */
};

void	bounce_templates_init(struct bounce_templates *);	/* built in */
void	bounce_templates_done(struct bounce_templates *);

/*
 * What the file does not have stays as it was, and so does a template that
 * can't be used: `warn` (may be NULL) is told.  False with why, and all
 * templates as they were, if the file can't be read or is no such file.
 */
bool	bounce_templates_read(struct bounce_templates *, const char *path,
	    void (*warn)(const char *text), struct buf *why);

/* The same for text at hand, which is changed and must live as long. */
bool	bounce_templates_parse(struct bounce_templates *, char *text,
	    const char *origin, void (*warn)(const char *text),
	    struct buf *why);

/*
 * Adds the text with its $names.  `value` gives a parameter's text (it may be
 * asked for names that don't exist: NULL); the two times are in seconds.
 * `warn` is told of units that give zero.
 */
struct bounce_template_values {
	const char	*(*value)(const char *name);
	int		 delay_warning_seconds, queue_lifetime_seconds;
	void		(*warn)(const char *text);
};

bool	bounce_template_expand(struct buf *, const struct bounce_template *,
	    const struct bounce_template_values *, const char **ret_why);

#endif
