/*
 * A session's life:
 *
 *	serve -> who is it -> may it connect -> 220
 *	      -> [ read a line -> split -> find the command -> run it ]*
 *	      -> the reason, if it ended early -> counts -> goodbye
 *
 * Handlers write replies and do not flush: the next read does, when there
 * is no further command in the buffer.  When the stream fails they return, and
 * the loop ends at its next read.
 */

#include <string.h>

#include "conf/param.h"
#include "mail/cleanup_client.h"
#include "net/tls.h"
#include "server/server.h"
#include "smtpd/access/access.h"
#include "smtpd/auth.h"
#include "smtpd/command.h"
#include "smtpd/config.h"
#include "smtpd/escape.h"
#include "smtpd/handover.h"
#include "smtpd/limits.h"
#include "smtpd/milter.h"
#include "smtpd/notice.h"
#include "smtpd/prefilter.h"
#include "smtpd/reply.h"
#include "smtpd/session.h"
#include "smtpd/starttls.h"
#include "smtpd/upstream.h"
#include "table/match.h"
#include "table/table.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/stream.h"
#include "util/text.h"

enum {
	PIPELINE_SHOWN = 100,	/* bytes of unexpected input in the log */
	STRANGER_SHOWN = 100,	/* of a command that is none */
	COMMAND_SHOWN = 30,	/* bytes of an over-long line in the log */
	EARLY_TALK_MS = 1,
	EARLY_TALK_QUIET_MS = 10, /* with so few sessions: */
	QUIET_SESSIONS = 1,
	BUSY_SESSIONS = 5,	/* no waiting with more */
};

const char *
session_id(const struct session *s)
{
	return s->tr.queue_id != NULL ? s->tr.queue_id : "NOQUEUE";
}

void
session_reset(struct session *s)
{
	struct transaction *t = &s->tr;
	struct pool	    pool;

	if (t->cleanup != NULL)
		cleanup_abort(t->cleanup);
	handover_abort(t->handover);
	prefilter_close(t->prefilter);
	if (t->has_sender) {
		milter_abort(s);
		envelope_done(&t->env);
	}
	pool_clear(&t->pool);
	pool = t->pool;
	*t = (struct transaction){ .pool = pool };
	s->auth.sender = NULL;
	s->announced_size = 0;
}

void
session_lost(struct session *s)
{
	const char *why = stream_failed(s->stream);

	s->reason = why != NULL && text_eq(why, "timed out") ? "timeout" :
	    "lost connection";
	s->hanging_up = true;
}

/* --- the end */

/* A last reply when the stream has failed, so that its buffer is of no use any
 * more. */
static void
say_last(struct session *s, const char *code, const char *text)
{
	struct buf b = BUF_INIT;

	buf_addf(&b, "%s %s %s\r\n", code, conf_mail.myhostname, text);
	stream_last_words(s->stream, b.data);
	buf_done(&b);
}

/* A client that has delivered its mail and does not say QUIT is no news. */
static void
log_reason(struct session *s)
{
	bool in_content = s->tr.has_content && s->tr.rcpt_count > 0;

	if (in_content && (text_eq(s->stage, "DATA") ||
	    text_eq(s->stage, "BDAT")))
		log_info("%s: %s after %s (%llu bytes) from %s",
		    session_id(s), s->reason, s->stage,
		    (unsigned long long)s->tr.size, s->client.label);
	else if (!text_eq(s->stage, "END-OF-MESSAGE") ||
	    !text_eq(s->reason, "lost connection"))
		log_info("%s: %s after %s from %s", session_id(s), s->reason,
		    s->stage, s->client.label);
}

static void
add_count(struct buf *b, const char *name, const struct verb_count *c)
{
	if (c->good == c->all)
		buf_addf(b, " %s=%u", name, c->all);
	else
		buf_addf(b, " %s=%u/%u", name, c->good, c->all);
}

static void
log_disconnect(struct session *s)
{
	static const char *const names[VERB_COUNT] = {
		"helo", "ehlo", "xclient", "xforward", "starttls", "auth",
		"mail", "rcpt", "data", "bdat", "rset", "noop", "vrfy",
		"etrn", "quit", "help", "unknown",
	};
	struct buf	  b = BUF_INIT;
	struct verb_count sum = { 0 };

	for (int i = 0; i < VERB_COUNT; i++) {
		if (s->counts[i].all == 0)
			continue;
		add_count(&b, names[i], &s->counts[i]);
		sum.good += s->counts[i].good;
		sum.all += s->counts[i].all;
	}
	if (sum.all == 0)
		buf_adds(&b, " commands=0/0");
	else
		add_count(&b, "commands", &sum);
	log_info("disconnect from %s%s", s->client.label, b.data);
	buf_done(&b);
}

