/*
 * tlsproxy - TLS for postscreen of former times
 *
 * A service that existing master.cf files have and that nobody needs:
 * postscreen and smtp speak TLS themselves.  As mail_owner in the jail; ends
 * when it is idle or master says so.
 */

#include "server/unused.h"

int
main(int argc, char **argv)
{
	server_unused(argc, argv, "tlsproxy",
	    "postscreen and smtp speak TLS themselves");
}
