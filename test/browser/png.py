# SPDX-License-Identifier: BSD-2-Clause
"""PNG pictures, as far as this suite needs them: 8 bits, RGB or RGBA, not interlaced."""

import struct
import zlib

SIGNATURE = b'\x89PNG\r\n\x1a\n'


def _chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


def write(width, height, colour_at):
    """A picture whose colours, three bytes each, a function of x and y tells."""
    rows = b''.join(b'\0' + b''.join(bytes(colour_at(x, y)) for x in range(width))
                    for y in range(height))
    return (SIGNATURE + _chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)) +
            _chunk(b'IDAT', zlib.compress(rows)) + _chunk(b'IEND', b''))


def _unfilter(kind, line, above, step):
    """One line as it was before its filter (PNG section 9)."""
    for i, byte in enumerate(line):
        left = line[i - step] if i >= step else 0
        up = above[i]
        corner = above[i - step] if i >= step else 0
        if kind == 1:
            guess = left
        elif kind == 2:
            guess = up
        elif kind == 3:
            guess = (left + up) // 2
        elif kind == 4:
            estimate = left + up - corner
            guess = min((left, up, corner), key=lambda value: abs(estimate - value))
        else:
            return line
        line[i] = (byte + guess) & 255
    return line


def read(data):
    """(width, height, rows): each row a list of (red, green, blue)."""
    if data[:8] != SIGNATURE:
        raise ValueError('no PNG')
    at, packed, width, height, step = 8, b'', 0, 0, 0
    while at < len(data):
        length, kind = struct.unpack('>I4s', data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        at += 12 + length
        if kind == b'IHDR':
            width, height, depth, colours, _, _, interlaced = struct.unpack('>IIBBBBB', body)
            if depth != 8 or colours not in (2, 6) or interlaced:
                raise ValueError('another kind of PNG')
            step = 3 if colours == 2 else 4
        elif kind == b'IDAT':
            packed += body
    raw, rows = zlib.decompress(packed), []
    above = bytearray(width * step)
    for y in range(height):
        start = y * (width * step + 1)
        above = _unfilter(raw[start], bytearray(raw[start + 1:start + 1 + width * step]), above,
                          step)
        rows.append([tuple(above[x * step:x * step + 3]) for x in range(width)])
    return width, height, rows
