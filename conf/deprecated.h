/* deprecated - parameters that later releases will not have */

#ifndef CONF_DEPRECATED_H
#define CONF_DEPRECATED_H

/* What to write instead of this name, as text for a message; NULL if the
 * name is to stay. */
const char	*deprecated_instead(const char *name);

#endif
