/* dovecot_proto - lines of Dovecot's authentication protocol, without I/O */

#ifndef SASL_DOVECOT_PROTO_H
#define SASL_DOVECOT_PROTO_H

#include <stdbool.h>
#include <stdint.h>

struct buf;

/*
 * A line is words with a tab between; \001 before 0 1 t r n stands for NUL,
 * \001, tab, CR and LF.
 *
 *	server	VERSION major minor, MECH name property..., SPID, CUID, COOKIE,
 *		DONE; then OK id parameter..., CONT id base64, FAIL id
 *		parameter...
 *	client	VERSION 1 0, CPID pid; AUTH id mechanism parameter...,
 *		CONT id base64
 *
 * A parameter is name or name=value.
 */
enum dovecot_verb {
	DOVECOT_VERSION, DOVECOT_MECH, DOVECOT_DONE, DOVECOT_OK, DOVECOT_CONT,
	DOVECOT_FAIL,
	DOVECOT_OTHER,		/* of no interest */
	DOVECOT_BAD,		/* one of the above, but broken */
};

enum { DOVECOT_WORDS = 64 };	/* more are ignored */

struct dovecot_line {
	enum dovecot_verb verb;
	uint32_t	  id;		/* OK, CONT, FAIL; major of VERSION */
	const char	 *name;		/* of MECH; base64 of CONT */
	const char	 *words[DOVECOT_WORDS];	/* properties, parameters */
	unsigned	  word_count;
};

/* Splits and unescapes in place. */
void	dovecot_parse(char *line, struct dovecot_line *ret);

/* The value of a parameter, "" if it has none, NULL if it is not there. */
const char *dovecot_find(const struct dovecot_line *, const char *name);

/* May a mechanism with these properties be offered?  `options` is of
 * enum sasl_option. */
bool	dovecot_may_offer(const struct dovecot_line *mech, unsigned options);

/* Adds a tab, the name, and if `value` is not NULL "=" and that, escaped. */
void	dovecot_add(struct buf *, const char *name, const char *value);

#endif