static void
goodbye(struct session *s)
{
	if (s->reason != NULL) {
		if (text_eq(s->reason, "timeout"))
			say_last(s, "421 4.4.2", "Error: timeout exceeded");
		log_reason(s);
	}
	/* done and logged when the client sees its 221 and comes again */
	limits_disconnect(s);
	log_disconnect(s);
	/* What takes time comes behind the last words. */
	if (s->milter != NULL || (s->notices & smtpd_config.notices) != 0)
		stream_flush(s->stream);
	if (s->helo != NULL)
		milter_abort(s);
	session_reset(s);
	milter_end(s);
	notice_send(s);
	mem_free(s->helo);
	buf_done(&s->line);
	buf_done(&s->text);
	buf_done(&s->verdict);
	buf_done(&s->transcript);
	pool_done(&s->tr.pool);
	pool_done(&s->pool);
}

/* --- clients that talk out of turn */

/*
 * Input is there that should have waited for our reply (RFC 2920 3.1,
 * RFC 5321 4.3.1).  True if the session ends for it.
 */
static bool
out_of_turn(struct session *s)
{
	struct buf  b = BUF_INIT;
	const char *p;
	size_t	    n;

	s->bad_pipelining = true;
	if ((p = stream_peek(s->stream, &n)) == NULL)
		return false;
	n = auth_shown(p, n);
	escape_add(&b, p, n < PIPELINE_SHOWN ? n : PIPELINE_SHOWN);
	log_info("improper command pipelining after %s from %s: %s", s->stage,
	    s->client.label, b.data);
	buf_done(&b);
	if (!conf_smtpd.smtpd_forbid_unauth_pipelining)
		return false;
	reply(s, "554 5.5.0 Error: SMTP protocol synchronization");
	s->hanging_up = true;
	return true;
}

/* --- one command */

bool
session_read_line(struct session *s, size_t limit)
{
	struct buf *line = &s->line;
	size_t	    n, part;
	char	    last = '\0';
	const char *p, *lf;

	buf_clear(line);
	s->line_cut = false;
	stream_set_deadline(s->stream, conf_smtpd.smtpd_timeout);
	do {
		if ((p = stream_peek(s->stream, &n)) == NULL) {
			session_lost(s);
			return false;
		}
		lf = memchr(p, '\n', n);
		part = lf != NULL ? (size_t)(lf - p) : n;
		if (part > 0)
			last = p[part - 1];
		if (part > limit - line->len) {
			buf_add(line, p, limit - line->len);
			s->line_cut = true;
		} else {
			buf_add(line, p, part);
		}
		stream_skip(s->stream, lf != NULL ? part + 1 : part);
	} while (lf == NULL);
	while (line->len > 0 && line->data[line->len - 1] == '\r')
		buf_cut(line, line->len - 1);

	if (last != '\r' && !s->loose_newlines &&
	    smtpd_config.bare_newline == BARE_NEWLINE_REJECT) {
		log_verdict(s, "reject", NULL, "bare <LF> received");
		reply(s, "%d 5.5.2 %s Error: bare <LF> received",
		    conf_smtpd.smtpd_forbid_bare_newline_reject_code,
		    conf_mail.myhostname);
		s->hanging_up = true;
		return false;
	}
	return true;
}

/* "Subject: ...": a mail header, sent by what thinks it is in DATA. */
static bool
is_header(const char *verb)
{
	const char *p = verb;

	while (*p > ' ' && *p < 0x7f && *p != ':')
		p++;
	return *p == ':' && p > verb;
}

/* As it came, the bytes behind a NUL included. */
static void
warn_of_stranger(struct session *s, struct command_line *line)
{
	struct buf shown = BUF_INIT;
	size_t	   n = s->line.len - (size_t)(line->verb - s->line.data);

	command_join(line);
	while (n > 0 && line->verb[n - 1] == '\0')
		n--;
	escape_add(&shown, line->verb, n < STRANGER_SHOWN ? n : STRANGER_SHOWN);
	log_warn("non-SMTP command from %s: %.*s", s->client.label,
	    STRANGER_SHOWN, shown.data);
	buf_done(&shown);
}

