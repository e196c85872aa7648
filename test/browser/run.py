# SPDX-License-Identifier: BSD-2-Clause
"""Suite browser: a headless Chromium looks at pages of `weir serve`.

    run.py WEIR BUILD FOLDER

WEIR: the command; BUILD: what it is built with, as JSON; FOLDER: where the screenshots stay.
"""

import base64
import hashlib
import random
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'cli'))

import devtools
import png
from harness import Cases, World, equal, expect, serve

BIG = 50_000_000
COLOURS = {(0, 0): (220, 30, 40), (1, 0): (20, 160, 60), (0, 1): (30, 60, 200),
           (1, 1): (250, 200, 10)}
SIDE = 160

PAGE = '''<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>weir</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="style.css">
<h1>Over weir</h1>
<img id="picture" src="picture.png" alt="four colours" width="%(side)d" height="%(side)d">
<p id="tls"></p>
<p id="state">fetching …</p>
<p>%(big)d bytes, SHA-256</p>
<p id="digest"></p>
<script src="fetch.js"></script>
</html>
'''

STYLE = '''body { font: 18px sans-serif; margin: 30px; background: rgb(240, 244, 248) }
#digest { font-family: monospace; font-size: 14px }
.good { color: rgb(0, 110, 30) }
'''

SCRIPT = '''async function load() {
    const state = document.getElementById('state');
    try {
        const answer = await fetch('big.bin');
        const bytes = await answer.arrayBuffer();
        const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
        const hex = Array.from(digest, byte => byte.toString(16).padStart(2, '0')).join('');
        document.getElementById('digest').textContent = hex;
        state.textContent = `fetched ${bytes.byteLength} bytes, status ${answer.status}`;
        state.className = 'good';
    } catch (error) {
        state.textContent = `failed: ${error}`;
    }
}
load();
'''


