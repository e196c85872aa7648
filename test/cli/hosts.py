# SPDX-License-Identifier: BSD-2-Clause
"""weir doctor, offload and stats: on this host, on recorded hosts, and on what is wrong.

hosts/NAME.txt is a recording (see docs/doctor.md), hosts/NAME.expect what the commands say about it.
WEIR_TEST_ACCEPT=1 in the environment writes the latter anew, to be read before it is committed.
"""

import json
import os
import platform
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path

from harness import Skip, equal, expect, one_line, weir

HOSTS = Path(__file__).with_name('hosts')
COMMANDS = ['doctor', 'stats', 'stats --watch 1 --count 2', 'offload show',
            'offload enable --dry-run', 'offload disable --dry-run']
# Levels and exit statuses by host: what the recordings are there for.
LEVELS = {'linux-without': 10, 'linux-old': 10, 'linux-vm': 11, 'linux-nic-off': 11,
          'linux-nic-tx': 12, 'linux-nic-both': 13, 'freebsd-custom': 10, 'freebsd-14-off': 10,
          'freebsd-13': 10, 'freebsd-13-ocf': 12, 'freebsd-14-kernel': 11,
          'freebsd-14-no-capability': 11, 'freebsd-unprobed': 11, 'freebsd-14-nic-tx': 12,
          'freebsd-15-nic-both': 13, 'other': 10}
NAMES = {10: 'none', 11: 'kernel', 12: 'nic-tx', 13: 'nic-tx-rx'}


SAID = {}


def on(world, name, command):
    """What a command says about a recording; always the same, so that it is asked once."""
    if (name, command) not in SAID:
        SAID[name, command] = weir(world, *shlex.split(command), '--host', HOSTS / f'{name}.txt')
    return SAID[name, command]


def transcript(world, name):
    parts = []
    for command in COMMANDS:
        done = on(world, name, command)
        parts.append(f'$ weir {command}\n{done.out}{done.err}= {done.status}\n')
    return ''.join(parts)


def expected(world, name):
    """The commands say, word for word, what has been read and found good."""
    path = HOSTS / f'{name}.expect'
    text = transcript(world, name)
    if os.environ.get('WEIR_TEST_ACCEPT') == '1':
        path.write_text(text, encoding='ascii')
    wanted = path.read_text(encoding='ascii').splitlines()
    for number, (line, good) in enumerate(zip(text.splitlines(), wanted), 1):
        equal(line, good, f'{path.name}:{number}')
    equal(len(text.splitlines()), len(wanted), f'lines of {path.name}')


def load(done):
    try:
        return json.loads(done.out)
    except ValueError as error:
        expect(False, f'no JSON ({error}): {done}')


def doctor_json(done_text, done_json):
    """The text of doctor, put together from its JSON in another way than the command's."""
    report = load(done_json)
    equal(done_json.status, done_text.status, 'status with --json')
    equal(report['status'], done_text.status, 'status in JSON')
    equal(report['level'], NAMES[done_text.status], 'level in JSON')
    lines = [report['host'] + (' (a recording)' if report['recorded'] else '')]
    for finding in report['findings']:
        where = f'{finding["interface"]}: ' if 'interface' in finding else ''
        advice = f' -> {finding["advice"]}' if 'advice' in finding else ''
        equal(finding['state'] in ('warn', 'no'), 'advice' in finding,
              f'whether there is advice in {finding}')
        lines.append('  '.join([finding['state'].ljust(4), finding['check'].ljust(10),
                                where + finding['found'] + advice]))
    lines.append(report['verdict'])
    equal('\n'.join(lines) + '\n', done_text.out, 'the text of JSON')


def stats_json(done_text, done_json):
    lines, text = [], done_text.out
    reports = [json.loads(line) for line in done_json.out.splitlines()]
    for report in reports:
        if 'seconds' in report:
            lines.append(f'after {report["seconds"]:.1f} s:')
        for counter in report['counters']:
            rate = f'  {counter["rate"]:10.1f}/s' if 'rate' in counter else ''
            equal('rate' in counter, 'seconds' in report and counter['kind'] == 'sum', 'a rate')
            lines.append(f'{counter["name"]:<44}  {counter["value"]:14}{rate}  '
                         f'{counter["meaning"]}')
        lines.append(report['verdict'])
        word = {'none': 'is not active', 'kernel': "active in the kernel's software",
                'nic': 'active on a NIC'}[report['active']]
        expect(word in report['verdict'] and 'because' in report['verdict'], f'verdict {report}')
    equal('\n'.join(lines) + '\n', text, 'the text of JSON')


