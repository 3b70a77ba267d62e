/*
 * engine - an SMTP server that takes no mail
 *
 * For clients that failed a test, or that must prove their manners: it hears
 * who the mail is from and for, for the log, and answers RCPT with s->refusal.
 * The deep protocol tests look at how the client speaks.  A client that comes
 * as far as RCPT without a fault that counts has passed them.
 */

#include <stdio.h>
#include <string.h>

#include "conf/param.h"
#include "mail/reject_footer.h"
#include "net/tls.h"
#include "postscreen/session.h"
#include "table/match.h"
#include "table/table.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/stream.h"
#include "util/text.h"

enum {
	LINE_MAX_BYTES = 2048,
};

struct engine {
	struct session	*s;
	struct buf	 line;
	char		*verb, *arg;		/* in `line` */
	const char	*where;			/* last command, or CONNECT */
	char		*helo, *sender;		/* NULL: none */
	bool		 esmtp;
	int		 commands;
	int64_t		 since;			/* clock_ms */
	bool		 ended;
};

/* --- set-up, at first use: values do not change */

static struct {
	struct match	  *forbidden;
	struct table	  *filter;	/* NULL: none */
	struct table_list *discard_maps;
	struct reject_footer footer;
	bool		   ready;
} rules;

static void
set_up(void)
{
	if (rules.ready)
		return;
	rules.ready = true;
	rules.forbidden = match_new("postscreen_forbidden_commands",
	    conf_postscreen.postscreen_forbidden_commands, false);
	if (*conf_postscreen.postscreen_command_filter != '\0')
		rules.filter = table_open(
		    conf_postscreen.postscreen_command_filter, TABLE_FOLD);
	reject_footer_init(&rules.footer,
	    conf_postscreen.postscreen_reject_footer,
	    table_list_open("postscreen_reject_footer_maps",
	    conf_postscreen.postscreen_reject_footer_maps, TABLE_FOLD),
	    conf_postscreen.postscreen_expansion_filter);
	rules.discard_maps = table_list_open(
	    "postscreen_discard_ehlo_keyword_address_maps",
	    conf_postscreen.postscreen_discard_ehlo_keyword_address_maps,
	    TABLE_FOLD);
}

/* --- replies */

static const char *
other_fact(void *arg, const char *name)
{
	(void)arg;
	log_warn("unknown macro name \"%s\" in expansion request", name);
	return "";
}

/* `text` may be several lines; CRLF goes between them, none to the end. */
static void
compose(struct engine *e, struct buf *reply, const char *text)
{
	const struct session *s = e->s;
	struct reject_facts   facts = { s->ip, conf_mail.myhostname,
	    addr_port(&s->client), other_fact, NULL };
	const char	     *why;

	buf_adds(reply, text);
	if ((*text == '4' || *text == '5') &&
	    reject_footer_is_used(&rules.footer) &&
	    !reject_footer_add(&rules.footer, reply, &facts, &why))
		log_warn("postscreen_reject_footer: %s", why);
	buf_adds(reply, "\r\n");
}

static void
answer(struct engine *e, const char *text)
{
	const struct session *s = e->s;
	struct buf	      reply = BUF_INIT;

	compose(e, &reply, text);
	stream_write(s->stream, reply.data, reply.len);
	buf_done(&reply);
}

/* soft_bounce: every refusal may be temporary. */
static void
refuse(struct engine *e, const char *text)
{
	char *soft;

	if (!conf_mail.soft_bounce || *text != '5') {
		answer(e, text);
		return;
	}
	soft = mem_strdup(text);
	soft[0] = '4';
	if (soft[3] == ' ' && soft[4] == '5')
		soft[4] = '4';
	answer(e, soft);
	mem_free(soft);
}

static void
hang_up(struct engine *e, const char *text)
{
	answer(e, text);
	stream_flush(e->s->stream);
	e->ended = true;
}

static void
unavailable(struct engine *e, const char *what)
{
	char *text = mem_printf("421 %s Service unavailable - try again later",
	    conf_mail.myhostname);

	log_info("COMMAND %s LIMIT from %s after %s", what, e->s->label,
	    e->where);
	hang_up(e, text);
	mem_free(text);
}

/* --- tests */

static void
fail(struct engine *e, enum test t, const char *drop)
{
	if (session_fail(e->s, t, "550 5.5.1 Protocol error"))
		hang_up(e, drop);
}

static bool
is_under_test(const struct engine *e, enum test t)
{
	return (e->s->due & 1u << t) && !(e->s->seen_faults & 1u << t);
}

