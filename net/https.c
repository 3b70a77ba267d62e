#include "net/https.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/dns.h"
#include "util/file.h"
#include "util/task.h"
#include "util/text.h"

enum {
	CA_MAX = 8 * 1024 * 1024,	/* bytes */
	ADDRS_MAX = 8,			/* tried for one request */
	URL_MAX = 2000,			/* bytes */
};

static struct buf authorities = BUF_INIT;

/* What the helper thread works on. */
struct call {
	const struct https_request *request;
	struct https_answer	   *answer;
	char			   *resolve;	/* "host:port:addr,addr" */
	size_t			    room;	/* in answer->body */
	char			    error[CURL_ERROR_SIZE];
	CURLcode		    result;
};

bool
https_start(const char *ca_file, const char **ret_why)
{
	*ret_why = "libcurl does not start";
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return false;
	buf_clear(&authorities);
	*ret_why = "the file of authorities can't be read";
	return file_read(ca_file, CA_MAX, &authorities) && authorities.len > 0;
}

/* --- the address */

struct place {
	char	 host[256];
	char	 port[8];
};

static bool
take_part(CURLU *u, CURLUPart part, unsigned flags, char *ret, size_t size)
{
	char *text;
	bool  ok;

	if (curl_url_get(u, part, &text, flags) != CURLUE_OK)
		return false;
	ok = strlen(text) < size;
	if (ok)
		strcpy(ret, text);
	curl_free(text);
	return ok;
}

static bool
split(const char *url, struct place *p)
{
	CURLU *u = curl_url();
	char   scheme[16];
	bool   ok;

	ok = u != NULL && strlen(url) <= URL_MAX &&
	    curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    take_part(u, CURLUPART_SCHEME, 0, scheme, sizeof scheme) &&
	    text_eq(scheme, "https") &&
	    take_part(u, CURLUPART_HOST, 0, p->host, sizeof p->host) &&
	    take_part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT, p->port,
	    sizeof p->port) && dns_valid_name(p->host);
	curl_url_cleanup(u);
	return ok;
}

/* Where the host is, as CURLOPT_RESOLVE wants it; malloc'ed. */
static char *
find_addresses(const struct place *p, int families, const char **ret_why)
{
	struct addr_list found = { 0 };
	struct buf	 b = BUF_INIT;
	char		 text[ADDR_TEXT];

	*ret_why = "";
	if (dns_addresses(p->host, families, false, true, &found,
	    ret_why) != DNS_OK || found.count == 0) {
		if (**ret_why == '\0')
			*ret_why = "no address";
		addr_list_done(&found);
		return NULL;
	}
	buf_addf(&b, "%s:%s:", p->host, p->port);
	for (size_t i = 0; i < found.count && i < ADDRS_MAX; i++) {
		addr_text(&found.items[i], text);
		buf_addf(&b, addr_family(&found.items[i]) == AF_INET6 ?
		    "%s[%s]" : "%s%s", i > 0 ? "," : "", text);
	}
	addr_list_done(&found);
	return buf_take(&b);
}

/* --- in the helper thread: no task, no memory of ours */

static size_t
take_body(char *bytes, size_t one, size_t n, void *arg)
{
	struct call *c = arg;

	n *= one;
	if (n > c->room) {
		c->answer->too_big = true;
		return 0;
	}
	buf_add(&c->answer->body, bytes, n);	/* has room */
	c->room -= n;
	return n;
}

static void
set_body(CURL *h, const struct https_request *r)
{
	curl_easy_setopt(h, CURLOPT_POST, 1L);
	curl_easy_setopt(h, CURLOPT_POSTFIELDS, r->body);
	curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE,
	    (curl_off_t)r->body_len);
}

static void
set_security(CURL *h)
{
	struct curl_blob blob = {
		.data = authorities.data, .len = authorities.len,
		.flags = CURL_BLOB_NOCOPY,
	};

	curl_easy_setopt(h, CURLOPT_CAINFO_BLOB, &blob);
	curl_easy_setopt(h, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(h, CURLOPT_SSLVERSION,
	    (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(h, CURLOPT_PROXY, "");
}

static void
take_facts(CURL *h, struct https_answer *a)
{
	const char *type = NULL;

	curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &a->code);
	curl_easy_getinfo(h, CURLINFO_CONTENT_TYPE, &type);
	if (type != NULL)
		snprintf(a->type, sizeof a->type, "%s", type);
}

static void
perform(void *arg)
{
	struct call		   *c = arg;
	const struct https_request *r = c->request;
	CURL			   *h = curl_easy_init();
	struct curl_slist	   *where, *headers = NULL;
	char			    type[100];

	c->result = CURLE_OUT_OF_MEMORY;
	if (h == NULL)
		return;
	where = curl_slist_append(NULL, c->resolve);
	if (r->body != NULL) {
		snprintf(type, sizeof type, "Content-Type: %s", r->type);
		headers = curl_slist_append(NULL, type);
		set_body(h, r);
	}
	set_security(h);
	curl_easy_setopt(h, CURLOPT_URL, r->url);
	curl_easy_setopt(h, CURLOPT_RESOLVE, where);
	curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(h, CURLOPT_USERAGENT, r->agent);
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h, CURLOPT_TIMEOUT, (long)r->seconds);
	curl_easy_setopt(h, CURLOPT_ERRORBUFFER, c->error);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, c);
	c->result = curl_easy_perform(h);
	if (c->result == CURLE_OK)
		take_facts(h, c->answer);
	curl_easy_cleanup(h);
	curl_slist_free_all(where);
	curl_slist_free_all(headers);
}

/* --- a request */

static void
set_why(struct https_answer *a, const char *text)
{
	struct buf b = BUF_INIT;

	text_printable(&b, text, strnlen(text, sizeof a->why - 1), true);
	snprintf(a->why, sizeof a->why, "%s", b.data);
	buf_done(&b);
}

bool
https_call(const struct https_request *r, struct https_answer *a)
{
	struct call  c = { .request = r, .answer = a, .room = r->max };
	struct place p;
	const char  *why;

	a->code = 0;
	a->untrusted = a->too_big = false;
	a->type[0] = a->why[0] = '\0';
	buf_clear(&a->body);
	if (!split(r->url, &p)) {
		set_why(a, "no address that can be asked");
		return false;
	}
	c.resolve = find_addresses(&p, r->families, &why);
	if (c.resolve == NULL) {
		set_why(a, why);
		return false;
	}
	buf_room(&a->body, r->max);
	task_offload(perform, &c);
	free(c.resolve);
	a->untrusted = c.result == CURLE_PEER_FAILED_VERIFICATION;
	if (c.result == CURLE_OK)
		return true;
	set_why(a, a->too_big ? "the answer is too long" :
	    *c.error != '\0' ? c.error : curl_easy_strerror(c.result));
	return false;
}

void
https_answer_done(struct https_answer *a)
{
	buf_done(&a->body);
}
