#include "mail/milter_conf.h"

#include "conf/param.h"
#include "util/mem.h"

static struct pool pool;

struct milter_settings
milter_conf_defaults(void)
{
	return (struct milter_settings){
		.default_action = conf_milter.milter_default_action,
		.protocol = conf_milter.milter_protocol,
		.connect_timeout = conf_milter.milter_connect_timeout,
		.command_timeout = conf_milter.milter_command_timeout,
		.content_timeout = conf_milter.milter_content_timeout,
	};
}

static void
load_macros(struct milter_macros *m)
{
	const struct {
		enum milter_stage stage;
		const char	 *names;
	} rows[] = {
		{ MILTER_STAGE_CONNECT, conf_milter.milter_connect_macros },
		{ MILTER_STAGE_HELO, conf_milter.milter_helo_macros },
		{ MILTER_STAGE_MAIL, conf_milter.milter_mail_macros },
		{ MILTER_STAGE_RCPT, conf_milter.milter_rcpt_macros },
		{ MILTER_STAGE_DATA, conf_milter.milter_data_macros },
		{ MILTER_STAGE_EOM, conf_milter.milter_end_of_data_macros },
		{ MILTER_STAGE_EOH, conf_milter.milter_end_of_header_macros },
		{ MILTER_STAGE_UNKNOWN,
		    conf_milter.milter_unknown_command_macros },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		m->names[rows[i].stage] = milter_names_parse(&pool,
		    rows[i].names);
}

static bool
blame(const char *parameter, const char *why, const char **ret_why)
{
	static char *text;

	mem_free(text);
	*ret_why = text = mem_printf("%s in %s", why, parameter);
	return false;
}

bool
milter_conf_load(struct milter_config *c, const char *parameter,
    const char *list, const char **ret_why)
{
	const struct milter_settings defaults = milter_conf_defaults();
	const char		    *why;

	c->list = milter_list_new(list, &defaults, &why);
	if (c->list == NULL)
		return blame(parameter, why, ret_why);
	c->values = milter_values_parse(&pool,
	    conf_milter.milter_macro_defaults, &why);
	if (c->values == NULL)
		return blame("milter_macro_defaults", why, ret_why);
	load_macros(&c->macros);
	return true;
}
