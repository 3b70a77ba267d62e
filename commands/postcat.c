/*
 * postcat - show queue files
 *
 * Runs as the caller, who must be able to read the files (root, or the
 * owner of the queue).  Prints what Postfix's records would say, one fact a
 * line; the order is that of its queue files.
 *
 * Ends with 0, or with 1 and a reason.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "conf/conf.h"
#include "mail/envelope.h"
#include "mail/queue_dir.h"
#include "mail/queue_file.h"
#include "server/command.h"
#include "util/file.h"
#include "util/log.h"
#include "util/text.h"

static struct {
	bool	 body, envelope, header;
	bool	 decimal, offsets, names;
	off_t	 at;		/* for -o: where the line's content stands */
} opt;

static void
usage(void)
{
	fatalx("usage: postcat [-b (body text)] [-c config_dir] "
	    "[-d (decimal record type)] [-e (envelope records)] "
	    "[-h (header text)] [-q (access queue)] [-v] [file(s)...]");
}

/* What -d and -o put in front; `type` is Postfix's record type. */
static void
print_prefix(char type)
{
	if (opt.offsets)
		printf("%9lld ", (long long)opt.at);
	if (opt.decimal)
		printf("%3d ", type);
}

static void
print_fact(char type, const char *name, const char *value)
{
	print_prefix(type);
	printf("%s: %s\n", name, value);
}

static void
print_attr(const char *name, const char *value)
{
	print_prefix('A');
	printf("named_attribute: %s=%s\n", name, value);
}

static void
print_marker(char type, const char *what, const char *path)
{
	if (!opt.envelope)
		return;
	print_prefix(type);
	printf("*** %s %s ***\n", what, path);
}

static void
print_time(char type, const char *name, int64_t us)
{
	time_t	  t = (time_t)(us / 1000000);
	struct tm tm;
	char	  text[64];

	strftime(text, sizeof text, "%a %b %e %H:%M:%S %Y",
	    localtime_r(&t, &tm));
	print_fact(type, name, text);
}

/* --- envelope */

static const enum envelope_attr before_sender[] = {
	ATTR_LOG_IDENT, ATTR_REWRITE_CONTEXT, ATTR_CONTENT_FILTER,
	ATTR_REDIRECT, ATTR_TRACE_FLAGS, ATTR_VERP_DELIMS, ATTR_SASL_METHOD,
	ATTR_SASL_USERNAME, ATTR_SASL_SENDER, ATTR_DSN_ENVELOPE_ID,
	ATTR_DSN_RET,
};

/* What sendmail says of a message comes before what pickup does. */
static const enum envelope_attr before_local_sender[] = {
	ATTR_LOG_IDENT, ATTR_DSN_ENVELOPE_ID, ATTR_DSN_RET,
	ATTR_REWRITE_CONTEXT, ATTR_CONTENT_FILTER, ATTR_REDIRECT,
	ATTR_TRACE_FLAGS, ATTR_VERP_DELIMS, ATTR_SASL_METHOD,
	ATTR_SASL_USERNAME, ATTR_SASL_SENDER,
};

static const enum envelope_attr after_sender[] = {
	ATTR_ENCODING,
	ATTR_LOG_CLIENT_NAME, ATTR_LOG_CLIENT_ADDRESS, ATTR_LOG_CLIENT_PORT,
	ATTR_LOG_MESSAGE_ORIGIN, ATTR_LOG_HELO_NAME, ATTR_LOG_PROTOCOL_NAME,
	ATTR_CLIENT_NAME, ATTR_REVERSE_CLIENT_NAME, ATTR_CLIENT_ADDRESS,
	ATTR_CLIENT_PORT, ATTR_SERVER_ADDRESS, ATTR_SERVER_PORT,
	ATTR_HELO_NAME, ATTR_PROTOCOL_NAME, ATTR_CLIENT_ADDRESS_TYPE,
};

/* Handed in by sendmail, and not yet seen by pickup. */
static bool
is_submission(const struct envelope *e)
{
	return *e->queue_id == '\0';
}

static bool
is_local(const struct envelope *e)
{
	return is_submission(e) || text_eq(envelope_get(e,
	    ATTR_LOG_MESSAGE_ORIGIN), "local");
}

static const char *
shown_attr(const struct envelope *e, enum envelope_attr which)
{
	if (which == ATTR_REWRITE_CONTEXT && is_submission(e) &&
	    e->attr[which] == NULL)
		return "local";
	/* Postfix takes it for granted. */
	if (which == ATTR_LOG_MESSAGE_ORIGIN && is_local(e))
		return NULL;
	return e->attr[which];
}