def offload_json(done_text, done_json):
    report = load(done_json)
    if report['action'] == 'show':
        pairs = [(line.split()[:-1], line) for line in done_text.out.splitlines()]
        for switch in report['switches']:
            words = [switch.get('interface'), switch['name'], *switch['value'].split()]
            words = [word for word in words if word]
            expect(any(line.split()[:len(words)] == words and line.endswith(switch['meaning'])
                       for _, line in pairs), f'{switch} is not in the text')
        count = len([line for line in done_text.out.splitlines() if 'no switches' not in line])
        equal(len(report['switches']), count, 'switches')
        return
    lines = [' '.join(step['command']) or '# ' + step['remark'] for step in report['steps']]
    equal(''.join(line + '\n' for line in lines), done_text.out, 'the text of JSON')


def json_of(world, name):
    """JSON says what the text says."""
    for command in COMMANDS:
        text, made = on(world, name, command), on(world, name, command + ' --json')
        if text.status == 1:
            equal((made.status, made.out, made.err), (1, '', text.err), 'with --json')
            continue
        check = {'d': doctor_json, 's': stats_json, 'o': offload_json}[command[0]]
        check(text, made)


METRIC = re.compile(r'[a-z_][a-z0-9_]*')
SAMPLE = re.compile(r'([a-z_][a-z0-9_]*)((?:\{[a-z_]+="[^"\\\n]*"\})?) (\d+)')


def prometheus(world, name):
    """Every line is of the format, every metric described once and in one place."""
    done = on(world, name, 'stats --prometheus')
    equal(done.status, 0, f'status of {done}')
    expect(done.out.endswith('\n') and '\n\n' not in done.out, 'an empty line, or no end of line')
    kinds, samples, current = {}, {}, None
    lines = done.out.splitlines()
    for number, line in enumerate(lines):
        if line.startswith('# HELP '):
            current = line.split(' ', 3)[2]
            expect(METRIC.fullmatch(current) and current not in kinds and line.split(' ', 3)[3],
                   f'help {line!r}')
            expect(lines[number + 1].startswith(f'# TYPE {current} '), f'no type after {line!r}')
        elif line.startswith('# TYPE '):
            kinds[current] = line.split(' ')[3]
            equal(line, f'# TYPE {current} {kinds[current]}', 'type')
            expect(kinds[current] in ('gauge', 'counter'), f'type {line!r}')
        else:
            match = SAMPLE.fullmatch(line)
            expect(match and match[1] == current, f'sample {line!r} under {current}')
            expect((match[1], match[2]) not in samples, f'{line!r} comes twice')
            samples[match[1], match[2]] = int(match[3])
    for metric, kind in kinds.items():
        equal(metric.endswith('_total'), kind == 'counter', f'name of {metric}')
        expect(metric.startswith('weir_'), f'name {metric}')
    report = load(on(world, name, 'stats --json'))
    active = {match: value for (metric, match), value in samples.items()
              if metric == 'weir_offload_active'}
    equal(active, {f'{{where="{where}"}}': int(where == report['active'])
                   for where in ('none', 'kernel', 'nic')}, 'who is active')
    equal(len(samples) - 3, len(report['counters']), 'number of samples')
    equal(sorted(value for (metric, _), value in samples.items()
                 if metric != 'weir_offload_active'),
          sorted(counter['value'] for counter in report['counters']), 'values')


def level(world, name, status):
    done = on(world, name, 'doctor')
    equal(done.status, status, f'status of {done}')
    expect(done.out.endswith(f' (exit status {status})\n'), f'verdict of {done}')


