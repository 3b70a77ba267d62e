/* options - kinds of SASL mechanisms, as lists of words name them */

#ifndef SASL_OPTIONS_H
#define SASL_OPTIONS_H

#include <stdbool.h>

/* smtpd_sasl_security_options and its relatives, as bits.  The numbers are
 * those of Cyrus SASL (SASL_SEC_*). */
enum sasl_option {
	SASL_NO_PLAINTEXT = 1, SASL_NO_ACTIVE = 2, SASL_NO_DICTIONARY = 4,
	SASL_FORWARD_SECRECY = 8, SASL_NO_ANONYMOUS = 16,
	SASL_MUTUAL_AUTH = 64,
};

/* False: *ret_word is not known (it points into `list`). */
bool	sasl_options_parse(const char *list, unsigned *ret,
	    const char **ret_word);

/* Base64 by its characters alone: what can go to a back-end as it is. */
bool	sasl_is_base64(const char *);

#endif
