/* report - a domain's sessions of a day, sent to those who want to know */

#ifndef TLSRPT_REPORT_H
#define TLSRPT_REPORT_H

#include <stdbool.h>

struct day;
struct domain;
struct tlsrpt_record;

/* By mail and HTTPS, as the record says.  May wait.  False: nobody took it,
 * which was logged. */
bool	report_send(const struct day *, const struct domain *,
	    const struct tlsrpt_record *);

#endif
