#include "local/pipe_attr.h"

#include <ctype.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/param.h"
#include "mail/address.h"
#include "mail/deliver.h"
#include "mail/extension.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

/* --- master.cf */

static const struct { char c; unsigned bit; } flag_names[] = {
	{ 'B', PIPE_BLANK_LINE }, { 'D', PIPE_DELIVERED_TO },
	{ 'F', PIPE_FROM_LINE }, { 'O', PIPE_ORIGINAL_TO },
	{ 'R', PIPE_RETURN_PATH }, { 'X', PIPE_FINAL },
	{ 'h', PIPE_FOLD_DOMAIN }, { 'q', PIPE_QUOTE },
	{ 'u', PIPE_FOLD_LOCAL }, { '.', PIPE_STUFF_DOTS },
	{ '>', PIPE_QUOTE_FROM },
};

static void
set_flags(struct pipe_attr *a, const char *value)
{
	size_t i;

	for (; *value != '\0'; value++) {
		for (i = 0; i < sizeof flag_names / sizeof *flag_names; i++)
			if (flag_names[i].c == *value)
				break;
		if (i == sizeof flag_names / sizeof *flag_names)
			fatalx("unknown flag: %c (ignored)", *value);
		a->flags |= flag_names[i].bit;
	}
}

/* Up to three octal digits at *p. */
static char
octal(const char **p)
{
	unsigned n = 0;

	for (int i = 0; i < 3 && **p >= '0' && **p <= '7'; i++)
		n = n * 8 + (unsigned)(*(*p)++ - '0');
	return (char)n;
}

static void
set_eol(struct pipe_attr *a, const char *value)
{
	static const char names[] = "abfnrtv\\", bytes[] = "\a\b\f\n\r\t\v\\";
	struct buf  text = BUF_INIT;
	const char *at;

	while (*value != '\0') {
		if (*value != '\\' || value[1] == '\0') {
			buf_addc(&text, *value++);
		} else if (value[1] >= '0' && value[1] <= '7') {
			value++;
			buf_addc(&text, octal(&value));
		} else {
			at = strchr(names, value[1]);
			buf_addc(&text, at != NULL ? bytes[at - names] :
			    value[1]);
			value += 2;
		}
	}
	a->eol = buf_take(&text);
}

static void
set_size(struct pipe_attr *a, const char *value)
{
	if (!text_to_long(value, 1, 0x7fffffffffffffffL, &a->size))
		fatalx("get_service_attr: bad size= value: %s", value);
}

static void
set_user(struct pipe_attr *a, const char *value)
{
	static const struct command_user_texts texts = {
		.no_user = "get_service_attr: unknown username",
		.no_group = "get_service_attr: unknown group",
		.root = "user= command-line attribute specifies root "
		    "privileges",
		.root_group = "user= command-line attribute specifies "
		    "privileged group id 0",
		.owner = "user= command-line attribute specifies mail system "
		    "owner ",
		.names_owner = true,
		.drop_group = "user= command-line attribute specifies mail "
		    "system ",
	};

	command_attr_user(value, &texts, &a->user);
}

static void
set_null_sender(struct pipe_attr *a, const char *value)
{
	a->null_sender = value;
}

static void
set_chroot(struct pipe_attr *a, const char *value)
{
	a->chroot_dir = value;
}

static void
set_dir(struct pipe_attr *a, const char *value)
{
	a->dir = value;
}

static const struct attr {
	const char	*name;
	void		(*set)(struct pipe_attr *, const char *value);
} attrs[] = {
	{ "flags=", set_flags },
	{ "user=", set_user },
	{ "eol=", set_eol },
	{ "size=", set_size },
	{ "null_sender=", set_null_sender },
	{ "chroot=", set_chroot },
	{ "directory=", set_dir },
};

/* --- macros */

enum macro_kind { OF_MESSAGE, OF_CLIENT, OF_RECIPIENT };

