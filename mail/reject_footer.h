/* reject_footer - what a site adds to every refusal it gives to a client */

#ifndef MAIL_REJECT_FOOTER_H
#define MAIL_REJECT_FOOTER_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct table_list;

/*
 * The footers of smtpd_reject_footer and smtpd_reject_footer_maps, or of
 * postscreen's parameters.  Start with reject_footer_init(); what it is given
 * must stay.
 */
struct reject_footer {
	const char	  *text;	/* "": none */
	struct table_list *maps;	/* by the whole reply; NULL: none */
	char		  *allowed;	/* bytes that values may have */
};

/* `filter`: smtpd_expansion_filter, as written, with C escapes. */
void	reject_footer_init(struct reject_footer *, const char *text,
	    struct table_list *maps, const char *filter);

static inline bool
reject_footer_is_used(const struct reject_footer *f)
{
	return f->maps != NULL || *f->text != '\0';
}

struct reject_facts {
	const char	*client_address, *server_name;
	unsigned	 client_port;
	const char     *(*other)(void *arg, const char *name);
	void		*arg;
};

/*
 * `reply`, lines with CRLF between them but not at the end, gets the footer:
 * "\c" at its beginning continues the last line; "\n" begins another, with the
 * same code and status.  False: nothing was added, and why.
 */
bool	reject_footer_add(const struct reject_footer *, struct buf *reply,
	    const struct reject_facts *, const char **ret_why);

#endif
