#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/param.h"
#include "smtp/quirks.h"
#include "smtp/session.h"
#include "smtp/settings.h"
#include "smtp/xforward.h"
#include "table/table.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/stream.h"
#include "util/text.h"

/* In the order of the log; some a client can't use, but they may be named. */
static const struct {
	const char	*word;
	unsigned	 feature;
} keywords[] = {
	{ "8BITMIME", FEATURE_8BITMIME },
	{ "AUTH", FEATURE_AUTH },
	{ "ETRN", FEATURE_ETRN },
	{ "PIPELINING", FEATURE_PIPELINING },
	{ "SIZE", FEATURE_SIZE },
	{ "VERP", FEATURE_VERP },
	{ "VRFY", FEATURE_VRFY },
	{ "XCLIENT", FEATURE_XCLIENT },
	{ "XFORWARD", FEATURE_XFORWARD },
	{ "STARTTLS", FEATURE_STARTTLS },
	{ "ENHANCEDSTATUSCODES", FEATURE_ENHANCED },
	{ "DSN", FEATURE_DSN },
	{ "SMTPUTF8", FEATURE_SMTPUTF8 },
	{ "CHUNKING", FEATURE_CHUNKING },
	{ "REQUIRETLS", FEATURE_REQUIRETLS },
};

enum { KEYWORDS = sizeof keywords / sizeof *keywords };

static unsigned
find_feature(const char *word)
{
	for (size_t i = 0; i < KEYWORDS; i++)
		if (strcasecmp(word, keywords[i].word) == 0)
			return keywords[i].feature;
	return 0;
}

/* The keywords in a list of parameters, and whether to say nothing of it. */
static unsigned
parse_discards(const char *list, bool *ret_silent)
{
	char *copy = mem_strdup(list), *rest = copy, *word;
	unsigned mask = 0;

	while ((word = text_word(&rest, TEXT_LIST_SEP, false)) != NULL) {
		if (strcasecmp(word, "silent-discard") == 0)
			*ret_silent = true;
		else
			mask |= find_feature(word);
	}
	mem_free(copy);
	return mask;
}

/* Of smtp_discard_ehlo_keyword_address_maps.  In a jail it can't be opened. */
static struct table_list *
discard_maps(void)
{
	static struct table_list *maps;

	if (maps == NULL)
		maps = table_list_open(settings.is_lmtp ?
		    "lmtp_discard_lhlo_keyword_address_maps" :
		    "smtp_discard_ehlo_keyword_address_maps",
		    settings.discard_keyword_maps, TABLE_FOLD);
	return maps;
}

void
ehlo_init(void)
{
	discard_maps();
}

/* False: the table failed, which was logged. */
static bool
discarded(const struct session *s, unsigned *ret, bool *ret_silent)
{
	struct buf	 found = BUF_INIT;
	char		 text[ADDR_TEXT];
	const char	*list = settings.discard_keywords;
	enum table_result got = TABLE_NOT_FOUND;

	if (*settings.discard_keyword_maps != '\0' &&
	    addr_family(&s->addr) != AF_UNIX) {
		addr_text(&s->addr, text);
		got = table_list_find(discard_maps(), text, &found);
	}
	if (got == TABLE_FOUND)
		list = found.data;
	if (got == TABLE_ERROR)
		log_warn("%s: %s_discard_%s_keyword_address_maps map lookup "
		    "error for %s", s->queue_id, settings.prefix,
		    settings.is_lmtp ? "lhlo" : "ehlo", text);
	*ret = *list == '\0' ? 0 : parse_discards(list, ret_silent);
	buf_done(&found);
	return got != TABLE_ERROR;
}

static void
log_discards(unsigned mask)
{
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < KEYWORDS; i++)
		if (keywords[i].feature & mask)
			buf_addf(&text, "%s%s", text.len > 0 ? ", " : "",
			    keywords[i].word);
	log_info("discarding EHLO keywords: %s", text.data);
	buf_done(&text);
}

/* Several lines ("AUTH=" of old servers) are one list. */
static void
take_mechanisms(struct session *s, const char *words)
{
	char *old = s->auth_mechs;

	words += strspn(words, " \t");
	if (old != NULL && *old != '\0' && *words != '\0')
		s->auth_mechs = mem_printf("%s %s", old, words);
	else
		s->auth_mechs = mem_strdup(old != NULL && *old != '\0' ? old :
		    words);
	mem_free(old);
}

static void
take_keyword(struct session *s, char *line)
{
	char *word = text_word(&line, " \t=", false), *arg;
	unsigned feature = word != NULL ? find_feature(word) : 0;

	s->features |= feature;
	if (feature == FEATURE_AUTH)
		take_mechanisms(s, line);
	if (feature == FEATURE_XFORWARD)
		s->xforward = xforward_parse(line);
	if (feature != FEATURE_SIZE)
		return;
	s->size_limit = 0;
	if ((arg = text_word(&line, " \t", false)) != NULL &&
	    !text_to_u64(arg, UINT64_MAX, &s->size_limit))
		log_warn("bad EHLO SIZE limit \"%s\" from %s", arg, s->relay);
}

