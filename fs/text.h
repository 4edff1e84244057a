/* Text files: see text.c. Called by open.c, on a dispatcher thread; each function replies to `req` sooner or later. */
#pragma once

#include "fs/file.h"

void text_open(fuse_req_t req, File *file);
void text_read(fuse_req_t req, File *file, size_t size, off_t offset);
void text_write(fuse_req_t req, File *file, const char *buf, size_t size);
