#include "postscreen/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/conf.h"
#include "mail/cache.h"
#include "net/proxy.h"
#include "postscreen/dnsbl.h"
#include "postscreen/limits.h"
#include "postscreen/lists.h"
#include "server/pass.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/stream.h"
#include "util/task.h"
#include "util/text.h"

/*
 *	connect - limits - access list - record in the cache
 *	   |                 | permit        | nothing due
 *	   |                 `---------------+--> smtpd
 *	   `-> early tests (teaser, wait, lists)
 *	          | all passed, no deep tests ----> smtpd, and a record
 *	          `-> the dummy server: refuses, or tells to come again
 */
enum {
	SHOWN_MAX = 100,	/* bytes of what a client said, in the log */
	PEEK_MAX = 1024,	/* bytes looked at before the greeting */
	DROP_WAIT = 5,		/* seconds to send a last reply */
};

/* --- small things */

void
session_escape(struct buf *b, const char *bytes, size_t len)
{
	static const char plain[] = "abtnvfr";

	if (len > SHOWN_MAX)
		len = SHOWN_MAX;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)bytes[i];

		if (c == '\\')
			buf_adds(b, "\\\\");
		else if (c >= ' ' && c < 127)
			buf_addc(b, (char)c);
		else if (c == 7 || c == 8)
			buf_addf(b, "\\%c", plain[c - 7]);
		else if (c >= 9 && c <= 13)
			buf_addf(b, "\\%c", "tnvfr"[c - 9]);
		else
			buf_addf(b, "\\%03o", c);
	}
}

void
session_seconds(struct buf *b, int64_t ms)
{
	clock_delay(b, ms * 1000, 2);
}

struct expansion {
	const struct session *s;
	struct buf	      value;
};

static const char *
fact(void *arg, const char *name)
{
	struct expansion *e = arg;

	if (text_eq(name, "client_address"))
		return e->s->ip;
	if (text_eq(name, "client_port") || text_eq(name, "server_port")) {
		buf_clear(&e->value);
		buf_addf(&e->value, "%u", (unsigned)addr_port(
		    *name == 'c' ? &e->s->client : &e->s->server));
		return e->value.data;
	}
	return conf_text(name);
}

void
session_expand(struct buf *b, const struct session *s, const char *text)
{
	struct expansion e = { s, BUF_INIT };
	const char	*why;

	if (!conf_expand(b, text, fact, &e, &why))
		log_warn("%s", why);
	buf_done(&e.value);
}

static int64_t
now_seconds(void)
{
	return clock_wall_us() / 1000000;
}

/* Sends "421 ..." or "521 ..." and no more. */
static void
drop(struct session *s, const char *reply)
{
	stream_set_deadline(s->stream, DROP_WAIT);
	stream_printf(s->stream, "%s\r\n", reply);
	stream_flush(s->stream);
}

bool
session_fail(struct session *s, enum test t, const char *reply)
{
	s->seen_faults |= 1u << t;
	if (screen.action[t] != ACTION_IGNORE)
		s->failed |= 1u << t;
	switch (screen.action[t]) {
	case ACTION_IGNORE:
		return false;
	case ACTION_ENFORCE:
		/* a fault outweighs "come again" */
		if (s->refusal == NULL || *s->refusal == '4')
			s->refusal = reply;
		return false;
	case ACTION_DROP:
		break;
	}
	return true;
}

/* --- the record */

static void
find_record(struct session *s)
{
	struct buf value = BUF_INIT;

	s->is_new = screen.cache == NULL ||
	    !cache_find(screen.cache, s->ip, &value) ||
	    !record_parse(&s->record, value.data) ||
	    record_lacks(&s->record, screen.enabled);
	s->due = record_due(&s->record, screen.enabled, now_seconds());
	buf_done(&value);
}

