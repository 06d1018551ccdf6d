/*
 * vector.h
 *	  Vectors of floats as wide as the instruction set that the including file
 *	  is compiled for.
 *
 * Arithmetic uses the compiler's vector types, so one source serves every
 * width; the few operations for which these have no operator are here.
 */
#ifndef NN_VECTOR_H
#define NN_VECTOR_H

#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__)
#include <immintrin.h>
#define VECTOR_BYTES 64
#define LANES_16 1
#elif defined(__AVX2__)
#include <immintrin.h>
#define VECTOR_BYTES 32
#define LANES_8 1
#elif defined(__SSE2__)
#include <emmintrin.h>
#define VECTOR_BYTES 16
#else
#define VECTOR_BYTES 16
#endif

#define LANES ((int32_t) (VECTOR_BYTES / sizeof(float)))

typedef float Vec __attribute__((vector_size(VECTOR_BYTES)));
typedef int32_t VecInt __attribute__((vector_size(VECTOR_BYTES)));
typedef uint32_t VecBits __attribute__((vector_size(VECTOR_BYTES)));

static inline Vec
vec_all(float value)
{
	return value - (Vec) {0};
}

static inline Vec
vec_load(const float *from)
{
	Vec			v;

	memcpy(&v, from, sizeof(v));
	return v;
}

static inline void
vec_store(float *to, Vec v)
{
	memcpy(to, &v, sizeof(v));
}

