#include "smtpd/footer.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "conf/param.h"
#include "mail/why.h"
#include "smtpd/config.h"
#include "smtpd/macros.h"
#include "smtpd/session.h"
#include "table/table.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/text.h"

static bool
is_refusal(const char *reply)
{
	return (*reply == '4' || *reply == '5') && strlen(reply) > 4 &&
	    reply[1] >= '0' && reply[1] <= '5' &&
	    reply[2] >= '0' && reply[2] <= '9' &&
	    (reply[3] == ' ' || reply[3] == '-');
}

void
footer_filter(struct buf *reply)
{
	struct buf other = BUF_INIT;

	if (smtpd_config.reject_filters == NULL)
		return;
	switch (table_list_find(smtpd_config.reject_filters, reply->data,
	    &other)) {
	case TABLE_FOUND:
		if (is_refusal(other.data))
			buf_set(reply, other.data);
		else
			log_warn("smtpd_reject_filter_maps: \"%s\" is no reply "
			    "of 4xx or 5xx; ignored", other.data);
		break;
	case TABLE_NOT_FOUND:
		break;
	default:
		log_warn("smtpd_reject_filter_maps: lookup error");
	}
	buf_done(&other);
}

/* The code and the status in front of the last line, with the space behind
 * them. */
static struct str
codes_of(const struct buf *reply)
{
	const char *line = strrchr(reply->data, '\n');
	char	    dsn[12];
	size_t	    n;

	line = line != NULL ? line + 1 : reply->data;
	if (strlen(line) < 4)
		return (struct str){ line, strlen(line) };
	n = dsn_parse(line + 4, dsn);
	return (struct str){ line, n > 0 && line[4 + n] == ' ' ? 4 + n + 1 :
	    4 };
}

/* A line of its own, after the last one has become a continued one. */
static void
add_line(struct buf *reply, const char *text, size_t len)
{
	struct str  codes = codes_of(reply);
	struct buf  front = BUF_INIT;

	buf_add(&front, codes.p, codes.n);
	if (codes.n > 3)
		reply->data[codes.p - reply->data + 3] = '-';
	buf_adds(reply, "\r\n");
	if (front.len > 3)
		front.data[3] = ' ';
	buf_add(reply, front.data, front.len);
	buf_add(reply, text, len);
	buf_done(&front);
}

/*
 * "\c" at the beginning continues the last line; "\n" begins another, with the
 * same codes.
 */
static void
append(struct buf *reply, const char *text)
{
	const char *end;
	bool	    joined = text_starts(text, "\\c");

	for (text += joined ? 2 : 0; text != NULL; joined = false) {
		end = strstr(text, "\\n");
		if (joined)
			buf_add(reply, text, end != NULL ?
			    (size_t)(end - text) : strlen(text));
		else
			add_line(reply, text, end != NULL ?
			    (size_t)(end - text) : strlen(text));
		text = end != NULL ? end + 2 : NULL;
	}
}

static void
template(struct buf *reply, struct buf *ret)
{
	buf_set(ret, conf_smtpd.smtpd_reject_footer);
	if (smtpd_config.reject_footers == NULL)
		return;
	switch (table_list_find(smtpd_config.reject_footers, reply->data,
	    ret)) {
	case TABLE_FOUND:
		break;
	case TABLE_NOT_FOUND:
		buf_set(ret, conf_smtpd.smtpd_reject_footer);
		break;
	default:
		log_warn("smtpd_reject_footer_maps: lookup error");
		buf_clear(ret);
	}
}

void
footer_add(struct session *s, struct buf *reply)
{
	char		   when[32], port[8];
	const struct macro facts[] = {
		{ "client_address", s->client.ip }, { "client_port", port },
		{ "localtime", when },
		{ "server_name", conf_mail.myhostname }, { NULL, NULL }
	};
	struct buf text = BUF_INIT, expanded = BUF_INIT;
	time_t	   now = time(NULL);
	struct tm  tm;

	if (smtpd_config.reject_footers == NULL &&
	    *conf_smtpd.smtpd_reject_footer == '\0')
		return;
	template(reply, &text);
	localtime_r(&now, &tm);
	strftime(when, sizeof when, "%b %d %H:%M:%S", &tm);
	snprintf(port, sizeof port, "%u", s->client.port);
	if (text.len > 0 && macros_expand(&expanded, "smtpd_reject_footer",
	    text.data, NULL, NULL, facts))
		append(reply, expanded.data);
	buf_done(&text);
	buf_done(&expanded);
}
