/* maps - canonical and virtual tables, masquerading, completion */

#ifndef MAIL_MAPS_H
#define MAIL_MAPS_H

#include <stdbool.h>

#include "util/buf.h"
#include "util/mem.h"

/* What kind of address: canonical_classes and the like. */
enum address_class {
	CLASS_ENVELOPE_SENDER = 1, CLASS_ENVELOPE_RECIPIENT = 2,
	CLASS_HEADER_SENDER = 4, CLASS_HEADER_RECIPIENT = 8,
};

enum maps_result {
	MAPS_SAME,
	MAPS_CHANGED,
	MAPS_ERROR,		/* a table failed: logged */
};

/* Opens the tables; after the configuration was read. */
void	maps_init(void);

/* The table of an agent that sends mail on, instead: smtp_generic_maps. */
void	maps_init_generic(const char *title, const char *names);

/* Names that are looked up in /etc/hosts: before the jail. */
void	maps_before_jail(void);

/* How addresses of ours are brought into standard form. */
struct rewrite_rules;
const struct rewrite_rules *maps_rules(void);

/* Standard form, in place: as addresses of ours, or (headers from elsewhere)
 * with remote_header_rewrite_domain. */
void	maps_standard(struct buf *address, bool local);
void	maps_standard_external(struct buf *ret, const char *external,
	    bool local);
bool	maps_has_remote_domain(void);

/* sender_canonical_maps or recipient_canonical_maps, then canonical_maps.  The
 * log says what is wrong with a message (`id`); after ten rounds an address
 * stays what it is by then. */
enum maps_result maps_canonical(struct buf *address, enum address_class,
		    const char *id);

/* smtp_generic_maps: one look-up. */
enum maps_result maps_generic(struct buf *address);

/* masquerade_domains. */
enum maps_result maps_masquerade(struct buf *address, enum address_class);

/* One step of virtual_alias_maps: the addresses in `pool`, completed and
 * with the extension propagated.  MAPS_SAME: no entry. */
enum maps_result maps_virtual(struct pool *, const char *address,
		    const char ***ret, size_t *ret_count);

/* sender_bcc_maps, recipient_bcc_maps. */
enum maps_result maps_bcc(const char *address, enum address_class,
		    struct buf *ret);

#endif
