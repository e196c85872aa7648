# SPDX-License-Identifier: BSD-2-Clause
"""The peers: how each of other people's programs is told what to do."""

import re
import shutil
import signal
import subprocess
import threading
from dataclasses import dataclass

from harness import Failure, Process, Stage, can_find_ports, listening_port

PSK = '00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210'
IDENTITY = 'weir'
HOST = '127.0.0.1'
NAME = 'localhost'


@dataclass(frozen=True)
class Suite:
    """A cipher suite that weir carries."""
    name: str
    number: str   # four hexadecimal digits
    version: str  # '1.2' or '1.3'
    alg: str      # 'AES-128-GCM', …

    @property
    def exchange(self):
        """Key exchange and authentication: 'ECDHE_RSA'; 'any' in TLS 1.3."""
        return 'any' if self.version == '1.3' else self.name[4:].split('_WITH_')[0]

    @property
    def certificate(self):
        """The kind of key the server's certificate is on, or None."""
        return {'ECDHE_ECDSA': 'ec', 'ECDH_ECDSA': 'ec', 'ECDH_RSA': 'ec', 'DHE_DSS': 'dsa',
                'DH_DSS': 'dsa', 'DH_anon': None, 'PSK': None, 'DHE_PSK': None,
                'ECDHE_PSK': None}.get(self.exchange, 'rsa')

    @property
    def psk(self):
        return self.exchange.endswith('PSK')


class Credentials:
    """Throw-away certificates, one for each kind of key, and a file of PSKs."""

    KINDS = {'rsa': ['-newkey', 'rsa:2048'],
             'ec': ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
             'dsa': None}

    def __init__(self, directory):
        self.directory = directory
        self.psk_file = directory / 'psk'
        self.psk_file.write_text(f'{IDENTITY}:{PSK}\n')
        for kind, how in self.KINDS.items():
            if how is None:
                self._openssl('genpkey', '-genparam', '-algorithm', 'DSA', '-pkeyopt',
                              'dsa_paramgen_bits:2048', '-out', directory / 'dsa.param')
                how = ['-newkey', f'dsa:{directory / "dsa.param"}']
            self._openssl('req', '-x509', '-nodes', *how, '-keyout', self.key(kind),
                          '-out', self.cert(kind), '-days', '2', '-subj', f'/CN={NAME}',
                          '-addext', f'subjectAltName=DNS:{NAME},IP:{HOST}')

    @staticmethod
    def _openssl(*arguments):
        done = subprocess.run(['openssl', *map(str, arguments)], capture_output=True, text=True,
                              timeout=60, check=False)
        if done.returncode != 0:
            raise Failure(f'openssl {arguments[0]}: {done.stderr.strip()[-200:]}')

    def cert(self, kind):
        return self.directory / f'{kind}.crt'

    def key(self, kind):
        return self.directory / f'{kind}.key'


def openssl_suites():
    """number -> OpenSSL's name of the suites that this OpenSSL has."""
    text = subprocess.run(['openssl', 'ciphers', '-V', 'ALL:COMPLEMENTOFALL:@SECLEVEL=0'],
                          capture_output=True, text=True, check=True).stdout
    found = {}
    for line in text.splitlines():
        fields = line.split()
        number = ''.join(part[2:] for part in fields[0].split(',')).lower()
        found[number] = fields[2]
    return found


def gnutls_suites():
    """Numbers of the suites that this GnuTLS has."""
    text = subprocess.run(['gnutls-cli', '--list'], capture_output=True, text=True,
                          check=True).stdout
    return {(a + b).lower() for a, b in
            re.findall(r'^TLS_\S+\s+0x(\w\w), 0x(\w\w)\s+TLS', text, re.MULTILINE)}


class Tool:
    """A peer. `server`: its own role."""
    name = ''
    program = ''
    server = False

    def __init__(self, credentials):
        self.credentials = credentials
        self.missing = None if shutil.which(self.program) else f'{self.program} is not installed'
        self.suites = {} if self.missing else self._suites()

    def _suites(self):
        raise NotImplementedError

    def version(self):
        raise NotImplementedError

    def cannot(self, suite):
        """Why it cannot speak a suite, or None."""
        if self.missing:
            return self.missing
        if self.server and not can_find_ports():
            return 'its port is looked up in /proc/net/tcp, which this system has not'
        if suite.number not in self.suites:
            return f'{self.version()} has no {suite.name}'
        return None

    def start(self, stage, suite, extra=(), port=None, keep=False, cwd=None):
        """Starts it; a server is listening when this returns."""
        process = stage.add(Process(self.command(suite, port) + list(extra), self.environment(),
                                    keep=keep, name=self.name, cwd=cwd))
        if self.server:
            process.port = listening_port(process)
        return process

    def environment(self):
        return {}

    def command(self, suite, port):
        raise NotImplementedError


class OpenSSLTool(Tool):
    program = 'openssl'

    def _suites(self):
        return openssl_suites()

    def version(self):
        return ' '.join(subprocess.run(['openssl', 'version'], capture_output=True, text=True,
                                       check=True).stdout.split()[:2])

    def options(self, suite):
        if suite.version == '1.3':
            words = ['-tls1_3', '-ciphersuites', self.suites[suite.number]]
        else:
            words = ['-tls1_2', '-cipher', f'{self.suites[suite.number]}:@SECLEVEL=0']
        if suite.psk:
            words += ['-psk', PSK, '-psk_identity', IDENTITY]
        return words


