#include "table/redirect.h"

#include <string.h>
#include <unistd.h>

#include "table/table.h"
#include "util/log.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/text.h"

static struct {
	const char *hash, *btree;	/* NULL: as they are */
	bool	    log;
	bool	  (*on_missing)(const char *type_name);
	struct map *told;		/* names whose line is in the log */
} redirect;

static bool
is_berkeley_db(const char *type)
{
	return text_eq(type, "hash") || text_eq(type, "btree");
}

void
table_redirect(const char *hash, const char *btree, bool log)
{
	redirect.hash = hash != NULL && !is_berkeley_db(hash) ? hash : NULL;
	redirect.btree = btree != NULL && !is_berkeley_db(btree) ? btree :
	    NULL;
	redirect.log = log;
}

void
table_on_missing(bool (*fn)(const char *type_name))
{
	redirect.on_missing = fn;
}

bool
redirect_made(const char *type_name, const char *other)
{
	size_t len = strcspn(other, ":");
	char  *file;
	bool   missing;

	if (redirect.on_missing == NULL || other[len] == '\0')
		return false;
	file = mem_printf("%s.%.*s", other + len + 1, (int)len, other);
	missing = access(file, F_OK) != 0;
	mem_free(file);
	return missing && redirect.on_missing(type_name);
}

static void
tell(const char *from, const char *to)
{
	if (!redirect.log)
		return;
	if (redirect.told == NULL)
		redirect.told = map_new();
	if (map_find(redirect.told, from) != NULL)
		return;
	map_set(redirect.told, from, &redirect);
	log_info("redirecting %s to %s", from, to);
}

char *
redirect_name(const char *type_name)
{
	const char *type = NULL, *name = NULL;
	char	   *other;

	if (text_starts(type_name, "hash:")) {
		type = redirect.hash;
		name = type_name + strlen("hash:");
	} else if (text_starts(type_name, "btree:")) {
		type = redirect.btree;
		name = type_name + strlen("btree:");
	}
	if (type == NULL)
		return NULL;
	other = mem_printf("%s:%s", type, name);
	tell(type_name, other);
	return other;
}
