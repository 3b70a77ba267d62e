#include <sys/stat.h>
#include <unistd.h>

#include "cleanup/characters.h"
#include "cleanup/inspect.h"
#include "mail/maps.h"
#include "cleanup/message.h"
#include "conf/conf.h"
#include "mail/queue_dir.h"
#include "tests/test.h"
#include "util/log.h"

static char dir[] = "/tmp/cleanup_test.XXXXXX";

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		exit(1);
}

static void
set_up(void)
{
	const char *why;

	if (mkdtemp(dir) == NULL || chdir(dir) != 0 ||
	    mkdir("incoming", 0700) != 0 || mkdir("hold", 0700) != 0)
		exit(1);
	write_file("main.cf",
	    "compatibility_level = 3.11\n"
	    "myhostname = mx.h.example\nmydomain = h.example\n"
	    "myorigin = h.example\nmydestination = h.example\n"
	    "inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\n"
	    "recipient_delimiter = +\nmessage_size_limit = 100000\n"
	    "hopcount_limit = 3\nheader_size_limit = 1000\n"
	    "canonical_maps = inline:{ {old@h.example = new@h.example},"
	    " {loop@h.example = loop2@h.example},"
	    " {loop2@h.example = loop@h.example}, {who = who2@x.example} }\n"
	    "virtual_alias_maps = inline:{ {list@h.example = a, b+x},"
	    " {self@h.example = self, archive@x.example},"
	    " {one@h.example = two@h.example}, {two@h.example = list},"
	    " {big@h.example = a1 a2 a3 a4 a5 a6} }\n"
	    "virtual_alias_expansion_limit = 5\n"
	    "masquerade_domains = h.example\n"
	    "header_checks = regexp:{{/^X-Do: (.*)/ $$1}}\n"
	    "mime_header_checks =\n"
	    "nested_header_checks = regexp:{{/^Subject: (.*)/ $$1}}\n"
	    "body_checks = regexp:{{/^do (.*)/ $$1}}\n"
	    "body_checks_size_limit = 30\n"
	    "message_strip_characters = \\0\\177q\n"
	    "message_reject_characters = \\a\n");
	conf_set_dir(dir);
	if (!conf_read(&why) || !conf_load(&param_mail, &why)) {
		printf("# %s\n", why);
		exit(1);
	}
	conf_mail.line_length_limit = 50;
	log_open(LOG_TO_SOCKET, "test", "nowhere", 0);
	queue_dir_init("", 0);
	maps_before_jail();
	maps_init();
	fields_init();
	characters_init();
	inspect_init();
}

static void
tear_down(void)
{
	char command[100];

	snprintf(command, sizeof command, "rm -rf %s", dir);
	if (chdir("/") != 0 || system(command) != 0)
		exit(1);
}

/* One message through cleanup. */
struct run {
	enum cleanup_status	status;
	char			id[QUEUE_ID_MAX];
	struct queue_trailer	t;
	struct envelope		env;
	struct buf		header, body;
};

static void
read_back(struct run *r, const char *queue)
{
	struct queue_file q;
	char		 *body;

	CHECK_INT(queue_file_open(&q, queue, r->id, false), QUEUE_FILE_OK);
	r->t = q.t;
	CHECK(queue_file_read_header(&q, &r->header));
	CHECK(queue_file_read_envelope(&q, &r->env));
	body = buf_room(&r->body, q.t.body_len);
	CHECK(pread(q.fd, body, q.t.body_len, 0) == (ssize_t)q.t.body_len);
	buf_grow(&r->body, q.t.body_len);
	queue_file_close(&q);
}

static bool orcpt_is_address;	/* ... or the same for all recipients */

/* `rcpts` separated by spaces; content in chunks of `chunk` bytes. */
static void
run(struct run *r, unsigned flags, const char *sender, const char *rcpts,
    struct str content, size_t chunk)
{
	struct message	 m;
	struct recipient rcpt = { .original = "" };
	char		 copy[500], orcpt[100], *next = copy, *word;

