#include "table/plugin.h"

#include <dlfcn.h>
#include <limits.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "util/map.h"
#include "util/mem.h"

#define SYSTEM_DIR "/usr/lib/postfix"

/* From the directory of the program: usr/lib/postfix/sbin, usr/sbin,
 * build/bin, build/tests/NAME. */
static const char *const beside[] = {
	"..", "../lib/postfix", "../lib", "../../lib",
};

static struct map *handles;

/* The program's directory, or NULL.  A set-id program may have been linked
 * to a place where anyone could put a library. */
static char *
program_dir(void)
{
	char	path[PATH_MAX], *slash;
	ssize_t n;

	if (getauxval(AT_SECURE) != 0)
		return NULL;
	n = readlink("/proc/self/exe", path, sizeof path - 1);
	if (n <= 0)
		return NULL;
	path[n] = '\0';
	slash = strrchr(path, '/');
	return slash == NULL ? NULL :
	    mem_strndup(path, (size_t)(slash - path));
}

static char *
find_file(const char *type)
{
	char *dir = program_dir(), *file;

	for (size_t i = 0; dir != NULL &&
	    i < sizeof beside / sizeof *beside; i++) {
		file = mem_printf("%s/%s/postfix-%s.so", dir, beside[i], type);
		if (access(file, R_OK) == 0) {
			mem_free(dir);
			return file;
		}
		mem_free(file);
	}
	mem_free(dir);
	return mem_printf("%s/postfix-%s.so", SYSTEM_DIR, type);
}

static void *
load(struct table *t, const char *type)
{
	char *file = find_file(type);
	void *handle;

	if (access(file, F_OK) != 0) {
		table_fail(t, "%s: this type needs %s, which is not "
		    "installed", t->full_name, file);
		mem_free(file);
		return NULL;
	}
	handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	if (handle == NULL)
		table_fail(t, "%s: %s", t->full_name, dlerror());
	mem_free(file);
	return handle;
}

const void *
plugin_load(struct table *t, const char *type, const char *symbol)
{
	void	   *handle;
	const void *found;

	if (handles == NULL)
		handles = map_new();
	handle = map_find(handles, type);
	if (handle == NULL) {
		handle = load(t, type);
		if (handle == NULL)
			return NULL;
		map_set(handles, type, handle);
	}
	found = dlsym(handle, symbol);
	if (found == NULL)
		table_fail(t, "%s: postfix-%s.so: %s", t->full_name, type,
		    dlerror());
	return found;
}
