/* log_metrics - what is counted of the mail log, in Prometheus' text format */

#include "mail/log_metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/log_line.h"
#include "mail/queue_dir.h"
#include "util/buf.h"
#include "util/map.h"
#include "util/mem.h"

enum {
	SERIES_MAX = 300,	/* of a family */
	BUCKETS_MAX = 10,
	LABELS_MAX = 400,	/* bytes */
};

enum type { COUNTER, GAUGE, HISTOGRAM };

static const double by_time[] = { 1e-3, 1e-2, 1e-1, 1, 10, 60, 3600, 86400,
	172800, 0 };
static const double by_size[] = { 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 0 };
static const double by_age[] = { 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 0 };
static const double by_count[] = { 1, 2, 4, 8, 16, 32, 64, 128, 0 };

enum family_id {
	CLEANUP_PROCESSED, CLEANUP_REJECTED, CLEANUP_NOT_ACCEPTED,
	QMGR_NRCPT, QMGR_SIZE, QMGR_REMOVED, QMGR_EXPIRED,
	SMTP_DELAY, LMTP_DELAY, PIPE_DELAY, SMTP_TLS, SMTP_PROCESSED,
	SMTP_TIMED_OUT, SMTP_DEFERRED,
	SMTPD_CONNECTS, SMTPD_DISCONNECTS, SMTPD_RDNS, SMTPD_LOST,
	SMTPD_PROCESSED, SMTPD_REJECTED, SMTPD_AUTH_FAILED, SMTPD_TLS,
	BOUNCE_SENT, VIRTUAL_DELIVERED, SHOWQ_SIZE, SHOWQ_AGE,
	/* our own */
	DELIVERIES, DELIVERY_TIME, VERDICTS, LINES, QUEUE_MESSAGES,
	QUEUE_BYTES, QUEUE_OLDEST,
	FAMILIES,
};

