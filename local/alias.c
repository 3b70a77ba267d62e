/*
 * Aliases, :include: files and .forward files: lists of targets.
 *
 * A member goes straight to its mailbox, file or command, unless the list is a
 * mailing list - it has an owner, or comes from an :include: file - or the
 * member is not of this host.  Those members become one new message through
 * cleanup (forward.c), so that a list of thousands is queued once, and each
 * member is retried by itself.
 *
 * Who expands decides as whom commands run and files are written: for an
 * alias default_privs (or the owner of an alias file that is not root's), for
 * .forward the user, for :include: the owner of the file.
 */

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/param.h"
#include "local/content.h"
#include "local/forward.h"
#include "local/recipient.h"
#include "local/user_names.h"
#include "mail/address.h"
#include "mail/deliver.h"
#include "mail/deliver_proto.h"
#include "mail/resolve_client.h"
#include "mail/rewrite.h"
#include "server/server.h"
#include "table/table.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/proc.h"
#include "util/text.h"

enum { INCLUDE_MAX = 64 * 1024 * 1024, DOT_FORWARD_MAX = 1024 * 1024 }; /* bytes */

static enum outcome deliver_targets(struct request *, struct context *,
	    const struct target_list *);

static enum outcome
part(struct request *r, const struct context *c, const char *dsn,
    const char *text)
{
	struct why	why = WHY_INIT;
	enum outcome	got;

	why_set(&why, dsn, "%s", text);
	got = request_part(r, c, &why);
	why_done(&why);
	return got;
}

/* Only the nearest one: a longer circle meets the nesting limit. */
static bool
is_expanding(const struct context *c, const char *alias)
{
	while (c != NULL && c->alias == NULL)
		c = c->parent;
	return c != NULL && text_eq_nocase(c->alias, alias);
}

/* --- members that are addresses */

static void
complete_address(struct buf *out, const char *address)
{
	struct rewrite_rules rules = {
		.origin = conf_mail.myorigin,
		.mydomain = conf_mail.mydomain,
		.append_at_origin = conf_mail.append_at_myorigin,
		.append_dot_domain = conf_mail.append_dot_mydomain,
		.swap_bangpath = conf_mail.swap_bangpath,
		.percent_hack = conf_mail.allow_percent_hack,
		.resolve_dequoted = conf_mail.resolve_dequoted_address,
	};

	rewrite_standard(out, address, &rules);
}

void
recipient_gather(struct request *r, const struct context *c,
    const char *address)
{
	struct context	to = *c;
	struct forward *f;

	if (!request_first(r, "address", address))
		return;
	if (r->d->flags & DELIVER_VERIFY) {	/* a report, no mail */
		to.address = address;
		part(r, &to, "2.0.0", pool_printf(r->pool, "forwards to %s",
		    address));
		return;
	}
	f = forward_for(&r->forwards, c->owner != NULL ? c->owner :
	    r->d->sender, r->delivered_to);
	forward_add(f, address, c->owner != NULL ? NULL : r->top);
}

/* In the domain of the recipient, which is ours: nobody need be asked. */
static bool
is_neighbour(const struct request *r, const char *address)
{
	const char *domain = address_domain(address);
	const char *ours = address_domain(r->top->address);

	return domain != NULL && ours != NULL && text_eq_nocase(domain, ours);
}

/*
 * "\\alice" in alice's .forward.  And alice+ext there, once mail comes by alice
 * a second time: a .forward that names its user under other and other
 * extensions would multiply it for ever.
 */
bool
is_own_mailbox(struct request *r, const struct context *c, const char *address)
{
	struct str  local = { address, address_local_len(address) };
	const char *domain = address_domain(address);
	size_t	    n = c->user != NULL ? strlen(c->user) : 0;

	if (n == 0 || local.n < n || (domain != NULL &&
	    !text_eq_nocase(domain, conf_mail.myorigin) &&
	    !is_neighbour(r, address)))
		return false;
	if (local.n == n)
		return !c->is_include && str_is_nocase(local, c->user);
	return strncasecmp(address, c->user, n) == 0 &&
	    strchr(conf_mail.recipient_delimiter, address[n]) != NULL &&
	    domain != NULL &&
	    content_was_delivered_to_user(r->d, c->user, domain);
}

enum { OWN_MAX = 100 };	/* names of a user's own, once mail went round */

