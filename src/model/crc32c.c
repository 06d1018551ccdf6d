/*
 * crc32c.c
 *	  The Castagnoli cyclic redundancy check, eight bytes at a time
 *	  (Kounavis and Berry, "A systematic approach to building high performance
 *	  software-based CRC generators", 2005).
 */
#include "model/crc32c.h"

/*
 * The check is linear: the effect of a byte is the sum (exclusive or) of those
 * of its bits, which are all that is written down; the compiler makes the table.
 */
#define BYTE(b, b0, b1, b2, b3, b4, b5, b6, b7) \
	((b) & 0x01 ? UINT32_C(b0) : 0) ^ ((b) & 0x02 ? UINT32_C(b1) : 0) ^ \
	((b) & 0x04 ? UINT32_C(b2) : 0) ^ ((b) & 0x08 ? UINT32_C(b3) : 0) ^ \
	((b) & 0x10 ? UINT32_C(b4) : 0) ^ ((b) & 0x20 ? UINT32_C(b5) : 0) ^ \
	((b) & 0x40 ? UINT32_C(b6) : 0) ^ ((b) & 0x80 ? UINT32_C(b7) : 0)
#define FOUR_BYTES(b, ...) \
	BYTE(b, __VA_ARGS__), BYTE((b) + 1, __VA_ARGS__), \
	BYTE((b) + 2, __VA_ARGS__), BYTE((b) + 3, __VA_ARGS__)
#define SIXTEEN_BYTES(b, ...) \
	FOUR_BYTES(b, __VA_ARGS__), FOUR_BYTES((b) + 4, __VA_ARGS__), \
	FOUR_BYTES((b) + 8, __VA_ARGS__), FOUR_BYTES((b) + 12, __VA_ARGS__)
#define QUARTER(b, ...) \
	SIXTEEN_BYTES(b, __VA_ARGS__), SIXTEEN_BYTES((b) + 16, __VA_ARGS__), \
	SIXTEEN_BYTES((b) + 32, __VA_ARGS__), SIXTEEN_BYTES((b) + 48, __VA_ARGS__)
#define ALL_BYTES(...) \
	QUARTER(0, __VA_ARGS__), QUARTER(64, __VA_ARGS__), \
	QUARTER(128, __VA_ARGS__), QUARTER(192, __VA_ARGS__)

/*
 * table[k][b]: effect of byte b, k bytes before the end of an eight-byte run.
 * The last number of the first row is the polynomial 0x1EDC6F41, bits reversed.
 */
static const uint32_t table[8][256] = {
	{ALL_BYTES(0xF26B8303, 0xE13B70F7, 0xC79A971F, 0x8AD958CF,
			   0x105EC76F, 0x20BD8EDE, 0x417B1DBC, 0x82F63B78)},
	{ALL_BYTES(0x13A29877, 0x274530EE, 0x4E8A61DC, 0x9D14C3B8,
			   0x3FC5F181, 0x7F8BE302, 0xFF17C604, 0xFBC3FAF9)},
	{ALL_BYTES(0xA541927E, 0x4F6F520D, 0x9EDEA41A, 0x38513EC5,
			   0x70A27D8A, 0xE144FB14, 0xC76580D9, 0x8B277743)},
	{ALL_BYTES(0xDD45AAB8, 0xBF672381, 0x7B2231F3, 0xF64463E6,
			   0xE964B13D, 0xD725148B, 0xABA65FE7, 0x52A0C93F)},
	{ALL_BYTES(0x38116FAC, 0x7022DF58, 0xE045BEB0, 0xC5670B91,
			   0x8F2261D3, 0x1BA8B557, 0x37516AAE, 0x6EA2D55C)},
	{ALL_BYTES(0xEF306B19, 0xDB8CA0C3, 0xB2F53777, 0x6006181F,
			   0xC00C303E, 0x85F4168D, 0x0E045BEB, 0x1C08B7D6)},
	{ALL_BYTES(0x68032CC8, 0xD0065990, 0xA5E0C5D1, 0x4E2DFD53,
			   0x9C5BFAA6, 0x3D5B83BD, 0x7AB7077A, 0xF56E0EF4)},
	{ALL_BYTES(0x493C7D27, 0x9278FA4E, 0x211D826D, 0x423B04DA,
			   0x847609B4, 0x0D006599, 0x1A00CB32, 0x34019664)}
};

uint32_t
crc32c(uint32_t checksum, const void *bytes, size_t count)
{
	const uint8_t *p = bytes;
	uint32_t	value = ~checksum;

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
