# SPDX-License-Identifier: BSD-2-Clause
"""weir sim: what it says, and that equal seeds are equal runs."""

import json
import re
import struct

from harness import Skip, equal, expect, one_line, weir

WRONG = [
    (['--seed', 'x'], ['--seed', "'x'"]),
    (['--seed', '-1'], ['--seed', "'-1'"]),
    (['--runs', '0'], ['--runs', 'from 1 to']),
    (['--loss', '51'], ['--loss', '0 to 50']),
    (['--loss', '5%'], ['--loss', "'5%'"]),
    (['--reorder', ''], ['--reorder']),
    (['--dup', 'nan'], ['--dup', 'nan']),
    (['--corrupt', '-1'], ['--corrupt']),
    (['--flows', '9'], ['--flows', '1 to 8']),
    (['--bytes', '257M'], ['--bytes', '256M']),
    (['--direction', 'up'], ['--direction', 'send, receive or both']),
    (['--tls', '1.3'], ['--tls', 'v1.2 or v1.3']),
    (['--key-bits', '192'], ['--key-bits', '128 or 256']),
    (['--record', '16385'], ['--record', '16384']),
    (['--policy', 'none'], ['--policy', 'automatic, resync or fallback']),
    (['--variant', 'plan9'], ['--variant', 'freebsd or linux']),
    (['--queue', '100'], ['--queue', 'power of two']),
    (['--queue', '32'], ['--queue', '64']),
    (['--aead', 'nope'], ['nope']),
    (['--fault', 'fire'], ['fire', 'weir help sim']),
    (['--fault', 'gone@0'], ['--fault', "'0'"]),
    (['--fault', 'gone@'], ['--fault']),
    (['--fault', 'gone@+'], ['--fault']),
    (['--fault', 'gone'] * 9, ['--fault', 'at most 8']),
    (['--runs', '2', '--trace', 'x'], ['--trace', '--runs']),
    (['--runs', '2', '--pcap', 'x'], ['--pcap', '--runs']),
    (['--runs', '2', '--keylog', 'x'], ['--keylog', '--runs']),
    (['--bogus'], ['--bogus']),
    (['--json=1'], ['--json', 'no value']),
    (['extra'], ['unexpected', 'extra']),
]


def wrong(world, arguments, words):
    done = weir(world, 'sim', *arguments)
    one_line(done, 2, *words)
    equal(done.out, '', 'stdout')


def report_of(world, *arguments, status=0):
    done = weir(world, 'sim', '--json', *arguments)
    equal(done.status, status, f'status of {done}')
    if status == 0:
        equal(done.err, '', 'stderr')
    return json.loads(done.out)


def text(world):
    done = weir(world, 'sim', '--seed', '7', '--loss', '5')
    equal(done.status, 0, f'status of {done}')
    equal(done.err, '', 'stderr')
    for words in ('seed 7: good', 'records that arrived', 'segments that the card encrypted',
                  'of virtual time', 'of what it is without loss', 'digest of the trace'):
        expect(words in done.out, f'{words!r} is not in {done}')
    many = weir(world, 'sim', '--seed', '7', '--runs', '5')
    expect('seeds 7 to 11: 5 good, 0 failed' in many.out, str(many))
    drawn = weir(world, 'sim', '--bytes', '2000')
    expect(re.match(r'seed \d+: good\n', drawn.out), f'the seed is not told in {drawn}')


def equal_seeds(world):
    """The same to the byte; another seed, another run."""
    one, two, other = (report_of(world, '--seed', seed, '--runs', '20')
                       for seed in ('50', '50', '51'))
    equal(one, two, 'the second run')
    expect(one['digest'] != other['digest'], 'another seed gives the same trace')
    equal((one['runs'], one['failed']), (20, 0), 'runs')
    alone = [report_of(world, '--seed', str(50 + i))['records'] for i in range(20)]
    equal(sum(alone), one['records'], 'records of the runs one by one')


