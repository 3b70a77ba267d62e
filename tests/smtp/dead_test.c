/* Connecting is replaced here: an address is silent, or answers. */

#include <errno.h>

#include "net/addr.h"
#include "net/connect.h"
#include "smtp/dead.h"
#include "tests/test.h"
#include "util/clock.h"
#include "util/task.h"

static struct {
	int	attempts, at_once, most;
	int	error;		/* 0: answers */
} net;

int
connect_inet(const struct addr *a, const struct addr *from, int64_t deadline)
{
	(void)a;
	(void)from;
	(void)deadline;
	net.attempts++;
	if (++net.at_once > net.most)
		net.most = net.at_once;
	task_sleep_ms(net.error == ECONNREFUSED ||
	    net.error == EHOSTUNREACH ? 0 : 20);
	net.at_once--;
	errno = net.error;
	return net.error == 0 ? 99 : -1;
}

static struct {
	struct addr	addr;
	int		running, connected, failed;
} crowd;

static void
one(void *arg)
{
	(void)arg;
	if (dead_connect(&crowd.addr, NULL, clock_in(5)) >= 0)
		crowd.connected++;
	else {
		CHECK_INT(errno, net.error);
		crowd.failed++;
	}
	crowd.running--;
}

/* That many at the same time; waits for all. */
static void
connect_all(int count)
{
	net.attempts = net.most = 0;
	crowd.connected = crowd.failed = 0;
	crowd.running = count;
	for (int i = 0; i < count; i++)
		task_start("one", one, NULL);
	while (crowd.running > 0)
		task_sleep_ms(5);
}

static void
set(const char *address, int error)
{
	addr_parse(&crowd.addr, address, 25);
	net.error = error;
}

static void
silence_is_remembered_for_its_address(void)
{
	struct addr other;

	set("192.0.2.1", ETIMEDOUT);
	CHECK(!dead_is(&crowd.addr));
	connect_all(1);
	CHECK_INT(crowd.failed, 1);
	CHECK(dead_is(&crowd.addr));
	addr_parse(&other, "192.0.2.2", 25);
	CHECK(!dead_is(&other));
}

static void
one_tries_a_silent_address_and_the_rest_share_what_it_finds(void)
{
	set("192.0.2.3", ETIMEDOUT);
	connect_all(1);
	connect_all(20);
	CHECK_INT(crowd.failed, 20);
	CHECK_INT(net.attempts, 1);
}

static void
all_connect_when_it_answers_again(void)
{
	set("192.0.2.4", ETIMEDOUT);
	connect_all(1);
	net.error = 0;
	connect_all(20);
	CHECK_INT(crowd.connected, 20);
	CHECK_INT(net.attempts, 20);
	CHECK(!dead_is(&crowd.addr));
	connect_all(20);
	CHECK_INT(net.most, 20);
}

static void
a_refusal_is_not_remembered(void)
{
	set("192.0.2.5", ECONNREFUSED);
	connect_all(3);
	CHECK_INT(crowd.failed, 3);
	CHECK_INT(net.attempts, 3);
	CHECK(!dead_is(&crowd.addr));
}

static void
the_memory_is_bounded(void)
{
	struct addr first;
	char text[ADDR_TEXT];

	set("10.0.0.0", EHOSTUNREACH);
	first = crowd.addr;
	for (int i = 0; i < 1500; i++) {
		snprintf(text, sizeof text, "10.0.%d.%d", i / 250, i % 250);
		set(text, EHOSTUNREACH);
		CHECK(dead_connect(&crowd.addr, NULL, clock_in(5)) < 0);
		CHECK(dead_is(&crowd.addr));
	}
	CHECK(!dead_is(&first));
}

static int status;

static void
run_all(void *arg)
{
	(void)arg;
	TEST(silence_is_remembered_for_its_address);
	TEST(one_tries_a_silent_address_and_the_rest_share_what_it_finds);
	TEST(all_connect_when_it_answers_again);
	TEST(a_refusal_is_not_remembered);
	TEST(the_memory_is_bounded);
	status = test_end();
	task_stop();
}

int
main(void)
{
	task_start("tests", run_all, NULL);
	task_loop();
	return status;
}
