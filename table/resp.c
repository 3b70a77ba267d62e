#include "table/resp.h"

#include <limits.h>

#include "util/stream.h"
#include "util/text.h"

enum {
	LINE_MAX_BYTES = 4096,
	TEXT_MAX_BYTES = 1024 * 1024,
	ARRAY_MAX = 100000,
};

void
resp_send(struct stream *s, const struct str *words, size_t count)
{
	stream_printf(s, "*%zu\r\n", count);
	for (size_t i = 0; i < count; i++) {
		stream_printf(s, "$%zu\r\n", words[i].n);
		stream_write(s, words[i].p, words[i].n);
		stream_puts(s, "\r\n");
	}
}

/* `len` bytes and CR LF. */
static bool
read_text(struct stream *s, size_t len, struct buf *ret)
{
	char end[2];

	if (!stream_read(s, buf_room(ret, len + 1), len))
		return false;
	buf_grow(ret, len);
	return stream_read(s, end, 2) && end[0] == '\r' && end[1] == '\n';
}

enum resp_kind
resp_read(struct stream *s, struct buf *ret_text, long *ret_number)
{
	struct buf     line = BUF_INIT;
	enum resp_kind kind = RESP_NONE;
	const char    *rest;

	buf_clear(ret_text);
	*ret_number = 0;
	if (stream_get_line(s, &line, LINE_MAX_BYTES) == LINE_OK &&
	    line.len > 0) {
		rest = line.data + 1;
		switch (line.data[0]) {
		case '+':
			kind = RESP_STATUS;
			buf_adds(ret_text, rest);
			break;
		case '-':
			kind = RESP_ERROR;
			text_printable(ret_text, rest, line.len - 1, false);
			break;
		case ':':
			if (text_to_long(rest, LONG_MIN, LONG_MAX, ret_number))
				kind = RESP_NUMBER;
			break;
		case '$':
			if (!text_to_long(rest, -1, TEXT_MAX_BYTES,
			    ret_number))
				break;
			if (*ret_number < 0)
				kind = RESP_NIL;
			else if (read_text(s, (size_t)*ret_number, ret_text))
				kind = RESP_TEXT;
			break;
		case '*':
			if (text_to_long(rest, -1, ARRAY_MAX, ret_number))
				kind = *ret_number < 0 ? RESP_NIL :
				    RESP_ARRAY;
			break;
		}
	}
	buf_done(&line);
	if (kind == RESP_NONE && stream_failed(s) == NULL)
		stream_fail(s, "malformed reply");
	return kind;
}
