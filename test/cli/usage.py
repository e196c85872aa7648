# SPDX-License-Identifier: BSD-2-Clause
"""What the command answers to a command line: help, version, every wrong option, missing files."""

import json
import os
import re
import socket
from pathlib import Path

from harness import Server, Skip, Tls, equal, expect, one_line, serve, weir

# Arguments, and words that have to be in the line.
WRONG = [
    ([], None),
    (['bogus'], ['bogus']),
    (['--bogus'], ['--bogus']),
    (['help', 'bogus'], ['bogus']),
    (['perf'], ['-s', '-c']),
    (['perf', '-s', '-c', 'localhost'], ['-s', '-c']),
    (['perf', '-s', 'extra'], ['extra']),
    (['perf', '-s', '-z'], ["'-z'"]),
    (['perf', '-s', '--bogus'], ['--bogus']),
    (['perf', '-s', '--bogus=1'], ['--bogus']),
    (['perf', '-s', '--json=1'], ['--json', 'no value']),
    (['perf', '-s', '-p'], ["'-p'", 'needs a value']),
    (['perf', '-s', '--port'], ['--port', 'needs a value']),
    (['perf', '-s', '-p', 'x'], ['-p', "'x'"]),
    (['perf', '-s', '-p', '65536'], ['-p', '65536']),
    (['perf', '-s', '-p', '-1'], ['-p', '-1']),
    (['perf', '-s', '-p', ''], ['-p']),
    (['perf', '-s', '-p', '1x'], ['-p', '1x']),
    (['perf', '-s', '-i', 'x'], ['-i', "'x'"]),
    (['perf', '-s', '-i', '0.01'], ['-i', '0.01']),
    (['perf', '-s', '-t', '1'], ['-t', 'client']),
    (['perf', '-s', '-n', '1M'], ['-n', 'client']),
    (['perf', '-s', '-R'], ['-R', 'client']),
    (['perf', '-s', '-P', '2'], ['-P', 'client']),
    (['perf', '-c', 'localhost', '-1'], ['-1', 'server']),
    (['perf', '-c', 'localhost', '-B', '127.0.0.1'], ['-B', 'server']),
    (['perf', '-c', 'localhost', '-p', '0'], ['port']),
    (['perf', '-c', 'localhost', '-t', '0'], ['-t']),
    (['perf', '-c', 'localhost', '-t', 'inf'], ['-t', 'inf']),
    (['perf', '-c', 'localhost', '-t', '-5'], ['-t', '-5']),
    (['perf', '-c', 'localhost', '-n', '0'], ['-n']),
    (['perf', '-c', 'localhost', '-n', '5X'], ['-n', '5X']),
    (['perf', '-c', 'localhost', '-n', '1M', '-t', '1'], ['-t', '-n']),
    (['perf', '-c', 'localhost', '-P', '0'], ['-P']),
    (['perf', '-c', 'localhost', '-P', '100000'], ['-P']),
    (['perf', '-s', '--threads', '0'], ['--threads', "'0'"]),
    (['perf', '-s', '--threads', '65'], ['--threads', '65']),
    (['perf', '-s', '--threads', 'x'], ['--threads', "'x'"]),
    (['perf', '-c', 'localhost', '--threads', '2'], ['--threads', '-P 1']),
    (['perf', '-c', 'localhost', '-P', '4', '--threads', '5'], ['--threads', '5', '-P 4']),
    (['perf', '-c', 'localhost', '-R', '--bidir'], ['-R', '--bidir']),
    (['perf', '-c', 'localhost', '--two-threads'], ['--two-threads', '--bidir']),
    (['perf', '-c', 'localhost', '-R', '--two-threads'], ['--two-threads', '--bidir']),
    (['perf', '-c', 'localhost', '--key-update', 'x'], ['--key-update']),
    (['perf', '-c', 'localhost', '--ca', 'x', '--insecure'], ['--ca', '--insecure']),
    (['serve'], ['directory']),
    (['serve', '/tmp', '/tmp'], ['unexpected', '/tmp']),
    (['serve', '--echo', '/tmp'], ['unexpected', '/tmp']),
    (['serve', '--bogus', '/tmp'], ['--bogus']),
    (['serve', '-z', '/tmp'], ["'-z'"]),
    (['serve', '-p', 'x', '/tmp'], ['-p', "'x'"]),
    (['serve', '-p', '65536', '/tmp'], ['-p', '65536']),
    (['serve', '--timeout', '0', '/tmp'], ['--timeout']),
    (['serve', '--timeout', 'x', '/tmp'], ['--timeout']),
    (['serve', '--connections', '0', '/tmp'], ['--connections']),
    (['serve', '--connections', 'x', '/tmp'], ['--connections']),
    (['serve', '--threads', '0', '/tmp'], ['--threads', "'0'"]),
    (['serve', '--threads', '65', '/tmp'], ['--threads', '65']),
    (['serve', '--threads', 'x', '/tmp'], ['--threads', "'x'"]),
    (['serve', '--ca', 'x', '/tmp'], ['--ca', 'client']),
    (['serve', '--insecure', '/tmp'], ['--insecure', 'client']),
    (['serve', '--echo=1'], ['--echo', 'no value']),
    (['backends', 'extra'], ['unexpected', 'extra']),
    (['backends', '--bogus'], ['--bogus']),
    (['backends', '--tls', 'v1.1'], ['--tls', 'v1.1']),
    (['backends', '--cipher', 'NOPE'], ['NOPE']),
    (['backends', '--cipher', 'TLS_AES_128_GCM_SHA256', '--tls', 'v1.2'],
     ['TLS_AES_128_GCM_SHA256']),
    (['backends', '--backend', 'nope'], ["'nope'", 'linux-ktls']),
    (['backends', '--backend', ','.join(['soft'] * 40)], ['too many']),
    (['backends', '--aead', 'nope'], ['nope']),
    (['backends', '--rekey', 'never'], ['--rekey', 'never']),
    (['backends', '--json=1'], ['--json', 'no value']),
]