/* Those that were passed now, for as long as their parameters say. */
static void
renew_record(struct session *s, int dnsbl_ttl)
{
	const int ttl[TEST_COUNT] = {
		conf_postscreen.postscreen_greet_ttl, dnsbl_ttl,
		conf_postscreen.postscreen_pipelining_ttl,
		conf_postscreen.postscreen_non_smtp_command_ttl,
		conf_postscreen.postscreen_bare_newline_ttl,
	};

	for (int i = 0; i < TEST_COUNT; i++)
		if (s->passed & 1u << i)
			s->record.until[i] = now_seconds() + ttl[i];
		else if (!(screen.enabled & 1u << i) &&
		    s->record.until[i] == 0)
			s->record.until[i] = RECORD_NOT_TESTED;
}

static bool
has_passed(const struct session *s)
{
	return (s->passed & s->due) == s->due;
}

/* Who did nothing wrong need not do again what it has passed, even if it has
 * not come to the end. */
static void
conclude(struct session *s)
{
	struct buf value = BUF_INIT;

	if (s->vetoed || s->denied || s->failed != 0 || s->passed == 0)
		return;
	record_print(&value, &s->record);
	if (screen.cache != NULL)
		cache_put(screen.cache, s->ip, value.data);
	buf_done(&value);
	if (has_passed(s))
		log_info("PASS %s %s", s->is_new ? "NEW" : "OLD", s->label);
}

/* --- to smtpd */

static void
hand_over(struct session *s)
{
	char *path = mem_printf("private/%s", conf_smtpd.smtpd_service_name);
	bool  ok = false;

	if (!limits_begin_pass()) {
		log_info("NOQUEUE: reject: CONNECT from %s: all server ports "
		    "busy", s->label);
		drop(s, "421 4.3.2 All server ports are busy");
		mem_free(path);
		return;
	}
	if (stream_flush(s->stream))
		ok = pass_send(path, stream_fd(s->stream), s->proxied ?
		    &s->client : NULL, s->proxied ? &s->server : NULL);
	limits_end_pass();
	if (!ok) {
		log_warn("cannot connect to service %s: %s", path,
		    strerror(errno));
		drop(s, "421 4.3.2 No system resources");
	}
	mem_free(path);
}

/* --- before the greeting */

static void
send_teaser(struct session *s)
{
	const char *text = conf_postscreen.postscreen_greet_banner;
	struct buf  banner = BUF_INIT;

	if (*text == '\0')
		return;
	session_expand(&banner, s, text);
	stream_printf(s->stream, "220-%s\r\n", banner.data);
	stream_flush(s->stream);
	buf_done(&banner);
}

enum early { EARLY_DONE, EARLY_ENDED };

static enum early
note_pregreet(struct session *s, int64_t since, const char *bytes, size_t len)
{
	struct buf line = BUF_INIT;

	buf_addf(&line, "PREGREET %zu after ", len);
	session_seconds(&line, clock_ms() - since);
	buf_addf(&line, " from %s: ", s->label);
	session_escape(&line, bytes, len);
	log_info("%s", line.data);
	buf_done(&line);
	if (!session_fail(s, TEST_PREGREET, "550 5.5.1 Protocol error"))
		return EARLY_DONE;
	drop(s, "521 5.5.1 Protocol error");
	return EARLY_ENDED;
}

void
session_log_hangup(const struct session *s, int64_t since, const char *when)
{
	struct buf line = BUF_INIT;

	buf_adds(&line, "HANGUP after ");
	session_seconds(&line, clock_ms() - since);
	log_info("%s from %s in tests %s SMTP handshake", line.data, s->label,
	    when);
	buf_done(&line);
}

/*
 * The wait in which a good client says nothing.  What comes is looked at where
 * it is: whoever serves the client next shall hear it.
 */
static enum early
listen_in_silence(struct session *s)
{
	char	bytes[PEEK_MAX];
	int	fd = stream_fd(s->stream);
	int64_t since = clock_ms();
	int64_t until = since + conf_postscreen.postscreen_greet_wait * 1000L;
	ssize_t n;

	send_teaser(s);
	while (clock_ms() < until) {
		n = recv(fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
		if (n > 0) {
			if (note_pregreet(s, since, bytes, (size_t)n) ==
			    EARLY_ENDED)
				return EARLY_ENDED;
			task_sleep_ms(until - clock_ms());
			break;
		}
		if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
			session_log_hangup(s, since, "before");
			return EARLY_ENDED;
		}
		task_wait_fd(fd, TASK_READ, until);
	}
	return EARLY_DONE;
}

