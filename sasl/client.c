#include "sasl/client.h"

#include <string.h>

#include "sasl/client_int.h"
#include "util/mem.h"
#include "util/text.h"

struct sasl_client *
sasl_client_open(const struct sasl_client_settings *set, const char **ret_why)
{
	struct sasl_client *c;

	if (!text_eq(set->type, "cyrus")) {
		*ret_why = "unsupported SASL client implementation";
		return NULL;
	}
	c = NEW(struct sasl_client);
	c->set = *set;
	if (sasl_client_start_cyrus(c, ret_why))
		return c;
	mem_free(c);
	return NULL;
}

struct sasl_talk *
sasl_talk_new(struct sasl_client *client, const struct sasl_account *account)
{
	struct sasl_talk *t = NEW(struct sasl_talk);

	t->client = client;
	t->account = account;
	t->way = account->token != NULL ? &sasl_way_token : &sasl_way_cyrus;
	t->mechanism = t->text = (struct buf)BUF_INIT;
	return t;
}

static void
wipe(struct buf *b)
{
	if (b->size > 0)
		explicit_bzero(b->data, b->size);
	buf_clear(b);
}

enum sasl_step
sasl_talk_fail(struct sasl_talk *t, const char *why)
{
	wipe(&t->text);
	buf_adds(&t->text, why);
	return SASL_STEP_REFUSED;
}

enum sasl_step
sasl_talk_say(struct sasl_talk *t, const void *bytes, size_t len)
{
	wipe(&t->text);
	text_base64(&t->text, bytes, len);
	t->has_text = true;
	return SASL_STEP_MORE;
}

enum sasl_step
sasl_talk_begin(struct sasl_talk *t, const char *mechanisms)
{
	return t->way->begin(t, mechanisms);
}

enum sasl_step
sasl_talk_go_on(struct sasl_talk *t, const char *challenge)
{
	struct buf     plain = BUF_INIT;
	enum sasl_step step;

	if (text_eq(challenge, "="))
		challenge = "";
	if (text_unbase64(&plain, challenge, strlen(challenge)))
		step = t->way->go_on(t, &plain);
	else
		step = sasl_talk_fail(t, "bad protocol / cancel");
	buf_done(&plain);
	return step;
}

const char *
sasl_talk_mechanism(const struct sasl_talk *t)
{
	return t->mechanism.data;
}

bool
sasl_talk_has_text(const struct sasl_talk *t)
{
	return t->has_text;
}

const char *
sasl_talk_text(const struct sasl_talk *t)
{
	return t->text.data;
}

void
sasl_talk_free(struct sasl_talk *t)
{
	if (t == NULL)
		return;
	t->way->end(t);
	wipe(&t->text);
	buf_done(&t->text);
	buf_done(&t->mechanism);
	mem_free(t);
}