/* What has come before it was asked for. */
static void
test_pipelining(struct engine *e)
{
	struct buf  line = BUF_INIT;
	const char *bytes;
	size_t	    len;

	if (!is_under_test(e, TEST_PIPELINING) ||
	    stream_buffered(e->s->stream) == 0)
		return;
	bytes = stream_peek(e->s->stream, &len);
	session_escape(&line, bytes, len);
	log_info("COMMAND PIPELINING from %s after %s: %s", e->s->label,
	    e->where, line.data);
	buf_done(&line);
	fail(e, TEST_PIPELINING, "521 5.5.1 Protocol error");
}

/* A header, or a word of another protocol. */
static bool
is_other_protocol(const struct engine *e)
{
	size_t n = strcspn(e->verb, ":");

	return match_word(rules.forbidden, e->verb) == MATCH_YES ||
	    (n > 0 && e->verb[n] == ':');
}

static bool
test_command(struct engine *e)
{
	struct buf line = BUF_INIT;

	if (!is_under_test(e, TEST_NON_SMTP) || !is_other_protocol(e))
		return false;
	session_escape(&line, e->verb, strlen(e->verb));
	if (*e->arg != '\0')
		buf_addc(&line, ' ');
	session_escape(&line, e->arg, strlen(e->arg));
	log_info("NON-SMTP COMMAND from %s after %s: %s", e->s->label,
	    e->where, line.data);
	buf_done(&line);
	fail(e, TEST_NON_SMTP, "521 5.7.0 Error: I can break rules, too. "
	    "Goodbye.");
	return e->ended;
}

static void
test_newline(struct engine *e, bool bare)
{
	struct buf line = BUF_INIT;

	if (!bare || !is_under_test(e, TEST_BARE_NEWLINE))
		return;
	session_escape(&line, e->line.data, e->line.len);
	log_info("BARE NEWLINE from %s after %s", e->s->label, line.data);
	buf_done(&line);
	fail(e, TEST_BARE_NEWLINE, "521 5.5.1 Protocol error");
}

/* --- commands */

static bool
is_discarded(const char *list, const char *keyword)
{
	char *copy = mem_strdup(list), *next = copy, *word;
	bool  found = false;

	while (!found && (word = text_word(&next, TEXT_LIST_SEP, false)) !=
	    NULL)
		found = text_eq_nocase(word, keyword);
	mem_free(copy);
	return found;
}

static bool
offers_tls(const struct engine *e)
{
	return screen.tls != NULL && e->s->tls == NULL;
}

static void
say_keywords(struct engine *e)
{
	char	     size[32];
	const char  *list = conf_postscreen.postscreen_discard_ehlo_keywords;
	struct buf   found = BUF_INIT, out = BUF_INIT;
	const char  *words[] = {
		size,
		conf_mail.disable_vrfy_command ? NULL : "VRFY",
		"ETRN", offers_tls(e) ? "STARTTLS" : NULL,
		"ENHANCEDSTATUSCODES", "8BITMIME", "DSN",
		conf_mail.smtputf8_enable ? "SMTPUTF8" : NULL, "CHUNKING",
	};

	snprintf(size, sizeof size, "SIZE %ld", conf_mail.message_size_limit);
	if (table_list_find(rules.discard_maps, e->s->ip, &found) ==
	    TABLE_FOUND)
		list = found.data;
	buf_addf(&out, "%s\n", conf_mail.myhostname);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		size_t n = words[i] != NULL ? strcspn(words[i], " ") : 0;
		char  *name = n > 0 ? mem_strndup(words[i], n) : NULL;

		if (name != NULL && !is_discarded(list, name))
			buf_addf(&out, "%s\n", words[i]);
		mem_free(name);
	}
	for (char *p = out.data, *lf; *p != '\0'; p = lf + 1) {
		lf = strchr(p, '\n');
		stream_printf(e->s->stream, "250%c%.*s\r\n",
		    lf[1] == '\0' ? ' ' : '-', (int)(lf - p), p);
	}
	buf_done(&found);
	buf_done(&out);
}

static void
end_transaction(struct engine *e)
{
	mem_free(e->sender);
	e->sender = NULL;
}

static void
do_hello(struct engine *e)
{
	char *text;

	if (*e->arg == '\0') {
		text = mem_printf("501 Syntax: %s hostname", e->verb);
		answer(e, text);
		mem_free(text);
		return;
	}
	e->esmtp = text_eq_nocase(e->verb, "EHLO");
	mem_free(e->helo);
	e->helo = mem_strdup(e->arg);
	end_transaction(e);
	if (e->esmtp) {
		say_keywords(e);
		return;
	}
	text = mem_printf("250 %s", conf_mail.myhostname);
	answer(e, text);
	mem_free(text);
}

/* "FROM:<a>": what stands between, or after, the angle brackets, whatever it
 * is: nobody gets mail there.  NULL: there is no ':'. */
