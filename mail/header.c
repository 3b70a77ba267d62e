#include <string.h>
#include <strings.h>

#include "mail/header.h"

enum {
	SENDER = HEADER_IS_SENDER,
	RECIPIENT = HEADER_IS_RECIPIENT,
	RESENT = HEADER_IS_RESENT,
	MIME = HEADER_IS_MIME,
	DROP = HEADER_DROP,
	EXTRACT = HEADER_EXTRACT,
};

/* Sorted by name, so that a field costs a few comparisons. */
static const struct header_fact facts[] = {
	{ "Apparently-To", HEADER_APPARENTLY_TO, RECIPIENT },
	{ "Bcc", HEADER_BCC, RECIPIENT | EXTRACT | DROP },
	{ "Cc", HEADER_CC, RECIPIENT | EXTRACT },
	{ "Content-Description", HEADER_CONTENT_DESCRIPTION, MIME },
	{ "Content-Disposition", HEADER_CONTENT_DISPOSITION, MIME },
	{ "Content-ID", HEADER_CONTENT_ID, MIME },
	{ "Content-Length", HEADER_CONTENT_LENGTH, DROP },
	{ "Content-Transfer-Encoding", HEADER_CONTENT_TRANSFER_ENCODING,
	    MIME },
	{ "Content-Type", HEADER_CONTENT_TYPE, MIME },
	{ "Date", HEADER_DATE, 0 },
	{ "Delivered-To", HEADER_DELIVERED_TO, 0 },
	{ "Disposition-Notification-To", HEADER_DISPOSITION_NOTIFICATION_TO,
	    SENDER },
	{ "Errors-To", HEADER_ERRORS_TO, SENDER },
	{ "From", HEADER_FROM, SENDER },
	{ "Mail-Followup-To", HEADER_MAIL_FOLLOWUP_TO, SENDER },
	{ "Message-Id", HEADER_MESSAGE_ID, 0 },
	{ "MIME-Version", HEADER_MIME_VERSION, MIME },
	{ "Received", HEADER_RECEIVED, 0 },
	{ "Reply-To", HEADER_REPLY_TO, SENDER },
	{ "Require-TLS-ESMTP", HEADER_REQUIRE_TLS_ESMTP, 0 },
	{ "Resent-Bcc", HEADER_RESENT_BCC,
	    RECIPIENT | EXTRACT | RESENT | DROP },
	{ "Resent-Cc", HEADER_RESENT_CC, RECIPIENT | EXTRACT | RESENT },
	{ "Resent-Date", HEADER_RESENT_DATE, RESENT },
	{ "Resent-From", HEADER_RESENT_FROM, SENDER | RESENT },
	{ "Resent-Message-Id", HEADER_RESENT_MESSAGE_ID, RESENT },
	{ "Resent-Reply-To", HEADER_RESENT_REPLY_TO, RECIPIENT | RESENT },
	{ "Resent-Sender", HEADER_RESENT_SENDER, SENDER | RESENT },
	{ "Resent-To", HEADER_RESENT_TO, RECIPIENT | EXTRACT | RESENT },
	{ "Return-Path", HEADER_RETURN_PATH, SENDER | DROP },
	{ "Return-Receipt-To", HEADER_RETURN_RECEIPT_TO, SENDER },
	{ "Sender", HEADER_SENDER, SENDER },
	{ "Subject", HEADER_SUBJECT, 0 },
	{ "TLS-Required", HEADER_TLS_REQUIRED, 0 },
	{ "To", HEADER_TO, RECIPIENT | EXTRACT },
};

const struct header_fact *
header_find(struct str name)
{
	size_t low = 0, high = sizeof facts / sizeof *facts;

	while (low < high) {
		size_t	    middle = low + (high - low) / 2;
		const char *want = facts[middle].name;
		int	    order = strncasecmp(name.p, want, name.n);

		if (order == 0 && strlen(want) == name.n)
			return &facts[middle];
		if (order > 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/*
 * RFC 5322 2.2 has no space before the colon; 4.5.8 allows it in old mail.
 */
size_t
header_name_len(const char *line, size_t len)
{
	size_t n = 0, end;

	while (n < len && line[n] > ' ' && line[n] < 127 && line[n] != ':')
		n++;
	for (end = n; end < len && (line[end] == ' ' || line[end] == '\t');)
		end++;
	return n > 0 && end < len && line[end] == ':' ? n : 0;
}
