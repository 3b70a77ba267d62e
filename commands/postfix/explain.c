#include "commands/postfix/explain.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "mail/address.h"
#include "mail/maps.h"
#include "mail/resolve.h"
#include "net/dns.h"
#include "util/log.h"

static struct {
	const char	*sender, *client;
	bool		 json;
} opt = { .sender = "", .client = "127.0.0.1" };

static void
usage(void)
{
	fatal_exit(EX_USAGE, "usage: postfix explain [--json] [--from sender] "
	    "[--client address] recipient...");
}

static int
parse_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "from", required_argument, NULL, 'f' },
		{ "client", required_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		switch (c) {
		case 'f': opt.sender = optarg; break;
		case 'c': opt.client = optarg; break;
		case 'j': opt.json = true; break;
		default: usage();
		}
	}
	if (optind >= argc)
		usage();
	if (!dns_valid_address(opt.client))
		fatal_exit(EX_USAGE, "--client: \"%s\" is no IP address",
		    opt.client);
	return optind;
}

static void
explain_init(void)
{
	const char *why;

	maps_before_jail();
	maps_init();
	route_init();
	resolve_init();
	if (!dns_start(&why))
		log_warn("DNS: %s", why);
}

static const char *
internal(struct pool *pool, const char *text)
{
	struct buf  b = BUF_INIT;
	size_t	    n = strlen(text);
	const char *address;

	if (n > 1 && text[0] == '<' && text[n - 1] == '>')
		text = pool_strndup(pool, text + 1, n - 2);
	if (!address_unquote(&b, text))
		fatal_exit(EX_USAGE, "bad address syntax: \"%s\"", text);
	address = pool_strdup(pool, b.data);
	buf_done(&b);
	return address;
}

static void
explain(struct buf *out, const char *recipient)
{
	struct pool	   pool = POOL_INIT;
	struct explanation e = { .pool = &pool, .client = opt.client };
	const char	 **final;
	size_t		   count;

	e.steps_tail = &e.steps;
	e.ways_tail = &e.ways;
	e.sender = internal(&pool, opt.sender);
	e.recipient = internal(&pool, recipient);
	explain_smtpd(&e);
	explain_steps(&e, &final, &count);
	for (size_t i = 0; i < count; i++)
		explain_way(&e, final[i]);
	if (opt.json)
		explain_json(out, &e);
	else
		explain_text(out, &e);
	pool_done(&pool);
}

int
explain_main(int argc, char **argv)
{
	int	   first = parse_options(argc, argv);
	struct buf out = BUF_INIT;

	explain_init();
	if (opt.json)
		buf_adds(&out, "[");
	for (int i = first; i < argc; i++) {
		if (i > first)
			buf_adds(&out, opt.json ? ",\n" : "\n");
		explain(&out, argv[i]);
	}
	if (opt.json)
		buf_adds(&out, "]\n");
	fwrite(out.data, 1, out.len, stdout);
	buf_done(&out);
	if (fflush(stdout) != 0)
		fatal_exit(EX_IOERR, "write error");
	return 0;
}
