/*
 * nbdb_reindexd - build the tables that take Berkeley DB's place
 *
 * With non_bdb_migration_level = enable-reindex "hash:/etc/postfix/transport"
 * means another type, lmdb say, and a daemon that finds no such table yet asks
 * here.  Runs as root for ever, one request at a time, and runs postmap or
 * postalias with the rights of the owner of the old table, FILE.db.
 *
 * A client may be compromised, and the path that it names a trap: old table,
 * source file and folder must all be that owner's or root's and nobody else's
 * to change, and lie where the administrator allows it.  So nobody gets
 * anything built but from what root or the owner wrote.  Made to run for some
 * days, not for ever.  Ends when master says so.
 */

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/param.h"
#include "mail/reindex_proto.h"
#include "server/server.h"
#include "table/table.h"
#include "util/buf.h"
#include "util/frame.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/proc.h"
#include "util/stream.h"
#include "util/text.h"

enum {
	CLIENT_WAIT = 60,	/* seconds */
	BUILD_WAIT = 600,
};

struct job {
	const char	*table;		/* "hash:/path", as asked for */
	const char	*path;
	const char	*type;		/* in its place */
	const char	*command;	/* postmap or postalias */
	char		*built;		/* "lmdb:/path" */
	uid_t		 uid;		/* the owner of the old table */
	gid_t		 gid;
};

#define CORRECT "to allow automatic indexing, correct the ownership or " \
	"permissions; alternatively, execute the failed command by hand"

/* --- may it be built */

/* Ours to believe: root's or the owner's, and nobody else's to change. */
static bool
is_owned(const struct stat *st, uid_t uid)
{
	return (st->st_uid == 0 || st->st_uid == uid) &&
	    (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static char *
parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == path ? mem_strdup("/") :
	    mem_strndup(path, (size_t)(slash - path));
}

static bool
is_below(const char *path, const char *prefixes)
{
	char  *copy = mem_strdup(prefixes), *next = copy, *word;
	size_t n;
	bool   yes = false;

	while (!yes && (word = text_word(&next, TEXT_LIST_SEP, false)) !=
	    NULL) {
		for (n = strlen(word); n > 0 && word[n - 1] == '/'; n--)
			;
		yes = n > 0 && strncmp(path, word, n) == 0 &&
		    (path[n] == '/' || path[n] == '\0');
	}
	mem_free(copy);
	return yes;
}

/* Where the folder really is, whatever links lead there. */
static bool
is_allowed_place(const struct job *j, const char *parent, struct buf *why)
{
	bool	    as_root = j->uid == 0;
	const char *prefixes = as_root ?
	    conf_mail.non_bdb_migration_allow_root_prefixes :
	    conf_mail.non_bdb_migration_allow_user_prefixes;
	char	   *real = realpath(parent, NULL);
	bool	    ok = real != NULL && is_below(real, prefixes);

	free(real);
	if (!ok)
		buf_addf(why, "table %s has an unexpected pathname; to allow "
		    "automatic indexing as %s, append its parent directory to "
		    "the non_bdb_migration_allow_%s_prefixes setting (current "
		    "setting is: \"%s\"); alternatively, execute the failed "
		    "command by hand", j->path, as_root ? "root" : "non-root",
		    as_root ? "root" : "user", prefixes);
	return ok;
}

static bool
check_parent(const struct job *j, struct buf *why)
{
	char	   *parent = parent_of(j->path);
	struct stat st;
	bool	    ok = stat(parent, &st) == 0 && is_owned(&st, j->uid);

	if (!ok)
		buf_addf(why, "legacy indexed file '%s.db' is owned by uid "
		    "'%ld', but parent directory '%s' is owned or writable by "
		    "other user; " CORRECT, j->path, (long)j->uid, parent);
	else
		ok = is_allowed_place(j, parent, why);
	mem_free(parent);
	return ok;
}

static bool
check_source(const struct job *j, struct buf *why)
{
	struct stat st;

	if (lstat(j->path, &st) != 0 || !S_ISREG(st.st_mode)) {
		buf_addf(why, "there is no file '%s' to build it from",
		    j->path);
		return false;
	}
	if (!is_owned(&st, j->uid)) {
		buf_addf(why, "legacy indexed file '%s.db' is owned by uid "
		    "'%ld', but file '%s' is owned or writable by other "
		    "user; " CORRECT, j->path, (long)j->uid, j->path);
		return false;
	}
	return true;
}

/* The old table says whose rights are taken. */
static bool
find_owner(struct job *j, struct buf *why)
{
	char	   *old = mem_printf("%s.db", j->path);
	struct stat st;
	bool	    ok = lstat(old, &st) == 0 && S_ISREG(st.st_mode);

	if (ok) {
		j->uid = st.st_uid;
		j->gid = st.st_gid;
	} else {
		buf_addf(why, "there is no legacy indexed file '%s'", old);
	}
	mem_free(old);
	return ok;
}

/* --- what is asked for */

static bool
is_alias_table(const char *table)
{
	return text_has_word(conf_mail.alias_maps, table) ||
	    text_has_word(conf_mail.alias_database, table);
}

static bool
is_clean_path(const char *path)
{
	if (*path != '/' || strlen(path) >= PATH_MAX - 16 ||
	    strstr(path, "/../") != NULL || path[strlen(path) - 1] == '/')
		return false;
	for (; *path != '\0'; path++)
		if ((unsigned char)*path < ' ' || *path == 0x7f)
			return false;
	return true;
}

static bool
understand(struct job *j, const char *table)
{
	j->table = table;
	if (text_starts(table, "hash:"))
		j->type = conf_mail.default_database_type;
	else if (text_starts(table, "btree:"))
		j->type = conf_mail.default_cache_db_type;
	else
		return false;
	j->path = strchr(table, ':') + 1;
	j->command = is_alias_table(table) ? "postalias" : "postmap";
	return is_clean_path(j->path) && !text_eq(j->type, "hash") &&
	    !text_eq(j->type, "btree") && table_can_create(j->type);
}

static bool
is_there(const struct job *j)
{
	char *file = mem_printf("%s.%s", j->path, j->type);
	bool  yes = access(file, F_OK) == 0;

	mem_free(file);
	return yes;
}

/* --- doing it */

/* In a child, with the owner's rights for good. */
static void
build_as_owner(const struct job *j)
{
	char *program = mem_printf("%s/%s", conf_mail.command_directory,
	    j->command);
	char *dir = mem_printf("-c%s", conf_mail.config_directory);
	char  path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	char *argv[] = { program, dir, j->built, NULL };
	char *env[] = { path, NULL };

	if (geteuid() == 0 && j->uid != 0 &&
	    !proc_become(j->uid, j->gid, NULL))
		_exit(127);
	_exit(proc_run(argv, env, -1, -1, BUILD_WAIT) == 0 ? 0 : 1);
}

static bool
build(const struct job *j, struct buf *why)
{
	int   status = -1;
	pid_t pid;

	log_flush();
	if ((pid = fork()) == 0)
		build_as_owner(j);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid > 0 && status == 0 && is_there(j))
		return true;
	buf_adds(why, "it failed; execute it by hand to see why");
	return false;
}

