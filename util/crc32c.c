/* crc32c - the Castagnoli CRC, in hardware where there is one */

#include "util/crc32c.h"

#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>
#endif

#define POLYNOMIAL 0x82f63b78u	/* reflected */

static uint32_t table[256];

static void
make_table(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int k = 0; k < 8; k++)
			c = c & 1 ? c >> 1 ^ POLYNOMIAL : c >> 1;
		table[i] = c;
	}
}

static uint32_t
by_table(uint32_t crc, const unsigned char *p, size_t len)
{
	/* Idempotent, so a race between threads does no harm; the last entry
	 * is written last and is not 0. */
	if (__atomic_load_n(&table[255], __ATOMIC_ACQUIRE) == 0)
		make_table();
	while (len-- > 0)
		crc = crc >> 8 ^ table[(crc ^ *p++) & 255];
	return crc;
}

#if defined(__x86_64__)

static bool
has_hardware(void)
{
	return __builtin_cpu_supports("sse4.2");
}

__attribute__((target("sse4.2"))) static uint32_t
by_hardware(uint32_t crc, const unsigned char *p, size_t len)
{
	uint64_t c = crc, word;

	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&word, p, 8);
		c = _mm_crc32_u64(c, word);
	}
	crc = (uint32_t)c;
	while (len-- > 0)
		crc = _mm_crc32_u8(crc, *p++);
	return crc;
}

#elif defined(__aarch64__)

static bool
has_hardware(void)
{
	enum { CRC32 = 1 << 7 };	/* HWCAP_CRC32 */

	return (getauxval(AT_HWCAP) & CRC32) != 0;
}

__attribute__((target("+crc"))) static uint32_t
by_hardware(uint32_t crc, const unsigned char *p, size_t len)
{
	uint64_t word;

	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&word, p, 8);
		crc = __crc32cd(crc, word);
	}
	while (len-- > 0)
		crc = __crc32cb(crc, *p++);
	return crc;
}

#else

static bool
has_hardware(void)
{
	return false;
}

static uint32_t
by_hardware(uint32_t crc, const unsigned char *p, size_t len)
{
	return by_table(crc, p, len);
}

#endif

uint32_t
crc32c(uint32_t crc, const void *bytes, size_t len)
{
	if (has_hardware())
		return ~by_hardware(~crc, bytes, len);
	return ~by_table(~crc, bytes, len);
}
