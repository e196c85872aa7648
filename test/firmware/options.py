# SPDX-License-Identifier: BSD-2-Clause
"""Builds weir without each of its parts, and runs what is left of the suites unit and vectors.

    options.py SOURCE_ROOT [COMBINATION…]

Each part is left out by itself, then all that firmware can do without, with both versions of TLS and
with either. Built are core, its backends and the portable providers, with every warning an error,
by the compiler that CC names.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

FIRMWARE = ['offload', 'export', 'packet', 'texts']
COMBINATIONS = {
    'whole': [],
    'without tls12': ['tls12'],
    'without tls13': ['tls13'],
    'without offload': ['offload'],
    'without export': ['export'],
    'without packet': ['packet'],
    'without texts': ['texts'],
    'firmware': FIRMWARE,
    'firmware, TLS 1.3 alone': ['tls12', *FIRMWARE],
    'firmware, TLS 1.2 alone': ['tls13', *FIRMWARE],
}
# Nothing of these is needed here; `debug` lets core take the null provider.
FIXED = [f'-D{part}=disabled' for part in ('openssl', 'mbedtls', 'ipsecmb', 'io', 'tools', 'fuzz')]
FIXED += ['-Dwerror=true', '-Dbuildtype=debug', '-Ddebug=false']
PROGRAMS = ['test/unit-plain', 'test/vectors-plain']
# What every combination has to pass at the least: fewer cases would mean that a list went missing.
LEAST = 150


def run(command, seconds=200):
    """(what it printed, exit status)"""
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors='replace', check=False,
                          stdin=subprocess.DEVNULL, timeout=seconds)
    return done.stdout, done.returncode


def end_of(text, lines=12):
    for line in text.splitlines()[-lines:]:
        print(f'# {line}')


def options(parts):
    """What firmware leaves out is compiled as firmware is: for size, core goes other ways."""
    small = ['-Doptimization=s'] if set(FIRMWARE) <= set(parts) else []
    return [f'-D{part}=false' for part in parts] + small


def build(root, directory, parts):
    """Configures and builds; what went wrong, or ''."""
    for step, command in [('configure', ['meson', 'setup', *FIXED, *options(parts), directory, root]),
                          ('build', ['ninja', '-C', directory, *PROGRAMS])]:
        text, status = run(command)
        if status != 0:
            end_of(text)
            return f'does not {step}'
    return ''


def judge(directory):
    """Runs both programs: what is wrong, and how many cases passed and were skipped."""
    passed, skipped, faults = 0, 0, []
    for program in PROGRAMS:
        text, status = run([directory / program])
        cases = re.findall(r'^(ok|not ok) \d+ - (\S+)( # SKIP)?', text, re.MULTILINE)
        skipped += sum(1 for _, _, skip in cases if skip)
        passed += sum(1 for result, _, skip in cases if result == 'ok' and not skip)
        faults += [name for result, name, _ in cases if result != 'ok']
        if (status != 0) != any(result != 'ok' for result, _, _ in cases):
            faults.append(f'{program} ended with exit status {status}')
    if passed < LEAST:
        faults.append(f'only {passed} cases passed')
    return faults, passed, skipped


def try_combination(root, name, parts):
    """Whether one combination builds and passes; its line."""
    with tempfile.TemporaryDirectory() as directory:
        fault = build(root, Path(directory), parts)
        if fault:
            print(f'FAIL {name}: {fault}', flush=True)
            return False
        faults, passed, skipped = judge(Path(directory))
    if faults:
        print(f'FAIL {name}: {", ".join(faults[:8])}', flush=True)
        return False
    print(f'PASS {name}: {passed} cases' + (f', {skipped} skipped' if skipped else ''), flush=True)
    return True


def refused(root):
    """A build without any version is refused, and so is one whose parts need what is left out."""
    fine = True
    for name, parts, words in [
            ('no version of TLS', options(['tls12', 'tls13']), 'cannot both be left out'),
            ('io without offload', [*options(['offload']), '-Dio=enabled'],
             'io needs the option offload')]:
        with tempfile.TemporaryDirectory() as directory:
            fixed = [option for option in FIXED if '-Dio=' not in option]
            text, status = run(['meson', 'setup', *fixed, *parts, directory, root])
        told = status != 0 and words in text
        fine = fine and told
        print(f'{"PASS" if told else "FAIL"} {name} is refused', flush=True)
        if not told:
            end_of(text)
    return fine


PROGRAM = """
#include <weir/portable.h>
#include <weir/weir.h>
int main(void)
{
    static struct weir_tx tx;
    static struct weir_rx rx;
    static struct weir_session session;
    struct weir_session_config config = {.tx = &tx, .rx = &rx};
    struct weir_refusal why;
    struct weir_keys keys = {0};
    struct weir_soft soft;
    return weir_soft_init(&soft, &weir_aead_portable, &why) == WEIR_OK &&
           weir_tx_init(&tx, &keys, &soft.backend, 0, 0, &why) == WEIR_REFUSED &&
           weir_rx_init(&rx, &keys, &soft.backend, 0, 0, &why) == WEIR_REFUSED &&
           weir_session_init(&session, &config) == WEIR_E_MISUSE ? 0 : 1;
}
"""


def mixed(root):
    """Program and library of one build go together; of two, in which structs differ, they do not
    link: otherwise the library would write beyond the program's memory."""
    compiler = os.environ.get('CC', 'cc').split()
    soft = [root / 'backends/soft' / f'{name}.c' for name in
            ('soft', 'aead_portable', 'portable_aes', 'portable_ghash')]
    fine = True
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        (place / 'program.c').write_text(PROGRAM)
        for program in (0, 1):
            for library in (0, 1):
                objects = place / f'{program}{library}'
                objects.mkdir()
                for index, source in enumerate([place / 'program.c', *soft,
                                                *sorted(root.glob('core/*.c'))]):
                    has = program if index == 0 else library
                    text, status = run([*compiler, '-std=gnu11', '-c', '-I', root / 'include',
                                        f'-DWEIR_HAS_OFFLOAD={has}', source,
                                        '-o', objects / f'{index}.o'])
                    fine = fine and status == 0
                text, status = run([*compiler, *objects.glob('*.o'), '-o', objects / 'all'])
                good = (status == 0 and run([objects / 'all'])[1] == 0 if program == library else
                        status != 0 and all(name in text for name in
                                            ('weir_tx_init', 'weir_rx_init', 'weir_session_init')))
                fine = fine and good
                print(f'{"PASS" if good else "FAIL"} program with{"" if program else "out"} offload '
                      f'on a library with{"" if library else "out"} it', flush=True)
                if not good:
                    end_of(text)
    return fine


def known_to_meson(root):
    """Each part that is left out somewhere is an option, and each such option is left out."""
    text = (root / 'include/weir/config.h').read_text()
    parts = {name.lower() for name in re.findall(r'^#define WEIR_HAS_(\w+) 1$', text, re.MULTILINE)}
    tried = {part for names in COMBINATIONS.values() for part in names}
    fine = parts == tried
    print(f'{"PASS" if fine else "FAIL"} every part of weir/config.h is left out once' +
          ('' if fine else f': {", ".join(sorted(parts ^ tried))}'), flush=True)
    return fine


def main():
    root = Path(sys.argv[1]).resolve()
    wanted = sys.argv[2:] or list(COMBINATIONS)
    fine = [try_combination(root, name, COMBINATIONS[name]) for name in wanted]
    if not sys.argv[2:]:
        fine += [refused(root), known_to_meson(root), mixed(root)]
    return 0 if all(fine) else 1


if __name__ == '__main__':
    sys.exit(main())
