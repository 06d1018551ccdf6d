/*
 * kernels_avx2.c
 *	  The inner loops for x86-64 with AVX2 and FMA; compiled with these on.
 */
#if defined(__x86_64__)
#define KERNELS_TABLE kernels_avx2
#define KERNELS_NAME "avx2"
#define KERNELS_SUPPORTED \
	(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
#include "nn/kernels_body.h"
#else
typedef int kernels_avx2_not_here;
#endif
