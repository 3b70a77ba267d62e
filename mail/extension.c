#include "conf/param.h"
#include "mail/address.h"
#include "mail/extension.h"

const char *
extension_find(const char *local, size_t len)
{
	const struct address_names names = {
		.delimiters = conf_mail.recipient_delimiter,
		.double_bounce = conf_mail.double_bounce_sender,
		.owner_request = conf_mail.owner_request_special,
	};

	return address_extension(local, len, &names);
}
