/* filter - a message's content as it is to leave: checks, 7-bit form */

#ifndef SMTP_FILTER_H
#define SMTP_FILTER_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/* Opens the tables of smtp_header_checks and its relatives; before the jail,
 * after the settings. */
void	filter_init(void);

/* Are there any? */
bool	filter_is_set(void);

/*
 * `to_7bit`, RFC 6152 3: parts whose Content-Transfer-Encoding is 8bit or
 * binary become quoted-printable, and multipart and message parts that said
 * so say 7bit.  What is 8-bit without saying so is left as it is.  The
 * message comes in pieces that may end anywhere, lines ended by CRLF; what is
 * ready is added to `out`.  `queue_id` is for the log.  `generic`: addresses
 * of the header are to be looked up in smtp_generic_maps.
 */
struct filter;

struct filter	*filter_new(const char *queue_id, bool to_7bit,
		    bool generic);
void		 filter_feed(struct filter *, const char *text, size_t len,
		    struct buf *out);
void		 filter_end(struct filter *, struct buf *out);
void		 filter_free(struct filter *);

/* A table could not be asked, and the log says so: nothing more comes out. */
bool		 filter_has_failed(const struct filter *);

#endif
