/*
 * Any bytes as a QMQP packet: what is found does not depend on how they are cut
 * into pieces, limits are kept, and addresses have nothing that ends a line.
 */

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "qmqpd/packet.c"
#include "tests/fuzz/fuzz.h"

enum { CONTENT_MAX = 200, ADDRESS_MAX = 30 };

const char *const fuzz_words[] = {
	"0:,", "3:a@b,", "12:", "5:hello,", ",", ":", "0", "00", "9", "31:",
	"30:", "201:", "9223372036854775807", "18446744073709551616:", "@",
	"40:5:hello,3:a@b,3:c@d,,", "9:2:hi,0:,3:c@d,", NULL
};

struct found {
	struct buf all;
	size_t	   content;	/* bytes */
};

static void
take_content(void *arg, const char *bytes, size_t len)
{
	struct found *f = arg;

	assert(len > 0);
	f->content += len;
	assert(f->content <= CONTENT_MAX);
	buf_add(&f->all, bytes, len);
}

static void
take_address(void *arg, const char *address)
{
	struct found *f = arg;

	assert(strlen(address) <= ADDRESS_MAX);
	assert(strpbrk(address, "\r\n") == NULL);
	buf_addf(&f->all, "|%s", address);
}

static const struct packet_events events = {
	take_content, take_address, take_address
};

static enum packet_result
feed(const char *in, size_t len, size_t step, struct found *f)
{
	static const struct packet_limits limits = { CONTENT_MAX,
	    ADDRESS_MAX };
	enum packet_result r = PACKET_MORE;
	struct packet	   p;

	packet_init(&p, &limits, &events, f);
	for (size_t at = 0; at < len && r == PACKET_MORE; at += step)
		r = packet_feed(&p, in + at, step < len - at ? step :
		    len - at);
	assert(*packet_part_name(&p) != '\0');
	packet_done(&p);
	return r;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char  *in = (const char *)data;
	struct found whole = { .all = BUF_INIT };
	enum packet_result r;

	r = feed(in, size, size + 1, &whole);
	for (size_t step = 1; step < 5; step++) {
		struct found f = { .all = BUF_INIT };

		assert(feed(in, size, step, &f) == r);
		assert(f.all.len == whole.all.len &&
		    memcmp(f.all.data, whole.all.data, f.all.len) == 0);
		buf_done(&f.all);
	}
	buf_done(&whole.all);
	return 0;
}
