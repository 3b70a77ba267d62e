#include "commands/postfix/check.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/conf.h"
#include "net/dns.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

enum {
	EXPIRES_SOON = 14,	/* days */
	WIDE_V4 = 8,		/* bits: a network wider than that in mynetworks
				   is a mistake */
	WIDE_V6 = 16,
};

/* --- tables */

/* What a table's name stands for on disk. */
static const struct {
	const char *type, *suffix;
	bool	    indexed;	/* made of the file without suffix */
} kinds[] = {
	{ "hash", ".db", true }, { "btree", ".db", true },
	{ "lmdb", ".lmdb", true }, { "cdb", ".cdb", true },
	{ "texthash", "", false }, { "regexp", "", false },
	{ "pcre", "", false }, { "cidr", "", false },
	{ "sqlite", "", false }, { "ldap", "", false },
	{ "mysql", "", false }, { "pgsql", "", false },
	{ "mongodb", "", false }, { "memcache", "", false },
	{ "redis", "", false },
};

static void
check_table(const char *parameter, size_t kind, const char *path)
{
	char	   *file = mem_printf("%s%s", path, kinds[kind].suffix);
	const char *tool = strstr(parameter, "alias") != NULL &&
		    !text_starts(parameter, "virtual") ? "postalias" :
		    "postmap";
	struct stat indexed, source;

	if (stat(file, &indexed) != 0 && !kinds[kind].indexed)
		log_warn("%s: %s: %s", parameter, file, strerror(errno));
	else if (stat(file, &indexed) != 0)
		log_warn("%s: %s: %s; run \"%s %s\"", parameter, file,
		    strerror(errno), tool, path);
	else if (kinds[kind].indexed && stat(path, &source) == 0 &&
	    source.st_mtime > indexed.st_mtime)
		log_warn("%s: %s is older than %s; run \"%s %s\"", parameter,
		    file, path, tool, path);
	mem_free(file);
}

static void
check_word(const char *parameter, char *word)
{
	char *colon;

	if (text_starts(word, "proxy:"))
		word += strlen("proxy:");
	if ((colon = strchr(word, ':')) == NULL || colon[1] != '/')
		return;
	*colon = '\0';
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (text_eq(kinds[i].type, word))
			check_table(parameter, i, colon + 1);
}

/* Caches are made by those who use them. */
static bool
is_made_later(const char *name)
{
	return text_ends_nocase(name, "_cache_database") ||
	    text_ends_nocase(name, "_cache_map") ||
	    text_eq(name, "address_verify_map") ||
	    text_ends_nocase(name, "_auth_cache_name");
}

static void
check_entry(void *arg, const char *name, const char *text, int line)
{
	struct buf  value = BUF_INIT;
	const char *why;
	char	   *next, *word;

	(void)line;
	/* The same as alias_maps, and newaliases belongs to the first start. */
	if (text_eq(name, "alias_database") ||
	    (text_eq(name, "alias_maps") && !*(const bool *)arg))
		return;
	if (is_made_later(name) ||
	    !conf_expand(&value, text, NULL, NULL, &why)) {
		buf_done(&value);
		return;
	}
	next = value.data;
	while ((word = text_word(&next, TEXT_LIST_SEP "{}", false)) != NULL)
		check_word(name, word);
	buf_done(&value);
}

void
check_tables(bool running)
{
	conf_each(check_entry, &running);
}

/* --- open relay */

static bool
stops_strangers(const char *list)
{
	static const char *const words[] = { "reject_unauth_destination",
	    "defer_unauth_destination", "reject", "defer", "defer_if_permit" };
	char *copy = mem_strdup(list), *next = copy, *word;
	bool  stops = false, permits = false;

	while (!stops && !permits &&
	    (word = text_word(&next, TEXT_LIST_SEP, true)) != NULL) {
		permits = text_eq(word, "permit");
		for (size_t i = 0; i < sizeof words / sizeof *words; i++)
			stops |= text_eq(word, words[i]);
	}
	mem_free(copy);
	return stops;
}

