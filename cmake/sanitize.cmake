# Sanitizers see a fiber switch only if they are told of it, and what is linked with weft must be
# instrumented in the same way: flags and definitions are therefore public.

if(WEFT_SANITIZE)
  target_compile_options(weft PUBLIC "-fsanitize=${WEFT_SANITIZE}" -fno-omit-frame-pointer)
  target_link_options(weft PUBLIC "-fsanitize=${WEFT_SANITIZE}")
endif()
if(WEFT_SANITIZE MATCHES "address")
  target_compile_definitions(weft PUBLIC WEFT_SANITIZE_ADDRESS)
endif()
if(WEFT_SANITIZE MATCHES "thread")
  target_compile_definitions(weft PUBLIC WEFT_SANITIZE_THREAD)
endif()
if(WEFT_SANITIZE MATCHES "undefined")
  # A finding must fail the test that met it.
  target_compile_options(weft PUBLIC -fno-sanitize-recover=undefined)
endif()