static const struct family {
	const char   *name, *help;
	enum type     type;
	const double *bounds;
} families[FAMILIES] = {
	[CLEANUP_PROCESSED] = { "postfix_cleanup_messages_processed_total",
	    "Messages that cleanup has taken.", COUNTER, NULL },
	[CLEANUP_REJECTED] = { "postfix_cleanup_messages_rejected_total",
	    "Messages that cleanup has rejected.", COUNTER, NULL },
	[CLEANUP_NOT_ACCEPTED] = {
	    "postfix_cleanup_messages_not_accepted_total",
	    "Messages that a milter has rejected at cleanup.", COUNTER, NULL },
	[QMGR_NRCPT] = { "postfix_qmgr_messages_inserted_receipients",
	    "Recipients a message that became active.", HISTOGRAM, by_count },
	[QMGR_SIZE] = { "postfix_qmgr_messages_inserted_size_bytes",
	    "Size of messages that became active.", HISTOGRAM, by_size },
	[QMGR_REMOVED] = { "postfix_qmgr_messages_removed_total",
	    "Messages that have left the queue.", COUNTER, NULL },
	[QMGR_EXPIRED] = { "postfix_qmgr_messages_expired_total",
	    "Messages that were too long in the queue.", COUNTER, NULL },
	[SMTP_DELAY] = { "postfix_smtp_delivery_delay_seconds",
	    "Time of a delivery by SMTP, by stage.", HISTOGRAM, by_time },
	[LMTP_DELAY] = { "postfix_lmtp_delivery_delay_seconds",
	    "Time of a delivery by LMTP, by stage.", HISTOGRAM, by_time },
	[PIPE_DELAY] = { "postfix_pipe_delivery_delay_seconds",
	    "Time of a delivery to a command, by stage.", HISTOGRAM, by_time },
	[SMTP_TLS] = { "postfix_smtp_tls_connections_total",
	    "Connections with TLS to other hosts.", COUNTER, NULL },
	[SMTP_PROCESSED] = { "postfix_smtp_messages_processed_total",
	    "Deliveries by SMTP, by status.", COUNTER, NULL },
	[SMTP_TIMED_OUT] = { "postfix_smtp_connection_timed_out_total",
	    "Deliveries by SMTP that met a host which does not answer.",
	    COUNTER, NULL },
	[SMTP_DEFERRED] = { "postfix_smtp_status_deferred",
	    "Deliveries by SMTP that were deferred.", COUNTER, NULL },
	[SMTPD_CONNECTS] = { "postfix_smtpd_connects_total",
	    "Connections of clients.", COUNTER, NULL },
	[SMTPD_DISCONNECTS] = { "postfix_smtpd_disconnects_total",
	    "Connections of clients that have ended.", COUNTER, NULL },
	[SMTPD_RDNS] = {
	    "postfix_smtpd_forward_confirmed_reverse_dns_errors_total",
	    "Clients whose name does not lead back to their address.",
	    COUNTER, NULL },
	[SMTPD_LOST] = { "postfix_smtpd_connections_lost_total",
	    "Connections of clients that were lost, by stage.", COUNTER,
	    NULL },
	[SMTPD_PROCESSED] = { "postfix_smtpd_messages_processed_total",
	    "Messages from clients.", COUNTER, NULL },
	[SMTPD_REJECTED] = { "postfix_smtpd_messages_rejected_total",
	    "Rejections, by SMTP code.", COUNTER, NULL },
	[SMTPD_AUTH_FAILED] = {
	    "postfix_smtpd_sasl_authentication_failures_total",
	    "Clients' attempts to log in that failed.", COUNTER, NULL },
	[SMTPD_TLS] = { "postfix_smtpd_tls_connections_total",
	    "Connections of clients with TLS.", COUNTER, NULL },
	[BOUNCE_SENT] = { "postfix_bounce_non_delivery_notification_total",
	    "Notifications of failed delivery that were sent.", COUNTER,
	    NULL },
	[VIRTUAL_DELIVERED] = { "postfix_virtual_delivered_total",
	    "Deliveries to virtual mailboxes.", COUNTER, NULL },
	[SHOWQ_SIZE] = { "postfix_showq_message_size_bytes",
	    "Size of the messages in the queue.", HISTOGRAM, by_size },
	[SHOWQ_AGE] = { "postfix_showq_message_age_seconds",
	    "Age of the messages in the queue.", HISTOGRAM, by_age },
	[DELIVERIES] = { "postfix_deliveries_total",
	    "Deliveries by program and status.", COUNTER, NULL },
	[DELIVERY_TIME] = { "postfix_delivery_seconds",
	    "Time from a message's arrival to a delivery, by program.",
	    HISTOGRAM, by_time },
	[VERDICTS] = { "postfix_verdicts_total",
	    "What access rules decided, by program, action and stage.",
	    COUNTER, NULL },
	[LINES] = { "postfix_log_lines_total",
	    "Lines of the log, by level.", COUNTER, NULL },
	[QUEUE_MESSAGES] = { "postfix_queue_messages",
	    "Messages in a queue.", GAUGE, NULL },
	[QUEUE_BYTES] = { "postfix_queue_bytes",
	    "Bytes of the messages in a queue.", GAUGE, NULL },
	[QUEUE_OLDEST] = { "postfix_queue_oldest_seconds",
	    "Age of the oldest message in a queue.", GAUGE, NULL },
};

struct series {
	double	 value;			/* of a histogram the sum */
	uint64_t count;
	uint64_t bucket[BUCKETS_MAX];	/* not cumulative */
};

struct metrics {
	struct map *series[FAMILIES];	/* by label text: a="b",c="d" */
};

struct metrics *
metrics_new(void)
{
	struct metrics *m = NEW(struct metrics);

	for (int i = 0; i < FAMILIES; i++)
		m->series[i] = map_new();
	return m;
}

void
metrics_free(struct metrics *m)
{
	if (m == NULL)
		return;
	for (int i = 0; i < FAMILIES; i++)
		map_free(m->series[i], mem_free);
	mem_free(m);
}

static struct series *
series_of(struct metrics *m, enum family_id f, const char *labels)
{
	struct series	 *s = map_find(m->series[f], labels);
	struct map_entry *e;

	if (s != NULL)
		return s;
	if (map_count(m->series[f]) >= SERIES_MAX)
		labels = *labels != '\0' ? "label=\"other\"" : "";
	e = map_slot(m->series[f], labels, strlen(labels));
	if (e->value == NULL)
		e->value = NEW(struct series);
	return e->value;
}

static void
count(struct metrics *m, enum family_id f, const char *labels)
{
	series_of(m, f, labels)->value++;
}