	memset(r, 0, sizeof *r);
	envelope_init(&r->env);
	r->header = r->body = (struct buf)BUF_INIT;
	message_begin(&m, flags);
	m.env.sender = pool_strdup(&m.env.pool, sender);
	message_envelope(&m);
	snprintf(copy, sizeof copy, "%s", rcpts);
	while ((word = strsep(&next, " ")) != NULL && *word != '\0') {
		rcpt.address = word;
		snprintf(orcpt, sizeof orcpt, "rfc822;%s", word);
		rcpt.orcpt = orcpt_is_address ? orcpt : "rfc822;o";
		message_rcpt(&m, &rcpt);
	}
	for (size_t at = 0; at < content.n; at += chunk)
		message_content(&m, content.p + at,
		    content.n - at < chunk ? content.n - at : chunk);
	message_end(&m);
	r->status = m.status;
	strcpy(r->id, m.file.id);
	message_done(&m);
	if (r->status == CLEANUP_OK && (flags & CLEANUP_DISCARD) == 0)
		read_back(r, (flags & CLEANUP_HOLD) != 0 ? "hold" :
		    "incoming");
}

static void
done(struct run *r)
{
	envelope_done(&r->env);
	buf_done(&r->header);
	buf_done(&r->body);
}

/* --- content */

static const struct {
	struct str  in;
	const char *header, *body;
	uint64_t    size;
	unsigned    flags;
	uint32_t    longest;
} contents[] = {
	{ STR("Subject: x\r\n\r\nbody\r\n"),
	  "Subject: x\r\n", "\r\nbody\r\n", 12 + 2 + 6, 0, 10 },
	{ STR("no header\r\n"),
	  "", "\r\nno header\r\n", 2 + 11, 0, 9 },
	{ STR(""), "", "", 0, 0, 0 },
	{ STR("\r\ntext\r\n"), "", "\r\ntext\r\n", 2 + 6, 0, 4 },
	{ STR("Subject : x\r\nnot one\r\nX-A: b\r\n"),
	  "Subject: x\r\n", "\r\nnot one\r\nX-A: b\r\n", 12 + 2 + 9 + 8, 0,
	  10 },
	{ STR("A: b\r\n c\r\n\td\r\nE: f\r\n"),
	  "A: b\r\n c\r\n\td\r\nE: f\r\n", "", 6 + 4 + 4 + 6, 0, 4 },
	{ STR("A: b\r\n\r\nno end"), "A: b\r\n", "\r\nno end\r\n",
	  6 + 2 + 8 + 2, 0, 6 },
	{ STR("A: b\r\n\r\n.\r\n..x\r\nFrom y\r\n"),
	  "A: b\r\n", "\r\n.\r\n..x\r\nFrom y\r\n", 6 + 2 + 3 + 5 + 8,
	  CONTENT_LEADING_DOT | CONTENT_FROM_LINE, 6 },
	{ STR("A: b\r\n\r\na\rb\r\nc\nd\r\n\r\r\nx"),
	  "A: b\r\n", "\r\na b\r\nc d\r\n \r\nx\r\n",
	  6 + 2 + 5 + 5 + 3 + 3 + 2, 0, 4 },
	{ STR("A: \303\244\r\n\r\n\0\377\r\n"),
	  "A: \303\244\r\n", NULL, 7 + 2 + 4,
	  CONTENT_8BIT | CONTENT_HEADER_8BIT | CONTENT_NUL, 5 },
	{ STR("A: a\rb\nc\r\n\r\n"),
	  "A: a b c\r\n", "\r\n", 10 + 2, 0, 8 },
	{ STR("Bcc: x\r\nA: b\r\nReturn-Path: <y>\r\nContent-Length: 5\r\n"
	  "Resent-Bcc: z\r\n\r\n"), "A: b\r\n", "\r\n", 6 + 2, 0, 4 },
};

