/* footer - what sites do to the text of refusals */

#ifndef SMTPD_FOOTER_H
#define SMTPD_FOOTER_H

struct buf;
struct session;

/* smtpd_reject_filter_maps: the whole reply, "550 5.1.1 text" without CRLF,
 * may become another. */
void	footer_filter(struct buf *reply);

/* smtpd_reject_footer_maps or smtpd_reject_footer behind it: on its last line
 * or on lines of their own. */
void	footer_add(struct session *, struct buf *reply);

#endif
