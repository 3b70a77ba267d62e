#include <string.h>

#include "conf/param.h"
#include "mail/address.h"
#include "mail/cleanup_client.h"
#include "mail/dns_filter.h"
#include "mail/flush_client.h"
#include "mail/own_domain.h"
#include "net/addr.h"
#include "net/dns.h"
#include "smtpd/access/access.h"
#include "smtpd/config.h"
#include "smtpd/macros.h"
#include "smtpd/milter.h"
#include "smtpd/notice.h"
#include "table/match.h"
#include "table/table.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

struct smtpd_config smtpd_config;

/* --- words to bits */

static const struct {
	const char	 *name;
	enum ehlo_keyword bit;
} ehlo_names[] = {
	{ "8BITMIME", EHLO_8BITMIME },
	{ "AUTH", EHLO_AUTH },
	{ "CHUNKING", EHLO_CHUNKING },
	{ "DSN", EHLO_DSN },
	{ "ENHANCEDSTATUSCODES", EHLO_ENHANCEDSTATUSCODES },
	{ "ETRN", EHLO_ETRN },
	{ "PIPELINING", EHLO_PIPELINING },
	{ "REQUIRETLS", EHLO_REQUIRETLS },
	{ "SILENT-DISCARD", EHLO_SILENT },
	{ "SIZE", EHLO_SIZE },
	{ "SMTPUTF8", EHLO_SMTPUTF8 },
	{ "STARTTLS", EHLO_STARTTLS },
	{ "VRFY", EHLO_VRFY },
	{ "XCLIENT", EHLO_XCLIENT },
	{ "XFORWARD", EHLO_XFORWARD },
};

enum { EHLO_NAMES = sizeof ehlo_names / sizeof *ehlo_names };

static unsigned
ehlo_bit(const char *word)
{
	for (int i = 0; i < EHLO_NAMES; i++)
		if (text_eq_nocase(word, ehlo_names[i].name))
			return ehlo_names[i].bit;
	log_debug("unknown EHLO keyword \"%s\" to be discarded", word);
	return 0;
}

unsigned
config_ehlo_keywords(const char *list)
{
	char	*text = mem_strdup(list), *next = text, *word;
	unsigned bits = 0;

	while ((word = text_word(&next, TEXT_LIST_SEP, false)) != NULL)
		bits |= ehlo_bit(word);
	mem_free(text);
	return bits;
}

const char *
config_ehlo_name(unsigned bit)
{
	for (int i = 0; i < EHLO_NAMES; i++)
		if (ehlo_names[i].bit == bit)
			return ehlo_names[i].name;
	return NULL;
}

static enum bare_newline
bare_newline(const char *value)
{
	static const struct {
		const char	 *name;
		enum bare_newline what;
	} values[] = {
		{ "no", BARE_NEWLINE_OK },
		{ "yes", BARE_NEWLINE_NORMALIZE },
		{ "normalize", BARE_NEWLINE_NORMALIZE },
		{ "note", BARE_NEWLINE_OK },
		{ "reject", BARE_NEWLINE_REJECT },
	};

	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		if (text_eq_nocase(value, values[i].name))
			return values[i].what;
	fatalx("smtpd_forbid_bare_newline = %s: write no, normalize or reject",
	    value);
}

/* receive_override_options switches off what cleanup would do. */
static void
load_overrides(struct smtpd_config *c)
{
	struct buf unknown = BUF_INIT;

	c->cleanup_flags = cleanup_input_flags(
	    conf_mail.receive_override_options, &unknown);
	if (unknown.len > 0)
		fatalx("unknown receive_override_options value \"%s\" in "
		    "\"%s\"", unknown.data,
		    conf_mail.receive_override_options);
	if (conf_mail.smtputf8_enable)
		c->cleanup_flags |= cleanup_autodetect(
		    conf_mail.smtputf8_autodetect_classes, "smtpd");
	c->check_recipients = !text_has_word(
	    conf_mail.receive_override_options,
	    "no_unknown_recipient_checks");
}

static void
load_proxy_options(struct smtpd_config *c)
{
	char *text = mem_strdup(conf_smtpd.smtpd_proxy_options);
	char *next = text, *word;

	while ((word = text_word(&next, TEXT_LIST_SEP, false)) != NULL)
		if (text_eq_nocase(word, "speed_adjust"))
			c->proxy_speed_adjust = true;
		else
			fatalx("unknown smtpd_proxy_options value "
			    "\"%s\" in \"%s\"", word,
			    conf_smtpd.smtpd_proxy_options);
	mem_free(text);
}

