#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mail/cache.h"
#include "tests/test.h"
#include "util/mem.h"
#include "util/task.h"

static char dir[] = "/tmp/cache_test.XXXXXX";

static char *
file(const char *type, const char *name)
{
	return mem_printf("%s:%s/%s", type, dir, name);
}

static bool
is_good(void *arg, const char *key, const char *value)
{
	(void)arg;
	(void)key;
	return strcmp(value, "good") == 0;
}

static void
stop_soon(void *arg)
{
	(void)arg;
	task_sleep_ms(50);
	task_stop();
}

static void
fill(struct cache *c)
{
	cache_put(c, "a", "good");
	cache_put(c, "b", "bad");
	cache_put(c, "c", "bad");
	cache_put(c, "c", "good");
	cache_put(c, "d", "good");
	cache_remove(c, "d");
	cache_remove(c, "never there");
}

static void
check_filled(struct cache *c)
{
	struct buf b = BUF_INIT;

	CHECK(cache_find(c, "a", &b));
	CHECK_STR(b.data, "good");
	CHECK(cache_find(c, "c", &b));
	CHECK_STR(b.data, "good");
	CHECK(!cache_find(c, "d", &b));
	buf_done(&b);
}

static void
memory_keeps_what_was_put_last(void)
{
	struct cache *c = cache_open("test", "", "root");

	fill(c);
	check_filled(c);
	cache_close(c);
}

static void
a_table_keeps_it_for_the_next_process(void)
{
	char	     *name = file("btree", "kept");
	struct cache *c = cache_open("test", name, "root");

	fill(c);
	cache_close(c);
	c = cache_open("test", name, "root");
	check_filled(c);
	cache_close(c);
	mem_free(name);
}

static void
cleaning_drops_what_is_of_no_use(void)
{
	const char *const names[] = { "", "btree", "lmdb" };
	struct buf	  b = BUF_INIT;

	for (size_t i = 0; i < 3; i++) {
		char	     *name = *names[i] == '\0' ? mem_strdup("") :
		    file(names[i], "clean");
		struct cache *c = cache_open("test", name, "root");

		fill(c);
		cache_clean_every(c, 3600, is_good, NULL);
		task_start("stop", stop_soon, NULL);
		task_loop();
		check_filled(c);
		CHECK(!cache_find(c, "b", &b));
		CHECK(cache_find(c, "_LAST_CACHE_CLEANUP_COMPLETED_", &b));
		cache_close(c);	/* the task that cleans sleeps for ever */
		mem_free(name);
	}
	buf_done(&b);
}

static void
a_table_that_cant_be_opened_gives_way_to_memory(void)
{
	struct cache *c = cache_open("test", "btree:/nonexistent/x/y", "root");

	fill(c);
	check_filled(c);
	cache_close(c);
	c = cache_open("test", "no such type:x", "root");
	fill(c);
	check_filled(c);
	cache_close(c);
}

int
main(void)
{
	char *command;
	int   ended;

	if (mkdtemp(dir) == NULL)
		return 1;
	TEST(memory_keeps_what_was_put_last);
	TEST(a_table_keeps_it_for_the_next_process);
	TEST(cleaning_drops_what_is_of_no_use);
	TEST(a_table_that_cant_be_opened_gives_way_to_memory);
	command = mem_printf("rm -r %s", dir);
	ended = system(command);
	mem_free(command);
	return test_end() || ended != 0;
}
