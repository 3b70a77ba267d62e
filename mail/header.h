/* header - names and facts of header fields, and splitting a header block */

#ifndef MAIL_HEADER_H
#define MAIL_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"

enum header_id {
	HEADER_OTHER, HEADER_APPARENTLY_TO, HEADER_BCC, HEADER_CC,
	HEADER_CONTENT_DESCRIPTION, HEADER_CONTENT_DISPOSITION, HEADER_CONTENT_ID,
	HEADER_CONTENT_LENGTH, HEADER_CONTENT_TRANSFER_ENCODING,
	HEADER_CONTENT_TYPE, HEADER_DATE, HEADER_DELIVERED_TO,
	HEADER_DISPOSITION_NOTIFICATION_TO, HEADER_ERRORS_TO, HEADER_FROM,
	HEADER_MAIL_FOLLOWUP_TO, HEADER_MESSAGE_ID, HEADER_MIME_VERSION,
	HEADER_RECEIVED, HEADER_REPLY_TO, HEADER_REQUIRE_TLS_ESMTP,
	HEADER_RESENT_BCC, HEADER_RESENT_CC,
	HEADER_RESENT_DATE, HEADER_RESENT_FROM, HEADER_RESENT_MESSAGE_ID,
	HEADER_RESENT_REPLY_TO, HEADER_RESENT_SENDER, HEADER_RESENT_TO,
	HEADER_RETURN_PATH, HEADER_RETURN_RECEIPT_TO, HEADER_SENDER,
	HEADER_SUBJECT, HEADER_TLS_REQUIRED, HEADER_TO,
};

enum {
	HEADER_IS_SENDER = 1,		/* addresses are a sender's */
	HEADER_IS_RECIPIENT = 2,	/* addresses are recipients' */
	HEADER_IS_RESENT = 4,
	HEADER_IS_MIME = 8,
	HEADER_DROP = 16,		/* message_drop_headers' defaults */
	HEADER_EXTRACT = 32,		/* sendmail -t takes recipients */
};

/* One table of all: name, id, flags. */
struct header_fact {
	const char	*name;
	enum header_id	 id;
	int		 flags;
};

const struct header_fact *header_find(struct str name);	/* or NULL */

/*
 * The length of the field name if a line begins a header field as Postfix
 * sees it (printable name, optional white space, colon); 0 otherwise.
 */
size_t	header_name_len(const char *line, size_t len);

#endif