def options(world):
    """Each option does what it says."""
    quiet = ['--seed', '3', '--loss', '0', '--reorder', '0', '--dup', '0', '--corrupt', '0']
    good = report_of(world, *quiet, '--flows', '3', '--bytes', '40000', '--direction', 'send')
    equal(good['bytes'], 120000, 'bytes')
    equal((good['frames_lost'], good['frames_duplicated'], good['frames_damaged']), (0, 0, 0),
          'what befell frames')
    equal(good['goodput_relative'], 1.0, 'goodput relative to no loss')
    both = report_of(world, *quiet, '--flows', '3', '--bytes', '40000', '--direction', 'both')
    equal(both['bytes'], 240000, 'bytes both ways')
    expect(both['received_decrypted'] > both['received_encrypted'], str(both))
    lossy = report_of(world, '--seed', '3', '--loss', '20', '--flows', '3', '--bytes', '40000')
    expect(lossy['frames_lost'] > 5 and lossy['segments_again'] > 5, str(lossy))
    expect(0 < lossy['goodput_relative'] < 1, str(lossy))
    for option, number in (('--dup', 'frames_duplicated'), ('--reorder', 'frames_reordered'),
                           ('--corrupt', 'frames_damaged')):
        expect(report_of(world, *quiet, '--bytes', '100000', option, '20')[number] > 5, option)
    worst = ['--seed', '3', '--loss', '15', '--bytes', '200K', '--direction', 'send']
    for variant in ('freebsd', 'linux'):
        for version in ('v1.2', 'v1.3'):
            resync, fallback = (
                report_of(world, *worst, '--policy', policy, '--variant', variant, '--tls', version,
                    '--key-bits', '256', '--queue', '1024') for policy in ('resync', 'fallback'))
            expect(resync['segments_software'] == 0 and resync['bytes_read_again'] > 0,
                   f'{variant}, resync: {resync}')
            expect(fallback['segments_software'] > 0
                   and fallback['bytes_read_again'] < resync['bytes_read_again'],
                   f'{variant}, fallback: {fallback}')
    for name in ('openssl', 'mbedtls', 'portable', 'ipsec-mb'):
        if world.build[name]:
            report_of(world, *worst, '--aead', name)


def faults(world):
    """The connection goes on, or says that it does not."""
    base = ['--seed', '12', '--flows', '2', '--bytes', '20000', '--direction', 'send']
    for fault in ('keys-full', 'command-fails@2', 'command-late', 'command-never@3',
                  'entry-fails@5', 'entry-late@5', 'entry-never@5', 'doorbell-lost@2', 'gone@9'):
        report = report_of(world, *base, '--fault', fault)
        expect(report['faults_struck'] > 0, f'{fault}: {report}')
        if report['dead'] == 0:
            equal(report['bytes'], 40000, f'bytes with {fault}')
    report = report_of(world, *base, '--fault', 'command-fails@1+')
    equal((report['refused'], report['segments_card']), (2, 0), 'refused')
    expect(report_of(world, *base, '--fault', 'gone@9')['segments_software'] > 0, 'gone')
    expect(report_of(world, *base, '--fault', 'entry-fails@5')['queue_resets'] > 0, 'entry-fails')


def failure(world):
    """What a run that fails looks like: the seed, the first wrong byte, the status."""
    arguments = ['--seed', '12', '--runs', '9', '--bytes', '20000', '--direction', 'send',
                 '--fault', 'wrong-byte@3']
    report = report_of(world, *arguments, status=1)
    equal((report['runs'], report['failed'], report['failure']['seed']), (1, 1, 12), 'failure')
    expect('not what encryption makes of it' in report['failure']['what'], str(report))
    done = weir(world, 'sim', *arguments)
    equal(done.status, 1, f'status of {done}')
    expect('seed 12 fails after' in done.err, str(done))
    byte = report['failure']['byte']
    expect(f'the first wrong byte is {byte}\n' in done.err, str(done))


