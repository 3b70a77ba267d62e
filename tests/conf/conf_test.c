#include <sys/stat.h>
#include <unistd.h>

#include "conf/audit.h"
#include "conf/conf.h"
#include "conf/master_cf.h"
#include "conf/names.h"
#include "tests/test.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/log.h"
#include "util/mem.h"

static char *dir;

static void
put(const char *file, const char *text)
{
	char *path = mem_printf("%s/%s", dir, file);
	FILE *f = fopen(path, "w");

	fputs(text, f);
	fclose(f);
	mem_free(path);
}

/* Reads `text` as main.cf; the message without the directory, or "ok". */
static const char *
reading(const char *text)
{
	const char *why = NULL;

	put("main.cf", text);
	if (conf_read(&why))
		return "ok";
	return strncmp(why, dir, strlen(dir)) == 0 ? why + strlen(dir) : why;
}

static void
reads_names_values_and_continuation_lines(void)
{
	CHECK_STR(reading("# comment\n\nmyhostname = mx.example.com\r\n"
	    "mynetworks =\n\t127.0.0.0/8,\n  # within\n\n\t[::1]/128  \n"
	    "relayhost=[a]:25\nempty =\nbraces = { a = b }\n"
	    "equals ==x\nlast = no newline"), "ok");
	CHECK_STR(conf_text("myhostname"), "mx.example.com");
	CHECK_STR(conf_text("mynetworks"), "127.0.0.0/8,\t[::1]/128");
	CHECK_STR(conf_text("relayhost"), "[a]:25");
	CHECK_STR(conf_text("empty"), "");
	CHECK_STR(conf_text("braces"), "{ a = b }");
	CHECK_STR(conf_text("equals"), "=x");
	CHECK_STR(conf_text("last"), "no newline");
	CHECK(conf_text("nosuch") == NULL);
	CHECK_STR(conf_value("mydomain"), "example.com");
	CHECK_STR(conf_value("myorigin"), "mx.example.com");
	CHECK_STR(conf_value("mydestination"),
	    "mx.example.com, localhost.example.com, localhost");
}

static void
the_last_of_two_entries_counts(void)
{
	CHECK_STR(reading("a = 1\na = 2\n"), "ok");
	CHECK_STR(conf_text("a"), "2");
}

static void
says_where_main_cf_is_wrong(void)
{
	CHECK_STR(reading("= x\n"), "/main.cf, line 1: missing attribute "
	    "name: \"= x\"; write \"name = value\"");
	CHECK_STR(reading("a = 1\n# c\nstray line\n"), "/main.cf, line 3: "
	    "missing '=' after attribute name: \"stray line\"; write "
	    "\"name = value\"");
	conf_set_brief(true);
	CHECK_STR(reading("stray\n"), "/main.cf, line 1: "
	    "missing '=' after attribute name: \"stray\"");
	conf_set_brief(false);
	CHECK_STR(reading("  starts indented\na = 1\n"), "ok");
	CHECK_STR(conf_text("a"), "1");
}