static void
print_attrs(const struct envelope *e, const enum envelope_attr *which,
    size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *value = shown_attr(e, which[i]);

		if (value != NULL)
			print_attr(envelope_attr_names[which[i]], value);
	}
}

/* Facts that have no place of their own in the lists above. */
static void
print_other_attrs(const struct envelope *e)
{
	bool listed[ATTR_COUNT] = { [ATTR_MESSAGE_ID] = true,
		[ATTR_BODY_TYPE] = true, [ATTR_FULL_NAME] = true };

	for (size_t i = 0; i < sizeof before_sender / sizeof *before_sender;
	    i++)
		listed[before_sender[i]] = true;
	for (size_t i = 0; i < sizeof after_sender / sizeof *after_sender; i++)
		listed[after_sender[i]] = true;
	for (int i = 0; i < ATTR_COUNT; i++)
		if (!listed[i] && e->attr[i] != NULL)
			print_attr(envelope_attr_names[i], e->attr[i]);
}

static void
print_rcpt(const struct recipient *r)
{
	char number[16];

	if (r->notify != 0) {
		snprintf(number, sizeof number, "%u", (unsigned)r->notify);
		print_attr("notify_flags", number);
	}
	if (r->orcpt != NULL && *r->orcpt != '\0')
		print_attr("dsn_orig_rcpt", r->orcpt);
	if (r->original != NULL && *r->original != '\0')
		print_fact('O', "original_recipient", r->original);
	if (r->status == RCPT_DONE)
		print_fact('D', "done_recipient", r->address);
	else
		print_fact('R', "recipient", r->address);
}

static void
print_sizes(const struct queue_file *q, const struct envelope *e)
{
	char sizes[128];

	snprintf(sizes, sizeof sizes,
	    "%15llu %15llu %15llu %15d %15llu %15d",
	    (unsigned long long)q->t.size,
	    (unsigned long long)q->t.body_len,
	    (unsigned long long)q->t.rcpt_count, 0,
	    (unsigned long long)q->t.size,
	    (e->flags & ENV_SMTPUTF8_NEEDED) ? 1 : 0);
	print_fact('C', "message_size", sizes);
}

static void
print_envelope(const struct queue_file *q, const struct envelope *e,
    const char *path)
{
	opt.at = (off_t)(q->t.body_len + q->t.header_len);
	print_marker('C', "ENVELOPE RECORDS", path);
	if (!is_submission(e))
		print_sizes(q, e);
	print_time('T', "message_arrival_time", e->arrival_us);
	if (!is_submission(e))
		print_time('A', "create_time", e->created_us);
	if (is_local(e))
		print_attrs(e, before_local_sender, sizeof before_local_sender /
		    sizeof *before_local_sender);
	else
		print_attrs(e, before_sender,
		    sizeof before_sender / sizeof *before_sender);
	if (e->attr[ATTR_FULL_NAME] != NULL)
		print_fact('F', "sender_fullname", e->attr[ATTR_FULL_NAME]);
	print_fact('S', "sender", e->sender);
	print_attrs(e, after_sender,
	    sizeof after_sender / sizeof *after_sender);
	print_other_attrs(e);
	for (uint32_t i = 0; i < e->rcpt_count; i++)
		print_rcpt(&e->rcpt[i]);
}

/* --- content */

/* A line in the file ends with CRLF; what is printed, with LF. */
static void
print_line(const char *line, size_t len)
{
	print_prefix('N');
	if (opt.names)
		fputs("regular_text: ", stdout);
	if (len > 0 && line[len - 1] == '\r')
		len--;
	fwrite(line, 1, len, stdout);
	putchar('\n');
}

static void
print_range(const struct queue_file *q, off_t at, uint64_t len)
{
	FILE   *f = fdopen(dup(q->fd), "r");
	char   *line = NULL;
	size_t	size = 0;
	ssize_t n;

	if (f == NULL || fseeko(f, at, SEEK_SET) != 0)
		fatal("read queue file");
	while (len > 0 && (n = getline(&line, &size, f)) > 0) {
		if ((uint64_t)n > len)
			n = (ssize_t)len;
		opt.at = at;
		at += n;
		len -= (uint64_t)n;
		print_line(line, (size_t)(line[n - 1] == '\n' ? n - 1 : n));
	}
	free(line);
	fclose(f);
}

