#include <string.h>

#include "smtpd/greylist.h"
#include "tests/test.h"

static const struct greylist_rules rules = {
	.delay = 300, .window = 3600, .lifetime = 100000, .allow_after = 2,
};

static void
a_triplet_passes_when_it_comes_again_in_time(void)
{
	struct greylist_record r = { 0 };
	bool		       store;

	CHECK(greylist_judge(&rules, &r, 1000, &store) == GREYLIST_NEW);
	CHECK(store && r.first == 1000);
	CHECK(greylist_judge(&rules, &r, 1299, &store) == GREYLIST_EARLY);
	CHECK(!store);
	CHECK(greylist_judge(&rules, &r, 1300, &store) == GREYLIST_PASSES);
	CHECK(store);
	CHECK(greylist_judge(&rules, &r, 1301, &store) == GREYLIST_KNOWN);
	CHECK(!store);
	CHECK(greylist_judge(&rules, &r, 9000, &store) == GREYLIST_KNOWN);
	CHECK(store && r.last == 9000);
}

static void
who_comes_too_late_begins_anew(void)
{
	struct greylist_record r = { .first = 1000, .last = 1000 };
	bool		       store;

	CHECK(greylist_judge(&rules, &r, 4601, &store) == GREYLIST_NEW);
	CHECK(r.first == 4601);
	r = (struct greylist_record){ 1000, 1400, 1 };
	CHECK(greylist_judge(&rules, &r, 101401, &store) == GREYLIST_NEW);
	r = (struct greylist_record){ 5000, 5000, 1 };
	CHECK(greylist_judge(&rules, &r, 1000, &store) == GREYLIST_NEW);
}

static void
a_client_earns_its_way(void)
{
	struct greylist_record r = { 0 };
	bool		       store;

	CHECK(!greylist_client_passes(&rules, &r, 1000, &store));
	greylist_client_earns(&rules, &r, 1000);
	CHECK(!greylist_client_passes(&rules, &r, 1001, &store));
	greylist_client_earns(&rules, &r, 1002);
	CHECK(greylist_client_passes(&rules, &r, 1003, &store));
	CHECK(!store);
	CHECK(greylist_client_passes(&rules, &r, 9000, &store));
	CHECK(store);
	CHECK(!greylist_client_passes(&rules, &r, 109001, &store));
	greylist_client_earns(&rules, &r, 200000);
	CHECK(r.passes == 1);
}

static void
records_survive_being_written(void)
{
	static const char *const bad[] = {
		"", "1", "1 2", "x 2 3", "5 4 1", "-1 2 3", "0 0 0",
	};
	struct greylist_record r = { 1700000000, 1700000400, 3 }, back;
	char		       text[GREYLIST_RECORD_MAX];

	greylist_format(&r, text);
	CHECK_STR(text, "1700000000 1700000400 3");
	CHECK(greylist_parse(text, &back));
	CHECK(back.first == r.first && back.last == r.last &&
	    back.passes == r.passes);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(!greylist_parse(bad[i], &back));
}

static void
keys_leave_out_what_changes_from_mail_to_mail(void)
{
	static const struct {
		const char *sender, *key;
	} rows[] = {
		{ "Bob@Example.net", "n/bob@example.net/a@b" },
		{ "bounce-123-a4@l.example", "n/bounce-#-a#@l.example/a@b" },
		{ "list+x=y@l.example", "n/list@l.example/a@b" },
		{ "", "n//a@b" },
		{ "a b@l.example", "n/a?b@l.example/a@b" },
	};
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		buf_clear(&b);
		greylist_key(&b, "n", rows[i].sender, "A@b");
		CHECK_STR(b.data, rows[i].key);
	}
	buf_done(&b);
}

static void
long_keys_are_cut_and_stay_different(void)
{
	struct buf a = BUF_INIT, b = BUF_INIT;
	char	   rcpt[600];

	memset(rcpt, 'x', sizeof rcpt);
	rcpt[sizeof rcpt - 1] = '\0';
	greylist_key(&a, "n", "s@b", rcpt);
	rcpt[sizeof rcpt - 2] = 'y';
	greylist_key(&b, "n", "s@b", rcpt);
	CHECK(a.len < 500 && a.len == b.len);
	CHECK(strcmp(a.data, b.data) != 0);
	buf_done(&a);
	buf_done(&b);
}

static void
networks_are_one_client(void)
{
	struct buf  b = BUF_INIT;
	struct addr a;

	addr_parse(&a, "192.0.2.77", 0);
	greylist_network(&b, &a, 24, 64);
	CHECK_STR(b.data, "192.0.2.0/24");
	buf_clear(&b);
	addr_parse(&a, "2001:db8:1:2:3:4:5:6", 0);
	greylist_network(&b, &a, 24, 64);
	CHECK_STR(b.data, "2001:db8:1:2::/64");
	buf_done(&b);
}

int
main(void)
{
	TEST(a_triplet_passes_when_it_comes_again_in_time);
	TEST(who_comes_too_late_begins_anew);
	TEST(a_client_earns_its_way);
	TEST(records_survive_being_written);
	TEST(keys_leave_out_what_changes_from_mail_to_mail);
	TEST(long_keys_are_cut_and_stay_different);
	TEST(networks_are_one_client);
	return test_end();
}
