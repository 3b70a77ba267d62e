/* days - sessions counted by domain and day, in memory and in journals */

#ifndef TLSRPT_DAYS_H
#define TLSRPT_DAYS_H

#include <stdbool.h>
#include <stdint.h>

#include "mail/tlsrpt.h"
#include "util/list.h"

struct map;

enum { DAY = 86400 };		/* seconds */

enum wanted { UNKNOWN, WANTED, UNWANTED };

struct domain {
	struct list	     link;	/* of those whose record is to be
					   looked up */
	struct tlsrpt_tally *tally;
	struct tlsrpt_tally *later;	/* what comes while a report is sent */
	enum wanted	     wanted;
	bool		     done, sending;
	int64_t		     since;	/* time(2): the last report; 0 */
	int64_t		     retry_at;
	char		     name[];
};

struct day {
	struct list	 link;
	int64_t		 number;	/* since 1970 */
	struct map	*domains;
	int		 collected;
	bool		 dirty, full;
};

extern struct list days;		/* struct day; new ones at the end */

int64_t		 today(void);
struct day	*day_find(int64_t number);	/* made if it is not there */

/* NULL: there are too many, which was logged. */
struct domain	*day_domain(struct day *, const char *name);

/* Nobody wants a report: nothing is kept but the name. */
void		 day_unwanted(struct day *, struct domain *);

/* With its journal.  False: not now, it is being written. */
bool		 day_remove(struct day *);

/* data_directory; before the jail. */
void		 journal_open(void);
void		 journal_load(void);

/* What is new in any day goes to its journal.  May wait. */
void		 journal_save(void);

/* Its report was sent, or nobody wants it. */
void		 journal_done(struct day *, const struct domain *);

#endif
