# SPDX-License-Identifier: BSD-2-Clause
"""Installs weir to a directory, builds a project outside the tree against it, and runs that.

    embed.py BUILD_DIRECTORY

The project brings an AEAD provider, a backend and a handshake of its own.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
LENGTH = 1_000_003
FAILED = []


def case(name, fault):
    print(f'FAIL {name}: {fault}' if fault else f'PASS {name}', flush=True)
    if fault:
        FAILED.append(name)


def run(command, env=None, cwd=None):
    return subprocess.run([str(part) for part in command], env=env, cwd=cwd, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)


def must(command, env=None, cwd=None):
    done = run(command, env, cwd)
    if done.returncode != 0:
        raise SystemExit(f'FAIL {command[0]} {command[1]}: exit status {done.returncode}\n'
                         f'{done.stdout[-3000:]}')
    return done.stdout


def install(build, root):
    """Answers the environment in which the installed weir is found, and nothing else of it."""
    must(['meson', 'install', '-C', build, '--no-rebuild', '--quiet', '--destdir', root])
    folders = sorted(root.rglob('pkgconfig'))
    env = dict(os.environ, PKG_CONFIG_SYSROOT_DIR=str(root),
               PKG_CONFIG_PATH=':'.join(map(str, folders)),
               LD_LIBRARY_PATH=':'.join(str(folder.parent) for folder in folders))
    env.pop('CPATH', None)
    return env


def check_installed(root, env):
    headers = {path.name for path in root.rglob('include/weir/*')}
    public = {path.name for path in (HERE.parents[1] / 'include/weir').glob('*.h')}
    optional = {'openssl.h', 'mbedtls.h', 'posix.h', 'posix_backends.h', 'posix_exec.h',
                'openssl_bio.h', 'ipsecmb.h'}
    fault = ''
    if not headers >= public - optional or not headers <= public:
        fault = f'installed are {sorted(headers)}'
    case('public headers are installed, no others', fault)
    whole = (HERE.parents[1] / 'include/weir/weir.h').read_text(encoding='utf-8')
    absent = (public - optional - {'weir.h', 'base.h', 'config.h'}
              - set(re.findall(r'#include "(\w+\.h)"', whole)))
    case('weir.h has all of libweir', f'not {sorted(absent)}' if absent else '')
    for package in sorted(path.stem for path in root.rglob('*.pc')):
        done = run(['pkg-config', '--cflags', '--libs', package], env)
        case(f'pkg-config {package}', '' if done.returncode == 0 and f'-l{package}' in done.stdout
             else done.stdout.strip())


class Program:
    """The project's program, and what it is expected to say."""

    def __init__(self, path, env):
        self.path, self.env = path, env

    def __call__(self, *arguments):
        return run([self.path, *arguments], self.env)

    def expect(self, name, arguments, *lines, status=0):
        done = self(*arguments)
        missing = [line for line in lines
                   if not re.search(f'^{line}$', done.stdout, re.MULTILINE)]
        fault = ''
        if done.returncode != status:
            fault = f'exit status {done.returncode}: {done.stdout.strip()[:300]}'
        elif missing:
            fault = f'does not say "{missing[0]}" but: {done.stdout.strip()[:300]}'
        case(name, fault)
        return done.stdout


