/*
 * cyrus - libsasl2
 *
 * Loaded at run time: it brings plug-ins and takes milliseconds, which sites
 * without AUTH shall not pay at each start of a process.
 */

#include "sasl/cyrus.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "util/buf.h"
#include "util/mem.h"
#include "util/text.h"

static struct cyrus functions;

/* --- mutexes: logins run in helper threads */

static void *
mutex_new(void)
{
	pthread_mutex_t *m = mem_alloc(sizeof *m);

	pthread_mutex_init(m, NULL);
	return m;
}

static int
mutex_lock(void *m)
{
	return pthread_mutex_lock(m);
}

static int
mutex_unlock(void *m)
{
	return pthread_mutex_unlock(m);
}

static void
mutex_free(void *m)
{
	pthread_mutex_destroy(m);
	mem_free(m);
}

const struct cyrus *
cyrus_load(const char *config_path, const char **ret_why)
{
	void *lib;

	if (functions.sasl_set_mutex != NULL)
		return &functions;
	lib = dlopen("libsasl2.so.2", RTLD_NOW | RTLD_GLOBAL);
	if (lib == NULL) {
		*ret_why = dlerror();
		return NULL;
	}
#define FUNCTION(name) \
	*(void **)&functions.name = dlsym(lib, #name); \
	if (functions.name == NULL) { \
		*ret_why = "libsasl2.so.2: " #name " is missing"; \
		return NULL; \
	}
	CYRUS_FUNCTIONS(FUNCTION)
#undef FUNCTION
	functions.sasl_set_mutex(mutex_new, mutex_lock, mutex_unlock,
	    mutex_free);
	if (*config_path != '\0')
		functions.sasl_set_path(SASL_PATH_TYPE_CONFIG,
		    mem_strdup(config_path));
	return &functions;
}

/* --- what it says */

static _Thread_local struct buf *listener;

/* Passwords are logged from SASL_LOG_PASS on: not wanted. */
static int
take_text(void *unused, int level, const char *text)
{
	static const char *const labels[] = {
		[SASL_LOG_ERR] = "problem", [SASL_LOG_FAIL] = "failure",
		[SASL_LOG_WARN] = "warning",
	};

	(void)unused;
	if (listener == NULL || text == NULL || level < SASL_LOG_ERR ||
	    level > SASL_LOG_WARN)
		return SASL_OK;
	buf_addf(listener, "SASL authentication %s: ", labels[level]);
	text_printable(listener, text, strlen(text), true);
	buf_addc(listener, '\n');
	return SASL_OK;
}

const sasl_callback_t cyrus_log_callbacks[] = {
	{ SASL_CB_LOG, (int (*)(void))(void (*)(void))take_text, NULL },
	{ SASL_CB_LIST_END, NULL, NULL },
};

void
cyrus_listen(struct buf *said)
{
	listener = said;
}

void
cyrus_tell(struct buf *said, void (*warn)(const char *))
{
	char *next = said->data, *line;

	while ((line = text_word(&next, "\n", false)) != NULL)
		warn(line);
	buf_clear(said);
}

void
cyrus_set_options(sasl_conn_t *conn, unsigned options)
{
	sasl_security_properties_t props = {
		.security_flags = options,
	};

	functions.sasl_setprop(conn, SASL_SEC_PROPS, &props);
}

const char *
cyrus_text(int status)
{
	if (status == SASL_NOUSER)
		status = SASL_BADAUTH;
	return functions.sasl_errstring(status, NULL, NULL);
}