static void
content_is_taken_the_same_whatever_its_chunks(void)
{
	struct run r;

	for (size_t i = 0; i < sizeof contents / sizeof *contents; i++)
		for (size_t chunk = 1; chunk < 40; chunk++) {
			run(&r, 0, "s@x.example", "u@x.example",
			    contents[i].in, chunk);
			CHECK_INT(r.status, CLEANUP_OK);
			CHECK_STR(r.header.data, contents[i].header);
			if (contents[i].body != NULL)
				CHECK_STR(r.body.data, contents[i].body);
			CHECK_INT(r.t.size, contents[i].size);
			/* a short piece may be called a From line */
			CHECK_INT(r.t.content_flags &
			    ~(unsigned)(chunk < 5 ? CONTENT_FROM_LINE : 0),
			    contents[i].flags & ~(unsigned)(chunk < 5 ?
			    CONTENT_FROM_LINE : 0));
			CHECK_INT(r.t.longest_line, contents[i].longest);
			if (!test_ok) {
				printf("# case %zu, chunks of %zu\n", i,
				    chunk);
				return;
			}
			done(&r);
		}
}

static struct str
repeat(struct buf *b, const char *before, char c, size_t n, const char *after)
{
	buf_clear(b);
	buf_adds(b, before);
	for (size_t i = 0; i < n; i++)
		buf_addc(b, c);
	buf_adds(b, after);
	return (struct str){ b->data, b->len };
}

static void
over_long_fields_are_cut_but_bodies_are_not(void)
{
	struct buf b = BUF_INIT;
	struct run r;

	for (size_t chunk = 100; chunk < 9000; chunk += 979) {
		run(&r, 0, "s@x", "u@x", repeat(&b, "A: ", 'x', 5000,
		    "\r\nB: c\r\n\r\nbody\r\n"), chunk);
		CHECK_INT(r.header.len, 1000 + 2 + 6);
		CHECK(strcmp(r.header.data + 1000, "\r\nB: c\r\n") == 0);
		CHECK_STR(r.body.data, "\r\nbody\r\n");
		done(&r);
		run(&r, 0, "s@x", "u@x", repeat(&b, "", 'x', 5000, "\r\nend"),
		    chunk);
		CHECK_INT(r.header.len, 0);
		CHECK_INT(r.body.len, 2 + 5002 + 5);
		done(&r);
	}
	buf_done(&b);
}

/* header_size_limit is 1000; the last line that fits in part stays if that is
 * more than a tenth of it. */
static void
a_cut_leaves_no_short_ends_of_lines(void)
{
	static const struct { size_t first, kept; } rows[] = {
		{ 500, 1000 }, { 895, 1000 }, { 896, 1000 }, { 897, 900 },
		{ 990, 993 },
	};
	struct buf b = BUF_INIT, start = BUF_INIT;
	struct run r;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		buf_clear(&start);
		repeat(&start, "A: ", 'x', rows[i].first, "\r\n ");
		run(&r, 0, "s@x", "u@x", repeat(&b, start.data, 'y', 900,
		    "\r\nB: c\r\n\r\nx"), 100);
		/* CRLF for the line's end and the field's */
		CHECK_INT(r.header.len, rows[i].kept + 2 + 6 +
		    (rows[i].kept == 1000));
		done(&r);
	}
	run(&r, CLEANUP_REWRITE_LOCAL, "s@x", "u@x", repeat(&b,
	    "Date: x\r\nFrom: b, ", 'x', 1990, "\r\n\r\nx"), 100);
	CHECK(strstr(r.header.data, "From: b@h.example,\r\n\tx") != NULL);
	CHECK(strstr(r.header.data, "xxx@h") == NULL);
	done(&r);
	buf_done(&b);
	buf_done(&start);
}

static void
what_is_too_big_leaves_nothing(void)
{
	struct buf	   b = BUF_INIT;
	struct run	   r;
	struct queue_scan *s;

	run(&r, 0, "s@x", "u@x", repeat(&b, "A: b\r\n\r\n", 'x', 100000,
	    "\r\n"), 4096);
	CHECK_INT(r.status, CLEANUP_TOO_BIG);
	done(&r);
	run(&r, 0, "s@x", "u@x", STR("Received: a\r\nReceived: b\r\n"
	    "Received: c\r\nReceived: d\r\n\r\n"), 4096);
	CHECK_INT(r.status, CLEANUP_HOPS);
	s = queue_scan_open("incoming");
	for (const char *id; (id = queue_scan_next(s)) != NULL;)
		CHECK(strcmp(id, r.id) != 0);
	queue_scan_close(s);
	done(&r);
	buf_done(&b);
}