static void
observe(struct metrics *m, enum family_id f, const char *labels, double value)
{
	struct series *s = series_of(m, f, labels);
	const double  *bounds = families[f].bounds;
	int	       i = 0;

	while (bounds[i] != 0 && value > bounds[i])
		i++;
	s->bucket[i]++;
	s->count++;
	s->value += value;
}

/* --- labels */

/* Adds name="value" with what Prometheus wants escaped. */
static void
add_label(char *labels, const char *name, struct str value)
{
	size_t n = strlen(labels);

	if (n + strlen(name) + 2 * value.n + 8 > LABELS_MAX)
		return;
	n += (size_t)sprintf(labels + n, "%s%s=\"", n > 0 ? "," : "", name);
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] == '"' || value.p[i] == '\\')
			labels[n++] = '\\';
		labels[n++] = value.p[i];
	}
	labels[n++] = '"';
	labels[n] = '\0';
}

/* --- counting lines */

/* What a line is about: its facts. */
struct facts {
	struct metrics	       *m;
	const struct log_line  *line;
	struct log_field	list[LOG_FIELDS_MAX];
	size_t			n;
};

static struct str
get(const struct facts *f, const char *key)
{
	return log_field_get(f->list, f->n, key);
}

static double
number(struct str s)
{
	char text[32];

	snprintf(text, sizeof text, "%.*s", s.n < 31 ? (int)s.n : 31,
	    s.n > 0 ? s.p : "");
	return strtod(text, NULL);
}

static void
count_with(struct facts *f, enum family_id id, const char *const keys[],
    const char *const names[])
{
	char labels[LABELS_MAX] = "";

	for (int i = 0; keys[i] != NULL; i++)
		add_label(labels, names[i], get(f, keys[i]));
	count(f->m, id, labels);
}

/* delays=a/b/c/d: before the queue manager, in it, connection, transfer. */
static void
observe_stages(struct facts *f, enum family_id id)
{
	static const char *const stages[] = { "before_queue_manager",
		"queue_manager", "connection_setup", "transmission" };
	struct str  delays = get(f, "delays");
	const char *slash;
	char	    labels[LABELS_MAX];
	size_t	    n;

	for (int i = 0; i < 4 && delays.n > 0; i++) {
		slash = memchr(delays.p, '/', delays.n);
		n = slash == NULL ? delays.n : (size_t)(slash - delays.p);
		*labels = '\0';
		if (id == PIPE_DELAY)
			add_label(labels, "relay", get(f, "relay"));
		add_label(labels, "stage", str_of(stages[i]));
		observe(f->m, id, labels, number((struct str){ delays.p, n }));
		n += slash != NULL;
		delays = (struct str){ delays.p + n, delays.n - n };
	}
}

static bool
mentions(struct str s, const char *text)
{
	return s.n > 0 && memmem(s.p, s.n, text, strlen(text)) != NULL;
}

static void
count_smtp(struct facts *f)
{
	static const char *const status[] = { "status", NULL };

	count_with(f, SMTP_PROCESSED, status, status);
	if (str_is(get(f, "status"), "deferred"))
		count(f->m, SMTP_DEFERRED, "");
	if (mentions(get(f, "reason"), "Connection timed out"))
		count(f->m, SMTP_TIMED_OUT, "");
}

static void
count_delivery(struct facts *f)
{
	static const char *const programs[] = { "smtp", "lmtp", "pipe" };
	static const enum family_id delays[] = { SMTP_DELAY, LMTP_DELAY,
		PIPE_DELAY };
	char labels[LABELS_MAX] = "";

	add_label(labels, "transport", f->line->program);
	observe(f->m, DELIVERY_TIME, labels, number(get(f, "delay")));
	add_label(labels, "status", get(f, "status"));
	count(f->m, DELIVERIES, labels);
	for (size_t i = 0; i < 3; i++)
		if (str_is(f->line->program, programs[i]))
			observe_stages(f, delays[i]);
	if (str_is(f->line->program, "smtp"))
		count_smtp(f);
	if (str_is(f->line->program, "virtual") &&
	    str_is(get(f, "status"), "sent"))
		count(f->m, VIRTUAL_DELIVERED, "");
}

