/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `weir serve`: the files of a directory over HTTPS, or an echo over TLS.
 */
#ifndef WEIR_TOOLS_SERVE_H
#define WEIR_TOOLS_SERVE_H

extern const char serve_help[];
int serve_main(int argc, char **argv);

#endif
