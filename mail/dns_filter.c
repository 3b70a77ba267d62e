#include "mail/dns_filter.h"

#include <strings.h>

#include "net/dns.h"
#include "table/table.h"
#include "util/buf.h"
#include "util/log.h"

static struct {
	const char	  *parameter;
	struct table_list *tables;
} filter;

/* A table that fails hides nothing. */
static bool
keeps(const char *record)
{
	struct buf action = BUF_INIT;
	bool	   keep = true;

	if (table_list_find(filter.tables, record, &action) == TABLE_FOUND) {
		keep = strcasecmp(action.data, "IGNORE") != 0;
		if (keep)
			log_warn("%s: unknown DNS filter action: \"%s\"; "
			    "write IGNORE", filter.parameter, action.data);
		else
			log_info("ignoring DNS RR: %s", record);
	}
	buf_done(&action);
	return keep;
}

void
dns_filter_init(const char *parameter, const char *tables)
{
	filter.parameter = parameter;
	filter.tables = table_list_open(parameter, tables, TABLE_FOLD);
	if (!table_list_is_empty(filter.tables))
		dns_set_filter(keeps);
}
