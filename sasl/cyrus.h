/* cyrus - libsasl2, loaded when AUTH is on (private to sasl/) */

#ifndef SASL_CYRUS_H
#define SASL_CYRUS_H

#include <sasl/sasl.h>
#include <stdbool.h>

struct buf;

/* Its functions by their names. */
#define CYRUS_FUNCTIONS(F) \
	F(sasl_set_mutex) F(sasl_set_path) F(sasl_errstring) F(sasl_dispose) \
	F(sasl_setprop) F(sasl_getprop) F(sasl_listmech) \
	F(sasl_server_init) F(sasl_server_new) F(sasl_server_start) \
	F(sasl_server_step) \
	F(sasl_client_init) F(sasl_client_new) F(sasl_client_start) \
	F(sasl_client_step)

struct cyrus {
#define FUNCTION(name) __typeof__(name) *name;
	CYRUS_FUNCTIONS(FUNCTION)
#undef FUNCTION
};

/*
 * Loads the library and makes it safe for threads; `config_path` may be "".
 * Must be done before the jail.  NULL with why.
 */
const struct cyrus *cyrus_load(const char *config_path, const char **ret_why);

/* For sasl_server_init() and sasl_client_init(): what the library logs goes
 * where cyrus_listen() says. */
extern const sasl_callback_t cyrus_log_callbacks[];

/*
 * From now on what the library says in this thread is put into `said`, a
 * line each, until the call with NULL.
 */
void	cyrus_listen(struct buf *said);

/* Calls `warn` for each line. */
void	cyrus_tell(struct buf *said, void (*warn)(const char *));

/* The kinds of mechanisms, and no security layer: that is what TLS is for. */
void	cyrus_set_options(sasl_conn_t *, unsigned options);

/* Text of a status, without telling whether a user exists. */
const char *cyrus_text(int status);

#endif
