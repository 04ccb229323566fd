/* What User Mode Linux needs on processors whose registers are more than it knows of (AMX): it is preloaded. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>

typedef long (*Ptrace)(int, pid_t, void *, void *);

enum { ROOM = 1 << 16 /* octets: the registers of a processor with AMX take 11,008 */ };

/* Not on the stack, which is small in User Mode Linux. */
static char all[ROOM];

/* This machine's kernel takes all registers of a process or none. Those that the caller does not know of stay as they are.
   A signal must not come between, as its handler may let another process run, which has other registers. */
static long set_known(Ptrace next, pid_t pid, void *kind, const struct iovec *known)
{
    struct iovec registers = {all, ROOM};
    sigset_t every, before;
    sigfillset(&every);
    sigprocmask(SIG_SETMASK, &every, &before);
    long result = next(PTRACE_GETREGSET, pid, kind, &registers);
    if (result == 0 && known->iov_len > registers.iov_len) {
        errno = EFAULT;
        result = -1;
    }
    if (result == 0) {
        memcpy(all, known->iov_base, known->iov_len);
        result = next(PTRACE_SETREGSET, pid, kind, &registers);
    }
    int error = errno;
    sigprocmask(SIG_SETMASK, &before, 0);
    errno = error;
    return result;
}

/* As the C library's, in whose place it is. */
long ptrace(enum __ptrace_request request, ...)
{
    static Ptrace next;
    static int more;
    va_list rest;
    va_start(rest, request);
    pid_t pid = va_arg(rest, pid_t);
    void *address = va_arg(rest, void *);
    void *data = va_arg(rest, void *);
    va_end(rest);
    if (!next)
        next = (Ptrace)dlsym(RTLD_NEXT, "ptrace");
    if (request != PTRACE_SETREGSET || address != (void *)NT_X86_XSTATE)
        return next(request, pid, address, data);
    if (!more) {
        long result = next(request, pid, address, data);
        if (result == 0 || errno != EFAULT)
            return result;
        more = 1;
    }
    return set_known(next, pid, address, data);
}
