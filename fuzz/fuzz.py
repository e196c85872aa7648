#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs one libFuzzer target for some seconds, or shows that planted bugs are found."""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

MAX_LEN = 24576  # the longest record there is, its head, and something behind it
LEAST_RUNS = 1000
SMALL_SECONDS = 5  # with WEIR_TEST_SMALL=1
RUNS = r'stat::number_of_executed_units:\s*(\d+)'


def run_fuzzer(binary, seconds, work, seeds):
    """Returns (exit status, output). New inputs go to work/corpus, findings to work/findings."""
    corpus, findings = work / 'corpus', work / 'findings'
    corpus.mkdir(parents=True, exist_ok=True)
    findings.mkdir(parents=True, exist_ok=True)
    # libFuzzer's own exit status for a finding is 77, which test programs take for "skipped".
    command = [str(binary), f'-max_total_time={seconds}', '-error_exitcode=1', '-timeout=10',
               f'-max_len={MAX_LEN}', f'-artifact_prefix={findings}/', '-print_final_stats=1',
               '-use_value_profile=1', str(corpus), *map(str, seeds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors='replace', stdin=subprocess.DEVNULL, check=False,
                          timeout=seconds + 60)
    return done.returncode, done.stdout


def number(pattern, text):
    found = re.findall(pattern, text)
    return int(found[-1]) if found else 0


def fuzz(arguments):
    """No finding within the time, and enough runs that this means something."""
    name, seconds = arguments.binary.name, arguments.seconds
    if os.environ.get('WEIR_TEST_SMALL') == '1':
        seconds = min(seconds, SMALL_SECONDS)
    status, output = run_fuzzer(arguments.binary, seconds, arguments.work, [arguments.seeds])
    runs = number(RUNS, output)
    covered = number(r'\bcov: (\d+)', output)
    if status != 0:
        print('\n'.join(output.splitlines()[-60:]), file=sys.stderr)
        print(f'FAIL {name}: a finding, kept in {arguments.work}/findings')
        return 1
    if runs < LEAST_RUNS:
        print(f'FAIL {name}: only {runs} runs in {seconds} s')
        return 1
    print(f'{runs} runs in {seconds} s, {covered} edges covered, no finding')
    print(f'PASS {name}')
    return 0


def copy_tree(source, to):
    """The sources without builds and without history."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(source, to, ignore=lambda _, names: [
        name for name in names if name == '.git' or name.startswith('build')])


def build_target(tree, target):
    build = tree / 'build'
    env = dict(os.environ, CC='clang')
    setup = ['meson', 'setup', str(build), '-Dopenssl=disabled', '-Dmbedtls=disabled',
             '-Dtools=disabled', '-Dio=disabled', '-Dtests=disabled', '-Dfuzz=enabled']
    for command in (setup, ['ninja', '-C', str(build), f'fuzz/{target}']):
        done = subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            print(done.stdout + done.stderr, file=sys.stderr)
            return None
    return build / 'fuzz' / target


def planted(arguments):
    """A bug that a patch puts into a copy of the tree is found, from nothing, within the time."""
    name = f'{arguments.target} finds {arguments.patch.stem}'
    tree = arguments.work / 'tree'
    copy_tree(arguments.source, tree)
    # Without GIT_DIR pointing anywhere, so that the copy is what is patched, wherever it lies.
    env = dict(os.environ, GIT_CEILING_DIRECTORIES=str(tree.parent.resolve()))
    done = subprocess.run(['git', 'apply', '--verbose', str(arguments.patch)], cwd=tree, env=env,
                          capture_output=True, text=True, check=False)
    if done.returncode != 0 or 'Applied patch' not in done.stderr:
        print(done.stdout + done.stderr, file=sys.stderr)
        print(f'FAIL {name}: the patch does not apply')
        return 1
    binary = build_target(tree, arguments.target)
    if binary is None:
        print(f'FAIL {name}: the patched tree does not build')
        return 1
    shutil.rmtree(arguments.work / 'corpus', ignore_errors=True)
    status, output = run_fuzzer(binary, arguments.seconds, arguments.work, [])
    shutil.rmtree(tree)
    # Not the words of the report themselves: in this test they are what is hoped for.
    if status == 0 or 'heap-buffer-overflow' not in output or arguments.function not in output:
        print('\n'.join(output.splitlines()[-80:]).replace('Sanitizer', 'S.'), file=sys.stderr)
        print(f'FAIL {name}: not found within {arguments.seconds} s')
        return 1
    runs = number(RUNS, output)
    print(f'found after {runs} runs')
    print(f'PASS {name}')
    return 0


def same_seeds(arguments):
    """The committed seeds are what the seed writer writes."""
    fresh = arguments.work / 'seeds'
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    subprocess.run([str(arguments.binary), str(fresh)], check=True)
    bad = 0
    for path in sorted(fresh.rglob('*')):
        if not path.is_file():
            continue
        name = path.relative_to(fresh)
        kept = arguments.seeds / name
        good = kept.exists() and kept.read_bytes() == path.read_bytes()
        print(f'PASS seed {name}' if good else f'FAIL seed {name}: differs from {kept}')
        bad += not good
    return 1 if bad else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    verbs = parser.add_subparsers(required=True)
    verb = verbs.add_parser('fuzz')
    verb.add_argument('binary', type=Path)
    verb.add_argument('--seeds', type=Path, required=True)
    verb.add_argument('--seconds', type=int, default=30)
    verb.set_defaults(run=fuzz)
    verb = verbs.add_parser('planted')
    verb.add_argument('target')
    verb.add_argument('--source', type=Path, required=True)
    verb.add_argument('--patch', type=Path, required=True)
    verb.add_argument('--function', required=True, help='where the report must point')
    verb.add_argument('--seconds', type=int, default=60)
    verb.set_defaults(run=planted)
    verb = verbs.add_parser('seeds')
    verb.add_argument('binary', type=Path)
    verb.add_argument('--seeds', type=Path, required=True)
    verb.set_defaults(run=same_seeds)
    for verb in verbs.choices.values():
        verb.add_argument('--work', type=Path, required=True)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    return arguments.run(arguments)


if __name__ == '__main__':
    sys.exit(main())
