/* Tries every way out of the sandbox and says of each whether it held: a line "held NAME (why)" or "ESCAPE NAME". Built static, without a libc's
   own ideas: system calls by number. Run as root inside. The last line is "done". */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <netinet/in.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *name, int escaped) {
    if (escaped) printf("ESCAPE %s\n", name);
    else printf("held %s (%s)\n", name, strerror(errno));
    fflush(stdout);
    errno = 0;
}
/* In a child: what succeeds must not change what is tried next. */
#define TRY(name, expression) do { \
        fflush(stdout); \
        pid_t child = fork(); \
        if (child == 0) { errno = 0; say(name, (expression)); _exit(0); } \
        int status = 0; waitpid(child, &status, 0); \
        if (WIFSIGNALED(status)) printf("held %s (signal %d)\n", name, WTERMSIG(status)); \
    } while (0)

static int opens(const char *path, int flags) {
    int fd = open(path, flags | O_CLOEXEC);
    if (fd >= 0) close(fd);
    return fd >= 0;
}
/* Reads at least one byte. */
static int reads(const char *path) {
    char byte;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    int n = fd < 0 ? -1 : (int)read(fd, &byte, 1);
    if (fd >= 0) close(fd);
    return n > 0;
}
static int listed(const char *path) {
    DIR *dir = opendir(path);
    int n = 0;
    if (!dir) return 0;
    for (struct dirent *e; (e = readdir(dir));) n += e->d_name[0] != '.';
    closedir(dir);
    return n > 0;
}
static int writes(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    int n = fd < 0 ? -1 : (int)write(fd, text, strlen(text));
    if (fd >= 0) close(fd);
    return n > 0;
}
/* A node made here, and opened. */
static int node(mode_t kind, unsigned major, unsigned minor, const char *dir, int flags) {
    char path[256];
    snprintf(path, sizeof path, "%s/escape-node", dir);
    unlink(path);
    int done = mknod(path, kind | 0600, makedev(major, minor)) == 0 && opens(path, flags);
    int why = errno;
    unlink(path);
    errno = why;
    return done;
}
static int abstract_socket(const char *name) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    memcpy(to.sun_path + 1, name, strlen(name));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    return fd >= 0 && connect(fd, (void *)&to, offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name)) == 0;
}
static int memory_of_first(int write_it) {
    char bytes[8] = {0};
    struct iovec here = {bytes, sizeof bytes}, there = {(void *)0x400000, sizeof bytes};
    return syscall(write_it ? SYS_process_vm_writev : SYS_process_vm_readv, 1, &here, 1, &there, 1, 0) > 0;
}
static int by_handle(void) {
    struct { struct file_handle h; char room[128]; } f;
    int mount_id, fd = open("/", O_RDONLY | O_DIRECTORY);
    f.h.handle_bytes = 128;
    if (name_to_handle_at(AT_FDCWD, "/", &f.h, &mount_id, 0)) return 0;
    return open_by_handle_at(fd, &f.h, O_RDONLY) >= 0;
}
static int real_time(int policy) {
    struct sched_param p = {.sched_priority = 1};
    return sched_setscheduler(0, policy, &p) == 0;
}
static int raised(int what) {
    struct rlimit r = {0, 0};
    if (what == RLIMIT_CORE) { /* pretended: it must not have changed */
        struct rlimit now;
        setrlimit(RLIMIT_CORE, &r);
        prlimit(0, RLIMIT_CORE, &r, NULL);
        return getrlimit(RLIMIT_CORE, &now) || now.rlim_max != 1 || now.rlim_cur != 1;
    }
    r.rlim_cur = r.rlim_max = 20;
    return setrlimit(what, &r) == 0;
}
static int types(void) {
    int master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
    char c = 'x';
    return master >= 0 && (ioctl(master, TIOCSTI, &c) == 0 || ioctl(master, 0x541c, &c) == 0);
}
static int in_namespace(int flags) { return unshare(flags) == 0; }
static int cloned(unsigned long flags) {
    long pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) _exit(0);
    return pid > 0;
}
static int descriptors(void) {
    /* 0 to 2, and the directory itself. */
    int others = 0;
    DIR *dir = opendir("/proc/self/fd");
    for (struct dirent *e; dir && (e = readdir(dir));) {
        int fd = atoi(e->d_name);
        if (e->d_name[0] != '.' && fd > 2 && fd != dirfd(dir)) others++;
    }
    return others;
}
static uint64_t capabilities(const char *which) {
    char line[256];
    unsigned long long bits = ~0ULL;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, which, strlen(which))) sscanf(line + strlen(which), ":%llx", &bits);
    if (f) fclose(f);
    return bits;
}
/* CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE SYS_CHROOT MKNOD SETFCAP; SYS_ADMIN with LVM only. */
#define CAPABILITIES ((1ULL << 0) | (1ULL << 1) | (1ULL << 3) | (1ULL << 4) | (1ULL << 5) | (1ULL << 6) | (1ULL << 7) | (1ULL << 8) | \
    (1ULL << 9) | (1ULL << 10) | (1ULL << 18) | (1ULL << 27) | (1ULL << 31))
