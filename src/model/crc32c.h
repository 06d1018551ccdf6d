/*
 * crc32c.h
 *	  The Castagnoli cyclic redundancy check (RFC 3720, appendix B.4).
 */
#ifndef NN_CRC32C_H
#define NN_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Extend a checksum (0 to begin with) by some bytes. */
extern uint32_t crc32c(uint32_t checksum, const void *bytes, size_t count);

#endif							/* NN_CRC32C_H */
