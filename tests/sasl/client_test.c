#include "sasl/client.h"
#include "sasl/options.h"
#include "tests/test.h"
#include "util/buf.h"
#include "util/text.h"

static struct sasl_client *client;

static void
warn(const char *text)
{
	(void)text;
}

/* What base64 `text` says, with \001 shown as '|' and NUL as '/'. */
static const char *
shown(const char *text)
{
	static char out[300];
	struct buf  b = BUF_INIT;

	if (!text_unbase64(&b, text, strlen(text)))
		return "(bad base64)";
	for (size_t i = 0; i < b.len; i++)
		if (b.data[i] == '\001' || b.data[i] == '\0')
			b.data[i] = b.data[i] == '\0' ? '/' : '|';
	snprintf(out, sizeof out, "%s", b.data);
	buf_done(&b);
	return out;
}

static void
a_password_goes_by_the_best_mechanism(void)
{
	struct sasl_account a = { .user = "user", .password = "pass:word",
		.host = "mail.example", .port = 25 };
	struct sasl_talk *t = sasl_talk_new(client, &a);

	CHECK_INT(sasl_talk_begin(t, "LOGIN PLAIN"), SASL_STEP_MORE);
	CHECK_STR(sasl_talk_mechanism(t), "PLAIN");
	CHECK(sasl_talk_has_text(t));
	CHECK_STR(shown(sasl_talk_text(t)), "/user/pass:word");
	sasl_talk_free(t);

	t = sasl_talk_new(client, &a);
	CHECK_INT(sasl_talk_begin(t, "LOGIN"), SASL_STEP_MORE);
	CHECK(!sasl_talk_has_text(t));
	CHECK_INT(sasl_talk_go_on(t, "VXNlcm5hbWU6"), SASL_STEP_MORE);
	CHECK_STR(shown(sasl_talk_text(t)), "user");
	CHECK_INT(sasl_talk_go_on(t, "UGFzc3dvcmQ6"), SASL_STEP_MORE);
	CHECK_STR(shown(sasl_talk_text(t)), "pass:word");
	sasl_talk_free(t);
}

static void
options_forbid_mechanisms(void)
{
	struct sasl_account a = { .user = "user", .password = "p",
		.host = "mail.example", .options = SASL_NO_PLAINTEXT };
	struct sasl_talk *t = sasl_talk_new(client, &a);

	CHECK_INT(sasl_talk_begin(t, "LOGIN PLAIN"), SASL_STEP_REFUSED);
	CHECK_STR(sasl_talk_text(t), "no mechanism available");
	sasl_talk_free(t);
	a.token = "abc";
	t = sasl_talk_new(client, &a);
	CHECK_INT(sasl_talk_begin(t, "XOAUTH2"), SASL_STEP_REFUSED);
	sasl_talk_free(t);
}

static void
a_bad_challenge_ends_the_login(void)
{
	struct sasl_account a = { .user = "user", .password = "p",
		.host = "mail.example" };
	struct sasl_talk *t = sasl_talk_new(client, &a);

	CHECK_INT(sasl_talk_begin(t, "CRAM-MD5"), SASL_STEP_MORE);
	CHECK_INT(sasl_talk_go_on(t, "!!!"), SASL_STEP_REFUSED);
	CHECK_STR(sasl_talk_text(t), "bad protocol / cancel");
	sasl_talk_free(t);
}

static void
a_token_is_sent_as_rfc_7628_says(void)
{
	struct sasl_account a = { .user = "me,x=@mail.example", .password = "",
		.token = "ya29.abc", .host = "smtp.example", .port = 587 };
	struct sasl_talk *t = sasl_talk_new(client, &a);

	CHECK_INT(sasl_talk_begin(t, "PLAIN XOAUTH2 oauthbearer"),
	    SASL_STEP_MORE);
	CHECK_STR(sasl_talk_mechanism(t), "OAUTHBEARER");
	CHECK_STR(shown(sasl_talk_text(t)), "n,a=me=2Cx=3D@mail.example,"
	    "|host=smtp.example|port=587|auth=Bearer ya29.abc||");
	/* the server says what is wrong, and waits for a last word */
	CHECK_INT(sasl_talk_go_on(t, "eyJzdGF0dXMiOiI0MDEifQ=="),
	    SASL_STEP_MORE);
	CHECK_STR(sasl_talk_text(t), "AQ==");
	sasl_talk_free(t);
}

static void
or_as_google_says(void)
{
	struct sasl_account a = { .user = "me@mail.example", .password = "",
		.token = "ya29.abc", .host = "smtp.example", .port = 587 };
	struct sasl_talk *t = sasl_talk_new(client, &a);

	CHECK_INT(sasl_talk_begin(t, "LOGIN PLAIN XOAUTH2"), SASL_STEP_MORE);
	CHECK_STR(sasl_talk_mechanism(t), "XOAUTH2");
	CHECK_STR(shown(sasl_talk_text(t)),
	    "user=me@mail.example|auth=Bearer ya29.abc||");
	CHECK_INT(sasl_talk_go_on(t, "e30="), SASL_STEP_MORE);
	CHECK_STR(sasl_talk_text(t), "");
	sasl_talk_free(t);

	t = sasl_talk_new(client, &a);
	CHECK_INT(sasl_talk_begin(t, "PLAIN LOGIN XOAUTH"), SASL_STEP_REFUSED);
	sasl_talk_free(t);
}

int
main(void)
{
	struct sasl_client_settings set = { .type = "cyrus",
		.config_path = "", .warn = warn };
	const char *why = NULL;

	client = sasl_client_open(&set, &why);
	if (client == NULL) {
		printf("1..0 # SKIP %s\n", why);
		return 0;
	}
	TEST(a_password_goes_by_the_best_mechanism);
	TEST(options_forbid_mechanisms);
	TEST(a_bad_challenge_ends_the_login);
	TEST(a_token_is_sent_as_rfc_7628_says);
	TEST(or_as_google_says);
	return test_end();
}