static void
count_verdict(struct facts *f)
{
	static const char *const code[] = { "code", NULL };
	struct str action = get(f, "action");
	char	   labels[LABELS_MAX] = "";

	add_label(labels, "program", f->line->program);
	add_label(labels, "action", action);
	add_label(labels, "stage", get(f, "stage"));
	count(f->m, VERDICTS, labels);
	if (str_is(f->line->program, "smtpd") && (str_is(action, "reject") ||
	    str_is(action, "milter-reject")))
		count_with(f, SMTPD_REJECTED, code, code);
	if (str_is(f->line->program, "cleanup")) {
		if (str_is(action, "reject"))
			count(f->m, CLEANUP_REJECTED, "");
		else if (str_is(action, "milter-reject"))
			count(f->m, CLEANUP_NOT_ACCEPTED, "");
	}
}

/* Lines that add one to a family, with some of their facts as labels. */
static const char *const no_labels[] = { NULL };
static const char *const tls_labels[] = { "trust", "protocol", "cipher",
	"secret_bits", "algorithm_bits", NULL };
static const char *const method_label[] = { "sasl_method", NULL };
static const char *const stage_fact[] = { "stage", NULL };
static const char *const after_label[] = { "after_stage", NULL };

static const struct rule {
	enum logged_kind   kind;
	const char	  *program;	/* NULL: any */
	enum family_id	   family;
	const char *const *facts, *const *labels;
} rules[] = {
	{ LOGGED_CONNECT, "smtpd", SMTPD_CONNECTS, no_labels, no_labels },
	{ LOGGED_DISCONNECT, "smtpd", SMTPD_DISCONNECTS, no_labels,
	    no_labels },
	{ LOGGED_LOST, "smtpd", SMTPD_LOST, stage_fact, after_label },
	{ LOGGED_TLS, "smtpd", SMTPD_TLS, tls_labels, tls_labels },
	{ LOGGED_TLS, "smtp", SMTP_TLS, tls_labels, tls_labels },
	{ LOGGED_TLS, "lmtp", SMTP_TLS, tls_labels, tls_labels },
	{ LOGGED_CLIENT, NULL, SMTPD_PROCESSED, method_label, method_label },
	{ LOGGED_AUTH_FAILED, NULL, SMTPD_AUTH_FAILED, no_labels, no_labels },
	{ LOGGED_MESSAGE_ID, NULL, CLEANUP_PROCESSED, no_labels, no_labels },
	{ LOGGED_RETURNED, NULL, QMGR_EXPIRED, no_labels, no_labels },
	{ LOGGED_REMOVED, "qmgr", QMGR_REMOVED, no_labels, no_labels },
};

static void
count_by_rules(struct facts *f)
{
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		const struct rule *r = &rules[i];

		if (r->kind == f->line->kind && (r->program == NULL ||
		    str_is(f->line->program, r->program)))
			count_with(f, r->family, r->facts, r->labels);
	}
}

static void
count_by_kind(struct facts *f)
{
	count_by_rules(f);
	switch (f->line->kind) {
	case LOGGED_QUEUED:
		observe(f->m, QMGR_NRCPT, "", number(get(f, "nrcpt")));
		observe(f->m, QMGR_SIZE, "", number(get(f, "size")));
		break;
	case LOGGED_DELIVERY:
		count_delivery(f);
		break;
	case LOGGED_REJECT:
		count_verdict(f);
		break;
	case LOGGED_NOTICE:
		if (str_is(get(f, "notification"), "sender non-delivery"))
			count(f->m, BOUNCE_SENT, "");
		break;
	case LOGGED_OTHER:
		if (str_is(f->line->program, "smtpd") && mentions(f->line->text,
		    " does not resolve to address "))
			count(f->m, SMTPD_RDNS, "");
		break;
	default:
		break;
	}
}

void
metrics_count_line(struct metrics *m, const struct log_line *l)
{
	struct facts f = { .m = m, .line = l };
	char	     level[40];

	snprintf(level, sizeof level, "level=\"%s\"",
	    logged_level_name(l->level));
	count(m, LINES, level);
	if (!l->is_mail)
		return;
	f.n = log_line_fields(l, f.list);
	count_by_kind(&f);
}

/* --- the queue */

