/* dsn_notify - when to tell the sender: the words of NOTIFY= (RFC 3461 4.1) */

#ifndef MAIL_DSN_NOTIFY_H
#define MAIL_DSN_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"

/* NOTIFY_* of mail/envelope.h for a word, in any case; 0: there is no such. */
uint8_t	dsn_notify_bit(struct str word);

/* At least one, and NEVER stands alone. */
bool	dsn_notify_is_sound(unsigned bits);

/* Adds "SUCCESS,DELAY"; nothing for 0. */
void	dsn_notify_add(struct buf *, unsigned bits);

#endif
