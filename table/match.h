/* match - lists of domains, hosts, networks and addresses */

#ifndef TABLE_MATCH_H
#define TABLE_MATCH_H

#include <stdbool.h>

#include "net/addr.h"

/*
 * mydestination, relay_domains, mynetworks, debug_peer_list ...: items are
 * patterns, "!pattern", "/file/name" (one item a line), or "type:table";
 * the first that matches decides.
 */
struct match;

enum match_result { MATCH_YES, MATCH_NO, MATCH_ERROR };	/* error: try later */

/* `parents`: example.com matches a.example.com too
 * (parent_domain_matches_subdomains names this parameter). */
struct match	*match_new(const char *title, const char *items, bool parents);
void		 match_free(struct match *);
bool		 match_is_empty(const struct match *);
const char	*match_title(const struct match *);

enum match_result match_domain(struct match *, const char *domain);

/* Networks (and names, if `name` is not NULL): permit_mynetworks, *_clients
 * lists. */
enum match_result match_client(struct match *, const char *name,
		    const struct addr *);

/* Any word, compared without case: notify_classes and the like. */
enum match_result match_word(struct match *, const char *word);

#endif
