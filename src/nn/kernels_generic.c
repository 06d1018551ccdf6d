/*
 * kernels_generic.c
 *	  The inner loops for any processor.
 */
#define KERNELS_TABLE kernels_generic
#define KERNELS_NAME "generic"
#define KERNELS_SUPPORTED true
#include "nn/kernels_body.h"
