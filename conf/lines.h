/* lines - logical lines of main.cf and master.cf */

#ifndef CONF_LINES_H
#define CONF_LINES_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/*
 * A line that begins with white space continues the line before it.  Empty
 * lines, and lines whose first other byte is '#', are skipped, also between a
 * line and its continuation.  The last line need not end in a newline; a
 * carriage return before the newline belongs to it.
 */
struct lines {
	const char	*pos, *end;
	int		 number;	/* of the physical line at `pos` */

	/* of the logical line that was read last: */
	int		 first, last;	/* its physical lines, from 1 */
	const char	*from, *to;	/* its bytes, with the final newline */
	bool		 indented;	/* begins with white space: a mistake
					   at the start of a file */
};

void	lines_init(struct lines *, const char *bytes, size_t len);

/*
 * The next logical line, its parts joined without the newlines and without
 * white space at the end; false at the end of the file.
 */
bool	lines_next(struct lines *, struct buf *out);

/* Like lines_next(), but returns what is skipped, too: one physical line of
 * comment or nothing at a time.  For editors. */
enum line_kind { LINE_END, LINE_COMMENT, LINE_TEXT };

enum line_kind	lines_next_any(struct lines *, struct buf *out);

/*
 * Splits "name = value" in place: white space round both is removed.  NULL,
 * or what is wrong: "missing '=' after attribute name".
 */
const char	*lines_split(char *line, char **ret_name, char **ret_value);

#endif
