/*
 * Static files: a decoded request path to an open file below one directory. No
 * path leads out of it: no "..", no hidden names, no symbolic links. Internal
 * to http/.
 */
#ifndef HEARTH_HTTP_FILES_H
#define HEARTH_HTTP_FILES_H

#include <stdbool.h>
#include <stdint.h>

struct http_file {
	int fd; /* the caller's to close */
	uint64_t size;
	char etag[64];    /* with its quotes */
	const char *type; /* content type, static */
	bool immutable;   /* the name has a hash of the content in it */
};

/* Opens the file for path, which starts with '/'; one that ends with '/' means
 * index.html there. 0; -EISDIR for a directory without the '/'; -ENOENT for
 * everything else that is not to be served. */
int http_files_open(int root_fd, const char *path, struct http_file *ret);

/* Fills fd, size and etag of an open file. 0; -EISDIR; -ENOENT: no file. */
int http_files_stat(int fd, struct http_file *ret);

/* True for names bundlers make: name-HASH.ext or name.HASH.ext, where HASH is 8
 * letters with a digit among them (or all capitals) or at least 8 hex digits.
 */
bool http_files_hashed(const char *name);

#endif