static const struct macro {
	const char		*name;
	enum macro_kind		 kind;
	enum envelope_attr	 attr;		/* OF_CLIENT */
} macros[] = {
	{ "sender", OF_MESSAGE, 0 },
	{ "nexthop", OF_MESSAGE, 0 },
	{ "queue_id", OF_MESSAGE, 0 },
	{ "size", OF_MESSAGE, 0 },
	{ "envid", OF_MESSAGE, 0 },
	{ "client_address", OF_CLIENT, ATTR_LOG_CLIENT_ADDRESS },
	{ "client_helo", OF_CLIENT, ATTR_LOG_HELO_NAME },
	{ "client_hostname", OF_CLIENT, ATTR_LOG_CLIENT_NAME },
	{ "client_port", OF_CLIENT, ATTR_LOG_CLIENT_PORT },
	{ "client_protocol", OF_CLIENT, ATTR_LOG_PROTOCOL_NAME },
	{ "sasl_method", OF_CLIENT, ATTR_SASL_METHOD },
	{ "sasl_sender", OF_CLIENT, ATTR_SASL_SENDER },
	{ "sasl_username", OF_CLIENT, ATTR_SASL_USERNAME },
	{ "recipient", OF_RECIPIENT, 0 },
	{ "original_recipient", OF_RECIPIENT, 0 },
	{ "user", OF_RECIPIENT, 0 },
	{ "extension", OF_RECIPIENT, 0 },
	{ "mailbox", OF_RECIPIENT, 0 },
	{ "domain", OF_RECIPIENT, 0 },
};

static const struct macro *
find_macro(struct str name)
{
	for (size_t i = 0; i < sizeof macros / sizeof *macros; i++)
		if (str_is(name, macros[i].name))
			return &macros[i];
	return NULL;
}

/* The next name behind a '$', also within others; *p moves behind it. */
static bool
next_name(const char **p, struct str *ret)
{
	const char *at;

	while ((at = strchr(*p, '$')) != NULL) {
		if (*++at == '$') {
			*p = at + 1;
			continue;
		}
		if (*at == '{' || *at == '(')
			at++;
		at += strspn(at, " \t");
		ret->p = at;
		while (isalnum((unsigned char)*at) || *at == '_')
			at++;
		ret->n = (size_t)(at - ret->p);
		*p = at;
		if (ret->n > 0)
			return true;
	}
	return false;
}

static bool
is_of_recipients(const char *arg)
{
	struct str	    name;
	const struct macro *m;

	while (next_name(&arg, &name))
		if ((m = find_macro(name)) != NULL && m->kind == OF_RECIPIENT)
			return true;
	return false;
}

/* The first name that is none of ours, or false. */
static bool
unknown_macro(char **argv, struct str *ret)
{
	const char *p;

	for (; *argv != NULL; argv++)
		for (p = *argv; next_name(&p, ret);)
			if (find_macro(*ret) == NULL)
				return true;
	return false;
}

void
pipe_attr_read(struct pipe_attr *a, char **words)
{
	size_t i;
	bool   has_user = false;

	*a = (struct pipe_attr){ .null_sender = "MAILER-DAEMON" };
	for (; *words != NULL && !text_starts_nocase(*words, "argv=");
	    words++) {
		for (i = 0; i < sizeof attrs / sizeof *attrs; i++)
			if (text_starts_nocase(*words, attrs[i].name))
				break;
		if (i == sizeof attrs / sizeof *attrs)
			fatalx("unknown attribute name: %s", *words);
		attrs[i].set(a, *words + strlen(attrs[i].name));
		has_user = has_user || attrs[i].set == set_user;
	}
	if (!has_user)
		fatalx("missing user= command-line attribute");
	if (*words != NULL) {
		*words += strlen("argv=");
		if (**words == '\0')
			words++;		/* "argv= command" */
	}
	if (*words == NULL)
		fatalx("missing argv= command-line attribute");
	a->argv = words;
}

/* --- expansion */

struct values {
	const struct pipe_attr	*a;
	struct pool		*pool;
	struct delivery		*d;
	const struct recipient	*r;
};

/* Local part by the flag u, domain by h, quotes by q. */
static const char *
full_address(const struct values *v, const char *address, bool fold)
{
	struct buf  out = BUF_INIT;
	size_t	    local = address_local_len(address);
	char	   *copy = pool_strdup(v->pool, address), *domain;
	const char *result = copy;

	domain = copy + local;
	if (fold && (v->a->flags & PIPE_FOLD_DOMAIN))
		text_lower(domain);
	if (fold && (v->a->flags & PIPE_FOLD_LOCAL)) {
		char keep = *domain;

		*domain = '\0';
		text_lower(copy);
		*domain = keep;
	}
	if ((v->a->flags & PIPE_QUOTE) && *copy != '\0') {
		address_quote(&out, copy);
		result = pool_strdup(v->pool, out.data);
		buf_done(&out);
	}
	return result;
}