void
metrics_queue_begin(struct metrics *m)
{
	static const enum family_id ours[] = { SHOWQ_SIZE, SHOWQ_AGE,
		QUEUE_MESSAGES, QUEUE_BYTES, QUEUE_OLDEST };
	static const char *const queues[] = { QUEUE_MAILDROP, QUEUE_INCOMING,
		QUEUE_ACTIVE, QUEUE_DEFERRED, QUEUE_HOLD };
	char labels[64];

	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
		map_free(m->series[ours[i]], mem_free);
		m->series[ours[i]] = map_new();
		/* An empty queue is 0, not nothing. */
		for (size_t k = 0; k < sizeof queues / sizeof *queues; k++) {
			snprintf(labels, sizeof labels, "queue=\"%s\"",
			    queues[k]);
			series_of(m, ours[i], labels);
		}
	}
}

void
metrics_queue_add(struct metrics *m, const char *queue, uint64_t size,
    int64_t age)
{
	struct series *oldest;
	char	       labels[64];

	if (age < 0)
		age = 0;
	snprintf(labels, sizeof labels, "queue=\"%s\"", queue);
	observe(m, SHOWQ_SIZE, labels, (double)size);
	observe(m, SHOWQ_AGE, labels, (double)age);
	series_of(m, QUEUE_MESSAGES, labels)->value++;
	series_of(m, QUEUE_BYTES, labels)->value += (double)size;
	oldest = series_of(m, QUEUE_OLDEST, labels);
	if ((double)age > oldest->value)
		oldest->value = (double)age;
}

/* --- writing */

static void
write_histogram(struct buf *b, const struct family *f, const char *labels,
    const struct series *s)
{
	const char *comma = *labels != '\0' ? "," : "";
	const char *open = *labels != '\0' ? "{" : "";
	const char *close = *labels != '\0' ? "}" : "";
	uint64_t    sum = 0;

	for (int i = 0; f->bounds[i] != 0; i++) {
		sum += s->bucket[i];
		buf_addf(b, "%s_bucket{%s%sle=\"%g\"} %llu\n", f->name, labels,
		    comma, f->bounds[i], (unsigned long long)sum);
	}
	buf_addf(b, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", f->name, labels,
	    comma, (unsigned long long)s->count);
	buf_addf(b, "%s_sum%s%s%s %.15g\n", f->name, open, labels, close,
	    s->value);
	buf_addf(b, "%s_count%s%s%s %llu\n", f->name, open, labels, close,
	    (unsigned long long)s->count);
}

static void
write_one(struct buf *b, const struct family *f, const char *labels,
    const struct series *s)
{
	if (f->type == HISTOGRAM)
		write_histogram(b, f, labels, s);
	else if (*labels == '\0')
		buf_addf(b, "%s %.15g\n", f->name, s->value);
	else
		buf_addf(b, "%s{%s} %.15g\n", f->name, labels, s->value);
}

/* Families that have labels show what was seen; the others show 0 as well. */
static bool
has_labels(enum family_id f)
{
	switch (f) {
	case SMTP_DELAY: case LMTP_DELAY: case PIPE_DELAY: case SMTP_TLS:
	case SMTP_PROCESSED: case SMTPD_LOST: case SMTPD_PROCESSED:
	case SMTPD_REJECTED: case SMTPD_TLS: case SHOWQ_SIZE: case SHOWQ_AGE:
	case DELIVERIES: case DELIVERY_TIME: case VERDICTS: case LINES:
	case QUEUE_MESSAGES: case QUEUE_BYTES: case QUEUE_OLDEST:
		return true;
	default:
		return false;
	}
}

void
metrics_write(const struct metrics *m, struct buf *b, const char *queue_path)
{
	static const char *const types[] = { "counter", "gauge", "histogram" };
	static const struct series none;
	char		 labels[LABELS_MAX] = "";
	const struct map *series;

	add_label(labels, "path", str_of(queue_path));
	buf_addf(b, "# HELP postfix_up The mail system runs.\n"
	    "# TYPE postfix_up gauge\npostfix_up{%s} 1\n", labels);
	for (int i = 0; i < FAMILIES; i++) {
		series = m->series[i];
		if (map_count(series) == 0 && has_labels(i))
			continue;
		buf_addf(b, "# HELP %s %s\n# TYPE %s %s\n", families[i].name,
		    families[i].help, families[i].name,
		    types[families[i].type]);
		for (size_t k = 0; k < map_count(series); k++)
			write_one(b, &families[i], map_at(series, k)->key,
			    map_at(series, k)->value);
		if (map_count(series) == 0)
			write_one(b, &families[i], "", &none);
	}
}
