// SPDX-License-Identifier: Apache-2.0
// A QEMU plugin (TCG, plugin interface version 1) that counts guest instructions into a file which the reader
// maps: all of them, those from each entry of one function to the next entry of another, and those that QEMU
// translated. Options: out=FILE,begin=HEX,end=HEX; the addresses are the linker's, and the reader adds to the
// file where the image was loaded once it knows. QEMU 7.2's packages have no plugin header, so what is used
// of the interface is declared here.
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef uint64_t PluginId;
typedef struct Block Block;
enum { add_u64 = 0, no_registers = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(PluginId id, void (*translated)(PluginId, Block*));
void qemu_plugin_register_vcpu_tb_exec_inline(Block* block, int operation, void* counter, uint64_t amount);
void qemu_plugin_register_vcpu_tb_exec_cb(Block* block, void (*run)(unsigned cpu, void* data), int flags, void* data);
size_t qemu_plugin_tb_n_insns(const Block* block);
uint64_t qemu_plugin_tb_vaddr(const Block* block);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

// What the file holds. Images lie at multiples of a page: the low bits of an address are known
// before the rest.
struct Shared {
    uint64_t all, between, load_address, translated;
};
enum { page = 4096 };
static struct Shared* shared;
static uint64_t begin, end, since;
static int is_between;

static void at_begin(unsigned cpu, void* address) {
    (void)cpu;
    if (!is_between && shared->load_address && (uintptr_t)address == shared->load_address + begin) {
        is_between = 1;
        since = shared->all;
    }
}

static void at_end(unsigned cpu, void* address) {
    (void)cpu;
    if (is_between && (uintptr_t)address == shared->load_address + end) {
        is_between = 0;
        shared->between += shared->all - since;
    }
}

// Each block adds its length whenever it runs; the code for that is inlined, so the guest is slowed little.
static void count_block(PluginId id, Block* block) {
    (void)id;
    shared->translated += qemu_plugin_tb_n_insns(block);
    uintptr_t address = qemu_plugin_tb_vaddr(block);
    if (begin && (address - begin) % page == 0)
        qemu_plugin_register_vcpu_tb_exec_cb(block, at_begin, no_registers, (void*)address);
    if (end && (address - end) % page == 0)
        qemu_plugin_register_vcpu_tb_exec_cb(block, at_end, no_registers, (void*)address);
    qemu_plugin_register_vcpu_tb_exec_inline(block, add_u64, &shared->all, qemu_plugin_tb_n_insns(block));
}

static int share(const char* path) {
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
    if (file < 0 || ftruncate(file, page) != 0)
        return 1;
    shared = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    return shared == MAP_FAILED;
}

__attribute__((visibility("default"))) int qemu_plugin_install(PluginId id, const void* info, int count, char** words) {
    (void)info;
    for (int i = 0; i < count; ++i) {
        if (strncmp(words[i], "out=", 4) == 0 && share(words[i] + 4) != 0)
            return 1;
        if (strncmp(words[i], "begin=", 6) == 0)
            begin = strtoull(words[i] + 6, NULL, 16);
        if (strncmp(words[i], "end=", 4) == 0)
            end = strtoull(words[i] + 4, NULL, 16);
    }
    if (!shared)
        return 1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, count_block);
    return 0;
}
