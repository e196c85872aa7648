# SPDX-License-Identifier: BSD-2-Clause
"""A headless Chromium, driven by the DevTools protocol over a pipe."""

import base64
import json
import os
import select
import shutil
import signal
import subprocess
import time

FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
         '--disable-background-networking', '--disable-component-update', '--disable-sync',
         '--disable-default-apps', '--disable-extensions', '--disable-dev-shm-usage',
         '--no-default-browser-check', '--no-proxy-server', '--hide-scrollbars',
         '--force-color-profile=srgb', '--force-device-scale-factor=1', '--window-size=800,600',
         '--remote-debugging-pipe']


class BrowserError(Exception):
    """The browser did something else than it was told."""


def find():
    """The browser's command, or None."""
    for name in ('chromium', 'chromium-browser', 'google-chrome', 'chrome'):
        path = shutil.which(name)
        if path:
            return path
    return None


class Browser:
    """One browser with one page, in a folder of its own; `spki`: keys of servers to trust."""

    def __init__(self, command, folder, spki):
        self.to_browser, self.from_browser = os.pipe(), os.pipe()
        self.log = open(folder / 'chromium.log', 'w+', encoding='utf-8', errors='replace')
        env = dict(os.environ, HOME=str(folder), XDG_CONFIG_HOME=str(folder),
                   XDG_CACHE_HOME=str(folder), LC_ALL='C.UTF-8')
        reads, writes = self.to_browser[0], self.from_browser[1]

        def place():
            # The browser wants to read from 3 and to write to 4.
            spare = [os.dup2(fd, 200 + i) for i, fd in enumerate((reads, writes))]
            os.dup2(spare[0], 3)
            os.dup2(spare[1], 4)
            os.close(spare[0])
            os.close(spare[1])

        self.process = subprocess.Popen(
            [command, *FLAGS, f'--user-data-dir={folder / "profile"}',
             f'--ignore-certificate-errors-spki-list={",".join(spki)}', 'about:blank'],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=env,
            preexec_fn=place, close_fds=False, start_new_session=True)
        os.close(reads)
        os.close(writes)
        self.serial, self.events, self.rest = 0, [], b''
        self.session = None
        try:
            self._open_page()
        except BaseException:
            self.close()
            raise

    def _open_page(self):
        target = self.call('Target.createTarget', url='about:blank')['targetId']
        self.session = self.call('Target.attachToTarget', targetId=target,
                                 flatten=True)['sessionId']
        for domain in ('Page', 'Network', 'Runtime', 'Log'):
            self.call(f'{domain}.enable')
        self.call('Page.setLifecycleEventsEnabled', enabled=True)

    def _message(self, limit):
        """The next message of the browser."""
        while b'\0' not in self.rest:
            left = limit - time.monotonic()
            if left <= 0 or not select.select([self.from_browser[0]], [], [], left)[0]:
                raise BrowserError('the browser does not answer in time')
            data = os.read(self.from_browser[0], 1 << 20)
            if not data:
                raise BrowserError(f'the browser ended: {self.said()}')
            self.rest += data
        message, self.rest = self.rest.split(b'\0', 1)
        return json.loads(message)

    def call(self, method, seconds=120, **parameters):
        """Calls a method of the protocol; events that come meanwhile are kept."""
        self.serial += 1
        message = {'id': self.serial, 'method': method, 'params': parameters}
        if self.session:
            message['sessionId'] = self.session
        os.write(self.to_browser[1], json.dumps(message).encode() + b'\0')
        limit = time.monotonic() + seconds
        while True:
            answer = self._message(limit)
            if answer.get('id') == self.serial:
                if 'error' in answer:
                    raise BrowserError(f'{method}: {answer["error"]}')
                return answer['result']
            self.events.append(answer)

    def seen(self, method):
        """What the events of a kind told since the last navigation."""
        return [event['params'] for event in self.events if event.get('method') == method]

    def navigate(self, url, seconds=120):
        """Opens a page and waits until it has loaded."""
        self.events.clear()
        answer = self.call('Page.navigate', url=url)
        if answer.get('errorText'):
            raise BrowserError(f'{url}: {answer["errorText"]}')
        # By its own loader: the page before, about:blank at first, may still report its end.
        self._loaded(url, seconds, lambda event: event['loaderId'] == answer['loaderId'])

    def reload(self, seconds=120):
        self.events.clear()
        self.call('Page.reload')
        self._loaded('reload', seconds, lambda event: True)

    def _loaded(self, what, seconds, mine):
        limit = time.monotonic() + seconds
        while not any(event['name'] == 'load' and mine(event)
                      for event in self.seen('Page.lifecycleEvent')):
            if time.monotonic() > limit:
                raise BrowserError(f'{what} does not load')
            self.events.append(self._message(limit))

    def evaluate(self, expression, seconds=120):
        """The value of an expression in the page; a promise is waited for."""
        answer = self.call('Runtime.evaluate', seconds, expression=expression, awaitPromise=True,
                           returnByValue=True)
        if 'exceptionDetails' in answer:
            raise BrowserError(f'{expression}: {answer["exceptionDetails"]}')
        return answer['result'].get('value')

    def wait_for(self, expression, seconds=120):
        """Waits until an expression is true in the page."""
        limit = time.monotonic() + seconds
        while not self.evaluate(expression):
            if time.monotonic() > limit:
                raise BrowserError(f'{expression} does not become true; the page says '
                                   f'{self.evaluate("document.body.innerText")!r}')
            time.sleep(0.1)

    def screenshot(self, path):
        data = base64.b64decode(self.call('Page.captureScreenshot', format='png')['data'])
        path.write_bytes(data)
        return data

    def said(self):
        self.log.flush()
        self.log.seek(0)
        return self.log.read()[-2000:]

    def close(self):
        """Ends the browser with all its processes: they are a session of their own."""
        try:
            self.session = None
            self.call('Browser.close', 10)
            self.process.wait(20)
        except (BrowserError, OSError, subprocess.TimeoutExpired):
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        os.close(self.to_browser[1])
        os.close(self.from_browser[0])
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
