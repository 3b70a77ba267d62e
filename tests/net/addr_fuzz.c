#include "net/addr.h"
#include "net/dns_int.h"
#include "tests/fuzz/fuzz.h"
#include "util/mem.h"

const char *const fuzz_words[] = {
	"[", "]", ":", "/", ".", "::", "192.0.2.1", "2001:db8", "/24", "IPv6:",
	"host", "\n", "#", " ", "hosts:", "files", NULL
};

const struct fuzz_seed fuzz_seeds[] = {
	FUZZ_SEED("192.0.2.0/24"),
	FUZZ_SEED("[2001:db8::]/32"),
	FUZZ_SEED("[2001:db8::/32]"),
	FUZZ_SEED("[IPv6:2001:db8::1]:25"),
	FUZZ_SEED("mx.example.com:submission"),
	FUZZ_SEED("192.0.2.1 mail.example alias # comment\n::1 localhost\n"),
	FUZZ_SEED("hosts: files dns\npasswd: files\n"),
	{ NULL, 0 }
};

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char		*text = mem_strndup((const char *)bytes, len);
	char		*host, *port;
	const char	*why;
	struct addr	 a = { 0 };
	struct addr_list l = { 0 };
	struct hosts	*h;
	bool		 files, dns;

	if (addr_parse(&a, text, 1)) {
		char again[ADDR_TEXT];

		addr_text(&a, again);
		if (!addr_parse(&a, again, 1))
			abort();
	}
	dns_valid_name(text);
	hosts_read_order(text, &files, &dns);
	h = hosts_parse(text, strlen(text));
	hosts_addresses(h, "mail.example", DNS_V4 | DNS_V6, &l);
	addr_list_done(&l);
	hosts_free(h);
	addr_split_host_port(text, &host, &port, &why);
	mem_free(text);
	return 0;
}
