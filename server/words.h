/* words - parameters that are lists of known words */

#ifndef SERVER_WORDS_H
#define SERVER_WORDS_H

/* Ends the program when `value`, of the parameter `name`, has a word that is
 * not among `known`, which ends with NULL. */
void	words_check(const char *name, const char *value,
	    const char *const *known);

#endif
