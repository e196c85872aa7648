# SPDX-License-Identifier: BSD-2-Clause
"""Messages side by side in constant time, by reading the compiled code.

    vaes.py SOURCE_ROOT

Valgrind, which follows secrets through the providers, knows no AVX-512. But in backends/soft/vaes.c
keys, powers, keystream and text are in vector registers only. So it is enough that nothing leads
out of one: into a general register, and so to an address or a branch, into a flag, or, as an index,
into an address at once. Two things may: a bit for each tag that was compared, and a general
register's own value that a compiler had put into a vector register for want of another place. Then
plants leaks, each of which must be noticed.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

WAYS = [(compiler, level) for compiler in ('gcc', 'clang') for level in ('-O2', '-O3', '-Os')]
FUNCTIONS = {'seal_128', 'seal_256', 'open_128', 'open_256'}

# name, what stands there, what is planted
LEAKS = [
    ('a branch in the reduction',
     '    low = _mm512_xor_si512(_mm512_shuffle_epi32(low, 0x4e), part);',
     '    low = _mm512_xor_si512(_mm512_shuffle_epi32(low, 0x4e), part);\n'
     '    if (_mm_cvtsi128_si32(_mm512_castsi512_si128(low)) & 1) __asm__ volatile("nop");'),
    ('a round left out for a zero', '    IN_ORDER;\n    const __m512i key = round_key(f, r);',
     '    IN_ORDER;\n    const __m512i key = round_key(f, r);\n'
     '    if (_mm512_test_epi64_mask(key, key) == 0) return;'),
    ('a tag that says more than a bit',
     '        differ = _mm512_or_si512(differ, _mm512_shuffle_epi32(differ, 0x4e));',
     '        differ = _mm512_or_si512(differ, _mm512_shuffle_epi32(differ, 0x4e));\n'
     '        *wrong |= (uint64_t)_mm_extract_epi64(_mm512_castsi512_si128(differ), 1) << 60;'),
    ('a table looked up', '    return xor3(_mm512_shuffle_epi32(low, 0x4e), part, high);',
     '    low = _mm512_i64gather_epi64(_mm512_and_si512(low, _mm512_set1_epi64(7)), counters, 8);\n'
     '    return xor3(_mm512_shuffle_epi32(low, 0x4e), part, high);'),
]

VECTOR = re.compile(r'%([xyz]mm\d+|k[0-7])\b')
GENERAL = re.compile(r'%(r\w+|e[a-ds]\w|[a-d][lhx]|[sd]il?|bpl?|spl?)$')
FLAGS = re.compile(r'^(v?ptest$|vtestp|ktest|kortest|v?u?comi)')


def functions(text):
    """name: [(address, mnemonic, operands), …] of a disassembly."""
    found, code = {}, []
    for line in text.splitlines():
        head = re.match(r'^[0-9a-f]+ <([^>]+)>:$', line)
        if head:
            code = found[head[1].split('.')[0]] = []
        elif line.startswith(' '):
            address, _, words = line.partition(':')
            words = words.split('#')[0].split(None, 1)
            code.append((int(address, 16), words[0], words[1].strip() if len(words) > 1 else ''))
    return found


def split(operands):
    return re.split(r',(?![^(]*\))', operands)


def after(held, word, operands):
    """Vector registers that hold what was in a general one, after this instruction."""
    written = VECTOR.match(split(operands)[-1])
    if written is None:
        return held
    if word == 'vmovq' and re.match(r'%r\w+,', operands):
        return held | {written[1]}
    if word.startswith('vmovdqa') and split(operands)[0][1:] in held:
        return held | {written[1]}
    return held - {written[1]}


def held_before(code):
    """For each instruction the registers of which that holds on every way to it."""
    index = {address: at for at, (address, _, _) in enumerate(code)}
    held = {0: frozenset()}
    todo = [0]
    while todo:
        at = todo.pop()
        _, word, operands = code[at]
        out = after(held[at], word, operands)
        following = [] if word in ('jmp', 'ret', 'ud2') else [at + 1]
        if word.startswith('j'):
            following.append(index.get(int(operands.split()[0], 16)))
        for to in following:
            new = out & held.get(to, out)
            if to in (None, len(code)):
                continue
            if held.get(to) != new:
                held[to] = new
                todo.append(to)
    return held


def what_leads_out(name, code):
    """The first instruction by which something leaves a vector register, or None."""
    held, compared = held_before(code), 0
    for at, (_, word, operands) in enumerate(code):
        source, target = split(operands)[0], split(operands)[-1]
        if re.search(r'\((%\w+)?,?%[xyz]mm|gather|scatter', f'{word} {operands}') or \
                FLAGS.match(word):
            return f'{word} {operands}'
        if not VECTOR.search(operands) or not GENERAL.search(target):
            continue
        if word == 'vmovq' and source[1:] in held.get(at, frozenset()):
            continue
        tested = any(w.startswith('vptestm') and split(o)[-1].startswith(source)
                     for _, w, o in code[max(0, at - 8):at])
        if not (word.startswith('kmov') and name.startswith('open') and tested):
            return f'{word} {operands}'
        compared += 1
    return None if compared <= 1 else f'{compared} comparisons'


def check(root, source, compiler, level, directory):
    """What leads out, None when nothing does; or why it could not be told."""
    object_file = directory / 'vaes.o'
    made = subprocess.run([compiler, '-std=c11', level, '-I', root / 'include', '-I',
                           root / 'backends/soft', '-c', source, '-o', object_file],
                          capture_output=True, text=True, check=False)
    if made.returncode != 0:
        return f'does not compile: {made.stderr[:300]}'
    text = subprocess.run(['objdump', '-d', '--no-show-raw-insn', object_file],
                          capture_output=True, text=True, check=True).stdout
    found = functions(text)
    if not FUNCTIONS <= set(found):
        return f'only {sorted(found)} found'
    for name in FUNCTIONS:
        if not any(word == 'vaesenc' for _, word, _ in found[name]):
            return f'no AES in {name}'
    told = ((name, what_leads_out(name, code)) for name, code in sorted(found.items())
            if name in FUNCTIONS)
    return next((f'{what} in {name}' for name, what in told if what), None)


def main():
    root = Path(sys.argv[1]).resolve()
    source = root / 'backends/soft/vaes.c'
    if shutil.which('objdump') is None:
        print('SKIP side by side: no objdump')
        return 0
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        for compiler, level in WAYS:
            if shutil.which(compiler) is None:
                print(f'SKIP side by side, {compiler} {level}: no {compiler}')
                continue
            told = check(root, source, compiler, level, Path(directory))
            failed += told is not None
            print(f'{"FAIL" if told else "PASS"} side by side, {compiler} {level}' +
                  (f': {told}' if told else ''))
        for name, old, new in LEAKS:
            text = source.read_text()
            copy = Path(directory) / 'vaes.c'
            copy.write_text(text.replace(old, new))
            told = check(root, copy, 'gcc', '-O2', Path(directory))
            noticed = text.count(old) == 1 and told and ' in ' in told
            failed += not noticed
            print(f'{"PASS" if noticed else "FAIL"} planted {name}: {told or "not noticed"}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