static int keys(void) {
    return syscall(SYS_add_key, "user", "escape", "x", 1, -4) >= 0 || syscall(SYS_keyctl, 0, -3, 0) >= 0 ||
           syscall(SYS_request_key, "user", "escape", 0, -3) >= 0;
}
static int out_of_chroot(void) {
    /* The old way: a working directory that lies outside of a new root. */
    mkdir("/tmp/cage", 0755);
    if (chroot("/tmp/cage")) return 0;
    for (int i = 0; i < 64; i++)
        if (chdir("..")) break;
    if (chroot(".")) return 0;
    /* Out again is the sandbox's own top, where our /run lies. */
    return !opens("/run/altdisk/first", O_RDONLY);
}
/* What is open from before is not the running system's: root may change modes, owners and times of that, whatever Landlock says. */
static int input_from_outside(void) {
    struct stat open_one, own;
    if (fstat(0, &open_one) || stat("/dev/null", &own) || S_ISFIFO(open_one.st_mode)) return 0;
    return open_one.st_dev != own.st_dev || fchmod(0, 0666) == 0 || fchown(0, 0, 0) == 0 || futimens(0, NULL) == 0 ||
           chmod("/proc/self/fd/0", 0666) == 0 || chmod("/dev/stdin", 0666) == 0;
}
static char writable[4096];
static int look(const char *path, const struct stat *st, int kind, struct FTW *ftw) {
    (void)ftw;
    /* Our own file stands for the list of swap spaces. */
    if (kind != FTW_F || !S_ISREG(st->st_mode) || !strcmp(path, "/proc/swaps")) return 0;
    int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return 0;
    close(fd);
    snprintf(writable, sizeof writable, "%s", path);
    return 1;
}
/* The first file below it that opens for writing. */
static int any_writable(const char *top) {
    if (nftw(top, look, 64, FTW_PHYS) != 1) return 0;
    fprintf(stderr, "writable: %s\n", writable);
    return 1;
}
static int any_disk(unsigned long command) {
    /* Of a block device, where there is one: the filter's answer, and not that of the kernel. */
    int fd = -1;
    DIR *dir = opendir("/dev");
    for (struct dirent *e; dir && fd < 0 && (e = readdir(dir));)
        if (e->d_type == DT_BLK) fd = openat(dirfd(dir), e->d_name, O_RDONLY | O_CLOEXEC);
    char room[256] = {0};
    return fd >= 0 && (ioctl(fd, command, room) == 0 || errno != ENOTTY);
}
static int frozen(void) {
    int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (ioctl(fd, 0xc0045877, 0) == 0) return ioctl(fd, 0xc0045878, 0) == 0 || 1;
    return errno != ENOTTY;
}
static int takes_port(void) {
    /* Of the running system's network; in its own, a service may be started for a moment. */
    int n = 0;
    DIR *dir = opendir("/sys/class/net");
    for (struct dirent *e; dir && (e = readdir(dir));) n += e->d_name[0] != '.' && strcmp(e->d_name, "lo") != 0;
    if (n == 0) return 0;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(48611), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    return bind(fd, (void *)&at, sizeof at) == 0 && listen(fd, 1) == 0;
}
static int no_protocol(int family, int type, int protocol) {
    return socket(family, type, protocol) < 0 && errno == EPROTONOSUPPORT;
}
#ifdef __x86_64__
static long old_call(long nr, long a, long b, long c, long d, long e) {
    long done;
    register long r_e asm("rdi") = e;
    asm volatile("int $0x80" : "=a"(done) : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(r_e) : "memory", "r8", "r9", "r10", "r11");
    if (done < 0) errno = (int)-done;
    return done;
}
static int old_mount(void) {
    char *low = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    strcpy(low, "tmpfs");
    strcpy(low + 16, "/mnt");
    return old_call(21, (long)low, (long)(low + 16), (long)low, 0, 0) == 0;
}
static int old_socket(int family) {
    uint32_t *args = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    args[0] = family, args[1] = SOCK_DGRAM, args[2] = 0;
    return old_call(102, 1, (long)args, 0, 0, 0) >= 0 || old_call(359, family, SOCK_DGRAM, 0, 0, 0) >= 0;
}
#endif

