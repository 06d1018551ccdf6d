# The benchmark's own program. From the checkout: make -f bench/bench.mk build/bench/output_layer
include Makefile

build/bench/%: bench/%.c build/libnn.a
	@mkdir -p $(@D)
	$(CC) $(NN_CPPFLAGS) $(NN_CFLAGS) -o $@ $< build/libnn.a $(BLAS_LIBS) -lm
