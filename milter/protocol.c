#include <arpa/inet.h>
#include <string.h>

#include "milter/protocol.h"

static const struct {
	char		 type;
	const char	*name;
} command_names[] = {
	{ MILTER_ABORT, "SMFIC_ABORT" }, { MILTER_BODY, "SMFIC_BODY" },
	{ MILTER_CONNECT, "SMFIC_CONNECT" }, { MILTER_MACROS, "SMFIC_MACRO" },
	{ MILTER_END_OF_BODY, "SMFIC_BODYEOB" }, { MILTER_HELO, "SMFIC_HELO" },
	{ MILTER_HEADER, "SMFIC_HEADER" }, { MILTER_MAIL, "SMFIC_MAIL" },
	{ MILTER_END_OF_HEADER, "SMFIC_EOH" },
	{ MILTER_OPTIONS, "SMFIC_OPTNEG" }, { MILTER_QUIT, "SMFIC_QUIT" },
	{ MILTER_RCPT, "SMFIC_RCPT" }, { MILTER_DATA, "SMFIC_DATA" },
	{ MILTER_UNKNOWN, "SMFIC_UNKNOWN" },
}, reply_names[] = {
	{ MILTER_ADD_RCPT, "SMFIR_ADDRCPT" },
	{ MILTER_DELETE_RCPT, "SMFIR_DELRCPT" },
	{ MILTER_ADD_RCPT_PAR, "SMFIR_ADDRCPT_PAR" },
	{ MILTER_SHUT_DOWN, "SMFIR_SHUTDOWN" },
	{ MILTER_ACCEPT, "SMFIR_ACCEPT" },
	{ MILTER_REPLACE_BODY, "SMFIR_REPLBODY" },
	{ MILTER_CONTINUE, "SMFIR_CONTINUE" },
	{ MILTER_DISCARD, "SMFIR_DISCARD" },
	{ MILTER_CHANGE_FROM, "SMFIR_CHGFROM" },
	{ MILTER_CONNECTION_FAIL, "SMFIR_CONN_FAIL" },
	{ MILTER_ADD_HEADER, "SMFIR_ADDHEADER" },
	{ MILTER_INSERT_HEADER, "SMFIR_INSHEADER" },
	{ MILTER_SYMBOLS, "SMFIR_SETSYMLIST" },
	{ MILTER_CHANGE_HEADER, "SMFIR_CHGHEADER" },
	{ MILTER_PROGRESS, "SMFIR_PROGRESS" },
	{ MILTER_QUARANTINE, "SMFIR_QUARANTINE" },
	{ MILTER_REJECT, "SMFIR_REJECT" }, { MILTER_SKIP, "SMFIR_SKIP" },
	{ MILTER_TEMPFAIL, "SMFIR_TEMPFAIL" },
	{ MILTER_REPLY_CODE, "SMFIR_REPLYCODE" },
	{ MILTER_OPTIONS, "SMFIC_OPTNEG" },
};

const char *
milter_command_name(enum milter_command c)
{
	for (size_t i = 0; i < sizeof command_names / sizeof *command_names;
	    i++)
		if (command_names[i].type == (char)c)
			return command_names[i].name;
	return "unknown";
}

const char *
milter_reply_name(int type)
{
	for (size_t i = 0; i < sizeof reply_names / sizeof *reply_names; i++)
		if (reply_names[i].type == type)
			return reply_names[i].name;
	return NULL;
}

uint32_t
milter_protocol_bits(uint32_t version)
{
	switch (version) {
	case 2:
		return 0x7f;
	case 3:
		return 0x7f | MILTER_NO_UNKNOWN;
	case 4:
		return 0x7f | MILTER_NO_UNKNOWN | MILTER_NO_DATA;
	case 6:
		return 0x1fffff;
	default:
		return 0;
	}
}

/* --- commands */

static void
put_u32(struct buf *out, uint32_t n)
{
	n = htonl(n);
	buf_add(out, &n, sizeof n);
}

size_t
milter_open(struct buf *out, enum milter_command c)
{
	size_t at = out->len;

	put_u32(out, 0);
	buf_addc(out, (char)c);
	return at;
}

void
milter_close(struct buf *out, size_t opened)
{
	uint32_t n = htonl((uint32_t)(out->len - opened - sizeof n));

	memcpy(out->data + opened, &n, sizeof n);
}

void
milter_put(struct buf *out, enum milter_command c, const void *data,
    size_t len)
{
	put_u32(out, (uint32_t)len + 1);
	buf_addc(out, (char)c);
	if (len > 0)
		buf_add(out, data, len);
}

void
milter_put_options(struct buf *out, uint32_t version, uint32_t actions,
    uint32_t protocol)
{
	size_t at = milter_open(out, MILTER_OPTIONS);

	put_u32(out, version);
	put_u32(out, actions);
	put_u32(out, protocol);
	milter_close(out, at);
}

static void
put_string(struct buf *out, const char *s)
{
	buf_add(out, s, strlen(s) + 1);
}

void
milter_put_connect(struct buf *out, const char *name, char family,
    uint16_t port, const char *address)
{
	size_t at = milter_open(out, MILTER_CONNECT);

	put_string(out, name);
	buf_addc(out, family);
	if (family != 'U') {
		port = htons(port);
		buf_add(out, &port, sizeof port);
		put_string(out, address);
	}
	milter_close(out, at);
}

