/* dns_search - names that are not complete, as res_search(3) tries them */

#include <string.h>
#include <unistd.h>

#include "net/dns_int.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/mem.h"
#include "util/text.h"

enum {
	DOMAINS_MAX = 6,	/* resolv.conf(5) */
	FILE_MAX = 64 * 1024,
};

static struct {
	char	*domain[DOMAINS_MAX];
	size_t	 count;
} search;

static void
take_domains(char *words)
{
	char *word;

	while (search.count > 0)
		mem_free(search.domain[--search.count]);
	while (search.count < DOMAINS_MAX &&
	    (word = text_word(&words, " \t\r", false)) != NULL)
		if (dns_valid_name(word))
			search.domain[search.count++] = mem_strdup(word);
}

/* The last line of "domain" or "search" counts. */
void
dns_search_read(const char *resolv_conf)
{
	char *copy = mem_strdup(resolv_conf), *rest = copy, *line, *word;

	while ((line = text_word(&rest, "\n", false)) != NULL) {
		word = text_word(&line, " \t", false);
		if (word != NULL && line != NULL &&
		    (text_eq(word, "domain") || text_eq(word, "search")))
			take_domains(line);
	}
	mem_free(copy);
}

void
dns_search_start(void)
{
	struct buf b = BUF_INIT;
	char	   host[256] = "", *dot;

	if (gethostname(host, sizeof host - 1) == 0 &&
	    (dot = strchr(host, '.')) != NULL)
		take_domains(dot + 1);
	if (file_read("/etc/resolv.conf", FILE_MAX, &b))
		dns_search_read(b.data);
	buf_done(&b);
}

bool
dns_search_name(const char *name, unsigned options, size_t n, struct buf *ret)
{
	bool   has_dot = strchr(name, '.') != NULL;
	size_t more = (options & (has_dot ? DNS_SEARCH : DNS_DEFNAMES)) == 0 ?
		   0 : options & DNS_SEARCH ? search.count :
		   search.count > 0, at = has_dot ? n - 1 : n;

	if (n > more)
		return false;
	if (n == (has_dot ? 0 : more)) {
		buf_set(ret, name);
		return true;
	}
	buf_clear(ret);
	buf_addf(ret, "%s.%s", name, search.domain[at]);
	return true;
}
