/*
 * codec_fuzz.c
 *	  Fuzzes the reader of images, and the network with what it accepts.
 *
 * With libFuzzer, from the top of the checkout:
 *
 *	gcc -O1 -DSTANDALONE -Isrc -Itest/unit test/fuzz/codec_fuzz.c src/{model,rank,nn}/[a-z]*.c -lopenblas -lm -o codec_seed
 *	mkdir corpus && ./codec_seed -w corpus
 *	clang -g -O1 -fsanitize=fuzzer,address,undefined -Isrc -Itest/unit test/fuzz/codec_fuzz.c src/{model,rank,nn}/[a-z]*.c \
 *		-lopenblas -lm -o codec_fuzz
 *	./codec_fuzz corpus
 *
 * Without it, compiled with -DSTANDALONE (and gcc's sanitizers), it mutates
 * sound images by itself:	codec_fuzz [mutations [seed]]
 * and tries files that libFuzzer found:	codec_fuzz -t file ...
 */
#include "image.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Try the bytes as they are, and with a size and a checksum that are right. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Image		image = new_image(size > 0 ? size : 1);

	image.size = size;
	memcpy(image.bytes, data, size);
	image_try(&image);
	if (size >= IMAGE_HEADER)
	{
		put64(&image, IMAGE_BYTES, size);
		image_sign(&image);
		image_try(&image);
	}
	free(image.bytes);
	return 0;
}

#ifdef STANDALONE

/* Write the sound images, for a corpus. */
static int
write_seeds(const char *directory)
{
	for (int kind = 0; kind < IMAGE_KINDS; kind++)
	{
		Model		model = model_of_kind(kind);
		Image		image = image_of(&model);
		char		path[4096];
		FILE	   *file;

		snprintf(path, sizeof(path), "%s/model_%d", directory, kind);
		file = fopen(path, "wb");
		if (file == NULL || fwrite(image.bytes, 1, image.size, file) != image.size ||
			fclose(file) != 0)
		{
			perror(path);
			return 1;
		}
		free(image.bytes);
		model_free(&model);
	}
	return 0;
}

static int
try_file(const char *path)
{
	FILE	   *file = fopen(path, "rb");
	Image		image;
	long		size;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0)
	{
		perror(path);
		return 1;
	}
	rewind(file);
	image = new_image((size_t) size + 1);
	if (fread(image.bytes, 1, (size_t) size, file) != (size_t) size)
	{
		perror(path);
		return 1;
	}
	fclose(file);
	LLVMFuzzerTestOneInput((const uint8_t *) image.bytes, (size_t) size);
	free(image.bytes);
	return 0;
}

static void
mutate_images(long mutations, uint64_t seed)
{
	Rng			rng = test_rng(seed);

	for (int kind = 0; kind < IMAGE_KINDS; kind++)
	{
		Model		model = model_of_kind(kind);
		Image		sound = image_of(&model);

		for (long n = 0; n < mutations; n++)
		{
			Image		image = image_copy(&sound, sound.size);

			image_mutate(&image, &rng);
			LLVMFuzzerTestOneInput((const uint8_t *) image.bytes,
								   rng_below(&rng, 16) == 0
								   ? rng_below(&rng, (uint32_t) image.size) : image.size);
			free(image.bytes);
		}
		free(sound.bytes);
		model_free(&model);
	}
}

int
main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "-w") == 0)
		return write_seeds(argv[2]);
	if (argc > 2 && strcmp(argv[1], "-t") == 0)
	{
		int			failed = 0;

		for (int i = 2; i < argc; i++)
			failed |= try_file(argv[i]);
		return failed;
	}
	mutate_images(argc > 1 ? atol(argv[1]) : 100000,
				  argc > 2 ? strtoull(argv[2], NULL, 10) : 1);
	puts("no harm done");
	return 0;
}

#endif							/* STANDALONE */
