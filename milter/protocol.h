/* protocol - the packets of the milter protocol, versions 2 to 6 */

#ifndef MILTER_PROTOCOL_H
#define MILTER_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"

/*
 *	packet = length:u32 type:u8 data		big-endian; length counts
 *						type and data
 *
 * Strings in data end in NUL.  Functions here have no I/O: packets are added
 * to a buffer, answers are taken from bytes that have come in whole.
 */
enum milter_command {
	MILTER_ABORT = 'A', MILTER_BODY = 'B', MILTER_CONNECT = 'C',
	MILTER_MACROS = 'D', MILTER_END_OF_BODY = 'E', MILTER_HELO = 'H',
	MILTER_HEADER = 'L', MILTER_MAIL = 'M', MILTER_END_OF_HEADER = 'N',
	MILTER_OPTIONS = 'O', MILTER_QUIT = 'Q', MILTER_RCPT = 'R',
	MILTER_DATA = 'T', MILTER_UNKNOWN = 'U',
};

enum milter_reply {
	MILTER_ADD_RCPT = '+', MILTER_DELETE_RCPT = '-',
	MILTER_ADD_RCPT_PAR = '2', MILTER_SHUT_DOWN = '4',
	MILTER_ACCEPT = 'a', MILTER_REPLACE_BODY = 'b', MILTER_CONTINUE = 'c',
	MILTER_DISCARD = 'd', MILTER_CHANGE_FROM = 'e',
	MILTER_CONNECTION_FAIL = 'f', MILTER_ADD_HEADER = 'h',
	MILTER_INSERT_HEADER = 'i', MILTER_SYMBOLS = 'l',
	MILTER_CHANGE_HEADER = 'm', MILTER_PROGRESS = 'p',
	MILTER_QUARANTINE = 'q', MILTER_REJECT = 'r', MILTER_SKIP = 's',
	MILTER_TEMPFAIL = 't', MILTER_REPLY_CODE = 'y',
};

/* What the milter asks us to leave out (NO_), not to wait for (NR_), or may
 * make use of. */
enum milter_protocol_bit {
	MILTER_NO_CONNECT = 0x1, MILTER_NO_HELO = 0x2, MILTER_NO_MAIL = 0x4,
	MILTER_NO_RCPT = 0x8, MILTER_NO_BODY = 0x10, MILTER_NO_HEADERS = 0x20,
	MILTER_NO_EOH = 0x40, MILTER_NR_HEADER = 0x80,
	MILTER_NO_UNKNOWN = 0x100, MILTER_NO_DATA = 0x200,
	MILTER_MAY_SKIP = 0x400, MILTER_REJECTED_RCPT = 0x800,
	MILTER_NR_CONNECT = 0x1000, MILTER_NR_HELO = 0x2000,
	MILTER_NR_MAIL = 0x4000, MILTER_NR_RCPT = 0x8000,
	MILTER_NR_DATA = 0x10000, MILTER_NR_UNKNOWN = 0x20000,
	MILTER_NR_EOH = 0x40000, MILTER_NR_BODY = 0x80000,
	MILTER_LEADING_SPACE = 0x100000, /* header values keep theirs */
};

/* What it may do to messages. */
enum milter_action_bit {
	MILTER_MAY_ADD_HEADERS = 0x1, MILTER_MAY_CHANGE_BODY = 0x2,
	MILTER_MAY_ADD_RCPT = 0x4, MILTER_MAY_DELETE_RCPT = 0x8,
	MILTER_MAY_CHANGE_HEADERS = 0x10, MILTER_MAY_QUARANTINE = 0x20,
	MILTER_MAY_CHANGE_FROM = 0x40, MILTER_MAY_ADD_RCPT_PAR = 0x80,
	MILTER_MAY_SET_SYMBOLS = 0x100,
	MILTER_MAY_ALL = 0x1ff,
};

/* The lists of macros, numbered as a milter numbers them when it sends its
 * own; MILTER_STAGE_UNKNOWN is ours. */
enum milter_stage {
	MILTER_STAGE_CONNECT, MILTER_STAGE_HELO, MILTER_STAGE_MAIL,
	MILTER_STAGE_RCPT, MILTER_STAGE_DATA, MILTER_STAGE_EOM,
	MILTER_STAGE_EOH, MILTER_STAGE_UNKNOWN,
	MILTER_STAGES
};

enum {
	MILTER_BODY_MAX = 65535,	/* bytes of one piece of body */
	MILTER_PACKET_MAX = 4 * 1024 * 1024,	/* bytes, from a milter */
};

/* "SMFIC_MAIL": as log readers know them. */
const char *milter_command_name(enum milter_command);
const char *milter_reply_name(int type);	/* or NULL */

/* Protocol bits that exist in a version; 0 if there is no such version. */
uint32_t milter_protocol_bits(uint32_t version);

/* --- commands, added to `out` */

void	milter_put(struct buf *out, enum milter_command, const void *data,
	    size_t len);
void	milter_put_options(struct buf *out, uint32_t version, uint32_t actions,
	    uint32_t protocol);

/* `family` is '4', '6', 'L' (port and address are left out for 'U'). */
void	milter_put_connect(struct buf *out, const char *name, char family,
	    uint16_t port, const char *address);

/* Strings, each with its NUL: MILTER_MAIL, MILTER_RCPT, MILTER_HELO ... */
void	milter_put_strings(struct buf *out, enum milter_command,
	    const char *const *strings, size_t count);

/* Name and value of a field.  CRLF in the value become LF; without
 * `leading_space` the first space is left out. */
void	milter_put_header(struct buf *out, struct str name, struct str value,
	    bool leading_space);

/* A packet whose end is found later: what is added to `out` between the two
 * calls is its data. */
size_t	milter_open(struct buf *out, enum milter_command);
void	milter_close(struct buf *out, size_t opened);

/* --- answers */

struct milter_answer {
	int		 type;		/* enum milter_reply, MILTER_OPTIONS */
	uint32_t	 version, actions, protocol;	/* MILTER_OPTIONS */
	uint32_t	 index;		/* insert, change header */
	const char	*name, *value;	/* header fields, addresses and their
					   ESMTP arguments ("" if none), reply
					   text, reason of a quarantine */
	struct str	 body;		/* MILTER_REPLACE_BODY */
	bool		 leading_space;	/* of a header: its value has its own,
					   by MILTER_LEADING_SPACE */
	/* lists of macro names from MILTER_OPTIONS, NULL: none sent */
	const char	*symbols[MILTER_STAGE_UNKNOWN];
};

/*
 * Understands the data of one packet, which must be followed by a NUL that is
 * not counted.  Pointers go into it.  False: malformed.
 */
bool	milter_parse(int type, const char *data, size_t len,
	    struct milter_answer *ret);

/*
 * Is it a reply that SMTP may give: lines of "4xx" or "5xx", each with text,
 * whose status code, if it has one, is of the same class?  All lines get the
 * code of the first; CRLF stands between them.  "%%" becomes "%".  False:
 * malformed.
 */
bool	milter_reply_text(const char *text, struct buf *ret_text);

#endif