int main(void) {
    char path[64];
    alarm(120);
    /* What the first process gives away. */
    TRY("/proc/1/cwd", listed("/proc/1/cwd/"));
    TRY("/proc/1/cwd above", opens("/proc/1/cwd/../etc/shadow", O_RDONLY));
    TRY("/proc/1/root", listed("/proc/1/root/"));
    TRY("/proc/1/exe", opens("/proc/1/exe", O_RDONLY));
    TRY("/proc/1/environ", reads("/proc/1/environ"));
    TRY("/proc/1/mem", opens("/proc/1/mem", O_RDWR));
    TRY("/proc/1/maps", reads("/proc/1/maps"));
    TRY("/proc/1/map_files", listed("/proc/1/map_files/"));
    TRY("/proc/1/fd", listed("/proc/1/fd/"));
    TRY("/proc/1/ns/mnt", opens("/proc/1/ns/mnt", O_RDONLY));
    TRY("/proc/1/auxv", reads("/proc/1/auxv"));
    TRY("/proc/1/stack", reads("/proc/1/stack"));
    TRY("/proc/1/cmdline tells altdisk", ({
        char text[512] = {0};
        int fd = open("/proc/1/cmdline", O_RDONLY);
        int n = fd < 0 ? 0 : (int)read(fd, text, sizeof text - 1);
        n > 0 && strcmp(text, "altdisk-sandbox") != 0;
    }));
    TRY("ptrace first", ptrace(PTRACE_ATTACH, 1, 0, 0) == 0 || ptrace(PTRACE_SEIZE, 1, 0, 0) == 0);
    TRY("ptrace own", ptrace(PTRACE_TRACEME, 0, 0, 0) == 0);
    TRY("process_vm_readv", memory_of_first(0));
    TRY("process_vm_writev", memory_of_first(1));
    TRY("pidfd_getfd", ({ long p = syscall(434, 1, 0); p >= 0 && syscall(438, p, 0, 0) >= 0; }));
    TRY("kcmp", syscall(SYS_kcmp, 1, getpid(), 0, 0, 0) >= 0);
    TRY("process_madvise", ({ long p = syscall(434, 1, 0); struct iovec v = {(void *)0x400000, 4096}; syscall(440, p, &v, 1, 21, 0) >= 0; }));
    TRY("end of first", ({ kill(1, SIGKILL); kill(1, SIGTERM); usleep(100000); 0; }));
    for (int pid = 1; pid <= 2; pid++) {
        snprintf(path, sizeof path, "/proc/%d/root/../etc/altdisk-outside", pid);
        TRY("outside by root", opens(path, O_RDONLY));
    }
    TRY("/..", opens("/../altdisk-outside", O_RDONLY) || opens("/../../../../altdisk-outside", O_RDONLY));
    TRY("processes outside", ({
        int n = 0;
        DIR *dir = opendir("/proc");
        for (struct dirent *e; dir && (e = readdir(dir));) n += atoi(e->d_name) > 0;
        n > 200 || n == 0;
    }));

    /* What was inherited. */
    TRY("descriptors", descriptors() > 0);
    TRY("variables", getenv("ALTDISK_ESCAPE_SECRET") != NULL);
    TRY("capabilities", ((capabilities("CapEff") | capabilities("CapPrm") | capabilities("CapBnd") | capabilities("CapInh") | capabilities("CapAmb")) & ~CAPABILITIES) != 0);
    TRY("new privileges", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1);
    TRY("no filter", prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 2);
    TRY("terminal", opens("/dev/tty", O_RDWR));
    TRY("standard input", input_from_outside());
    TRY("limit of signals", ({ struct rlimit r; getrlimit(RLIMIT_SIGPENDING, &r); r.rlim_max > 4096; }));
    TRY("limit of messages", ({ struct rlimit r; getrlimit(RLIMIT_MSGQUEUE, &r); r.rlim_max > 1 << 16; }));

    /* Mounts and namespaces. */
    TRY("mount", mount("tmpfs", "/mnt", "tmpfs", 0, "") == 0);
    TRY("remount", mount("", "/proc", "", MS_REMOUNT | MS_BIND, "") == 0);
    TRY("umount", umount2("/proc/kcore", 0) == 0 || umount2("/dev", MNT_DETACH) == 0);
    TRY("pivot_root", syscall(SYS_pivot_root, ".", ".") == 0);
    TRY("open_tree", syscall(428, AT_FDCWD, "/", 1) >= 0);
    TRY("move_mount", syscall(429, AT_FDCWD, "/proc", AT_FDCWD, "/mnt", 0) == 0);
    TRY("fsopen", syscall(430, "tmpfs", 0) >= 0);
    TRY("fspick", syscall(433, AT_FDCWD, "/", 0) >= 0);
    TRY("mount_setattr", ({ uint64_t a[4] = {0, 4, 0, 0}; syscall(442, AT_FDCWD, "/", 0, a, sizeof a) == 0; }));
    TRY("setns", ({ int fd = open("/proc/self/ns/uts", O_RDONLY); setns(fd, 0) == 0; }));
    TRY("unshare user", in_namespace(CLONE_NEWUSER));
    TRY("unshare mounts", in_namespace(CLONE_NEWNS));
    TRY("unshare network", in_namespace(CLONE_NEWNET));
    TRY("unshare pid", in_namespace(CLONE_NEWPID));
    TRY("unshare time", in_namespace(0x80));
    TRY("unshare with an empty mount namespace", in_namespace(0x100000) || errno != EPERM);
    TRY("clone user", cloned(CLONE_NEWUSER));
    TRY("clone mounts", cloned(CLONE_NEWNS));
    TRY("clone3 user", ({ uint64_t a[11] = {CLONE_NEWUSER, 0, 0, 0, SIGCHLD}; long p = syscall(435, a, 88); if (p == 0) _exit(0); p > 0; }));
    TRY("out of a chroot", out_of_chroot());
    TRY("open_tree_attr", syscall(467, AT_FDCWD, "/", 1, 0, 0) >= 0);
    TRY("listmount, statmount", ({ uint64_t q[4] = {32, -1ULL}, out[64]; syscall(458, q, out, 64, 0) >= 0 || syscall(457, q, out, 64, 0) >= 0; }));
    TRY("parent of a namespace", ({ int fd = open("/proc/self/ns/pid", O_RDONLY); ioctl(fd, 0xb702) >= 0 || errno != ENOTTY; }));
    TRY("namespace of a socket", ioctl(socket(AF_INET, SOCK_DGRAM, 0), 0x894c) >= 0);
    TRY("links of tasks", opens("/proc/1/task/1/root/etc/altdisk-outside", O_RDONLY) || listed("/proc/1/task/1/cwd/") || opens("/proc/self/task/1/root/..", O_RDONLY));
    TRY("open_by_handle_at", by_handle());

    /* Devices. */
    TRY("node of loop0", node(S_IFBLK, 7, 0, "/tmp", O_RDONLY));
    TRY("node of loop0 on the copy", node(S_IFBLK, 7, 0, "/root", O_RDONLY) || node(S_IFBLK, 7, 0, "/var/tmp", O_RDONLY));
    TRY("node of loop0 in /dev", node(S_IFBLK, 7, 0, "/dev", O_RDONLY) || node(S_IFBLK, 7, 0, "/dev/shm", O_RDONLY) || node(S_IFBLK, 7, 0, "/run", O_RDONLY));
    TRY("node of vda", node(S_IFBLK, 254, 0, "/tmp", O_RDONLY) || node(S_IFBLK, 8, 0, "/root", O_RDONLY));
    TRY("node of memory", node(S_IFCHR, 1, 1, "/root", O_RDONLY));
    TRY("node of kmsg", node(S_IFCHR, 1, 11, "/root", O_WRONLY) || opens("/dev/kmsg", O_WRONLY));
    TRY("node of loop-control", node(S_IFCHR, 10, 237, "/root", O_RDONLY) || opens("/dev/loop-control", O_RDONLY));
    TRY("node of device-mapper", node(S_IFCHR, 10, 236, "/root", O_RDONLY));
    TRY("node of fuse, kvm, vhost", node(S_IFCHR, 10, 229, "/root", O_RDONLY) || node(S_IFCHR, 10, 232, "/root", O_RDONLY) || node(S_IFCHR, 10, 238, "/root", O_RDONLY));

    TRY("node of the console", node(S_IFCHR, 5, 1, "/root", O_RDWR) || node(S_IFCHR, 4, 1, "/root", O_RDWR) || node(S_IFCHR, 7, 1, "/root", O_RDWR));
    TRY("node of a port, of a raw disk", node(S_IFCHR, 1, 4, "/root", O_RDWR) || node(S_IFCHR, 162, 0, "/root", O_RDWR) || node(S_IFCHR, 21, 0, "/root", O_RDWR));
    TRY("trace of a disk", any_disk(0xc0481273));
    TRY("partitions of a disk", any_disk(0x1269) || any_disk(0x125f) || any_disk(0x125d));
    TRY("read-ahead of a disk", any_disk(0x1262));
    TRY("discard", any_disk(0x1277) || any_disk(0x127d) || any_disk(0x127f));
    TRY("freeze", frozen());
    TRY("keys of a file system", ({ char key[64] = {0}; ioctl(open("/", O_RDONLY | O_DIRECTORY), 0xc0406618, key) == 0 || errno != ENOTTY; }));
    TRY("trees of btrfs", ({ static char search[4096]; ioctl(open("/", O_RDONLY | O_DIRECTORY), 0xd0009411, search) == 0 || errno != ENOTTY; }));
    TRY("shutdown of a file system", ({ int fd = open("/", O_RDONLY | O_DIRECTORY); uint32_t how = 1; ioctl(fd, 0x8004587d, &how) == 0 || errno != ENOTTY; }));

    /* The kernel that runs. */
    TRY("any file of /proc", any_writable("/proc"));
    TRY("any file of /sys", any_writable("/sys"));
    TRY("acct", acct("/tmp/acct") == 0 || acct(NULL) == 0);
    TRY("syslog", ({ char text[64]; syscall(SYS_syslog, 3, text, 64) >= 0; }));
    TRY("syslog console", syscall(SYS_syslog, 8, 0, 7) == 0);
    TRY("/proc/kmsg", reads("/proc/kmsg"));
    TRY("/proc/kcore", reads("/proc/kcore"));
    TRY("/proc/keys", reads("/proc/keys") || reads("/proc/key-users"));
    TRY("/proc/timer_list", reads("/proc/timer_list"));
    TRY("/proc/irq", writes("/proc/irq/default_smp_affinity", "3"));
    TRY("/proc/sys", writes("/proc/sys/vm/swappiness", "60") || writes("/proc/sys/kernel/core_pattern", "core"));
    TRY("/proc/sysrq-trigger", writes("/proc/sysrq-trigger", "h"));
    TRY("/proc/bus", listed("/proc/bus") || listed("/proc/scsi") || listed("/proc/acpi") || listed("/proc/fs"));
    TRY("/proc/self", writes("/proc/self/oom_score_adj", "-1000"));
    TRY("/sys", writes("/sys/kernel/mm/ksm/run", "0") || writes("/sys/power/state", "x") || writes("/sys/kernel/uevent_helper", "/x"));
    TRY("/sys/fs/cgroup", listed("/sys/fs/cgroup"));
    TRY("/sys/kernel/debug", listed("/sys/kernel/debug") || listed("/sys/kernel/tracing") || listed("/sys/kernel/security"));
    TRY("efivars", listed("/sys/firmware/efi/efivars"));
    TRY("running swap", ({ char text[4096] = {0}; int fd = open("/proc/swaps", O_RDONLY); int n = (int)read(fd, text, 4095); n <= 0 || strstr(text, "/") != NULL; }));
    TRY("keys", keys());
    TRY("swapon", syscall(SYS_swapon, "/tmp/x", 0) == 0 || errno != EPERM);
    TRY("swapoff", syscall(SYS_swapoff, "/tmp/x") == 0 || errno != EPERM);
    TRY("quotactl", syscall(SYS_quotactl, 0x800001 << 8, 0, 0, 0) == 0 || errno != EPERM);
    TRY("reboot", syscall(SYS_reboot, 0xfee1dead, 672274793, 0, 0) == 0);
    TRY("kexec_load", syscall(SYS_kexec_load, 0, 0, 0, 0) == 0);
    TRY("init_module", syscall(SYS_init_module, "", 0, "") == 0 || errno != EPERM);
    TRY("bpf", ({ uint64_t a[16] = {1 | (4ULL << 32), 4 | (1ULL << 32)}; syscall(SYS_bpf, 0, a, sizeof a) >= 0; }));
    TRY("perf_event_open", ({ uint32_t a[32] = {1, 128}; syscall(SYS_perf_event_open, a, 0, -1, -1, 0) >= 0; }));
    TRY("io_uring_setup", ({ char a[128] = {0}; syscall(425, 1, a) >= 0; }));
    TRY("userfaultfd", syscall(SYS_userfaultfd, 0) >= 0 || syscall(SYS_userfaultfd, 1) >= 0);
    TRY("fanotify_init", syscall(SYS_fanotify_init, 0, 0) >= 0 || syscall(SYS_fanotify_init, 0x200, 0) >= 0);
    TRY("settimeofday", ({ struct { long s, u; } t = {1, 0}; syscall(SYS_clock_settime, 0, &t) == 0; }));
    TRY("adjtimex", ({ char t[512] = {0}; syscall(SYS_adjtimex, t) >= 0; }));
    TRY("sethostname", sethostname("escape", 6) == 0);
    TRY("sched fifo", real_time(SCHED_FIFO) || real_time(SCHED_RR));
    TRY("sched deadline", ({ struct { uint32_t size, policy; uint64_t flags; int32_t nice; uint32_t prio; uint64_t run, dead, period; } a = {48, 6, 0, 0, 0, 1 << 20, 1 << 21, 1 << 21}; syscall(SYS_sched_setattr, 0, &a, 0) == 0; }));
    TRY("first of all on disks", syscall(SYS_ioprio_set, 1, 0, 1 << 13) == 0 || errno != EPERM);
    TRY("broken memory", ({ void *p = mmap(0, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); *(char *)p = 1; madvise(p, 4096, 101) == 0 || errno != EPERM; }));
    TRY("secret memory", syscall(447, 0) >= 0);
    TRY("quotactl_fd", syscall(443, open("/", O_RDONLY), 0, 0, 0) == 0 || errno != EPERM);
    TRY("process_mrelease", ({ long p = syscall(434, 1, 0); syscall(448, p, 0) == 0 || errno != EPERM; }));
    TRY("priority", setpriority(PRIO_PROCESS, 0, -20) == 0);
    TRY("real-time limit", raised(RLIMIT_RTPRIO));
    TRY("core files", raised(RLIMIT_CORE));
    TRY("core scheduling", prctl(62, 1, 0, 0, 0) == 0);
    TRY("personality", personality(READ_IMPLIES_EXEC) != -1);
    TRY("move_pages", syscall(SYS_move_pages, 1, 0, 0, 0, 0, 0) >= 0);
    TRY("vhangup", vhangup() == 0);
#ifdef __x86_64__
    TRY("modify_ldt", ({ char t[16] = {0}; syscall(SYS_modify_ldt, 0, t, 16) >= 0; }));
    TRY("iopl", syscall(SYS_iopl, 3) == 0 || syscall(SYS_ioperm, 0x80, 1, 1) == 0);
    TRY("int 0x80 mount", old_mount());
    TRY("int 0x80 umount", old_call(52, 0, 0, 0, 0, 0) == 0 || errno != EPERM);
    TRY("int 0x80 ptrace", old_call(26, PTRACE_ATTACH, 1, 0, 0, 0) == 0);
    TRY("int 0x80 unshare", old_call(310, CLONE_NEWUSER, 0, 0, 0, 0) == 0);
    TRY("int 0x80 clone", ({ long p = old_call(120, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0); if (p == 0) _exit(0); p > 0; }));
    TRY("int 0x80 vm86", old_call(113, 0, 0, 0, 0, 0) == 0 || old_call(166, 0, 0, 0, 0, 0) == 0);
    TRY("int 0x80 socket", old_socket(AF_PACKET) || old_socket(40));
    TRY("int 0x80 keyctl", old_call(288, 0, -3, 0, 0, 0) >= 0);
    TRY("x32", syscall(0x40000000 | SYS_getpid) >= 0);
#endif

    /* Sockets. */
    TRY("AF_VSOCK", socket(40, SOCK_STREAM, 0) >= 0);
    TRY("AF_PACKET", socket(AF_PACKET, SOCK_RAW, 0) >= 0);
    TRY("AF_ALG", socket(38, SOCK_SEQPACKET, 0) >= 0);
    TRY("AF_BLUETOOTH, AF_TIPC, AF_RDS, AF_XDP", socket(31, SOCK_RAW, 0) >= 0 || socket(30, SOCK_DGRAM, 0) >= 0 || socket(21, SOCK_SEQPACKET, 0) >= 0 || socket(44, SOCK_RAW, 0) >= 0);
    TRY("pair of AF_TIPC", ({ int p[2]; socketpair(30, SOCK_STREAM, 0, p) == 0 || errno != EAFNOSUPPORT; }));
    TRY("SCTP, DCCP, L2TP, MPTCP", !no_protocol(AF_INET, SOCK_STREAM, 132) || !no_protocol(AF_INET6, 6, 33) || !no_protocol(AF_INET, SOCK_DGRAM, 115) || !no_protocol(AF_INET, SOCK_STREAM, 262));
    TRY("a port of the machine", takes_port());
    TRY("raw socket", socket(AF_INET, SOCK_RAW, 1) >= 0);
    TRY("netlink audit", socket(AF_NETLINK, SOCK_RAW, 9) >= 0);
    TRY("netlink netfilter, generic, uevents", socket(AF_NETLINK, SOCK_RAW, 12) >= 0 || socket(AF_NETLINK, SOCK_RAW, 16) >= 0 || socket(AF_NETLINK, SOCK_RAW, 15) >= 0);
    TRY("abstract socket", abstract_socket("altdisk-escape-test"));
    TRY("services", opens("/run/dbus", O_RDONLY) || opens("/run/systemd", O_RDONLY) || opens("/run/docker.sock", O_RDONLY));

    /* Terminals and processes. */
    TRY("TIOCSTI", types());
    TRY("signals outside", kill(-1, 0) == 0 && getppid() == 0);
    TRY("nfsservctl", syscall(SYS_nfsservctl, 0, 0, 0) == 0);
    puts("done");
    return 0;
}