/* --- header */

static void
adds_what_local_mail_lacks(void)
{
	struct run r;
	char	   want[200];

	run(&r, CLEANUP_REWRITE_LOCAL, "alice", "bob", STR("Subject: x\r\n"),
	    100);
	CHECK_STR(r.env.sender, "alice@h.example");
	CHECK_STR(r.env.rcpt[0].address, "bob@h.example");
	CHECK_STR(r.env.rcpt[0].original, "bob");
	CHECK(strncmp(r.header.data, "Subject: x\r\nMessage-Id: <20", 27) ==
	    0);
	snprintf(want, sizeof want, ".%s@mx.h.example>\r\nDate: ", r.id);
	CHECK(strstr(r.header.data, want) != NULL);
	CHECK(strstr(r.header.data, "\r\nFrom: alice@h.example\r\n") != NULL);
	done(&r);

	run(&r, 0, "alice@x.example", "bob", STR("Subject: x\r\n"), 100);
	CHECK_STR(r.header.data, "Subject: x\r\n");
	done(&r);

	run(&r, CLEANUP_REWRITE_LOCAL, "", "bob", STR("Resent-To: x\r\n"
	    "Date: y\r\n"), 100);
	CHECK(strstr(r.header.data, "\r\nResent-Date: ") != NULL);
	CHECK(strstr(r.header.data, "\r\nResent-From: MAILER-DAEMON\r\n") !=
	    NULL);
	CHECK(strstr(r.header.data, "\r\nMessage-Id: ") == NULL);
	done(&r);
}

static void
says_undisclosed_where_no_field_has_recipients(void)
{
	static const struct {
		const char *header;
		bool	    is_added;
	} rows[] = {
		{ "Subject: x\r\n", true }, { "Bcc: x\r\n", true },
		{ "Resent-Bcc: x\r\n", true }, { "Cc: x\r\n", false },
		{ "Resent-From: x\r\nTo: y\r\n", false },
		{ "Resent-Cc: x\r\n", false },
	};
	const char *kept = conf_mail.undisclosed_recipients_header;
	struct run  r;

	conf_mail.undisclosed_recipients_header = "To: nobody:;";
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		run(&r, CLEANUP_REWRITE_LOCAL, "alice", "bob",
		    (struct str){ rows[i].header, strlen(rows[i].header) },
		    100);
		CHECK((strstr(r.header.data, "To: nobody:;\r\n") != NULL) ==
		    rows[i].is_added);
		done(&r);
	}
	conf_mail.undisclosed_recipients_header = kept;
}

static void
rewrites_header_addresses_of_local_mail_only(void)
{
	static const struct str in = STR("From: \"A\" <a>\r\nTo: old, \r\n"
	    " x@deep.h.example\r\nDate: d\r\nMessage-Id: <i>\r\n"
	    "Cc: complete@x.example  (with  spaces)\r\nX-To: a\r\n");
	struct run r;

	run(&r, CLEANUP_REWRITE_LOCAL | CLEANUP_MAP, "s", "r", in, 10);
	CHECK_STR(r.header.data, "From: \"A\" <a@h.example>\r\n"
	    "To: new@h.example, x@h.example\r\nDate: d\r\nMessage-Id: <i>\r\n"
	    "Cc: complete@x.example  (with  spaces)\r\nX-To: a\r\n");
	CHECK_STR(envelope_get(&r.env, ATTR_MESSAGE_ID), "<i>");
	done(&r);
	run(&r, CLEANUP_MAP, "s", "r", in, 10);
	CHECK(strstr(r.header.data, "To: old, \r\n x@deep.h.example\r\n") !=
	    NULL);
	done(&r);
}

/* --- recipients */

