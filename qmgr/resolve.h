/* resolve - from recipients to destinations */

#ifndef QMGR_RESOLVE_H
#define QMGR_RESOLVE_H

struct entry;
struct slice;

/* Asks trivial-rewrite about all recipients of the slice, together with
 * those of other slices that wait, and schedules them.  Asks on while the
 * service can't be reached. */
void	resolve_slice(struct slice *);

/* The destination or transport of an entry is dead: its recipients go to the
 * retry service with the reason.  Frees the entry. */
void	resolve_again(struct entry *);

#endif
