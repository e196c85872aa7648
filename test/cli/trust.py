# SPDX-License-Identifier: BSD-2-Clause
"""What a connection is worth that nobody has given options for: suites, names, --insecure."""

import json
import socket
import threading

from harness import WAIT, Server, Tls, context, equal, expect, weir

# TLS 1.3, and the suites of TLS 1.2 with forward secrecy and a certificate.
FORWARD_SECRET = {0x1301, 0x1302, 0x1303, 0xc02b, 0xc02c, 0xcca9, 0xc02f, 0xc030, 0xcca8, 0x009e,
                  0x009f, 0xccaa}
SIGNALS = {0x00ff, 0x5600}  # no suites: renegotiation info, fallback


def offered(hello):
    """The cipher suites of a ClientHello in one record."""
    at = 5 + 4 + 2 + 32
    at += 1 + hello[at]
    size = int.from_bytes(hello[at:at + 2], 'big')
    part = hello[at + 2:at + 2 + size]
    return [int.from_bytes(part[i:i + 2], 'big') for i in range(0, size, 2)]


def client_hello(world, library, *options):
    """What `weir perf -c` says first."""
    heard = []
    with socket.create_server(('127.0.0.1', 0)) as listener:
        def hear():
            peer, _ = listener.accept()
            with peer:
                peer.settimeout(WAIT)
                data = b''
                while len(data) < 5 or len(data) < 5 + int.from_bytes(data[3:5], 'big'):
                    part = peer.recv(65536)
                    if not part:
                        return
                    data += part
                heard.append(data)
        thread = threading.Thread(target=hear)
        thread.start()
        weir(world, 'perf', '-c', '127.0.0.1', '-p', listener.getsockname()[1], '--tls-lib',
             library, '--insecure', *options)
        thread.join(WAIT)
    expect(heard, 'no ClientHello')
    return heard[0]


def offers(world, library):
    """No client offers a suite whose records a stolen key opens later, nor one without a proof."""
    for version in (*([v] for v in world.versions(library)), []):
        suites = offered(client_hello(world, library, *(['--tls', *version] if version else [])))
        expect(set(suites) <= FORWARD_SECRET | SIGNALS,
               f'offers {[hex(s) for s in suites if s not in FORWARD_SECRET | SIGNALS]}')
        expect(set(suites) & FORWARD_SECRET, 'offers nothing')


def takes(world, library):
    """No server takes one, although the client would like it best and the certificate allows it."""
    cert, key = world.cert['rsa']
    with Server(world, 'perf', '-s', '-p', '0', '--tls-lib', library, '--tls', 'v1.2', '--cert',
                cert, '--key', key) as server:
        wish = context('v1.2')
        wish.set_ciphers('AES128-GCM-SHA256:AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256')
        with Tls(server.port, wish) as peer:
            peer.handshake()
            equal(peer.tls.cipher()[0], 'ECDHE-RSA-AES128-GCM-SHA256', 'suite')


def by_name(world, library):
    """Who asks for one by name gets it."""
    cert, key = world.cert['rsa']
    suite = 'TLS_RSA_WITH_AES_128_GCM_SHA256'
    options = ['--tls-lib', library, '--cipher', suite]
    with Server(world, 'perf', '-s', '-p', '0', *options, '--cert', cert, '--key', key) as server:
        done = weir(world, 'perf', '-c', '127.0.0.1', '-p', server.port, *options, '--ca', cert,
                    '-n', '1K')
        equal(done.status, 0, f'status of {done}')
        expect(suite in done.out, f'{suite} is not in {done}')


def insecure(world, library):
    """A peer that was not verified is called so, in every form of output."""
    cert, key = world.cert['ecdsa']
    with Server(world, 'perf', '-s', '-p', '0', '--cert', cert, '--key', key) as server:
        common = ['perf', '-c', '127.0.0.1', '-p', server.port, '-n', '1K', '--tls-lib', library]
        for trust, verified in ((['--insecure'], False), (['--ca', cert], True)):
            done = weir(world, *common, *trust)
            equal(done.status, 0, f'status of {done}')
            equal('NOT VERIFIED' in done.out, not verified, f'warning in {done}')
            done = weir(world, *common, *trust, '--json')
            equal(json.loads(done.out)['verified'], verified, f'"verified" of {done}')


def run(cases, world):
    for library in world.libraries:
        cases.run(f'suites offered with {library}', offers, world, library)
        cases.run(f'suites taken with {library}', takes, world, library)
        cases.run(f'a suite by name with {library}', by_name, world, library)
        cases.run(f'--insecure with {library}', insecure, world, library)
