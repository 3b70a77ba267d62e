#include "conf/param.h"
#include "mail/rewrite.h"

struct rewrite_rules
rewrite_rules_local(void)
{
	return (struct rewrite_rules){
		.origin = conf_mail.myorigin,
		.mydomain = conf_mail.mydomain,
		.append_at_origin = conf_mail.append_at_myorigin,
		.append_dot_domain = conf_mail.append_dot_mydomain,
		.swap_bangpath = conf_mail.swap_bangpath,
		.percent_hack = conf_mail.allow_percent_hack,
	};
}

struct rewrite_rules
rewrite_rules_remote(void)
{
	struct rewrite_rules rules = rewrite_rules_local();

	rules.origin = rules.mydomain = conf_mail.remote_header_rewrite_domain;
	if (*rules.origin == '\0')
		rules.append_at_origin = rules.append_dot_domain = false;
	return rules;
}