enum outcome
address_deliver(struct request *r, struct context *c, const char *written)
{
	struct buf	 full = BUF_INIT;
	struct resolved	 to;
	const char	*address;

	complete_address(&full, written);
	address = pool_strdup(r->pool, full.data);
	buf_done(&full);
	if (c->gathers && is_own_mailbox(r, c, address)) {
		if (++r->own_count > OWN_MAX)
			return DONE;
	} else if (c->gathers) {
		if (is_neighbour(r, address))
			return recipient_name(r, c, address);
		recipient_gather(r, c, address);
		return DONE;
	}
	if (!resolve_one(r->pool, r->d->sender, address, &to) ||
	    (to.flags & RESOLVE_FAIL))
		return part(r, c, "4.3.0", "address resolver failure");
	if (!(to.flags & RESOLVE_ERROR) &&
	    text_eq(to.transport, server_service()))
		return recipient_name(r, c, to.recipient);
	recipient_gather(r, c, address);
	return DONE;
}

/* --- members that are :include: files */

/* Only what the administrator wrote may name files that users can't read. */
static bool
is_of_user(const struct context *c)
{
	if (c->uid != local_tables.default_uid)
		return true;
	for (; c != NULL; c = c->parent)
		if (c->user != NULL)
			return true;
	return false;
}

/* The file's facts and what it says, by the rights of whoever named it.  NULL,
 * or the status of what is wrong, after a warning. */
static const char *
read_include(struct request *r, const char *path, struct stat *st,
    struct target_list *list)
{
	if (stat(path, st) != 0) {
		log_warn("unable to lookup :include: file %s: %s", path,
		    strerror(errno));
		return errno == ENOENT || errno == ENOTDIR ||
		    errno == EACCES ? "5.3.5" : "4.3.5";
	}
	if (!S_ISREG(st->st_mode)) {
		log_warn("file %s is not a regular file", path);
		return "5.3.5";
	}
	if (!target_list_read(list, r->pool, path, INCLUDE_MAX)) {
		log_warn("open file %s: %s", path, strerror(errno));
		return "4.3.5";
	}
	return NULL;
}

static enum outcome
deliver_include(struct request *r, struct context *c, const char *path)
{
	struct target_list list = { 0 };
	struct context	inner = *c;
	struct stat	st;
	bool		as_user = geteuid() == 0 && is_of_user(c);
	const char     *dsn;

	if (!text_starts(path, "/")) {
		log_warn(":include:%s uses a relative path", path);
		return part(r, c, "5.3.5", "mail system configuration error");
	}
	/* A file that includes itself adds nothing. */
	if (!request_first(r, "include", path))
		return DONE;
	if (as_user && !proc_act_as(c->uid, c->gid))
		return part(r, c, "4.3.5", "mail system configuration error");
	dsn = read_include(r, path, &st, &list);
	if (as_user)
		proc_act_as_root();
	if (dsn != NULL)
		return part(r, c, dsn, "mail system configuration error");
	inner.parent = c;
	inner.is_include = true;
	inner.level++;
	if (inner.level > NESTING_MAX)
		return part(r, c, "5.4.6", "recipient nesting limit exceeded");
	if (st.st_uid != 0) {
		inner.uid = st.st_uid;
		inner.gid = st.st_gid;
	}
	return deliver_targets(r, &inner, &list);
}

/* --- lists */

static bool
is_allowed(const struct context *c, const char *param)
{
	return text_has_word(param, c->is_include ? "include" :
	    c->user != NULL ? "forward" : "alias");
}

static enum outcome
deliver_file(struct request *r, struct context *c, const char *path)
{
	if (!is_allowed(c, conf_mail.allow_mail_to_files))
		return part(r, c, "5.7.1", "mail to file is restricted");
	if (*path == '~' && (path[1] != '/' || c->home == NULL)) {
		log_warn("%s home directory%s for: %s", path[1] != '/' ?
		    "bad" : "unknown", path[1] != '/' ? " syntax" : "", path);
		return part(r, c, "5.3.5", "mail system configuration error");
	}
	if (*path == '~')
		path = pool_printf(r->pool, "%s%s", c->home, path + 1);
	if (!request_first(r, "file", path))
		return DONE;
	return file_deliver(r, c, path);
}

