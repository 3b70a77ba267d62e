#include "conf/param.h"
#include "smtp/filter.h"
#include "tests/test.h"
#include "util/buf.h"

#define X10 "xxxxxxxxxx"
#define X70 X10 X10 X10 X10 X10 X10 X10

#define QP "Content-Transfer-Encoding: quoted-printable\r\n"
#define E8 "Content-Transfer-Encoding: 8bit\r\n"

/* The same result whatever the pieces are that the text comes in. */
static void
check(const char *text, const char *want)
{
	size_t len = strlen(text);

	for (size_t piece = 1; piece <= len; piece++) {
		struct filter *d = filter_new("id", true, false);
		struct buf out = BUF_INIT;

		for (size_t at = 0; at < len; at += piece)
			filter_feed(d, text + at,
			    len - at < piece ? len - at : piece, &out);
		filter_end(d, &out);
		CHECK_STR(out.data, want);
		filter_free(d);
		buf_done(&out);
		if (!test_ok)
			return;
	}
}

static void
quotes_a_single_part(void)
{
	check("Subject: s\r\n" E8 "To: t\r\n\r\nGr\303\274\303\237e = x\r\n"
	    "end \r\ntab\t\r\n\r\n.dot\r\n",
	    "Subject: s\r\nTo: t\r\n" QP "\r\nGr=C3=BC=C3=9Fe =3D x\r\n"
	    "end=20\r\ntab=09\r\n\r\n.dot\r\n");
}

static void
knows_comments_and_case(void)
{
	check("content-transfer-encoding : (what) 8BIT (x)\r\n\r\n\374\r\n",
	    QP "\r\n=FC\r\n");
}

static void
breaks_lines_like_the_oracle(void)
{
	check(E8 "\r\n" X70 "123\r\n" X70 "1234\r\n" X70 "\303\274\r\n",
	    QP "\r\n" X70 "123\r\n" X70 "123=\r\n4\r\n" X70 "=C3=\r\n=BC\r\n");
}

static void
leaves_what_does_not_say_8bit(void)
{
	const char *text = "Subject: \374\r\nMIME-Version: 1.0\r\n\r\n\374\r\n";

	check(text, text);
}

static void
descends_into_multiparts_and_messages(void)
{
	check(E8 "Content-Type: multipart/mixed; boundary=\"b1\"\r\n\r\n"
	    "pr\351\r\n--b1\r\nContent-Type: message/rfc822\r\n" E8 "\r\n"
	    "Subject: i\r\n" E8 "\r\n\351\r\n--b1\r\n"
	    "Content-Type: multipart/alternative;\r\n boundary=b2 (x)\r\n" E8
	    "\r\n--b2\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n"
	    "--b2\r\n\r\n\351\r\n--b2\r\nX-A: b\r\n" E8 "X-C: d\r\n\r\n\351\r\n"
	    "--b2--\r\nafter \351\r\n--b1--\r\nepilogue \351\r\n",
	    "Content-Type: multipart/mixed; boundary=\"b1\"\r\n"
	    "Content-Transfer-Encoding: 7bit\r\n\r\n"
	    "pr\351\r\n--b1\r\nContent-Type: message/rfc822\r\n"
	    "Content-Transfer-Encoding: 7bit\r\n\r\n"
	    "Subject: i\r\n" QP "\r\n=E9\r\n--b1\r\n"
	    "Content-Type: multipart/alternative;\r\n boundary=b2 (x)\r\n"
	    "Content-Transfer-Encoding: 7bit\r\n"
	    "\r\n--b2\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n"
	    "--b2\r\n\r\n\351\r\n--b2\r\nX-A: b\r\nX-C: d\r\n" QP
	    "\r\n=E9\r\n--b2--\r\nafter \351\r\n--b1--\r\nepilogue \351\r\n");
}

static void
an_outer_boundary_ends_inner_parts(void)
{
	check("Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n"
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" E8
	    "\r\n\351\r\n--a\r\n\r\n\351\r\n",
	    "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n"
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" QP
	    "\r\n=E9\r\n--a\r\n\r\n\351\r\n");
}

static void
a_long_line_goes_out_in_pieces(void)
{
	struct filter *d = filter_new("id", true, false);
	struct buf in = BUF_INIT, out = BUF_INIT;
	size_t equals = 0;

	buf_adds(&in, E8 "\r\n");
	for (int i = 0; i < 100000; i++)
		buf_addc(&in, 'x');
	buf_adds(&in, "\r\n");
	filter_feed(d, in.data, in.len, &out);
	filter_end(d, &out);
	for (size_t i = 0; i < out.len; i++)
		equals += out.data[i] == '=';
	CHECK_INT(equals, 100000 / 73);
	filter_free(d);
	buf_done(&in);
	buf_done(&out);
}

int
main(void)
{
	conf_mail.header_size_limit = 102400;
	conf_mail.line_length_limit = 2048;
	conf_mail.mime_boundary_length_limit = 2048;
	conf_mail.mime_nesting_limit = 100;
	TEST(quotes_a_single_part);
	TEST(knows_comments_and_case);
	TEST(breaks_lines_like_the_oracle);
	TEST(leaves_what_does_not_say_8bit);
	TEST(descends_into_multiparts_and_messages);
	TEST(an_outer_boundary_ends_inner_parts);
	TEST(a_long_line_goes_out_in_pieces);
	return test_end();
}
