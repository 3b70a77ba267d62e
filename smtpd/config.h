/* config - parameters of the SMTP server in the form that sessions use */

#ifndef SMTPD_CONFIG_H
#define SMTPD_CONFIG_H

#include <stdbool.h>

#include "mail/reject_footer.h"

struct access_list;
struct match;
struct table_list;

enum bare_newline { BARE_NEWLINE_OK, BARE_NEWLINE_NORMALIZE,
	BARE_NEWLINE_REJECT };

/* Restriction lists, in the order of a session. */
enum access_stage {
	ACCESS_CLIENT, ACCESS_HELO, ACCESS_SENDER, ACCESS_RELAY,
	ACCESS_RECIPIENT, ACCESS_DATA, ACCESS_END_OF_DATA, ACCESS_ETRN,
	ACCESS_STAGES
};

/* Set once by config_load(), before the first session. */
struct smtpd_config {
	enum bare_newline	 bare_newline;
	unsigned		 ehlo_discard;	/* enum ehlo_keyword bits */
	unsigned		 notices;	/* enum notice_class bits */
	bool			 limits;	/* anvil is needed at all */
	bool			 account_limits;
	int			 families;	/* DNS_V4 | DNS_V6: inet_protocols */

	struct match		*mynetworks;
	struct match		*limit_exceptions;
	struct match		*greylist_exceptions;
	struct match		*account_exceptions;	/* NULL: none */
	struct match		*newline_exceptions;
	struct match		*forbidden_commands;
	struct match		*noop_commands;
	struct match		*backup_networks;
	struct match		*xclient_hosts, *xforward_hosts, *verp_clients,
				*debug_peers;
	struct match		*log_permit;	/* smtpd_log_access_permit_actions */

	struct table_list	*ehlo_discard_maps;
	struct table		*command_filter;
	struct reject_footer	 reject_footer;
	struct table_list	*reject_filters;
	struct table_list	*rbl_replies;

	/* who is a known recipient */
	struct table_list	*local_recipients;
	struct table_list	*virtual_aliases;
	struct table_list	*virtual_mailboxes;
	struct table_list	*relay_recipients;
	struct table_list	*canonical;
	struct table_list	*recipient_canonical;
	struct table_list	*sender_canonical;
	struct table_list	*sender_logins;

	struct access_list	*access[ACCESS_STAGES];
	struct access_list	*local_header_clients;
	unsigned		 cleanup_flags;	/* enum cleanup_flag bits */
	bool			 proxy_speed_adjust;
	bool			 check_recipients;	/* no override in force */
};

extern struct smtpd_config smtpd_config;

/* Ends the process when relaying is not restricted. */
void	config_load(void);

/* Bits of a list such as "chunking, etrn". */
unsigned config_ehlo_keywords(const char *list);
const char *config_ehlo_name(unsigned bit);	/* or NULL */

/* Does parent_domain_matches_subdomains name this list? */
bool	config_matches_parents(const char *parameter);

#endif
