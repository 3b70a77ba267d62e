#include "postscreen/limits.h"

#include <stdint.h>

#include "conf/param.h"
#include "util/map.h"

static struct {
	struct map	*by_ip;		/* count in the pointer */
	int		 screened, passing;
} clients;

enum limits
limits_connect(const char *ip)
{
	uintptr_t count;

	if (clients.by_ip == NULL)
		clients.by_ip = map_new();
	count = (uintptr_t)map_find(clients.by_ip, ip) + 1;
	map_set(clients.by_ip, ip, (void *)count);
	clients.screened++;
	if (count > (uintptr_t)
	    conf_postscreen.postscreen_client_connection_count_limit)
		return LIMITS_CLIENT;
	return clients.screened > conf_postscreen.postscreen_pre_queue_limit ?
	    LIMITS_ALL : LIMITS_OK;
}

void
limits_disconnect(const char *ip)
{
	uintptr_t count = (uintptr_t)map_find(clients.by_ip, ip);

	if (count > 1)
		map_set(clients.by_ip, ip, (void *)(count - 1));
	else
		map_remove(clients.by_ip, ip);
	clients.screened--;
}

bool
limits_begin_pass(void)
{
	if (clients.passing >= conf_postscreen.postscreen_post_queue_limit)
		return false;
	clients.passing++;
	return true;
}

void
limits_end_pass(void)
{
	clients.passing--;
}
