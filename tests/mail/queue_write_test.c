/* The ways in which a file gets its name: each must work and leave nothing
 * beside it.  The source is included, so that a way can be chosen. */

#include "mail/queue_write.c"
#include "tests/test.h"

static char dir[] = "/tmp/queue_write_test.XXXXXX";

static void
set_up(void)
{
	if (mkdtemp(dir) == NULL || chdir(dir) != 0 ||
	    mkdir("incoming", 0700) != 0)
		exit(1);
}

static void
tear_down(void)
{
	char command[100];

	snprintf(command, sizeof command, "rm -rf %s", dir);
	if (chdir("/") != 0 || system(command) != 0)
		exit(1);
}

/* Number of files of all names. */
static int
count_files(void)
{
	FILE *p = popen("find incoming -type f | wc -l", "r");
	int   n = -1;

	if (p == NULL || fscanf(p, "%d", &n) != 1)
		n = -1;
	if (p != NULL)
		pclose(p);
	return n;
}

static bool
commit_one(bool abort)
{
	struct queue_writer  w;
	struct queue_trailer t = { .size = 1 };
	struct queue_file    q;
	struct envelope	     e;
	const struct buf     header = BUF_INIT;
	bool		     ok;
	char		     id[QUEUE_ID_MAX];

	if (!queue_writer_open(&w, "incoming", false))
		return false;
	strcpy(id, w.id);
	for (int i = 0; i < 30000; i++)
		queue_writer_body(&w, "0123456789", 10);
	if (abort) {
		queue_writer_abort(&w);
		return true;
	}
	envelope_init(&e);
	envelope_add_rcpt(&e, "a@b", "", "", 0);
	ok = queue_writer_commit(&w, &header, &e, &t) &&
	    queue_file_open(&q, "incoming", id, false) == QUEUE_FILE_OK;
	if (ok) {
		ok = q.t.body_len == 300000 && q.t.rcpt_count == 1;
		queue_file_close(&q);
	}
	envelope_done(&e);
	return ok;
}

static void
check_naming(enum naming naming)
{
	int before = count_files();

	writer.naming = naming;
	CHECK(commit_one(false));
	CHECK_INT(count_files(), before + 1);
	CHECK(commit_one(true));
	CHECK_INT(count_files(), before + 1);
}

static void
a_name_is_found_by_itself(void)
{
	check_naming(NAMING_UNKNOWN);
	CHECK(writer.naming != NAMING_UNKNOWN);
}

static void
a_file_can_be_named_through_proc(void)
{
	check_naming(NAMING_BY_PROC);
}

static void
a_file_can_be_renamed(void)
{
	check_naming(NAMING_RENAME);
}

static void
a_hashed_directory_is_made_when_it_is_missing(void)
{
	queue_dir_init("incoming", 2);
	writer.naming = NAMING_UNKNOWN;
	check_naming(NAMING_UNKNOWN);
	check_naming(NAMING_RENAME);
	queue_dir_init("", 0);
}

static void
a_directory_that_is_not_there_is_an_error(void)
{
	struct queue_writer w;

	CHECK(!queue_writer_open(&w, "nowhere", false));
	CHECK_INT(errno, ENOENT);
}

/* Pieces of all sizes, about a block's and larger. */
static void
a_body_of_any_pieces_is_written_as_it_comes(void)
{
	static const size_t sizes[] = { 1, BLOCK - 1, BLOCK, 7, BLOCK + 1, 80,
	    3 * BLOCK, 5, 2 * BLOCK - 93, 100 };
	struct queue_writer w;
	struct buf	    all = BUF_INIT;
	char		   *got;
	struct stat	    st;

	CHECK(queue_writer_open(&w, "incoming", false));
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		size_t before = all.len;

		for (size_t n = 0; n < sizes[i]; n++)
			buf_addc(&all, (char)(all.len * 7 / 5));
		queue_writer_body(&w, all.data + before, sizes[i]);
		CHECK(fstat(w.fd, &st) == 0 && st.st_size % BLOCK == 0);
	}
	got = mem_alloc(all.len);
	for (size_t at = 0; at < all.len;) {
		ssize_t n = queue_writer_read(&w, at, got + at, all.len - at);

		if (n <= 0)
			break;
		at += (size_t)n;
	}
	CHECK(w.body_len == all.len && memcmp(got, all.data, all.len) == 0);
	mem_free(got);
	buf_done(&all);
	queue_writer_abort(&w);
}

int
main(void)
{
	set_up();
	TEST(a_name_is_found_by_itself);
	TEST(a_file_can_be_named_through_proc);
	TEST(a_file_can_be_renamed);
	TEST(a_hashed_directory_is_made_when_it_is_missing);
	TEST(a_directory_that_is_not_there_is_an_error);
	TEST(a_body_of_any_pieces_is_written_as_it_comes);
	tear_down();
	return test_end();
}
