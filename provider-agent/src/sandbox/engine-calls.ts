/** By what they are for. What a processor does not have is not missed. */
const GROUPS: Readonly<Record<string, string>> = {
  files: `
    access chdir chmod chown close close_range copy_file_range creat dup dup2 dup3 faccessat
    faccessat2 fadvise64 fallocate fchdir fchmod fchmodat fchown fchownat fcntl fdatasync
    fgetxattr flistxattr flock fremovexattr fsetxattr fstat fstatfs fsync ftruncate futimesat
    getcwd getdents getdents64 getxattr inotify_add_watch inotify_init inotify_init1
    inotify_rm_watch ioctl lchown lgetxattr link linkat listxattr llistxattr lremovexattr lseek
    lsetxattr lstat mkdir mkdirat mknod mknodat newfstatat open openat openat2 readlink readlinkat
    removexattr rename renameat renameat2 rmdir setxattr stat statfs statx symlink symlinkat sync
    sync_file_range sync_file_range2 syncfs truncate umask unlink unlinkat utime utimensat utimes
  `,
  reading: `
    epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2
    io_cancel io_destroy io_getevents io_setup io_submit pipe pipe2 poll ppoll pread64 preadv
    preadv2 pselect6 pwrite64 pwritev pwritev2 read readahead readv select sendfile signalfd
    signalfd4 splice tee timerfd_create timerfd_gettime timerfd_settime write writev
  `,
  memory: `
    brk get_mempolicy madvise mbind membarrier memfd_create mincore mlock mlock2 mlockall mmap
    mprotect mremap msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect
    set_mempolicy shmat shmctl shmdt shmget
  `,
  processes: `
    arch_prctl execve execveat exit exit_group fork futex get_robust_list getcpu getpgid getpgrp
    getpid getppid getpriority getrlimit getrusage getsid gettid ioprio_get ioprio_set pidfd_open
    prctl prlimit64 restart_syscall rseq sched_get_priority_max sched_get_priority_min
    sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval
    sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield set_robust_list
    set_tid_address setpgid setpriority setrlimit setsid vfork wait4 waitid
  `,
  signals: `
    kill pause pidfd_send_signal rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo
    rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sigaltstack tgkill tkill
  `,
  // With others inside, and with the agent.
  talking: `
    accept accept4 bind connect getpeername getsockname getsockopt listen mq_getsetattr mq_notify
    mq_open mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd recvfrom recvmmsg
    recvmsg semctl semget semop semtimedop sendmmsg sendmsg sendto setsockopt shutdown
  `,
  // The runtime itself takes rights away with these.
  rights: `
    capget capset getegid geteuid getgid getgroups getresgid getresuid getuid landlock_add_rule
    landlock_create_ruleset landlock_restrict_self seccomp setfsgid setfsuid setgid setgroups
    setregid setresgid setresuid setreuid setuid
  `,
  time: `
    alarm clock_getres clock_gettime clock_nanosleep getitimer getrandom gettimeofday nanosleep
    setitimer sysinfo time timer_create timer_delete timer_getoverrun timer_gettime timer_settime
    times uname
  `,
}

/**
 * Calls that an engine may make, by the kernel's names. Not among them are `clone`, `socket` and `socketpair`, of which it
 * depends on the arguments, and whatever came after this list.
 */
export const ENGINE_CALLS: readonly string[] = Object.values(GROUPS).flatMap((names) =>
  names.trim().split(/\s+/),
)
