#include "net/tls_lib.h"

#include <dlfcn.h>
#include <string.h>

struct tls_lib tls_lib;

static const char *missing;

static void
find(void *slot, const char *name)
{
	void *p = dlsym(tls_lib.handle, name);

	memcpy(slot, &p, sizeof p);
}

static void
find_needed(void *slot, const char *name)
{
	find(slot, name);
	if (*(void **)slot == NULL)
		missing = name;
}

static void
find_optional(void)
{
	find(&tls_lib.get0_group_name, "SSL_get0_group_name");
	find(&tls_lib.set1_client_cert_type, "SSL_set1_client_cert_type");
	find(&tls_lib.set1_server_cert_type, "SSL_set1_server_cert_type");
	find(&tls_lib.get0_peer_rpk, "SSL_get0_peer_rpk");
	find(&tls_lib.get_negotiated_client_cert_type,
	    "SSL_get_negotiated_client_cert_type");
	find(&tls_lib.get_negotiated_server_cert_type,
	    "SSL_get_negotiated_server_cert_type");
}

bool
tls_lib_load(const char **ret_why)
{
	if (tls_lib.handle == NULL) {
		tls_lib.handle = dlopen("libssl.so.3", RTLD_NOW | RTLD_LOCAL);
		if (tls_lib.handle == NULL) {
			*ret_why = dlerror();
			return false;
		}
	}
	missing = NULL;
#define F(name) find_needed(&tls_lib.name##_, #name);
#include "net/tls_lib.def"
#undef F
	find_optional();
	if (missing != NULL) {
		*ret_why = missing;
		return false;
	}
	return true;
}
