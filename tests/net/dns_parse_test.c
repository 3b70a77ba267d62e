#include "net/dns_int.h"
#include "tests/test.h"
#include "util/buf.h"
#include "util/mem.h"

/* Answers as a hostile server would make them: one record of "a" each. */

static struct buf packet = BUF_INIT;

static void
put16(unsigned n)
{
	buf_addc(&packet, (char)(n >> 8));
	buf_addc(&packet, (char)n);
}

/* `counted`: how many records the header promises. */
static void
begin(unsigned counted)
{
	buf_clear(&packet);
	put16(0x1234);
	put16(0x8180);
	put16(0);
	put16(counted);
	put16(0);
	put16(0);
}

static void
add_record(unsigned type, unsigned class, const char *data, size_t len)
{
	buf_add(&packet, "\1a\0", 3);
	put16(type);
	put16(class);
	put16(0);
	put16(300);
	put16((unsigned)len);
	buf_add(&packet, data, len);
}

static bool
parse(enum dns_type type, struct dns_answer *ret)
{
	return dns_parse((const unsigned char *)packet.data, packet.len, type,
	    ret);
}

/* 'y': taken; 'm': malformed; '-': no record; 'x': the answer is refused. */
static char
fate(enum dns_type type)
{
	struct dns_answer a;
	char		  c;

	if (!parse(type, &a))
		return 'x';
	c = a.records != NULL ? 'y' : a.malformed ? 'm' : '-';
	dns_free(a.records);
	mem_free(a.alias);
	return c;
}

static void
records_have_their_form(void)
{
	static const struct {
		enum dns_type type;
		const char   *data;
		size_t	      len;
		char	      fate;
	} cases[] = {
		{ DNS_A, "\xc0\0\2\1", 4, 'y' }, { DNS_A, "\xc0\0\2", 3, 'm' },
		{ DNS_A, "\xc0\0\2\1\0", 5, 'm' }, { DNS_A, "", 0, 'm' },
		{ DNS_AAAA, "0123456789abcdef", 16, 'y' },
		{ DNS_AAAA, "0123456789abcde", 15, 'm' },
		{ DNS_MX, "\0\12\2mx\1b\0", 8, 'y' },
		{ DNS_MX, "\0\12\0", 3, 'y' },		/* null MX */
		{ DNS_MX, "\0\12\2mx\1b\0x", 9, 'm' },	/* a byte behind */
		{ DNS_MX, "\0\12\2mx\1b", 7, 'm' },	/* no end */
		{ DNS_MX, "\0\12\2m /\0", 7, 'm' },	/* no host name */
		{ DNS_MX, "\0\12", 2, 'm' }, { DNS_MX, "\0", 1, 'm' },
		{ DNS_MX, "\0\12\xc0\x0c", 4, 'y' },	/* "a" once more */
		{ DNS_MX, "\0\12\xc0\xff", 4, 'm' },	/* out of sight */
		{ DNS_MX, "\0\12\xc0\x1b", 4, 'm' },	/* to itself */
		{ DNS_TXT, "\2ab\1c", 5, 'y' }, { DNS_TXT, "", 0, 'm' },
		{ DNS_TXT, "\0", 1, 'y' }, { DNS_TXT, "\3ab", 3, 'm' },
		{ DNS_TXT, "\2ab\1", 4, 'm' },
		{ DNS_TLSA, "\3\1\1x", 4, 'y' }, { DNS_TLSA, "\3\1\1", 3, 'm' },
		{ DNS_SOA, "\1s\0\1p\0" "01234567890123456789", 26, 'y' },
		{ DNS_SOA, "\1s\0\1p\0" "0123456789012345678", 25, 'm' },
		{ DNS_SOA, "\1s\0", 3, 'm' }, { DNS_SOA, "", 0, 'm' },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		begin(1);
		add_record(cases[i].type, 1, cases[i].data, cases[i].len);
		CHECK_INT(fate(cases[i].type), cases[i].fate);
		if (fate(cases[i].type) != cases[i].fate)
			printf("# case %zu\n", i);
	}
}

static void
other_classes_and_types_are_passed_over(void)
{
	struct dns_answer a;

	begin(1);
	add_record(DNS_A, 3, "\xc0\0\2\1", 4);
	CHECK_INT(fate(DNS_A), '-');
	begin(1);
	add_record(DNS_CNAME, 3, "\1b\0", 3);
	CHECK(parse(DNS_A, &a) && a.alias == NULL && a.records == NULL);
	begin(1);
	add_record(DNS_CNAME, 1, "\1b\0", 3);
	CHECK(parse(DNS_A, &a));
	CHECK_STR(a.alias, "b");
	mem_free(a.alias);
}

static void
what_is_cut_off_is_no_answer(void)
{
	struct dns_answer a;

	begin(2);
	add_record(DNS_A, 1, "\xc0\0\2\1", 4);
	CHECK_INT(fate(DNS_A), 'x');
	begin(1);
	add_record(DNS_A, 1, "\xc0\0\2\1", 4);
	for (size_t n = 0; n < packet.len; n++)
		CHECK(!dns_parse((const unsigned char *)packet.data, n, DNS_A,
		    &a));
	begin(0);
	CHECK_INT(fate(DNS_A), '-');
	packet.data[2] = 1;	/* a question */
	CHECK_INT(fate(DNS_A), 'x');
	begin(1);
	packet.data[5] = 200;	/* questions that are not there */
	add_record(DNS_A, 1, "\xc0\0\2\1", 4);
	CHECK_INT(fate(DNS_A), 'x');
}

static void
the_smallest_time_to_live_counts_and_records_are_bounded(void)
{
	struct dns_answer a;
	int		  n = 0;

	begin(DNS_RECORDS_MAX + 5);
	for (int i = 0; i < DNS_RECORDS_MAX + 5; i++)
		add_record(DNS_A, 1, "\xc0\0\2\1", 4);
	CHECK(parse(DNS_A, &a));
	CHECK(a.ttl == 300);
	for (struct dns_record *r = a.records; r != NULL; r = r->next)
		n++;
	CHECK_INT(n, DNS_RECORDS_MAX);
	dns_free(a.records);
}

int
main(void)
{
	TEST(records_have_their_form);
	TEST(other_classes_and_types_are_passed_over);
	TEST(what_is_cut_off_is_no_answer);
	TEST(the_smallest_time_to_live_counts_and_records_are_bounded);
	buf_done(&packet);
	return test_end();
}