static void
unknown_command(struct session *s, struct command_line *line)
{
	const char *no;

	s->stage = "UNKNOWN";
	s->counts[VERB_UNKNOWN].all++;
	if (is_header(line->verb) ||
	    match_word(smtpd_config.forbidden_commands, line->verb) ==
	    MATCH_YES) {
		warn_of_stranger(s, line);
		reply(s, "221 2.7.0 Error: I can break rules, too. Goodbye.");
		s->hanging_up = s->said_no = true;
		return;
	}
	if ((no = milter_unknown(s, line->verb)) == NULL)
		no = "500 5.5.2 Error: command not recognized";
	reply_relayed(s, no);
	s->errors++;
}

static void
count_junk(struct session *s)
{
	if (s->junk++ > (unsigned)conf_smtpd.smtpd_junk_command_limit)
		s->errors++;
}

static void
run_command(struct session *s, const struct command *c,
    struct command_line *line)
{
	struct verb_count *count = &s->counts[c->id];
	const char	  *no;

	count->all++;
	if (s->denied != NULL && c->id != VERB_QUIT) {
		reply(s, "503 5.7.0 Error: access denied for %s",
		    s->client.label);
		s->errors++;
		return;
	}
	s->stage = c->verb;
	if (!s->standalone &&
	    (!s->esmtp || (c->flags & COMMAND_LAST)) && c->id != VERB_QUIT &&
	    !s->bad_pipelining && stream_buffered(s->stream) > 0 &&
	    out_of_turn(s)) {
		s->errors++;
		return;
	}
	if ((c->flags & COMMAND_OTHER) && (no = milter_other(s)) != NULL) {
		reply_relayed(s, no);
		s->errors++;
		return;
	}
	if (s->tls == NULL && !(c->flags & COMMAND_CLEAR) && !s->standalone &&
	    starttls_is_mandatory()) {
		reply(s, "530 5.7.0 Must issue a STARTTLS command first");
		s->errors++;
		return;
	}
	if (c->flags & COMMAND_JUNK)
		count_junk(s);
	if (c->run(s, line))
		count->good++;
	else
		s->errors++;
}

/* smtpd_command_filter says what a broken client means. */
static void
replace_command(struct session *s, const char *other)
{
	struct buf shown = BUF_INIT;

	text_printable(&shown, s->line.data, s->line.len, true);
	log_info("%s: replacing command \"%.100s\" with \"%.100s\"",
	    s->client.label, shown.data, other);
	buf_done(&shown);
	buf_set(&s->line, other);
}

static void
warn_of_length(const struct session *s)
{
	size_t n = auth_shown(s->line.data, s->line.len);

	log_warn("%s: request longer than %d: %.*s...", s->client.label,
	    conf_mail.line_length_limit,
	    n < COMMAND_SHOWN ? (int)n : COMMAND_SHOWN, s->line.data);
}

static void
one_command(struct session *s)
{
	struct command_line   line;
	const struct command *c;
	const char	     *bad = NULL;

	if (s->line_cut)
		warn_of_length(s);
	notice_in(s, s->line.data);
	if (smtpd_config.command_filter != NULL &&
	    table_find(smtpd_config.command_filter, s->line.data, &s->text) == TABLE_FOUND)
		replace_command(s, s->text.data);
	if (conf_mail.smtputf8_enable &&
	    !text_is_utf8(s->line.data, strlen(s->line.data)))
		bad = "500 5.5.2 Error: bad UTF-8 syntax";
	command_split(s->line.data, &line);
	if (*line.verb == '\0')
		bad = "500 5.5.2 Error: bad syntax";
	if (bad != NULL) {
		s->stage = "UNKNOWN";
		s->counts[VERB_UNKNOWN].all++;
		reply(s, "%s", bad);
		s->errors++;
	} else if (smtpd_config.noop_commands != NULL &&
	    match_word(smtpd_config.noop_commands, line.verb) == MATCH_YES) {
		count_junk(s);
		reply(s, "250 2.0.0 Ok");
	} else if ((c = command_find(line.verb)) == NULL) {
		unknown_command(s, &line);
	} else {
		run_command(s, c, &line);
	}
}

static void
run_commands(struct session *s)
{
	while (!s->hanging_up) {
		if (s->errors >= (unsigned)conf_smtpd.smtpd_hard_error_limit) {
			reply(s, "421 4.7.0 %s Error: too many errors",
			    conf_mail.myhostname);
			s->reason = "too many errors";
			return;
		}
		if (!session_read_line(s, (size_t)conf_mail.line_length_limit))
			return;
		one_command(s);
	}
}