static bool
handle(const char *table)
{
	struct job j = { 0 };
	struct buf why = BUF_INIT;
	bool	   ok;

	if (!understand(&j, table)) {
		log_warn("no table that could be built: %.100s", table);
		return false;
	}
	if (is_there(&j))
		return true;
	j.built = mem_printf("%s:%s", j.type, j.path);
	ok = find_owner(&j, &why) && check_source(&j, &why) &&
	    check_parent(&j, &why) && build(&j, &why);
	if (ok)
		log_info("successfully executed '%s %s' as uid %ld",
		    j.command, j.built, (long)j.uid);
	else
		log_warn("could not execute command '%s %s': %s", j.command,
		    j.built, why.data);
	mem_free(j.built);
	buf_done(&why);
	return ok;
}

static void
serve(struct stream *client)
{
	struct frame f = FRAME_INIT;
	const char  *table;
	bool	     ok;

	stream_set_deadline(client, CLIENT_WAIT);
	if (frame_receive(client, &f, REINDEX_FRAME_MAX) &&
	    f.type == REINDEX_BUILD &&
	    (table = frame_str(&f, REINDEX_KEY_TABLE)) != NULL) {
		ok = handle(table);
		frame_begin(&f, REINDEX_BUILT);
		frame_put_u64(&f, REINDEX_KEY_STATUS, ok);
		stream_set_deadline(client, CLIENT_WAIT);
		frame_send(client, &f);
		stream_flush(client);
	}
	frame_done(&f);
}

static void
before_jail(void)
{
	if (!text_eq(conf_mail.non_bdb_migration_level, "enable-reindex"))
		fatalx("non_bdb_migration_level is not enable-reindex: remove "
		    "this service, \"postfix non-bdb %s\" does it",
		    conf_mail.non_bdb_migration_level);
}

int
main(int argc, char **argv)
{
	static const struct server server = {
		.name = "nbdb_reindexd",
		.kind = SERVER_SINGLE,
		.privileged = true,
		.jail = PROC_JAIL_NET | PROC_JAIL_FILES | PROC_JAIL_EXEC |
		    PROC_JAIL_IDS,
		.before_jail = before_jail,
		.serve = serve,
	};

	server_main(argc, argv, &server);
}