def check_counts(name, text):
    """The backend of the project saw every record: what was sealed was also opened."""
    found = re.search(r'^counted (\d+) sealed (\d+) opened (\d+) attached (\d+) detached', text,
                      re.MULTILINE)
    sealed, opened, attached, detached = map(int, found.groups()) if found else (0, 0, 1, 0)
    # Each way LENGTH bytes in records of 16384 at most, and something that ends the direction.
    least = 2 * (-(-LENGTH // 16384) + 1)
    case(f'{name}: counts', '' if sealed == opened >= least and attached == detached == 4 else text)


def backend_abi():
    header = (HERE.parents[1] / 'include/weir/backend.h').read_text(encoding='utf-8')
    return int(re.search(r'#define WEIR_BACKEND_ABI (\d+)u', header)[1])


def check_transport(program, transport, peers):
    size = str(LENGTH)
    carried = rf'carried counting {LENGTH} bytes \d+ records'
    text = program.expect(f'{transport}: own backend, own provider',
                          [transport, 'counting', 'tiny', size], carried)
    check_counts(transport, text)
    program.expect(f'{transport}: software backend, own provider',
                   [transport, 'soft', 'tiny', size],
                   rf'carried soft {LENGTH} bytes \d+ records', 'counted 0 sealed 0 opened.*')
    for peer in peers:
        program.expect(f'{transport}: own backend, provider {peer}',
                       [transport, 'counting', peer, size], carried)
    text = program.expect(f'{transport}: a backend with a wrong abi is passed over',
                          [transport, 'old,counting', 'tiny', size],
                          f'refused old abi {backend_abi() + 1}', carried)
    check_counts(f'{transport}, wrong abi first', text)
    program.expect(f'{transport}: the first name is taken', [transport, 'soft,counting', 'tiny', size],
                   rf'carried soft {LENGTH} bytes \d+ records', 'counted 0 sealed 0 opened.*')
    program.expect(f'{transport}: no backend of that name', [transport, 'nosuch', 'tiny', size],
                   "embed: no backend 'nosuch'", status=2)
    program.expect(f'{transport}: no provider of that name', [transport, 'soft', 'nosuch', size],
                   "embed: no AEAD provider 'nosuch'", status=2)


WRAP = """[wrap-file]
directory = weir
[provide]
dependency_names = weir, weir-io
"""


def check_subproject(folder, env):
    """The same project with the sources of weir inside, not installed."""
    project = folder / 'with-weir-inside'
    shutil.copytree(HERE / 'project', project)
    (project / 'subprojects').mkdir()
    (project / 'subprojects/weir').symlink_to(HERE.parents[1])
    (project / 'subprojects/weir.wrap').write_text(WRAP, encoding='utf-8')
    outside = dict(env, PKG_CONFIG_PATH='')
    said = must(['meson', 'setup', '--force-fallback-for=weir', '-Ddefault_library=static',
                 *(f'-Dweir:{name}=disabled' for name in ('openssl', 'mbedtls', 'ipsecmb')),
                 project / 'build', project], outside)
    must(['ninja', '-C', project / 'build', '-j2', 'embed', 'headers'], outside)
    Program(project / 'build/embed', outside).expect(
        'weir as a subproject', ['socket', 'counting', 'tiny', '1000'],
        r'carried counting 1000 bytes \d+ records')
    targets = must(['meson', 'introspect', '--targets', project / 'build'], outside)
    names = {target['name'] for target in json.loads(targets) if target['build_by_default']}
    case('a subproject is the libraries, and nothing else',
         f'builds {sorted(names)}' if names - SUBPROJECT else '')
    case('a subproject takes no insecure provider', '' if re.search(
        r'insecure providers *: *refused', said) else said[-500:])


# Of the project itself, and of weir: libraries, and what they are put together from.
SUBPROJECT = {'embed', 'headers', 'weir', 'weir-io', 'weir-core', 'weir-soft', 'weir-linux-ktls',
              'weir-mlx5-kmod'}


def main():
    build = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / 'root'
        env = install(build, root)
        check_installed(root, env)

        # A copy, so that no path leads back to the sources of weir.
        project = Path(name) / 'project'
        shutil.copytree(HERE / 'project', project)
        must(['meson', 'setup', project / 'build', project], env)
        must(['ninja', '-C', project / 'build', '-j2'], env)
        case('project builds against the installed headers', '')

        program = Program(project / 'build/embed', env)
        program.expect('own provider gives the result of RFC 8439 section 2.8.2', ['--self-test'])
        program.expect('wrong abi is refused', ['--abi'], 'provider refused abi',
                       'backend refused abi')
        peers = [lib for lib in ('openssl', 'mbedtls') if list(root.rglob(f'weir-{lib}.pc'))]
        check_transport(program, 'memory', peers)
        if list(root.rglob('weir-io.pc')):
            check_transport(program, 'socket', peers)
        else:
            print('SKIP socket: weir-io is not part of this build')
        done = run([project / 'build/headers'], env)
        case('headers from C++', '' if done.returncode == 0 else done.stdout)
        check_subproject(Path(name), env)
    return 1 if FAILED else 0


if __name__ == '__main__':
    sys.exit(main())
