#include <dlfcn.h>
#include <idn2.h>
#include <stddef.h>
#include <string.h>

#include "net/dns.h"
#include "net/idna.h"

static struct {
	bool	tried;
	int   (*to_ascii)(const char *, char **, int);
	void  (*free)(void *);
} lib;

void
idna_load(void)
{
	void *handle;

	if (lib.tried)
		return;
	lib.tried = true;
	if ((handle = dlopen("libidn2.so.0", RTLD_NOW)) == NULL)
		return;
	*(void **)&lib.free = dlsym(handle, "idn2_free");
	if (lib.free != NULL)
		*(void **)&lib.to_ascii = dlsym(handle, "idn2_to_ascii_8z");
}

/* A label that begins or ends with a hyphen, which the library only looks for
 * beyond ASCII. */
static bool
has_bad_hyphen(const char *name)
{
	size_t len = strlen(name);

	return *name == '-' || (len > 0 && name[len - 1] == '-') ||
	    strstr(name, ".-") != NULL || strstr(name, "-.") != NULL;
}

/* What the last cases stand for is RFC 5892's and 5893's business, not
 * UTS 46's. */
bool
idna_is_valid(const char *domain)
{
	char *ascii;
	bool  valid;

	idna_load();
	if (lib.to_ascii == NULL)
		return true;
	switch (lib.to_ascii(domain, &ascii, IDN2_NONTRANSITIONAL)) {
	case IDN2_OK:
		valid = !has_bad_hyphen(ascii) && dns_valid_name(ascii);
		lib.free(ascii);
		return valid;
	case IDN2_DISALLOWED:
	case IDN2_CONTEXTJ:
	case IDN2_BIDI:
		return strstr(domain, "..") == NULL && *domain != '.';
	default:
		return false;
	}
}
