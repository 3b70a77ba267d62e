#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/opensslv.h>
#include <stdio.h>

#include "commands/postconf/postconf.h"
#include "table/table.h"
#include "util/text.h"

void
list_table_types(void)
{
	for (const char *const *t = table_types(); *t != NULL; t++)
		puts(*t);
}

void
list_locks(void)
{
	puts("flock\nfcntl\ndotlock");
}

void
list_sasl(bool client)
{
	puts(client ? "cyrus" : "cyrus\ndovecot");
}

static void
print_algorithms(void)
{
	static const struct {
		const char *id, *name;
	} known[] = {
		{ "DSA", "dsa" }, { "EC", "ecdsa" }, { "RSA", "rsa" },
	};
	EVP_KEYMGMT *found;

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		found = EVP_KEYMGMT_fetch(NULL, known[i].id, NULL);
		if (found != NULL)
			puts(known[i].name);
		EVP_KEYMGMT_free(found);
	}
}

bool
list_tls(const char *mode)
{
	if (text_eq_nocase(mode, "compile-version"))
		puts(OPENSSL_VERSION_TEXT);
	else if (text_eq_nocase(mode, "run-version"))
		puts(OpenSSL_version(OPENSSL_VERSION));
	else if (text_eq_nocase(mode, "public-key-algorithms"))
		print_algorithms();
	else
		return false;
	return true;
}
