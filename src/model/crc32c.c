/*
 * crc32c.c
 *	  The Castagnoli cyclic redundancy check, eight bytes at a time
 *	  (Kounavis and Berry, "A systematic approach to building high performance
 *	  software-based CRC generators", 2005).
 */
#include "model/crc32c.h"

#include <string.h>

#define POLYNOMIAL UINT32_C(0x82F63B78)	/* bits reversed */

/* table[k][b]: effect of byte b, k bytes before the end of an eight-byte run */
static void
make_table(uint32_t table[8][256])
{
	for (uint32_t b = 0; b < 256; b++)
	{
		uint32_t	value = b;

		for (int bit = 0; bit < 8; bit++)
			value = (value >> 1) ^ (value & 1 ? POLYNOMIAL : 0);
		table[0][b] = value;
	}
	for (int k = 1; k < 8; k++)
	{
		for (uint32_t b = 0; b < 256; b++)
			table[k][b] = (table[k - 1][b] >> 8) ^ table[0][table[k - 1][b] & 0xFF];
	}
}

uint32_t
crc32c(uint32_t checksum, const void *bytes, size_t count)
{
	uint32_t	table[8][256];
	const uint8_t *p = bytes;
	uint32_t	value = ~checksum;

	make_table(table);
	for (; count >= 8; count -= 8, p += 8)
	{
		value ^= (uint32_t) p[0] | (uint32_t) p[1] << 8 |
			(uint32_t) p[2] << 16 | (uint32_t) p[3] << 24;
		value = table[7][value & 0xFF] ^ table[6][(value >> 8) & 0xFF] ^
			table[5][(value >> 16) & 0xFF] ^ table[4][value >> 24] ^
			table[3][p[4]] ^ table[2][p[5]] ^ table[1][p[6]] ^ table[0][p[7]];
	}
	for (; count > 0; count--, p++)
		value = (value >> 8) ^ table[0][(value ^ *p) & 0xFF];
	return ~value;
}