static void
check_networks(void)
{
	const char *list = conf_value("mynetworks");
	char *copy = mem_strdup(list != NULL ? list : ""), *next = copy;
	char *word, *slash;
	long  bits;

	while ((word = text_word(&next, TEXT_LIST_SEP, false)) != NULL) {
		slash = strrchr(word, '/');
		if (*word == '!' || *word == '/' || slash == NULL ||
		    !text_to_long(slash + 1, 0, 128, &bits))
			continue;
		if (bits < (strchr(word, ':') != NULL ? WIDE_V6 : WIDE_V4))
			log_warn("mynetworks has \"%s\": all of these hosts"
			    " may send mail to anywhere through this one",
			    word);
	}
	mem_free(copy);
}

static const char *
list_of(const char *name)
{
	const char *v = conf_value(name);

	return v == NULL ? "" : v;
}

void
check_relay(void)
{
	if (!stops_strangers(list_of("smtpd_relay_restrictions")) &&
	    !stops_strangers(list_of("smtpd_recipient_restrictions")))
		log_warn("this host is an open relay: neither"
		    " smtpd_relay_restrictions nor"
		    " smtpd_recipient_restrictions has"
		    " \"reject_unauth_destination\" before \"permit\"");
	check_networks();
}

/* --- certificates */

static void
check_days(const char *parameter, const char *path, X509 *cert)
{
	int days = 0, seconds = 0;

	if (ASN1_TIME_diff(&days, &seconds, NULL,
	    X509_get0_notAfter(cert)) != 1)
		return;
	if (days < 0 || seconds < 0)
		log_warn("%s: the certificate in %s has expired %d days ago",
		    parameter, path, -days);
	else if (days <= EXPIRES_SOON)
		log_warn("%s: the certificate in %s expires in %d days",
		    parameter, path, days);
}

static void
check_certificate(const char *parameter)
{
	const char *path = list_of(parameter);
	const char *name = list_of("myhostname");
	FILE	   *f;
	X509	   *cert;

	if (*path == '\0' || text_eq(path, "none"))
		return;
	if ((f = fopen(path, "re")) == NULL) {
		log_warn("%s: %s: %s", parameter, path, strerror(errno));
		return;
	}
	cert = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	if (cert == NULL) {
		log_warn("%s: %s has no certificate", parameter, path);
		return;
	}
	check_days(parameter, path, cert);
	if (text_starts(parameter, "smtpd") &&
	    X509_check_host(cert, name, strlen(name), 0, NULL) != 1)
		log_warn("%s: the certificate in %s is not for $myhostname"
		    " (%s)", parameter, path, name);
	X509_free(cert);
}

static void
check_key(const char *parameter)
{
	const char *path = list_of(parameter);
	struct stat st;

	if (*path != '\0' && !text_eq(path, "none") && stat(path, &st) == 0 &&
	    (st.st_mode & 07) != 0)
		log_warn("%s: %s can be read by everybody; run \"chmod 600"
		    " %s\"", parameter, path, path);
}

void
check_certificates(void)
{
	static const char *const certs[] = { "smtpd_tls_cert_file",
	    "smtpd_tls_eccert_file", "smtp_tls_cert_file",
	    "smtp_tls_eccert_file" };
	static const char *const keys[] = { "smtpd_tls_key_file",
	    "smtpd_tls_eckey_file", "smtp_tls_key_file",
	    "smtp_tls_eckey_file" };

	for (size_t i = 0; i < sizeof certs / sizeof *certs; i++) {
		check_certificate(certs[i]);
		check_key(keys[i]);
	}
}

/* --- the name of this host */

void
check_name(void)
{
	const char	*name = list_of("myhostname"), *why = "";
	struct addr_list list = { 0 };
	enum dns_status	 status;

	/* Mail stays on this host: nobody will look the name up. */
	if (text_eq(list_of("inet_interfaces"), "loopback-only"))
		return;
	if (strchr(name, '.') == NULL) {
		log_warn("myhostname = %s has no domain: other servers will"
		    " refuse it in EHLO", name);
		return;
	}
	if (!dns_start(&why))
		return;
	status = dns_addresses(name, DNS_V4 | DNS_V6, true, true, &list, &why);
	if (status == DNS_NOT_FOUND || status == DNS_NO_DATA)
		log_warn("myhostname = %s has no address in the DNS: other"
		    " servers will refuse mail from it", name);
	addr_list_done(&list);
}
