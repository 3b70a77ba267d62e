/* crc32c - the Castagnoli CRC, in hardware where there is one */

#ifndef UTIL_CRC32C_H
#define UTIL_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Of more bytes after those that gave `crc`; start with 0. */
uint32_t crc32c(uint32_t crc, const void *, size_t len);

#endif