static void
loads_typed_values(void)
{
	const char *why = NULL;

	reading("compatibility_level = 3.11\nmyhostname = mx.example.com\n"
	    "smtpd_timeout = 2m\nsmtpd_helo_required = YES\n"
	    "smtpd_recipient_limit = 7\nmessage_size_limit = 5000000000\n"
	    "default_rbl_reply = $rbl_code no\nvar = 9\n"
	    "smtpd_hard_error_limit = $var\n");
	CHECK(conf_load(&param_smtpd, &why));
	CHECK_INT(conf_smtpd.smtpd_timeout, 120);
	CHECK(conf_smtpd.smtpd_helo_required);
	CHECK_INT(conf_smtpd.smtpd_recipient_limit, 7);
	CHECK_INT(conf_smtpd.smtpd_hard_error_limit, 9);
	CHECK_INT(conf_smtpd.smtpd_soft_error_limit, 10);
	CHECK_STR(conf_smtpd.smtpd_banner, "mx.example.com ESMTP Rohrpost");
	CHECK_STR(conf_smtpd.smtpd_relay_restrictions, "permit_mynetworks, "
	    "permit_sasl_authenticated, defer_unauth_destination");
	CHECK(conf_load(&param_mail, &why));
	CHECK_INT(conf_mail.message_size_limit, 5000000000);
	CHECK_INT(conf_mail.maximal_queue_lifetime, 5 * 86400);
	CHECK_STR(conf_mail.default_rbl_reply, "$rbl_code no");
	CHECK_STR(conf_mail.n_2bounce_notice_recipient, "postmaster");
	CHECK(!conf_mail.append_dot_mydomain);
	CHECK(conf_mail.smtputf8_enable);
	CHECK_STR(conf_mail.mail_version, CONF_MAIL_VERSION);
	CHECK(conf_load(&param_postscreen, &why));
	CHECK_STR(conf_postscreen.postscreen_expansion_filter,
	    conf_smtpd.smtpd_expansion_filter);
	CHECK_INT(conf_postscreen.postscreen_dnsbl_max_ttl, 3600);
}

static void
every_default_fits_its_type(void)
{
	static const struct param_area *const areas[] = {
		&param_smtpd, &param_smtp, &param_lmtp, &param_postscreen,
		&param_tls, &param_milter, &param_qmgr, &param_mail,
	};
	const char *why = NULL;

	reading("");
	for (size_t i = 0; i < sizeof areas / sizeof *areas; i++)
		if (!conf_load(areas[i], &why)) {
			CHECK(false);
			printf("# %s\n", why);
		}
	for (size_t i = 0; i < PARAM_COUNT; i++)
		CHECK(param_find(param_name(&param_rows[i])) ==
		    &param_rows[i]);
	CHECK(param_find("") == NULL);
	CHECK(param_find("zzz") == NULL);
	CHECK(PARAM_COUNT >= 961);	/* Postfix's, and ours */
}

static void
stress_changes_what_depends_on_it(void)
{
	const char *why = NULL;

	reading("");
	CHECK(conf_override("stress=yes", &why));
	CHECK(conf_load(&param_smtpd, &why));
	CHECK_INT(conf_smtpd.smtpd_timeout, 10);
	CHECK(conf_smtpd.smtpd_per_request_deadline);
	CHECK(conf_override("{ stress = }", &why));
	CHECK(conf_load(&param_smtpd, &why));
	CHECK_INT(conf_smtpd.smtpd_timeout, 300);
	CHECK(!conf_smtpd.smtpd_per_request_deadline);
	CHECK(!conf_override("stress", &why));
}

static const struct {
	const char *line, *why;
} wrong[] = {
	{ "smtpd_recipient_limit = many", "bad numerical configuration: "
	    "smtpd_recipient_limit = many; DIR/main.cf, line 1: write a "
	    "whole number from 1 to 2147483647" },
	{ "smtpd_recipient_limit = 0", "invalid smtpd_recipient_limit "
	    "parameter value 0 < 1; DIR/main.cf, line 1: write a "
	    "whole number from 1 to 2147483647" },
	{ "smtpd_timeout = 5x", "parameter smtpd_timeout: bad time value or "
	    "unit: 5x; DIR/main.cf, line 1: write a number with a unit s, m, h, d or w,"
	    " such as \"10s\", from 1s to 2147483647s" },
	{ "smtpd_helo_required = perhaps", "bad boolean configuration: "
	    "smtpd_helo_required = perhaps; DIR/main.cf, line 1: write "
	    "\"yes\" or \"no\"" },
	{ "smtpd_banner =", "bad string length 0 < 1: smtpd_banner = ; "
	    "DIR/main.cf, line 1: write a value that is not empty" },
	{ "smtpd_banner = ${x", "smtpd_banner: truncated macro reference: "
	    "\"${x\"; DIR/main.cf, line 1" },
};

