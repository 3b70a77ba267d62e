/* tls_groups - ephemeral key exchange: curves and finite fields */

#include <errno.h>
#include <string.h>

#include "net/tls_int.h"
#include "util/file.h"
#include "util/text.h"

enum { DH_FILE_MAX = 64 * 1024 };	/* bytes */

/* Adds those names that this OpenSSL knows. */
static void
add_known(SSL_CTX *scratch, struct buf *list, const char *names)
{
	char *copy, *next, *word;

	if (names == NULL)
		return;
	next = copy = mem_strdup(names);
	ERR_set_mark();
	while ((word = text_word(&next, TEXT_LIST_SEP ":", false)) != NULL)
		if (SSL_CTX_set1_groups_list(scratch, word) == 1)
			buf_addf(list, "%s%s", list->len > 0 ? ":" : "", word);
	ERR_pop_to_mark();
	mem_free(copy);
}

static void
set_groups(struct tls_context *c)
{
	const struct tls_library *l = &tls_process.with;
	const char		 *grade = c->set.eecdh_grade;
	struct buf		  list = BUF_INIT;
	SSL_CTX			 *scratch;

	/* OpenSSL's own choice */
	if (grade != NULL && text_eq_nocase(grade, "none"))
		return;
	if ((scratch = SSL_CTX_new(TLS_method())) == NULL)
		return;
	if (grade == NULL || *grade == '\0' || text_eq_nocase(grade, "auto"))
		add_known(scratch, &list, l->auto_curves);
	else if (text_eq_nocase(grade, "strong"))
		add_known(scratch, &list, l->strong_curve);
	else if (text_eq_nocase(grade, "ultra"))
		add_known(scratch, &list, l->ultra_curve);
	else {
		tls_say(true, "unknown eecdh_grade \"%s\": using auto", grade);
		add_known(scratch, &list, l->auto_curves);
	}
	add_known(scratch, &list, l->ffdhe_groups);
	SSL_CTX_free(scratch);
	if (list.len > 0 && SSL_CTX_set1_groups_list(c->ssl, list.data) != 1)
		tls_say_errors();
	buf_done(&list);
}

/* Parameters of Diffie-Hellman from a PEM file. */
static bool
load_dh(struct tls_context *c, const char *path)
{
	struct buf text = BUF_INIT;
	BIO	  *bio;
	EVP_PKEY  *dh = NULL;
	bool	   good = false;

	tls_note_file(c, path);
	if (!file_read(path, DH_FILE_MAX, &text)) {
		tls_say(true, "error opening DH parameter file \"%s\": %s -- "
		    "using compiled-in defaults", path, strerror(errno));
		return false;
	}
	if ((bio = BIO_new_mem_buf(text.data, (int)text.len)) != NULL)
		dh = PEM_read_bio_Parameters(bio, NULL);
	if (dh != NULL && SSL_CTX_set0_tmp_dh_pkey(c->ssl, dh) == 1)
		good = true;
	else
		EVP_PKEY_free(dh);
	if (!good) {
		tls_say(true, "cannot load DH parameters from file %s -- "
		    "using compiled-in defaults", path);
		tls_say_errors();
	}
	BIO_free(bio);
	buf_done(&text);
	return good;
}

void
tls_groups_set(struct tls_context *c)
{
	const char *file = c->set.dh_file;

	set_groups(c);
	if (!c->set.server)
		return;
	if (file != NULL && text_eq_nocase(file, "none"))
		return;
	if (file == NULL || *file == '\0' || text_eq_nocase(file, "auto") ||
	    !load_dh(c, file))
		SSL_CTX_set_dh_auto(c->ssl, 1);
}
