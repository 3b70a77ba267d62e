/* proxy_proto - asking proxymap(8) for what a jailed process can't read */

#ifndef TABLE_PROXY_PROTO_H
#define TABLE_PROXY_PROTO_H

/*
 * On private/proxymap, any number of questions on a connection:
 *
 *	C: FIND table flags key		S: ANSWER status value
 *
 * `table` without "proxy:" in front; it must stand, with it, in the expanded
 * value of proxy_read_maps.
 */
#define PROXY_SERVICE "private/proxymap"

enum proxy_frame { PROXY_FIND = 1, PROXY_ANSWER };

enum proxy_key {
	PROXY_KEY_TABLE = 1,	/* str: "unix:passwd.byname" */
	PROXY_KEY_FLAGS,	/* u64: TABLE_FOLD, TABLE_UTF8 */
	PROXY_KEY_KEY,		/* str */
	PROXY_KEY_STATUS,	/* u64: enum table_result */
	PROXY_KEY_VALUE,	/* str: the value, or what was wrong */
};

enum { PROXY_FRAME_MAX = 1024 * 1024 };		/* bytes */

#endif