static void
print_file(const struct queue_file *q, const char *path)
{
	struct envelope e;

	envelope_init(&e);
	if (!queue_file_read_envelope(q, &e)) {
		log_warn("%s: input is not a valid queue file", path);
		envelope_done(&e);
		return;
	}
	if (opt.envelope)
		print_envelope(q, &e, path);
	opt.at = queue_file_header_at(q);
	print_marker('M', "MESSAGE CONTENTS", path);
	if (opt.header)
		print_range(q, queue_file_header_at(q), q->t.header_len);
	if (opt.body)
		print_range(q, queue_file_body_at(q), q->t.body_len);
	opt.at = q->file_len;
	print_marker('X', "HEADER EXTRACTED", path);
	if (opt.envelope && e.attr[ATTR_MESSAGE_ID] != NULL)
		print_attr(envelope_attr_names[ATTR_MESSAGE_ID],
		    e.attr[ATTR_MESSAGE_ID]);
	print_marker('E', "MESSAGE FILE END", path);
	envelope_done(&e);
}

/* --- files */

static void
show_fd(int fd, const char *path)
{
	struct queue_file q;
	struct stat	  st;

	/* complaints come after what was shown before */
	fflush(stdout);
	switch (queue_file_open_fd(&q, fd)) {
	case QUEUE_FILE_OK:
		print_file(&q, path);
		queue_file_close(&q);
		return;
	case QUEUE_FILE_ERROR:
		fatal("read %s", path);
	default:
		if (fstat(fd, &st) != 0 || st.st_size > 0 ||
		    S_ISDIR(st.st_mode))
			log_warn("%s: input is not a valid queue file", path);
		close(fd);
	}
}

/* Queue files are read from their end: a pipe must be copied first. */
static void
show_stdin(void)
{
	int	fd = memfd_create("postcat", MFD_CLOEXEC);
	char	bytes[8192];
	ssize_t n;

	if (fd < 0)
		fatal("memfd_create");
	while ((n = read(STDIN_FILENO, bytes, sizeof bytes)) > 0)
		if (!file_write_all(fd, bytes, (size_t)n))
			fatal("copy standard input");
	if (lseek(fd, 0, SEEK_CUR) == 0)
		close(fd);	/* nothing came: nothing to show */
	else
		show_fd(fd, "stdin");
}

static void
show_queued(const char *id)
{
	static const char *const queues[] = {
		QUEUE_MAILDROP, QUEUE_HOLD, QUEUE_INCOMING, QUEUE_ACTIVE,
		QUEUE_DEFERRED, QUEUE_CORRUPT, QUEUE_SAVED,
	};
	struct buf path = BUF_INIT;
	int	   fd = -1, error = ENOENT;

	if (!queue_id_is_plausible(id))
		fatalx("bad mail queue ID: %s", id);
	for (size_t i = 0; i < sizeof queues / sizeof *queues && fd < 0; i++) {
		buf_clear(&path);
		queue_path(&path, queues[i], id);
		fd = queue_open(queues[i], id, O_RDONLY);
		if (fd < 0 && errno != ENOENT)
			error = errno;
	}
	fflush(stdout);
	if (fd < 0)
		fatalx("open queue file %s: %s", id, strerror(error));
	show_fd(fd, path.data);
	buf_done(&path);
}

static void
show_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	fflush(stdout);
	if (fd < 0)
		fatal("open %s", path);
	show_fd(fd, path);
}

int
main(int argc, char **argv)
{
	bool queued = false;
	int  ch;

	command_name(argv[0]);
	while ((ch = getopt(argc, argv, "+bc:dehoqrs:v")) != -1)
		switch (ch) {
		case 'b': opt.body = true; break;
		case 'c': conf_set_dir(optarg); break;
		case 'd': opt.decimal = true; break;
		case 'e': opt.envelope = true; break;
		case 'h': opt.header = true; break;
		case 'o': opt.offsets = true; break;
		case 'q': queued = true; break;
		case 'r': break;	/* pointers to follow: there are none */
		case 's':
			if (!text_is_digits(optarg))
				fatalx("bad offset: %s", optarg);
			fatalx("-s: a queue file has no records to skip; "
			    "use -b, -e or -h");
		case 'v': opt.names = true; log_verbose++; break;
		default: usage();
		}
	if (!opt.body && !opt.envelope && !opt.header)
		opt.body = opt.envelope = opt.header = true;
	command_configure(1);
	queue_dir_init(conf_mail.hash_queue_names, conf_mail.hash_queue_depth);
	if (queued && chdir(conf_mail.queue_directory) != 0)
		fatal("chdir %s", conf_mail.queue_directory);
	if (optind == argc && !queued)
		show_stdin();
	for (; optind < argc; optind++) {
		if (queued)
			show_queued(argv[optind]);
		else
			show_path(argv[optind]);
	}
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
