/* Connecting is replaced here: each address takes its time. */

#include <errno.h>
#include <unistd.h>

#include "net/addr.h"
#include "smtp/race.h"
#include "smtp/source.h"
#include "tests/test.h"
#include "util/clock.h"
#include "util/task.h"

static struct {
	int	ms;		/* -1: until the deadline */
	int	error;
} server[2];

static int open_now, tried[2];

/* By the last digit of the address. */
int
source_connect(const struct addr *to, int64_t deadline)
{
	char text[ADDR_TEXT];
	int  n;

	addr_text(to, text);
	n = text[strlen(text) - 1] - '1';
	tried[n]++;
	task_sleep_ms(server[n].ms >= 0 ? server[n].ms :
	    deadline - clock_ms());
	if (server[n].ms < 0 || server[n].error != 0) {
		errno = server[n].ms < 0 ? ETIMEDOUT : server[n].error;
		return -1;
	}
	open_now++;
	return dup(0);
}

static struct {
	int	fd, error;
	bool	second, done;
} result;

static void
one(void *arg)
{
	struct addr a, b;

	(void)arg;
	addr_parse(&a, "192.0.2.1", 25);
	addr_parse(&b, "192.0.2.2", 25);
	result.fd = race_connect(&a, &b, 100, clock_ms() + 1500,
	    &result.second);
	result.error = errno;
	result.done = true;
	task_stop();
}

static void
race(int first_ms, int first_error, int second_ms, int second_error)
{
	server[0].ms = first_ms;
	server[0].error = first_error;
	server[1].ms = second_ms;
	server[1].error = second_error;
	tried[0] = tried[1] = 0;
	result.done = false;
	task_start("one", one, NULL);
	task_loop();
	CHECK(result.done);
	if (result.fd >= 0)
		close(result.fd);
}

static void
a_first_that_answers_soon_runs_alone(void)
{
	race(1, 0, 1, 0);
	CHECK(result.fd >= 0 && !result.second);
	CHECK_INT(tried[1], 0);
}

static void
a_refusal_that_comes_soon_is_told_at_once(void)
{
	race(1, ECONNREFUSED, 1, 0);
	CHECK_INT(result.fd, -1);
	CHECK_INT(result.error, ECONNREFUSED);
	CHECK_INT(tried[1], 0);
}

static void
the_second_wins_while_the_first_is_silent(void)
{
	int64_t since = clock_ms();

	race(-1, 0, 10, 0);
	CHECK(result.fd >= 0 && result.second);
	CHECK(clock_ms() - since < 1400);
}

static void
the_first_may_still_win(void)
{
	race(300, 0, 500, 0);
	CHECK(result.fd >= 0 && !result.second);
	CHECK_INT(tried[1], 1);
}

static void
a_refused_second_leaves_the_first_its_time(void)
{
	race(400, 0, 1, ECONNREFUSED);
	CHECK(result.fd >= 0 && !result.second);
}

static void
two_that_are_silent_end_with_the_deadline(void)
{
	race(-1, 0, -1, 0);
	CHECK_INT(result.fd, -1);
	CHECK_INT(result.error, ETIMEDOUT);
}

int
main(void)
{
	TEST(a_first_that_answers_soon_runs_alone);
	TEST(a_refusal_that_comes_soon_is_told_at_once);
	TEST(the_second_wins_while_the_first_is_silent);
	TEST(the_first_may_still_win);
	TEST(a_refused_second_leaves_the_first_its_time);
	TEST(two_that_are_silent_end_with_the_deadline);
	return test_end();
}
