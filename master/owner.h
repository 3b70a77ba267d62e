/* owner - acting as mail_owner for a moment */

#ifndef MASTER_OWNER_H
#define MASTER_OWNER_H

/*
 * Whatever master does in a folder of mail_owner's it does between these two:
 * a worker that was taken over could put a link where root is about to
 * change the mode or owner of a file of its own.  They do nothing unless
 * master is root, and end the process if they fail.
 */
void	owner_begin(void);
void	owner_end(void);

#endif