/* The stream must not wait for an edge that was seen here. */
static enum early
wait_in_silence(struct session *s)
{
	enum early got = listen_in_silence(s);

	task_forget_fd(stream_fd(s->stream));
	return got;
}

static enum early
judge_score(struct session *s, int points, const char *name)
{
	if (points < conf_postscreen.postscreen_dnsbl_threshold) {
		s->passed |= 1u << TEST_DNSBL;
		/* a good name makes up for bad manners */
		if (conf_postscreen.postscreen_dnsbl_allowlist_threshold < 0 &&
		    points <=
		    conf_postscreen.postscreen_dnsbl_allowlist_threshold) {
			s->passed |= screen.enabled;
			s->failed = 0;
			s->refusal = NULL;
		}
		return EARLY_DONE;
	}
	log_info("DNSBL rank %d for %s", points, s->label);
	s->refusal_text = mem_printf("550 5.7.1 Service unavailable; client "
	    "[%s] blocked using %s", s->ip, name);
	if (!session_fail(s, TEST_DNSBL, s->refusal_text))
		return EARLY_DONE;
	memcpy(s->refusal_text, "521", 3);
	drop(s, s->refusal_text);
	return EARLY_ENDED;
}

static enum early
test_early(struct session *s)
{
	int64_t	    begin = clock_ms();
	const char *name;
	int	    points, ttl = conf_postscreen.postscreen_dnsbl_min_ttl;

	if (s->due & 1u << TEST_DNSBL)
		s->score = dnsbl_begin(&s->client);
	if (s->due & 1u << TEST_PREGREET) {
		if (wait_in_silence(s) == EARLY_ENDED)
			return EARLY_ENDED;
		s->passed |= 1u << TEST_PREGREET & ~s->seen_faults;
	}
	if (s->score != NULL) {
		points = dnsbl_score(s->score, begin +
		    conf_postscreen.postscreen_dnsbl_timeout * 1000L, &name,
		    &ttl);
		if (judge_score(s, points, name) == EARLY_ENDED)
			return EARLY_ENDED;
	}
	s->dnsbl_ttl = ttl;
	renew_record(s, ttl);
	return EARLY_DONE;
}

/* --- the order of things */

static void
screen_client(struct session *s)
{
	s->vetoed = !lists_may_pass(&s->server);
	if (s->vetoed)
		log_info("ALLOWLIST VETO %s", s->label);
	if ((s->due & TESTS_EARLY) && test_early(s) == EARLY_ENDED) {
		log_info("DISCONNECT %s", s->label);
		return;
	}
	if (s->refusal == NULL && (s->vetoed ||
	    (s->due & ~s->passed & TESTS_DEEP)))
		s->refusal = "450 4.3.2 Service currently unavailable";
	if (s->refusal == NULL) {
		conclude(s);
		hand_over(s);
		return;
	}
	engine_run(s);
	renew_record(s, s->dnsbl_ttl);
	conclude(s);
	log_info("DISCONNECT %s", s->label);
}

/* By the access list.  True: that was all. */
static bool
is_decided(struct session *s)
{
	switch (lists_find(&s->client)) {
	case LISTS_PERMIT:
		log_info("%s %s", conf_mail.respectful_logging ? "ALLOWLISTED" :
		    "WHITELISTED", s->label);
		hand_over(s);
		return true;
	case LISTS_REJECT:
		log_info("%s %s", conf_mail.respectful_logging ? "DENYLISTED" :
		    "BLACKLISTED", s->label);
		if (screen.deny == ACTION_DROP) {
			drop(s, "521 5.3.2 Service currently "
			    "unavailable");
			log_info("DISCONNECT %s", s->label);
			return true;
		}
		if (screen.deny == ACTION_ENFORCE) {
			s->refusal = "550 5.3.2 Service currently unavailable";
			s->due = screen.enabled;
			s->denied = true;
			break;
		}
		/* FALLTHROUGH */
	case LISTS_NOTHING:
		find_record(s);
		break;
	}
	return false;
}

