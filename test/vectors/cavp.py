# SPDX-License-Identifier: BSD-2-Clause
"""Writes the AES-GCM cases of NIST's CAVP as a C header, for targets that cannot read files.

    cavp.py OUTPUT

From the files that Debian's package python3-cryptography-vectors installs; those with the nonces of
12 bytes and tags of 16 that TLS has. Where the files are not there, the header says so.
"""

import re
import sys
from pathlib import Path

FOLDER = Path('/usr/lib/python3/dist-packages/cryptography_vectors/ciphers/AES/GCM')
FILES = ['gcmEncryptExtIV128', 'gcmDecrypt128', 'gcmEncryptExtIV256', 'gcmDecrypt256']
FIELDS = ['Key', 'IV', 'AAD', 'CT', 'Tag', 'PT']


def cases(text):
    """The fields of every case as bytes; a forged one has no plaintext."""
    for block in re.split(r'^Count = ', text, flags=re.MULTILINE)[1:]:
        found = dict(re.findall(r'^(\w+) =[ \t]*(\w*)', block, re.MULTILINE))
        case = {name: bytes.fromhex(found.get(name, '')) for name in FIELDS}
        case['forged'] = bool(re.search(r'^FAIL', block, re.MULTILINE))
        if len(case['IV']) == 12 and len(case['Tag']) == 16:
            yield case


def packed(case):
    """Two lengths, whether it is forged, and the fields on end."""
    return (bytes([len(case['AAD']), len(case['CT']), case['forged']]) +
            case['Key'] + case['IV'] + case['AAD'] + case['CT'] + case['Tag'] +
            (b'' if case['forged'] else case['PT']))


def table(name, path):
    """One file's array, ended by nothing: its size tells."""
    if not path.exists():
        return [f'#define CAVP_NO_{name} 1', f'static const uint8_t cavp_{name}[1];']
    data = b''.join(map(packed, cases(path.read_text())))
    lines = [f'static const uint8_t cavp_{name}[] = {{']
    lines += ['    ' + ''.join(f'{byte},' for byte in data[at:at + 24])
              for at in range(0, len(data), 24)]
    return lines + ['};']


def main():
    lines = ['/* Written by cavp.py. */', '#include <stdint.h>']
    for name in FILES:
        lines += table(name, FOLDER / f'{name}.rsp')
    Path(sys.argv[1]).write_text('\n'.join(lines) + '\n')


if __name__ == '__main__':
    main()
