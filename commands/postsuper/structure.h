/* structure - each file of the queue where it belongs */

#ifndef COMMANDS_POSTSUPER_STRUCTURE_H
#define COMMANDS_POSTSUPER_STRUCTURE_H

#include <stdbool.h>

/*
 * Looks through a queue.  `fix`: what hashing demands is put right; a message
 * (`has_messages`) gets the name that its inode number asks for; what is
 * neither file nor directory goes, and so do empty directories of no use.
 * `purge`: temporary files of a day ago go.  Names that are no ids are told.
 * Returns how many messages were renamed.
 */
unsigned long	structure_look(const char *queue, bool fix, bool purge,
		    bool has_messages);

#endif