static enum outcome
deliver_target(struct request *r, struct context *c, const struct target *t)
{
	switch (t->kind) {
	case TARGET_ADDRESS:
		return address_deliver(r, c, t->text);
	case TARGET_INCLUDE:
		return deliver_include(r, c, t->text);
	case TARGET_FILE:
		return deliver_file(r, c, t->text);
	case TARGET_COMMAND:
		if (!is_allowed(c, conf_mail.allow_mail_to_commands))
			return part(r, c, "5.7.1",
			    "mail to command is restricted");
		if (!request_first(r, "command", t->text))
			return DONE;
		return command_deliver(r, c, t->text);
	}
	return TRY_LATER;
}

static bool
has_include(const struct target_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].kind == TARGET_INCLUDE)
			return true;
	return false;
}

static enum outcome
deliver_targets(struct request *r, struct context *c,
    const struct target_list *list)
{
	enum outcome worst = DONE;

	for (size_t i = 0; i < list->count; i++)
		worst = outcome_worse(worst,
		    deliver_target(r, c, &list->items[i]));
	return worst;
}

/* --- aliases */

static const char *
find_owner(struct request *r, const char *alias, const char *domain)
{
	struct buf	 key = BUF_INIT, value = BUF_INIT;
	const char	*owner = NULL;

	if (conf_mail.owner_request_special) {
		buf_addf(&key, "owner-%s", alias);
		if (table_list_find(local_tables.aliases, key.data, &value) ==
		    TABLE_FOUND)
			owner = conf_mail.expand_owner_alias ?
			    pool_strdup(r->pool, text_trim(value.data)) :
			    pool_printf(r->pool, "%s@%s", key.data,
			    domain != NULL ? domain : conf_mail.myorigin);
	}
	buf_done(&key);
	buf_done(&value);
	return owner;
}

static enum outcome
expand_alias(struct request *r, const struct context *c, const char *alias,
    const char *domain, const char *value)
{
	struct context	self = *c;
	struct target_list list = { 0 };
	const char	*owner;

	if (r->d->flags & DELIVER_PROBE)	/* that it exists will do */
		return part(r, c, "2.0.0", pool_printf(r->pool,
		    "aliased to %s", value));
	self.parent = c;
	self.alias = alias;
	self.user = NULL;
	self.is_include = false;
	self.uid = local_tables.default_uid;
	self.gid = local_tables.default_gid;
	self.home = NULL;
	self.shell = NULL;
	self.logname = alias;
	if ((owner = find_owner(r, alias, domain)) != NULL)
		self.owner = owner;
	else if (conf_mail.reset_owner_alias)
		self.owner = NULL;
	if (!target_list_parse(&list, r->pool, value)) {
		log_warn("alias %s has too many members", alias);
		return part(r, c, "5.3.5", "mail system configuration error");
	}
	self.gathers = c->gathers || owner != NULL || has_include(&list);
	request_expanded(r, c, owner != NULL ? "delivered" : "expanded");
	return deliver_targets(r, &self, &list);
}

/* The alias entry of a local part, with its extension and without. */
static enum table_result
find_alias(struct request *r, const char *local, const char **ret_alias,
    struct buf *value)
{
	enum table_result got = table_list_find(local_tables.aliases, local,
	    value);
	const char	*ext;

	*ret_alias = local;
	if (got != TABLE_NOT_FOUND)
		return got;
	ext = address_extension(local, strlen(local),
	    conf_mail.recipient_delimiter, conf_mail.double_bounce_sender);
	if (ext == NULL)
		return got;
	*ret_alias = pool_strndup(r->pool, local, ext - local);
	return table_list_find(local_tables.aliases, *ret_alias, value);
}

bool
alias_deliver(struct request *r, const struct context *c, const char *address,
    enum outcome *ret)
{
	struct buf	 value = BUF_INIT;
	const char	*alias, *local;
	bool		 took = true;

	local = text_lower(pool_strndup(r->pool, address,
	    address_local_len(address)));
	switch (find_alias(r, local, &alias, &value)) {
	case TABLE_NOT_FOUND:
		took = false;
		break;
	case TABLE_ERROR:
		log_warn("%s: %s", "alias_maps",
		    table_list_error(local_tables.aliases));
		*ret = part(r, c, "4.3.0", "alias database unavailable");
		break;
	case TABLE_FOUND:
		/* An alias that names itself means the user of that name. */
		took = !is_expanding(c, alias);
		if (took)
			*ret = expand_alias(r, c, alias,
			    address_domain(address), value.data);
		break;
	}
	buf_done(&value);
	return took;
}

/* --- .forward */