static void
says_what_to_write_for_a_wrong_value(void)
{
	const char *why;
	char	   *at;

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct buf got = BUF_INIT;

		reading(wrong[i].line);
		why = "";
		CHECK(!conf_load(&param_smtpd, &why));
		buf_adds(&got, why);
		if ((at = strstr(got.data, dir)) != NULL)
			buf_splice(&got, (size_t)(at - got.data), strlen(dir),
			    "DIR", 3);
		CHECK_STR(got.data, wrong[i].why);
		buf_done(&got);
	}
}

/* Each line with what every program says of it; "" if none does. */
static const struct {
	const char	*line, *why;
} everywhere[] = {
	{ "message_size_limit = x", "bad numerical configuration: "
	    "message_size_limit = x" },
	{ "maximal_queue_lifetime = x", "" },
	{ "transport_maps = ${", "" },
	{ "inet_protocols = ipv4, ipv5", "unknown inet_protocols value "
	    "\"ipv5\" in \"ipv4, ipv5\"" },
	{ "mynetworks_style = Host", "unknown mynetworks mask style value "
	    "\"Host\" in \"Host\"" },
	{ "mynetworks_style = host class", "bad mynetworks_style value: host "
	    "class; specify exactly one value" },
	{ "mynetworks_style = Host\nmynetworks = 127.0.0.0/8", "" },
	{ "myorigin = a, b", "myorigin parameter setting must not contain "
	    "multiple values: a, b" },
	{ "myhostname = a.example\nrelayhost = A.example", "myhostname and "
	    "relayhost parameter settings must not be identical: a.example" },
	{ "myhostname = a.example\nrelayhost = [a.example]", "" },
};

static void
commands_look_at_what_every_program_looks_at(void)
{
	const char *why;

	conf_set_brief(true);
	for (size_t i = 0; i < sizeof everywhere / sizeof *everywhere; i++) {
		reading(everywhere[i].line);
		why = "";
		CHECK(conf_load_core(&why) == (*everywhere[i].why == '\0'));
		CHECK_STR(why, everywhere[i].why);
	}
	reading("queue_directory = /q\nsmtp_banner = $x\n");
	CHECK(conf_load_core(&why));
	CHECK_STR(conf_mail.queue_directory, "/q");
	CHECK_INT(conf_mail.message_size_limit, 10240000);
	conf_set_brief(false);
}

