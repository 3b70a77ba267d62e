/* computed - defaults that are found out when they are asked for */

#ifndef CONF_COMPUTED_H
#define CONF_COMPUTED_H

/*
 * The default text of a parameter with the flag COMPUTED, kept until
 * computed_forget(); NULL if there is no such parameter.  myhostname is the
 * host's name, with ".localdomain" if it has no dot; mydomain is myhostname
 * without its first label, or "localdomain"; mynetworks follows
 * $mynetworks_style and the host's interfaces.
 */
const char	*computed_default(const char *name);

/* Called when the configuration is read again. */
void		 computed_forget(void);

#endif
