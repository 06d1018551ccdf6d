/*
 * kernels_avx512.c
 *	  The inner loops for x86-64 with AVX-512; compiled with it on.
 */
#if defined(__x86_64__)
#define KERNELS_TABLE kernels_avx512
#define KERNELS_NAME "avx512"
#define KERNELS_SUPPORTED \
	(__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && \
	 __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && \
	 __builtin_cpu_supports("avx512vnni"))
#include "nn/kernels_body.h"
#else
typedef int kernels_avx512_not_here;
#endif
