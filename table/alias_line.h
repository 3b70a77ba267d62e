/* alias_line - a logical line of an alias file: "name: value, value" */

#ifndef TABLE_ALIAS_LINE_H
#define TABLE_ALIAS_LINE_H

struct buf;

enum alias_line {
	ALIAS_LINE_OK,
	ALIAS_LINE_NO_PAIR,	/* no colon, or nothing before or after it */
	ALIAS_LINE_DOMAIN,	/* name@domain */
};

/*
 * Appends the name without quotes and backslashes, and the value with its
 * items separated by ", ", comments left out and quotes kept.
 */
enum alias_line alias_line_parse(const char *line, struct buf *name,
	    struct buf *value);

#endif
