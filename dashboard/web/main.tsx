import { render } from 'preact'
import * as z from 'zod/mini'
import { App } from './app.tsx'

z.config({ jitless: true }) // its compiled parsers need `new Function`, which the page's policy forbids

const root = document.querySelector('#app')
if (root === null) throw new Error('index.html has no #app')
render(<App />, root)
