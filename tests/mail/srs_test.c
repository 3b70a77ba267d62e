#include <string.h>

#include "mail/srs.h"
#include "tests/test.h"
#include "util/buf.h"

enum { NOW = 1700000000, DAY = 24 * 60 * 60 };

static const char *secrets[] = { "tops3cr3t", "older" };
static const char *old_first[] = { "older" };

static const struct srs srs = {
	.domain = "fwd.example", .secrets = secrets, .secret_count = 2,
	.separator = '=', .hash_length = 4, .hash_minimum = 4, .max_age = 21,
};

static void
forwards_and_takes_back(void)
{
	static const char *const senders[] = {
		"alice@example.com", "Alice.Smith@Example.COM",
		"a=b+c-d@example.com", "SRSfan@example.com", "x@y",
	};
	struct buf out = BUF_INIT, back = BUF_INIT;

	for (size_t i = 0; i < sizeof senders / sizeof *senders; i++) {
		buf_clear(&out);
		buf_clear(&back);
		CHECK(srs_forward(&srs, &out, senders[i], NOW));
		CHECK(strncmp(out.data, "SRS0=", 5) == 0);
		CHECK(strstr(out.data, "@fwd.example") != NULL);
		CHECK(srs_reverse(&srs, &back, out.data, NOW + DAY) ==
		    SRS_GOOD);
		CHECK_STR(back.data, senders[i]);
	}
	buf_done(&out);
	buf_done(&back);
}

static void
leaves_alone_what_is_none(void)
{
	struct buf out = BUF_INIT;

	CHECK(!srs_forward(&srs, &out, "", NOW));
	CHECK(!srs_forward(&srs, &out, "nobody", NOW));
	CHECK(!srs_forward(&srs, &out, "bob@FWD.example", NOW));
	CHECK(out.len == 0);
	CHECK(srs_reverse(&srs, &out, "bob@fwd.example", NOW) == SRS_NONE);
	CHECK(srs_reverse(&srs, &out, "SRS0=a=b=c=d@other.example", NOW) ==
	    SRS_NONE);
	CHECK(srs_reverse(&srs, &out, "SRS2=a=b=c=d@fwd.example", NOW) ==
	    SRS_NONE);
	buf_done(&out);
}

static void
refuses_what_it_did_not_sign(void)
{
	static const char *const forged[] = {
		"SRS0=AAAA=BB=example.com=alice@fwd.example",
		"SRS0=@fwd.example", "SRS0==@fwd.example",
		"SRS0=A@fwd.example", "SRS0=AAAA=BB=example.com=@fwd.example",
		"SRS0=AAAA=BBB=example.com=a@fwd.example",
		"SRS1=AAAA=host@fwd.example", "SRS1=AAAA=host=@fwd.example",
		"SRS1=AAAA=host=xrest@fwd.example",
		"SRS0=AA=BB=example.com=alice@fwd.example",
	};
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < sizeof forged / sizeof *forged; i++)
		CHECK(srs_reverse(&srs, &out, forged[i], NOW) == SRS_FORGED);
	CHECK(out.len == 0);
	buf_done(&out);
}

static void
expires(void)
{
	struct buf out = BUF_INIT, back = BUF_INIT;

	srs_forward(&srs, &out, "alice@example.com", NOW);
	CHECK(srs_reverse(&srs, &back, out.data, NOW + 21 * DAY) == SRS_GOOD);
	CHECK(srs_reverse(&srs, &back, out.data, NOW + 22 * DAY) ==
	    SRS_EXPIRED);
	CHECK(srs_reverse(&srs, &back, out.data, NOW - DAY) == SRS_GOOD);
	CHECK(srs_reverse(&srs, &back, out.data, NOW - 2 * DAY) ==
	    SRS_EXPIRED);
	buf_done(&out);
	buf_done(&back);
}

static void
keeps_other_forwarders_in_one_step(void)
{
	struct srs other = srs;
	struct buf first = BUF_INIT, second = BUF_INIT, third = BUF_INIT;
	struct buf back = BUF_INIT;

	other.domain = "second.example";
	other.separator = '+';
	CHECK(srs_forward(&srs, &first, "alice@example.com", NOW));
	CHECK(srs_forward(&other, &second, first.data, NOW));
	CHECK(strncmp(second.data, "SRS1+", 5) == 0);
	CHECK(strstr(second.data, "=fwd.example==") != NULL);
	CHECK(srs_reverse(&other, &back, second.data, NOW) == SRS_GOOD);
	CHECK_STR(back.data, first.data);
	other.domain = "third.example";
	CHECK(srs_forward(&other, &third, second.data, NOW));
	CHECK(strstr(third.data, "=fwd.example==") != NULL);
	buf_clear(&back);
	CHECK(srs_reverse(&other, &back, third.data, NOW) == SRS_GOOD);
	CHECK_STR(back.data, first.data);
	buf_done(&first);
	buf_done(&second);
	buf_done(&third);
	buf_done(&back);
}

static void
accepts_an_older_secret_and_lost_case(void)
{
	struct srs old = srs;
	struct buf out = BUF_INIT, back = BUF_INIT;

	old.secrets = old_first;
	old.secret_count = 1;
	CHECK(srs_forward(&old, &out, "alice@example.com", NOW));
	for (char *p = out.data; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + 32);
	CHECK(srs_reverse(&srs, &back, out.data, NOW) == SRS_GOOD);
	CHECK_STR(back.data, "alice@example.com");
	buf_done(&out);
	buf_done(&back);
}

/* Made by postsrsd 1.10 with the first secret, at that time. */
static void
agrees_with_postsrsd(void)
{
	static const struct { const char *sender, *rewritten; } made[] = {
		{ "alice@example.com",
		    "SRS0=eEtt=JL=example.com=alice@fwd.example" },
		{ "Alice.Smith@Example.COM",
		    "SRS0=nth8=JL=Example.COM=Alice.Smith@fwd.example" },
		{ "SRS0=abcd=EF=orig.example=bob@first.example",
		    "SRS1=ghnx=first.example==abcd=EF=orig.example=bob"
		    "@fwd.example" },
	};
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
		buf_clear(&out);
		CHECK(srs_forward(&srs, &out, made[i].sender, 1795331478));
		CHECK_STR(out.data, made[i].rewritten);
	}
	buf_done(&out);
}

int
main(void)
{
	TEST(agrees_with_postsrsd);
	TEST(forwards_and_takes_back);
	TEST(leaves_alone_what_is_none);
	TEST(refuses_what_it_did_not_sign);
	TEST(expires);
	TEST(keeps_other_forwarders_in_one_step);
	TEST(accepts_an_older_secret_and_lost_case);
	return test_end();
}