/* Only the user's own regular file counts, not one that others can change. */
static bool
is_trusted(const char *path, const struct user *user)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return false;
	if (!S_ISREG(st.st_mode))
		log_warn("file %s is not a regular file", path);
	else if (st.st_uid != user->uid && st.st_uid != 0)
		log_warn("file %s has bad owner uid %ld", path,
		    (long)st.st_uid);
	else if (st.st_mode & S_IWOTH)
		log_warn("file %s is world writable", path);
	else
		return true;
	return false;
}

/* As root, who may not see it where root is nobody (NFS).  Most users have no
 * such file, and needn't be acted as to find that out. */
static bool
may_be_there(const char *path, const struct user *user)
{
	struct stat st;

	(void)user;
	return stat(path, &st) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

/* The first file of forward_path that is `good`; false: none. */
static bool
find_dot_forward(struct request *r, const char *address,
    const struct user *user, bool (*good)(const char *, const struct user *),
    const char **ret_path)
{
	static char	*forward_path;	/* expanded once */
	struct user_names n;
	char		*copy, *word;
	struct buf	 path = BUF_INIT;
	const char	*why;
	bool		 found = false;

	if (forward_path == NULL)
		forward_path = mem_strdup(conf_text("forward_path"));
	copy = pool_strdup(r->pool, forward_path);
	user_names_init(&n, r->pool, address);
	n.user = user->name;
	n.home = user->home;
	n.shell = user->shell;
	while (!found && (word = text_word(&copy, TEXT_LIST_SEP, true)) != NULL) {
		buf_clear(&path);
		if (!user_names_expand(&n, &path, word,
		    conf_mail.forward_expansion_filter, &why)) {
			log_warn("forward_path: %s", why);
			continue;
		}
		/* No way out of the home directory by the extension. */
		if (n.lacks || (n.ext != NULL && strchr(n.ext, '/') != NULL))
			continue;
		found = good(path.data, user);
	}
	if (found)
		*ret_path = pool_strdup(r->pool, path.data);
	buf_done(&path);
	return found;
}

/* The user named in their own file means their mailbox; with an extension,
 * unless that has a file of its own. */
static bool
is_reading(const struct context *c, const struct user *user,
    const char *address, const char *path)
{
	bool bare = address_local_len(address) == strlen(user->name);

	for (; c != NULL; c = c->parent)
		if (c->user != NULL && text_eq(c->user, user->name) &&
		    (bare || text_eq(c->forward_path, path)))
			return true;
	return false;
}

/* As the user: a home directory may be closed to root (NFS).  FAILED: there is
 * none, or nothing in it. */
static enum outcome
read_dot_forward(struct request *r, struct context *c, const char *address,
    const struct user *user, struct target_list *list)
{
	bool		root = geteuid() == 0;
	const char	*path;
	enum outcome	got = FAILED;

	if (root && !find_dot_forward(r, address, user, may_be_there, &path))
		return FAILED;
	if (root && !proc_act_as(user->uid, user->gid))
		return TRY_LATER;
	if (find_dot_forward(r, address, user, is_trusted, &path) &&
	    !is_reading(c, user, address, path)) {
		c->forward_path = path;
		if (!target_list_read(list, r->pool, path, DOT_FORWARD_MAX)) {
			log_warn("open file %s: %s", path, strerror(errno));
			got = TRY_LATER;
		} else if (list->count > 0) {
			got = DONE;
		}
	}
	if (root)
		proc_act_as_root();
	return got;
}

bool
dot_forward_deliver(struct request *r, const struct context *c,
    const char *address, const struct user *user, enum outcome *ret)
{
	struct context	self = *c;
	struct target_list list = { 0 };

	switch (read_dot_forward(r, &self, address, user, &list)) {
	case DONE:
		break;
	case FAILED:
		return false;
	case TRY_LATER:
		*ret = part(r, c, "4.3.5", "cannot read .forward file");
		return true;
	}
	if (r->d->flags & DELIVER_PROBE) {
		*ret = part(r, c, "2.0.0", pool_printf(r->pool,
		    "forward via file: %s", self.forward_path));
		return true;
	}
	if (!request_first(r, "forward", self.forward_path)) {
		*ret = DONE;
		return true;
	}
	/* Loops are then found by the users that the mail goes through. */
	if (!conf_mail.frozen_delivered_to)
		r->delivered_to = address;
	self.parent = c;
	self.user = user->name;
	self.is_include = false;
	self.gathers = true;
	*ret = deliver_targets(r, &self, &list);
	return true;
}