def varied(world, base, changes, command, status, *words):
    """A recording with some lines changed, and what must then be said."""
    text = (HOSTS / f'{base}.txt').read_text(encoding='ascii')
    for old, new in changes:
        expect(old in text, f'{old!r} is not in {base}')
        text = text.replace(old, new)
    path = world.folder / 'varied.txt'
    path.write_text(text, encoding='ascii')
    done = weir(world, *shlex.split(command), '--host', path)
    equal(done.status, status, f'status of {done}')
    for word in words:
        expect(word in done.out, f'{word!r} is not in {done}')


UP = 'file /sys/class/net/eth1/operstate='
VARIED = [
    ('the interface is down', 'linux-nic-tx', [(UP + 'up', UP + 'down')], 'doctor', 11,
     'warn  nic-tx      eth1: tls-hw-tx-offload is on, but the interface is down -> bring'),
    ('the kernel is configured without', 'linux-nic-tx', [('DEVICE=y', 'DEVICE=n')], 'doctor', 11,
     'no    device      CONFIG_TLS_DEVICE is n'),
    ('RX alone is not NIC TX and RX', 'linux-nic-both',
     [('eth1=tls-hw-tx-offload on', 'eth1=tls-hw-tx-offload off')], 'doctor', 11,
     'no    nic-tx', 'ok    nic-rx'),
    ('checksums are off', 'linux-nic-off',
     [('eth1=tx-checksum-ip-generic on', 'eth1=tx-checksum-ip-generic off')], 'doctor', 11,
     'turn checksums on first (tx on), then: ethtool -K eth1 tls-hw-tx-offload on'),
    ('checksums are off, enable', 'linux-nic-off',
     [('eth1=tx-checksum-ip-generic on', 'eth1=tx-checksum-ip-generic off')],
     'offload enable --dry-run', 0,
     'ethtool -K eth1 tx on\n# eth1: rx is on already\nethtool -K eth1 tls-hw-tx-offload on\n'),
    ('sessions pass the NIC by', 'linux-nic-tx',
     [('TlsTxDevice                      90', 'TlsTxDevice                      0')], 'doctor', 12,
     'warn  sessions'),
    ('a peer shows the NIC at work', 'linux-nic-tx', [], 'doctor --peer 192.0.2.7:443', 12,
     'ok    peer        192.0.2.7:443, TLSv1.2/AES-128-GCM: TX goes to nic, RX to software'),
    ('a peer shows that it is not', 'linux-nic-both', [], 'doctor --peer 192.0.2.7:443', 11,
     'warn  peer        192.0.2.7:443, TLSv1.2/AES-128-GCM: TX goes to software, RX to software'),
    ('a peer that refuses', 'linux-nic-both',
     [('peer-tx 192.0.2.7:443=software', 'peer-tx 192.0.2.7:443!ECONNREFUSED')],
     'doctor --peer 192.0.2.7:443', 13, 'TX: ECONNREFUSED: nobody listens there'),
    ('a peer that was not recorded', 'linux-nic-both', [], 'doctor --peer 192.0.2.8:443', 13,
     'skip  peer        not recorded'),
    ('a peer proves RX', 'freebsd-14-nic-tx',
     [('peer-rx 192.0.2.7:443=software', 'peer-rx 192.0.2.7:443=nic')],
     'doctor --peer 192.0.2.7:443', 13, 'RX to nic', 'warn  rx-proof'),
    ('a record comes back wrong', 'linux-vm',
     [('record TLSv1.2/AES-128-GCM=same', 'record TLSv1.2/AES-128-GCM!EBADMSG')], 'doctor', 10,
     'no    record      TLSv1.2/AES-128-GCM: EBADMSG: it came back as something else -> do not'),
    ('one suite is refused', 'linux-vm',
     [('tx TLSv1.2/AES-128-GCM=software', 'tx TLSv1.2/AES-128-GCM!ENOENT')], 'doctor', 11,
     'warn  tx-keys', 'refused: TLSv1.2/AES-128-GCM (ENOENT: the crypto algorithm is missing'),
    ('attached by somebody else', 'linux-vm', [('attach=yes', 'attach!EEXIST')], 'doctor', 10,
     'no    attach      EEXIST'),
    ('a threshold', 'linux-nic-tx', [], 'doctor --threshold 10', 12,
     'sent out of order 9.50 %, bytes read again 14.29 % (!); warned of above 10 %'),
    ('a high threshold', 'linux-nic-tx', [], 'doctor --threshold 15', 12, 'ok    ratios'),
    ('one interface', 'freebsd-15-nic-both', [], 'doctor mce1', 11,
     'no    nic-tx      mce1: MEXTPG on, TXTLS4 off, TXTLS6 off -> weir offload enable mce1'),
    ('enable one interface', 'freebsd-15-nic-both', [], 'offload enable mce1 --dry-run', 0,
     'ifconfig mce1 txtls rxtls\n'),
    ('disable one interface', 'freebsd-15-nic-both', [], 'offload disable --dry-run mce0', 0,
     'ifconfig mce0 -txtls -rxtls\n'),
    ('stats of one interface', 'freebsd-15-nic-both', [], 'stats mce1', 0,
     'dev.mce.1.tls.stats.tx_packets'),
    ('13.x has another word', 'freebsd-13', [('MEXTPG on', 'MEXTPG off')],
     'offload enable --dry-run', 0, 'kldload ktls_ocf\nifconfig mce0 nomap\n'),
    ('no pages', 'freebsd-14-nic-tx', [('mb_use_ext_pgs=1', 'mb_use_ext_pgs=0')],
     'offload enable --dry-run', 0, 'sysctl kern.ipc.mb_use_ext_pgs=1\n'),
    ('short records', 'freebsd-14-nic-tx', [('maxlen=16384', 'maxlen=8192')], 'doctor', 12,
     'warn  maxlen      8192 -> '),
    ('the adapter has no TX', 'freebsd-14-nic-tx',
     [('sysctl dev.mce.0.tls.stats.tx_packets=100000\n', ''),
      ('sysctl dev.mce.0.tls.stats.tx_packets=110000\n', '')], 'doctor', 11,
     'no    adapter', 'see adapter'),
    ('one interface for TX, another for RX', 'linux-nic-tx',
     [('eth0=tls-hw-rx-offload off fixed', 'eth0=tls-hw-rx-offload on')], 'doctor', 12,
     'ok    nic-tx      eth1', 'ok    nic-rx      eth0'),
    ('a counter that comes later has not grown', 'linux-vm',
     [('after 1.0\n', 'after 1.0\nfile /proc/net/tls_stat=TlsRxRekeyError 5\n')], 'doctor', 11,
     'note  errors      /proc/net/tls_stat TlsRxRekeyError 5 (', 'since the start; none more now'),
    ('a counter that begins anew', 'linux-vm', [('TlsTxSw                          0',
                                                'TlsTxSw                          9')],
     'stats --watch 1 --count 2', 0, '8         0.0/s  sending sessions ever'),
]


