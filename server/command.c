#include "server/command.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "conf/conf.h"
#include "net/addr.h"
#include "server/accounts.h"
#include "server/identity.h"
#include "server/maillog.h"
#include "server/redirect.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/proc.h"
#include "util/text.h"

#define STANDARD_DIR "/etc/postfix"

static const char *name;

static bool
is_set_id(void)
{
	return getuid() != geteuid() || getgid() != getegid();
}

/* The environment steers libraries; of it only these are kept. */
static void
clean_environment(void)
{
	static const char *const kept[] = { "MAIL_CONFIG", "TZ", "LANG" };
	char *values[3];

	for (int i = 0; i < 3; i++) {
		values[i] = getenv(kept[i]);
		if (values[i] != NULL)
			values[i] = mem_strdup(values[i]);
	}
	clearenv();
	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	for (int i = 0; i < 3; i++) {
		if (values[i] != NULL)
			setenv(kept[i], values[i], 1);
		mem_free(values[i]);
	}
}

/* A file or socket that got one of these numbers would be written to by what
 * is meant for standard error. */
static void
fill_standard_descriptors(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		_exit(EX_OSERR);
	close(fd);
}

void
command_name(const char *argv0)
{
	const char *slash;

	if (is_set_id())
		clean_environment();
	fill_standard_descriptors();
	/* execve(2) may leave it out. */
	if (argv0 == NULL)
		argv0 = program_invocation_short_name;
	slash = strrchr(argv0, '/');
	name = slash != NULL ? slash + 1 : argv0;
	log_open(LOG_TO_STDERR, name, NULL, 0);
	/* What to write instead is for people; scripts and logs have
	 * Postfix's words. */
	conf_set_brief(!isatty(STDERR_FILENO));
}

static bool
has_item(const char *list, const char *item)
{
	char *copy = mem_strdup(list), *rest = copy, *word;
	bool found = false;

	while (!found && (word = text_word(&rest, TEXT_LIST_SEP, false)) !=
	    NULL)
		found = strcmp(word, item) == 0;
	mem_free(copy);
	return found;
}

static void
unauthorized(const char *dir, int status)
{
	log_error("unauthorized configuration directory name: %s", dir);
	fatal_exit(status, "specify \"alternate_config_directories = %s\" or "
	    "\"multi_instance_directories = %s\" in %s/main.cf", dir, dir,
	    STANDARD_DIR);
}

/* The standard main.cf is asked about a directory that is not its own. */
static void
check_config_dir(int status)
{
	const char *alternates, *instances, *why;
	char	   *wanted = mem_strdup(conf_dir());

	if (is_set_id() && getuid() != 0 &&
	    strcmp(wanted, STANDARD_DIR) != 0) {
		conf_set_dir(STANDARD_DIR);
		if (!conf_read(&why))
			fatal_exit(status, "%s", why);
		alternates = conf_value("alternate_config_directories");
		instances = conf_value("multi_instance_directories");
		if (!has_item(alternates != NULL ? alternates : "", wanted) &&
		    !has_item(instances != NULL ? instances : "", wanted))
			unauthorized(wanted, status);
		conf_set_dir(wanted);
	}
	mem_free(wanted);
}

void
command_open_log(int status)
{
	char *tag = mem_printf("%s/%s", conf_mail.syslog_name, name);
	char *path = mem_printf("%s/public/%s", conf_mail.queue_directory,
	    conf_mail.postlog_service_name);
	int facility = log_facility(conf_mail.syslog_facility);
	const char *why;

	if (!maillog_check(&why))
		fatal_exit(status, "%s", why);
	if (facility < 0)
		fatal_exit(status, "file %s/main.cf: parameter "
		    "syslog_facility: unrecognized value: %s", conf_dir(),
		    conf_mail.syslog_facility);
	log_set_host(conf_mail.myhostname);
	if (*conf_mail.maillog_file != '\0')
		log_open_later(LOG_TO_SOCKET, tag, path, facility);
	else
		log_open_later(LOG_TO_SYSLOG, tag, NULL, facility);
	log_also_stderr(true);
	mem_free(tag);
	mem_free(path);
}

void
command_configure(int status)
{
	const char *why;

	check_config_dir(status);
	if (conf_read(&why) && conf_load_core(&why) &&
	    identity_check(&why) && accounts_check(&why)) {
		log_set_ascii(!conf_mail.smtputf8_enable);
		addr_set_known_ports(conf_mail.known_tcp_ports);
		redirect_tables(false);
		return;
	}
	conf_warn_read();
	fatal_exit(status, "%s", why);
}

void
command_start(int status)
{
	command_configure(status);
	command_open_log(status);
}

void
command_enter_queue(int status)
{
	const struct passwd *pw;

	if (chdir(conf_mail.queue_directory) != 0)
		fatal_exit(status, "chdir %s: %s", conf_mail.queue_directory,
		    strerror(errno));
	if (geteuid() != 0)
		return;
	if ((pw = getpwnam(conf_mail.mail_owner)) == NULL)
		fatal_exit(status, "file %s/main.cf: parameter mail_owner: "
		    "unknown user name value: %s", conf_dir(),
		    conf_mail.mail_owner);
	if (!proc_become(pw->pw_uid, pw->pw_gid, NULL))
		fatal_exit(status, "set uid and gid of %s: %s",
		    conf_mail.mail_owner, strerror(errno));
}

void
command_superuser_only(int status)
{
	struct stat st;

	if (getuid() == 0)
		return;
	if (stat(conf_mail.queue_directory, &st) == 0 &&
	    st.st_uid == getuid())
		return;
	fatal_exit(status,
	    "use of this command is reserved for the superuser");
}
