// Stops the process (SIGSTOP) where it has just replaced one of the files STOP_AT (paths separated by ':') and synced
// the folder, STOP_TIMES times in all. A test that waits for the stop meets the process at a known point of its work,
// however loaded the machine is.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <libgen.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST_FILES = 8 };
static struct {
    char *path, *folder;
    ino_t seen;
} files[MOST_FILES];
static int count, times;

static ino_t inode_of(const char *path) {
    struct stat found;
    return stat(path, &found) ? 0 : found.st_ino;
}

// A file that is there from the start counts once it is another one.
__attribute__((constructor)) static void begin(void) {
    const char *all = getenv("STOP_AT"), *limit = getenv("STOP_TIMES");
    if (!all || !limit) return;
    times = atoi(limit);
    char *copy = strdup(all);
    for (char *path = strtok(copy, ":"); path && count < MOST_FILES; path = strtok(NULL, ":"), count++) {
        files[count].path = path;
        files[count].folder = dirname(strdup(path));
        files[count].seen = inode_of(path);
    }
}

int fsync(int file) {
    static int (*real)(int);
    if (!real) real = dlsym(RTLD_NEXT, "fsync");
    int result = real(file);
    struct stat synced;
    if (result || fstat(file, &synced) || !S_ISDIR(synced.st_mode)) return result;
    for (int i = 0; i < count; i++) {
        if (inode_of(files[i].folder) != synced.st_ino) continue;
        ino_t now = inode_of(files[i].path);
        if (times > 0 && now && now != files[i].seen) {
            files[i].seen = now;
            times--;
            raise(SIGSTOP);
        }
    }
    return result;
}