void
milter_put_strings(struct buf *out, enum milter_command c,
    const char *const *strings, size_t count)
{
	size_t at = milter_open(out, c);

	for (size_t i = 0; i < count; i++)
		put_string(out, strings[i]);
	milter_close(out, at);
}

void
milter_put_header(struct buf *out, struct str name, struct str value,
    bool leading_space)
{
	size_t	    at = milter_open(out, MILTER_HEADER);
	const char *cr;

	buf_add(out, name.p, name.n);
	buf_addc(out, '\0');
	if (!leading_space && value.n > 0 && value.p[0] == ' ')
		value.p++, value.n--;
	while (value.n > 0 && (cr = memchr(value.p, '\r', value.n)) != NULL) {
		size_t n = (size_t)(cr - value.p);
		bool   end = n + 1 < value.n && cr[1] == '\n';

		buf_add(out, value.p, end ? n : n + 1);
		value.p += n + 1;
		value.n -= n + 1;
	}
	buf_add(out, value.p, value.n);
	buf_addc(out, '\0');
	milter_close(out, at);
}

/* --- answers */

/* What is left of a packet's data. */
struct reader {
	const char	*p;
	size_t		 n;
	bool		 bad;
};

static uint32_t
get_u32(struct reader *r)
{
	uint32_t n;

	if (r->n < sizeof n) {
		r->bad = true;
		return 0;
	}
	memcpy(&n, r->p, sizeof n);
	r->p += sizeof n;
	r->n -= sizeof n;
	return ntohl(n);
}

/* A last string may lack its NUL: another stands behind the data. */
static const char *
get_string(struct reader *r)
{
	const char *s = r->p;
	size_t	    n = strnlen(s, r->n);

	if (n == r->n) {
		r->p += n;
		r->n = 0;
	} else {
		r->p += n + 1;
		r->n -= n + 1;
	}
	return s;
}

static const char *
get_needed(struct reader *r)
{
	if (r->n == 0)
		r->bad = true;
	return r->n == 0 ? "" : get_string(r);
}

/* Version 6: pairs of a stage and the names of macros. */
static void
get_symbols(struct reader *r, struct milter_answer *a)
{
	while (r->n > 0 && !r->bad) {
		uint32_t    stage = get_u32(r);
		const char *names = get_needed(r);

		if (r->bad || stage >= MILTER_STAGE_UNKNOWN)
			r->bad = true;
		else
			a->symbols[stage] = names;
	}
}

static void
get_options(struct reader *r, struct milter_answer *a)
{
	a->version = get_u32(r);
	a->actions = get_u32(r);
	a->protocol = get_u32(r);
	if (a->actions & MILTER_MAY_SET_SYMBOLS || a->version >= 6)
		get_symbols(r, a);
}

bool
milter_parse(int type, const char *data, size_t len,
    struct milter_answer *ret)
{
	struct milter_answer a = { .type = type, .name = "", .value = "" };
	struct reader	     r = { data, len, false };

	switch (type) {
	case MILTER_OPTIONS:
		get_options(&r, &a);
		break;
	case MILTER_INSERT_HEADER:
	case MILTER_CHANGE_HEADER:
		a.index = get_u32(&r);
		a.name = get_needed(&r);
		a.value = get_string(&r);
		break;
	case MILTER_ADD_HEADER:
		a.name = get_needed(&r);
		a.value = get_string(&r);
		break;
	case MILTER_ADD_RCPT:
	case MILTER_ADD_RCPT_PAR:
	case MILTER_DELETE_RCPT:
	case MILTER_CHANGE_FROM:
	case MILTER_REPLY_CODE:
		a.name = get_needed(&r);
		a.value = get_string(&r);
		break;
	case MILTER_QUARANTINE:
		a.name = get_string(&r);
		break;
	case MILTER_REPLACE_BODY:
		a.body = (struct str){ data, len };
		break;
	default:
		break;
	}
	if (r.bad)
		return false;
	*ret = a;
	return true;
}

/* --- the text of a reply */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/*
 * "x.y.z" behind the code must be of the code's class; the reply may do
 * without one (then what looks like none is text).
 */
static bool
class_fits(const char *p, char class)
{
	size_t n = strcspn(p, " ");

	return n < 5 || !is_digit(p[0]) || p[1] != '.' ||
	    strspn(p, "0123456789.") < n || p[0] == class;
}

/* "%%" stands for "%", and a "%" alone for nothing. */
static void
add_line(struct buf *b, const char *p, const char *end)
{
	for (; p < end; p++) {
		if (*p == '%' && ++p == end)
			break;
		buf_addc(b, (unsigned char)*p < ' ' || *p == 0x7f ? '?' : *p);
	}
}

bool
milter_reply_text(const char *text, struct buf *ret_text)
{
	const char *p = text, *lf, *end;
	bool	    last;

	buf_clear(ret_text);
	do {
		lf = strchr(p, '\n');
		end = lf != NULL ? lf : p + strlen(p);
		if (end > p && end[-1] == '\r')
			end--;
		last = lf == NULL || lf[1] == '\0';
		if (end - p < 5 || (p[0] != '4' && p[0] != '5') ||
		    !is_digit(p[1]) || !is_digit(p[2]) ||
		    (p[3] != ' ' && p[3] != '-') ||
		    !class_fits(p + 4, text[0]))
			return false;
		buf_addf(ret_text, "%s%.3s%c", p == text ? "" : "\r\n", text,
		    last ? ' ' : '-');
		add_line(ret_text, p + 4, end);
		if (!last)
			p = lf + 1;
	} while (!last);
	return true;
}
