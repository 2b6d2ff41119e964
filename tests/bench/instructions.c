// SPDX-License-Identifier: Apache-2.0
// A QEMU plugin (TCG, plugin interface version 1) that counts guest instructions into a file which the bench maps.
// QEMU 7.2's packages have no plugin header, so what is used of the interface is declared here.
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef uint64_t PluginId;
typedef struct Block Block;
enum { add_u64 = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(PluginId id, void (*translated)(PluginId, Block*));
void qemu_plugin_register_vcpu_tb_exec_inline(Block* block, int operation, void* counter, uint64_t amount);
size_t qemu_plugin_tb_n_insns(const Block* block);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

static uint64_t* counter;

// Each block adds its length whenever it runs; the code for that is inlined, so the guest is slowed little.
static void count_block(PluginId id, Block* block) {
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_inline(block, add_u64, counter, qemu_plugin_tb_n_insns(block));
}

__attribute__((visibility("default"))) int qemu_plugin_install(PluginId id, const void* info, int count, char** words) {
    (void)info;
    for (int i = 0; i < count; ++i) {
        if (strncmp(words[i], "out=", 4) != 0)
            continue;
        int file = open(words[i] + 4, O_RDWR | O_CREAT | O_TRUNC, 0644);
        if (file < 0 || ftruncate(file, 4096) != 0)
            return 1;
        void* shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        close(file);
        if (shared == MAP_FAILED)
            return 1;
        counter = shared;
        qemu_plugin_register_vcpu_tb_trans_cb(id, count_block);
        return 0;
    }
    return 1;
}