static const char *
local_part(const struct values *v, const char *name)
{
	const char *address = v->r->address, *ext;
	char	   *local = pool_strndup(v->pool, address,
	    address_local_len(address));

	if (v->a->flags & PIPE_FOLD_LOCAL)
		text_lower(local);
	if (text_eq(name, "mailbox"))
		return local;
	ext = extension_find(local, strlen(local));
	if (text_eq(name, "extension"))
		return ext != NULL ? ext + 1 : "";
	return ext == NULL ? local :
	    pool_strndup(v->pool, local, (size_t)(ext - local));
}

static const char *
folded_domain(const struct values *v, const char *text)
{
	char *copy = pool_strdup(v->pool, text != NULL ? text : "");

	return v->a->flags & PIPE_FOLD_DOMAIN ? text_lower(copy) : copy;
}

static const char *
recipient_value(const struct values *v, const char *name)
{
	if (text_eq(name, "recipient"))
		return full_address(v, v->r->address, true);
	if (text_eq(name, "original_recipient"))
		return full_address(v, v->r->original, true);
	if (text_eq(name, "domain"))
		return folded_domain(v, address_domain(v->r->address));
	return local_part(v, name);
}

static const char *
message_value(const struct values *v, const char *name)
{
	if (text_eq(name, "sender"))
		return full_address(v, *v->d->sender != '\0' ? v->d->sender :
		    v->a->null_sender, false);
	if (text_eq(name, "nexthop"))
		return folded_domain(v, v->d->nexthop);
	if (text_eq(name, "queue_id"))
		return v->d->id;
	if (text_eq(name, "envid"))
		return v->d->envid;
	return pool_printf(v->pool, "%llu",
	    (unsigned long long)v->d->file.t.size);
}

static const char *
get_value(void *arg, const char *name)
{
	const struct values	*v = arg;
	const struct macro	*m = find_macro(str_of(name));
	const struct envelope	*env;

	if (m == NULL)
		return NULL;
	switch (m->kind) {
	case OF_RECIPIENT:
		return v->r != NULL ? recipient_value(v, name) : "";
	case OF_CLIENT:
		env = delivery_envelope(v->d);
		return env != NULL ? envelope_get(env, m->attr) : "";
	default:
		return message_value(v, name);
	}
}

struct arguments {
	char	**argv;
	size_t	  count, size;
};

static bool
add_argument(struct arguments *args, struct values *v, const char *text,
    const char **ret_why)
{
	struct conf_values with = { .get = get_value, .arg = v };
	struct buf	   out = BUF_INIT;
	bool		   ok = conf_expand_values(&out, text, &with, ret_why);
	char		 **more;

	if (args->count + 1 >= args->size) {
		args->size = args->size == 0 ? 32 : args->size * 2;
		more = pool_alloc(v->pool, args->size * sizeof *more);
		if (args->count > 0)
			memcpy(more, args->argv, args->count * sizeof *more);
		args->argv = more;
	}
	args->argv[args->count++] = pool_strdup(v->pool, out.data);
	args->argv[args->count] = NULL;
	buf_done(&out);
	return ok;
}

char **
pipe_attr_expand(const struct pipe_attr *a, struct pool *pool,
    struct delivery *d, const char **ret_why)
{
	struct arguments args = { 0 };
	struct values	 v = { .a = a, .pool = pool, .d = d };
	bool		 ok = true;
	struct str	 name;

	if (unknown_macro(a->argv, &name)) {
		*ret_why = pool_printf(pool, "unknown macro name: \"%.*s\"",
		    (int)name.n, name.p);
		return NULL;
	}
	for (char **word = a->argv; ok && *word != NULL; word++) {
		v.r = NULL;
		if (!is_of_recipients(*word)) {
			ok = add_argument(&args, &v, *word, ret_why);
			continue;
		}
		for (size_t i = 0; ok && i < d->rcpt_count; i++) {
			v.r = &d->rcpt[i];
			ok = add_argument(&args, &v, *word, ret_why);
		}
	}
	return ok ? args.argv : NULL;
}