static char *
address_of(const char *arg)
{
	const char *p = strchr(arg, ':');

	if (p == NULL)
		return NULL;
	p++;
	p += strspn(p, " \t");
	if (*p == '<')
		return mem_strndup(p + 1, strcspn(p + 1, ">"));
	return mem_strndup(p, strcspn(p, " \t"));
}

/* Who comes as far has spoken as one should. */
static void
pass_deep_tests(struct engine *e)
{
	e->s->passed |= e->s->due & ~e->s->failed & TESTS_DEEP;
}

static void
do_mail(struct engine *e)
{
	char *sender;

	if (e->helo == NULL && conf_postscreen.postscreen_helo_required)
		answer(e, "503 5.5.1 Error: send HELO/EHLO first");
	else if (screen.tls_required && e->s->tls == NULL)
		answer(e, "530 5.7.0 Must issue a STARTTLS command first");
	else if (e->sender != NULL)
		answer(e, "503 5.5.1 Error: nested MAIL command");
	else if ((sender = address_of(e->arg)) == NULL)
		answer(e, "501 5.5.4 Syntax: MAIL FROM:<address>");
	else {
		e->sender = sender;
		answer(e, "250 2.1.0 Ok");
	}
}

static void
do_rcpt(struct engine *e)
{
	char *rcpt;

	if (e->sender == NULL) {
		answer(e, "503 5.5.1 Error: need MAIL command");
		return;
	}
	if ((rcpt = address_of(e->arg)) == NULL) {
		answer(e, "501 5.5.4 Syntax: RCPT TO:<address>");
		return;
	}
	log_info("NOQUEUE: reject: RCPT from %s: %s; from=<%s>, to=<%s>, "
	    "proto=%s, helo=<%s>", e->s->label, e->s->refusal, e->sender,
	    rcpt, e->esmtp ? "ESMTP" : "SMTP", e->helo != NULL ? e->helo : "");
	refuse(e, e->s->refusal);
	mem_free(rcpt);
}

static void
do_data(struct engine *e)
{
	bool bdat = text_eq_nocase(e->verb, "BDAT");

	log_info("%s without valid RCPT from %s", e->verb, e->s->label);
	if ((*e->arg == '\0') == bdat)
		hang_up(e, bdat ? "501 5.5.4 Syntax: BDAT count [LAST]" :
		    "501 5.5.4 Syntax: DATA");
	else if (e->sender != NULL)
		hang_up(e, "554 5.5.1 Error: no valid recipients");
	else
		hang_up(e, bdat ? "554 5.5.1 Error: need MAIL command" :
		    "503 5.5.1 Error: need RCPT command");
}

static void
do_vrfy(struct engine *e)
{
	if (conf_postscreen.postscreen_disable_vrfy_command)
		answer(e, "502 5.5.1 VRFY command is disabled");
	else if (*e->arg == '\0')
		answer(e, "501 5.5.4 Syntax: VRFY address");
	else
		refuse(e, e->s->refusal);
}

static void
do_etrn(struct engine *e)
{
	answer(e, *e->arg == '\0' ? "500 Syntax: ETRN domain" :
	    "458 Unable to queue messages");
}

static void
do_rset(struct engine *e)
{
	end_transaction(e);
	answer(e, "250 2.0.0 Ok");
}

static void
do_noop(struct engine *e)
{
	answer(e, "250 2.0.0 Ok");
}

static void
do_quit(struct engine *e)
{
	hang_up(e, "221 2.0.0 Bye");
}

static void
do_starttls(struct engine *e)
{
	struct tls_accept a = { .peer = e->s->label,
		.deadline = clock_in(
		    conf_postscreen.postscreen_starttls_timeout) };
	const char *why;

	if (*e->arg != '\0')
		answer(e, "501 5.5.4 Syntax: STARTTLS");
	else if (e->s->tls != NULL)
		answer(e, "554 5.5.1 Error: TLS already active");
	else if (screen.tls == NULL)
		answer(e, "502 5.5.1 Error: command not implemented");
	else if (stream_buffered(e->s->stream) > 0)
		hang_up(e, "521 5.5.1 Protocol error");
	else {
		a.strength.grade = tls_grade_parse(
		    conf_postscreen.postscreen_tls_ciphers);
		a.strength.exclude =
		    conf_postscreen.postscreen_tls_exclude_ciphers;
		if (!tls_protocols_parse(&a.strength.protocols,
		    conf_postscreen.postscreen_tls_protocols, &why)) {
			answer(e, "454 4.7.0 TLS not available due to local "
			    "problem");
			return;
		}
		answer(e, "220 2.0.0 Ready to start TLS");
		stream_flush(e->s->stream);
		e->s->tls = tls_accept(screen.tls, e->s->stream, &a);
		mem_free(e->helo);
		e->helo = NULL;
		end_transaction(e);
	}
}

