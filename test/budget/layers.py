# SPDX-License-Identifier: BSD-2-Clause
"""The dependency rule (docs/architecture.md, "What may need what"), over libraries and sources.

    layers.py SOURCE_ROOT NAME=LIBRARY…

Core needs four memory functions; backends need core; bindings need core and one TLS library; io
needs core and the operating system; nothing needs bindings or tools. All libraries may sit in one
process, so no two export the same name.
"""

import re
import sys
import tempfile
from itertools import combinations
from pathlib import Path

import objects
from report import Report, output_of

# What each library may be linked to, the C library and the loader apart.
LIBC = re.compile(r'^(libc|ld-linux.*|ld-musl.*)$')
MAY_NEED = {
    'weir': set(),
    'weir-openssl': {'libweir', 'libssl', 'libcrypto'},
    'weir-ipsecmb': {'libweir', 'libIPSec_MB'},
    'weir-mbedtls': {'libweir', 'libmbedtls', 'libmbedx509', 'libmbedcrypto'},
    'weir-io': {'libweir'},
    'weir-openssl-bio': {'libweir', 'libweir-openssl', 'libweir-io', 'libssl', 'libcrypto'},
}
# What the linker itself leaves open in every shared library.
LINKER = {'__cxa_finalize', '__gmon_start__', '_ITM_deregisterTMCloneTable',
          '_ITM_registerTMCloneTable', '__stack_chk_fail'}

FREESTANDING = {'stdbool.h', 'stddef.h', 'stdint.h', 'limits.h', 'stdalign.h', 'stdnoreturn.h'}
# Directory or file -> what it may include beyond <weir/…> and its own directory. The first that
# matches holds.
HOSTED = FREESTANDING | {'string.h', 'stdlib.h', 'stdio.h', 'time.h', 'errno.h'}
MAY_INCLUDE = [
    (r'include/weir/posix\.h$', FREESTANDING | {'sys/types.h', 'sys/uio.h'}),
    (r'include/weir/openssl(_bio)?\.h$', FREESTANDING | {'openssl/'}),
    (r'include/weir/mbedtls\.h$', FREESTANDING | {'mbedtls/', 'psa/'}),
    (r'include/weir/', FREESTANDING),
    (r'core/', FREESTANDING),
    (r'backends/soft/soft\.c$', FREESTANDING),
    (r'backends/soft/\w+_openssl\.[ch]$', HOSTED | {'openssl/'}),
    (r'backends/soft/\w+_ipsecmb\.c$', HOSTED | {'intel-ipsec-mb.h', 'pthread.h'}),
    (r'backends/soft/vaes\.[ch]$', FREESTANDING | {'cpuid.h', 'immintrin.h'}),
    (r'backends/soft/\w+_mbedtls\.[ch]$', HOSTED | {'mbedtls/', 'psa/'}),
    (r'backends/soft/\w*portable\w*\.[ch]$', FREESTANDING | {'../../core/mem.h'}),
    (r'backends/soft/aead_null\.[ch]$', HOSTED),
    (r'backends/linux-ktls/', FREESTANDING | {'errno.h', 'linux/tls.h'}),
    (r'backends/mlx5-kmod/ktls_abi_check\.c$', FREESTANDING | {
        'errno.h', 'sys/types.h', 'sys/ktls.h', 'netinet/in.h', 'netinet/tcp.h',
        'crypto/cryptodev.h'}),
    (r'backends/mlx5-kmod/', FREESTANDING),
    (r'bindings/common/', HOSTED),
    # The one binding that has a socket: it stands in for OpenSSL's own BIO for them.
    (r'bindings/openssl/dropin/', HOSTED | {'openssl/', '../listen.h', '../../common/', 'fcntl.h',
                                            'linux/tls.h', 'poll.h', 'sys/', 'unistd.h'}),
    (r'bindings/openssl/', HOSTED | {'openssl/', '../common/'}),
    (r'bindings/mbedtls/', HOSTED | {'mbedtls/', 'psa/', '../common/'}),
]
NOT_IN_IO = re.compile(r'^(openssl/|mbedtls/|psa/|uv\.h|jansson\.h)')


def needed(library):
    """Shared libraries that this one asks the loader for, but libc; without version and suffix."""
    names = {name.split('.so')[0] for name in
             re.findall(r'\(NEEDED\).*\[(.*)\]', output_of(['readelf', '-d', library]))}
    return {name for name in names if not LIBC.match(name)}


def exported(library):
    return objects.defined([library], '-D')


def declared(root):
    """Names that a header makes visible: public ones, and what libraries have for the bindings."""
    found = set()
    for header in [*(root / 'include/weir').glob('*.h'), *(root / 'bindings').rglob('*.h')]:
        text = re.sub(r'/\*.*?\*/', '', header.read_text(), flags=re.DOTALL)
        for declaration in re.findall(r'WEIR_API\b([^;]*);', text):
            match = re.search(r'\b(weir_\w+)\s*(?:\(|$)', declaration)
            if match:
                found.add(match[1])
    return found