static void
parses_times(void)
{
	static const struct {
		const char *text;
		int	    seconds;	/* -1: refused */
	} rows[] = {
		{ "5", 300 }, { "0", 0 }, { "30s", 30 }, { "2h", 7200 },
		{ "1d", 86400 }, { "1W", 604800 }, { "5x", -1 }, { "", -1 },
		{ "s", -1 }, { "-1s", -1 }, { "1 s", -1 }, { "1.5h", -1 },
		{ "99999999999d", -1 }, { "3551w", -1 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int seconds = -1;

		conf_parse_time(rows[i].text, 'm', &seconds);
		CHECK_INT(seconds, rows[i].seconds);
	}
}

static void
parses_times_with_a_fraction(void)
{
	static const struct {
		const char *text;
		long	    ms;		/* -1: refused */
	} rows[] = {
		{ "5", 5000 }, { "0.5s", 500 }, { "0.0625s", 62 },
		{ "1.5m", 90000 }, { "2h", 7200000 }, { ".5s", -1 },
		{ "1.s", -1 }, { "1.2.3", -1 }, { "-0.5s", -1 }, { "0,5", -1 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		long ms = -1;

		conf_parse_delay(rows[i].text, 's', &ms);
		CHECK_INT(ms, rows[i].ms);
	}
}

static void
a_transport_has_its_own_limits(void)
{
	const char *why = NULL;

	reading("slow_destination_concurrency_limit = 2\n"
	    "slow_destination_rate_delay = 1m\nslow_x = y\n"
	    "default_destination_concurrency_limit = 33\n"
	    "bad_destination_concurrency_limit = x\n");
	CHECK_INT(conf_int_for("slow", "destination_concurrency_limit", 20,
	    &why), 2);
	CHECK_INT(conf_int_for("other", "_destination_concurrency_limit", 20,
	    &why), 20);
	CHECK_INT(conf_int_for("smtp", "destination_concurrency_limit", 20,
	    &why), 33);
	CHECK(why == NULL);
	CHECK_INT(conf_int_for("bad", "destination_concurrency_limit", 20,
	    &why), 20);
	CHECK(why != NULL);
	CHECK_INT(conf_time_for("slow", "destination_rate_delay", 0, 's',
	    &why), 60);
	CHECK_STR(conf_str_for("slow", "x", "z"), "y");
	CHECK_STR(conf_str_for("fast", "x", "z"), "z");
}

static void
report(void *arg, const struct finding *f)
{
	static const char letters[] = "u?sonb";

	buf_addf(arg, "%c %s %d %s %s\n", letters[f->kind],
	    strrchr(f->file, '/') + 1, f->line, f->name,
	    f->nearest != NULL ? f->nearest : "-");
}

static void
audited(struct buf *got)
{
	struct service_table services = { .notes = BUF_INIT };
	struct names	     names;
	struct buf	     content = BUF_INIT;
	char		     path[300];
	const char	    *why;

	snprintf(path, sizeof path, "%s/master.cf", dir);
	CHECK(file_read(path, 10000, &content));
	CHECK(master_cf_parse_all(&services, path, &content, &why));
	names_init(&names);
	audit_references(&names, &services, report, got);
	audit_names(&names, &services, report, got);
	names_done(&names);
	master_cf_done(&services);
	buf_done(&content);
}

static void
unused_names_are_reported_with_the_nearest_known_name(void)
{
	struct buf got = BUF_INIT;

	put("master.cf", "slow unix - - n - - smtp\n"
	    "x inet n - n - - smtpd -o relayhost=$from_master\n"
	    " -o smtpd_banne=$smtpd_bannr -o own=1 -o mynetworks=$hidden\n"
	    " -o { mynetworks=$own } -o by_option=1\n"
	    " -o smtpd_restriction_classes=mine -o mine=permit\n"
	    " -o virtual_alias_maps=mysql:crate -o crate_hosts=a\n");
	reading("my_own = 1\nrelayhost = $my_own ${other?{$third}}\n"
	    "other = x\nthird = 3\nfrom_master = 1\nsmtpd_banne = x\n"
	    "utterly_unknown_thing = 1\nsmtpd_restriction_classes = class, no\n"
	    "class = permit\nslow_destination_rate_delay = 1\n"
	    "fast_destination_rate_delay = 1\nslow_time_limit = 4\n"
	    "transport_maps = proxy:mysql:box\nbox_hosts = a\nbox_hots = b\n"
	    "slow_destination_rate_dely = 1\nvirtual_maps = $my_onw\n"
	    "myorigin = $by_option\nhidden = x\n");
	audited(&got);
	CHECK_STR(got.data, "? master.cf 2 smtpd_bannr smtpd_banner\n"
	    "? main.cf 8 no -\n"
	    "? main.cf 17 my_onw my_own\n"
	    "u main.cf 6 smtpd_banne smtpd_banner\n"
	    "u main.cf 7 utterly_unknown_thing -\n"
	    "u main.cf 11 fast_destination_rate_delay -\n"
	    "u main.cf 12 slow_time_limit -\n"
	    "u main.cf 15 box_hots box_hosts\n"
	    "u main.cf 16 slow_destination_rate_dely "
	    "slow_destination_rate_delay\n"
	    "o main.cf 17 virtual_maps -\n"
	    "u main.cf 19 hidden -\n"
	    "u master.cf 2 smtpd_banne smtpd_banner\n");
	buf_done(&got);
}

static void
files_of_tables_are_looked_through_too(void)
{
	struct buf got = BUF_INIT, text = BUF_INIT;

	put("master.cf", "");
	put("l.cf", "server_host = x\n# comment\nsearch_bas = y\n"
	    "bind = no\nstray\nmy = 1\nresult_attribute = $my\n");
	put("m.cf", "hosts = unix:/x\nusr = y\n");
	buf_addf(&text, "transport_maps = ldap:%s/l.cf, unionmap:{proxy:mysql:"
	    "$config_directory/m.cf, hash:/x}\nalias_maps = pgsql:%s/none.cf "
	    "ldap:%s/l.cf\n", dir, dir, dir);
	reading(text.data);
	audited(&got);
	CHECK_STR(got.data, "u l.cf 3 search_bas search_base\n"
	    "b l.cf 5 stray -\n"
	    "u l.cf 6 my -\n"
	    "u m.cf 2 usr user\n"
	    "n none.cf 0 pgsql -\n");
	buf_done(&got);
	buf_done(&text);
}

/* What conf_warn_unknown() logs. */
static const char *
warnings(void)
{
	static char text[4000];
	FILE	   *file = tmpfile();
	int	    old = dup(2);
	size_t	    n;

	fflush(stderr);
	dup2(fileno(file), 2);
	conf_warn_unknown();
	log_flush();
	dup2(old, 2);
	close(old);
	rewind(file);
	n = fread(text, 1, sizeof text - 1, file);
	text[n] = '\0';
	fclose(file);
	return text;
}

static void
warns_of_odd_entries_and_old_defaults(void)
{
	char want[400];

	log_open(LOG_TO_STDERR, "test", NULL, 0);
	reading("compatibility_level = 3.6\na = 1\na = 2\nmyorigin = $a\n");
	snprintf(want, sizeof want, "test: warning: %s/main.cf, line 3: "
	    "overriding earlier entry: a=1\ntest: using "
	    "backwards-compatible default setting "
	    "smtp_tls_security_level=\n", dir);
	CHECK_STR(warnings(), want);
	reading("compatibility_level = 3.11\nsmtpd_baner = x\n");
	snprintf(want, sizeof want, "test: warning: %s/main.cf, line 2: "
	    "unused parameter: smtpd_baner: did you mean "
	    "\"smtpd_banner\"?\n", dir);
	CHECK_STR(warnings(), want);
}

static void
knows_compatibility_levels(void)
{
	reading("compatibility_level = 3.6\n");
	CHECK(conf_compat_at_least("2"));
	CHECK(conf_compat_at_least("3.6"));
	CHECK(!conf_compat_at_least("3.10"));
	reading("");
	CHECK(!conf_compat_at_least("1"));
	CHECK_STR(conf_value("append_dot_mydomain"), "yes");
}

int
main(void)
{
	char template[] = "/tmp/conf-test-XXXXXX";

	dir = mkdtemp(template);
	conf_set_dir(dir);
	put("master.cf", "");
	TEST(reads_names_values_and_continuation_lines);
	TEST(the_last_of_two_entries_counts);
	TEST(says_where_main_cf_is_wrong);
	TEST(loads_typed_values);
	TEST(every_default_fits_its_type);
	TEST(stress_changes_what_depends_on_it);
	TEST(says_what_to_write_for_a_wrong_value);
	TEST(commands_look_at_what_every_program_looks_at);
	TEST(parses_times);
	TEST(parses_times_with_a_fraction);
	TEST(a_transport_has_its_own_limits);
	TEST(unused_names_are_reported_with_the_nearest_known_name);
	TEST(files_of_tables_are_looked_through_too);
	TEST(knows_compatibility_levels);
	TEST(warns_of_odd_entries_and_old_defaults);
	if (chdir(dir) == 0) {
		unlink("main.cf");
		unlink("master.cf");
		rmdir(dir);
	}
	return test_end();
}
