#include "table/rhs_file.h"

#include <errno.h>
#include <string.h>

#include "table/table_type.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/mem.h"
#include "util/text.h"

enum { FILE_MAX = 16 * 1024 * 1024 };	/* bytes of one file */

static bool
add_file(const char *path, struct buf *all, struct buf *why)
{
	struct buf bytes = BUF_INIT;
	bool	   ok = file_read(path, FILE_MAX, &bytes);

	if (ok)
		buf_add(all, bytes.data, bytes.len);
	else
		buf_addf(why, "open %s: %s", path, strerror(errno));
	buf_done(&bytes);
	return ok;
}

bool
rhs_file_read(const char *names, struct buf *ret, struct buf *why)
{
	struct buf all = BUF_INIT;
	char	  *copy = mem_strdup(names), *rest = copy, *path;
	bool	   ok = true, any = false;

	while (ok && (path = text_word(&rest, TEXT_LIST_SEP, false)) != NULL) {
		if (any)
			buf_addc(&all, '\n');
		ok = add_file(path, &all, why);
		any = true;
	}
	if (!any) {
		buf_adds(why, "empty pathname list");
		ok = false;
	}
	if (ok) {
		buf_clear(ret);
		text_base64(ret, all.data, all.len);
	}
	buf_done(&all);
	mem_free(copy);
	return ok;
}

char *
rhs_file_value(const struct table *t, char *value, struct buf *room,
    struct buf *why)
{
	if ((t->flags & TABLE_SRC_IS_FILE) == 0)
		return value;
	return rhs_file_read(value, room, why) ? room->data : NULL;
}
