/* tls - starting the library, and its words for what went wrong */

#include <stdarg.h>
#include <string.h>

#include "net/tls_int.h"
#include "util/text.h"

struct tls_process tls_process;

void
tls_say(bool is_warning, const char *fmt, ...)
{
	struct buf b = BUF_INIT;
	va_list	   ap;

	if (tls_process.with.log == NULL)
		return;
	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	tls_process.with.log(is_warning, b.data);
	buf_done(&b);
}

void
tls_say_errors(void)
{
	enum { TEXT_MAX = 256 };
	char	      text[TEXT_MAX];
	const char   *file, *data;
	int	      line, flags;
	unsigned long e;

	while ((e = ERR_get_error_all(&file, &line, NULL, &data,
	    &flags)) != 0) {
		ERR_error_string_n(e, text, sizeof text);
		if ((flags & ERR_TXT_STRING) && *data != '\0')
			tls_say(true, "TLS library problem: %s:%s:%d:%s:",
			    text, file, line, data);
		else
			tls_say(true, "TLS library problem: %s:%s:%d:", text,
			    file, line);
	}
}

/* --- start */

static bool
is_set(const char *s)
{
	return s != NULL && *s != '\0';
}

/* tls_config_file: "default", "none" or a path; tls_config_name. */
static bool
init_openssl(const struct tls_library *l)
{
	OPENSSL_INIT_SETTINGS *s;
	bool		       own, good;

	if (l->config_file != NULL && text_eq(l->config_file, "none"))
		return OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	own = is_set(l->config_file) && !text_eq(l->config_file, "default");
	if (!own && !is_set(l->config_name))
		return OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, NULL);
	if ((s = OPENSSL_INIT_new()) == NULL)
		return false;
	good = true;
	if (own) {
		good = OPENSSL_INIT_set_config_filename(s, l->config_file);
		/* a file that was named must be there and in order */
		OPENSSL_INIT_set_config_file_flags(s, 0);
	}
	if (is_set(l->config_name))
		good = good &&
		    OPENSSL_INIT_set_config_appname(s, l->config_name);
	good = good && OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, s);
	OPENSSL_INIT_free(s);
	return good;
}

static void
parse_options(const struct tls_library *l)
{
	if (is_set(l->ssl_options))
		tls_process.options_on = tls_options_parse("tls_ssl_options",
		    l->ssl_options, false);
	if (is_set(l->disable_workarounds))
		tls_process.options_off = tls_options_parse(
		    "tls_disable_workarounds", l->disable_workarounds, true);
}

bool
tls_start(const struct tls_library *library, const char **ret_why)
{
	struct tls_process *p = &tls_process;

	if (p->started)
		return true;
	p->with = *library;
	if (!tls_lib_load(ret_why))
		return false;
	if (!init_openssl(library)) {
		tls_say_errors();
		*ret_why = "OpenSSL can't be initialized; see tls_config_file";
		return false;
	}
	ERR_clear_error();
	parse_options(library);
	p->index = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL, 0, NULL, NULL,
	    NULL, NULL);
	p->started = p->index >= 0;
	if (!p->started)
		*ret_why = "OpenSSL has no room";
	return p->started;
}

/* --- fingerprints */

bool
tls_fingerprint(struct buf *b, const char *digest, const void *bytes,
    size_t len)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	size_t	      n;

	ERR_set_mark();
	if (EVP_Q_digest(NULL, digest, NULL, bytes, len, md, &n) != 1) {
		ERR_pop_to_mark();
		return false;
	}
	ERR_clear_last_mark();
	for (size_t i = 0; i < n; i++)
		buf_addf(b, "%s%02X", i > 0 ? ":" : "", md[i]);
	return true;
}
