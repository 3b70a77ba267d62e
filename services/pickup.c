/*
 * pickup - take in the mail of local users
 *
 * Runs as mail_owner in the jail, without access to the network.  It serves
 * pid/submit to everybody on this host: the sendmail command hands in a
 * message, the kernel says whose process that is, and cleanup writes it.  It
 * also looks through maildrop/ when told to: there postdrop leaves messages
 * while pickup is not there, and postsuper those that are to be queued anew.
 * Nothing in either is trusted: not the frames, not the files.
 *
 * One process; it ends when master says so, after its last session.
 */

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/param.h"
#include "mail/address.h"
#include "mail/cleanup_client.h"
#include "mail/login_sender.h"
#include "mail/queue_dir.h"
#include "mail/queue_file.h"
#include "mail/submit.h"
#include "server/server.h"
#include "table/match.h"
#include "util/clock.h"
#include "util/list.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/proc.h"
#include "util/stream.h"
#include "util/task.h"
#include "util/text.h"

enum {
	CLIENT_WAIT = 3600,	/* seconds: a program may think while it
				   writes its mail */
	TURNS_MAX = 50,		/* messages of one user at the same time */
	QUEUE_MAX = 2000,	/* more that wait for their turn */
};

/* A user with messages on their way in. */
struct user {
	struct list	 link;
	uid_t		 uid;
	int		 turns, waiting;
	struct task_cond next;
};

static struct {
	struct list	 users;
	struct match	*submitters;	/* NULL: everybody */
	struct table_list *senders;	/* NULL: each may use any */
	bool		 scanning;	/* the task runs */
	bool		 scan_again;	/* asked for while it runs */
} pickup = { .users = LIST_INIT(pickup.users) };

/* --- one message, wherever it came from */

struct incoming {
	const struct envelope	*env;
	unsigned		 flags;		/* enum submit_flag */
	uid_t			 uid;
	const char		*orig_id;	/* "" or the id it had */
	struct cleanup_client	*cleanup;
	enum cleanup_status	 status;
};

static unsigned
cleanup_flags(const struct incoming *in)
{
	const char *context = envelope_get(in->env, ATTR_REWRITE_CONTEXT);
	unsigned    flags = CLEANUP_BOUNCE | cleanup_input_flags(
	    conf_mail.receive_override_options, NULL);

	if (conf_mail.smtputf8_enable)
		flags |= cleanup_autodetect(
		    conf_mail.smtputf8_autodetect_classes, "sendmail");
	if ((in->flags & SUBMIT_GATEWAY) == 0 &&
	    !text_eq(context, "remote"))
		flags |= CLEANUP_REWRITE_LOCAL;
	if ((in->flags & SUBMIT_EXTRACT) != 0)
		flags |= CLEANUP_EXTRACT;
	return flags;
}

static void
log_origin(const struct incoming *in)
{
	struct buf sender = BUF_INIT;

	address_quote(&sender, in->env->sender);
	log_info("%s: uid=%ld from=<%s>%s%s", cleanup_queue_id(in->cleanup),
	    (long)in->uid, sender.data, *in->orig_id == '\0' ? "" :
	    " orig_id=", in->orig_id);
	buf_done(&sender);
}

static void
send_received(const struct incoming *in)
{
	struct buf date = BUF_INIT;

	clock_rfc_date(&date, (time_t)(clock_wall_us() / 1000000));
	cleanup_printf(in->cleanup, "Received: by %s (%s, from userid %ld)",
	    conf_mail.myhostname, conf_mail.mail_name, (long)in->uid);
	cleanup_printf(in->cleanup, "\tid %s; %s",
	    cleanup_queue_id(in->cleanup), date.data);
	buf_done(&date);
}

