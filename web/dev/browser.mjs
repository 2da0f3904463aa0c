// Debian's Chromium for tests and pictures.
import puppeteer from 'puppeteer-core';

export function launch(extra = []) {
  return puppeteer.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--use-fake-ui-for-media-stream',
      '--use-fake-device-for-media-stream=fps=10', '--autoplay-policy=no-user-gesture-required',
      '--disable-background-networking', '--disable-component-update', ...extra],
  });
}
