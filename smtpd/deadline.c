#include "conf/param.h"
#include "smtpd/deadline.h"
#include "util/clock.h"
#include "util/stream.h"

void
deadline_begin(struct deadline *d, struct stream *stream)
{
	d->stream = stream;
	d->left_ms = (int64_t)conf_smtpd.smtpd_timeout * 1000;
}

/* The last `len` bytes took from `began` on. */
static void
settle(struct deadline *d, int64_t began, size_t len)
{
	int64_t most = (int64_t)conf_smtpd.smtpd_timeout * 1000;
	int	rate = conf_smtpd.smtpd_min_data_rate;

	d->left_ms -= clock_ms() - began;
	if (rate > 0)
		d->left_ms += (int64_t)len * 1000 / rate;
	if (d->left_ms > most)
		d->left_ms = most;
}

const char *
deadline_peek(struct deadline *d, size_t *ret_len)
{
	int64_t	    began;
	const char *p;

	if (!conf_smtpd.smtpd_per_request_deadline) {
		stream_set_deadline(d->stream, conf_smtpd.smtpd_timeout);
		return stream_peek(d->stream, ret_len);
	}
	began = clock_ms();
	stream_set_deadline_at(d->stream, began + d->left_ms);
	p = stream_peek(d->stream, ret_len);
	settle(d, began, p != NULL ? *ret_len : 0);
	return p;
}