def make_site(world):
    site = world.folder / 'site'
    (site / 'list').mkdir(parents=True)
    (site / 'index.html').write_text(PAGE % {'side': SIDE, 'big': BIG})
    (site / 'style.css').write_text(STYLE)
    (site / 'fetch.js').write_text(SCRIPT)
    half = SIDE // 2
    (site / 'picture.png').write_bytes(
        png.write(SIDE, SIDE, lambda x, y: COLOURS[x // half, y // half]))
    data = random.Random(2).randbytes(BIG)
    (site / 'big.bin').write_bytes(data)
    (site / 'list' / 'a & <b>.txt').write_text('odd, but there')
    return hashlib.sha256(data).hexdigest()


def spki(cert):
    """The hash of a certificate's key, as Chromium wants it."""
    key = subprocess.run(['openssl', 'x509', '-in', cert, '-noout', '-pubkey'], check=True,
                         capture_output=True).stdout
    der = subprocess.run(['openssl', 'pkey', '-pubin', '-outform', 'DER'], check=True, input=key,
                         capture_output=True).stdout
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


def check_picture(browser, shot):
    """The four colours are on the screen, where the page says that the picture is."""
    width, height, rows = png.read(shot)
    expect(width >= 800 and height >= 500, f'a screenshot of {width} by {height}')
    place = browser.evaluate('(r => [r.x, r.y, r.width, r.height])'
                             '(document.getElementById("picture").getBoundingClientRect())')
    equal(place[2:], [SIDE, SIDE], 'size of the picture')
    for (column, row), colour in COLOURS.items():
        x = int(place[0] + SIDE * (0.25 + 0.5 * column))
        y = int(place[1] + SIDE * (0.25 + 0.5 * row))
        seen = rows[y][x]
        expect(all(abs(a - b) <= 2 for a, b in zip(seen, colour)),
               f'{seen} instead of {colour} at {x}, {y}')
    found = sum(pixel in COLOURS.values() for line in rows for pixel in line)
    expect(found >= SIDE * SIDE * 0.95, f'only {found} pixels of the picture')


def page(world, browser, digest, folder, library, version, kind):
    cert, key = world.cert[kind]
    with serve(world, '-v', '--tls-lib', library, '--tls', version, '--cert', cert, '--key',
               key) as server:
        browser.navigate(f'https://localhost:{server.port}/')
        equal(browser.evaluate('document.title'), 'weir', 'title')
        browser.wait_for('!document.getElementById("state").textContent.startsWith("fetching")')
        text = browser.evaluate('document.body.innerText')
        expect(f'fetched {BIG} bytes, status 200' in text, f'the page says {text!r}')
        equal(browser.evaluate('document.getElementById("digest").textContent'), digest,
              'SHA-256 in the page')
        equal(browser.evaluate('document.getElementById("picture").naturalWidth'), SIDE,
              'width of the picture')
        answers = browser.seen('Network.responseReceived')
        names = {answer['response']['url'].rsplit('/', 1)[1]: answer['response']
                 for answer in answers if answer['response']['url'].startswith('https')}
        equal(sorted(names), ['', 'big.bin', 'fetch.js', 'picture.png', 'style.css'], 'answers')
        tls = {'v1.2': 'TLS 1.2', 'v1.3': 'TLS 1.3'}[version]
        for name, answer in names.items():
            equal(answer['status'], 200, f'status of {name!r}')
            equal(answer['protocol'], 'http/1.1', f'protocol of {name!r}')
            equal(answer['securityDetails']['protocol'], tls, f'TLS of {name!r}')
        cipher = names['']['securityDetails']['cipher']
        browser.evaluate(f'document.getElementById("tls").textContent = "{library}, {kind}: '
                         f'{tls}, {cipher}"; document.getElementById("picture").decode()')
        shot = browser.screenshot(folder / f'{library}-{version}-{kind}.png')
        check_picture(browser, shot)
        server.wait_for(rf'"GET /big\.bin HTTP/1\.1" 200 {BIG}\n')
        server.stop()


def again(world, browser, library):
    """A reload asks whether something has changed; what has not is not sent again."""
    cert, key = world.cert['ecdsa']
    site = world.folder / 'site'
    with serve(world, '-v', '--tls-lib', library, '--cert', cert, '--key', key) as server:
        browser.navigate(f'https://localhost:{server.port}/')
        browser.wait_for('document.getElementById("state").className === "good"')
        (site / 'style.css').write_text(STYLE.replace('240, 244, 248', '1, 2, 3'))
        browser.reload()
        browser.wait_for('document.getElementById("state").className === "good"')
        equal(browser.evaluate('getComputedStyle(document.body).backgroundColor'), 'rgb(1, 2, 3)',
              'colour after a change')
        (site / 'style.css').write_text(STYLE)
        server.wait_for(r'"GET /picture\.png HTTP/1\.1" 304 0\n')
        equal(len(re.findall(r'/style\.css HTTP/1\.1" 200', server.text['out'])), 2,
              'times that the style was sent')
        server.stop()


def listing(world, browser, library, folder):
    cert, key = world.cert['ecdsa']
    with serve(world, '--tls-lib', library, '--cert', cert, '--key', key) as server:
        browser.navigate(f'https://localhost:{server.port}/list')
        equal(browser.evaluate('location.pathname'), '/list/', 'address after the redirection')
        browser.screenshot(folder / f'{library}-list.png')
        equal(browser.evaluate('[...document.querySelectorAll("a")].map(a => a.textContent)'),
              ['../', 'a & <b>.txt'], 'names')
        href = browser.evaluate('document.querySelectorAll("a")[1].href')
        browser.navigate(href)
        equal(browser.evaluate('document.body.innerText'), 'odd, but there', 'content')
        browser.navigate('about:blank')
        equal(server.stop().err, '', 'stderr')


def stranger(world, browser, library):
    """A certificate that the browser was not told of is not taken, and the server says so."""
    with serve(world, '--tls-lib', library) as server:
        try:
            browser.navigate(f'https://localhost:{server.port}/')
        except devtools.BrowserError as error:
            expect('CERT' in str(error), f'another error: {error}')
            server.wait_for(r'weir serve: 127\.0\.0\.1:\d+: [^\n]+\n', 'err')
            return
        expect(False, 'the page is shown')


def run(cases, world, command, folder):
    digest = make_site(world)
    keys = [spki(world.cert[kind][0]) for kind in ('ecdsa', 'rsa')]
    with devtools.Browser(command, world.folder, keys) as browser:
        for library in world.libraries:
            for version in world.versions(library):
                for kind in ('ecdsa', 'rsa'):
                    cases.run(f'{library}, {version}, {kind}, a page with a picture and {BIG} '
                              f'bytes', page, world, browser, digest, folder, library, version,
                              kind)
            cases.run(f'{library}, a reload', again, world, browser, library)
            cases.run(f'{library}, a list', listing, world, browser, library, folder)
            cases.run(f'{library}, a strange certificate', stranger, world, browser, library)


def main():
    command = devtools.find()
    if command is None:
        print('SKIP pages in a browser: no Chromium here; scripts/deps browser installs it')
        return 0
    folder = Path(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    cases = Cases([])
    with tempfile.TemporaryDirectory(prefix='weir-browser-',
                                     ignore_cleanup_errors=True) as own:
        run(cases, World(sys.argv[1], sys.argv[2], own), command, folder)
    return 1 if cases.failed or not cases.count else 0


if __name__ == '__main__':
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
