/* Keeps beside each file, with ".synced" at the end of its name, what of it
   has been synced: all that a power cut would leave of it. That a file was
   removed is lost too, until its folder is synced. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void forget_removed(const char *folder) {
  char path[2 * PATH_MAX];
  struct dirent *entry;
  DIR *entries = opendir(folder);
  while (entries && (entry = readdir(entries))) {
    int length = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) - 7;
    if (length < 0 || strcmp(path + length, ".synced")) continue;
    path[length] = 0;
    int is_there = !access(path, F_OK);
    path[length] = '.';
    if (!is_there) unlink(path);
  }
  if (entries) closedir(entries);
}

static void keep(int fd) {
  char link[64], path[PATH_MAX], kept[PATH_MAX + 16], fresh[PATH_MAX + 16];
  char block[65536];
  struct stat about;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0 || fstat(fd, &about)) return;
  path[length] = 0;
  if (S_ISDIR(about.st_mode)) forget_removed(path);
  if (!S_ISREG(about.st_mode)) return;
  snprintf(kept, sizeof kept, "%s.synced", path);
  snprintf(fresh, sizeof fresh, "%s.fresh", path);
  int from = open(path, O_RDONLY), to = open(fresh, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  while ((length = read(from, block, sizeof block)) > 0)
    if (write(to, block, length) != length) return;
  close(from);
  close(to);
  rename(fresh, kept);
}

int fsync(int fd) {
  int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
  int failed = real(fd);
  if (!failed) keep(fd);
  return failed;
}

int fdatasync(int fd) {
  int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync");
  int failed = real(fd);
  if (!failed) keep(fd);
  return failed;
}
