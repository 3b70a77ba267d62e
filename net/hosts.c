/* hosts - /etc/hosts and the order of nsswitch.conf */

#include <string.h>
#include <sys/stat.h>

#include "net/dns_int.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/text.h"

enum {
	FILE_MAX = 16 * 1024 * 1024,
	LOOK_EVERY = 1000,		/* ms between looks at its time */
};

struct hosts {
	struct map	*by_name;	/* lower case -> struct addr_list * */
	struct map	*by_addr;	/* text -> name, the first on its line */
};

static void
free_list(void *list)
{
	addr_list_done(list);
	mem_free(list);
}

void
hosts_free(struct hosts *h)
{
	if (h == NULL)
		return;
	map_free(h->by_name, free_list);
	map_free(h->by_addr, mem_free);
	mem_free(h);
}

static void
add_name(struct hosts *h, char *name, const struct addr *a)
{
	struct map_entry *e;

	text_lower(name);
	e = map_slot(h->by_name, name, strlen(name));
	if (e->value == NULL)
		e->value = NEW(struct addr_list);
	if (!addr_list_has(e->value, a))
		addr_list_add(e->value, a);
}

/* address name alias... # comment */
static void
add_line(struct hosts *h, char *line)
{
	char	   *word, text[ADDR_TEXT];
	struct addr a;

	line[strcspn(line, "#")] = '\0';
	word = text_word(&line, " \t\r", false);
	if (word == NULL || !addr_parse(&a, word, 0))
		return;
	addr_text(&a, text);
	while ((word = text_word(&line, " \t\r", false)) != NULL) {
		if (!dns_valid_name(word))
			continue;
		if (map_find(h->by_addr, text) == NULL)
			map_set(h->by_addr, text, mem_strdup(word));
		add_name(h, word, &a);
	}
}

struct hosts *
hosts_parse(const char *bytes, size_t len)
{
	struct hosts *h = NEW(struct hosts);
	char	     *text = mem_strndup(bytes, len), *rest = text, *line;

	h->by_name = map_new();
	h->by_addr = map_new();
	while ((line = text_word(&rest, "\n", false)) != NULL)
		add_line(h, line);
	mem_free(text);
	return h;
}

void
hosts_addresses(const struct hosts *h, const char *name, int families,
    struct addr_list *ret)
{
	struct buf	  key = BUF_INIT;
	struct addr_list *found;

	buf_adds(&key, name);
	text_lower(key.data);
	found = map_find(h->by_name, key.data);
	for (size_t i = 0; found != NULL && i < found->count; i++)
		if (families & (addr_family(&found->items[i]) == AF_INET ?
		    DNS_V4 : DNS_V6))
			addr_list_add(ret, &found->items[i]);
	buf_done(&key);
}

const char *
hosts_name(const struct hosts *h, const struct addr *a)
{
	char text[ADDR_TEXT];

	addr_text(a, text);
	return map_find(h->by_addr, text);
}

/* --- the files of this machine */

static struct {
	struct hosts	*hosts;
	int64_t		 looked_at;
	struct timespec	 changed;
	bool		 order_read;
	bool		 files, dns;
} local;

static void
reload(void)
{
	struct buf  b = BUF_INIT;
	struct stat st;

	/* Gone, or out of reach in a jail: what we know stays. */
	if (stat("/etc/hosts", &st) < 0 ||
	    (st.st_mtim.tv_sec == local.changed.tv_sec &&
	    st.st_mtim.tv_nsec == local.changed.tv_nsec))
		return;
	if (file_read("/etc/hosts", FILE_MAX, &b)) {
		local.changed = st.st_mtim;
		hosts_free(local.hosts);
		local.hosts = hosts_parse(b.data, b.len);
	}
	buf_done(&b);
}

const struct hosts *
hosts_get(void)
{
	int64_t now = clock_ms();

	if (local.hosts == NULL || now - local.looked_at >= LOOK_EVERY) {
		local.looked_at = now;
		reload();
	}
	if (local.hosts == NULL)
		local.hosts = hosts_parse("", 0);
	return local.hosts;
}

void
hosts_read_order(const char *text, bool *ret_files, bool *ret_dns)
{
	char *copy = mem_strdup(text), *rest = copy, *line, *word;

	*ret_files = *ret_dns = true;
	while ((line = text_word(&rest, "\n", false)) != NULL) {
		line[strcspn(line, "#")] = '\0';
		word = text_word(&line, " \t", false);
		if (word == NULL || strcmp(word, "hosts:") != 0)
			continue;
		*ret_files = *ret_dns = false;
		while ((word = text_word(&line, " \t", false)) != NULL) {
			if (strcmp(word, "files") == 0)
				*ret_files = true;
			/* systemd's resolver asks the same servers. */
			if (strcmp(word, "dns") == 0 ||
			    strcmp(word, "resolve") == 0)
				*ret_dns = true;
		}
	}
	mem_free(copy);
}

static void
read_order(void)
{
	struct buf b = BUF_INIT;

	if (local.order_read)
		return;
	local.order_read = true;
	local.files = local.dns = true;
	if (file_read("/etc/nsswitch.conf", 64 * 1024, &b))
		hosts_read_order(b.data, &local.files, &local.dns);
	buf_done(&b);
}

bool
hosts_use_files(void)
{
	read_order();
	return local.files;
}

bool
hosts_use_dns(void)
{
	read_order();
	return local.dns;
}
