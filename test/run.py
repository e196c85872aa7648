# SPDX-License-Identifier: BSD-2-Clause
"""The work of scripts/test: builds each configuration, runs its suites, counts single cases."""

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import checks
from results import Count, count_test, notes, read_log

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / 'build-test'
BUDGET_MINUTES = 27
JOBS = str(os.cpu_count() or 2)

SUITES = ['unit', 'vectors', 'binding', 'io', 'sim', 'mutations', 'interop', 'embed', 'ct',
          'cli', 'browser', 'kernel', 'firmware', 'fuzz', 'budget']
CHECKS = {'format': checks.check_format, 'headers': checks.check_headers,
          'tidy': checks.check_tidy}

SANITIZE = ['-Db_sanitize=address,undefined', '-Db_lundef=false',
            '-Dc_args=-fno-sanitize-recover=all', '-Dbuildtype=debugoptimized']


class Configuration:
    """
    One way to build weir, and the suites that are run in it. `small`: see environment(). `needs`:
    programs without which it is left out.
    """

    def __init__(self, name, compiler, options, suites, small=False, needs=()):
        self.name, self.compiler, self.options = name, compiler, ['-Dwerror=true', *options]
        self.suites, self.small, self.needs = suites, small, needs
        self.directory = BUILD / name


def emulated(name, suites, *needs):
    """Another machine by cross file: what needs no library, run by QEMU."""
    options = [f'--cross-file=crossfiles/{name}.ini',
               *(f'-D{part}=disabled' for part in ('openssl', 'mbedtls', 'io', 'tools', 'fuzz'))]
    return Configuration(name, needs[0], options, suites, small=True, needs=needs)


CONFIGURATIONS = [
    Configuration('gcc', 'gcc', ['-Dbench=enabled'], SUITES),
    Configuration('clang', 'clang', [], ['unit', 'vectors', 'binding', 'io', 'sim', 'fuzz']),
    # clang's sanitizers, which notice more than gcc's: arithmetic on a null pointer is one thing.
    Configuration('sanitize', 'clang', SANITIZE,
                  ['unit', 'vectors', 'binding', 'io', 'sim', 'interop', 'cli', 'fuzz'],
                  small=True),
    Configuration('no-openssl', 'gcc', ['-Dopenssl=disabled'],
                  ['unit', 'vectors', 'binding', 'io', 'sim', 'interop', 'embed', 'cli', 'fuzz'],
                  small=True),
    Configuration('no-mbedtls', 'gcc', ['-Dmbedtls=disabled'],
                  ['unit', 'vectors', 'binding', 'io', 'sim', 'interop', 'embed', 'cli', 'fuzz'],
                  small=True),
    Configuration('bare', 'clang',
                  ['-Dopenssl=disabled', '-Dmbedtls=disabled', '-Dipsecmb=disabled'],
                  ['unit', 'vectors', 'embed', 'fuzz', 'budget'], small=True),
    emulated('s390x', ['unit', 'vectors'], 's390x-linux-gnu-gcc', 'qemu-s390x-static'),
    emulated('cortex-m4', ['vectors', 'firmware'], 'arm-none-eabi-gcc', 'qemu-system-arm'),
    emulated('cortex-m0plus', ['vectors', 'firmware'], 'arm-none-eabi-gcc', 'qemu-system-arm'),
    emulated('rv32imac', ['vectors', 'firmware'], 'riscv64-unknown-elf-gcc',
             'qemu-system-riscv32'),
]


def environment(configuration):
    """WEIR_TEST_SMALL=1 asks a suite for its short form: another configuration runs the long."""
    env = dict(os.environ)
    env['WEIR_TEST_SMALL'] = '1' if configuration.small else '0'
    env['ASAN_OPTIONS'] = 'detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1'
    env['UBSAN_OPTIONS'] = 'print_stacktrace=1:halt_on_error=1'
    return env


def say(text):
    print(text, flush=True)


def show_end(path, lines=40):
    """The end of a log, indented, without the cases that passed."""
    text = path.read_text(errors='replace').splitlines() if path.exists() else []
    dull = ('ok ', 'PASS ', '# Running ')
    text = [line for line in text if line != '#' and not line.startswith(dull)]
    for line in text[-lines:]:
        say('    | ' + line)
    say(f'    the whole log: {path.relative_to(ROOT)}')


