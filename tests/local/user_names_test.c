#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/param.h"
#include "local/user_names.h"
#include "tests/test.h"
#include "util/buf.h"
#include "util/mem.h"

/* The parameters of local/ with their defaults, and a delimiter. */
static void
read_settings(const char *delimiter)
{
	char	    dir[] = "/tmp/user-names-XXXXXX", path[80];
	const char *why;
	FILE	   *f;

	CHECK(mkdtemp(dir) != NULL);
	snprintf(path, sizeof path, "%s/main.cf", dir);
	f = fopen(path, "w");
	fprintf(f, "recipient_delimiter = %s\n", delimiter);
	fclose(f);
	conf_set_dir(dir);
	if (!conf_read(&why) || !conf_load(&param_mail, &why)) {
		printf("# %s\n", why);
		CHECK(false);
	}
	unlink(path);
	rmdir(dir);
}

static void
names_are_those_of_the_recipient(void)
{
	static const struct {
		const char *delimiter, *address, *text, *result;
		bool lacks;
	} rows[] = {
		{ "+", "Ann+X.y@Mx.Example", "$user $local $domain $extension",
		    "ann ann+x.y mx.example x.y", false },
		{ "+", "Ann@Mx.Example", "$recipient", "Ann@Mx.Example", false },
		{ "+", "ann", "$extension$domain", "", true },
		{ "+-", "ann-x+y", "$user$recipient_delimiter$extension",
		    "ann-x+y", false },
		/* the first that there could be, as Postfix has it */
		{ "-+", "ann", "[$recipient_delimiter]", "[-]", false },
		{ "", "ann+x", "[$recipient_delimiter]$user", "[]ann+x", true },
		{ "+", "ann", "$home$shell", "", true },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct pool	  pool = POOL_INIT;
		struct user_names n;
		struct buf	  out = BUF_INIT;
		const char	 *why;

		read_settings(rows[i].delimiter);
		user_names_init(&n, &pool, rows[i].address);
		CHECK(user_names_expand(&n, &out, rows[i].text, NULL, &why));
		CHECK_STR(out.data, rows[i].result);
		CHECK_INT(n.lacks, rows[i].lacks);
		buf_done(&out);
		pool_done(&pool);
	}
}

int
main(void)
{
	TEST(names_are_those_of_the_recipient);
	return test_end();
}
