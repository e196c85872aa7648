#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Cases that travel need nothing but weir and mem*: the symbols an archive leaves undefined."""

import subprocess
import sys
from pathlib import Path

# The providers under test are linked to the cases from outside, where they may lean on libraries.
FAMILIES = ('weir_', 'vector_provider', 'dma_aead_', 'engine_')
ALLOWED = {'memcpy', 'memmove', 'memset', 'memcmp', '_GLOBAL_OFFSET_TABLE_', '__stack_chk_fail'}


def symbols(archive, *options):
    done = subprocess.run(['nm', '-P', *options, archive], capture_output=True, text=True,
                          check=True)
    return {line.split()[0] for line in done.stdout.splitlines() if len(line.split()) > 1}


def main():
    failed = 0
    for archive in sys.argv[1:]:
        needs = symbols(archive, '--undefined-only') - symbols(archive, '--defined-only')
        bad = sorted(name for name in needs - ALLOWED if not name.startswith(FAMILIES))
        name = f'travels {Path(archive).name}'
        if not any(symbol.startswith('weir_') for symbol in needs):
            bad.append('nothing of weir, so this is not the archive that was meant')
        print(f'FAIL {name}: needs {" ".join(bad)}' if bad else f'PASS {name}')
        failed += bool(bad)
    return 1 if failed or len(sys.argv) < 2 else 0


if __name__ == '__main__':
    sys.exit(main())