static void
decide(struct session *s)
{
	if (is_decided(s))
		return;
	if (s->due == 0) {
		log_info("PASS OLD %s", s->label);
		hand_over(s);
	} else {
		screen_client(s);
	}
}

/* What came instead of a proxy's header. */
static void
refuse_header(struct session *s, const char *why, const struct buf *seen)
{
	struct buf b = BUF_INIT;

	session_escape(&b, seen->data, seen->len);
	if (stream_timed_out(s->stream))
		log_warn("haproxy read: time limit exceeded");
	else
		log_warn("haproxy read: %s%s%s", why, b.len > 0 ? ": " : "",
		    b.data);
	if (stream_failed(s->stream) != NULL)
		stream_last_words(s->stream,
		    "421 4.3.2 No system resources\r\n");
	else
		drop(s, "421 4.3.2 No system resources");
	buf_done(&b);
}

static bool
read_proxy_header(struct session *s)
{
	enum proxy_result r = PROXY_MORE;
	const char	 *p, *why = "EOF error";
	struct buf	  seen = BUF_INIT;
	size_t		  len = 0, used = 0;

	stream_set_deadline(s->stream,
	    conf_postscreen.postscreen_upstream_proxy_timeout);
	while (r == PROXY_MORE &&
	    (p = stream_peek_more(s->stream, len, &len)) != NULL) {
		buf_clear(&seen);
		buf_add(&seen, p, len < SHOWN_MAX ? len : SHOWN_MAX);
		r = proxy_parse(p, len, &s->client, &s->server, &used, &why);
	}
	if (r != PROXY_OK && r != PROXY_NONE)
		refuse_header(s, why, &seen);
	buf_done(&seen);
	if (r != PROXY_OK && r != PROXY_NONE)
		return false;
	stream_skip(s->stream, used);
	s->proxied = r == PROXY_OK;
	return true;
}

static bool
find_ends(struct session *s)
{
	struct sockaddr_storage sa;
	socklen_t		len = sizeof sa;
	int			fd = stream_fd(s->stream);

	if (getpeername(fd, (struct sockaddr *)&sa, &len) != 0 ||
	    !addr_from_sockaddr(&s->client, (struct sockaddr *)&sa, len))
		return false;
	len = sizeof sa;
	if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0 ||
	    !addr_from_sockaddr(&s->server, (struct sockaddr *)&sa, len))
		return false;
	return *conf_postscreen.postscreen_upstream_proxy_protocol == '\0' ||
	    read_proxy_header(s);
}

static void
greet(struct session *s)
{
	char server[ADDR_TEXT];

	addr_text(&s->client, s->ip);
	addr_text(&s->server, server);
	s->label = mem_printf("[%s]:%u", s->ip,
	    (unsigned)addr_port(&s->client));
	log_info("CONNECT from %s to [%s]:%u", s->label, server,
	    (unsigned)addr_port(&s->server));
	switch (limits_connect(s->ip)) {
	case LIMITS_CLIENT:
		log_info("NOQUEUE: reject: CONNECT from %s: too many "
		    "connections", s->label);
		drop(s, "421 4.7.0 Error: too many connections");
		log_info("DISCONNECT %s", s->label);
		break;
	case LIMITS_ALL:
		log_info("NOQUEUE: reject: CONNECT from %s: all screening "
		    "ports busy", s->label);
		drop(s, "421 4.3.2 All screening ports are busy");
		log_info("DISCONNECT %s", s->label);
		break;
	case LIMITS_OK:
		decide(s);
	}
	limits_disconnect(s->ip);
}

void
session_serve(struct stream *stream)
{
	struct session s = { .stream = stream };

	if (find_ends(&s))
		greet(&s);
	dnsbl_done(s.score);
	mem_free(s.label);
	mem_free(s.refusal_text);
}
