#include "smtp/failed.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "smtp/settings.h"
#include "table/digest.h"
#include "table/table.h"
#include "util/log.h"
#include "util/text.h"

static struct table *table;	/* NULL: off */

/*
 *	key	host;user
 *	value	time;digest;dsn;text
 */
void
failed_open(const char *name)
{
	if (table != NULL)
		table_close(table);
	table = NULL;
	if (*name == '\0')
		return;
	if (!text_starts(name, "proxy:"))
		fatalx("SASL authentication cache name \"%s\" must start with "
		    "\"proxy:\"", name);
	if (!digest_is_known("sha256")) {
		log_warn("%s_sasl_auth_cache_name needs OpenSSL",
		    settings.prefix);
		return;
	}
	table = table_open(name, TABLE_WRITE | TABLE_DUP_REPLACE | TABLE_UTF8);
}

static void
add_key(struct buf *b, const char *host, const char *user)
{
	buf_addf(b, "%s;%s", host, user);
}

/* With the key, so that equal passwords do not look equal. */
static void
add_digest(struct buf *b, const char *host, const char *user,
    const char *password)
{
	struct buf all = BUF_INIT;

	add_key(&all, host, user);
	buf_addf(&all, ";%s", password);
	digest_hex(b, "sha256", all.data, all.len);
	explicit_bzero(all.data, all.len);
	buf_done(&all);
}

/* Is the entry of this password, and young enough?  *ret_rest: "dsn;text". */
static bool
is_good(char *value, const char *digest, char **ret_rest)
{
	char	*when = text_word(&value, ";", false);
	char	*seen = text_word(&value, ";", false);
	uint64_t at;

	if (when == NULL || seen == NULL || !text_is_digits(when) ||
	    !text_to_u64(when, INT64_MAX, &at) || !text_eq(seen, digest) ||
	    (int64_t)at + settings.sasl_auth_cache_time < (int64_t)time(NULL))
		return false;
	*ret_rest = value;
	return true;
}

bool
failed_find(const char *host, const char *user, const char *password,
    char ret_dsn[12], struct buf *ret_text)
{
	struct buf key = BUF_INIT, value = BUF_INIT, digest = BUF_INIT;
	char	  *rest, *dsn;
	bool	   found;

	if (table == NULL)
		return false;
	add_key(&key, host, user);
	found = table_find(table, key.data, &value) == TABLE_FOUND;
	if (found) {
		add_digest(&digest, host, user, password);
		if (!is_good(value.data, digest.data, &rest)) {
			table_delete(table, key.data);
			found = false;
		}
	}
	if (found) {
		dsn = text_word(&rest, ";", false);
		found = dsn != NULL && dsn_parse(dsn, ret_dsn) > 0;
	}
	if (found)
		buf_set(ret_text, rest);
	buf_done(&key);
	buf_done(&value);
	buf_done(&digest);
	return found;
}

void
failed_add(const char *host, const char *user, const char *password,
    const char *dsn, const char *text)
{
	struct buf key = BUF_INIT, value = BUF_INIT;

	if (table == NULL)
		return;
	add_key(&key, host, user);
	buf_addf(&value, "%lld;", (long long)time(NULL));
	add_digest(&value, host, user, password);
	buf_addf(&value, ";%s;%s", dsn, text);
	if (!table_put(table, key.data, value.data))
		log_warn("%s: %s", table_name(table), table_error(table));
	buf_done(&key);
	buf_done(&value);
}
