#include "qmqpd/packet.h"
#include "tests/test.h"

/* What was found, as "content|sender|recipient|recipient|". */
static void
add_content(void *arg, const char *bytes, size_t len)
{
	buf_add(arg, bytes, len);
}

static void
add_address(void *arg, const char *address)
{
	buf_addf(arg, "|%s", address);
}

static const struct packet_events events = {
	add_content, add_address, add_address
};

/* Fed in pieces of `step` bytes. */
static enum packet_result
feed(const char *in, size_t step, struct buf *found, const char **ret_part)
{
	static const struct packet_limits limits = { .content = 50,
	    .address = 10 };
	enum packet_result r = PACKET_MORE;
	struct packet	   p;
	size_t		   len = strlen(in);

	packet_init(&p, &limits, &events, found);
	for (size_t at = 0; at < len && r == PACKET_MORE; at += step)
		r = packet_feed(&p, in + at, step < len - at ? step :
		    len - at);
	*ret_part = packet_part_name(&p);
	packet_done(&p);
	return r;
}

#define HEADER	"QMQP packet header"
#define CONTENT	"message content"
#define SENDER	"sender address"
#define RCPT	"recipient address"

static const struct {
	const char	  *in;
	enum packet_result result;
	const char	  *found, *part;
} rows[] = {
	{ "21:2:hi,3:a@b,3:c@d,,", PACKET_DONE, "hi|a@b|c@d", RCPT },
	{ "9:2:hi,0:,3:c@d,5:e@f.g,,", PACKET_DONE, "hi||c@d|e@f.g", RCPT },
	{ "9:0:,0:,,", PACKET_DONE, "|", RCPT },
	{ "9:0:,0:,,and more", PACKET_DONE, "|", RCPT },

	/* the length of the whole says nothing, zeros are a length's too */
	{ "0:2:hi,3:a@b,3:c@d,,", PACKET_DONE, "hi|a@b|c@d", RCPT },
	{ "0021:002:hi,03:a@b,3:c@d,,", PACKET_DONE, "hi|a@b|c@d", RCPT },

	/* not all is there */
	{ "", PACKET_MORE, "", HEADER },
	{ "12", PACKET_MORE, "", HEADER },
	{ "12:", PACKET_MORE, "", CONTENT },
	{ "12:5:ab", PACKET_MORE, "ab", CONTENT },
	{ "12:2:ab,", PACKET_MORE, "ab", SENDER },
	{ "12:2:ab,3:a@b,", PACKET_MORE, "ab|a@b", RCPT },
	{ "12:2:ab,3:a@b,3:c@d,", PACKET_MORE, "ab|a@b|c@d", RCPT },

	/* no netstrings */
	{ ":", PACKET_BAD, "", HEADER },
	{ "-5:", PACKET_BAD, "", HEADER },
	{ " 5:", PACKET_BAD, "", HEADER },
	{ "0x5:", PACKET_BAD, "", HEADER },
	{ ",", PACKET_BAD, "", HEADER },
	{ "5:,", PACKET_BAD, "", CONTENT },
	{ "5::", PACKET_BAD, "", CONTENT },
	{ "9:2:hix", PACKET_BAD, "hi", CONTENT },
	{ "9:2:hi,,", PACKET_BAD, "hi", SENDER },
	{ "9:2:hi,3:a@bx", PACKET_BAD, "hi", SENDER },
	{ "9:2:hi,3:a@b,3,", PACKET_BAD, "hi|a@b", RCPT },
	{ "9:2:hi,3:a@b,3:c@d,x", PACKET_BAD, "hi|a@b|c@d", RCPT },

	/* too much */
	{ "9:50:", PACKET_MORE, "", CONTENT },
	{ "9:51:", PACKET_TOO_LONG, "", CONTENT },
	{ "9:0:,10:", PACKET_MORE, "", SENDER },
	{ "9:0:,11:", PACKET_TOO_LONG, "", SENDER },
	{ "9:0:,0:,11:", PACKET_TOO_LONG, "|", RCPT },
	{ "9223372036854775807:", PACKET_MORE, "", CONTENT },
	{ "9223372036854775808:", PACKET_TOO_LONG, "", HEADER },
	{ "18446744073709551617:", PACKET_TOO_LONG, "", HEADER },
	{ "00000000000000000001:", PACKET_MORE, "", CONTENT },
	{ "000000000000000000001:", PACKET_TOO_LONG, "", HEADER },
};

static void
check_all(size_t step)
{
	struct buf  found = BUF_INIT;
	const char *part;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		buf_clear(&found);
		CHECK_INT(feed(rows[i].in, step, &found, &part),
		    rows[i].result);
		CHECK_STR(found.data, rows[i].found);
		CHECK_STR(part, rows[i].part);
	}
	buf_done(&found);
}

static void
a_packet_is_taken_apart_or_refused_at_once(void)
{
	check_all(1000);
}

static void
it_may_come_in_any_pieces(void)
{
	for (size_t step = 1; step < 12; step++)
		check_all(step);
}

static enum packet_result
feed_bytes(const char *in, size_t len, struct buf *found)
{
	static const struct packet_limits none = { 0 };
	enum packet_result r;
	struct packet	   p;

	packet_init(&p, &none, &events, found);
	r = packet_feed(&p, in, len);
	packet_done(&p);
	return r;
}

static void
content_may_have_any_bytes_and_an_address_no_nul(void)
{
	static const char in[] = "9:5:a\0\r\nb,3:a@b,3:c@d,,";
	static const char bad[] = "9:0:,3:a\0b,3:c@d,,";
	struct buf	  found = BUF_INIT;

	CHECK(feed_bytes(in, sizeof in - 1, &found) == PACKET_DONE);
	CHECK(found.len == 13 && memcmp(found.data, "a\0\r\nb|a@b|c@d",
	    13) == 0);
	buf_clear(&found);
	CHECK(feed_bytes(bad, sizeof bad - 1, &found) == PACKET_BAD);
	CHECK_STR(found.data, "");
	buf_done(&found);
}

static void
newlines_in_an_address_become_spaces(void)
{
	struct buf  found = BUF_INIT;
	const char *part;

	CHECK(feed("9:0:,8:a\r\nX:1@b,0:,,", 99, &found, &part) ==
	    PACKET_DONE);
	CHECK_STR(found.data, "|a  X:1@b|");
	buf_done(&found);
}

int
main(void)
{
	TEST(a_packet_is_taken_apart_or_refused_at_once);
	TEST(it_may_come_in_any_pieces);
	TEST(content_may_have_any_bytes_and_an_address_no_nul);
	TEST(newlines_in_an_address_become_spaces);
	return test_end();
}