/* Who writes "permit" here must not find out by the mail that comes in. */
static void
check_tempfail_actions(void)
{
	const struct {
		const char *parameter, *value;
	} actions[] = {
#define ACTION(parameter) { #parameter, conf_mail.parameter }
		ACTION(unknown_helo_hostname_tempfail_action),
		ACTION(unknown_address_tempfail_action),
		ACTION(unverified_recipient_tempfail_action),
		ACTION(unverified_sender_tempfail_action),
#undef ACTION
	};

	for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
		if (!text_eq_nocase(actions[i].value, "defer") &&
		    !text_eq_nocase(actions[i].value, "defer_if_permit"))
			fatalx("bad configuration: %s = %s",
			    actions[i].parameter, actions[i].value);
}

/* --- lists and tables */

/* Does parent_domain_matches_subdomains name this parameter? */
bool
config_matches_parents(const char *parameter)
{
	return text_has_word(conf_mail.parent_domain_matches_subdomains,
	    parameter);
}

static struct match *
list(const char *parameter, const char *value)
{
	return match_new(parameter, value, config_matches_parents(parameter));
}

/* NULL if there is nothing in it. */
static struct match *
words(const char *parameter, const char *value)
{
	return *value != '\0' ? match_new(parameter, value, false) : NULL;
}

static struct table_list *
maps(const char *parameter, const char *value)
{
	int flags = TABLE_FOLD;

	if (conf_mail.smtputf8_enable)
		flags |= TABLE_UTF8;
	return *value != '\0' ? table_list_open(parameter, value, flags) :
	    NULL;
}

static void
load_lists(struct smtpd_config *c)
{
	c->mynetworks = list("mynetworks", conf_mail.mynetworks);
	own_domain_init(conf_mail.mydestination, conf_mail.myorigin);
	c->limit_exceptions = list("smtpd_client_event_limit_exceptions",
	    conf_smtpd.smtpd_client_event_limit_exceptions);
	c->newline_exceptions = list("mynetworks",
	    conf_smtpd.smtpd_forbid_bare_newline_exclusions);
	c->forbidden_commands = list("smtpd_forbidden_commands",
	    conf_smtpd.smtpd_forbidden_commands);
	c->noop_commands = words("smtpd_noop_commands",
	    conf_smtpd.smtpd_noop_commands);
	flush_open();
	c->xclient_hosts = list("smtpd_authorized_xclient_hosts",
	    conf_smtpd.smtpd_authorized_xclient_hosts);
	c->debug_peers = list("debug_peer_list", conf_mail.debug_peer_list);
	c->verp_clients = list("smtpd_authorized_verp_clients",
	    conf_smtpd.smtpd_authorized_verp_clients);
	c->xforward_hosts = list("smtpd_authorized_xforward_hosts",
	    conf_smtpd.smtpd_authorized_xforward_hosts);
	c->greylist_exceptions = list("smtpd_greylist_exceptions",
	    conf_smtpd.smtpd_greylist_exceptions);
	c->account_exceptions = words("smtpd_account_event_limit_exceptions",
	    conf_smtpd.smtpd_account_event_limit_exceptions);
	c->backup_networks = list("permit_mx_backup_networks",
	    conf_mail.permit_mx_backup_networks);
	c->log_permit = words("smtpd_log_access_permit_actions",
	    conf_smtpd.smtpd_log_access_permit_actions);
}

static void
load_maps(struct smtpd_config *c)
{
	c->ehlo_discard_maps = maps("smtpd_discard_ehlo_keyword_address_maps",
	    conf_smtpd.smtpd_discard_ehlo_keyword_address_maps);
	if (*conf_smtpd.smtpd_command_filter != '\0')
		c->command_filter = table_open(conf_smtpd.smtpd_command_filter,
		    TABLE_FOLD | (conf_mail.smtputf8_enable ? TABLE_UTF8 : 0));
	reject_footer_init(&c->reject_footer, conf_smtpd.smtpd_reject_footer,
	    maps("smtpd_reject_footer_maps",
	    conf_smtpd.smtpd_reject_footer_maps),
	    conf_smtpd.smtpd_expansion_filter);
	c->reject_filters = maps("smtpd_reject_filter_maps",
	    conf_smtpd.smtpd_reject_filter_maps);
	c->rbl_replies = maps("rbl_reply_maps", conf_mail.rbl_reply_maps);
	c->local_recipients = maps("local_recipient_maps",
	    conf_mail.local_recipient_maps);
	c->virtual_aliases = maps("virtual_alias_maps",
	    conf_mail.virtual_alias_maps);
	c->virtual_mailboxes = maps("virtual_mailbox_maps",
	    conf_mail.virtual_mailbox_maps);
	c->relay_recipients = maps("relay_recipient_maps",
	    conf_mail.relay_recipient_maps);
	c->canonical = maps("canonical_maps", conf_mail.canonical_maps);
	c->recipient_canonical = maps("recipient_canonical_maps",
	    conf_mail.recipient_canonical_maps);
	c->sender_logins = maps("smtpd_sender_login_maps",
	    conf_smtpd.smtpd_sender_login_maps);
	c->sender_canonical = maps("sender_canonical_maps",
	    conf_mail.sender_canonical_maps);
}

