#include <errno.h>
#include <string.h>

#include "conf/param.h"
#include "mail/address.h"
#include "mail/srs.h"
#include "table/match.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/mem.h"
#include "util/text.h"

enum { SECRETS_MAX = 64 * 1024, MAX_AGE = 21 };	/* bytes; days */

static struct {
	bool		 on;
	struct srs	 srs;
	struct match	*ours, *excluded;
	char		*text;		/* of the secrets */
	char		*why;
} self;

static const char *
wrong(const char *name, const char *value, const char *what)
{
	mem_free(self.why);
	self.why = mem_printf("main.cf: %s = %s: %s", name, value, what);
	return self.why;
}

/* A line each; the newest first. */
static const char *
read_secrets(const char *path)
{
	struct buf file = BUF_INIT;
	char	  *p, *line;

	if (*path == '\0')
		return wrong("srs_secrets_file", path, "srs_enable needs a "
		    "file with a secret in it; make one with: openssl rand "
		    "-base64 18");
	if (!file_read(path, SECRETS_MAX, &file)) {
		buf_done(&file);
		return wrong("srs_secrets_file", path, strerror(errno));
	}
	self.text = buf_take(&file);
	for (p = self.text; (line = strsep(&p, "\n")) != NULL;) {
		line = text_trim(line);
		if (*line == '\0' || *line == '#')
			continue;
		self.srs.secrets = mem_realloc(self.srs.secrets,
		    (self.srs.secret_count + 1) * sizeof *self.srs.secrets);
		self.srs.secrets[self.srs.secret_count++] = line;
	}
	if (self.srs.secret_count == 0)
		return wrong("srs_secrets_file", path, "there is no secret in "
		    "the file");
	return NULL;
}

const char *
srs_start(void)
{
	const char *separator = conf_mail.srs_separator;

	if (!conf_mail.srs_enable)
		return NULL;
	if (strlen(separator) != 1 || strchr("=+-", *separator) == NULL)
		return wrong("srs_separator", separator,
		    "write one of = + -");
	self.srs.domain = conf_mail.srs_domain;
	self.srs.separator = *separator;
	self.srs.hash_length = conf_mail.srs_hash_length;
	self.srs.hash_minimum = conf_mail.srs_hash_minimum;
	self.srs.max_age = MAX_AGE;
	self.ours = match_new("srs_local_domains",
	    conf_mail.srs_local_domains, false);
	self.excluded = match_new("srs_exclude_domains",
	    conf_mail.srs_exclude_domains, true);
	self.on = true;
	return read_secrets(conf_mail.srs_secrets_file);
}

static bool
is_ours(const char *address)
{
	const char *domain = address_domain(address);

	return domain != NULL && match_domain(self.ours, domain) == MATCH_YES;
}

bool
srs_sender(struct buf *out, const char *sender, const char *original,
    const char *recipient)
{
	const char *domain = address_domain(sender);

	if (!self.on || domain == NULL || !is_ours(original) ||
	    is_ours(recipient) || is_ours(sender) ||
	    match_domain(self.excluded, domain) == MATCH_YES)
		return false;
	return srs_forward(&self.srs, out, sender, time(NULL));
}

enum srs_result
srs_recipient(struct buf *out, const char *address)
{
	if (!self.on)
		return SRS_NONE;
	return srs_reverse(&self.srs, out, address, time(NULL));
}