#if defined(__AVX512F__)
/* The first `count` lanes, fewer than LANES. */
static inline __mmask16
vec_mask(int32_t count)
{
	return (__mmask16) ((1u << count) - 1);
}
#elif defined(__AVX2__)
static inline __m256i
vec_mask(int32_t count)
{
	return _mm256_cmpgt_epi32(_mm256_set1_epi32(count),
							  _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
#endif

/* The first `count` lanes (at least 1; more than LANES: all); the others 0. */
static inline Vec
vec_load_part(const float *from, int32_t count)
{
	Vec			v = {0};

	if (count >= LANES)
		return vec_load(from);
#if defined(__AVX512F__)
	v = (Vec) _mm512_maskz_loadu_ps(vec_mask(count), from);
#elif defined(__AVX2__)
	v = (Vec) _mm256_maskload_ps(from, vec_mask(count));
#else
	memcpy(&v, from, (size_t) count * sizeof(float));
#endif
	return v;
}

static inline void
vec_store_part(float *to, Vec v, int32_t count)
{
	if (count >= LANES)
		vec_store(to, v);
	else
#if defined(__AVX512F__)
		_mm512_mask_storeu_ps(to, vec_mask(count), (__m512) v);
#elif defined(__AVX2__)
		_mm256_maskstore_ps(to, vec_mask(count), (__m256) v);
#else
		memcpy(to, &v, (size_t) count * sizeof(float));
#endif
}

/* The larger; b where either is not a number. */
static inline Vec
vec_max(Vec a, Vec b)
{
#if defined(__AVX512F__)
	return (Vec) _mm512_max_ps((__m512) a, (__m512) b);
#elif defined(__AVX2__)
	return (Vec) _mm256_max_ps((__m256) a, (__m256) b);
#elif defined(__SSE2__)
	return (Vec) _mm_max_ps((__m128) a, (__m128) b);
#else
	VecInt		greater = a > b;

	return (Vec) (((VecInt) a & greater) | ((VecInt) b & ~greater));
#endif
}

/* The smaller; b where either is not a number. */
static inline Vec
vec_min(Vec a, Vec b)
{
#if defined(__AVX512F__)
	return (Vec) _mm512_min_ps((__m512) a, (__m512) b);
#elif defined(__AVX2__)
	return (Vec) _mm256_min_ps((__m256) a, (__m256) b);
#elif defined(__SSE2__)
	return (Vec) _mm_min_ps((__m128) a, (__m128) b);
#else
	return -vec_max(-a, -b);
#endif
}

static inline Vec
vec_sqrt(Vec v)
{
#if defined(__AVX512F__)
	return (Vec) _mm512_sqrt_ps((__m512) v);
#elif defined(__AVX2__)
	return (Vec) _mm256_sqrt_ps((__m256) v);
#elif defined(__SSE2__)
	return (Vec) _mm_sqrt_ps((__m128) v);
#else
	for (int32_t i = 0; i < LANES; i++)
		v[i] = __builtin_sqrtf(v[i]);
	return v;
#endif
}

/* The numbers of the lanes, from 0. */
static inline VecInt
vec_lanes(void)
{
	VecInt		v = {0};

	for (int32_t i = 0; i < LANES; i++)
		v[i] = i;
	return v;
}

static inline Vec
vec_absolute(Vec v)
{
	return (Vec) ((VecInt) v & INT32_MAX);
}

static inline float
vec_sum(Vec v)
{
	float		sum = 0;

	for (int32_t i = 0; i < LANES; i++)
		sum += v[i];
	return sum;
}

static inline float
vec_largest(Vec v)
{
	float		top = v[0];

	for (int32_t i = 1; i < LANES; i++)
		top = v[i] > top ? v[i] : top;
	return top;
}

#define VEC_EXPONENT_BIAS 127u	/* of a float: 2^n is n + bias above its 23 bits */
#define VEC_EXPONENT_SHIFT 23

/*
 * exp(x), to 3e-7 of its value for |x| <= 1 and 5e-6 at the ends; the argument
 * is held within +-87, where the result is a normal number, and what is not a
 * number stays so.
 * exp(x) = 2^n exp(r), |r| <= ln(2) / 2, and exp(r) by its Taylor polynomial.
 */
static inline Vec
vec_exp(Vec x)
{
	const float log2e = 1.44269504f;
	const float ln2 = 0.693147181f;
	const float to_nearest = 12582912.0f;	/* 1.5 * 2^23 */
	Vec			shifted;
	Vec			r;
	Vec			p;
	Vec			power;

	x = vec_max(vec_all(-87.0f), vec_min(vec_all(87.0f), x));
	shifted = x * log2e + to_nearest;
	r = x - (shifted - to_nearest) * ln2;
	p = r * (1.0f / 5040) + 1.0f / 720;
	p = p * r + 1.0f / 120;
	p = p * r + 1.0f / 24;
	p = p * r + 1.0f / 6;
	p = p * r + 1.0f / 2;
	p = p * r + 1.0f;
	p = p * r + 1.0f;
	/*
	 * The low bits of shifted are n: make 2^n of them.  Unsigned, since those
	 * of what is not a number are anything; p then makes the product none.
	 */
	power = (Vec) (((VecBits) shifted + VEC_EXPONENT_BIAS) << VEC_EXPONENT_SHIFT);
	return p * power;
}

/* exp(x) to 1e-4 of it, for sums; x at most 87. */
static inline Vec
vec_exp_rough(Vec x)
{
#if defined(__AVX512F__)
	__m512		scaled = (__m512) (vec_max(vec_all(-100.0f), x) * 1.44269504f);
	__m512		n = _mm512_roundscale_ps(scaled, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
	Vec			r = (Vec) scaled - (Vec) n;
	Vec			p = r * 9.61812911e-3f + 5.55041087e-2f;	/* 2^r by its Taylor polynomial */

	p = p * r + 2.40226507e-1f;
	p = p * r + 6.93147181e-1f;
	p = p * r + 1.0f;
	return (Vec) _mm512_scalef_ps((__m512) p, n);
#else
	return vec_exp(x);
#endif
}

/* a where the lane of wanted is -1, b where it is 0. */
static inline Vec
vec_choose(VecInt wanted, Vec a, Vec b)
{
	return (Vec) (((VecInt) a & wanted) | ((VecInt) b & ~wanted));
}

/*
 * ln(x) of positive normal numbers, to 2e-7 of it or absolutely; exactly 0 for 1.
 * x = 2^n m with m about 1, between sqrt(1/2) and sqrt(2); of m, ln(m) =
 * 2 artanh(s) by its series, with s = (m - 1) / (m + 1), at most 0.172.
 */
static inline Vec
vec_log(Vec x)
{
	const uint32_t mantissa = (1u << VEC_EXPONENT_SHIFT) - 1;
	const uint32_t root_half = 0x3F3504F3;	/* bits of sqrt(1/2) */
	const float ln2 = 0.693147181f;
	VecBits		shifted = (VecBits) x - root_half;
	Vec			n = __builtin_convertvector((VecInt) shifted >> VEC_EXPONENT_SHIFT, Vec);
	Vec			m = (Vec) ((shifted & mantissa) + root_half);
	Vec			s = (m - 1.0f) / (m + 1.0f);
	Vec			square = s * s;
	Vec			p = square * (1.0f / 9) + 1.0f / 7;

	p = p * square + 1.0f / 5;
	p = p * square + 1.0f / 3;
	p = p * square + 1.0f;
	return n * ln2 + 2.0f * s * p;
}

static inline Vec
vec_sigmoid(Vec x)
{
	return 1.0f / (1.0f + vec_exp(-x));
}

static inline Vec
vec_tanh(Vec x)
{
	return 1.0f - 2.0f / (1.0f + vec_exp(2.0f * x));
}

#endif							/* NN_VECTOR_H */