def run_logged(command, log, env=None):
    """Runs a command with all it says in a log file; returns its exit status."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, 'w', encoding='utf-8') as out:
        out.write('$ ' + shlex.join(map(str, command)) + '\n')
        out.flush()
        return subprocess.run(command, cwd=ROOT, env=env, stdout=out, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, check=False).returncode


def configure(configuration):
    """meson setup, from nothing when the options are not those of last time."""
    stamp = configuration.directory / 'options.txt'
    wanted = shlex.join([configuration.compiler, *configuration.options])
    known = stamp.exists() and stamp.read_text() == wanted
    if not known:
        shutil.rmtree(configuration.directory, ignore_errors=True)
    env = dict(os.environ, CC=configuration.compiler)
    command = ['meson', 'setup', *(['--reconfigure'] if known else []),
               str(configuration.directory), *configuration.options]
    log = BUILD / 'logs' / f'{configuration.name}-setup.log'
    if run_logged(command, log, env) != 0:
        show_end(log)
        return False
    stamp.write_text(wanted)
    return True


def build(configuration):
    """Configures and builds; a warning is an error. Returns whether all of it was built."""
    if not configure(configuration):
        return False
    log = BUILD / 'logs' / f'{configuration.name}-build.log'
    if run_logged(['ninja', '-C', str(configuration.directory), '-j', JOBS, 'all',
                   'meson-test-prereq'], log) != 0:
        show_end(log)
        return False
    return True


def known_tests(configuration):
    """name -> (suites, is TAP) of the tests of a configuration."""
    text = subprocess.run(['meson', 'introspect', '--tests', str(configuration.directory)],
                          cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {test['name']: ({suite.split(':')[-1] for suite in test['suite']},
                           test['protocol'] == 'tap') for test in json.loads(text)}


def report_failures(label, count, entries):
    for failure in count.failed:
        say(f'    FAIL {label}: {failure}')
    for skipped in count.skipped:
        say(f'    SKIP {label}: {skipped}')
    for entry in entries:
        log = BUILD / 'logs' / f'{label.replace("/", "-")}-{entry["name"].replace("/", "-")}.log'
        log.write_text((entry.get('stdout') or '') + '\n--- stderr\n' +
                       (entry.get('stderr') or ''))
        show_end(log)


def run_suite(configuration, suite, tests):
    """One suite of a configuration that is built: meson runs it, results.py counts it."""
    label = f'{configuration.name}/{suite}'
    base = f'testlog-{suite}'
    log = configuration.directory / 'meson-logs' / f'{base}.json'
    log.unlink(missing_ok=True)
    status = run_logged(['meson', 'test', '-C', str(configuration.directory), '--no-rebuild',
                         '--num-processes', JOBS, '--suite', suite, '--logbase', base],
                        BUILD / 'logs' / f'{configuration.name}-{suite}.log',
                        environment(configuration))
    total, bad = Count(), []
    entries = read_log(log) if log.exists() else []
    for entry in entries:
        count = count_test(entry, tests[entry['name']][1])
        total.add(count)
        if count.failed:
            bad.append(entry)
    for name in sorted(set(tests) - {entry['name'] for entry in entries}):
        total.failed.append(f'{name}: did not run')
    if status != 0 and not total.failed:
        total.failed.append(f'meson test ended with exit status {status}')
    say(f'  {label}: {total}')
    for entry in entries:
        for note in notes(entry):
            say(f'    {entry["name"]}: {note}')
    report_failures(label, total, bad)
    return total


def run_configuration(configuration, suites):
    """Builds it and runs those of `suites` that belong to it."""
    chosen = [suite for suite in configuration.suites if suite in suites]
    total = Count()
    missing = [program for program in configuration.needs if shutil.which(program) is None]
    if missing:
        total.skipped.append(f'{configuration.name}: no {" and no ".join(missing)}')
        say(f'    SKIP {total.skipped[0]}')
        return total
    say(f'{configuration.name}: building with {configuration.compiler} '
        f'{" ".join(configuration.options)}')
    if not build(configuration):
        total.failed.append(f'{configuration.name}: does not build')
        return total
    total.passed += 1
    every = known_tests(configuration)
    for suite in chosen:
        tests = {name: test for name, test in every.items() if suite in test[0]}
        if tests:
            total.add(run_suite(configuration, suite, tests))
        else:
            reason = f'{configuration.name}/{suite}: nothing of it in this configuration'
            total.skipped.append(reason)
            say(f'    SKIP {reason}')
    return total


def run_check(name):
    """One of the checks over the sources."""
    say(f'{name}: checking')
    (BUILD / 'logs').mkdir(parents=True, exist_ok=True)
    log = BUILD / 'logs' / f'{name}.log'
    total = CHECKS[name](ROOT, BUILD, log)
    say(f'  {name}: {total}')
    for failure in total.failed:
        say(f'    FAIL {name}: {failure}')
    for skipped in total.skipped:
        say(f'    SKIP {name}: {skipped}')
    if total.failed:
        show_end(log)
    return total


def plan(arguments):
    """(label, function) of every part that was asked for."""
    names = arguments.names or SUITES + list(CHECKS)
    suites = [name for name in names if name in SUITES]
    parts = []
    for configuration in CONFIGURATIONS:
        if arguments.config and configuration.name not in arguments.config:
            continue
        if any(suite in configuration.suites for suite in suites):
            parts.append((configuration.name,
                          lambda c=configuration: run_configuration(c, suites)))
    for name in CHECKS:
        if name in names:
            parts.append((name, lambda n=name: run_check(n)))
    return parts


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog='scripts/test', description='Builds weir in every configuration, runs every suite.',
        epilog='Logs and builds go to build-test/.')
    parser.add_argument('names', nargs='*', metavar='NAME',
                        help='only these: ' + ' '.join(SUITES + list(CHECKS)))
    parser.add_argument('--config', action='append', metavar='NAME',
                        help='only this configuration (again for more): ' +
                        ' '.join(c.name for c in CONFIGURATIONS))
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in SUITES and name not in CHECKS:
            parser.error(f'no such suite or check: {name}')
    for name in arguments.config or []:
        if name not in [c.name for c in CONFIGURATIONS]:
            parser.error(f'no such configuration: {name}')
    return arguments


def main():
    parts = plan(parse_arguments())
    total, times = Count(), []
    for name, function in parts:
        begin = time.monotonic()
        total.add(function())
        times.append((name, time.monotonic() - begin))
    say('time: ' + ', '.join(f'{name} {seconds:.0f} s' for name, seconds in times))
    minutes = sum(seconds for _, seconds in times) / 60
    say(f'time: {minutes:.1f} of {BUDGET_MINUTES} minutes')
    if not parts:
        total.failed.append('nothing to run')
        say('FAIL: no configuration has any of these suites')
    say(str(total))
    return 1 if total.failed or total.passed == 0 else 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        say('interrupted')
        sys.exit(130)
