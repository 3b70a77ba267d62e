#include <string.h>

#include "commands/postfix/explain.h"
#include "mail/address.h"
#include "util/text.h"

/* --- text */

/* Nothing that a stranger chose acts on the terminal. */
static void
add_plain(struct buf *out, const char *text)
{
	text_printable(out, text, strlen(text), true);
}

static void
add_address(struct buf *out, const char *address)
{
	struct buf external = BUF_INIT;

	address_quote(&external, address);
	add_plain(out, external.len > 0 ? external.data : "<>");
	buf_done(&external);
}

static void
add_origin(struct buf *out, int line)
{
	if (line > 0)
		buf_addf(out, "  (main.cf, line %d)\n", line);
	else
		buf_adds(out, "  (default)\n");
}

static void
text_reasons(struct buf *out, const struct reasons *why)
{
	for (const struct reason *r = why->first; r != NULL; r = r->next) {
		buf_adds(out, "              ");
		if (r->where == NULL) {
			buf_addf(out, "%s = ", r->parameter);
			add_plain(out, r->value);
		} else if (r->value == NULL) {
			buf_addf(out, "%s: ", r->parameter);
			add_plain(out, r->where);
		} else {
			buf_addf(out, "%s: ", r->parameter);
			add_plain(out, r->where);
			buf_adds(out, ": ");
			add_plain(out, r->key);
			buf_adds(out, " = ");
			add_plain(out, r->value);
		}
		add_origin(out, r->line);
	}
}

static void
text_step(struct buf *out, const struct step *s)
{
	buf_addf(out, "  %-10s  ", s->what);
	add_address(out, s->from);
	buf_adds(out, " -> ");
	for (size_t i = 0; i < s->to_count; i++) {
		if (i > 0)
			buf_adds(out, ", ");
		add_address(out, s->to[i]);
	}
	buf_addc(out, '\n');
	text_reasons(out, &s->why);
}

static void
text_way(struct buf *out, const struct way *w)
{
	buf_adds(out, "  route       ");
	add_address(out, w->address);
	buf_addf(out, ": class %s, transport %s, next hop ", w->class,
	    w->transport);
	add_plain(out, w->nexthop);
	buf_addc(out, '\n');
	text_reasons(out, &w->why);
	if (w->service != NULL)
		buf_addf(out, "  service     %s  (master.cf, line %d)\n",
		    w->service, w->service_line);
	for (const struct host *h = w->hosts; h != NULL; h = h->next) {
		buf_adds(out, h->preference >= 0 ? "  mx          " :
		    "  host        ");
		if (h->preference >= 0)
			buf_addf(out, "%d ", h->preference);
		add_plain(out, h->name);
		buf_addf(out, " [%s]\n", h->addresses);
	}
	if (w->trouble != NULL) {
		buf_adds(out, "  trouble     ");
		add_plain(out, w->trouble);
		buf_addc(out, '\n');
	}
}

void
explain_text(struct buf *out, const struct explanation *e)
{
	add_address(out, e->recipient);
	buf_adds(out, " from ");
	add_address(out, e->sender);
	buf_addf(out, ", client %s\n", e->client);
	if (e->reply != NULL) {
		buf_addf(out, "  smtpd       %s: ", *e->reply == '2' ?
		    "accepted" : *e->reply == '4' ? "refused for now" :
		    "refused");
		add_plain(out, e->reply);
		buf_addc(out, '\n');
	} else if (e->no_reply != NULL) {
		buf_addf(out, "  smtpd       not asked: %s\n", e->no_reply);
	}
	for (const struct step *s = e->steps; s != NULL; s = s->next)
		text_step(out, s);
	if (e->trouble != NULL) {
		buf_adds(out, "  trouble     ");
		add_plain(out, e->trouble);
		buf_addc(out, '\n');
	}
	for (const struct way *w = e->ways; w != NULL; w = w->next)
		text_way(out, w);
}

/* --- JSON */

