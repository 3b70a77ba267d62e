/* Any bytes as the file of settings of a database table. */

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "table/redis_cluster.h"
#include "table/table.h"
#include "util/buf.h"
#include "util/mem.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

extern const char *const fuzz_words[];

const char *const fuzz_words[] = {
	"hosts", "memcache", "uri", " = ", "localhost", "\n", "\n ", "#",
	"key_format = %s", "%u@%d", "%1", "%%", "%", "%z", "result_format",
	"domain = a, b", "expansion_limit", "5", "-1", "10s", "ttl", "yes",
	"database", "cluster = yes\n", "backup = static:x\n", "query_filter",
	"{\"a\": \"%s\"}", "hash_format", "key_digest = sha256", "MOVED 1 a:2",
	"user", "password", "dbname = a\n", "collection = b\n",
	"result_attribute = c\n", "[::1]:6379", "unix:/x", ",", "\303\244",
	NULL
};

static void
redirect(const uint8_t *bytes, size_t len)
{
	char	  *text = mem_strndup((const char *)bytes, len);
	struct buf host = BUF_INIT;
	unsigned   slot = 0;

	if (cluster_parse(text, &slot, &host) != CLUSTER_NO &&
	    slot >= CLUSTER_SLOTS)
		__builtin_trap();
	if (cluster_slot((struct str){ (const char *)bytes, len }) >=
	    CLUSTER_SLOTS)
		__builtin_trap();
	buf_done(&host);
	mem_free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const char *const types[] = {
		"redis", "memcache", "mongodb", "ldap", "sqlite",
	};
	static bool quiet;
	char	    name[64];
	int	    fd = memfd_create("settings", MFD_CLOEXEC), null;

	if (!quiet) {
		null = open("/dev/null", O_WRONLY);
		dup2(null, STDERR_FILENO);
		quiet = true;
	}
	redirect(bytes, len);
	if (fd >= 0 && write(fd, bytes, len) == (ssize_t)len)
		for (int i = 0; i < 5; i++) {
			snprintf(name, sizeof name, "%s:/proc/self/fd/%d",
			    types[i], fd);
			table_close(table_open(name, TABLE_FOLD));
		}
	close(fd);
	return 0;
}
