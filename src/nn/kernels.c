/*
 * kernels.c
 *	  Choose the inner loops for the processor the program runs on.
 */
#include "nn/kernels.h"

int
kernels_list(const Kernels *list[3])
{
	int			length = 0;

#if defined(__x86_64__)
	if (kernels_avx512.supported())
		list[length++] = &kernels_avx512;
	if (kernels_avx2.supported())
		list[length++] = &kernels_avx2;
#endif
	list[length++] = &kernels_generic;
	return length;
}

const Kernels *
kernels_best(void)
{
	const Kernels *list[3];

	kernels_list(list);
	return list[0];
}
