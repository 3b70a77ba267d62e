/* start - how master becomes a daemon, and the only one */

#ifndef MASTER_START_H
#define MASTER_START_H

#include <stdbool.h>

/* True if another master runs here: its lock is held. */
bool	start_is_locked(void);

/* Takes both locks and writes the process number; fatal if it can't. */
void	start_lock(void);

/* -w: the caller of fork() waits in the parent and ends with 0 after
 * start_done(), otherwise with 1.  Returns in the child. */
void	start_in_background(void);

/* Everything works: tells the waiting parent and systemd. */
void	start_done(void);

/* Leaves in the environment only what import_environment names. */
void	start_clean_environment(void);

/* Standard streams to /dev/null; output stays if told so. */
void	start_detach(bool keep_output);

#endif