static const struct {
	const char *rcpts, *result;	/* NULL: not accepted now */
} recipients[] = {
	{ "list", "a@h.example b+x@h.example" },
	{ "list+ext", "a+ext@h.example b+x+ext@h.example" },
	{ "one", "a@h.example b+x@h.example" },
	{ "self", "self@h.example archive@x.example" },
	{ "u u U u@h.example", "u@h.example u@h.example" },
	{ "big", NULL },
	{ "loop", "loop@h.example" },	/* after ten rounds */
	{ "old", "new@h.example" },
	{ "old+x", "new+x@h.example" },
	{ "who@h.example", "who2@x.example" },
	{ "who@y.example", "who@y.example" },
	{ "u@deep.h.example", "u@deep.h.example" },
	{ "r1 r2 r3 r4 r5 r6 r7 r8 r9 r10 r11 r10 r2",
	  "r1@h.example r2@h.example r3@h.example r4@h.example r5@h.example "
	  "r6@h.example r7@h.example r8@h.example r9@h.example r10@h.example "
	  "r11@h.example" },
	{ "", NULL },
};

static void
drops_what_is_too_long_beside_an_address(void)
{
	static const struct { size_t n; const char *before, *after, *want; }
	rows[] = {
		{ 247, "To: x (", "), a", "x@h.example (y" },
		{ 248, "To: x (", "), a", "To: <x@h.example>, a@h.example" },
		{ 300, "To: g: x (", "), b;, \"y\" <a>",
		    "To: <x@h.example>, b@h.example;, \"y\" <a@h.example>" },
		{ 300, "To: \"", "\" <x>", "To: <x@h.example>" },
		{ 300, "To: g: x (", "); a", "To: <x@h.example>, a@h.example" },
		{ 300, "To: x, (", ")", "x@h.example,\r\n\t(y" },
		{ 300, "To: ", ", a", "yy@h.example,\r\n\ta@h.example" },
		/* what needs no rewriting stays */
		{ 300, "To: x@h.example (", ")", "x@h.example (y" },
	};
	struct buf b = BUF_INIT, start = BUF_INIT;
	struct run r;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		buf_clear(&start);
		buf_addf(&start, "From: s@x.example\r\n%s", rows[i].before);
		run(&r, CLEANUP_REWRITE_LOCAL, "s@x", "u@x",
		    repeat(&b, start.data, 'y', rows[i].n, rows[i].after),
		    100);
		CHECK(strstr(r.header.data, rows[i].want) != NULL);
		if (strstr(r.header.data, rows[i].want) == NULL)
			printf("# %zu: %s\n", i, r.header.data);
		done(&r);
	}
	buf_done(&b);
	buf_done(&start);
}

static void
maps_recipients(void)
{
	struct buf b = BUF_INIT;
	struct run r;

	for (size_t i = 0; i < sizeof recipients / sizeof *recipients; i++) {
		run(&r, CLEANUP_MAP, "s@x", recipients[i].rcpts,
		    STR("A: b\r\n"), 100);
		buf_clear(&b);
		for (uint32_t n = 0; n < r.env.rcpt_count; n++)
			buf_addf(&b, "%s%s", n > 0 ? " " : "",
			    r.env.rcpt[n].address);
		if (recipients[i].result == NULL)
			CHECK(r.status != CLEANUP_OK);
		else
			CHECK_STR(b.data, recipients[i].result);
		done(&r);
	}
	buf_done(&b);
}

static void
knows_recipients_again_up_to_the_limit(void)
{
	struct run r;

	for (int limit = 0; limit <= 3; limit++) {
		conf_mail.duplicate_filter_limit = limit;
		run(&r, 0, "s@x", "a@x b@x c@x A@x c@x B@x c@x",
		    STR("A: b\r\n"), 100);
		CHECK_INT(r.env.rcpt_count, limit == 1 ? 6 : limit == 2 ? 5 :
		    3);
		done(&r);
	}
	conf_mail.duplicate_filter_limit = 1000;
}

static void
without_original_recipients_only_the_address_counts(void)
{
	static const char *const rcpts[] = { "old@h.example new@h.example",
	    "1@x 2@x 3@x 4@x 5@x 6@x 7@x 8@x 9@x old@h.example new@h.example" };
	struct run r;

	orcpt_is_address = true;
	for (int i = 0; i < 2; i++)
		for (int with = 0; with < 2; with++) {
			conf_mail.enable_original_recipient = with;
			run(&r, CLEANUP_MAP, "s@x", rcpts[i],
			    STR("A: b\r\n"), 100);
			CHECK_INT(r.env.rcpt_count, 1 + 9 * i + with);
			done(&r);
		}
	orcpt_is_address = false;
}

