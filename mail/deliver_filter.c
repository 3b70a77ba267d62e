#include "mail/deliver_filter.h"

#include <string.h>

#include "conf/conf.h"
#include "mail/why.h"
#include "table/table.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"

static struct {
	char			*title;
	struct table_list	*tables;	/* NULL: none */
} filter;

void
deliver_filter_open(const char *prefix)
{
	const char *value;

	filter.title = mem_printf("%s_delivery_status_filter", prefix);
	value = conf_value(filter.title);
	if (value != NULL && *value != '\0')
		filter.tables = table_list_open(filter.title, value, 0);
}

/* NULL, or what is wrong with the tables' answer. */
static const char *
take_answer(const struct why *why, const char *answer, struct why *store)
{
	char	dsn[12];
	size_t	n = dsn_parse(answer, dsn);
	const char *text = answer + n + strspn(answer + n, " \t");

	if (n == 0)
		return "bad status code";
	if (*text == '\0')
		return "no explanatory text";
	if ((*dsn == '2') != (why->dsn[0] == '2'))
		return "bad status code";
	why_copy(store, why);
	strcpy(store->dsn, dsn);
	buf_set(&store->text, text);
	return NULL;
}

const struct why *
deliver_filter_apply(const struct why *why, struct why *store)
{
	struct buf	  key = BUF_INIT, answer = BUF_INIT;
	const struct why *result = why;
	const char	 *wrong;

	if (filter.tables == NULL)
		return why;
	buf_addf(&key, "%s %s", why->dsn, why->text.data);
	switch (table_list_find(filter.tables, key.data, &answer)) {
	case TABLE_FOUND:
		wrong = take_answer(why, answer.data, store);
		if (wrong != NULL)
			log_warn("%s: %s: %s", filter.title, wrong,
			    answer.data);
		else
			result = store;
		break;
	case TABLE_ERROR:
		log_warn("%s: lookup error: %s", filter.title,
		    table_list_error(filter.tables));
		break;
	case TABLE_NOT_FOUND:
		break;
	}
	buf_done(&key);
	buf_done(&answer);
	return result;
}