/* --- the beginning */

static unsigned
ehlo_discard(struct session *s)
{
	struct buf *words = &s->text;

	if (smtpd_config.ehlo_discard_maps == NULL)
		return smtpd_config.ehlo_discard;
	switch (table_list_find(smtpd_config.ehlo_discard_maps, s->client.ip,
	    words)) {
	case TABLE_FOUND:
		return config_ehlo_keywords(words->data);
	case TABLE_NOT_FOUND:
		return smtpd_config.ehlo_discard;
	default:
		s->ehlo_unknown = true;
		return smtpd_config.ehlo_discard;
	}
}

/*
 * Who talks before we do is no mail server (RFC 5321 4.3.1).  They do so at
 * once: a moment of waiting finds nearly all, and a longer moment costs
 * nothing when there is little to do.  When there is much, the connection has
 * waited for us.
 */
static bool
talks_early(struct session *s)
{
	int sessions = server_sessions();
	int wait_ms = sessions <= QUIET_SESSIONS ? EARLY_TALK_QUIET_MS :
	    EARLY_TALK_MS;

	if (sessions > BUSY_SESSIONS)
		return stream_pending(s->stream) > 0;
	return stream_await(s->stream, clock_ms() + wait_ms) > 0;
}

bool
session_greet(struct session *s)
{
	const char *no;

	s->denied = NULL;
	if (!s->standalone && !conf_smtpd.smtpd_delay_reject)
		s->denied = access_client(s);
	if (s->denied != NULL) {
		s->denied = pool_strdup(&s->pool, s->denied);
		s->errors++;
		reply(s, "%s", s->denied);
		return !s->hanging_up;
	}
	if (!s->standalone && text_eq(s->stage, "CONNECT") &&
	    talks_early(s) && out_of_turn(s))
		return false;
	if ((no = milter_connect(s)) == NULL || *no == '4') {
		if (no != NULL && text_starts(no, "421"))
			reply(s, "421 %s Service unavailable - try again "
			    "later", conf_mail.myhostname);
		else
			reply(s, "220 %s", conf_smtpd.smtpd_banner);
	} else {
		reply(s, "554 %s ESMTP not accepting connections",
		    conf_mail.myhostname);
	}
	return !s->hanging_up;
}

/* False: the session ends before it begins. */
static bool
begin(struct session *s)
{
	if (!starttls_wrap(s))
		return false;
	s->debug = log_verbose > 0 || match_client(smtpd_config.debug_peers,
	    s->client.name, &s->client.addr) == MATCH_YES;
	s->ehlo_discard = ehlo_discard(s);
	s->loose_newlines = s->standalone ||
	    smtpd_config.bare_newline == BARE_NEWLINE_OK ||
	    match_client(smtpd_config.newline_exceptions, s->client.name,
	    &s->client.addr) == MATCH_YES;
	s->xclient_allowed = !s->standalone &&
	    match_client(smtpd_config.xclient_hosts, s->client.name,
	    &s->client.addr) == MATCH_YES;
	s->verp_allowed = match_client(smtpd_config.verp_clients,
	    s->client.name, &s->client.addr) == MATCH_YES;
	s->xforward_allowed = !s->standalone &&
	    match_client(smtpd_config.xforward_hosts, s->client.name,
	    &s->client.addr) == MATCH_YES;
	s->local_headers = access_permits_client(s,
	    smtpd_config.local_header_clients);
	if (!limits_connect(s)) {
		reply(s, "421 4.7.0 %s Error: too many connections from %s",
		    conf_mail.myhostname, s->client.ip);
		return false;
	}
	return session_greet(s);
}

void
session_run(struct stream *stream, bool standalone)
{
	struct session *s = NEW(struct session);
	bool		has_address, said_no;

	s->stream = stream;
	s->standalone = standalone;
	s->protocol = "SMTP";
	s->stage = "CONNECT";
	s->line = s->text = s->verdict = s->transcript =
	    (struct buf)BUF_INIT;
	has_address = upstream_find_client(s);
	log_info("connect from %s", s->client.label);
	if (!has_address)
		say_last(s, "421 4.3.0", "Server local error");
	else if (begin(s))
		run_commands(s);
	said_no = s->said_no;
	goodbye(s);
	mem_free(s);
	if (said_no && !standalone)
		client_linger(stream);
}
