# SPDX-License-Identifier: BSD-2-Clause
"""`weir serve --echo`."""

import random
import threading

from harness import SMALL, Tls, context, equal, serve


def round_trip(server, settings, size, piece):
    """Half-close: our end is over before the last byte has come back."""
    data = random.Random(size).randbytes(size)
    with Tls(server.port, settings) as peer:
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


def run(cases, world):
    for library in world.libraries:
        for version in world.versions(library):
            with serve(world, '--echo', '--tls-lib', library, '--tls', version) as server:
                sizes = ((1, 1), (1000, 7), (300000, 16384), (1000001, 10007))
                for size, piece in sizes[:3] if SMALL else sizes:
                    cases.run(f'{library}, {version}, {size} bytes by {piece}', round_trip, server,
                              context(version), size, piece)
                cases.run(f'{library}, {version}, half-close without data', closes, server)
                done = server.stop()
                cases.run(f'{library}, {version}, nothing on stderr', equal, done.err, '', 'stderr')
