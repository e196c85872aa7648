# SPDX-License-Identifier: BSD-2-Clause
"""Providers in constant time: no branch and no address depends on a secret.

    ct.py SOURCE_ROOT [ipsecmb]

Compiles the portable ones in several ways, because compilers make branches of expressions that have
none, and runs secret.c under valgrind; with "ipsecmb" also the one on libipsec-mb. Valgrind knows no
AVX-512, so of that library it follows the code for AVX2. Then plants leaks, each of which must be
noticed.
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

# With these options secret.c stands on libipsec-mb instead.
IPSECMB = '-DSECRET_IPSECMB=1'
IPSECMB_WAYS = [('gcc', f'-O2 {IPSECMB}'), ('clang', f'-O2 {IPSECMB}')]

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

IPSECMB_LEAKS = [
    ('a tag compared half by half', 'aead_ipsecmb.c',
     'return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;',
     'uint64_t differ = x[0] == y[0] ? x[1] ^ y[1] : 1;\n'
     '    __asm__ volatile("" : "+r"(differ));\n'
     '    return differ == 0;', '(same_tag|ipsecmb_open)'),
    ('a key that chooses a branch', 'aead_ipsecmb.c',
     'ctx->gcm->expand(key, &ctx->key.gcm);',
     'ctx->gcm->expand(key, &ctx->key.gcm);\n'
     '    if (ctx->key.gcm.expanded_keys[20] == 0) __asm__ volatile("nop");', 'ipsecmb_init'),
]


def sources(root, options):
    soft = root / 'backends/soft'
    if IPSECMB in options:
        return [root / 'core/keys.c', root / 'core/suite.c', soft / 'aead_ipsecmb.c', '-lIPSec_MB',
                '-pthread']
    return [root / 'core/keys.c', root / 'core/suite.c', soft / 'aead_portable.c',
            soft / 'kdf_portable.c', *sorted(soft.glob('portable_*.c'))]


def run_way(root, compiler, options, directory):
    """(exit status, what was printed) of the whole of secret.c, compiled in one way."""
    program = directory / 'secret'
    command = [compiler, '-std=c11', '-gdwarf-4', *options.split(),
               '-ffreestanding', '-include', HERE / 'public.h', '-I', root / 'include',
               HERE / 'secret.c', *sources(root, options), '-o', program]
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


def check_ways(root, directory, ways):
    failed = 0
    for compiler, options in ways:
        name = f'{compiler} {options}'.replace('WEIR_PORTABLE_', '')
        name = name.replace(IPSECMB, 'libipsec-mb, AVX2')
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


def check_leaks(root, directory, leaks, options):
    """Each leak in a copy of the sources of its own."""
    failed = 0
    for number, (name, file, old, new, function) in enumerate(leaks):
        copy = directory / f'leak{number}{len(options)}'
        for part in ('core', 'include', 'backends'):
            shutil.copytree(root / part, copy / part)
        path = copy / 'backends/soft' / file
        text = path.read_text()
        if text.count(old) != 1:
            failed += 1
            print(f'FAIL planted {name}: {file} no longer has the line to change')
            continue
        path.write_text(text.replace(old, new))
        status, said = run_way(copy, 'gcc', options, directory)
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
        failed = check_ways(root, Path(name), WAYS) + check_leaks(root, Path(name), LEAKS, '-O1')
        if 'ipsecmb' in sys.argv[2:]:
            failed += check_ways(root, Path(name), IPSECMB_WAYS)
            failed += check_leaks(root, Path(name), IPSECMB_LEAKS, f'-O1 {IPSECMB}')
        else:
            print('SKIP libipsec-mb: not part of this build')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
