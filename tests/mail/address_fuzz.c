/* Paths and header addresses: what is parsed is written and parsed again. */

#include <assert.h>
#include <string.h>

#include "mail/address.h"
#include "mail/header.h"
#include "mail/rewrite.h"
#include "tests/fuzz/fuzz.h"
#include "util/mem.h"

/* Examples of RFC 5321, 5322 and 6531, and of those who do not read them. */
const char *const fuzz_words[] = {
	"<@hosta.int,@jkl.org:userc@d.bar.org>", "\"Joe.\\Blow\"@x.example",
	"Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
	"A Group(Some people)\r\n :Chris Jones <c@(Chris's host.)public.example>,",
	"joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); (the end)",
	"(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;",
	"\"Joe Q. Public\" <john.q.public@example.com>",
	"Who? <one@y.test>", "Undisclosed recipients:;",
	"john . public @ example . com", "Mary Smith <@node.test:mary@x.test>, ,",
	"\"very.(),:;<>[]\\\".VERY.\\\"very@\\\\ \\\"very\\\".unusual\"@x.example",
	"user@[IPv6:2001:db8::1]", "\"much.more unusual\"@example.com",
	"\346\211\213\346\234\272@\344\276\213.example", "a@b@c", ":include:/x",
	"<", ">", "@", ":", ";", ",", ".", "\"", "\\", "(", ")", "[", "]", " ",
	"\t", "\r\n ", "a", "bob", "x.example", "[1.2.3.4]", "[IPv6:::1]",
	"!", "%", "@a,@b:", "group:", "\"q q\"", "\303\244", "To:", "\n", NULL,
};

static void
path(const char *text, bool strict)
{
	struct buf  internal = BUF_INIT, external = BUF_INIT, again = BUF_INIT;
	const char *rest, *why, *domain;

	if (address_parse_path(&internal, text, &rest, strict, &why)) {
		assert(rest >= text && rest <= text + strlen(text));
		domain = address_domain(internal.data);
		address_quote(&external, internal.data);
		if (domain == NULL || address_is_domain(domain)) {
			assert(address_unquote(&again, external.data));
			assert(strcmp(again.data, internal.data) == 0);
		}
	} else {
		assert(internal.len == 0 && *why != '\0');
	}
	buf_done(&internal);
	buf_done(&external);
	buf_done(&again);
}

static void
header(const char *text, size_t len)
{
	static const struct rewrite_rules rules = { .origin = "h.example",
	    .mydomain = "example", .append_at_origin = true,
	    .append_dot_domain = true, .swap_bangpath = true,
	    .percent_hack = true };
	struct pool   pool = POOL_INIT;
	struct buf    a = BUF_INIT, b = BUF_INIT, out = BUF_INIT;
	struct token *list = address_parse_header(&pool,
	    (struct str){ text, len }, 200);

	address_write_header(&out, list);
	for (struct token *t = list; t != NULL; t = t->next) {
		if (t->type != TOKEN_ADDRESS)
			continue;
		buf_clear(&a);
		buf_clear(&b);
		address_token_text(&a, t);
		rewrite_external(&b, a.data, &rules);
		address_token_set(&pool, t, b.data);
	}
	buf_clear(&out);
	address_write_header(&out, list);
	assert(memchr(out.data, '\n', out.len) == NULL ||
	    strstr(out.data, "\r\n\t") != NULL || strlen(out.data) < out.len);
	buf_done(&a);
	buf_done(&b);
	buf_done(&out);
	pool_done(&pool);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = mem_strndup((const char *)data, size);

	path(text, false);
	path(text, true);
	header((const char *)data, size);
	header_name_len((const char *)data, size);
	header_find((struct str){ (const char *)data, size });
	mem_free(text);
	return 0;
}