static const struct command {
	const char	*verb;
	void		(*run)(struct engine *);
} commands[] = {
	{ "HELO", do_hello }, { "EHLO", do_hello }, { "MAIL", do_mail },
	{ "RCPT", do_rcpt }, { "DATA", do_data }, { "BDAT", do_data },
	{ "RSET", do_rset }, { "NOOP", do_noop }, { "VRFY", do_vrfy },
	{ "ETRN", do_etrn }, { "QUIT", do_quit },
	{ "STARTTLS", do_starttls },
};

static const struct command *
find_command(const char *verb)
{
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (text_eq_nocase(verb, commands[i].verb))
			return &commands[i];
	return NULL;
}

static void
run_command(struct engine *e)
{
	const struct command *c = find_command(e->verb);

	e->where = c != NULL ? c->verb : "UNKNOWN";
	test_pipelining(e);
	if (e->ended)
		return;
	if (c == NULL) {
		answer(e, "502 5.5.2 Error: command not recognized");
		return;
	}
	e->verb = (char *)c->verb;
	c->run(e);
}

/* --- lines */

static void
apply_filter(struct engine *e)
{
	struct buf new = BUF_INIT;

	if (rules.filter != NULL &&
	    table_find(rules.filter, e->line.data, &new) == TABLE_FOUND)
		buf_set(&e->line, new.data);
	buf_done(&new);
}

static void
split(struct engine *e)
{
	char *p = e->line.data;

	p += strspn(p, " \t");
	e->verb = p;
	p += strcspn(p, " \t");
	if (*p != '\0')
		*p++ = '\0';
	e->arg = p + strspn(p, " \t");
	for (p = e->arg + strlen(e->arg); p > e->arg && (p[-1] == ' ' ||
	    p[-1] == '\t');)
		*--p = '\0';
}

static void
time_out(struct engine *e)
{
	struct buf reply = BUF_INIT;
	char	  *text = mem_printf("421 4.4.2 %s Error: timeout exceeded",
	    conf_mail.myhostname);

	log_info("COMMAND TIME LIMIT from %s after %s", e->s->label, e->where);
	compose(e, &reply, text);
	stream_last_words(e->s->stream, reply.data);
	buf_done(&reply);
	mem_free(text);
}

/* A line and whether its end was a bare LF.  False: no more come. */
static bool
read_line(struct engine *e, bool *ret_bare)
{
	const char *bytes;
	size_t	    len, used = 0;
	const char *lf = NULL;

	buf_clear(&e->line);
	stream_set_deadline(e->s->stream,
	    conf_postscreen.postscreen_command_time_limit);
	while (lf == NULL && (bytes = stream_peek(e->s->stream, &len)) !=
	    NULL) {
		lf = memchr(bytes, '\n', len);
		used = lf != NULL ? (size_t)(lf - bytes) + 1 : len;
		if (e->line.len + used > LINE_MAX_BYTES) {
			unavailable(e, "LENGTH");
			return false;
		}
		buf_add(&e->line, bytes, used);
		stream_skip(e->s->stream, used);
	}
	if (lf == NULL) {
		if (stream_timed_out(e->s->stream))
			time_out(e);
		else
			session_log_hangup(e->s, e->since, "after");
		return false;
	}
	buf_cut(&e->line, e->line.len - 1);
	*ret_bare = e->line.len == 0 ||
	    e->line.data[e->line.len - 1] != '\r';
	if (!*ret_bare)
		buf_cut(&e->line, e->line.len - 1);
	return true;
}

static void
greet(struct engine *e)
{
	struct buf banner = BUF_INIT;

	session_expand(&banner, e->s, conf_smtpd.smtpd_banner);
	stream_printf(e->s->stream, "220 %s\r\n", banner.data);
	buf_done(&banner);
}

static void
converse(struct engine *e)
{
	bool bare;

	/* Who could not wait for the greeting does not need it. */
	if (!(e->s->failed & 1u << TEST_PREGREET))
		greet(e);
	while (!e->ended && read_line(e, &bare)) {
		apply_filter(e);
		test_newline(e, bare);
		split(e);
		if (e->ended || test_command(e))
			break;
		if (text_eq_nocase(e->verb, "RCPT"))
			pass_deep_tests(e);
		if (e->commands++ >=
		    conf_postscreen.postscreen_command_count_limit &&
		    !text_eq_nocase(e->verb, "QUIT")) {
			unavailable(e, "COUNT");
			break;
		}
		run_command(e);
	}
	stream_flush(e->s->stream);
}

void
engine_run(struct session *s)
{
	struct engine e = { .s = s, .line = BUF_INIT, .where = "CONNECT",
		.since = clock_ms() };

	set_up();
	converse(&e);
	buf_done(&e.line);
	mem_free(e.helo);
	mem_free(e.sender);
}
