# The benchmark's own programs. From the checkout: make -f bench/bench.mk build/bench/output_layer build/bench/second_stage
include Makefile

build/bench/%: bench/%.c $(LIBRARY_ARCHIVES)
	@mkdir -p $(@D)
	$(CC) $(LIBRARY_CPPFLAGS) $(LIBRARY_CFLAGS) -o $@ $< $(LIBRARY_ARCHIVES) $(BLAS_LIBS) -lm
