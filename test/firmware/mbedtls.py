# SPDX-License-Identifier: BSD-2-Clause
"""weir's providers on mbedTLS, for a Cortex-M4 with the configuration of examples/mbedtls-firmware.

    mbedtls.py SOURCE_ROOT EMULATOR…

Against the headers that are installed they are compiled. WEIR_MBEDTLS_SOURCE names directories with
the sources of an mbedTLS (with include/ and library/, one after the other with ':' between them), of
which no package of Debian's has any: with each of them the cases of suite vectors are an image, and
run.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'budget'))

import objects  # noqa: E402 the path is set above
from report import Report, output_of  # noqa: E402

COMPILER = ['arm-none-eabi-gcc', '-mthumb', '-mcpu=cortex-m4', '-Os', '-std=c11', '-ffreestanding',
            '-ffunction-sections', '-fdata-sections', '-DMBEDTLS_CONFIG_FILE="weir_mbedtls_config.h"']
OURS = ['backends/soft/aead_mbedtls.c', 'backends/soft/kdf_mbedtls.c']
# Of its library; block_cipher.c is of 3.6.
THEIRS = ['aes', 'block_cipher', 'cipher', 'cipher_wrap', 'constant_time', 'gcm', 'md',
          'memory_buffer_alloc', 'platform', 'platform_util', 'sha256', 'sha512']
GROUPS = ['cavp', 'hmac', 'record_sizes', 'rfc8448']

# What of libc mbedTLS's files include and, with this configuration, do not call.
LIBC = {
    'assert.h': '#define assert(x) ((void)0)\n',
    'inttypes.h': '#include <stdint.h>\n',
    'stdio.h': '#include <stddef.h>\n',
    'stdlib.h': '#include <stddef.h>\nvoid exit(int status);\n',
    'time.h': 'typedef long long time_t;\n',
    'string.h': '#include_next <string.h>\nsize_t strlen(const char *s);\n'
                'int strcmp(const char *a, const char *b);\n',
}
LIST = """
#include <weir/mbedtls.h>
#define TEST_GROUPS(X) {groups}
#define TEST_AEADS(X) X(weir_aead_mbedtls)
#define TEST_KDFS(X) X(weir_kdf_mbedtls)
"""
# The providers that are crossed, and the memory that mbedTLS allocates from.
EXTRA = """
#include "providers.h"
#include <mbedtls/memory_buffer_alloc.h>
#include <weir/mbedtls.h>
#include <weir/portable.h>
const struct vector_provider vector_providers[] = {
    {&weir_aead_portable, &weir_kdf_portable},
    {&weir_aead_mbedtls, &weir_kdf_mbedtls},
};
const size_t vector_provider_count = 2;
int __real_main(void);
int __wrap_main(void);
int __wrap_main(void)
{
    static unsigned char memory[16384];
    mbedtls_memory_buffer_alloc_init(memory, sizeof memory);
    return __real_main();
}
_Noreturn void exit(int status);
void exit(int status) { for (;;) (void)status; }
"""


def version_of(include):
    text = (include / 'mbedtls/build_info.h' if (include / 'mbedtls/build_info.h').exists()
            else include / 'mbedtls/version.h').read_text()
    found = re.search(r'define MBEDTLS_VERSION_STRING\s+"([^"]+)"', text)
    return found[1] if found else '?'


def compile_ours(root, include, directory):
    """Our two files; (objects, options for more of the same)."""
    for name, text in LIBC.items():
        (directory / name).write_text(text)
    options = ['-I', directory, '-I', root / 'include', '-I', root / 'test/firmware/include',
               '-I', root / 'examples/mbedtls-firmware', '-isystem', include]
    made = []
    for source in OURS:
        made.append(directory / (Path(source).stem + '.o'))
        output_of([*COMPILER, '-Wall', '-Wextra', '-Wconversion', '-Werror', *options, '-c',
                   root / source, '-o', made[-1]])
    return made, options


def check_headers(report, root, directory):
    installed = Path('/usr/include/mbedtls')
    if not (installed / 'version.h').exists():
        report.skip('providers on the headers of mbedTLS', 'none installed')
        return
    # Not /usr/include, which is the host's libc.
    include = directory / 'include'
    include.mkdir()
    for name in ('mbedtls', 'psa'):
        if (installed.parent / name).exists():
            (include / name).symlink_to(installed.parent / name)
    made, _ = compile_ours(root, include, directory)
    needs = objects.undefined(made) - objects.defined(made) - objects.MEMORY
    strange = [name for name in sorted(needs) if not objects.ALIASES.match(name) and
               not name.startswith(('mbedtls_', 'weir_'))]
    chacha = [name for name in sorted(needs) if 'chacha' in name]
    name = f'mbedTLS {version_of(include)}, compiled and not linked'
    report.case(name, [f'needs {symbol}' for symbol in strange + chacha],
                f'{objects.code_and_constants(made)} bytes of ours')


def build_image(root, source, directory):
    ours, options = compile_ours(root, source / 'include', directory)
    (directory / 'vectors').mkdir()
    output_of([sys.executable, root / 'test/vectors/cavp.py', directory / 'vectors/cavp_vectors.h'])
    groups = ' '.join(f'X({group})' for group in GROUPS)
    (directory / 'list.h').write_text(LIST.replace('{groups}', groups))
    (directory / 'extra.c').write_text(EXTRA)
    theirs = [source / 'library' / f'{name}.c' for name in THEIRS]
    core = [*sorted((root / 'core').glob('*.c')), root / 'backends/soft/soft.c',
            *(root / f'backends/soft/{name}.c' for name in
              ('aead_portable', 'kdf_portable', 'portable_aes', 'portable_ghash', 'portable_sha2'))]
    test = [*(root / f'test/vectors/{group}.c' for group in GROUPS), root / 'test/cases/cases.c',
            root / 'test/runner.c', root / 'test/runner_plain.c', directory / 'extra.c',
            *(root / f'test/firmware/{name}.c' for name in ('mem', 'semihost', 'start_arm'))]
    image = directory / 'image'
    output_of([*COMPILER, *options, '-DTEST_LIST="list.h"', '-I', source / 'library',
               *(item for name in ('test', 'test/cases', 'test/vectors')
                 for item in ('-I', root / name)),
               *core, *test, *(path for path in theirs if path.exists()), *ours, '-nostdlib',
               '-Wl,--gc-sections', '-Wl,--wrap=main', '-T', root / 'test/firmware/mps2.ld',
               '-lgcc', '-o', image])
    return image


def check_source(report, root, source, emulator, directory):
    version = version_of(source / 'include')
    image = build_image(root, source, directory)
    done = subprocess.run([*emulator, image], capture_output=True, text=True, check=False,
                          timeout=200, stdin=subprocess.DEVNULL)
    cases = re.findall(r'^(ok|not ok) \d+ - (\S+)( # SKIP)?', done.stdout, re.MULTILINE)
    faults = [name for result, name, _ in cases if result == 'not ok']
    ran = sum(1 for _, _, skip in cases if not skip)
    if done.returncode != 0 and not faults:
        faults = [f'exit status {done.returncode}', *done.stdout.splitlines()[-3:]]
    if ran < 12:
        faults.append(f'only {ran} cases ran')
    report.case(f'mbedTLS {version} on a Cortex-M4', faults,
                f'{ran} cases, {len(cases) - ran} skipped')


def main():
    root, emulator = Path(sys.argv[1]).resolve(), sys.argv[2:]
    report = Report()
    with tempfile.TemporaryDirectory() as name:
        check_headers(report, root, Path(name))
    sources = [part for part in os.environ.get('WEIR_MBEDTLS_SOURCE', '').split(':') if part]
    if not sources:
        report.skip('mbedTLS linked and run on a Cortex-M4',
                    'its sources are in no package; WEIR_MBEDTLS_SOURCE names none')
    for source in sources:
        with tempfile.TemporaryDirectory() as name:
            check_source(report, root, Path(source).resolve(), emulator, Path(name))
    return 1 if report.failed else 0


if __name__ == '__main__':
    sys.exit(main())