static void
finds_recipients_in_the_header(void)
{
	struct run r;

	run(&r, CLEANUP_EXTRACT | CLEANUP_REWRITE_LOCAL, "s", "",
	    STR("To: a, \"B\" <b+x>\r\nCc: (none)\r\nBcc: c@x.example\r\n"
	    "Reply-To: no\r\n\r\nTo: body\r\n"), 7);
	CHECK_INT(r.status, CLEANUP_OK);
	CHECK_INT(r.env.rcpt_count, 3);
	CHECK_STR(r.env.rcpt[1].address, "b+x@h.example");
	CHECK_STR(r.env.rcpt[1].original, "b+x");
	CHECK_STR(r.env.rcpt[2].address, "c@x.example");
	CHECK(strstr(r.header.data, "Bcc") == NULL);
	done(&r);
	run(&r, CLEANUP_EXTRACT, "s", "", STR("To: a\r\nResent-To: b\r\n"), 7);
	CHECK_INT(r.env.rcpt_count, 1);
	CHECK_STR(r.env.rcpt[0].original, "b");
	done(&r);
	run(&r, CLEANUP_EXTRACT, "s", "", STR("Subject: x\r\n"), 7);
	CHECK_INT(r.status, CLEANUP_NO_RCPT);
	done(&r);
}

static void
holds_and_discards(void)
{
	struct run r;

	run(&r, CLEANUP_HOLD, "s@x", "r@x", STR("A: b\r\n"), 10);
	CHECK_INT(r.status, CLEANUP_OK);
	done(&r);
	run(&r, CLEANUP_DISCARD, "s@x", "r@x", STR("A: b\r\n"), 10);
	CHECK_INT(r.status, CLEANUP_OK);
	CHECK(access(r.id, F_OK) != 0);
	done(&r);
}

static void
strips_and_refuses_characters(void)
{
	struct run r;

	run(&r, CLEANUP_FILTER, "s@x", "r@x", STR("A: bqc\r\n\r\n"
	    "x\0\177qy\r\n"), 10);
	CHECK_STR(r.header.data, "A: bc\r\n");
	CHECK_STR(r.body.data, "\r\nxy\r\n");
	done(&r);
	run(&r, CLEANUP_FILTER, "s@x", "r@x", STR("A: b\r\n\r\nx\ay\r\n"),
	    10);
	CHECK_INT(r.status, CLEANUP_REJECTED);
	done(&r);
	run(&r, 0, "s@x", "r@x", STR("A: q\a\r\n"), 10);
	CHECK_STR(r.header.data, "A: q\a\r\n");
	done(&r);
}

#define NESTED "Content-Type: message/rfc822\r\n"

