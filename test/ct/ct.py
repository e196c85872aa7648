# SPDX-License-Identifier: BSD-2-Clause
"""The portable providers in constant time: no branch and no address depends on a secret.

    ct.py SOURCE_ROOT

Compiles them in several ways, because compilers make branches of expressions that have none, and
runs secret.c under valgrind. Then plants leaks, each of which must be noticed.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
LEAK = 9  # valgrind's exit status for a report

WAYS = [
    ('gcc', '-O2'),
    ('gcc', '-O3'),
    ('gcc', '-Os -DWEIR_PORTABLE_BITS=32'),
    ('gcc', '-O2 -DWEIR_PORTABLE_BITS=32 -DWEIR_PORTABLE_SHORT_MUL=1'),
    ('clang', '-O2'),
    ('clang', '-O3'),
    ('clang', '-Os -DWEIR_PORTABLE_BITS=32'),
    ('clang', '-O2 -DWEIR_PORTABLE_BITS=32 -DWEIR_PORTABLE_SHORT_MUL=1'),
]

# name, file, what stands there, what is planted, function that must be in the report
LEAKS = [
    ('a tag compared byte by byte', 'aead_portable.c',
     'wrong |= (unsigned)(tag[i] ^ cover[i] ^ op->tag[i]);',
     'if ((tag[i] ^ cover[i]) != op->tag[i]) { wrong = 1; break; }', 'portable_open'),
    ('an S-box in a table', 'portable_aes.c',
     'word = (uint32_t)q[0] ^ 0x63636363u;',
     'static const uint8_t planted[256] = {1};\n'
     '    word = (uint32_t)q[0] ^ 0x63636363u ^ planted[q[0] & 255];', 'weir_portable_aes_init'),
    ('a branch in the reduction of GHASH', 'portable_ghash.c',
     'z[i + 3] ^= w << 31 ^ w << 30 ^ w << 25;',
     'if (w & 1) z[i + 3] ^= 1u << 31;\n'
     '        __asm__ volatile("" ::: "memory");\n'
     '        z[i + 3] ^= w << 30 ^ w << 25;', 'weir_portable_ghash_add'),
    ('a hash that stops at a zero', 'kdf_portable.c',
     'key[i] = (uint8_t)(key[i] ^ change);',
     '{ key[i] = (uint8_t)(key[i] ^ change); if (key[i] == 0) __asm__ volatile("nop"); }',
     'portable_hmac'),
]


def sources(root):
    soft = root / 'backends/soft'
    return [root / 'core/keys.c', root / 'core/suite.c', soft / 'aead_portable.c',
            soft / 'kdf_portable.c', *sorted(soft.glob('portable_*.c'))]


def run_way(root, compiler, options, directory):
    """(exit status, what was printed) of the whole of secret.c, compiled in one way."""
    program = directory / 'secret'
    command = [compiler, '-std=c11', '-gdwarf-4', *options.split(),
               '-ffreestanding', '-include', HERE / 'public.h', '-I', root / 'include',
               HERE / 'secret.c', *sources(root), '-o', program]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return None, done.stderr
    done = subprocess.run(['valgrind', '-q', f'--error-exitcode={LEAK}', '--error-limit=no',
                           '--num-callers=8', str(program)], capture_output=True, text=True,
                          check=False, timeout=120)
    return done.returncode, done.stdout + done.stderr


def first_report(text):
    """The kind of the first report and the function it stands in."""
    found = re.search(r'==\d+== (\S.*)\n==\d+==    at 0x\w+: (\w+) \((.*)\)', text)
    return f'{found[1]} in {found[2]} ({found[3]})' if found else text.strip()[:300]


def check_ways(root, directory):
    failed = 0
    for compiler, options in WAYS:
        name = f'{compiler} {options}'.replace('WEIR_PORTABLE_', '')
        if shutil.which(compiler) is None:
            print(f'SKIP {name}: no {compiler}')
            continue
        status, text = run_way(root, compiler, options, directory)
        if status == 0:
            print(f'PASS {name}', flush=True)
        else:
            failed += 1
            print(f'FAIL {name}: {first_report(text)}', flush=True)
    return failed


def check_leaks(root, directory):
    """Each leak in a copy of the sources of its own."""
    failed = 0
    for number, (name, file, old, new, function) in enumerate(LEAKS):
        copy = directory / f'leak{number}'
        for part in ('core', 'include', 'backends'):
            shutil.copytree(root / part, copy / part)
        path = copy / 'backends/soft' / file
        text = path.read_text()
        if text.count(old) != 1:
            failed += 1
            print(f'FAIL planted {name}: {file} no longer has the line to change')
            continue
        path.write_text(text.replace(old, new))
        status, said = run_way(copy, 'gcc', '-O1', directory)
        if status == LEAK and re.search(rf'\b(at|by) 0x\w+: {function}', said):
            print(f'PASS planted {name}: {first_report(said)}', flush=True)
        else:
            failed += 1
            print(f'FAIL planted {name}: not noticed: {first_report(said)}', flush=True)
    return failed


def main():
    root = Path(sys.argv[1]).resolve()
    if shutil.which('valgrind') is None:
        print('SKIP constant time: no valgrind')
        return 0
    with tempfile.TemporaryDirectory() as name:
        failed = check_ways(root, Path(name)) + check_leaks(root, Path(name))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