# The same for both verbs: they share these options.
WRONG_TLS = [
    (['--tls', 'v1.1'], ['--tls', 'v1.1']),
    (['--tls', ''], ['--tls']),
    (['--tls', 'v1.4'], ['--tls', 'v1.4']),
    (['--tls-lib', 'gnutls'], ['gnutls', 'openssl', 'mbedtls']),
    (['--cipher', 'NOPE'], ['NOPE']),
    (['--cipher', 'TLS_AES_128_CCM_SHA256'], ['TLS_AES_128_CCM_SHA256']),
    (['--cipher', 'TLS_AES_128_GCM_SHA256', '--tls', 'v1.2'],
     ['TLS_AES_128_GCM_SHA256', 'TLSv1.3', 'TLSv1.2']),
    (['--backend', 'nope'], ['nope', 'soft']),
    (['--backend', ''], ['backend']),
    (['--backend', 'soft,'], ['backend']),
    (['--aead', 'nope'], ['nope', 'ipsec-mb', 'portable']),
    (['--rekey', 'x'], ['--rekey', 'strict']),
    (['--record-size', '0'], ['--record-size']),
    (['--record-size', '16385'], ['--record-size', '16385']),
    (['--record-size', 'x'], ['--record-size']),
    (['--cert', 'x'], ['--cert', '--key']),
    (['--key', 'x'], ['--cert', '--key']),
]


def wrong(world, arguments, words):
    done = weir(world, *arguments)
    if words is None:
        equal(done.status, 2, f'status of {done}')
        expect('perf' in done.err and 'serve' in done.err and not done.out,
               f'no commands in {done}')
        return
    one_line(done, 2, *words)
    equal(done.out, '', 'stdout')


def told(world, arguments, *words):
    done = weir(world, *arguments)
    equal(done.status, 0, f'status of {done}')
    equal(done.err, '', 'stderr')
    for word in words:
        expect(word in done.out, f'{word!r} is not in {done}')
    expect(all(len(line) <= 100 for line in done.out.splitlines()), 'a line is too long')


def fails(world, arguments, *words):
    one_line(weir(world, *arguments), 1, *words)