static const struct {
	struct str	    in;
	enum cleanup_status status;
	const char	   *header, *body;
} checked[] = {
	{ STR("X-Do: REPLACE X: y\r\nA: b\r\n\r\n"), CLEANUP_OK,
	  "X: y\r\nA: b\r\n", "\r\n" },
	{ STR("X-Do: PREPEND X: y\r\n\r\n"), CLEANUP_OK,
	  "X: y\r\nX-Do: PREPEND X: y\r\n", "\r\n" },
	{ STR("X-Do: STRIP\r\nX-Do: IGNORE\r\nA: b\r\n"), CLEANUP_OK,
	  "A: b\r\n", "" },
	{ STR("X-Do: BOGUS\r\nX-Do: DUNNO\r\n"), CLEANUP_OK,
	  "X-Do: BOGUS\r\nX-Do: DUNNO\r\n", "" },
	/* a replaced field is dropped like any other */
	{ STR("X-Do: REPLACE Bcc: x\r\nA: b\r\n"), CLEANUP_OK,
	  "A: b\r\n", "" },
	{ STR("X-Do: REJECT\r\n"), CLEANUP_REJECTED, "", "" },
	{ STR("X-Do: PASS\r\nX-Do: REJECT\r\n\r\ndo REJECT\r\n"),
	  CLEANUP_OK, "X-Do: PASS\r\nX-Do: REJECT\r\n",
	  "\r\ndo REJECT\r\n" },
	{ STR("A: b\r\n\r\ndo REPLACE x\r\ndo PREPEND y\r\ndo STRIP\r\n"
	  "do REJECT not: past the limit\r\n"), CLEANUP_OK, "A: b\r\n",
	  "\r\nx\r\ny\r\ndo PREPEND y\r\n"
	  "do REJECT not: past the limit\r\n" },
	{ STR("A: b\r\n\r\ndo REJECT\r\n"), CLEANUP_REJECTED, "", "" },
	{ STR(NESTED "\r\nSubject : REPLACE Subject: x\r\nX-Do: REJECT\r\n"
	  "\r\nbody\r\n"), CLEANUP_OK, NESTED,
	  "\r\nSubject: x\r\nX-Do: REJECT\r\n\r\nbody\r\n" },
	{ STR(NESTED "\r\nSubject: PREPEND A: b\r\nno field\r\n"),
	  CLEANUP_OK, NESTED,
	  "\r\nA: b\r\nSubject: PREPEND A: b\r\nno field\r\n" },
	{ STR("Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	  "--b\r\nX-Do: REJECT\r\n\r\ndo STRIP\r\n--b--"), CLEANUP_OK,
	  "Content-Type: multipart/mixed; boundary=b\r\n",
	  "\r\n--b\r\nX-Do: REJECT\r\n\r\n--b--\r\n" },
};

static void
does_what_tables_say(void)
{
	for (size_t i = 0; i < sizeof checked / sizeof *checked; i++)
		for (size_t chunk = 1; chunk < 200; chunk += 13) {
			struct run r;

			run(&r, CLEANUP_FILTER, "s@x", "r@x", checked[i].in,
			    chunk);
			CHECK_INT(r.status, checked[i].status);
			CHECK_STR(r.header.data, checked[i].header);
			CHECK_STR(r.body.data, checked[i].body);
			done(&r);
		}
}

static void
tables_change_what_becomes_of_a_message(void)
{
	struct run r;

	run(&r, CLEANUP_FILTER, "s@x", "r@x", STR("X-Do: FILTER a:b\r\n"
	    "X-Do: FILTER c:d\r\nX-Do: BCC copy@x\r\n"), 100);
	CHECK_STR(envelope_get(&r.env, ATTR_CONTENT_FILTER), "c:d");
	CHECK_INT(r.env.rcpt_count, 2);
	CHECK_STR(r.env.rcpt[1].address, "copy@x");
	CHECK_INT(r.env.rcpt[1].notify, NOTIFY_NEVER);
	done(&r);
	/* after REDIRECT nothing is looked at */
	run(&r, CLEANUP_FILTER, "s@x", "r@x", STR("X-Do: FILTER a:b\r\n"
	    "X-Do: REDIRECT to@x\r\nX-Do: REJECT\r\n\r\ndo REJECT\r\n"),
	    100);
	CHECK_STR(envelope_get(&r.env, ATTR_REDIRECT), "to@x");
	CHECK_STR(envelope_get(&r.env, ATTR_CONTENT_FILTER), "");
	done(&r);
	run(&r, CLEANUP_DISCARD | CLEANUP_FILTER, "s@x", "r@x",
	    STR("X-Do: REJECT\r\n"), 100);
	CHECK_INT(r.status, CLEANUP_OK);
	done(&r);
	run(&r, 0, "s@x", "r@x", STR("X-Do: REJECT\r\n"), 100);
	CHECK_INT(r.status, CLEANUP_OK);
	done(&r);
}

static void
knows_8_bit_content_by_its_name(void)
{
	static const struct {
		struct str  in;
		const char *encoding;
	} cases[] = {
		{ STR("Content-Transfer-Encoding: 8BIT \r\n"), "8bit" },
		{ STR("Content-Transfer-Encoding:\r\n binary\r\n"),
		  "8bit" },
		{ STR("Content-Transfer-Encoding: 7bit\r\n"), "" },
		{ STR("Content-Transfer-Encoding: \"8bit\"\r\n"), "" },
		{ STR(NESTED "\r\nContent-Transfer-Encoding: 8bit\r\n"),
		  "8bit" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct run r;

		run(&r, 0, "s@x", "r@x", cases[i].in, 7);
		CHECK_STR(envelope_get(&r.env, ATTR_ENCODING),
		    cases[i].encoding);
		done(&r);
	}
}

static void
finds_out_who_needs_smtputf8(void)
{
	static const struct {
		unsigned    flags;
		const char *rcpt;
		struct str  in;
		bool	    needed;
	} cases[] = {
		{ 0, "r@x", STR("A: \303\274\r\n"), false },
		{ CLEANUP_SMTPUTF8_AUTODETECT, "r@x", STR("A: b\r\n\r\n"
		  "\303\274\r\n"), false },
		{ CLEANUP_SMTPUTF8_AUTODETECT, "r@x", STR("A: \303\274\r\n"),
		  true },
		{ CLEANUP_SMTPUTF8_AUTODETECT, "\303\274@x", STR(""), true },
		{ CLEANUP_SMTPUTF8_AUTODETECT, "r@x", STR(NESTED
		  "\r\nA: \303\274\r\n"), true },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct run r;

		run(&r, cases[i].flags, "s@x", cases[i].rcpt, cases[i].in, 9);
		CHECK_INT((r.env.flags & ENV_SMTPUTF8_NEEDED) != 0,
		    cases[i].needed);
		done(&r);
	}
}

/* One field of a megabyte, NULs, a hundred multiparts: bounded, and taken. */
static void
hostile_content_stays_bounded(void)
{
	struct buf in = BUF_INIT;
	struct run r;

	buf_adds(&in, "Subject: ");
	for (int i = 0; i < 60000; i++)
		buf_addc(&in, (char)(i % 250 < 30 ? 'x' : i % 250));
	buf_adds(&in, "\r\nA: b\r\n\r\nbody\r\n");
	run(&r, 0, "s@x", "r@x", (struct str){ in.data, in.len }, 4096);
	CHECK_INT(r.status, CLEANUP_OK);
	CHECK(r.header.len <= 1000 + 10 + 50);
	CHECK_STR(r.body.data, "\r\nbody\r\n");
	done(&r);

	buf_clear(&in);
	for (int i = 0; i < 200; i++)
		buf_addf(&in, "Content-Type: multipart/mixed; boundary=b%d"
		    "\r\n\r\n--b%d\r\n", i, i);
	run(&r, CLEANUP_FILTER, "s@x", "r@x", (struct str){ in.data, in.len },
	    4096);
	CHECK_INT(r.status, CLEANUP_REJECTED);
	done(&r);
	run(&r, 0, "s@x", "r@x", (struct str){ in.data, in.len }, 4096);
	CHECK_INT(r.status, CLEANUP_OK);
	CHECK_INT(r.header.len + r.body.len, in.len);
	done(&r);
	buf_done(&in);
}

int
main(void)
{
	set_up();
	TEST(content_is_taken_the_same_whatever_its_chunks);
	TEST(over_long_fields_are_cut_but_bodies_are_not);
	TEST(a_cut_leaves_no_short_ends_of_lines);
	TEST(what_is_too_big_leaves_nothing);
	TEST(adds_what_local_mail_lacks);
	TEST(says_undisclosed_where_no_field_has_recipients);
	TEST(rewrites_header_addresses_of_local_mail_only);
	TEST(drops_what_is_too_long_beside_an_address);
	TEST(maps_recipients);
	TEST(knows_recipients_again_up_to_the_limit);
	TEST(without_original_recipients_only_the_address_counts);
	TEST(finds_recipients_in_the_header);
	TEST(holds_and_discards);
	TEST(strips_and_refuses_characters);
	TEST(does_what_tables_say);
	TEST(tables_change_what_becomes_of_a_message);
	TEST(knows_8_bit_content_by_its_name);
	TEST(finds_out_who_needs_smtputf8);
	TEST(hostile_content_stays_bounded);
	tear_down();
	return test_end();
}
