# SPDX-License-Identifier: BSD-2-Clause
"""`weir serve --echo`."""

import random
import socket
import threading
import time

from harness import SMALL, Tls, context, equal, expect, serve


def round_trip(server, settings, size, piece, pause=0):
    """Half-close: our end is over before the last byte has come back. `pause`: seconds until the
    first byte is read, so that the server has to wait, too."""
    data = random.Random(size).randbytes(size)
    with Tls(server.port, settings) as peer:
        if pause:
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        peer.handshake()
        back = bytearray()
        lock = threading.Lock()

        def send():
            for at in range(0, size, piece):
                with lock:
                    record = peer.seal(data[at:at + piece])
                peer.socket.sendall(record)
            with lock:
                try:
                    peer.tls.unwrap()
                except Exception:
                    pass
                last = peer.flight()
            peer.socket.sendall(last)
            peer.socket.shutdown(1)

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        time.sleep(pause)
        expect(sender.is_alive() or not pause, 'all of it is taken without a byte being read')
        while True:
            part = peer.socket.recv(65536)
            with lock:
                if not part:
                    peer.inward.write_eof()
                    break
                peer.inward.write(part)
                while peer.inward.pending:
                    try:
                        got = peer.tls.read(65536)
                    except Exception:
                        break
                    back += got
        sender.join()
        equal(len(back), size, 'bytes that came back')
        equal(bytes(back) == data, True, 'same bytes')


def closes(server):
    """Nothing in, nothing out: close_notify is answered with close_notify."""
    with Tls(server.port) as peer:
        peer.handshake().finish()
        equal(peer.read_all(), b'', 'echo of nothing')
    server.wait_for(r'127\.0\.0\.1:\d+ echoed 1000 bytes\n')
    server.wait_for(r'127\.0\.0\.1:\d+ echoed 0 bytes\n')


def run(cases, world):
    for library in world.libraries:
        for version in world.versions(library):
            with serve(world, '--echo', '-v', '--tls-lib', library, '--tls', version) as server:
                sizes = ((1, 1), (1000, 7), (300000, 16384), (1000001, 10007))
                for size, piece in sizes[:3] if SMALL else sizes:
                    cases.run(f'{library}, {version}, {size} bytes by {piece}', round_trip, server,
                              context(version), size, piece)
                cases.run(f'{library}, {version}, a peer that reads late', round_trip, server,
                          context(version), 24_000_000, 16384, 1)
                cases.run(f'{library}, {version}, half-close without data', closes, server)
                done = server.stop()
                cases.run(f'{library}, {version}, nothing on stderr', equal, done.err, '', 'stderr')
