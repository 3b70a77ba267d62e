/* Queue files: any bytes before the trailer, and a trailer that fits them. */

#include <assert.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mail/queue_file.h"
#include "mail/submit.h"
#include "tests/fuzz/fuzz.h"

const char *const fuzz_words[] = {
	"\1\0\0\0\4\0\0\0", "\2\0\0\0\3\0\0\0x@y", "\7\0\0\0", "\1\0\0\0",
	"\0\0\0\0", "\0", " ", "D", "\100\0\0\0\1\0\0\0a", "\377\377\377\377",
	"RohrQ01\n", NULL,
};

/* 4 bytes of body and header, a sender, a recipient, its status. */
const struct fuzz_seed fuzz_seeds[] = {
	FUZZ_SEED("\4\1\0x\2\0\0\0\3\0\0\0x@y\0"
	    "\7\0\0\0\14\0\0\0\1\0\0\0\3\0\0\0a@b\0\0 "),
	{ NULL, 0 }
};

static void
read_all(int fd)
{
	struct queue_file q;
	struct envelope	  e, sieved;
	struct buf	  header = BUF_INIT;
	uint32_t	  next = 0;

	if (queue_file_open_fd(&q, fd) != QUEUE_FILE_OK)
		return;
	envelope_init(&e);
	envelope_init(&sieved);
	assert(queue_file_read_header(&q, &header));
	if (queue_file_read_envelope(&q, &e)) {
		assert(e.rcpt_count == q.t.rcpt_count);
		submit_copy_allowed(&sieved, &e);
	}
	envelope_clear(&e);
	while (queue_file_read_some(&q, &e, next, 2, &next) &&
	    next < q.t.rcpt_count)
		;
	envelope_done(&e);
	envelope_done(&sieved);
	buf_done(&header);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int	     fd = -1;
	struct queue_trailer t = { .magic = QUEUE_MAGIC };
	size_t		     head;

	if (fd < 0)
		fd = memfd_create("message", 0);
	if (size < 4)
		return 0;
	/* the first bytes say how the rest is divided */
	head = data[0] % size;
	t.rcpt_count = (uint32_t)(data[1] % 4);
	if (head + t.rcpt_count > size)
		return 0;
	t.body_len = head / 2;
	t.header_len = head - t.body_len;
	t.envelope_len = size - head - t.rcpt_count;
	t.crc = data[2] < 250 ? queue_trailer_crc(&t, data + head) : 0;
	assert(ftruncate(fd, 0) == 0);
	assert(pwrite(fd, data, size, 0) == (ssize_t)size);
	assert(pwrite(fd, &t, sizeof t, (off_t)size) == (ssize_t)sizeof t);
	read_all(fd);
	/* and what is no trailer at all */
	assert(ftruncate(fd, (off_t)size) == 0);
	read_all(fd);
	return 0;
}