static void
send_envelope(const struct incoming *in)
{
	struct envelope e = *in->env;

	/* a shallow copy: what is set here lives as long as the program, and
	 * the pool is not touched */
	e.queue_id = "";
	e.uid = in->uid;
	e.flags |= ENV_LOCAL_ORIGIN;
	if (e.attr[ATTR_LOG_MESSAGE_ORIGIN] == NULL)
		e.attr[ATTR_LOG_MESSAGE_ORIGIN] = "local";
	if ((in->flags & SUBMIT_GATEWAY) != 0)
		e.attr[ATTR_REWRITE_CONTEXT] = "remote";
	if (e.attr[ATTR_CONTENT_FILTER] == NULL &&
	    *conf_mail.content_filter != '\0')
		e.attr[ATTR_CONTENT_FILTER] = conf_mail.content_filter;
	cleanup_envelope(in->cleanup, &e);
	for (uint32_t i = 0; i < e.rcpt_count; i++)
		if (e.rcpt[i].status == RCPT_TODO)
			cleanup_rcpt(in->cleanup, &e.rcpt[i]);
}

/* Everything before the content.  False: in->status. */
static bool
begin(struct incoming *in)
{
	in->cleanup = cleanup_open(cleanup_flags(in), &in->status);
	if (in->cleanup == NULL)
		return false;
	log_origin(in);
	send_envelope(in);
	send_received(in);
	return true;
}

/* --- messages handed in over the socket */

static enum submit_status
submit_status_of(enum cleanup_status status)
{
	switch (status) {
	case CLEANUP_OK:
		return SUBMIT_OK;
	case CLEANUP_TOO_BIG:
		return SUBMIT_TOO_BIG;
	case CLEANUP_NO_RCPT:
		return SUBMIT_NO_RCPT;
	default:
		return SUBMIT_ERROR;
	}
}

/* authorized_submit_users.  Where passwd can't be read (in a chroot) all are
 * "unknown". */
static bool
may_submit(uid_t uid, struct buf *why)
{
	const struct passwd *pw;
	const char	    *name;

	if (pickup.submitters == NULL)
		return true;
	pw = getpwuid(uid);
	name = pw == NULL ? "unknown" : pw->pw_name;
	if (match_word(pickup.submitters, name) == MATCH_YES)
		return true;
	buf_addf(why, "User %s(%ld) is not allowed to submit mail", name,
	    (long)uid);
	return false;
}

static bool
is_too_big(uint64_t len)
{
	return conf_mail.message_size_limit > 0 &&
	    len > (uint64_t)conf_mail.message_size_limit;
}

/* The content from the client to cleanup. */
static enum submit_status
relay_content(struct incoming *in, struct submission *s,
    struct stream *client, struct buf *why)
{
	enum submit_next next;
	struct str	 part;
	uint64_t	 len = 0;

	while ((next = submit_content(s, client, &part)) == SUBMIT_MORE) {
		len += part.n;
		if (!is_too_big(len))
			cleanup_content(in->cleanup, part.p, part.n);
	}
	if (next == SUBMIT_FINISHED && !is_too_big(len))
		return submit_status_of(cleanup_end(in->cleanup, why));
	cleanup_abort(in->cleanup);
	if (next == SUBMIT_FINISHED)
		return SUBMIT_TOO_BIG;
	log_warn("uid=%ld: %s: message not taken", (long)in->uid,
	    stream_failed(client));
	return SUBMIT_BAD;
}

static void
discard_content(struct submission *s, struct stream *client)
{
	struct str part;

	while (submit_content(s, client, &part) == SUBMIT_MORE)
		;
}

static void
take_submission(struct submission *s, struct stream *client, uid_t uid)
{
	struct incoming	   in = { .env = &s->env, .flags = s->flags,
	    .uid = uid, .orig_id = "" };
	struct buf	   why = BUF_INIT;
	enum submit_status status;
	char		   id[QUEUE_ID_MAX] = "";

	if (!may_submit(uid, &why) ||
	    !login_sender_is_allowed(pickup.senders, uid, s->env.sender,
	    &why)) {
		discard_content(s, client);
		status = SUBMIT_DENIED;
	} else if (!begin(&in)) {
		discard_content(s, client);
		status = SUBMIT_ERROR;
	} else {
		strcpy(id, cleanup_queue_id(in.cleanup));
		status = relay_content(&in, s, client, &why);
	}
	submit_answer(s, client, status, id, why.data);
	buf_done(&why);
}

