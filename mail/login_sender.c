#include "mail/login_sender.h"

#include <pwd.h>
#include <string.h>

#include "conf/param.h"
#include "mail/address.h"
#include "mail/extension.h"
#include "table/table.h"
#include "util/buf.h"
#include "util/mem.h"
#include "util/text.h"

struct table_list *
login_sender_open(void)
{
	const char *maps = conf_mail.local_login_sender_maps;

	return *maps == '\0' || text_eq(maps, "static:*") ? NULL :
	    table_list_open("local_login_sender_maps", maps, TABLE_FOLD);
}

/* "a+x@b" as "a@b"; patterns know nothing of extensions. */
static void
strip(struct buf *out, const char *sender)
{
	size_t	    n = address_local_len(sender);
	const char *ext = *conf_mail.recipient_delimiter == '\0' ? NULL :
	    extension_find(sender, n);

	buf_add(out, sender, ext != NULL ? (size_t)(ext - sender) : n);
	buf_adds(out, sender + n);
}

bool
login_sender_fits(const char *patterns, const char *sender)
{
	struct buf  plain = BUF_INIT;
	char	   *copy = mem_strdup(patterns), *next = copy, *word;
	const char *domain;
	bool	    fits = false;

	if (*sender == '\0')
		sender = conf_mail.
		    empty_address_local_login_sender_maps_lookup_key;
	strip(&plain, sender);
	domain = address_domain(sender);
	while (!fits &&
	    (word = text_word(&next, TEXT_LIST_SEP, false)) != NULL)
		fits = text_eq(word, "*") ||
		    text_eq_nocase(word, plain.data) || (*word == '@' &&
		    domain != NULL && text_eq_nocase(word + 1, domain));
	mem_free(copy);
	buf_done(&plain);
	return fits;
}

bool
login_sender_is_allowed(struct table_list *maps, uid_t uid, const char *sender,
    struct buf *why)
{
	const struct passwd *pw;
	struct buf	     patterns = BUF_INIT;
	enum table_result    found;
	char		    *login;
	bool		     ok;

	if (maps == NULL)
		return true;
	pw = getpwuid(uid);
	login = pw != NULL ? mem_strdup(pw->pw_name) :
	    mem_printf("uid:%ld", (long)uid);
	found = table_list_find(maps, login, &patterns);
	ok = found == TABLE_FOUND && login_sender_fits(patterns.data, sender);
	if (found == TABLE_ERROR)
		buf_addf(why, "%s(%ld): local_login_sender_maps: lookup error",
		    sender, (long)uid);
	else if (!ok)
		buf_addf(why, "%s(%ld): not authorized to use sender='%s'",
		    sender, (long)uid, sender);
	mem_free(login);
	buf_done(&patterns);
	return ok;
}
