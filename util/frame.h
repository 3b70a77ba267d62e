/* frame - typed messages of named attributes between our programs */

#ifndef UTIL_FRAME_H
#define UTIL_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"

struct stream;

/*
 * On the wire, in host byte order (both ends are one machine):
 *
 *	frame     = length:u32 type:u16 reserved:u16 attribute*
 *	attribute = key:u16 reserved:u16 length:u32 bytes NUL
 *
 * `length` of a frame counts the attributes.  Every attribute's bytes are
 * followed by a NUL that is not counted, so a received string attribute is a
 * C string in place.  Keys may repeat; order is kept.  A protocol's types and
 * keys are enums in its header in mail/; attributes that belong together
 * (a recipient's) are sent as a nested group: frame_open()/frame_close().
 *
 * Receiving is strict: a frame over the limit, a length that does not add
 * up, or a string with a NUL inside fails the stream.
 */
enum {
	FRAME_MAX = 16 * 1024 * 1024,	/* bytes of a frame, hard limit */
};

struct frame {
	struct buf	 bytes;		/* attributes, as on the wire */
	uint16_t	 type;
};

#define FRAME_INIT { .bytes = BUF_INIT }

void	frame_done(struct frame *);

/* --- sending: begin, put, send */

void	frame_begin(struct frame *, uint16_t type);	/* empties it */
void	frame_put(struct frame *, uint16_t key, const void *, size_t len);
void	frame_put_str(struct frame *, uint16_t key, const char *); /* NULL: not put */
void	frame_put_u64(struct frame *, uint16_t key, uint64_t);
size_t	frame_open(struct frame *, uint16_t key);	/* a group begins */
void	frame_close(struct frame *, size_t opened);	/* and ends */

/* Buffered in the stream; sent by stream_flush() or the next read. */
void	frame_send(struct stream *, const struct frame *);

/* A frame of one bytes attribute without copying into a struct frame. */
void	frame_send_bytes(struct stream *, uint16_t type, uint16_t key,
	    const void *, size_t len);

/* --- receiving */

/* Waits for a frame of at most `max` bytes.  False: end or error of the
 * stream (see stream_failed()). */
bool	frame_receive(struct stream *, struct frame *, size_t max);

/* The lengths add up (frame_receive() has made sure). */
bool	frame_is_sound(const struct frame *);

/* The attributes in order: start with *pos = 0; false after the last. */
struct frame_attr {
	uint16_t	 key;
	uint32_t	 len;
	const char	*data;		/* in the frame; data[len] is NUL */
};

bool	frame_next(const struct frame *, size_t *pos, struct frame_attr *);

/* The same within a group attribute. */
bool	frame_group_next(const struct frame_attr *group, size_t *pos,
	    struct frame_attr *);

/* First attribute of that key: NULL or `none` if it is missing or not of
 * that kind (a string with a NUL in it, a number not of 8 bytes). */
const char	*frame_str(const struct frame *, uint16_t key);
uint64_t	 frame_u64(const struct frame *, uint16_t key, uint64_t none);
bool		 frame_bytes(const struct frame *, uint16_t key,
		     struct str *ret);

/* The value of an attribute already at hand. */
const char	*frame_attr_str(const struct frame_attr *);	/* or NULL */
uint64_t	 frame_attr_u64(const struct frame_attr *, uint64_t none);

#endif
