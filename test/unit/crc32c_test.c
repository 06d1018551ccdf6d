/*
 * crc32c_test.c
 *	  The checksum against published vectors and against the definition.
 */
#include <stdint.h>
#include <string.h>

#include "model/crc32c.h"
#include "tap.h"

/* Bit by bit, as it is defined. */
static uint32_t
slow_crc32c(const uint8_t *bytes, size_t count)
{
	uint32_t	value = UINT32_MAX;

	for (size_t i = 0; i < count; i++)
	{
		value ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			value = (value >> 1) ^ (value & 1 ? UINT32_C(0x82F63B78) : 0);
	}
	return ~value;
}

/* RFC 3720, appendix B.4. */
static void
check_rfc(void)
{
	static const uint8_t read_pdu[48] = {
		0x01, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
		0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00,
		0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x18, 0x28, 0x00, 0x00, 0x00,
		0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00
	};
	uint8_t		bytes[32];

	memset(bytes, 0, 32);
	ok(crc32c(0, bytes, 32) == 0x8A9136AA, "32 bytes of zeroes");
	memset(bytes, 0xFF, 32);
	ok(crc32c(0, bytes, 32) == 0x62A8AB43, "32 bytes of ones");
	for (int i = 0; i < 32; i++)
		bytes[i] = (uint8_t) i;
	ok(crc32c(0, bytes, 32) == 0x46DD794E, "32 incrementing bytes");
	for (int i = 0; i < 32; i++)
		bytes[i] = (uint8_t) (31 - i);
	ok(crc32c(0, bytes, 32) == 0x113FDB5C, "32 decrementing bytes");
	ok(crc32c(0, read_pdu, 48) == 0xD9963A56, "an iSCSI read command");
	ok(crc32c(0, "123456789", 9) == 0xE3069283, "123456789");
	ok(crc32c(0, "", 0) == 0 && crc32c(0, NULL, 0) == 0, "nothing");
	ok(crc32c(0xE3069283, NULL, 0) == 0xE3069283, "nothing more");
}

int
main(void)
{
	uint8_t		bytes[300];
	uint32_t	state = 1;
	bool		same = true;
	bool		split = true;
	bool		sensitive = true;

	check_rfc();
	for (size_t i = 0; i < sizeof(bytes); i++)
	{
		state = state * 1664525 + 1013904223;
		bytes[i] = (uint8_t) (state >> 24);
	}
	for (size_t start = 0; start < 9; start++)
	{
		for (size_t count = 0; count <= 280; count++)
			same &= crc32c(0, bytes + start, count) == slow_crc32c(bytes + start, count);
	}
	ok(same, "any length from any start, as the definition gives it");
	for (size_t at = 0; at <= sizeof(bytes); at++)
		split &= crc32c(crc32c(0, bytes, at), bytes + at, sizeof(bytes) - at) ==
			slow_crc32c(bytes, sizeof(bytes));
	ok(split, "in two parts, cut anywhere");
	for (size_t bit = 0; bit < 8 * sizeof(bytes); bit++)
	{
		uint32_t	before = crc32c(0, bytes, sizeof(bytes));

		bytes[bit / 8] ^= (uint8_t) (1 << bit % 8);
		sensitive &= crc32c(0, bytes, sizeof(bytes)) != before;
	}
	ok(sensitive, "every bit counts");
	return done_testing();
}
