#include "postscreen/lists.h"

#include <string.h>

#include "conf/param.h"
#include "table/match.h"
#include "table/table.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

/* An item of the access list. */
struct item {
	enum { ITEM_NETWORKS, ITEM_TABLE, ITEM_WORD } kind;
	enum lists	 word;
	struct table	*table;
};

static struct {
	struct item	*items;
	size_t		 count;
	struct match	*networks, *interfaces;
} lists;

static bool
parse_word(const char *word, enum lists *ret)
{
	static const struct {
		const char *word;
		enum lists  means;
	} words[] = {
		{ "permit", LISTS_PERMIT }, { "reject", LISTS_REJECT },
		{ "dunno", LISTS_NOTHING },
	};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (text_eq_nocase(word, words[i].word)) {
			*ret = words[i].means;
			return true;
		}
	return false;
}

static void
add_item(const char *word)
{
	struct item item = { .kind = ITEM_WORD };

	if (text_eq_nocase(word, "permit_mynetworks"))
		item.kind = ITEM_NETWORKS;
	else if (strchr(word, ':') != NULL) {
		item.kind = ITEM_TABLE;
		item.table = table_open(word, TABLE_FOLD);
	} else if (!parse_word(word, &item.word)) {
		fatalx("postscreen_access_list: \"%s\" means nothing here; "
		    "write permit_mynetworks, permit, reject, dunno or a "
		    "table", word);
	}
	lists.items = mem_realloc(lists.items, (lists.count + 1) *
	    sizeof *lists.items);
	lists.items[lists.count++] = item;
}

void
lists_init(void)
{
	char *copy = mem_strdup(conf_postscreen.postscreen_access_list);
	char *next = copy, *word;

	while ((word = text_word(&next, TEXT_LIST_SEP, true)) != NULL)
		add_item(word);
	mem_free(copy);
	lists.networks = match_new("mynetworks", conf_mail.mynetworks, false);
	lists.interfaces = match_new("postscreen_allowlist_interfaces",
	    conf_postscreen.postscreen_allowlist_interfaces, false);
}

/*
 * The first word of an entry counts; more may be there for smtpd, which
 * understands texts.
 */
static bool
take_entry(const struct table *t, char *value, enum lists *ret)
{
	char	   *next = value;
	const char *word = text_word(&next, TEXT_LIST_SEP, false);

	if (word == NULL || parse_word(word, ret))
		return true;
	log_warn("%s: unknown command: %s -- ignoring the remainder of this "
	    "access list", table_name(t), word);
	return false;
}

/* False: the rest of the list does not count. */
static bool
ask_table(struct table *t, const char *ip, enum lists *ret)
{
	struct buf value = BUF_INIT;
	bool	   goes_on = true;

	switch (table_find(t, ip, &value)) {
	case TABLE_FOUND:
		goes_on = take_entry(t, value.data, ret);
		break;
	case TABLE_NOT_FOUND:
		break;
	case TABLE_ERROR:
		log_warn("%s: lookup error for %s: %s", table_name(t), ip,
		    table_error(t));
	}
	buf_done(&value);
	return goes_on;
}

enum lists
lists_find(const struct addr *client)
{
	enum lists found = LISTS_NOTHING;
	char	   ip[ADDR_TEXT];

	addr_text(client, ip);
	for (size_t i = 0; i < lists.count && found == LISTS_NOTHING; i++) {
		const struct item *item = &lists.items[i];

		if (item->kind == ITEM_TABLE) {
			if (!ask_table(item->table, ip, &found))
				break;
		} else if (item->kind == ITEM_WORD) {
			found = item->word;
		} else if (match_client(lists.networks, NULL, client) ==
		    MATCH_YES) {
			found = LISTS_PERMIT;
		}
	}
	return found;
}

bool
lists_may_pass(const struct addr *server)
{
	return match_client(lists.interfaces, NULL, server) == MATCH_YES;
}
