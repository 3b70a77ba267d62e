/*
 * postdrop - leave a message in maildrop/ for pickup
 *
 * The sendmail command runs it when it can't reach pickup: while the mail
 * system is down mail is kept.  It is set-gid to setgid_group, the one group
 * that may write into maildrop/ and talk to pickup's trigger; everything else
 * it has, arguments, environment and standard input, comes from a user who
 * may be hostile.  A file appears whole or not at all.
 *
 * Speaks the protocol of mail/submit.h on standard input and output, and
 * ends after one message.
 */

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "conf/conf.h"
#include "mail/login_sender.h"
#include "mail/queue_dir.h"
#include "mail/queue_file.h"
#include "mail/submit.h"
#include "server/command.h"
#include "server/server.h"
#include "table/match.h"
#include "util/log.h"
#include "util/stream.h"
#include "util/text.h"

enum { CLIENT_WAIT = 3600 };	/* seconds */

static void
parse_options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "+c:rv")) != -1)
		switch (c) {
		case 'c':
			conf_set_dir(optarg);
			break;
		case 'r':		/* the only way there is */
			break;
		case 'v':
			if (getuid() == 0)
				log_verbose++;
			break;
		default:
			fatal_exit(1, "usage: postdrop [-c config_dir] [-v]");
		}
}

/* authorized_submit_users. */
static bool
may_submit(struct buf *why)
{
	const struct passwd *pw;
	const char	    *name;
	struct match	    *users;
	bool		     ok;

	if (text_eq(conf_mail.authorized_submit_users, "static:anyone"))
		return true;
	pw = getpwuid(getuid());
	name = pw == NULL ? "unknown" : pw->pw_name;
	users = match_new("authorized_submit_users",
	    conf_mail.authorized_submit_users, false);
	ok = match_word(users, name) == MATCH_YES;
	if (!ok)
		buf_addf(why, "User %s(%ld) is not allowed to submit mail",
		    name, (long)getuid());
	match_free(users);
	return ok;
}

struct drop {
	struct submission	 s;
	struct stream		*client;
	struct queue_writer	 file;
	bool			 has_file;
	struct buf		 why;
};

static enum submit_status
failed(const char *what)
{
	int error = errno;

	log_warn("uid=%ld: %s%s", (long)getuid(), what, strerror(error));
	return error == EFBIG ? SUBMIT_TOO_BIG : SUBMIT_ERROR;
}

/* Reads to the end, so that the client hears why its message is not taken. */
static enum submit_status
take_content(struct drop *d)
{
	enum submit_next next;
	struct str	 part;
	uint64_t	 limit = (uint64_t)conf_mail.message_size_limit;

	while ((next = submit_content(&d->s, d->client, &part)) ==
	    SUBMIT_MORE) {
		if (limit > 0 && d->file.body_len + part.n > limit)
			d->file.error = EFBIG;
		else if (d->file.error == 0)
			queue_writer_body(&d->file, part.p, part.n);
	}
	if (next == SUBMIT_BROKEN) {
		log_warn("uid=%ld: remote or local data incomplete: %s",
		    (long)getuid(), stream_failed(d->client));
		return SUBMIT_BAD;
	}
	errno = d->file.error;
	return errno == 0 ? SUBMIT_OK : failed("");
}

/* The content stays in one piece, as a body: cleanup takes it apart. */
static enum submit_status
commit(struct drop *d)
{
	struct queue_trailer facts = { .size = d->file.body_len };
	struct envelope	    *e = &d->s.env;
	const struct buf     no_header = BUF_INIT;

	submit_set_flags(e, d->s.flags);
	e->uid = getuid();
	e->created_us = e->arrival_us = d->file.created_us;
	d->has_file = false;
	if (!queue_writer_commit(&d->file, &no_header, e, &facts))
		return failed("write " QUEUE_MAILDROP ": ");
	/* A socket without pickup is no news: mail waits until there is. */
	if (!server_trigger(SUBMIT_SERVICE, "W") && errno == ENOENT)
		log_warn("unable to look up %s: %s", SUBMIT_SERVICE,
		    strerror(errno));
	return SUBMIT_OK;
}

/* Started by hand, or by what speaks another protocol: a refusal in words, and
 * nothing on standard output. */
static void __attribute__((noreturn))
no_message(struct drop *d)
{
	if (!may_submit(&d->why))
		fatal_exit(1, "%s", d->why.data);
	if (stream_at_eof(d->client) && stream_bytes_in(d->client) == 0)
		exit(0);
	fatal_exit(1, "uid=%ld: malformed input", (long)getuid());
}

static enum submit_status
take_message(struct drop *d)
{
	enum submit_status status;

	if (!submit_begin(&d->s, d->client))
		no_message(d);
	if (!may_submit(&d->why) ||
	    !login_sender_is_allowed(login_sender_open(), getuid(),
	    d->s.env.sender, &d->why))
		return SUBMIT_DENIED;
	d->has_file = queue_writer_open(&d->file, QUEUE_MAILDROP,
	    conf_mail.enable_long_queue_ids);
	if (!d->has_file)
		return failed("create a file in " QUEUE_MAILDROP ": ");
	status = take_content(d);
	return status == SUBMIT_OK ? commit(d) : status;
}

int
main(int argc, char **argv)
{
	struct drop	   d = { .why = BUF_INIT };
	enum submit_status status;

	command_name(argv[0]);
	parse_options(argc, argv);
	command_start(1);
	if (chdir(conf_mail.queue_directory) != 0)
		fatal_exit(EX_TEMPFAIL, "chdir %s: %s",
		    conf_mail.queue_directory, strerror(errno));
	queue_dir_init(conf_mail.hash_queue_names, conf_mail.hash_queue_depth);
	queue_sync_init();
	d.client = stream_open(dup(STDIN_FILENO));
	stream_set_deadline(d.client, CLIENT_WAIT);
	status = take_message(&d);
	if (d.has_file)
		queue_writer_abort(&d.file);
	submit_answer(&d.s, d.client, status, d.file.id, d.why.data);
	stream_close(d.client);
	submit_done(&d.s);
	buf_done(&d.why);
	log_flush();
	return status == SUBMIT_OK ? 0 : EX_TEMPFAIL;
}