/*
 * Each message on its way in costs a session of cleanup, which the mail of
 * others needs too.  So no user has many of them, however many connections
 * are opened or left alone.
 */
static struct user *
find_user(uid_t uid)
{
	struct user *u;

	LIST_EACH(it, &pickup.users) {
		u = LIST_ENTRY(it, struct user, link);
		if (u->uid == uid)
			return u;
	}
	u = NEW(struct user);
	u->uid = uid;
	task_cond_init(&u->next);
	list_append(&pickup.users, &u->link);
	return u;
}

/* Waits for the user's turn.  NULL: too many wait already. */
static struct user *
take_turn(uid_t uid)
{
	struct user *u = find_user(uid);

	if (u->waiting >= QUEUE_MAX)
		return NULL;
	u->waiting++;
	while (u->turns >= TURNS_MAX)
		task_wait(&u->next, CLOCK_NEVER);
	u->waiting--;
	u->turns++;
	return u;
}

static void
end_turn(struct user *u)
{
	u->turns--;
	if (u->waiting > 0) {
		task_wake_one(&u->next);
	} else if (u->turns == 0) {
		list_remove(&u->link);
		mem_free(u);
	}
}

static void
serve(struct stream *client)
{
	struct submission s;
	struct user	 *user;
	struct ucred	  peer;
	socklen_t	  len = sizeof peer;

	if (getsockopt(stream_fd(client), SOL_SOCKET, SO_PEERCRED, &peer,
	    &len) != 0) {
		log_warn("a client without credentials: %s", strerror(errno));
		return;
	}
	if ((user = take_turn(peer.uid)) == NULL) {
		log_warn("uid=%ld: more than %d messages at the same time",
		    (long)peer.uid, QUEUE_MAX);
		return;
	}
	stream_set_deadline(client, CLIENT_WAIT);
	if (submit_begin(&s, client))
		take_submission(&s, client, peer.uid);
	else if (!stream_at_eof(client))
		log_warn("uid=%ld: %s", (long)peer.uid,
		    stream_failed(client));
	submit_done(&s);
	end_turn(user);
}

/* --- messages in maildrop/ */

/*
 * Only mail_owner's files may carry the facts of an earlier life: those were
 * moved here by postsuper.
 */
static bool
is_requeued(const struct stat *st, const struct envelope *e)
{
	return st->st_uid == geteuid() && *e->queue_id != '\0';
}

/* What a user wrote into a file's envelope goes through the same sieve as
 * what comes over the socket. */
static bool
read_user_envelope(const struct queue_file *q, struct envelope *ret,
    unsigned *ret_flags)
{
	struct envelope e;
	bool		ok;

	envelope_init(&e);
	ok = queue_file_read_envelope(q, &e);
	if (ok) {
		*ret_flags = submit_flags_of(&e);
		ok = submit_copy_allowed(ret, &e);
	}
	envelope_done(&e);
	return ok;
}

static bool
read_envelope(const struct queue_file *q, const struct stat *st,
    struct envelope *e, unsigned *flags)
{
	*flags = 0;
	if (st->st_uid == geteuid() && queue_file_read_envelope(q, e) &&
	    is_requeued(st, e))
		return true;
	envelope_clear(e);
	return read_user_envelope(q, e, flags);
}

/* True: the message has gone on, or back to its sender. */
static bool
take_file(const struct queue_file *q, const char *id, const struct stat *st,
    const struct envelope *e, unsigned flags)
{
	struct incoming in = { .env = e, .flags = flags, .uid = st->st_uid,
	    .orig_id = is_requeued(st, e) ? id : "" };
	struct buf	why = BUF_INIT;
	char		new_id[QUEUE_ID_MAX];

	if (!begin(&in)) {
		log_warn("maildrop/%s: cleanup does not take it now", id);
		return false;
	}
	if (!queue_file_copy(q, queue_file_header_at(q), q->t.header_len,
	    cleanup_put, in.cleanup) ||
	    !queue_file_copy(q, queue_file_body_at(q), q->t.body_len,
	    cleanup_put, in.cleanup)) {
		log_warn("maildrop/%s: read: %s", id, strerror(errno));
		cleanup_abort(in.cleanup);
		return false;
	}
	snprintf(new_id, sizeof new_id, "%s", cleanup_queue_id(in.cleanup));
	in.status = cleanup_end(in.cleanup, &why);
	if (in.status == CLEANUP_WRITE_ERROR ||
	    in.status == CLEANUP_TABLE_ERROR)
		log_warn("maildrop/%s: error writing %s: queue file write "
		    "error", id, new_id);
	if (in.status == CLEANUP_NO_RCPT)
		log_warn("maildrop/%s: uid=%ld: no recipients: removed", id,
		    (long)st->st_uid);
	buf_done(&why);
	return in.status == CLEANUP_OK || in.status == CLEANUP_NO_RCPT;
}

