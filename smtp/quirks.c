#include "smtp/quirks.h"

#include <string.h>
#include <strings.h>

#include "mail/dns_filter.h"
#include "smtp/session.h"
#include "smtp/settings.h"
#include "table/table.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

static struct {
	struct table_list *replies, *pix;
} quirks;

static struct table_list *
open_table(const char *name, const char *tables)
{
	char		  *title = mem_printf("%s_%s", settings.prefix, name);
	struct table_list *list = table_list_open(title, tables, TABLE_FOLD);

	mem_free(title);
	return list;
}

void
quirks_init(void)
{
	quirks.replies = open_table("reply_filter", settings.reply_filter);
	quirks.pix = open_table("pix_workaround_maps",
	    settings.pix_workaround_maps);
	dns_filter_init(settings.is_lmtp ? "lmtp_dns_reply_filter" :
	    "smtp_dns_reply_filter", settings.dns_reply_filter);
}

bool
quirks_filter_reply(const struct session *s, struct buf *line)
{
	struct buf	  new = BUF_INIT;
	enum table_result got = TABLE_NOT_FOUND;

	if (!table_list_is_empty(quirks.replies))
		got = table_list_find(quirks.replies, line->data, &new);
	if (got == TABLE_FOUND) {
		log_info("%s: replacing server reply \"%s\" with \"%s\"",
		    s->relay, line->data, new.data);
		buf_set(line, new.data);
	} else if (got == TABLE_ERROR) {
		log_warn("%s: table %s lookup error for %s", s->queue_id,
		    settings.reply_filter, line->data);
	}
	buf_done(&new);
	return got != TABLE_ERROR;
}

/* --- Cisco PIX */

static unsigned
parse(const char *list)
{
	char	*copy = mem_strdup(list), *next = copy, *word;
	unsigned bits = 0;

	while ((word = text_word(&next, TEXT_LIST_SEP, false)) != NULL) {
		if (strcasecmp(word, "disable_esmtp") == 0)
			bits |= QUIRK_NO_ESMTP;
		else if (strcasecmp(word, "delay_dotcrlf") == 0)
			bits |= QUIRK_DELAY_DOT;
		else
			log_warn("%s_pix_workarounds: unknown word \"%s\"",
			    settings.prefix, word);
	}
	mem_free(copy);
	return bits;
}

/* "220 ****0*2*": the firewall writes stars over all it does not know. */
static bool
is_masked(const char *greeting)
{
	size_t stars = 0;

	for (const char *p = greeting; *p != '\0' && *p != '\n'; p++) {
		if (strchr("*02 ", *p) == NULL)
			return false;
		stars += *p == '*';
	}
	return stars > 0;
}

unsigned
quirks_of(const struct session *s, const char *greeting)
{
	struct buf found = BUF_INIT;
	char	   address[ADDR_TEXT];
	unsigned   bits;

	if (!is_masked(greeting))
		return 0;
	addr_text(&s->addr, address);
	if (!table_list_is_empty(quirks.pix) &&
	    table_list_find(quirks.pix, address, &found) == TABLE_FOUND)
		bits = parse(found.data);
	else
		bits = parse(settings.pix_workarounds);
	buf_done(&found);
	/* a message that was slow to go is why somebody needs it */
	if (s->message_age < settings.pix_workaround_threshold_time)
		bits &= ~(unsigned)QUIRK_DELAY_DOT;
	if (bits != 0)
		log_info("%s: enabling PIX workarounds:%s%s for %s",
		    s->queue_id, bits & QUIRK_NO_ESMTP ? " disable_esmtp" : "",
		    bits & QUIRK_DELAY_DOT ? " delay_dotcrlf" : "", s->relay);
	return bits;
}
