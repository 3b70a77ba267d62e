#include "smtp/prepend.h"

#include <string.h>

#include "mail/address.h"
#include "mail/deliver.h"
#include "mail/deliver_proto.h"
#include "server/server.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/text.h"

enum {
	DELIVERED_TO = 1, ORIGINAL_TO = 2, RETURN_PATH = 4, FINAL = 8,
};

static const struct {
	char	 letter;
	unsigned bit;
} letters[] = {
	{ 'D', DELIVERED_TO }, { 'O', ORIGINAL_TO }, { 'R', RETURN_PATH },
	{ 'X', FINAL },
};

static unsigned flags;

static unsigned
find_flag(char letter)
{
	for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
		if (letters[i].letter == letter)
			return letters[i].bit;
	return 0;
}

void
prepend_init(char **args)
{
	for (; *args != NULL; args++) {
		const char *value = *args + strlen("flags=");

		if (!text_starts(*args, "flags="))
			fatalx("unknown attribute name: %s", *args);
		flags = 0;
		for (const char *p = value; *p != '\0'; p++) {
			unsigned bit = find_flag(*p);

			if (bit == 0)
				fatalx("unknown %s value \"%c\" in \"%s\"",
				    *args, *p, value);
			flags |= bit;
		}
	}
}

static void
add_field(struct buf *out, const char *name, const char *address)
{
	buf_addf(out, "%s: ", name);
	address_quote(out, address);
	buf_adds(out, "\r\n");
}

void
prepend_fields(struct buf *out, const char *sender, const char *original,
    const char *recipient)
{
	if (flags & RETURN_PATH) {
		buf_adds(out, "Return-Path: <");
		address_quote(out, sender);
		buf_adds(out, ">\r\n");
	}
	if (flags & ORIGINAL_TO)
		add_field(out, "X-Original-To", original);
	if (flags & DELIVERED_TO)
		add_field(out, "Delivered-To", recipient);
}

/* A message that comes by a second time is in a loop. */
static bool
was_delivered(struct delivery *d, const char *address)
{
	struct buf header = BUF_INIT, quoted = BUF_INIT;
	char	  *next, *line;
	bool	   found = false;

	address_quote(&quoted, address);
	if (queue_file_read_header(&d->file, &header))
		for (next = header.data; !found &&
		    (line = text_word(&next, "\r\n", false)) != NULL; )
			found = text_starts_nocase(line, "Delivered-To:") &&
			    text_eq_nocase(text_trim(line +
			    strlen("Delivered-To:")), quoted.data);
	buf_done(&header);
	buf_done(&quoted);
	return found;
}

bool
prepend_allows(struct delivery *d, struct why *why)
{
	const char *address = d->rcpt[0].address;

	if ((flags & (DELIVERED_TO | ORIGINAL_TO)) && d->rcpt_count > 1) {
		log_warn("flag `%c' requires %s_destination_recipient_limit "
		    "= 1", flags & DELIVERED_TO ? 'D' : 'O', server_service());
		why_set(why, "4.3.5", "mail system configuration error");
		return false;
	}
	if ((flags & DELIVERED_TO) && was_delivered(d, address)) {
		why_set(why, "5.4.6", "mail forwarding loop for %s", address);
		return false;
	}
	return true;
}

bool
prepend_is_final(void)
{
	return (flags & FINAL) != 0;
}
