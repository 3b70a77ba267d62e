/* log_files - the files of the mail log, also rotated and compressed ones */

#ifndef MAIL_LOG_FILES_H
#define MAIL_LOG_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct log_file {
	char	*path;
	time_t	 changed;	/* last */
};

struct log_files {
	struct log_file	*items;
	size_t		 count;
};

/* Adds one file; "-" is standard input, kept in a temporary file.  False
 * with errno. */
bool	log_files_add(struct log_files *, const char *path);

/* Adds maillog_file with its older ones (any name that begins with it), or if
 * that is empty /var/log/mail.log and /var/log/maillog with theirs. */
void	log_files_find(struct log_files *, const char *maillog_file);

/* Oldest first, each once. */
void	log_files_sort(struct log_files *);

void	log_files_done(struct log_files *);

/*
 * Calls `take` with blocks of whole lines until it returns false.  Files that
 * end in .gz .bz2 .xz .zst go through that program.  False if the file can't
 * be read, with why.
 */
typedef bool log_block_fn(void *arg, const char *bytes, size_t len);

bool	log_file_read(const struct log_file *, log_block_fn *take, void *arg,
	    const char **ret_why);

#endif
