# SPDX-License-Identifier: BSD-2-Clause
"""Checks over the sources: their layout, clang-tidy, and every public header by itself."""

import json
import os
import re
import shlex
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

from results import Count

WARNINGS = ['-Wall', '-Wextra', '-Wpedantic', '-Wconversion', '-Werror']
TIDY_SECONDS = 120


def tracked(root, *patterns):
    """Files of the tree by pattern; without git, those that are not below a build directory."""
    try:
        text = subprocess.run(['git', 'ls-files', '--cached', '--others', '--exclude-standard',
                               *patterns], cwd=root, capture_output=True, text=True,
                              check=True).stdout
        return sorted(root / line for line in text.splitlines() if (root / line).exists())
    except (OSError, subprocess.CalledProcessError):
        return sorted(path for pattern in patterns for path in root.rglob(pattern)
                      if not path.relative_to(root).parts[0].startswith(('build', '.')))


def run_all(jobs, log):
    """Runs (name, command) jobs, some at a time; each is one case."""
    count = Count()

    def run(job):
        name, command = job
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False,
                                  timeout=TIDY_SECONDS, stdin=subprocess.DEVNULL)
            return name, command, done.returncode, done.stdout + done.stderr
        except subprocess.TimeoutExpired:
            return name, command, 1, f'not done after {TIDY_SECONDS} s\n'
        except OSError as error:
            return name, command, 1, f'{error}\n'

    with ThreadPoolExecutor(os.cpu_count() or 2) as pool, open(log, 'w', encoding='utf-8') as out:
        for name, command, status, text in pool.map(run, jobs):
            if status == 0:
                count.passed += 1
                continue
            count.failed.append(name)
            out.write(f'$ {shlex.join(map(str, command))}\n{text}\n')
    return count


def check_format(root, _build, log):
    """clang-format has nothing to change in any C file."""
    return run_all([(str(path.relative_to(root)),
                     ['clang-format', '--dry-run', '-Werror', str(path)])
                    for path in tracked(root, '*.c', '*.h')], log)


def library_flags():
    """What the headers of the TLS libraries need, where these are installed."""
    done = subprocess.run(['pkg-config', '--cflags', 'openssl'], capture_output=True, text=True,
                          check=False)
    return shlex.split(done.stdout) if done.returncode == 0 else []


def unused_parameters(root):
    """The parameters that a function outside of tests takes and does nothing with, by its name."""
    unused = {}
    for path in tracked(root, 'core/*.c', 'backends/*.c', 'bindings/*.c', 'io/*.c'):
        for name, body in re.findall(r'^(?!static)\w[^;{}()]*?(\w+)\([^;{}]*\)\n\{\n(.*?)^\}',
                                     path.read_text(), re.M | re.S):
            idle = re.findall(r'^ *\(void\)(\w+);', body, re.M)
            if idle:
                unused[name] = ', '.join(idle)
    return unused


def check_headers(root, _build, log):
    """
    Every public header compiles alone, included twice, as C11 and as C++, with gcc and clang; its
    enums have one width everywhere, and its functions use what they are given.
    """
    languages = [('gcc', 'c', 'c11'), ('g++', 'c++', 'c++11'), ('clang', 'c', 'c11'),
                 ('clang++', 'c++', 'c++17')]
    # Something has to be declared, and weir/config.h declares nothing.
    unit = log.with_suffix('.c')
    unit.write_text('typedef int declaration;\n')
    jobs = []
    for header in tracked(root, 'include/weir/*.h'):
        name = f'weir/{header.name}'
        for compiler, language, standard in languages:
            jobs.append((f'{name} as {standard} with {compiler}',
                         [compiler, '-x', language, f'-std={standard}', *WARNINGS,
                          '-I', str(root / 'include'), *library_flags(), '-fsyntax-only',
                          '-include', name, '-include', name, str(unit)]))
    count = run_all(jobs, log)
    unused = unused_parameters(root)
    for header in tracked(root, 'include/weir/*.h'):
        short = re.findall(r'\benum (?!WEIR_ENUM\b)(\w+) \{', header.read_text())
        count.passed += not short
        count.failed += [f'weir/{header.name}: enum {name} without WEIR_ENUM' for name in short]
        names = re.findall(r'^WEIR_API [^;(]*?(\w+)\(', header.read_text(), re.M)
        idle = [name for name in names if name in unused]
        count.passed += not idle
        count.failed += [f'weir/{header.name}: {name} has no use for {unused[name]}'
                         for name in idle]
    return count


def check_tidy(root, build, log):
    """clang-tidy has nothing to say about any C file that a clang build compiles."""
    directory = build / 'tidy'
    command = ['meson', 'setup', '-Dwerror=true', str(directory)]
    if (directory / 'build.ninja').exists():
        command.insert(2, '--reconfigure')
    else:
        shutil.rmtree(directory, ignore_errors=True)
    done = subprocess.run(command, cwd=root, env=dict(os.environ, CC='clang'),
                          capture_output=True, text=True, check=False)
    count = Count()
    if done.returncode != 0:
        log.write_text(done.stdout + done.stderr)
        count.failed.append('does not configure')
        return count
    # Headers that the build writes are included by tests.
    made = subprocess.run(['ninja', '-C', str(directory), 'all', 'meson-test-prereq'],
                          capture_output=True, text=True, check=False)
    if made.returncode != 0:
        log.write_text(made.stdout)
        count.failed.append('does not build')
        return count
    with open(directory / 'compile_commands.json', encoding='utf-8') as database:
        files = {(directory / entry['file']).resolve() for entry in json.load(database)}
    sources = sorted(path for path in files if path.suffix == '.c' and build not in path.parents)
    return run_all([(str(path.relative_to(root)),
                     ['clang-tidy', '--quiet', '--warnings-as-errors=*', '-p', str(directory),
                      str(path)]) for path in sources], log)
