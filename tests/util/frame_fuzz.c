#include "tests/fuzz/fuzz.h"
#include "util/frame.h"

const char *const fuzz_words[] = { NULL };

const struct fuzz_seed fuzz_seeds[] = {
	FUZZ_SEED("\1\0\0\0\3\0\0\0abc\0" "\2\0\0\0\x08\0\0\0\1\2\3\4\5\6\7\x08\0"),
	FUZZ_SEED("\3\0\0\0\x0b\0\0\0" "\1\0\0\0\2\0\0\0ab\0" "\0"
	    "\1\0\0\0\0\0\0\0\0"),
	{ NULL, 0 }
};

static size_t
walk(const struct frame_attr *group, int depth)
{
	struct frame_attr a;
	size_t		  pos = 0, sum = 0;

	while (frame_group_next(group, &pos, &a)) {
		const char *s = frame_attr_str(&a);

		sum += (s != NULL ? strlen(s) : 0) + frame_attr_u64(&a, 1);
		if (a.data[a.len] != '\0')
			abort();
		if (depth < 5)
			sum += walk(&a, depth + 1);
	}
	return sum;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct frame	  f = FRAME_INIT;
	struct frame_attr a;
	struct str	  s;
	size_t		  pos = 0, sum = 0;

	buf_add(&f.bytes, bytes, len);
	frame_is_sound(&f);
	while (frame_next(&f, &pos, &a))
		sum += walk(&a, 0);
	for (uint16_t key = 0; key < 5; key++) {
		const char *str = frame_str(&f, key);

		sum += str != NULL ? strlen(str) : 0;
		sum += frame_u64(&f, key, 0);
		sum += frame_bytes(&f, key, &s) ? s.n : 0;
	}
	frame_done(&f);
	return sum == 42 ? 0 : 0;
}
