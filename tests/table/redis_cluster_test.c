#include "table/redis_cluster.h"
#include "tests/test.h"
#include "util/buf.h"

static void
slots_are_those_of_the_specification(void)
{
	static const struct {
		const char *key;
		unsigned    slot;
	} rows[] = {
		{ "123456789", 12739 },		/* CRC 0x31c3 */
		{ "foo", 12182 },
		{ "bar", 5061 },
		{ "{foo}bar", 12182 },
		{ "x{foo}{bar}", 12182 },
		{ "", 0 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		CHECK_INT(cluster_slot(str_of(rows[i].key)), rows[i].slot);
	/* Nothing between the first braces: all of it counts. */
	CHECK(cluster_slot(str_of("{}foo")) != cluster_slot(str_of("foo")));
	CHECK(cluster_slot(str_of("{foo")) != cluster_slot(str_of("foo")));
}

static void
redirects_are_parsed(void)
{
	static const struct {
		const char	      *text;
		enum cluster_redirect  kind;
		unsigned	       slot;
		const char	      *host;
	} rows[] = {
		{ "MOVED 3999 127.0.0.1:6381", CLUSTER_MOVED, 3999,
		    "inet:127.0.0.1:6381" },
		{ "ASK 0 redis.example:7000", CLUSTER_ASK, 0,
		    "inet:redis.example:7000" },
		{ "MOVED 1 ::1:6379", CLUSTER_MOVED, 1, "inet:[::1]:6379" },
		{ "MOVED 16384 a:1", CLUSTER_NO, 0, NULL },
		{ "MOVED -1 a:1", CLUSTER_NO, 0, NULL },
		{ "MOVED 1 a", CLUSTER_NO, 0, NULL },
		{ "MOVED 1 :6379", CLUSTER_NO, 0, NULL },
		{ "MOVED 1", CLUSTER_NO, 0, NULL },
		{ "ERR 1 a:1", CLUSTER_NO, 0, NULL },
		{ "", CLUSTER_NO, 0, NULL },
	};
	unsigned   slot;
	struct buf host = BUF_INIT;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		CHECK_INT(cluster_parse(rows[i].text, &slot, &host),
		    rows[i].kind);
		if (rows[i].kind == CLUSTER_NO)
			continue;
		CHECK_INT(slot, rows[i].slot);
		CHECK_STR(host.data, rows[i].host);
	}
	buf_done(&host);
}

static void
what_was_learnt_is_found_until_it_is_forgotten(void)
{
	struct servers_options options = { .idle_seconds = 1 };
	struct cluster	      *c = cluster_new(&options);
	struct servers	      *a = cluster_node(c, "inet:a:1");
	struct servers	      *b = cluster_node(c, "inet:b:1");
	char		       name[32];

	CHECK(cluster_node(c, "inet:a:1") == a && a != b);
	CHECK(cluster_find(c, 5) == NULL);
	cluster_learn(c, 5, a);
	cluster_learn(c, 6, b);
	CHECK(cluster_find(c, 5) == a && cluster_find(c, 6) == b);
	cluster_forget(c, a);
	CHECK(cluster_find(c, 5) == NULL && cluster_find(c, 6) == b);
	for (int i = 2; i < CLUSTER_NODES; i++) {
		snprintf(name, sizeof name, "inet:n%d:1", i);
		CHECK(cluster_node(c, name) != NULL);
	}
	CHECK(cluster_node(c, "inet:one-too-many:1") == NULL);
	cluster_free(c);
}

int
main(void)
{
	TEST(slots_are_those_of_the_specification);
	TEST(redirects_are_parsed);
	TEST(what_was_learnt_is_found_until_it_is_forgotten);
	return test_end();
}