def trace_and_capture(world):
    trace, pcap = (world.folder / name for name in ('sim.trace', 'sim.pcap'))
    report = report_of(world, '--seed', '4', '--loss', '10', '--trace', str(trace), '--pcap',
                       str(pcap))
    lines = trace.read_text(encoding='utf-8').splitlines()
    expect(all(re.match(r'\d+\.\d{6} flow \d: .', line) for line in lines), 'lines of the trace')
    expect(any('card, from the start' in line for line in lines), 'no resync in the trace')
    times = [float(line.split()[0]) for line in lines]
    equal(times, sorted(times), 'times')
    data = pcap.read_bytes()
    equal(struct.unpack('>IHHiIII', data[:24]), (0xa1b2c3d4, 2, 4, 0, 0, 65536, 1), 'head')
    frames, at = 0, 24
    while at < len(data):
        kept, length = struct.unpack('>II', data[at + 8:at + 16])
        equal(kept, length, 'length of a frame')
        expect(data[at + 16 + 12:at + 16 + 14] == b'\x08\x00', 'a frame that is not IPv4')
        at, frames = at + 16 + length, frames + 1
    equal(at, len(data), 'end of the capture')
    expect(frames > report['frames'], 'frames in the capture')


def keylog(world):
    """Secrets in the format of NSS, as many as the connections need; without OpenSSL a reason."""
    keys = world.folder / 'sim.keys'
    arguments = ['--seed', '6', '--flows', '2', '--bytes', '3000', '--keylog', str(keys)]
    if not world.build['openssl']:
        one_line(weir(world, 'sim', *arguments), 1, '--keylog', 'OpenSSL')
        return
    for version, labels in (('v1.2', {'CLIENT_RANDOM': 2}),
                            ('v1.3', {'CLIENT_TRAFFIC_SECRET_0': 2, 'SERVER_TRAFFIC_SECRET_0': 2})):
        report_of(world, *arguments, '--tls', version)
        lines = keys.read_text(encoding='ascii').splitlines()
        expect(all(re.fullmatch(r'[A-Z0-9_]+ [0-9a-f]{64} [0-9a-f]+', line) for line in lines),
               f'lines of the key log: {lines}')
        for label, count in labels.items():
            equal(sum(line.startswith(label + ' ') for line in lines), count, f'lines of {label}')


def files(world):
    options = ['--trace', '--pcap'] + (['--keylog'] if world.build['openssl'] else [])
    for option in options:
        one_line(weir(world, 'sim', '--seed', '1', option, '/nowhere/x'), 1, '/nowhere/x')
    try:
        with open('/dev/full', 'wb'):
            pass
    except OSError as error:
        raise Skip('no /dev/full here') from error
    one_line(weir(world, 'sim', '--seed', '1', '--pcap', '/dev/full'), 1, 'capture')
    one_line(weir(world, 'sim', '--seed', '1', '--trace', '/dev/full'), 1, 'trace')
    if world.build['openssl']:
        one_line(weir(world, 'sim', '--seed', '1', '--keylog', '/dev/full'), 1, 'key log')


def told(world):
    for arguments in (['help', 'sim'], ['sim', '--help'], ['sim', '-h']):
        done = weir(world, *arguments)
        equal(done.status, 0, f'status of {done}')
        for word in ('--seed', '--fault', 'entry-never@N', 'Exit status', '--pcap'):
            expect(word in done.out, f'{word!r} is not in {done}')
        expect(all(len(line) <= 100 for line in done.out.splitlines()), 'a line is too long')


def run(cases, world):
    for arguments, words in WRONG:
        cases.run('weir sim ' + ' '.join(arguments), wrong, world, arguments, words)
    cases.run('sim: help', told, world)
    cases.run('sim: text', text, world)
    cases.run('sim: equal seeds give equal runs', equal_seeds, world)
    cases.run('sim: options', options, world)
    cases.run('sim: faults', faults, world)
    cases.run('sim: a run that fails', failure, world)
    cases.run('sim: trace and capture', trace_and_capture, world)
    cases.run('sim: key log', keylog, world)
    cases.run('sim: files that cannot be written', files, world)
