/* kinds - how the programs that we know spread their sessions */

#include <string.h>

#include "master/master.h"

static const struct {
	const char	*program;
	enum job_kind	 kind;
} kinds[] = {
	/* They change ids or wait for other programs. */
	{ "local", JOB_SINGLE },
	{ "virtual", JOB_SINGLE },
	{ "pipe", JOB_SINGLE },
	{ "spawn", JOB_SINGLE },
	/* Answers are quick, and who asks keeps the connection. */
	{ "trivial-rewrite", JOB_SERVICE },
	{ "proxymap", JOB_SERVICE },
	/* They keep state that all must share. */
	{ "qmgr", JOB_ALONE },
	{ "oqmgr", JOB_ALONE },
	{ "pickup", JOB_ALONE },
	{ "anvil", JOB_ALONE },
	{ "verify", JOB_ALONE },
	{ "tlsmgr", JOB_ALONE },
	{ "mtasts", JOB_ALONE },
	{ "tlsrpt", JOB_ALONE },
	{ "scache", JOB_ALONE },
	{ "postlogd", JOB_ALONE },
	{ "metrics", JOB_ALONE },
	{ "postscreen", JOB_ALONE },
};

enum job_kind
kind_of(const char *program)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i].program, program) == 0)
			return kinds[i].kind;
	return JOB_MULTI;
}