RECORDINGS = [
    ('nothing', '', 'uname'),
    ('no uname', 'user root\n', 'uname'),
    ('an unknown word', 'uname Linux 6.1\nnonsense x=1\n', ":2: unknown word 'nonsense'"),
    ('no answer', 'uname Linux 6.1\nsysctl kern.ipc\n', ":2: 'sysctl' needs KEY=ANSWER"),
    ('no key', 'uname Linux 6.1\nfile =x\n', ":2: 'file' needs KEY=ANSWER"),
    ('an unknown errno', 'uname Linux 6.1\nprobe attach!EWHAT\n', ":2: unknown errno 'EWHAT'"),
    ('two answers', 'uname Linux 6.1\nuname Linux 6.2\n', ":2: two answers to 'uname"),
    ('an answer with an errno, without a key', 'uname Linux 6.1\nsessions!ENOENT\n',
     ":2: unknown word 'sessions!ENOENT'"),
    ('an answer and an errno', 'uname Linux 6.1\nfile x=1\nfile x!ENOENT\n', ':3: two answers'),
    ('after without seconds', 'uname Linux 6.1\nafter soon\n', ":2: 'after' needs seconds"),
    ('bytes of no text', 'uname Linux 6.1\nuser \x01\n', ':2: bytes that are not'),
    ('a line without end', 'uname Linux 6.1\nuser ' + 'x' * 5000 + '\n', ':2: too long'),
    ('too many samples', 'uname Linux 6.1\n' + 'after 1\n' * 70, 'more than 64 samples'),
]


