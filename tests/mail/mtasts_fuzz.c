/* Policy files, and the TXT records of MTA-STS and TLSRPT. */

#include <assert.h>

#include "mail/mtasts.h"
#include "mail/tlsrpt.h"
#include "tests/fuzz/fuzz.h"
#include "util/buf.h"

const char *const fuzz_words[] = {
	"version: STSv1\n", "mode: ", "enforce", "testing", "none", "mx: ",
	"*.", "example.com", "max_age: ", "604800", "\r\n", "\n", ":", " ",
	"v=STSv1;", "id=", "20260101", ";", "v=TLSRPTv1;", "rua=", "mailto:",
	"a@b.example", "https://", ",", "%40", "%", "!", "?", "1 ", " + ",
	"a.example", "sts ", "+0A", NULL
};

static void
policy(const char *bytes, size_t len)
{
	struct pool	     pool = POOL_INIT;
	struct mtasts_policy p, again;
	const char	    *why = NULL;
	struct buf	     b = BUF_INIT, c = BUF_INIT;

	if (mtasts_parse(&pool, bytes, len, &p, &why)) {
		assert(p.max_age >= 0 && p.max_age <= MTASTS_AGE_MAX);
		assert(p.mx[p.mx_count] == NULL);
		mtasts_write(&b, &p);
		/* blanks that were left out make room for those put in */
		if (b.len <= MTASTS_FILE_MAX) {
			assert(mtasts_parse(&pool, b.data, b.len, &again,
			    &why));
			mtasts_write(&c, &again);
			assert(strcmp(b.data, c.data) == 0);
		}
		mtasts_fits(p.mx, "mx.example.com");
	} else {
		assert(why != NULL);
	}
	buf_done(&b);
	buf_done(&c);
	pool_done(&pool);
}

static void
records(const char *bytes, size_t len)
{
	struct pool	     pool = POOL_INIT;
	struct tlsrpt_record r;
	struct tlsrpt_result result;
	struct tlsrpt_tally *t;
	char		     id[MTASTS_ID_MAX + 1];
	uint64_t	     n;

	if (mtasts_parse_record(bytes, len, id) == MTASTS_RECORD_OK)
		assert(strlen(id) >= 1 && strlen(id) <= MTASTS_ID_MAX);
	if (tlsrpt_parse_record(&pool, bytes, len, &r)) {
		for (size_t i = 0; i < r.https_count; i++)
			for (const char *p = r.https[i]; *p != '\0'; p++)
				assert(*p > ' ' && *p <= '~');
		for (size_t i = 0; i < r.mail_count; i++)
			assert(strchr(r.mail[i], '@') != NULL &&
			    strpbrk(r.mail[i], "\r\n <>") == NULL);
	}
	if (tlsrpt_parse_news(&pool, pool_strndup(&pool, bytes, len), &result,
	    &n)) {
		t = tlsrpt_tally_new();
		tlsrpt_count(t, &result, n);
		tlsrpt_tally_free(t);
	}
	pool_done(&pool);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	policy((const char *)bytes, len);
	records((const char *)bytes, len);
	return 0;
}
