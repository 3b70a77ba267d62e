/* packet - a QMQP request, taken apart as it arrives */

#ifndef QMQPD_PACKET_H
#define QMQPD_PACKET_H

#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"

/*
 *	packet    = digits ":" content sender recipient* ","
 *	content   = sender = recipient = netstring
 *	netstring = digits ":" bytes ","
 *
 * The length of the whole is read and not compared with its parts: the last
 * comma is the end.  Nobody's claim of a length makes us allocate anything.
 */
enum packet_part {
	PACKET_HEADER, PACKET_CONTENT, PACKET_SENDER, PACKET_RECIPIENT,
};

enum packet_result {
	PACKET_MORE,		/* all is well, there is more to come */
	PACKET_DONE,		/* the last comma was among the bytes */
	PACKET_BAD,		/* no netstring, or NUL in an address */
	PACKET_TOO_LONG,	/* of a part, see struct packet_limits */
};

struct packet_limits {
	uint64_t content, address;	/* bytes; 0: no limit */
};

/* What was found.  Content comes in pieces; an address is a C string, in
 * which newlines have become spaces. */
struct packet_events {
	void	(*content)(void *arg, const char *, size_t);
	void	(*sender)(void *arg, const char *address);
	void	(*recipient)(void *arg, const char *address);
};

struct packet {
	struct packet_limits limits;
	const struct packet_events *events;
	void		*arg;
	enum packet_part part;		/* being received */
	enum { PACKET_LENGTH, PACKET_BYTES, PACKET_COMMA } state;
	unsigned	 digits;	/* of the length so far */
	uint64_t	 left;		/* the length; bytes still to come */
	struct buf	 address;
};

void	packet_init(struct packet *, const struct packet_limits *,
	    const struct packet_events *, void *arg);
void	packet_done(struct packet *);

/* Any number of bytes.  After another result than PACKET_MORE this is not
 * called again; what came behind the end was ignored. */
enum packet_result packet_feed(struct packet *, const char *, size_t);

/* "message content": for log lines and replies. */
const char *packet_part_name(const struct packet *);

#endif