def bad_recording(world, text, *words):
    path = world.folder / 'bad.txt'
    path.write_text(text, encoding='ascii')
    for verb in (['doctor'], ['stats'], ['offload', 'show']):
        one_line(weir(world, *verb, '--host', path), 1, str(path), *words)


WRONG = [
    (['doctor', '--bogus'], ['--bogus']), (['doctor', '-z'], ["'-z'"]),
    (['doctor', 'lo', 'lo'], ['unexpected', 'lo']), (['doctor', '--wait', '0'], ['--wait']),
    (['doctor', '--wait', 'x'], ['--wait', "'x'"]),
    (['doctor', '--threshold', '101'], ['--threshold', '101']),
    (['doctor', '--peer', 'nowhere'], ['--peer', 'nowhere']),
    (['doctor', '--peer', 'a=b:1'], ['--peer', 'a=b:1']),
    (['doctor', '--peer', 'a b:1'], ['--peer', 'a b:1']),
    (['doctor', '--peer', 'x' * 201 + ':1'], ['--peer']),
    (['doctor', '--host', 'x', '--record', 'y'], ['--host', '--record']),
    (['doctor', '--json=1'], ['--json', 'no value']), (['doctor', '--host'], ['needs a value']),
    (['offload'], ['show', 'enable', 'disable']), (['offload', 'bogus'], ['bogus']),
    (['offload', 'show', '--dry-run'], ['--dry-run']), (['offload', 'show', '-z'], ["'-z'"]),
    (['offload', 'enable', 'lo', 'lo'], ['unexpected']),
    (['offload', 'enable', '--json'], ['--json', '--dry-run']),
    (['offload', 'enable', '--host', HOSTS / 'linux-nic-off.txt'], ['recorded', '--dry-run']),
    (['stats', '--bogus'], ['--bogus']), (['stats', '--watch', '0'], ['--watch']),
    (['stats', '--watch', 'x'], ['--watch', "'x'"]), (['stats', '--count', '2'], ['--watch']),
    (['stats', '--watch', '1', '--count', '0'], ['--count']),
    (['stats', '--json', '--prometheus'], ['--json', '--prometheus']),
    (['stats', '--watch', '1', '--prometheus'], ['--watch', '--prometheus']),
    (['stats', 'lo', 'lo'], ['unexpected']),
]


def wrong(world, arguments, words):
    done = weir(world, *arguments)
    one_line(done, 2, *words)
    equal(done.out, '', 'stdout')


def helped(world, arguments, *words):
    done = weir(world, *arguments)
    equal((done.status, done.err), (0, ''), f'status and stderr of {done}')
    for word in words:
        expect(word in done.out, f'{word!r} is not in {done}')
    expect('--cipher' not in done.out, 'options of connections')
    expect(all(len(line) <= 100 for line in done.out.splitlines()), 'a line is too long')


def fails(world, arguments, *words, **options):
    done = weir(world, *arguments, **options)
    one_line(done, 1, *words)


# ---- this host ----

def linux_here():
    if sys.platform != 'linux':
        raise Skip('not Linux')


def has_module():
    """Whether the kernel here has its TLS, found in another way than doctor's."""
    with socket.create_server(('127.0.0.1', 0)) as server, \
            socket.create_connection(server.getsockname()) as one, server.accept()[0]:
        try:
            one.setsockopt(socket.IPPROTO_TCP, 31, b'tls')  # TCP_ULP
            return True
        except OSError:
            return False


def here(world):
    """On this host doctor sees what is to be seen."""
    linux_here()
    kernel = has_module()
    done = weir(world, 'doctor', '--wait', '0.1')
    report = load(weir(world, 'doctor', '--wait', '0.1', '--json'))
    states = {finding['check']: finding['state'] for finding in report['findings']}
    equal(done.out.splitlines()[0], ' '.join(platform.uname()[i] for i in (0, 2, 4)), 'the host')
    equal(states['attach'], 'ok' if kernel else 'no', 'attach')
    if kernel:
        expect(done.status >= 11 and states['record'] == 'ok', f'a kernel with TLS: {done}')
    else:
        equal(done.status, 10, f'status of {done}')
        expect('no    attach      ENOENT' in done.out, f'no reason in {done}')
    equal(report['status'], done.status, 'status with --json')
    verdict = weir(world, 'stats').out.splitlines()[-1]
    equal('is not loaded' in verdict, not Path('/proc/net/tls_stat').exists(), verdict)


