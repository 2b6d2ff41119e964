# SPDX-License-Identifier: Apache-2.0
# vireo_third_party(NAME OUT_FOLDER): unpacks the tarball that third_party/manifest pins under NAME into the
# build folder. third_party/fetch, run before CMake, has brought it and checked its sha256.
function(vireo_third_party name out)
    file(STRINGS ${CMAKE_SOURCE_DIR}/third_party/manifest line REGEX "^${name} ")
    separate_arguments(line)
    list(GET line 1 version)
    list(GET line 3 tarball)
    set(cache ${CMAKE_SOURCE_DIR}/third_party/cache)
    if(NOT "$ENV{VIREO_THIRD_PARTY}" STREQUAL "")
        set(cache "$ENV{VIREO_THIRD_PARTY}")
    endif()
    set(folder ${CMAKE_BINARY_DIR}/third_party/${name}-${version})
    if(NOT EXISTS ${folder})
        # Whole or not at all: half of it, after Ctrl-C, would be taken for a library that lacks files.
        set(unpacking ${CMAKE_BINARY_DIR}/third_party/unpacking)
        file(REMOVE_RECURSE ${unpacking})
        file(ARCHIVE_EXTRACT INPUT ${cache}/${tarball} DESTINATION ${unpacking})
        file(RENAME ${unpacking}/${name}-${version} ${folder})
    endif()
    set(${out} ${folder} PARENT_SCOPE)
endfunction()

# libfdt: device tree reading and fix-ups. Third-party code keeps its own warnings.
vireo_third_party(dtc dtc)
set(VIREO_LIBFDT_SOURCES fdt.c fdt_addresses.c fdt_check.c fdt_empty_tree.c fdt_overlay.c fdt_ro.c fdt_rw.c fdt_strerror.c fdt_sw.c fdt_wip.c)
list(TRANSFORM VIREO_LIBFDT_SOURCES PREPEND ${dtc}/libfdt/)
add_library(fdt STATIC ${VIREO_LIBFDT_SOURCES})
target_compile_options(fdt PRIVATE -w)
target_include_directories(fdt SYSTEM PUBLIC ${dtc}/libfdt)

# lwIP: the TCP/IP stack. What it is configured with, and what it calls, lies in src/net/stack/lwip.
vireo_third_party(lwip lwip)
set(VIREO_LWIP_SOURCES
    core/def.c core/dns.c core/inet_chksum.c core/init.c core/ip.c core/mem.c core/memp.c core/netif.c core/pbuf.c
    core/raw.c core/tcp.c core/tcp_in.c core/tcp_out.c core/timeouts.c core/udp.c core/ipv4/dhcp.c core/ipv4/etharp.c
    core/ipv4/icmp.c core/ipv4/ip4.c core/ipv4/ip4_addr.c core/ipv4/ip4_frag.c core/ipv6/ethip6.c core/ipv6/icmp6.c
    core/ipv6/ip6.c core/ipv6/ip6_addr.c core/ipv6/ip6_frag.c core/ipv6/mld6.c core/ipv6/nd6.c netif/ethernet.c)
list(TRANSFORM VIREO_LWIP_SOURCES PREPEND ${lwip}/src/)
add_library(lwip STATIC ${VIREO_LWIP_SOURCES})
target_compile_options(lwip PRIVATE -w)
if(CONFIG_HOSTED_SANITIZE)
    # it takes the address of a null pointer's first member
    target_compile_options(lwip PRIVATE -fno-sanitize=null)
endif()
target_include_directories(lwip SYSTEM PUBLIC ${lwip}/src/include ${CMAKE_SOURCE_DIR}/src/net/stack/lwip)