def files(world):
    """(name, arguments, words): files that are not what they should be; status 1."""
    cert, key = world.cert['ecdsa']
    _, other = world.cert['other']
    rubbish = world.folder / 'rubbish.pem'
    rubbish.write_text('this is no certificate\n')
    empty = world.folder / 'empty.pem'
    empty.write_text('')
    half = world.folder / 'half.pem'
    text = open(cert, encoding='ascii').read()
    half.write_text(text[:len(text) // 2])
    plain = world.folder / 'plain'
    plain.write_text('x')
    missing = world.folder / 'missing'
    yield 'a missing directory', ['serve', missing], [str(missing), 'No such file']
    yield 'a file as directory', ['serve', plain], [str(plain), 'Not a directory']
    for verb in (['serve', '-p', '0', world.folder], ['perf', '-s', '-p', '0']):
        for library in world.libraries:
            use = [*verb, '--tls-lib', library]
            name = f'weir {verb[0]} with {library}, '
            yield name + 'a missing certificate', [*use, '--cert', missing, '--key', key], \
                [str(missing), 'No such file']
            yield name + 'a missing key', [*use, '--cert', cert, '--key', missing], \
                [str(missing), 'No such file']
            for what, bad in (('rubbish', rubbish), ('nothing', empty), ('half of one', half),
                              ('a directory', world.folder), ('a key', key)):
                yield name + f'{what} as certificate', [*use, '--cert', bad, '--key', key], \
                    ['certificate', str(bad)]
            for what, bad in (('rubbish', rubbish), ('nothing', empty), ('a certificate', cert)):
                yield name + f'{what} as key', [*use, '--cert', cert, '--key', bad], \
                    ['key', str(bad)]
            yield name + 'the key of another certificate', \
                [*use, '--cert', cert, '--key', other], ['key', other]
    for library in world.libraries:
        use = ['perf', '-c', 'localhost', '--tls-lib', library]
        for what, bad in (('a missing CA file', missing), ('rubbish as CA file', rubbish),
                          ('an empty CA file', empty)):
            yield f'weir perf -c with {library}, {what}', [*use, '--ca', bad], ['CA', str(bad)]


def unreadable(world):
    """What one may not read. The superuser may, so somebody else has to try."""
    locked = world.folder / 'locked.pem'
    locked.write_text('x')
    locked.chmod(0)
    options = {}
    if os.geteuid() == 0:
        nobody = 65534
        options = {'preexec_fn': lambda: (os.setgid(nobody), os.setuid(nobody))}
        try:
            weir(world, '--version', **options)
        except OSError as error:
            raise Skip(f'the build directory is closed to others: {error}')
    done = weir(world, 'serve', '-p', '0', '--cert', locked, '--key', locked, world.folder / 'site',
                **options)
    one_line(done, 1, str(locked), 'Permission denied')


def port_in_use(world, verb):
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = taken.getsockname()[1]
        fails(world, [*verb, '-B', '127.0.0.1', '-p', port], str(port), 'in use')


def versions(world):
    if not world.build['mbedtls']:
        raise Skip('this build has no mbedTLS')
    if world.build['mbedtls13']:
        raise Skip('this mbedTLS has TLS 1.3')
    for verb in (['serve', world.folder], ['perf', '-s'], ['perf', '-c', 'localhost']):
        fails(world, [*verb, '--tls-lib', 'mbedtls', '--tls', 'v1.3'], 'TLSv1.3', 'mbed')
        fails(world, [*verb, '--tls-lib', 'mbedtls', '--cipher', 'TLS_AES_128_GCM_SHA256'],
              'TLSv1.3', 'mbed')


def library_by_version(world):
    """Without --tls-lib a library is taken that has the version asked for."""
    if not world.build['openssl']:
        raise Skip('this build has no OpenSSL')
    for options in (['--tls', 'v1.3'], ['--cipher', 'TLS_AES_128_GCM_SHA256']):
        with Server(world, 'perf', '-s', '-p', '0', *options) as server:
            server.wait_for('clients want --insecure\n')
            done = weir(world, 'perf', '-c', '127.0.0.1', '-p', server.port, '-n', '1K',
                        '--insecure', *options)
            equal(done.status, 0, f'status of {done}')
            expect('TLSv1.3' in done.out, f'not TLS 1.3: {done}')
    with Server(world, 'perf', '-s', '-p', '0', '--tls', 'v1.2') as server:
        first = {'mbedtls': 'mbed TLS', 'openssl': 'OpenSSL'}[world.libraries[0]]
        expect(first in server.text['out'], f'{first} is not in {server.text}')


def options_in_help(world):
    """Every option that a help text names is taken, and every one that the sources take is named."""
    named = set()
    verbs = re.findall(r'^  (\w+) ', weir(world, 'help').out, re.MULTILINE)
    expect({'perf', 'serve', 'stats'} <= set(verbs), f'commands: {verbs}')
    for verb in verbs:
        if verb == 'help':
            continue
        text = weir(world, 'help', verb).out
        expect('\nExit status: ' in text, f'weir help {verb} does not tell the exit status')
        options = set(re.findall(r'--([a-z][a-z-]*)', text))
        expect(options, f'weir help {verb} names no option')
        named |= options
        for option in options:
            # With an empty value and a wrong option behind it, so that nothing begins.
            done = weir(world, verb, f'--{option}=', '--no-such-option')
            equal(done.status, 2, f'status of {done}')
            expect(f"unknown option '--{option}" not in done.err, f'of weir help {verb}: {done}')
    taken = set()
    for path in (Path(__file__).resolve().parents[2] / 'tools').glob('*.[ch]'):
        taken.update(re.findall(r'"([a-z-]+)", (?:no|required)_argument',
                                path.read_text(encoding='utf-8')))
    equal(sorted(taken - named - {'help'}), [], 'options in no help text')
    for absent in ('--ca ', '--insecure'):
        expect(absent not in weir(world, 'serve', '--help').out, f'weir serve --help has {absent}')


def commands_in_documents(world):
    """Every option in a command line of the documents is in the help text of that command."""
    root = Path(__file__).resolve().parents[2]
    lines = []
    for page in [root / 'README.md', *(root / 'docs').glob('*.md'), *(root / 'changes').glob('*.md')]:
        text = page.read_text(encoding='utf-8')
        lines += re.findall(r'^ {4}weir (.*)$', text, re.MULTILINE)
        lines += re.findall(r'`weir ([^`]*)`', text)
    expect(len(lines) > 20, f'only {len(lines)} command lines')
    for line in lines:
        # What it does stands behind two blanks or more, or behind a sign of the shell.
        verb, *words = re.split(r' {2,}| [>|;]', line)[0].split()
        if verb in ('help', '--version'):
            continue
        text = weir(world, 'help', verb).out
        expect(text, f'weir {line}: no such command')
        for word in words:
            if word.startswith('-'):
                expect(re.search(rf'(?<!\S){word.partition("=")[0]}(?![\w-])', text),
                       f'weir {line}: {word} is not in the help text')


def not_built(world):
    """A library that is known, but not part of this build."""
    absent = [name for name in ('openssl', 'mbedtls') if not world.build[name]]
    providers = [name for name in ('ipsec-mb', 'portable') if not world.build[name]]
    if not absent + providers:
        raise Skip('this build has both TLS libraries and the other providers')
    for name in absent:
        fails(world, ['perf', '-s', '--tls-lib', name], name, 'not_built')
        fails(world, ['perf', '-s', '--aead', name], name, 'not_built')
    for name in providers:
        fails(world, ['perf', '-s', '--aead', name], name, 'not_built')


def default_version(world):
    """Without --tls the server speaks the highest version that its library has."""
    for library in world.libraries:
        with Server(world, 'perf', '-s', '-p', '0', '--tls-lib', library) as server:
            wanted = {'v1.2': 'TLSv1.2', 'v1.3': 'TLSv1.3'}[world.versions(library)[-1]]
            expect(wanted in server.text['out'], f'{wanted} is not in {server.text}')


def refused_backends(world):
    """Names that cannot be used give their reason; with nothing left to use, it ends there."""
    fails(world, ['perf', '-s', '--backend', 'mlx5-kmod'], 'mlx5-kmod', 'not_this_os')
    with serve(world, '--backend', 'mlx5-kmod,soft') as server:
        with Tls(server.port) as client:
            client.handshake().send(b'GET / HTTP/1.0\r\n\r\n')
            expect(client.read_all().startswith(b'HTTP/1.1 200'), 'no answer')
        server.wait_for(r'Both directions by soft with [\w-]+; not by mlx5-kmod: [^\n]*not_this_os')
        server.stop()


def dry_run(world):
    """weir backends says for each suite what a connection then comes to."""
    suites = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256']
    done = weir(world, 'backends')
    equal((done.status, done.err), (0, ''), f'status and stderr of {done}')
    for word in ('both directions by soft with', 'not by mlx5-kmod: ', 'not by linux-ktls: ', *suites):
        expect(word in done.out, f'{word!r} is not in {done}')
    told(world, ['help', 'backends'], '--backend', '--json', 'WEIR_BACKEND', 'Exit status')
    told(world, ['backends', '--help'], '--backend')
    done = weir(world, 'backends', '--json', '--tls', 'v1.3')
    tried = json.loads(done.out)
    equal([one['cipher'] for one in tried], suites, 'suites')
    for one in tried:
        for direction in ('sending', 'receiving'):
            refused = one[direction]['refused']
            equal([why['name'] for why in refused if not why['name'].startswith('soft')],
                  ['mlx5-kmod', 'linux-ktls'], 'refused')
            equal(set(refused[0]), {'name', 'code', 'text', 'layer', 'os_error', 'detail',
                                    'transient'}, 'what a refusal tells')
            equal(refused[0]['code'], 'not_this_os', 'code')
            equal((one[direction]['backend'], one[direction]['carrier']), ('soft', 'software'),
                  'carrier')
    suite = ['--json', '--cipher', suites[0], '--backend']
    alone = json.loads(weir(world, 'backends', *suite, 'soft').out)
    equal([why for why in alone[0]['sending']['refused'] if why['name'] == 'linux-ktls'], [],
          'refused, of soft alone')
    fails(world, ['backends', '--backend', 'linux-ktls'], 'no backend can be used', 'linux-ktls')
    fails(world, ['backends', '--backend', 'mlx5-kmod,linux-ktls'], 'mlx5-kmod', 'linux-ktls')


def chosen_by_environment(world):
    """WEIR_BACKEND holds where no option says otherwise."""
    brief = ['backends', '--json', '--cipher', 'TLS_AES_128_GCM_SHA256']

    def run_with(value, *arguments):
        os.environ['WEIR_BACKEND'] = value
        try:
            return weir(world, *arguments)
        finally:
            del os.environ['WEIR_BACKEND']

    def names(value, *options):
        done = run_with(value, *brief, *options)
        equal(done.status, 0, f'status of {done}')
        return [why['name'] for why in json.loads(done.out)[0]['sending']['refused']
                if not why['name'].startswith('soft')]

    equal(names('soft'), [], 'soft')
    equal(names('mlx5-kmod,soft'), ['mlx5-kmod'], 'mlx5-kmod,soft')
    equal(names(''), ['mlx5-kmod', 'linux-ktls'], 'empty')
    equal(names('mlx5-kmod', '--backend', 'soft'), [], 'the option first')
    one_line(run_with('nope', 'backends'), 2, "'nope'", 'WEIR_BACKEND')
    one_line(run_with('mlx5-kmod', 'perf', '-s'), 1, 'mlx5-kmod', 'not_this_os')


def run(cases, world):
    cases.run('--version', told, world, ['--version'], 'weir ' + world.build['version'])
    cases.run('help', told, world, ['help'], 'perf', 'serve', '--version')
    cases.run('--help', told, world, ['--help'], 'perf', 'serve')
    shared = ['--tls ', '--tls-lib', '--cipher', '--backend', '--aead', '--rekey', '--cert',
              '--key']
    perf = ['--port', '--time', '--bytes', '--interval', '--parallel', '--reverse', '--one-off',
            '--json', '--record-size', *shared]
    site = ['DIR', '--port', '--bind', '--echo', '--verbose', *shared]
    cases.run('help perf', told, world, ['help', 'perf'], *perf)
    cases.run('help serve', told, world, ['help', 'serve'], *site)
    cases.run('perf --help', told, world, ['perf', '--help'], *perf)
    cases.run('serve -h', told, world, ['serve', '-h'], *site)
    for arguments, words in WRONG:
        cases.run('weir ' + ' '.join(arguments), wrong, world, arguments, words)
    for arguments, words in WRONG_TLS:
        for verb in (['perf', '-s'], ['serve', '/tmp']):
            cases.run(f'weir {" ".join(verb + arguments)}', wrong, world, [*verb, *arguments],
                      words)
    for name, arguments, words in files(world):
        cases.run(name, fails, world, arguments, *words)
    cases.run('an unreadable file', unreadable, world)
    cases.run('serve on a port in use', port_in_use, world, ['serve', world.folder])
    cases.run('perf on a port in use', port_in_use, world, ['perf', '-s'])
    cases.run('an address of another machine', fails, world,
              ['serve', '-p', '0', '-B', '192.0.2.1', world.folder], '192.0.2.1', 'cannot listen')
    cases.run('an address that is none', fails, world,
              ['serve', '-p', '0', '-B', '1.2.3.4.5', world.folder], '1.2.3.4.5')
    cases.run('mbedTLS without TLS 1.3', versions, world)
    cases.run('a TLS library that has the version', library_by_version, world)
    cases.run('options in help texts', options_in_help, world)
    cases.run('command lines in documents', commands_in_documents, world)
    cases.run('a TLS library that is not built', not_built, world)
    cases.run('the default version', default_version, world)
    cases.run('backends that are refused', refused_backends, world)
    cases.run('a dry run of backends', dry_run, world)
    cases.run('backends by WEIR_BACKEND', chosen_by_environment, world)
