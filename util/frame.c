/* frame - typed messages of named attributes between our programs */

#include <string.h>

#include "util/frame.h"
#include "util/stream.h"

struct frame_head {
	uint32_t	 length;
	uint16_t	 type;
	uint16_t	 reserved;
};

struct attr_head {
	uint16_t	 key;
	uint16_t	 reserved;
	uint32_t	 length;
};

enum {
	READ_STEP = 64 * 1024,	/* memory is taken as bytes come, not as a
				   header promises them */
};

void
frame_done(struct frame *f)
{
	buf_done(&f->bytes);
}

/* --- sending */

void
frame_begin(struct frame *f, uint16_t type)
{
	buf_clear(&f->bytes);
	f->type = type;
}

void
frame_put(struct frame *f, uint16_t key, const void *bytes, size_t len)
{
	struct attr_head head = { .key = key, .length = (uint32_t)len };
	char		*p = buf_room(&f->bytes, sizeof head + len + 1);

	memcpy(p, &head, sizeof head);
	if (len > 0)
		memcpy(p + sizeof head, bytes, len);
	p[sizeof head + len] = '\0';
	buf_grow(&f->bytes, sizeof head + len + 1);
}

void
frame_put_str(struct frame *f, uint16_t key, const char *str)
{
	if (str != NULL)
		frame_put(f, key, str, strlen(str));
}

void
frame_put_u64(struct frame *f, uint16_t key, uint64_t n)
{
	frame_put(f, key, &n, sizeof n);
}

size_t
frame_open(struct frame *f, uint16_t key)
{
	struct attr_head head = { .key = key };
	size_t		 at = f->bytes.len;

	buf_add(&f->bytes, &head, sizeof head);
	return at;
}

void
frame_close(struct frame *f, size_t opened)
{
	struct attr_head head;

	memcpy(&head, f->bytes.data + opened, sizeof head);
	head.length = (uint32_t)(f->bytes.len - opened - sizeof head);
	memcpy(f->bytes.data + opened, &head, sizeof head);
	buf_addc(&f->bytes, '\0');
}

void
frame_send(struct stream *s, const struct frame *f)
{
	struct frame_head head = {
		.length = (uint32_t)f->bytes.len,
		.type = f->type,
	};

	if (f->bytes.len > FRAME_MAX) {
		stream_fail(s, "frame too large to send");
		return;
	}
	stream_write(s, &head, sizeof head);
	stream_write(s, f->bytes.data, f->bytes.len);
}

void
frame_send_bytes(struct stream *s, uint16_t type, uint16_t key,
    const void *bytes, size_t len)
{
	struct {
		struct frame_head	frame;
		struct attr_head	attr;
	} head = {
		.frame.type = type,
		.attr.key = key,
		.attr.length = (uint32_t)len,
	};

	if (len > FRAME_MAX - sizeof head.attr - 1) {
		stream_fail(s, "frame too large to send");
		return;
	}
	head.frame.length = (uint32_t)(sizeof head.attr + len + 1);
	stream_write(s, &head, sizeof head);
	stream_write(s, bytes, len);
	stream_write(s, "", 1);
}

/* --- receiving */

/* The attribute at *pos of `len` bytes. */
static bool
next_attr(const char *bytes, size_t len, size_t *pos, struct frame_attr *ret)
{
	struct attr_head head;
	size_t		 left = len - *pos;

	if (*pos > len || left < sizeof head + 1)
		return false;
	memcpy(&head, bytes + *pos, sizeof head);
	left -= sizeof head + 1;
	if (head.length > left)
		return false;
	ret->key = head.key;
	ret->len = head.length;
	ret->data = bytes + *pos + sizeof head;
	if (ret->data[ret->len] != '\0')
		return false;
	*pos += sizeof head + head.length + 1;
	return true;
}

bool
frame_is_sound(const struct frame *f)
{
	struct frame_attr a;
	size_t		  pos = 0;

	while (next_attr(f->bytes.data, f->bytes.len, &pos, &a))
		;
	return pos == f->bytes.len;
}

bool
frame_receive(struct stream *s, struct frame *f, size_t max)
{
	struct frame_head head;
	size_t		  left, step;

	buf_clear(&f->bytes);
	if (!stream_read(s, &head, sizeof head))
		return false;
	if (head.length > max || head.length > FRAME_MAX) {
		stream_fail(s, "frame too large");
		return false;
	}
	for (left = head.length; left > 0; left -= step) {
		step = left < READ_STEP ? left : READ_STEP;
		if (!stream_read(s, buf_room(&f->bytes, step), step))
			return false;
		buf_grow(&f->bytes, step);
	}
	f->type = head.type;
	if (!frame_is_sound(f)) {
		stream_fail(s, "malformed frame");
		return false;
	}
	return true;
}

bool
frame_next(const struct frame *f, size_t *pos, struct frame_attr *ret)
{
	return next_attr(f->bytes.data, f->bytes.len, pos, ret);
}

bool
frame_group_next(const struct frame_attr *group, size_t *pos,
    struct frame_attr *ret)
{
	return next_attr(group->data, group->len, pos, ret);
}

static bool
find(const struct frame *f, uint16_t key, struct frame_attr *ret)
{
	size_t pos = 0;

	while (frame_next(f, &pos, ret))
		if (ret->key == key)
			return true;
	return false;
}

const char *
frame_attr_str(const struct frame_attr *a)
{
	return memchr(a->data, '\0', a->len) == NULL ? a->data : NULL;
}

uint64_t
frame_attr_u64(const struct frame_attr *a, uint64_t none)
{
	uint64_t n;

	if (a->len != sizeof n)
		return none;
	memcpy(&n, a->data, sizeof n);
	return n;
}

const char *
frame_str(const struct frame *f, uint16_t key)
{
	struct frame_attr a;

	return find(f, key, &a) ? frame_attr_str(&a) : NULL;
}

uint64_t
frame_u64(const struct frame *f, uint16_t key, uint64_t none)
{
	struct frame_attr a;

	return find(f, key, &a) ? frame_attr_u64(&a, none) : none;
}

bool
frame_bytes(const struct frame *f, uint16_t key, struct str *ret)
{
	struct frame_attr a;

	if (!find(f, key, &a))
		return false;
	*ret = (struct str){ a.data, a.len };
	return true;
}
