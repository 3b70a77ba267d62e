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

/* False: no status, or one of another kind.  A status alone changes no text. */
static bool
take_answer(const struct why *why, const char *answer, struct why *store)
{
	char	dsn[12];
	size_t	n = dsn_parse(answer, dsn);
	const char *text = answer + n + strspn(answer + n, " \t");

	if (n == 0 || (*dsn == '2') != (why->dsn[0] == '2'))
		return false;
	why_copy(store, why);
	strcpy(store->dsn, dsn);
	if (*text != '\0')
		buf_set(&store->text, text);
	return true;
}

const struct why *
deliver_filter_apply(const struct why *why, struct why *store)
{
	struct buf	  key = BUF_INIT, answer = BUF_INIT;
	const struct why *result = why;

	if (filter.tables == NULL)
		return why;
	buf_addf(&key, "%s %s", why->dsn, why->text.data);
	/* of an error the table itself tells */
	if (table_list_find(filter.tables, key.data, &answer) == TABLE_FOUND) {
		if (take_answer(why, answer.data, store))
			result = store;
		else
			log_warn("%s: bad status code: %s", filter.title,
			    answer.data);
	}
	buf_done(&key);
	buf_done(&answer);
	return result;
}