def features_here(world):
    """The switches of an interface are those that the kernel tells by netlink or ioctl."""
    linux_here()
    done = weir(world, 'offload', 'show', 'lo')
    equal(done.status, 0, f'status of {done}')
    # The loopback makes no checksums and carries no TLS, on every kernel.
    expect(re.search(r'^lo tx-checksum-ip-generic +on fixed', done.out, re.M), f'{done}')
    expect(re.search(r'^lo tls-hw-tx-offload +off fixed', done.out, re.M), f'{done}')


def recorded_here(world):
    """A recording of this host says what the host said."""
    path = world.folder / 'here.txt'
    live = weir(world, 'doctor', '--wait', '0.1', '--record', path)
    again = weir(world, 'doctor', '--host', path)
    equal(again.status, live.status, 'status of the recording')
    lines = live.out.splitlines()
    lines[0] += ' (a recording)'
    equal(again.out.splitlines(), lines, 'the recording')
    fails(world, ['doctor', '--wait', '0.1', '--record', world.folder / 'no' / 'such'], 'such',
          'No such file')


def peer_here(world):
    """--peer sends nothing, and hangs up at once."""
    with socket.create_server(('127.0.0.1', 0)) as server:
        port = server.getsockname()[1]
        done = weir(world, 'doctor', '--wait', '0.1', '--peer', f'localhost:{port}')
        expect(f'  peer        localhost:{port}' in done.out, f'no peer in {done}')
        server.settimeout(10)
        with server.accept()[0] as connection:
            try:
                equal(connection.recv(1), b'', 'what was sent')
            except ConnectionResetError:
                pass
    done = weir(world, 'doctor', '--wait', '0.1', '--peer', f'127.0.0.1:{port}')
    expect('ECONNREFUSED: nobody listens there' in done.out, f'{done}')
    done = weir(world, 'doctor', '--wait', '0.1', '--peer', '127.0.0.1:none')
    expect('EADDRNOTAVAIL: no such address' in done.out, f'{done}')


def without_rights(world):
    """Who is not root is told so, and nothing is run."""
    options = {}
    if os.geteuid() == 0:
        options = {'preexec_fn': lambda: (os.setgid(65534), os.setuid(65534))}
        try:
            weir(world, '--version', **options)
        except OSError as error:
            raise Skip(f'the build directory is closed to others: {error}')
    for action in ('enable', 'disable'):
        fails(world, ['offload', action], 'only root', '--dry-run', **options)
    done = weir(world, 'offload', 'enable', '--dry-run', **options)
    equal(done.status, 0, f'status of {done}')


def runs_programs(world):
    """What the dry run prints is run, word for word, without a shell; a failure ends it."""
    linux_here()
    if os.geteuid() != 0:
        raise Skip('needs root')
    if Path('/proc/modules').exists() and re.search(r'^tls ', Path('/proc/modules').read_text(),
                                                    re.M):
        raise Skip('the module tls is loaded, so that there is nothing to run')
    folder = world.folder / 'programs'
    folder.mkdir(exist_ok=True)
    log = folder / 'log'
    script = folder / 'modprobe'
    path = {'PATH': str(folder) + os.pathsep + os.environ['PATH']}
    dry = weir(world, 'offload', 'enable', '--dry-run').out.splitlines()
    commands = [line for line in dry if not line.startswith('#')]
    equal(commands[0], 'modprobe tls', 'the first command')
    for status in (0, 3):
        script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$0" "$#" "$@" >{log}\nexit {status}\n')
        script.chmod(0o755)
        done = subprocess.run([world.weir, 'offload', 'enable'], env=dict(os.environ, **path),
                              capture_output=True, text=True, check=False, timeout=60)
        equal(log.read_text().splitlines(), [str(script), '1', 'tls'], 'what was run')
        equal(done.returncode, 1 if status else 0, f'status of {done}')
        expect('+ modprobe tls\n' in done.stdout, f'not told: {done}')
        if status:
            equal(done.stderr, 'weir offload: modprobe ended with status 3; commands done before: '
                  '0\n', 'stderr')
    script.unlink()
    done = subprocess.run([world.weir, 'offload', 'enable'], env={'PATH': str(folder)},
                          capture_output=True, text=True, check=False, timeout=60)
    equal((done.returncode, done.stderr), (1, 'weir offload: cannot run modprobe: No such file or '
                                           'directory; commands done before: 0\n'), 'nothing there')


