/* unused - names in master.cf that need no program any more */

#ifndef SERVER_UNUSED_H
#define SERVER_UNUSED_H

/*
 * The main() of such a service: it listens, so that an existing master.cf
 * runs, and nobody connects.  `why` completes "no program of ours connects
 * here, because ...".
 */
void	server_unused(int argc, char **argv, const char *name,
	    const char *why) __attribute__((noreturn));

#endif
