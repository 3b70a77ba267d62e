#include "server/unused.h"

#include "server/server.h"
#include "util/log.h"

static const char *reason;

static void
serve(struct stream *client)
{
	(void)client;
	log_warn("a connection was closed: no program of ours connects here, "
	    "because %s", reason);
}

void
server_unused(int argc, char **argv, const char *name, const char *why)
{
	static const struct param_area *const areas[] = { NULL };
	static struct server unused = { .areas = areas, .serve = serve };

	unused.name = name;
	reason = why;
	server_main(argc, argv, &unused);
}