/* "key": "value", with a comma in front unless it is the first. */
static void
json_str(struct buf *out, const char *key, const char *value)
{
	if (out->len > 0 && out->data[out->len - 1] != '{')
		buf_adds(out, ", ");
	buf_addf(out, "\"%s\": ", key);
	if (value != NULL)
		text_json(out, value, strlen(value));
	else
		buf_adds(out, "null");
}

static void
json_address(struct buf *out, const char *key, const char *address)
{
	struct buf external = BUF_INIT;

	address_quote(&external, address);
	json_str(out, key, external.data);
	buf_done(&external);
}

static void
json_source(struct buf *out, const char *file, int line)
{
	if (line > 0)
		buf_addf(out, ", \"file\": \"%s\", \"line\": %d", file, line);
	else
		buf_adds(out, ", \"default\": true");
}

static void
json_reasons(struct buf *out, const struct reasons *why)
{
	buf_adds(out, ", \"because\": [");
	for (const struct reason *r = why->first; r != NULL; r = r->next) {
		buf_adds(out, r == why->first ? "{" : ", {");
		json_str(out, "parameter", r->parameter);
		if (r->where != NULL) {
			json_str(out, r->value != NULL ? "table" : "pattern",
			    r->where);
			json_str(out, "key", r->key);
		}
		if (r->value != NULL)
			json_str(out, "value", r->value);
		json_source(out, "main.cf", r->line);
		buf_addc(out, '}');
	}
	buf_addc(out, ']');
}

static void
json_step(struct buf *out, const struct step *s)
{
	buf_addc(out, '{');
	json_str(out, "step", s->what);
	json_address(out, "from", s->from);
	buf_adds(out, ", \"to\": [");
	for (size_t i = 0; i < s->to_count; i++) {
		struct buf external = BUF_INIT;

		address_quote(&external, s->to[i]);
		buf_adds(out, i > 0 ? ", " : "");
		text_json(out, external.data, external.len);
		buf_done(&external);
	}
	buf_addc(out, ']');
	json_reasons(out, &s->why);
	buf_addc(out, '}');
}

static void
json_hosts(struct buf *out, const struct way *w)
{
	buf_adds(out, ", \"hosts\": [");
	for (const struct host *h = w->hosts; h != NULL; h = h->next) {
		buf_adds(out, h == w->hosts ? "{" : ", {");
		json_str(out, "name", h->name);
		if (h->preference >= 0)
			buf_addf(out, ", \"preference\": %d", h->preference);
		json_str(out, "addresses", h->addresses);
		buf_addc(out, '}');
	}
	buf_addc(out, ']');
}

static void
json_way(struct buf *out, const struct way *w)
{
	buf_addc(out, '{');
	json_address(out, "address", w->address);
	json_str(out, "class", w->class);
	json_str(out, "transport", w->transport);
	json_str(out, "nexthop", w->nexthop);
	json_reasons(out, &w->why);
	if (w->service != NULL) {
		buf_adds(out, ", \"service\": {");
		json_str(out, "text", w->service);
		json_source(out, "master.cf", w->service_line);
		buf_addc(out, '}');
	}
	if (w->has_hosts)
		json_hosts(out, w);
	if (w->trouble != NULL)
		json_str(out, "trouble", w->trouble);
	buf_addc(out, '}');
}

void
explain_json(struct buf *out, const struct explanation *e)
{
	buf_addc(out, '{');
	json_address(out, "recipient", e->recipient);
	json_address(out, "sender", e->sender);
	json_str(out, "client", e->client);
	json_str(out, "reply", e->reply);
	if (e->no_reply != NULL)
		json_str(out, "no_reply", e->no_reply);
	buf_adds(out, ", \"steps\": [");
	for (const struct step *s = e->steps; s != NULL; s = s->next) {
		buf_adds(out, s == e->steps ? "" : ", ");
		json_step(out, s);
	}
	buf_adds(out, "], \"routes\": [");
	for (const struct way *w = e->ways; w != NULL; w = w->next) {
		buf_adds(out, w == e->ways ? "" : ", ");
		json_way(out, w);
	}
	buf_addc(out, ']');
	if (e->trouble != NULL)
		json_str(out, "trouble", e->trouble);
	buf_addc(out, '}');
}