def watched(world):
    """--watch goes on until it is told to end."""
    done = weir(world, 'stats', '--watch', '0.2', '--count', '3', '--json')
    reports = [json.loads(line) for line in done.out.splitlines()]
    equal(['seconds' in report for report in reports], [False, True, True], 'samples')
    expect(all(0.2 <= report['seconds'] < 30 for report in reports[1:]), f'seconds in {done}')


def listed(world):
    """Every check that any host had is in the list, and the list has no others."""
    text = weir(world, 'doctor', '--list').out
    entries = load(weir(world, 'doctor', '--list', '--json'))
    names = [entry['check'] for entry in entries]
    equal(len(set(names)), len(names), 'different names')
    for entry in entries:
        expect(entry['meaning'] in text and entry['advice'] in text, f'{entry} is not in the text')
    seen = set()
    for name in LEVELS:
        seen |= {finding['check'] for finding in load(on(world, name, 'doctor --json --peer '
                                                         '192.0.2.7:443'))['findings']}
    equal(seen, set(names), 'checks')


def run(cases, world):
    equal(sorted(path.stem for path in HOSTS.glob('*.txt')), sorted(LEVELS), 'recordings')
    for name, status in LEVELS.items():
        cases.run(f'{name}, text', expected, world, name)
        cases.run(f'{name}, JSON', json_of, world, name)
        cases.run(f'{name}, Prometheus', prometheus, world, name)
        cases.run(f'{name}, level', level, world, name, status)
    for name, *what in VARIED:
        cases.run(name, varied, world, *what)
    for name, text, *words in RECORDINGS:
        cases.run(f'a recording with {name}', bad_recording, world, text, *words)
    missing = world.folder / 'missing'
    cases.run('a recording that is not there', fails, world, ['doctor', '--host', missing],
              str(missing), 'No such file')
    cases.run('a directory as recording', fails, world, ['doctor', '--host', world.folder],
              str(world.folder), 'Is a directory')
    for verb, *words in (('doctor', '--json', '--peer', '--record', '10 no offload', '13 NIC TX'),
                         ('offload', 'show', 'enable', 'disable', '--dry-run'),
                         ('stats', '--watch', '--prometheus', 'weir_tx_counters')):
        for arguments in (['help', verb], [verb, '--help'], [verb, '-h']):
            cases.run(' '.join(arguments), helped, world, arguments, '--host', *words)
    for arguments, words in WRONG:
        cases.run('weir ' + ' '.join(map(str, arguments)), wrong, world, arguments, words)
    for verb in (['doctor'], ['stats'], ['offload', 'show'], ['offload', 'enable', '--dry-run']):
        cases.run(f'weir {" ".join(verb)}, a missing interface', fails, world, [*verb, 'nope0'],
                  "no interface 'nope0'")
    cases.run('an interface that cannot', fails, world,
              ['offload', 'enable', 'eth0', '--dry-run', '--host', HOSTS / 'linux-nic-tx.txt'],
              'eth0 cannot do TLS')
    cases.run('this host', here, world)
    cases.run('features of the loopback', features_here, world)
    cases.run('this host, recorded', recorded_here, world)
    cases.run('a peer of this host', peer_here, world)
    cases.run('not root', without_rights, world)
    cases.run('the programs that are run', runs_programs, world)
    cases.run('stats --watch', watched, world)
    cases.run('doctor --list', listed, world)