/* RFC 6531 3.1 (8): 8BITMIME is a must then, said or not. */
static void
imply_8bitmime(struct session *s)
{
	if ((s->features & FEATURE_SMTPUTF8) == 0 ||
	    (s->features & FEATURE_8BITMIME) != 0)
		return;
	log_info("host %s offers SMTPUTF8 support, but not 8BITMIME",
	    s->namaddr);
	s->features |= FEATURE_8BITMIME;
}

/* RFC 5321 4.1.1.1: the first line names the server, each other a keyword. */
static bool
take_keywords(struct session *s, char *lines)
{
	bool	 silent = false;
	unsigned mask;
	char	*line;

	s->features = FEATURE_ESMTP;
	s->size_limit = 0;
	s->xforward = 0;
	mem_free(s->auth_mechs);
	s->auth_mechs = NULL;
	text_word(&lines, "\n", false);
	while ((line = text_word(&lines, "\n", false)) != NULL)
		take_keyword(s, line);
	imply_8bitmime(s);
	if (!discarded(s, &mask, &silent))
		return false;
	/* told whether or not they were offered, as in Postfix */
	if (mask != 0 && !silent)
		log_discards(mask);
	s->features &= ~mask;
	if (mask & FEATURE_XFORWARD)
		s->xforward = 0;
	return true;
}

static bool
is_our_name(const char *lines)
{
	size_t n = strcspn(lines, " \t\n");
	const char *name = conf_mail.myhostname;

	return strlen(name) == n && strncasecmp(lines, name, n) == 0;
}

static bool
has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (; *text != '\0'; text++) {
		size_t len = strcspn(text, " \t\n");

		if (len == n && strncasecmp(text, word, n) == 0)
			return true;
		text += len;
		if (*text == '\0')
			break;
	}
	return false;
}

/* `banner` tells whether EHLO is worth trying. */
static bool
read_greeting(struct session *s, const char *loop_text, bool *ret_esmtp,
    struct why *why)
{
	struct buf lines = BUF_INIT;
	bool ok;

	ok = session_reply(s, settings.helo_timeout,
	    "receiving the initial server greeting", &lines, why);
	if (ok && s->reply.code / 100 != 2) {
		session_refused(s, "refused to talk to me", NULL, why);
		/* Another host may have better news. */
		if (s->reply.code / 100 == 5 && settings.skip_5xx_greeting)
			why->dsn[0] = '4';
		ok = false;
	}
	if (ok && loop_text != NULL && is_our_name(lines.data))
		log_warn("host %s greeted me with my own hostname %s",
		    s->relay, conf_mail.myhostname);
	if (ok && !settings.is_lmtp)
		s->quirks = quirks_of(s, lines.data);
	*ret_esmtp = settings.is_lmtp || (!settings.never_send_ehlo &&
	    (s->quirks & QUIRK_NO_ESMTP) == 0 &&
	    (settings.always_send_ehlo || has_word(lines.data, "ESMTP")));
	buf_done(&lines);
	return ok;
}

static bool
say_hello(struct session *s, const char *verb, struct buf *lines,
    struct why *why)
{
	char doing[48], line[600];

	snprintf(doing, sizeof doing, "performing the %s handshake", verb);
	buf_clear(lines);
	snprintf(line, sizeof line, "%s %.500s\r\n", verb,
	    settings.helo_name);
	session_says(s, line);
	return session_reply(s, settings.helo_timeout, doing, lines, why);
}

/* EHLO, and HELO when EHLO is not liked: RFC 5321 3.2. */
static bool
introduce(struct session *s, bool esmtp, struct buf *lines, struct why *why)
{
	if (esmtp) {
		if (!say_hello(s, settings.is_lmtp ? "LHLO" : "EHLO", lines,
		    why))
			return false;
		if (s->reply.code / 100 == 2) {
			char *copy = mem_strdup(lines->data);

			bool  ok = take_keywords(s, copy);

			mem_free(copy);
			if (!ok)
				session_local_trouble(s, why);
			return ok;
		}
		if (s->reply.code == 421 || settings.is_lmtp) {
			session_refused(s, "refused to talk to me", NULL, why);
			return false;
		}
	}
	if (!say_hello(s, "HELO", lines, why))
		return false;
	if (s->reply.code / 100 == 2)
		return true;
	session_refused(s, "refused to talk to me", NULL, why);
	return false;
}

static bool
introduce_and_check(struct session *s, bool esmtp, const char *loop_text,
    struct why *why)
{
	struct buf lines = BUF_INIT;
	bool	   ok = introduce(s, esmtp, &lines, why);

	if (ok && loop_text != NULL && (s->features & FEATURE_ESMTP) &&
	    is_our_name(lines.data)) {
		log_warn("host %s replied to HELO/EHLO with my own hostname %s",
		    s->relay, conf_mail.myhostname);
		why_set(why, "5.4.6", "mail for %s loops back to myself",
		    loop_text);
		ok = false;
	}
	buf_done(&lines);
	return ok;
}

bool
session_greet(struct session *s, const char *loop_text, struct why *why)
{
	bool esmtp;

	return read_greeting(s, loop_text, &esmtp, why) &&
	    introduce_and_check(s, esmtp, loop_text, why);
}

bool
session_hello(struct session *s, const char *loop_text, struct why *why)
{
	return introduce_and_check(s, true, loop_text, why);
}