# What unpacks compressed files, each for its format in src/unpack. They get their memory by hooks; where they
# would fall back on malloc they meet a function that returns nothing (src/unpack/work_memory.cpp).
set(VIREO_UNPACK_LIBRARIES)
function(vireo_unpack_library name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;INCLUDES;PRIVATE_INCLUDES;DEFINITIONS")
    add_library(${name} STATIC ${arg_SOURCES})
    target_compile_options(${name} PRIVATE -w)
    target_compile_definitions(${name} PRIVATE ${arg_DEFINITIONS} malloc=vireo_no_malloc calloc=vireo_no_calloc free=vireo_no_free)
    target_include_directories(${name} SYSTEM PUBLIC ${arg_INCLUDES} PRIVATE ${arg_PRIVATE_INCLUDES})
    set(VIREO_UNPACK_LIBRARIES ${VIREO_UNPACK_LIBRARIES} ${name} PARENT_SCOPE)
endfunction()

if(CONFIG_UNPACK_GZIP)
    vireo_third_party(zlib zlib)
    set(zlib_sources adler32.c inffast.c inflate.c inftrees.c zutil.c)
    list(TRANSFORM zlib_sources PREPEND ${zlib}/)
    vireo_unpack_library(zlib SOURCES ${zlib_sources} INCLUDES ${zlib})
    target_compile_definitions(zlib PUBLIC Z_SOLO ZLIB_CONST)
endif()

if(CONFIG_UNPACK_LZ4)
    vireo_third_party(lz4 lz4)
    # lz4hc: packs, which the frame code could; it is left out of an image.
    set(lz4_sources lz4.c lz4frame.c lz4hc.c xxhash.c)
    list(TRANSFORM lz4_sources PREPEND ${lz4}/lib/)
    vireo_unpack_library(lz4 SOURCES ${lz4_sources} INCLUDES ${lz4}/lib DEFINITIONS
        LZ4_FREESTANDING=1 LZ4_memcpy=__builtin_memcpy LZ4_memmove=__builtin_memmove LZ4_memset=__builtin_memset XXH_NAMESPACE=LZ4_)
endif()

if(CONFIG_UNPACK_ZSTD)
    vireo_third_party(zstd zstd)
    set(zstd_sources
        common/entropy_common.c common/error_private.c common/fse_decompress.c common/xxhash.c common/zstd_common.c
        decompress/huf_decompress.c decompress/zstd_ddict.c decompress/zstd_decompress.c decompress/zstd_decompress_block.c)
    list(TRANSFORM zstd_sources PREPEND ${zstd}/lib/)
    # The small one of each pair of implementations.
    vireo_unpack_library(zstd SOURCES ${zstd_sources} INCLUDES ${zstd}/lib DEFINITIONS
        ZSTD_DISABLE_ASM DYNAMIC_BMI2=0 ZSTD_LEGACY_SUPPORT=0 ZSTD_STRIP_ERROR_STRINGS XXH_NAMESPACE=ZSTD_
        HUF_FORCE_DECOMPRESS_X1 ZSTD_FORCE_DECOMPRESS_SEQUENCES_SHORT ZSTD_NO_INLINE)
endif()

if(CONFIG_UNPACK_XZ)
    vireo_third_party(xz xz)
    set(xz_sources
        check/check.c check/crc32_small.c check/crc64_small.c check/sha256.c
        common/alone_decoder.c common/block_decoder.c common/block_header_decoder.c common/block_util.c common/common.c
        common/filter_common.c common/filter_decoder.c common/filter_flags_decoder.c common/index_hash.c
        common/stream_decoder.c common/stream_flags_common.c common/stream_flags_decoder.c common/vli_decoder.c common/vli_size.c
        delta/delta_common.c delta/delta_decoder.c lz/lz_decoder.c lzma/lzma_decoder.c lzma/lzma2_decoder.c
        simple/arm.c simple/arm64.c simple/armthumb.c simple/riscv.c simple/simple_coder.c simple/simple_decoder.c simple/x86.c)
    list(TRANSFORM xz_sources PREPEND ${xz}/src/liblzma/)
    set(xz_folders common check lz lzma rangecoder simple delta)
    list(TRANSFORM xz_folders PREPEND ${xz}/src/liblzma/)
    vireo_unpack_library(xz SOURCES ${xz_sources} INCLUDES ${xz}/src/liblzma/api PRIVATE_INCLUDES ${xz_folders} ${xz}/src/common DEFINITIONS
        HAVE_STDBOOL_H HAVE_STDINT_H HAVE_INTTYPES_H HAVE_STRING_H HAVE_LIMITS_H HAVE_SMALL NDEBUG ASSUME_RAM=128
        HAVE_DECODERS HAVE_DECODER_LZMA1 HAVE_DECODER_LZMA2 HAVE_DECODER_DELTA HAVE_DECODER_ARM HAVE_DECODER_ARM64
        HAVE_DECODER_ARMTHUMB HAVE_DECODER_RISCV HAVE_DECODER_X86 HAVE_CHECK_CRC32 HAVE_CHECK_CRC64 HAVE_CHECK_SHA256)
    target_compile_definitions(xz INTERFACE LZMA_API_STATIC)
endif()

if(CONFIG_UNPACK_BZIP2)
    vireo_third_party(bzip2 bzip2)
    # blocksort, compress: pack; left out of an image.
    set(bzip2_sources blocksort.c bzlib.c compress.c crctable.c decompress.c huffman.c randtable.c)
    list(TRANSFORM bzip2_sources PREPEND ${bzip2}/)
    vireo_unpack_library(bz2 SOURCES ${bzip2_sources} INCLUDES ${bzip2} DEFINITIONS BZ_NO_STDIO)
    target_compile_definitions(bz2 INTERFACE BZ_NO_STDIO)
endif()