def check_static(report, name, library):
    report.case(f'{name} writable data', objects.writable([library]), '0 bytes')
    report.case(f'{name} names', [f'defines {symbol}' for symbol in
                                  sorted(objects.defined([library]))
                                  if not symbol.startswith('weir_')], 'all begin with weir_')


def check_shared(report, name, library, public, below):
    names = exported(library)
    report.case(f'{name} exports', [f'exports {symbol}, which no header declares'
                                    for symbol in sorted(names - public)],
                f'{len(names)} names, all declared')
    report.case(f'{name} needs', [f'is linked to {other}' for other in
                                  sorted(needed(library) - MAY_NEED[name])],
                ', '.join(sorted(needed(library))) or 'libc')
    open_names = objects.undefined([library], '-D')
    # The name may carry the version of the library that defines it.
    open_names = {symbol.split('@')[0] for symbol in open_names} - LINKER
    if name == 'weir':
        faults = sorted(open_names - objects.MEMORY)
    else:
        faults = sorted(symbol for symbol in open_names
                        if symbol.startswith('weir_') and symbol not in below)
    report.case(f'{name} undefined symbols', [f'needs {symbol}' for symbol in faults],
                'mem* only' if name == 'weir' else 'of weir only what those below export')


def check_libraries(report, root, libraries):
    public = declared(root)
    shared = {name: path for name, path in libraries.items() if path.suffix != '.a'}
    for name, path in libraries.items():
        if name in shared:
            below = {symbol for other in shared if f'lib{other}' in MAY_NEED[name]
                     for symbol in exported(shared[other])}
            check_shared(report, name, path, public, below)
        else:
            check_static(report, name, path)
    for one, other in combinations(shared, 2):
        both = exported(shared[one]) & exported(shared[other])
        report.case(f'{one} beside {other}', [f'both export {symbol}' for symbol in sorted(both)],
                    'no name in common')


def may_include(path):
    for pattern, allowed in MAY_INCLUDE:
        if re.match(pattern, path):
            return allowed
    return None


def wrong_includes(root, path, text):
    """Includes of a library's source that its layer may not have."""
    own = root / path
    faults = []
    for line, bracket, name in re.findall(r'^([ \t]*#\s*include\s*)([<"])([^>"]+)', text,
                                          re.MULTILINE):
        del line
        if name.startswith('weir/') or (bracket == '"' and (own.parent / name).exists() and
                                        '/' not in name):
            continue
        if path.startswith('io/'):
            if NOT_IN_IO.match(name) or (bracket == '"' and '/' in name):
                faults.append(f'{path} includes {name}')
            continue
        # The directory of what bindings share is on the include path of both.
        if path.startswith('bindings/') and (root / 'bindings/common' / name).exists():
            continue
        if not any(name == one or (one.endswith('/') and name.startswith(one))
                   for one in may_include(path) or ()):
            faults.append(f'{path} includes {name}')
    return faults


def check_includes(report, root):
    for layer in ('include', 'core', 'backends', 'bindings', 'io'):
        files = sorted(path for path in (root / layer).rglob('*.[ch]'))
        faults = []
        for path in files:
            faults += wrong_includes(root, path.relative_to(root).as_posix(), path.read_text())
        if files:
            report.case(f'includes of {layer}', faults, f'{len(files)} files')
        else:
            report.skip(f'includes of {layer}', 'no sources there')


def check_the_checks(report, root):
    """Faults that must be noticed; otherwise the checks above could not fail."""
    planted = {
        'core/tx.c': '#include <string.h>\n',
        'backends/soft/soft.c': '#include <openssl/evp.h>\n',
        'backends/linux-ktls/ktls.c': '#include <sys/socket.h>\n',
        'backends/mlx5-kmod/ktls_attach.c': '#include <netinet/tcp.h>\n',
        'bindings/mbedtls/x.c': '#include <openssl/ssl.h>\n',
        'io/posix/x.c': '#include "../../bindings/openssl/x.h"\n',
    }
    faults = [f'not noticed in {path}' for path, text in planted.items()
              if not wrong_includes(root, path, text)]
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / 'a.c').write_text('extern int weir_not_public; int weir_not_public;\n')
        library = directory / 'libplanted.so'
        output_of(['cc', '-shared', '-fPIC', '-o', library, directory / 'a.c', '-Wl,--no-as-needed',
                   '-lm'])
        if 'weir_not_public' not in exported(library) - declared(root):
            faults.append('an export that no header declares')
        if 'libm' not in needed(library):
            faults.append('a library that is not needed')
    report.case('checks notice', faults, 'planted includes, export and library')


def main():
    root = Path(sys.argv[1]).resolve()
    libraries = {}
    for argument in sys.argv[2:]:
        name, path = argument.split('=', 1)
        libraries[name] = Path(path).resolve()
    report = Report()
    check_libraries(report, root, libraries)
    check_includes(report, root)
    check_the_checks(report, root)
    return 1 if report.failed else 0


if __name__ == '__main__':
    sys.exit(main())
