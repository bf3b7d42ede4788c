import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'
import { patience } from '../patience.ts'

const usualPlaces = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
]

/** Starts a Chromium that is installed on this machine and asks the network for nothing of its own. */
export async function launchChromium(): Promise<Browser> {
  const executablePath = process.env.CHROMIUM ?? usualPlaces.find(existsSync)
  if (executablePath === undefined) {
    throw new Error(
      'no Chromium or Chrome was found: install one (Debian: `apt-get install chromium`), or set CHROMIUM to its path',
    )
  }
  return chromium.launch({
    executablePath,
    headless: true,
    timeout: patience.hookTimeout,
    args: [
      '--no-sandbox', // containers run the tests as root, where Chromium refuses its sandbox; it opens our own page only
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--no-first-run',
    ],
  })
}
