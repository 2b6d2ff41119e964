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
