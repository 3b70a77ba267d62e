#include "smtp/outgoing.h"

#include "mail/deliver.h"
#include "mail/srs.h"
#include "smtp/attempt.h"
#include "smtp/generic.h"
#include "smtp/prepend.h"
#include "smtp/settings.h"
#include "util/mem.h"

/* One sender for all of them: SRS as soon as one was forwarded. */
static const char *
forwarded_sender(struct delivery *d)
{
	struct buf  b = BUF_INIT;
	const char *sender = d->sender;

	for (size_t i = 0; !settings.is_lmtp && i < d->rcpt_count; i++)
		if (srs_sender(&b, d->sender, d->rcpt[i].original,
		    d->rcpt[i].address)) {
			sender = pool_strdup(&d->pool, b.data);
			break;
		}
	buf_done(&b);
	return sender;
}

void
outgoing_choose(struct outgoing *o, const struct attempt *a)
{
	struct delivery *d = a->d;
	size_t		 n = d->rcpt_count;

	o->rcpt = pool_alloc(&d->pool, n * sizeof *o->rcpt);
	o->address = pool_alloc(&d->pool, n * sizeof *o->address);
	o->sender = forwarded_sender(d);
	for (size_t i = 0; i < n; i++)
		if (attempt_is_left(a, i)) {
			o->address[o->count] = d->rcpt[i].address;
			o->rcpt[o->count++] = i;
		}
}

static bool
make_generic(struct pool *pool, const char **address)
{
	struct buf b = BUF_INIT;
	bool	   ok;

	buf_adds(&b, *address);
	ok = generic_address(&b);
	*address = pool_strdup(pool, b.data);
	buf_done(&b);
	return ok;
}

bool
outgoing_rewrite(struct outgoing *o, struct delivery *d, bool with_content)
{
	const char *original = d->rcpt[o->rcpt[0]].original;
	bool	    generic = generic_is_set(), ok = true;

	if (original == NULL || *original == '\0')
		original = o->address[0];
	if (generic)
		ok = make_generic(&d->pool, &o->sender) &&
		    make_generic(&d->pool, &original);
	for (size_t i = 0; ok && generic && i < o->count; i++)
		ok = make_generic(&d->pool, &o->address[i]);
	if (!ok || !with_content)
		return ok;
	prepend_fields(&o->front, o->sender, original, o->address[0]);
	o->has_header = generic;
	return !generic || generic_file_header(&o->header, &d->file);
}

void
outgoing_done(struct outgoing *o)
{
	buf_done(&o->header);
	buf_done(&o->front);
}