class SClient(OpenSSLTool):
    name = 's_client'

    def command(self, suite, port):
        words = ['openssl', 's_client', '-connect', f'{HOST}:{port}', '-servername', NAME,
                 *self.options(suite)]
        if suite.certificate:
            words += ['-CAfile', self.credentials.cert(suite.certificate),
                      '-verify_return_error', '-verify_hostname', NAME]
        return words


class SServer(OpenSSLTool):
    name = 's_server'
    server = True

    def command(self, suite, port):
        words = ['openssl', 's_server', '-accept', f'{HOST}:0', *self.options(suite)]
        if suite.certificate:
            words += ['-cert', self.credentials.cert(suite.certificate),
                      '-key', self.credentials.key(suite.certificate)]
        else:
            words += ['-nocert']
        return words


class GnuTLSTool(Tool):
    def _suites(self):
        return gnutls_suites()

    def version(self):
        text = subprocess.run([self.program, '--version'], capture_output=True, text=True,
                              check=True).stdout
        return f'GnuTLS {text.split()[1]}'

    def priority(self, suite):
        cipher = suite.alg if 'CHACHA' not in suite.alg.upper() else 'CHACHA20-POLY1305'
        if suite.version == '1.3':
            return f'NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+{cipher}'
        exchange = {'DH_anon': 'ANON-DH'}.get(suite.exchange, suite.exchange.replace('_', '-'))
        return (f'NONE:+VERS-TLS1.2:+{cipher}:+AEAD:+{exchange}:+SIGN-ALL:+SIGN-DSA-SHA1:'
                '+COMP-NULL:+GROUP-ALL:+CTYPE-ALL')


class GnuTLSCli(GnuTLSTool):
    name = 'gnutls-cli'
    program = 'gnutls-cli'

    def __init__(self, credentials, preload):
        super().__init__(credentials)
        self.preload = preload
        self._crashes, self._lock = {}, threading.Lock()

    def cannot(self, suite):
        return super().cannot(suite) or self._crash(suite)

    def _crash(self, suite):
        """3.7.9 dies of a null pointer when it prints who it is, after a handshake with an
        ephemeral key and a PSK. So that this cannot be weir's doing, it is tried with s_server."""
        if suite.exchange not in ('DHE_PSK', 'ECDHE_PSK'):
            return None
        with self._lock:
            if suite.exchange not in self._crashes:
                self._crashes[suite.exchange] = self._probe(suite)
            return self._crashes[suite.exchange]

    def _probe(self, suite):
        with Stage(self.credentials.directory) as stage:
            server = SServer(self.credentials).start(stage, suite, ['-quiet'])
            client = self.start(stage, suite, port=server.port)
            client.close_stdin()
            status = client.wait()
        if status == -signal.SIGSEGV:
            return (f'{self.version()}: gnutls-cli dies of SIGSEGV after a handshake with '
                    f'{suite.exchange}, with s_server, too')
        return None

    def environment(self):
        return {'LD_PRELOAD': str(self.preload)} if self.preload else {}

    def command(self, suite, port):
        words = ['gnutls-cli', '--priority', self.priority(suite), '-p', str(port)]
        if suite.certificate:
            words += ['--x509cafile', self.credentials.cert(suite.certificate),
                      '--sni-hostname', NAME, '--verify-hostname', NAME]
        if suite.psk:
            words += ['--pskusername', IDENTITY, '--pskkey', PSK]
        return [*words, HOST]


class GnuTLSServ(GnuTLSTool):
    name = 'gnutls-serv'
    program = 'gnutls-serv'
    server = True

    def command(self, suite, port):
        words = ['gnutls-serv', '-p', '0', '--disable-client-cert',
                 '--priority', self.priority(suite)]
        if suite.certificate:
            words += ['--x509certfile', self.credentials.cert(suite.certificate),
                      '--x509keyfile', self.credentials.key(suite.certificate)]
        if suite.psk:
            words += ['--pskpasswd', self.credentials.psk_file]
        return words


class NssClient(Tool):
    """nss_client.c, or nothing where there is no NSS."""
    name = 'nss-client'

    def __init__(self, credentials, program):
        self.program = program or 'NSS'
        super().__init__(credentials)

    def _suites(self):
        text = subprocess.run([self.program, '--list'], capture_output=True, text=True, check=True,
                              timeout=60).stdout
        return set(text.split())

    def version(self):
        return 'NSS'

    def command(self, suite, port):
        return [self.program, '--suite', suite.number, str(port)]


class Curl(Tool):
    name = 'curl'
    program = 'curl'

    def _suites(self):
        # Debian's curl is on OpenSSL.
        return openssl_suites()

    def version(self):
        text = subprocess.run(['curl', '--version'], capture_output=True, text=True,
                              check=True).stdout
        return f'curl {text.split()[1]}'

    def command(self, suite, port):
        words = ['curl', '--silent', '--show-error', '--http1.1', '--noproxy', '*',
                 '--cacert', self.credentials.cert(suite.certificate),
                 '--resolve', f'{NAME}:{port}:{HOST}', '--max-time', '60']
        if suite.version == '1.3':
            words += ['--tlsv1.3', '--tls13-ciphers', self.suites[suite.number]]
        else:
            words += ['--tlsv1.2', '--tls-max', '1.2', '--ciphers', self.suites[suite.number]]
        return [*words, f'https://{NAME}:{port}/data']