static void
set_aside(const char *id, uid_t uid, const char *what)
{
	log_warn("maildrop/%s: uid=%ld: %s: moved to %s/", id, (long)uid,
	    what, QUEUE_CORRUPT);
	if (!queue_move(id, QUEUE_MAILDROP, QUEUE_CORRUPT))
		log_warn("move maildrop/%s to %s/: %s", id, QUEUE_CORRUPT,
		    strerror(errno));
}

static void
take_open_file(const char *id, int fd)
{
	struct queue_file q;
	struct envelope	  e;
	struct stat	  st;
	unsigned	  flags;

	if (fstat(fd, &st) != 0)
		return;
	/* a second name would let the message live on after its delivery */
	if (st.st_nlink != 1) {
		set_aside(id, st.st_uid, "has more than one name");
		return;
	}
	envelope_init(&e);
	switch (queue_file_open_fd(&q, fd)) {
	case QUEUE_FILE_OK:
		if (!read_envelope(&q, &st, &e, &flags))
			set_aside(id, st.st_uid, "damaged envelope");
		else if (take_file(&q, id, &st, &e, flags) &&
		    !queue_remove(QUEUE_MAILDROP, id))
			log_warn("remove maildrop/%s: %s", id,
			    strerror(errno));
		break;
	case QUEUE_FILE_DAMAGED:
		set_aside(id, st.st_uid, "no message");
		break;
	default:
		log_warn("maildrop/%s: %s", id, strerror(errno));
	}
	envelope_done(&e);
}

static void
scan_once(void)
{
	struct queue_scan *scan = queue_scan_open(QUEUE_MAILDROP);
	const char	  *id;
	int		   fd;

	while ((id = queue_scan_next(scan)) != NULL) {
		fd = queue_open(QUEUE_MAILDROP, id, O_RDONLY | O_NONBLOCK);
		if (fd >= 0) {
			take_open_file(id, fd);
			close(fd);
		} else if (errno != ENOENT) {
			log_warn("open maildrop/%s: %s", id, strerror(errno));
		}
	}
	queue_scan_close(scan);
}

static void
scan(void *arg)
{
	(void)arg;
	do {
		pickup.scan_again = false;
		scan_once();
	} while (pickup.scan_again);
	pickup.scanning = false;
}

/* All requests mean the same: look. */
static void
triggered(const char *requests)
{
	(void)requests;
	pickup.scan_again = true;
	if (pickup.scanning)
		return;
	pickup.scanning = true;
	task_start("maildrop", scan, NULL);
}

/* --- */

static void
before_jail(void)
{
	if (!text_eq(conf_mail.authorized_submit_users, "static:anyone"))
		pickup.submitters = match_new("authorized_submit_users",
		    conf_mail.authorized_submit_users, false);
	pickup.senders = login_sender_open();
}

static void
after_jail(void)
{
	triggered("W");
}

static bool
is_busy(void)
{
	return pickup.scanning;
}

int
main(int argc, char **argv)
{
	static const struct server server = {
		.name = "pickup",
		.kind = SERVER_MULTI,
		.one_process = true,
		.jail = PROC_JAIL_NET | PROC_JAIL_FILES,
		.before_jail = before_jail,
		.after_jail = after_jail,
		.serve = serve,
		.triggered = triggered,
		.is_busy = is_busy,
	};

	server_main(argc, argv, &server);
}