static void
load_access(struct smtpd_config *c)
{
	const struct {
		const char *parameter, *value;
	} lists[ACCESS_STAGES] = {
#define LIST(stage, parameter) \
	[stage] = { #parameter, conf_smtpd.parameter }
		LIST(ACCESS_CLIENT, smtpd_client_restrictions),
		LIST(ACCESS_HELO, smtpd_helo_restrictions),
		LIST(ACCESS_SENDER, smtpd_sender_restrictions),
		LIST(ACCESS_RELAY, smtpd_relay_restrictions),
		LIST(ACCESS_RECIPIENT, smtpd_recipient_restrictions),
		LIST(ACCESS_DATA, smtpd_data_restrictions),
		LIST(ACCESS_END_OF_DATA, smtpd_end_of_data_restrictions),
		LIST(ACCESS_ETRN, smtpd_etrn_restrictions),
#undef LIST
	};

	for (int i = 0; i < ACCESS_STAGES; i++)
		c->access[i] = access_compile(lists[i].parameter,
		    lists[i].value);
	c->local_header_clients = access_compile_clients(
	    "local_header_rewrite_clients",
	    conf_mail.local_header_rewrite_clients);
}

/* A host that relays for everybody is found by spammers within hours. */
static void
check_relay(const struct smtpd_config *c)
{
	if (!access_restricts_relay(c->access[ACCESS_RELAY]) &&
	    !access_restricts_relay(c->access[ACCESS_RECIPIENT]))
		fatalx("in parameter smtpd_relay_restrictions or "
		    "smtpd_recipient_restrictions, specify at least one "
		    "working instance of: reject_unauth_destination, "
		    "defer_unauth_destination, reject, defer, "
		    "defer_if_permit or check_relay_domains");
}

void
config_load(void)
{
	struct smtpd_config *c = &smtpd_config;

	if (*conf_smtpd.smtpd_upstream_proxy_protocol != '\0' &&
	    !text_eq_nocase(conf_smtpd.smtpd_upstream_proxy_protocol,
	    "haproxy"))
		fatalx("smtpd_upstream_proxy_protocol = %s: write haproxy",
		    conf_smtpd.smtpd_upstream_proxy_protocol);
	c->families = dns_families(conf_mail.inet_protocols);
	macros_init(conf_smtpd.smtpd_expansion_filter);
	c->bare_newline = bare_newline(conf_smtpd.smtpd_forbid_bare_newline);
	c->ehlo_discard = config_ehlo_keywords(
	    conf_smtpd.smtpd_discard_ehlo_keywords);
	c->limits = conf_smtpd.smtpd_client_connection_count_limit > 0 ||
	    conf_smtpd.smtpd_client_connection_rate_limit > 0 ||
	    conf_smtpd.smtpd_client_message_rate_limit > 0 ||
	    conf_smtpd.smtpd_client_new_tls_session_rate_limit > 0 ||
	    conf_smtpd.smtpd_client_recipient_rate_limit > 0 ||
	    conf_smtpd.smtpd_client_auth_rate_limit > 0;
	c->account_limits =
	    conf_smtpd.smtpd_account_connection_count_limit > 0 ||
	    conf_smtpd.smtpd_account_connection_rate_limit > 0 ||
	    conf_smtpd.smtpd_account_message_rate_limit > 0 ||
	    conf_smtpd.smtpd_account_recipient_rate_limit > 0;
	c->notices = notice_classes(conf_mail.notify_classes);
	load_overrides(c);
	load_proxy_options(c);
	check_tempfail_actions();
	load_lists(c);
	load_maps(c);
	access_check_classes();
	load_access(c);
	check_relay(c);
	milter_config();
	dns_filter_init("smtpd_dns_reply_filter",
	    conf_smtpd.smtpd_dns_reply_filter);
}
