/* proxy_proto - asking proxymap(8) for what a jailed process can't read */

#ifndef TABLE_PROXY_PROTO_H
#define TABLE_PROXY_PROTO_H

#include "table/table.h"

/*
 * On private/proxymap, any number of questions on a connection:
 *
 *	C: OPEN table flags		S: ANSWER status
 *	C: FIND table flags key		S: ANSWER status value
 *	C: SEQUENCE table flags first	S: ANSWER status value key
 *
 * and on private/proxywrite these, and
 *
 *	C: PUT table flags key value	S: ANSWER status value
 *	C: DELETE table flags key	S: ANSWER status value
 *
 * `table` without "proxy:" in front; it must stand, with it, in the expanded
 * value of proxy_read_maps or proxy_write_maps.  OPEN asks only whether it
 * does: a table that can't be opened says so when it is used.  A table has one place in its
 * sequence, whoever asks.  Requests may be sent again when the connection
 * breaks.
 */
#define PROXY_SERVICE "private/proxymap"
#define PROXY_WRITE_SERVICE "private/proxywrite"

enum proxy_frame {
	PROXY_FIND = 1, PROXY_ANSWER, PROXY_PUT, PROXY_DELETE, PROXY_SEQUENCE,
	PROXY_OPEN,
};

enum proxy_key {
	PROXY_KEY_TABLE = 1,	/* str: "unix:passwd.byname" */
	PROXY_KEY_FLAGS,	/* u64: PROXY_FLAGS of them */
	PROXY_KEY_KEY,		/* str */
	PROXY_KEY_STATUS,	/* u64: enum table_result or PROXY_DENIED */
	PROXY_KEY_VALUE,	/* str: the value, or what was wrong */
	PROXY_KEY_FIRST,	/* u64: 1: the sequence starts */
};

enum {
	PROXY_FRAME_MAX = 1024 * 1024,	/* bytes */
	PROXY_DENIED = 100,		/* status: the table is not approved */
	PROXY_FLAGS = TABLE_FOLD | TABLE_UTF8 | TABLE_PARENT |
	    TABLE_SRC_IS_FILE,
};

#endif
