/*
 * postlimit - show and reset what anvil counts of clients and accounts
 *
 * For administrators: needs the right to reach private/anvil.  Shows who is
 * counted, and sets counts to nothing for one of them (-r) or all (-r ALL).
 * Ends with 1 if there is nobody of that name, or anvil can't be asked.
 */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf.h"
#include "mail/anvil_client.h"
#include "mail/peer.h"
#include "server/command.h"
#include "util/frame.h"
#include "util/log.h"
#include "util/stream.h"
#include "util/text.h"

static const char *const names[ANVIL_DISCONNECT] = {
	[ANVIL_CONNECT] = "connection", [ANVIL_MAIL] = "message",
	[ANVIL_RCPT] = "recipient", [ANVIL_NEWTLS] = "newtls",
	[ANVIL_AUTH] = "auth",
};

static void
show(const struct frame *f, bool json)
{
	const char	 *ident = frame_str(f, ANVIL_KEY_IDENT);
	uint64_t	  open = frame_u64(f, ANVIL_KEY_CONNECTIONS, 0), rate;
	struct buf	  b = BUF_INIT;
	struct frame_attr a;
	size_t		  pos = 0;
	int		  n = 0;

	if (json) {
		buf_adds(&b, "{\"ident\": ");
		text_json(&b, ident, strlen(ident));
		buf_addf(&b, ", \"connections\": %llu",
		    (unsigned long long)open);
	} else {
		buf_addf(&b, "%s connections=%llu", ident,
		    (unsigned long long)open);
	}
	while (frame_next(f, &pos, &a)) {
		if (a.key != ANVIL_KEY_RATE || n >= ANVIL_DISCONNECT)
			continue;
		rate = frame_attr_u64(&a, 0);
		if (json)
			buf_addf(&b, ", \"%s_rate\": %llu", names[n],
			    (unsigned long long)rate);
		else if (rate > 0)
			buf_addf(&b, " %s=%llu/%ds", names[n],
			    (unsigned long long)rate,
			    conf_mail.anvil_rate_time_unit);
		n++;
	}
	printf("%s%s\n", b.data, json ? "}" : "");
	buf_done(&b);
}

/* How many idents it was about. */
static uint64_t
ask(const struct frame *request, bool json)
{
	struct stream *stream = peer_connect(ANVIL_SERVICE);
	struct frame   f = FRAME_INIT;
	uint64_t       count = 0;

	if (stream == NULL)
		fatal("connect to %s; is the mail system up?", ANVIL_SERVICE);
	frame_send(stream, request);
	while (frame_receive(stream, &f, ANVIL_FRAME_MAX) &&
	    f.type == ANVIL_ENTRY && frame_str(&f, ANVIL_KEY_IDENT) != NULL)
		show(&f, json);
	if (stream_failed(stream) != NULL || f.type != ANVIL_END)
		fatalx("no answer from %s", ANVIL_SERVICE);
	count = frame_u64(&f, ANVIL_KEY_COUNT, 0);
	stream_close(stream);
	frame_done(&f);
	return count;
}

static int
reset(const char *ident)
{
	struct frame request = FRAME_INIT;
	uint64_t     count;

	frame_begin(&request, ANVIL_RESET);
	frame_put_str(&request, ANVIL_KEY_IDENT,
	    text_eq(ident, "ALL") ? "" : ident);
	count = ask(&request, false);
	frame_done(&request);
	if (count == 0 && !text_eq(ident, "ALL"))
		log_warn("%s: nothing is counted for it", ident);
	return count > 0 || text_eq(ident, "ALL") ? 0 : 1;
}

static void
list(bool json)
{
	struct frame request = FRAME_INIT;

	frame_begin(&request, ANVIL_LIST);
	ask(&request, json);
	frame_done(&request);
}

int
main(int argc, char **argv)
{
	const char *why, *ident = NULL;
	bool	    json = false;
	int	    c;

	command_name(argv[0]);
	opterr = 0;
	while ((c = getopt(argc, argv, "c:jr:v")) != -1) {
		switch (c) {
		case 'c': conf_set_dir(optarg); break;
		case 'j': json = true; break;
		case 'r': ident = optarg; break;
		case 'v': log_verbose++; break;
		default: optind = argc + 1;
		}
	}
	if (optind != argc)
		fatalx("usage: %s [-c config_dir] [-jv] [-r client|ALL]",
		    argv[0]);
	if (!conf_read(&why) || !conf_load(&param_mail, &why))
		fatalx("%s", why);
	if (chdir(conf_mail.queue_directory) < 0)
		fatal("chdir %s", conf_mail.queue_directory);
	if (ident != NULL)
		return reset(ident);
	list(json);
	return 0;
}
